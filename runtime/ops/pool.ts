/** Pooling over 1 to 3 spatial axes. */
import { RuntimeError } from "../errors.js";
import { numel, type Attrs } from "../graph/value.js";
import { int64 } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { apply, applyAll } from "./apply.js";
import { convolution, transposedConvolution } from "./conv.js";
import { page } from "./family.js";
import { encode, fromData } from "./leaf.js";
import { mul } from "./pointwise.js";
import { op, primitive } from "./record.js";
import { named } from "./results.js";
import { constantPad } from "./pad.js";
import { matmulLast } from "./matmul.js";
import { filled } from "./create.js";

interface PoolAttrs extends Attrs {
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  readonly padding: readonly number[];
  readonly dilation: readonly number[];
  readonly out: readonly number[];
}

/**
 * PyTorch's pooling size: with `ceilMode` a last, partial window counts when it starts inside the input or its left
 * padding.
 */
export function pooledSize(n: number, k: number, p: number, s: number, d: number, ceilMode: boolean): number {
  const span = n + 2 * p - d * (k - 1) - 1;
  let out = Math.floor((span + (ceilMode ? s - 1 : 0)) / s) + 1;
  if (ceilMode && (out - 1) * s >= n + p) out--;
  return out;
}

/** Padding after the last axis element that makes all windows fit. */
function padsAfter(shape: readonly number[], a: PoolAttrs): number[] {
  return a.kernel.map(
    (k, i) => (a.out[i]! - 1) * a.stride[i]! + a.dilation[i]! * (k - 1) + 1 - shape[i]! - a.padding[i]!,
  );
}

const maxPoolPrimitive = primitive<PoolAttrs>({
  name: "max_pool_with_indices",
  infer: ([x], { out }) => {
    const shape = [...x!.shape.slice(0, 2), ...out];
    return [
      { shape, dtype: x!.dtype },
      { shape, dtype: int64 },
    ];
  },
  grad: (ctx, g) => [
    apply(maxPoolBackward, [g, ctx.output(1)], {
      shape: ctx.inputMeta(0).shape,
      overlap: overlapping(ctx.attrs),
    }),
  ],
  lower: (b, [x], a) => {
    const size = x!.shape.slice(2);
    const after = padsAfter(size, a).map((p) => Math.max(0, p));
    const [values, flat] = b.multi(
      "MaxPool",
      [x!],
      2,
      { kernel_shape: a.kernel, strides: a.stride, pads: [...a.padding, ...after], dilations: a.dilation },
      [x!.dtype, "int64"],
    );
    // ONNX counts through batch and channels too; PyTorch within one plane.
    const planes = b.tensor([numel(size)], "int64", []);
    return [values!, b.node("Mod", [flat!, planes])];
  },
  moves: true,
});

function overlapping(a: PoolAttrs): boolean {
  return a.kernel.some((k, i) => a.dilation[i]! * (k - 1) + 1 > a.stride[i]!);
}

/** Adds each gradient where its maximum stood. */
const maxPoolBackward = primitive<{ shape: readonly number[]; overlap: boolean }>({
  name: "max_pool_backward",
  infer: ([g], { shape }) => ({ shape, dtype: g!.dtype }),
  grad: (ctx, h) => [
    planes(h)
      .gather(1, planes(ctx.input(1)))
      .reshape([...ctx.inputMeta(0).shape]),
  ],
  lower: (b, [g, indices], { shape, overlap }, [out]) => {
    const rows = shape[0]! * shape[1]!;
    const size = numel(shape.slice(2));
    const many = numel(g!.shape.slice(2));
    const zeros = b.node("Expand", [b.scalar(0, g!.dtype), b.ints([rows, size])], undefined, g!.dtype);
    const scattered = b.node(
      "ScatterElements",
      [zeros, b.reshape(indices!, [rows, many]), b.reshape(g!, [rows, many])],
      { axis: 1, reduction: overlap ? "add" : "none" },
      g!.dtype,
    );
    return b.reshape(scattered, out!.shape);
  },
});

const planes = (t: Tensor): Tensor => t.reshape(t._shape[0]! * t._shape[1]!, -1);

