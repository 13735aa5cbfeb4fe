/** From floating numbers to integers that stand for them, and back. */
import { RuntimeError } from "../errors.js";
import { float32, float64, int64 } from "../tensor/dtype.js";
import { QuantizedTensor, type PerTensor, type QuantizedDType } from "../tensor/quantized.js";
import { Tensor } from "../tensor/tensor.js";
import { page } from "./family.js";
import { op } from "./record.js";
import type { Scalar } from "./schema.js";

const numberOf = (value: Tensor | Scalar): number => Number(value instanceof Tensor ? value.item() : value);

/** clamp(z + round(x / s)), halves to even. @internal */
export function toIntegers(
  x: Tensor,
  scale: Tensor | number,
  zero: Tensor | number,
  { min, max, storage }: QuantizedDType,
): Tensor {
  if (x.dtype !== float32) {
    throw new RuntimeError(`Quantize only works on Float Tensor, got ${String(x.dtype)}`);
  }
  // 1 / s is rounded to float32 once, as in PyTorch.
  const inverse = scale instanceof Tensor ? scale.reciprocal() : Math.fround(1 / Math.fround(scale));
  const steps = x.detach().mul(inverse).round().add(zero);
  // Beyond 2²⁴ float32 has no 2³¹ − 1.
  return steps.clamp(min, max === 2 ** 31 - 1 ? 2 ** 31 - 128 : max).to(storage);
}

/** @internal */
export function quantize(x: Tensor, params: PerTensor, dtype: QuantizedDType): QuantizedTensor {
  const { scale, zeroPoint } = params;
  if (!(scale > 0)) throw new RuntimeError(`quantize: scale must be greater than 0, not ${String(scale)}`);
  if (zeroPoint < dtype.min || zeroPoint > dtype.max) {
    throw new RuntimeError(
      `quantize_tensor_per_tensor_affine zero_point ${String(zeroPoint)} is ${zeroPoint < dtype.min ? "below lower" : "above upper"} bound.`,
    );
  }
  return new QuantizedTensor(toIntegers(x, scale, zeroPoint, dtype), dtype, { scale, zeroPoint });
}

export const quantizePerTensor = op(
  {
    signature:
      "quantize_per_tensor(Tensor input, Tensor|Scalar scale, Tensor|Scalar zero_point, qdtype dtype) -> qtensor",
    on: ["torch"],
    doc: `The integers clamp(zeroPoint + round(x / scale)) of \`dtype\` that stand for a float32 tensor.\n\n${page("quantize_per_tensor")}`,
    call: (input, scale, zeroPoint, dtype) =>
      quantize(input, { scale: numberOf(scale), zeroPoint: numberOf(zeroPoint) }, dtype),
  },
  {
    signature:
      "quantize_per_tensor(Tensor[] tensors, Tensor scales, Tensor zero_points, qdtype dtype) -> any",
    call: (tensors, scales, zeroPoints, dtype) => {
      const [s, z] = [scales.tolist() as number[], zeroPoints.tolist() as number[]];
      return tensors.map((t, i) => quantize(t, { scale: Number(s[i]), zeroPoint: Number(z[i]) }, dtype));
    },
  },
);

export const quantizePerChannel = op({
  signature:
    "quantize_per_channel(Tensor input, Tensor scales, Tensor zero_points, int axis, qdtype dtype) -> qtensor",
  on: ["torch"],
  doc: `\`quantizePerTensor\` with a scale and a zero point \`[C]\` for each place along \`axis\`.\n\n${page("quantize_per_channel")}`,
  call: (input, scales, zeroPoints, axis, dtype) => {
    const channels = input.shape[axis];
    if (channels === undefined || axis < 0) {
      throw new RuntimeError(
        `Channel axis out of range in per channel affine quantization. Got: ${String(axis)} Expected: [0, ${String(input.ndim)})`,
      );
    }
    for (const [what, t] of [
      ["scales", scales],
      ["zero_points", zeroPoints],
    ] as const) {
      if (t.ndim !== 1 || t.numel() !== channels) {
        throw new RuntimeError(
          `quantize_per_channel: ${what} must have the ${String(channels)} elements of axis ${String(axis)}, not [${t.shape.join(", ")}]`,
        );
      }
    }
    const along = input.shape.map((_, i) => (i === axis ? -1 : 1));
    const int = toIntegers(
      input,
      scales.to(float32).reshape(along),
      zeroPoints.to(float32).reshape(along),
      dtype,
    );
    const params = { scales: scales.detach().to(float64), zeroPoints: zeroPoints.detach().to(int64), axis };
    return new QuantizedTensor(int, dtype, params);
  },
});

