/** Average pooling and power-average pooling. */
import { RuntimeError } from "../errors.js";
import { numel } from "../graph/value.js";
import type { Tensor } from "../tensor/tensor.js";
import { apply } from "./apply.js";
import { convolution, transposedConvolution } from "./conv.js";
import { castTo } from "./convert.js";
import { filled } from "./create.js";
import { notImplementedFor } from "./elementwise.js";
import { page } from "./family.js";
import { encode, fromData } from "./leaf.js";
import { evenWindows } from "./max-pool.js";
import { constantPad } from "./pad.js";
import { abs, mul, sign } from "./pointwise.js";
import { relu } from "./activation.js";
import {
  checkNotEmpty,
  checkPoolRank,
  padsAfter,
  perAxis,
  poolWindow,
  withBatch,
  type PoolAttrs,
} from "./pool-window.js";
import { op, primitive } from "./record.js";
import { resample } from "./resample.js";

const averagePrimitive = primitive<PoolAttrs>({
  name: "avg_pool_sum",
  infer: ([x], { out }) => ({ shape: [...x!.shape.slice(0, 2), ...out], dtype: x!.dtype }),
  grad: (ctx, g) => [sumPoolBackward(g, ctx.inputMeta(0).shape, ctx.attrs)],
  lower: (b, [x], a) => {
    const after = padsAfter(x!.shape.slice(2), a).map((p) => Math.max(0, p));
    const mean = b.node("AveragePool", [x!], {
      kernel_shape: a.kernel,
      strides: a.stride,
      pads: [...a.padding, ...after],
      count_include_pad: 1,
    });
    return b.node("Mul", [mean, b.scalar(numel(a.kernel), "float32")]);
  },
});

/** Every window's sum: by ONNX's pool in float32, else as a convolution with ones. */
function windowSums(x: Tensor, a: PoolAttrs): Tensor {
  if (x.dtype.name !== "float64" && x.dtype.isFloatingPoint) return apply(averagePrimitive, [x], a);
  const [n, c, ...size] = x._shape as number[];
  const pads = padsAfter(size, a).flatMap((p, i) => [a.padding[i]!, p]);
  const reversed: number[] = [];
  for (let i = size.length - 1; i >= 0; i--) reversed.push(pads[2 * i]!, pads[2 * i + 1]!);
  const padded = constantPad(x, reversed, 0);
  const flat = padded.reshape(n! * c!, 1, ...padded._shape.slice(2));
  const ones = filled([1, 1, ...a.kernel], 1, x.dtype);
  const sums = apply(convolution, [flat, ones], {
    stride: a.stride,
    padding: size.map(() => 0),
    dilation: size.map(() => 1),
    groups: 1,
  });
  return sums.reshape(n!, c!, ...a.out);
}

/** The windows' sums are a convolution with ones over the padded input; its transpose spreads the gradient. */
function sumPoolBackward(g: Tensor, shape: readonly number[], a: PoolAttrs): Tensor {
  const [n, c, ...size] = shape as number[];
  const after = padsAfter(size, a).map((p) => Math.max(0, p));
  const flat = g.reshape(n! * c!, 1, ...a.out);
  const ones = filled([1, 1, ...a.kernel], 1, g.dtype);
  const padded = size.map((d, i) => d + a.padding[i]! + after[i]!);
  const spread = transposedTo(flat, ones, a.stride, padded);
  let out = spread.reshape(n!, c!, ...padded);
  size.forEach((d, i) => (out = out.narrow(i + 2, a.padding[i]!, d)));
  return out;
}

function transposedTo(x: Tensor, w: Tensor, stride: readonly number[], size: readonly number[]): Tensor {
  const outputPadding = size.map((d, i) => d - ((x._shape[i + 2]! - 1) * stride[i]! + w._shape[i + 2]!));
  const zero = size.map(() => 0);
  return apply(transposedConvolution, [x, w], {
    stride,
    padding: zero,
    dilation: size.map(() => 1),
    groups: 1,
    outputPadding,
  });
}

