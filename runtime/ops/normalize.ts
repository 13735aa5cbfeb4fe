/** Vectors of unit length, and normalisation over neighbouring channels or by the root of the mean square. */
import { RuntimeError, ValueError } from "../errors.js";
import { numel } from "../graph/value.js";
import { float32, type DType } from "../tensor/dtype.js";
import { sameShape } from "./apply.js";
import { avgPool2d } from "./average-pool.js";
import { castTo } from "./convert.js";
import { wrapDims } from "./dims.js";
import { clampMin } from "./extrema.js";
import { page } from "./family.js";
import { titled } from "./inplace.js";
import { constantPad } from "./pad.js";
import { pow } from "./pointwise.js";
import { op } from "./record.js";
import { meanDims } from "./reduce.js";
import { vectorNorm } from "./vector-norm.js";

const text = (list: readonly number[]): string => `[${list.join(", ")}]`;

export const normalize = op({
  signature:
    "normalize(Tensor input, float p=2.0, int[] dim=1, float eps=1e-12, *, Tensor? out=None) -> Tensor",
  on: ["F"],
  doc: `input / max(‖input‖ₚ, eps) along \`dim\`.\n\n${page("nn.functional.normalize")}`,
  call: (input, p, dim, eps) => {
    if (!input.dtype.isFloatingPoint) {
      throw new RuntimeError(
        `norm(): input dtype should be either floating point or complex. Got ${titled(input)} instead.`,
      );
    }
    return input.div(clampMin(vectorNorm(input, p, wrapDims(dim, input.ndim), true), eps));
  },
});

export const localResponseNorm = op({
  signature:
    "local_response_norm(Tensor input, int size, float alpha=0.0001, float beta=0.75, float k=1.0) -> Tensor",
  on: ["F"],
  doc: `input / (k + alpha · mean of the squares of \`size\` neighbouring channels)^beta for \`[N, C, …]\`.\n\n${page("nn.functional.local_response_norm")}`,
  call: (input, size, alpha, beta, k) => {
    if (input.ndim < 3) {
      throw new ValueError(
        `Expected 3D or higher dimensionality input (got ${String(input.ndim)} dimensions: ${text(input._shape)})`,
      );
    }
    if (input.numel() === 0) return input;
    const [n, c, ...rest] = input._shape as [number, number, ...number[]];
    const squares = input.mul(input).reshape(n, 1, c, numel(rest));
    const around = constantPad(squares, [0, 0, Math.floor(size / 2), Math.floor((size - 1) / 2)], 0);
    const mean = avgPool2d(around, [size, 1], { stride: 1 }).reshape(...input._shape);
    return input.div(pow(mean.mul(alpha).add(k), beta));
  },
});

/** The distance from 1 to the next number. */
const epsilons: Readonly<Record<string, number>> = {
  float64: 2 ** -52,
  float32: 2 ** -23,
  float16: 2 ** -10,
  bfloat16: 2 ** -7,
};
const epsilonOf = (dtype: DType): number => epsilons[dtype.name]!;

export const rmsNorm = op({
  signature: "rms_norm(Tensor input, int[] normalized_shape, Tensor? weight=None, float? eps=None) -> Tensor",
  on: ["torch", "F"],
  doc: `input / √(mean of the squares + eps) · weight over the last axes, \`normalizedShape\`; \`eps\` is the dtype's own unless given.\n\n${page("nn.functional.rms_norm")}`,
  call: (input, shape, weight, eps) => {
    if (shape.length < 1) {
      throw new RuntimeError(
        `Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one element, but got normalized_shape = ${text(shape)}`,
      );
    }
    if (weight && !sameShape(weight._shape, shape)) {
      throw new RuntimeError(
        `Expected weight to be of same shape as normalized_shape, but got weight of shape ${text(weight._shape)} and normalized_shape = ${text(shape)}`,
      );
    }
    if (input.ndim < shape.length || !sameShape(input._shape.slice(input.ndim - shape.length), shape)) {
      throw new RuntimeError(
        `Given normalized_shape=${text(shape)}, expected input with shape [*, ${shape.join(", ")}], but got input of size${text(input._shape)}`,
      );
    }
    if (!input.dtype.isFloatingPoint) {
      throw new RuntimeError(`rms_norm: expected a floating input, got ${String(input.dtype)}`);
    }
    const x = input.dtype.itemsize === 2 ? castTo(input, float32) : input;
    const dims = shape.map((_, i) => input.ndim - shape.length + i);
    const rms = meanDims(x.mul(x), dims, true)
      .add(eps ?? epsilonOf(input.dtype))
      .rsqrt();
    const scaled = x.mul(rms);
    return castTo(weight ? scaled.mul(weight) : scaled, input.dtype);
  },
});