function list(value: readonly number[] | null, nd: number, name: string, what: string): readonly number[] {
  if (value === null) return [];
  if (value.length === 1) return Array.from({ length: nd }, () => value[0]!);
  if (value.length === nd) return value;
  throw new RuntimeError(`${name}: ${what} must either be a single int, or a tuple of ${String(nd)} ints`);
}

interface Window {
  readonly attrs: PoolAttrs;
  readonly batched: Tensor;
  readonly unbatch: (t: Tensor) => Tensor;
}

function window(
  name: string,
  nd: number,
  input: Tensor,
  kernel: readonly number[],
  stride: readonly number[] | null,
  padding: readonly number[],
  dilation: readonly number[],
  ceilMode: boolean,
): Window {
  const k = list(kernel, nd, name, "kernel_size");
  const s = stride && stride.length ? list(stride, nd, name, "stride") : k;
  const p = list(padding, nd, name, "padding");
  const d = list(dilation, nd, name, "dilation");
  if (input.ndim !== nd + 1 && input.ndim !== nd + 2) {
    throw new RuntimeError(
      `${name}: Expected ${String(nd + 1)}D or ${String(nd + 2)}D (batch mode) tensor, but got [${input._shape.join(", ")}]`,
    );
  }
  if (k.some((v) => v <= 0))
    throw new RuntimeError(`${name}: kernel size should be greater than zero, but got [${k.join(", ")}]`);
  if (s.some((v) => v <= 0)) throw new RuntimeError(`${name}: stride should not be zero`);
  if (d.some((v) => v <= 0))
    throw new RuntimeError(
      `${name}: dilation should be greater than zero, but got dilation [${d.join(", ")}]`,
    );
  p.forEach((v, i) => {
    if (v < 0) throw new RuntimeError(`pad must be non-negative, but got pad: ${String(v)}`);
    if (v > Math.floor(k[i]! / 2)) {
      throw new RuntimeError(
        `pad should be at most half of kernel size, but got pad=${String(v)} and kernel_size=${String(k[i])}`,
      );
    }
  });
  const batched = input.ndim === nd + 2 ? input : input.unsqueeze(0);
  const size = batched._shape.slice(2);
  if (size.some((v) => v === 0) || batched._shape[1] === 0) {
    throw new RuntimeError(
      `${name}: Expected tensor with optional 0 dim batch size, but got [${input._shape.join(", ")}]`,
    );
  }
  const out = size.map((n, i) => pooledSize(n, k[i]!, p[i]!, s[i]!, d[i]!, ceilMode));
  if (out.some((o) => o < 1)) {
    throw new RuntimeError(
      `Given input size: (${batched._shape.slice(1).join("x")}). Calculated output size: (${[batched._shape[1], ...out].join("x")}). Output size is too small`,
    );
  }
  const attrs: PoolAttrs = { kernel: k, stride: s, padding: p, dilation: d, out };
  return { attrs, batched, unbatch: (t) => (input.ndim === nd + 2 ? t : t.squeeze(0)) };
}

function maxPool(nd: number) {
  return (
    input: Tensor,
    kernel: readonly number[],
    stride: readonly number[] | null,
    padding: readonly number[],
    dilation: readonly number[],
    ceilMode: boolean,
  ): [Tensor, Tensor] => {
    const w = window(`max_pool${String(nd)}d`, nd, input, kernel, stride, padding, dilation, ceilMode);
    const [values, indices] = applyAll(maxPoolPrimitive, [w.batched], w.attrs) as [Tensor, Tensor];
    return [w.unbatch(values), w.unbatch(indices)];
  };
}

const maxDoc = (nd: number): string =>
  `The largest element of every window, over ${String(nd)} spatial ${nd === 1 ? "axis" : "axes"}.\n\n${page(`nn.functional.max_pool${String(nd)}d`)}`;