/** By how much each window's sum is divided: its elements, with padding or without. */
function divisors(size: readonly number[], a: PoolAttrs, includePad: boolean): number[] {
  const perAxisCounts = size.map((n, i) =>
    Array.from({ length: a.out[i]! }, (_, o) => {
      const from = o * a.stride[i]! - a.padding[i]!;
      const to = Math.min(from + a.kernel[i]!, n + a.padding[i]!);
      return includePad ? to - from : Math.min(to, n) - Math.max(from, 0);
    }),
  );
  return perAxisCounts.reduce<number[]>((all, axis) => all.flatMap((v) => axis.map((w) => v * w)), [1]);
}

function dividedSums(x: Tensor, a: PoolAttrs, counts: readonly number[]): Tensor {
  const sums = windowSums(x, a);
  const uniform = counts.every((c) => c === counts[0]);
  if (!x.dtype.isFloatingPoint) {
    const by = uniform ? counts[0]! : fromData(encode(counts, x.dtype), a.out, x.dtype);
    return sums.div(by, { roundingMode: "trunc" });
  }
  if (uniform) return sums.div(counts[0]!);
  const inverse = counts.map((c) => 1 / c);
  return mul(sums, fromData(encode(inverse, x.dtype), a.out, x.dtype));
}

function averagePool(
  nd: number,
  input: Tensor,
  kernel: readonly number[],
  stride: readonly number[] | null,
  padding: readonly number[],
  ceilMode: boolean,
  includePad: boolean,
  divisor: number | null,
): Tensor {
  const name = `avg_pool${String(nd)}d`;
  const w = poolWindow(name, nd, input, { kernel, stride, padding, dilation: [1], ceilMode });
  if (divisor === 0) throw new RuntimeError("divisor must be not zero");
  const counts = divisor === null ? divisors(w.batched._shape.slice(2), w.attrs, includePad) : [divisor];
  // Half types are summed and divided in float32.
  const wide = input.dtype.isFloatingPoint && input.dtype.itemsize === 2 ? w.batched.float() : w.batched;
  return castTo(w.unbatch(dividedSums(wide, w.attrs, counts)), input.dtype);
}

const axes = (nd: number): string => `${String(nd)} spatial ${nd === 1 ? "axis" : "axes"}`;

const avgDoc = (nd: number): string =>
  `The mean of every window, over ${axes(nd)}.\n\n${page(`nn.functional.avg_pool${String(nd)}d`)}`;

export const avgPool1d = op({
  signature:
    "avg_pool1d(Tensor input, int[1] kernel_size, int[]? stride=None, int[1] padding=0, bool ceil_mode=False, bool count_include_pad=True) -> Tensor",
  on: ["torch", "F"],
  doc: avgDoc(1),
  call: (input, kernel, stride, padding, ceilMode, includePad) =>
    averagePool(1, input, kernel, stride, padding, ceilMode, includePad, null),
});

export const avgPool2d = op({
  signature:
    "avg_pool2d(Tensor input, int[2] kernel_size, int[]? stride=None, int[2] padding=0, bool ceil_mode=False, bool count_include_pad=True, int? divisor_override=None) -> Tensor",
  on: ["F"],
  doc: avgDoc(2),
  call: (...args) => averagePool(2, ...args),
});

export const avgPool3d = op({
  signature:
    "avg_pool3d(Tensor input, int[3] kernel_size, int[]? stride=None, int[3] padding=0, bool ceil_mode=False, bool count_include_pad=True, int? divisor_override=None) -> Tensor",
  on: ["F"],
  doc: avgDoc(3),
  call: (...args) => averagePool(3, ...args),
});