function halfToEven(x: number): number {
  const rounded = Math.round(x);
  return rounded - x === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}

/** Scale and zero point that let `dtype` reach from the smallest to the largest number, with a 0 among them. @internal */
export function chooseParams(low: number, high: number, min: number, max: number): PerTensor {
  const [a, b] = [Math.min(low, 0), Math.max(high, 0)];
  let scale = (b - a) / (max - min);
  // PyTorch's guard against scales whose inverse is infinite.
  if (Math.fround(scale) === 0 || !Number.isFinite(Math.fround(1 / scale))) scale = 0.1;
  const zero = halfToEven(min - a / scale);
  return { scale, zeroPoint: Math.min(max, Math.max(min, zero)) };
}

export const quantizePerTensorDynamic = op({
  signature: "quantize_per_tensor_dynamic(Tensor input, qdtype dtype, bool reduce_range) -> qtensor",
  on: ["torch"],
  doc: `\`quantizePerTensor\` with the scale and zero point that the smallest and largest element ask for; \`reduceRange\` leaves one bit unused.`,
  call: (input, dtype, reduceRange) => {
    const { min, max } = input.numel() === 0 ? { min: null, max: null } : input.detach().aminmax();
    const [low, high] = [min?.item() ?? 0, max?.item() ?? 0];
    const by = reduceRange ? 2 : 1;
    const params = chooseParams(low, high, Math.trunc(dtype.min / by), Math.trunc(dtype.max / by));
    return quantize(input, params, dtype);
  },
});

export const emptyQuantized = op({
  signature: "empty_quantized(int[] size, qtensor qtensor) -> qtensor",
  on: ["torch"],
  doc: "A quantized tensor of zeros with the type and parameters of another.",
  call: (size, like) => {
    const { scale, zeroPoint } = like._perTensor("empty_quantized");
    return quantize(like.dequantize().newZeros(size), { scale, zeroPoint }, like.dtype);
  },
});

export const dequantize = op(
  {
    signature: "dequantize(qtensor input) -> Tensor",
    on: ["torch"],
    doc: `The float32 numbers that a quantized tensor stands for; other tensors become float32.\n\n${page("dequantize")}`,
    call: (input) => input.dequantize(),
  },
  {
    signature: "dequantize(Tensor input) -> Tensor",
    call: (input) => input.to(float32),
  },
);

export const intRepr = op({
  signature: "int_repr(qtensor input) -> Tensor",
  on: ["torch"],
  doc: `The integers of a quantized tensor: uint8, int8 or int32.\n\n[PyTorch](https://pytorch.org/docs/stable/generated/torch.Tensor.int_repr.html)`,
  call: (input) => input.intRepr(),
});

export const qScale = op({
  signature: "q_scale(qtensor input) -> float",
  on: ["torch"],
  doc: "The scale of a tensor quantized per tensor.",
  call: (input) => input.qScale(),
});

export const qZeroPoint = op({
  signature: "q_zero_point(qtensor input) -> int",
  on: ["torch"],
  doc: "The zero point of a tensor quantized per tensor.",
  call: (input) => input.qZeroPoint(),
});

export const qPerChannelScales = op({
  signature: "q_per_channel_scales(qtensor input) -> Tensor",
  on: ["torch"],
  doc: "The scales of a tensor quantized per channel, float64.",
  call: (input) => input.qPerChannelScales(),
});

export const qPerChannelZeroPoints = op({
  signature: "q_per_channel_zero_points(qtensor input) -> Tensor",
  on: ["torch"],
  doc: "The zero points of a tensor quantized per channel, int64.",
  call: (input) => input.qPerChannelZeroPoints(),
});

export const qPerChannelAxis = op({
  signature: "q_per_channel_axis(qtensor input) -> int",
  on: ["torch"],
  doc: "The axis of the channels of a tensor quantized per channel.",
  call: (input) => input.qPerChannelAxis(),
});