function maxPoolOps<const N extends 1 | 2 | 3>(nd: N) {
  const pool = maxPool(nd);
  const tail = `int[${String(nd)}] kernel_size, int[]? stride=None, int[${String(nd)}] padding=0, int[${String(nd)}] dilation=1, bool ceil_mode=False`;
  const plain = op({
    signature:
      `max_pool${String(nd)}d(Tensor input, ${tail}, bool return_indices=False) -> Tensor` as "max_pool(Tensor input, int[] kernel_size, int[]? stride=None, int[] padding=0, int[] dilation=1, bool ceil_mode=False, bool return_indices=False) -> Tensor",
    on: ["torch", "F"],
    doc: maxDoc(nd),
    call: (input, kernel, stride, padding, dilation, ceilMode, returnIndices) => {
      const [values, indices] = pool(input, kernel, stride, padding, dilation, ceilMode);
      return returnIndices ? (named({ output: values, indices }) as unknown as Tensor) : values;
    },
  });
  const withIndices = op({
    signature:
      `max_pool${String(nd)}d_with_indices(Tensor input, ${tail}, bool return_indices=False) -> (Tensor output, Tensor indices)` as "max_pool(Tensor input, int[] kernel_size, int[]? stride=None, int[] padding=0, int[] dilation=1, bool ceil_mode=False, bool return_indices=False) -> (Tensor output, Tensor indices)",
    on: ["F"],
    doc: `${maxDoc(nd)}\n\nAlso gives where in its plane each one stood.`,
    call: (input, kernel, stride, padding, dilation, ceilMode) => {
      const [output, indices] = pool(input, kernel, stride, padding, dilation, ceilMode);
      return named({ output, indices });
    },
  });
  return { plain, withIndices };
}

const { plain: maxPool1d, withIndices: maxPool1dWithIndices } = maxPoolOps(1);
const { plain: maxPool2d, withIndices: maxPool2dWithIndices } = maxPoolOps(2);
const { plain: maxPool3d, withIndices: maxPool3dWithIndices } = maxPoolOps(3);
export { maxPool1d, maxPool1dWithIndices, maxPool2d, maxPool2dWithIndices, maxPool3d, maxPool3dWithIndices };