/** Means over windows ⌊i·n/o⌋ … ⌈(i+1)·n/o⌉ of the last `nd` axes. */
export function adaptiveAverage(nd: number, input: Tensor, outputSize: readonly (number | null)[]): Tensor {
  const name = `adaptive_avg_pool${String(nd)}d()`;
  checkPoolRank(name, input, nd);
  const first = input.ndim - nd;
  const size = input._shape.slice(first);
  const out = perAxis(outputSize, nd, name, "output_size").map((o, i) => o ?? size[i]!);
  if (out.some((o) => o < 0)) {
    throw new RuntimeError(`${name}: elements of output_size must be greater than or equal to 0`);
  }
  checkNotEmpty(name, input, nd);
  if (!input.dtype.isFloatingPoint) notImplementedFor("adaptive_avg_pool", input.dtype);
  if (out.every((o) => o === 1)) {
    return input.mean(
      size.map((_, i) => first + i),
      { keepdim: true },
    );
  }
  const wide = input.dtype.itemsize === 2 ? input.float() : input;
  if (out.every((o, i) => o > 0 && size[i]! % o === 0)) {
    const { batched, unbatch } = withBatch(wide, nd);
    const a = evenWindows(size, out);
    return castTo(unbatch(dividedSums(batched, a, [numel(a.kernel)])), input.dtype);
  }
  const steps = out.map((to, i) => ({ dim: first + i, from: size[i]!, to })).filter((s) => s.from !== s.to);
  // The more an axis shrinks, the earlier.
  steps.sort((p, q) => p.to / p.from - q.to / q.from);
  const single = input.dtype.name !== "float64";
  const pooled = steps.reduce(
    (x, { dim, from, to }) =>
      resample(x, dim, { filter: "average", from, to, alignCorners: false, scale: null, single }),
    wide,
  );
  return castTo(pooled, input.dtype);
}

const adaptiveDoc = (nd: number): string =>
  `Averages to a given output size, whatever the input's; \`null\` keeps an axis.\n\n${page(`nn.functional.adaptive_avg_pool${String(nd)}d`)}`;

export const adaptiveAvgPool1d = op({
  signature: "adaptive_avg_pool1d(Tensor input, int[] output_size) -> Tensor",
  on: ["torch", "F"],
  doc: adaptiveDoc(1),
  call: (input, size) => adaptiveAverage(1, input, size),
});

export const adaptiveAvgPool2d = op({
  signature: "adaptive_avg_pool2d(Tensor input, int?[] output_size) -> Tensor",
  on: ["F"],
  doc: adaptiveDoc(2),
  call: (input, size) => adaptiveAverage(2, input, size),
});

export const adaptiveAvgPool3d = op({
  signature: "adaptive_avg_pool3d(Tensor input, int?[] output_size) -> Tensor",
  on: ["F"],
  doc: adaptiveDoc(3),
  call: (input, size) => adaptiveAverage(3, input, size),
});

/** (Σ xᵖ)^(1/p) of every window, by its average; the sign is kept as PyTorch does. */
function powerPool(
  nd: 1 | 2,
  input: Tensor,
  p: number,
  kernelSize: readonly number[],
  stride: readonly number[] | null,
  ceilMode: boolean,
): Tensor {
  const kernel = perAxis(kernelSize, nd, `lp_pool${String(nd)}d`, "kernel_size");
  const mean = averagePool(nd, input.pow(p), kernel, stride, [0], ceilMode, true, null);
  return sign(mean)
    .mul(relu(abs(mean)))
    .mul(numel(kernel))
    .pow(1 / p);
}

const powerDoc = (nd: number): string =>
  `(Σ xᵖ)^(1/p) of every window, p \`normType\`, over ${axes(nd)}.\n\n${page(`nn.functional.lp_pool${String(nd)}d`)}`;

export const lpPool1d = op({
  signature:
    "lp_pool1d(Tensor input, float norm_type, int[1] kernel_size, int[]? stride=None, bool ceil_mode=False) -> Tensor",
  on: ["F"],
  doc: powerDoc(1),
  call: (input, p, kernel, stride, ceilMode) => powerPool(1, input, p, kernel, stride, ceilMode),
});

export const lpPool2d = op({
  signature:
    "lp_pool2d(Tensor input, float norm_type, int[2] kernel_size, int[]? stride=None, bool ceil_mode=False) -> Tensor",
  on: ["F"],
  doc: powerDoc(2),
  call: (input, p, kernel, stride, ceilMode) => powerPool(2, input, p, kernel, stride, ceilMode),
});
