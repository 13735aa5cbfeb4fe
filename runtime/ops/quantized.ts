/** What operations do with quantized tensors. */
import { NotImplementedError } from "../errors.js";
import { QuantizedTensor, quint8, type PerTensor } from "../tensor/quantized.js";
import type { Tensor } from "../tensor/tensor.js";
import { quantize } from "./quantize.js";
import { setQuantizedCall } from "./record.js";

type Invoke = (...args: unknown[]) => unknown;
type Rule = (invoke: Invoke, input: QuantizedTensor, rest: readonly unknown[]) => unknown;

/** The elements moved: the integers are. */
const moved: Rule = (invoke, input, rest) => {
  const params = input._perTensor("elements of a tensor with a scale for each channel stay where they are");
  return new QuantizedTensor(invoke(input._int, ...rest) as Tensor, input.dtype, params);
};

/** Computed in floating numbers, and quantized as the input is. */
const likeInput: Rule = (invoke, input, rest) => {
  const params = input._perTensor("computing with a scale for each channel");
  return quantize(invoke(input.dequantize(), ...rest) as Tensor, params, input.dtype);
};

/** The result's range is known: it has the parameters that use all of it. */
const inRange =
  (params: PerTensor): Rule =>
  (invoke, input, rest) =>
    input.dtype === quint8
      ? quantize(invoke(input.dequantize(), ...rest) as Tensor, params, quint8)
      : likeInput(invoke, input, rest);

/** By PyTorch's name. */
export const quantizedRules: ReadonlyMap<string, Rule> = new Map([
  ...[
    "reshape",
    "view",
    "permute",
    "transpose",
    "flatten",
    "unsqueeze",
    "squeeze",
    "contiguous",
    "select",
    "narrow",
    "channel_shuffle",
    "pixel_shuffle",
    "pixel_unshuffle",
    "unflatten",
  ].map((name) => [name, moved] as const),
  ...[
    "relu",
    "relu6",
    "hardtanh",
    "clamp",
    "leaky_relu",
    "mean",
    "max_pool1d",
    "max_pool2d",
    "avg_pool2d",
    "avg_pool3d",
    "adaptive_avg_pool2d",
    "adaptive_avg_pool3d",
    "interpolate",
    "dropout",
  ].map((name) => [name, likeInput] as const),
  ["sigmoid", inRange({ scale: 1 / 256, zeroPoint: 0 })],
  ["tanh", inRange({ scale: 2 / 256, zeroPoint: 128 })],
] as const);

setQuantizedCall((name, invoke, args) => {
  const rule = quantizedRules.get(name);
  const [input, ...rest] = args;
  if (rule && input instanceof QuantizedTensor) return rule(invoke, input, rest);
  throw new NotImplementedError(
    `${name} is not implemented for quantized tensors: compute with x.dequantize(), or quantize the module it is in`,
  );
});