const averagePrimitive = primitive<PoolAttrs>({
  name: "avg_pool_sum",
  infer: ([x], { out }) => ({ shape: [...x!.shape.slice(0, 2), ...out], dtype: x!.dtype }),
  grad: (ctx, g) => {
    const { kernel, stride, padding, dilation } = ctx.attrs;
    return [
      sumPoolBackward(g, ctx.inputMeta(0).shape, { kernel, stride, padding, dilation, out: ctx.attrs.out }),
    ];
  },
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

function sumPoolBackward(g: Tensor, shape: readonly number[], a: PoolAttrs): Tensor {
  const [n, c, ...size] = shape as number[];
  const after = padsAfter(size, a).map((p) => Math.max(0, p));
  // The windows' sums are a convolution with ones over the padded input; its transpose spreads the gradient.
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
  const perAxis = size.map((n, i) =>
    Array.from({ length: a.out[i]! }, (_, o) => {
      const from = o * a.stride[i]! - a.padding[i]!;
      const to = Math.min(from + a.kernel[i]!, n + a.padding[i]!);
      return includePad ? to - from : Math.min(to, n) - Math.max(from, 0);
    }),
  );
  return perAxis.reduce<number[]>((all, axis) => all.flatMap((v) => axis.map((w) => v * w)), [1]);
}

function avgPool(
  nd: number,
  input: Tensor,
  kernel: readonly number[],
  stride: readonly number[] | null,
  padding: readonly number[],
  ceilMode: boolean,
  includePad: boolean,
  divisor: number | null,
): Tensor {
  const w = window(`avg_pool${String(nd)}d`, nd, input, kernel, stride, padding, [1], ceilMode);
  if (divisor === 0) throw new RuntimeError("divisor must be not zero");
  const sums = windowSums(w.batched, w.attrs);
  const counts = divisor === null ? divisors(w.batched._shape.slice(2), w.attrs, includePad) : [divisor];
  const uniform = counts.every((c) => c === counts[0]);
  if (!input.dtype.isFloatingPoint) {
    const by = uniform ? counts[0]! : fromData(encode(counts, input.dtype), w.attrs.out, input.dtype);
    return w.unbatch(sums.div(by, { roundingMode: "trunc" }));
  }
  if (uniform) return w.unbatch(sums.div(counts[0]!));
  return w.unbatch(
    mul(
      sums,
      fromData(
        encode(
          counts.map((c) => 1 / c),
          input.dtype,
        ),
        w.attrs.out,
        input.dtype,
      ),
    ),
  );
}

const avgDoc = (nd: number): string =>
  `The mean of every window, over ${String(nd)} spatial ${nd === 1 ? "axis" : "axes"}.\n\n${page(`nn.functional.avg_pool${String(nd)}d`)}`;

export const avgPool1d = op({
  signature:
    "avg_pool1d(Tensor input, int[1] kernel_size, int[]? stride=None, int[1] padding=0, bool ceil_mode=False, bool count_include_pad=True) -> Tensor",
  on: ["torch", "F"],
  doc: avgDoc(1),
  call: (input, kernel, stride, padding, ceilMode, includePad) =>
    avgPool(1, input, kernel, stride, padding, ceilMode, includePad, null),
});

export const avgPool2d = op({
  signature:
    "avg_pool2d(Tensor input, int[2] kernel_size, int[]? stride=None, int[2] padding=0, bool ceil_mode=False, bool count_include_pad=True, int? divisor_override=None) -> Tensor",
  on: ["F"],
  doc: avgDoc(2),
  call: (...args) => avgPool(2, ...args),
});

export const avgPool3d = op({
  signature:
    "avg_pool3d(Tensor input, int[3] kernel_size, int[]? stride=None, int[3] padding=0, bool ceil_mode=False, bool count_include_pad=True, int? divisor_override=None) -> Tensor",
  on: ["F"],
  doc: avgDoc(3),
  call: (...args) => avgPool(3, ...args),
});

/** PyTorch's adaptive windows: output i averages ⌊i·n/o⌋ … ⌈(i+1)·n/o⌉. As a matrix `[o, n]`. */
function averagingMatrix(n: number, o: number): number[] {
  const m = new Array<number>(n * o).fill(0);
  for (let i = 0; i < o; i++) {
    const from = Math.floor((i * n) / o);
    const to = Math.ceil(((i + 1) * n) / o);
    for (let j = from; j < to; j++) m[i * n + j] = 1 / (to - from);
  }
  return m;
}

function adaptiveAvg(nd: number, input: Tensor, outputSize: readonly (number | null)[]): Tensor {
  const name = `adaptive_avg_pool${String(nd)}d`;
  if (input.ndim !== nd + 1 && input.ndim !== nd + 2) {
    throw new RuntimeError(
      `${name}(): Expected ${String(nd + 1)}D or ${String(nd + 2)}D tensor, but got [${input._shape.join(", ")}]`,
    );
  }
  const first = input.ndim - nd;
  const size = input._shape.slice(first);
  const given = outputSize.length === 1 ? Array.from({ length: nd }, () => outputSize[0]!) : outputSize;
  if (given.length !== nd) throw new RuntimeError(`${name}: output_size must be ${String(nd)}`);
  const out = given.map((o, i) => o ?? size[i]!);
  if (size.some((d) => d === 0)) {
    throw new RuntimeError(
      `${name}(): Expected input to have non-zero size for non-batch dimensions, but input has sizes [${input._shape.join(", ")}]`,
    );
  }
  if (out.every((o) => o === 1)) {
    return input.mean(
      size.map((_, i) => first + i),
      { keepdim: true },
    );
  }
  let x = input;
  out.forEach((o, i) => {
    const n = size[i]!;
    if (o === n) return;
    const axis = first + i;
    const m = fromData(encode(averagingMatrix(n, o), input.dtype), [o, n], input.dtype);
    x = matmulLast(x.transpose(axis, -1), m.mT).transpose(axis, -1);
  });
  return x;
}

const adaptiveDoc = (nd: number): string =>
  `Averages to a given output size, whatever the input's.\n\n${page(`nn.functional.adaptive_avg_pool${String(nd)}d`)}`;

export const adaptiveAvgPool1d = op({
  signature: "adaptive_avg_pool1d(Tensor input, int[] output_size) -> Tensor",
  on: ["torch", "F"],
  doc: adaptiveDoc(1),
  call: (input, size) => adaptiveAvg(1, input, size),
});

export const adaptiveAvgPool2d = op({
  signature: "adaptive_avg_pool2d(Tensor input, int?[] output_size) -> Tensor",
  on: ["F"],
  doc: adaptiveDoc(2),
  call: (input, size) => adaptiveAvg(2, input, size),
});

export const adaptiveAvgPool3d = op({
  signature: "adaptive_avg_pool3d(Tensor input, int?[] output_size) -> Tensor",
  on: ["F"],
  doc: adaptiveDoc(3),
  call: (input, size) => adaptiveAvg(3, input, size),
});
