/**
 * Linear layers and convolutions over eight-bit integers, by ONNX Runtime's kernels. Weights are uint8, shifted by 128
 * where PyTorch has int8: the kernels for two unsigned operands never saturate on the way.
 * @see https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html
 */
import type { Builder, Ref } from "../graph/builder.js";
import { numel, type Attrs, type Meta } from "../graph/value.js";
import { dtypes, float32, uint8 } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { apply } from "./apply.js";
import { onnxAttrs, outSize, type ConvAttrs } from "./conv.js";
import { primitive } from "./record.js";

/** An input's or a weight's integers, with what they stand for. */
export interface Integers {
  readonly values: Tensor;
  /** float32: 0-d, or `[O]` for a weight. */
  readonly scale: Tensor;
  /** uint8, 0-d */
  readonly zeroPoint: Tensor;
}

const asFloat = (b: Builder, x: Ref): Ref => b.node("Cast", [x], { to: dtypes.float32.onnx }, "float32");

/** [integers, scale, zero point] of a float32 tensor, over the range of its elements. */
const quantizeInput = (b: Builder, x: Ref): Ref[] => b.multi("DynamicQuantizeLinear", [x], 3);

const spatialSizes = (x: Meta, w: Meta, a: ConvAttrs): number[] =>
  x.shape.slice(2).map((n, i) => outSize(n, w.shape[i + 2]!, a.padding[i]!, a.dilation[i]!, a.stride[i]!));

const linearShape = (x: Meta, w: Meta): number[] => [...x.shape.slice(0, -1), w.shape[1]!];

/** Inputs: x `[*, I]`, its scale and zero point; w `[I, O]`, likewise; the result's scale and zero point; bias int32 `[O]`. */
const linearPrimitive = primitive<Attrs>({
  name: "quantized_linear",
  stored: true,
  infer: ([x, , , w]) => ({ shape: linearShape(x!, w!), dtype: uint8 }),
  grad: null,
  cost: ([x, , , w]) => numel(x!.shape) * w!.shape[1]!,
  lower: (b, inputs) => {
    const [x, xs, xz, w, ws, wz, ys, yz, bias] = inputs as Ref[];
    if (!bias) return b.node("QLinearMatMul", [x!, xs!, xz!, w!, ws!, wz!, ys!, yz!]);
    const sum = b.node("Add", [b.node("MatMulInteger", [x!, w!, xz!, wz!]), bias]);
    const real = b.node("Mul", [asFloat(b, sum), b.node("Mul", [xs!, ws!])]);
    return b.node("QuantizeLinear", [real, ys!, yz!]);
  },
});

/** round(x Wᵀ + b) as integers: uint8 `[*, I]` → uint8 `[*, O]`. `weight` is `[I, O]`, `bias` int32 in units of both scales. */
export function integerLinear(
  x: Integers,
  weight: Integers,
  y: Omit<Integers, "values">,
  bias: Tensor | null,
): Tensor {
  const inputs = [x.values, x.scale, x.zeroPoint, weight.values, weight.scale, weight.zeroPoint];
  return apply(linearPrimitive, [...inputs, y.scale, y.zeroPoint, ...(bias ? [bias] : [])], {});
}

/** Inputs: x float32 `[*, I]`; w `[I, O]`, its scale and zero point; bias float32 `[O]`. */
const dynamicLinearPrimitive = primitive<Attrs>({
  name: "dynamic_quantized_linear",
  stored: true,
  infer: ([x, w]) => ({ shape: linearShape(x!, w!), dtype: float32 }),
  grad: null,
  cost: ([x, w]) => numel(x!.shape) * w!.shape[1]!,
  lower: (b, inputs) => {
    const [x, w, ws, wz, bias] = inputs as Ref[];
    const [q, xs, xz] = quantizeInput(b, x!);
    const sum = asFloat(b, b.node("MatMulInteger", [q!, w!, xz!, wz!]));
    const real = b.node("Mul", [sum, b.node("Mul", [xs!, ws!], undefined, "float32")]);
    return bias ? b.node("Add", [real, bias]) : real;
  },
});

/** x Wᵀ + b with x quantized on the way: float32 `[*, I]` → `[*, O]`. */
export function dynamicLinear(x: Tensor, weight: Integers, bias: Tensor | null): Tensor {
  const inputs = [x.detach(), weight.values, weight.scale, weight.zeroPoint, ...(bias ? [bias] : [])];
  return apply(dynamicLinearPrimitive, inputs, {});
}

/** Inputs: x `[N, C, …]`, its scale and zero point; w `[O, C/groups, k…]`, likewise; the result's; bias int32 `[O]`. */
const convPrimitive = primitive<ConvAttrs>({
  name: "quantized_conv",
  stored: true,
  infer: ([x, , , w], a) => ({
    shape: [x!.shape[0]!, w!.shape[0]!, ...spatialSizes(x!, w!, a)],
    dtype: uint8,
  }),
  grad: null,
  cost: ([, , , w], _, [out]) => numel(out!.shape) * numel(w!.shape.slice(1)),
  lower: (b, inputs, a) => b.node("QLinearConv", inputs, onnxAttrs(a, inputs[3]!.shape.slice(2))),
});

/** A convolution of integers: uint8 `[N, C, …]` → uint8 `[N, O, …]`, `bias` int32 in units of both scales. */
export function integerConv(
  x: Integers,
  weight: Integers,
  y: Omit<Integers, "values">,
  bias: Tensor | null,
  attrs: ConvAttrs,
): Tensor {
  const inputs = [x.values, x.scale, x.zeroPoint, weight.values, weight.scale, weight.zeroPoint];
  return apply(convPrimitive, [...inputs, y.scale, y.zeroPoint, ...(bias ? [bias] : [])], attrs);
}

/** Inputs: x float32 `[N, C, …]`; w `[O, C/groups, k…]`, its scale (of shape `[O, 1, …]` or 0-d) and zero point; bias `[O, 1, …]`. */
const dynamicConvPrimitive = primitive<ConvAttrs>({
  name: "dynamic_quantized_conv",
  stored: true,
  infer: ([x, w], a) => ({
    shape: [x!.shape[0]!, w!.shape[0]!, ...spatialSizes(x!, w!, a)],
    dtype: float32,
  }),
  grad: null,
  cost: ([, w], _, [out]) => numel(out!.shape) * numel(w!.shape.slice(1)),
  lower: (b, inputs, a) => {
    const [x, w, ws, wz, bias] = inputs as Ref[];
    const [q, xs, xz] = quantizeInput(b, x!);
    const sum = asFloat(b, b.node("ConvInteger", [q!, w!, xz!, wz!], onnxAttrs(a, w!.shape.slice(2))));
    const real = b.node("Mul", [sum, b.node("Mul", [xs!, ws!], undefined, "float32")]);
    return bias ? b.node("Add", [real, bias]) : real;
  },
});

/** A convolution with x quantized on the way: float32 `[N, C, …]` → `[N, O, …]`. */
export function dynamicConv(x: Tensor, weight: Integers, bias: Tensor | null, attrs: ConvAttrs): Tensor {
  const along = [-1, ...attrs.stride.map(() => 1)];
  const scale = weight.scale.ndim === 0 ? weight.scale : weight.scale.reshape(along);
  const inputs = [x.detach(), weight.values, scale, weight.zeroPoint];
  return apply(dynamicConvPrimitive, [...inputs, ...(bias ? [bias.reshape(along)] : [])], attrs);
}
