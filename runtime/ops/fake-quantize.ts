/** Rounding to what integers can stand for, with gradients that pass straight through. */
import { RuntimeError } from "../errors.js";
import type { Attrs } from "../graph/value.js";
import { float32, int32 } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { apply } from "./apply.js";
import { broadcastInfer, page } from "./family.js";
import { num, requireFloat } from "./elementwise.js";
import { constant } from "./promote.js";
import { op, primitive } from "./record.js";

interface Range extends Attrs {
  readonly quantMin: number;
  readonly quantMax: number;
}

/** z + round(x / s), halves to even; PyTorch multiplies by 1 / s. */
const steps = (x: Tensor, scale: Tensor, zero: Tensor): Tensor => x.mul(scale.reciprocal()).round().add(zero);

/** (clamp(z + round(x / s), min, max) − z) · s; inputs x, s, z of one dtype. dy/dx = 1 inside the range, else 0. */
const fakeQuantize = primitive<Range>({
  name: "fake_quantize",
  infer: (inputs) => broadcastInfer(inputs),
  broadcast: true,
  grad: (ctx, g) => [
    () => {
      const q = steps(ctx.input(0).detach(), ctx.input(1).detach(), ctx.input(2).detach());
      const { quantMin, quantMax } = ctx.attrs;
      return g.mul(q.ge(quantMin).logicalAnd(q.le(quantMax)));
    },
  ],
  lower: (b, [x, scale, zero], { quantMin, quantMax }) => {
    const q = b.node("Add", [b.node("Round", [b.node("Mul", [x!, b.node("Reciprocal", [scale!])])]), zero!]);
    const inside = b.node("Min", [b.node("Max", [q, num(b, x!, quantMin)]), num(b, x!, quantMax)]);
    return b.node("Mul", [b.node("Sub", [inside, zero!]), scale!]);
  },
});

function checkRange(quantMin: number, quantMax: number): void {
  if (quantMin > quantMax) {
    throw new RuntimeError("`quant_min` should be less than or equal to `quant_max`.");
  }
}

/** Scale and zero point as tensors beside `x`. */
function perTensor(x: Tensor, scale: Tensor, zero: Tensor, quantMin: number, quantMax: number): Tensor {
  requireFloat("fake_quantize_tensor_cachemask_kernel_type_handling", x.dtype);
  checkRange(quantMin, quantMax);
  return apply(fakeQuantize, [x, scale.to(x.dtype).reshape([]), zero.to(x.dtype).reshape([])], {
    quantMin,
    quantMax,
  });
}

export const fakeQuantizePerTensorAffine = op(
  {
    signature:
      "fake_quantize_per_tensor_affine(Tensor input, float scale, int zero_point, int quant_min, int quant_max) -> Tensor",
    on: ["torch"],
    doc: `What is left of floating numbers after \`quantizePerTensor\` and back: (clamp(z + round(x / s), min, max) − z) · s. The gradient is 1 where the range is not left, else 0.\n\n${page("fake_quantize_per_tensor_affine")}`,
    call: (input, scale, zeroPoint, quantMin, quantMax) => {
      if (zeroPoint < quantMin || zeroPoint > quantMax) {
        throw new RuntimeError("`zero_point` must be between `quant_min` and `quant_max`.");
      }
      return perTensor(input, constant(scale, float32), constant(zeroPoint, float32), quantMin, quantMax);
    },
  },
  {
    signature:
      "fake_quantize_per_tensor_affine(Tensor input, Tensor scale, Tensor zero_point, int quant_min, int quant_max) -> Tensor",
    call: perTensor,
  },
);

export const fakeQuantizePerChannelAffine = op({
  signature:
    "fake_quantize_per_channel_affine(Tensor input, Tensor scale, Tensor zero_point, int axis, int quant_min, int quant_max) -> Tensor",
  on: ["torch"],
  doc: `\`fakeQuantizePerTensorAffine\` with a scale and a zero point \`[C]\` for each place along \`axis\`.\n\n${page("fake_quantize_per_channel_affine")}`,
  call: (input, scale, zeroPoint, axis, quantMin, quantMax) => {
    requireFloat("fake_quantize_channel_cachemask_cpu_type_handling", input.dtype);
    checkRange(quantMin, quantMax);
    if (scale.dtype !== float32) {
      throw new RuntimeError(`Scale must be Float, found ${String(scale.dtype)}`);
    }
    if (zeroPoint.dtype !== int32 && !zeroPoint.dtype.isFloatingPoint) {
      throw new RuntimeError(`Zero-point must be Int32, Float or Half, found ${String(zeroPoint.dtype)}`);
    }
    if (scale.ndim !== 1) throw new RuntimeError("scale should be a 1-D tensor");
    if (zeroPoint.ndim !== 1) throw new RuntimeError("zero point should be a 1-D tensor");
    if (scale.numel() !== zeroPoint.numel()) {
      throw new RuntimeError("scale and zero-point need to have the same dimensions");
    }
    if (axis < 0 || axis >= input.ndim) {
      throw new RuntimeError("`axis` must be between 0 and number of dimensions of input");
    }
    if (scale.numel() !== input.shape[axis]) {
      throw new RuntimeError("dimensions of scale and zero-point are not consistent with input tensor");
    }
    const along = input.shape.map((_, i) => (i === axis ? -1 : 1));
    const [s, z] = [scale.to(input.dtype).reshape(along), zeroPoint.to(input.dtype).reshape(along)];
    return apply(fakeQuantize, [input, s, z], { quantMin, quantMax });
  },
});
