/** Convolutions over 1 to 3 spatial axes, and their transposes. */
import { RuntimeError } from "../errors.js";
import type { Builder, Ref } from "../graph/builder.js";
import { numel, type Attrs, type Meta } from "../graph/value.js";
import type { Tensor } from "../tensor/tensor.js";
import { apply } from "./apply.js";
import { page } from "./family.js";
import { sumDims } from "./reduce.js";
import { op, primitive, type GradContext, type OpPrimitive } from "./record.js";
import { pad } from "./pad.js";

/** @internal */
export interface ConvAttrs extends Attrs {
  readonly stride: readonly number[];
  readonly padding: readonly number[];
  readonly dilation: readonly number[];
  readonly groups: number;
}

interface TransposedAttrs extends ConvAttrs {
  readonly outputPadding: readonly number[];
}

interface WeightAttrs extends ConvAttrs {
  readonly kernel: readonly number[];
}

/** @internal ⌊(n + 2p − d(k − 1) − 1) / s⌋ + 1 */
export function outSize(n: number, k: number, p: number, d: number, s: number): number {
  return Math.floor((n + 2 * p - d * (k - 1) - 1) / s) + 1;
}

const spatial = (m: { readonly shape: readonly number[] }): readonly number[] => m.shape.slice(2);

/** @internal */
export function onnxAttrs(a: ConvAttrs, kernel: readonly number[]) {
  return {
    kernel_shape: kernel,
    strides: a.stride,
    pads: [...a.padding, ...a.padding],
    dilations: a.dilation,
    group: a.groups,
  };
}

/** Output padding that makes a transposed convolution of `out` give exactly `size`. */
function outputPaddingFor(
  size: readonly number[],
  out: readonly number[],
  kernel: readonly number[],
  a: ConvAttrs,
): number[] {
  return size.map((n, i) => {
    const least = (out[i]! - 1) * a.stride[i]! - 2 * a.padding[i]! + a.dilation[i]! * (kernel[i]! - 1) + 1;
    return n - least;
  });
}

/** `[N, C, …]` with a weight `[O, C/groups, k…]`. */
export const convolution: OpPrimitive<ConvAttrs> = primitive<ConvAttrs>({
  name: "convolution",
  infer: ([x, w], a) => ({
    shape: [
      x!.shape[0]!,
      w!.shape[0]!,
      ...spatial(x!).map((n, i) => outSize(n, w!.shape[i + 2]!, a.padding[i]!, a.dilation[i]!, a.stride[i]!)),
    ],
    dtype: x!.dtype,
  }),
  grad: (ctx, g) => [
    () => inputGrad(ctx, g),
    () => apply(weightGrad, [ctx.input(0), g], { ...ctx.attrs, kernel: spatial(ctx.inputMeta(1)) }),
    () => biasGrad(g),
  ],
  lower: (b, inputs, a) =>
    inputs[0]!.dtype === "float32" ? b.node("Conv", inputs, onnxAttrs(a, spatial(inputs[1]!))) : undefined,
  host: "convolution",
  cost: ([, w], _, [out]) => numel(out!.shape) * numel(w!.shape.slice(1)),
});

function inputGrad(ctx: GradContext<ConvAttrs>, g: Tensor): Tensor {
  const outputPadding = outputPaddingFor(
    spatial(ctx.inputMeta(0)),
    spatial(ctx.outputMeta()),
    spatial(ctx.inputMeta(1)),
    ctx.attrs,
  );
  return apply(transposedConvolution, [g, ctx.input(1)], { ...ctx.attrs, outputPadding });
}

function biasGrad(g: Tensor): Tensor {
  return sumDims(
    g,
    [...g._shape.keys()].filter((i) => i !== 1),
    false,
  );
}

/** `[N, O, …]` with a weight `[O, C/groups, k…]`: the gradient of a convolution with respect to its input. */
export const transposedConvolution: OpPrimitive<TransposedAttrs> = primitive<TransposedAttrs>({
  name: "convolution_transposed",
  infer: ([x, w], a) => ({
    shape: [
      x!.shape[0]!,
      w!.shape[1]! * a.groups,
      ...spatial(x!).map(
        (n, i) =>
          (n - 1) * a.stride[i]! -
          2 * a.padding[i]! +
          a.dilation[i]! * (w!.shape[i + 2]! - 1) +
          1 +
          a.outputPadding[i]!,
      ),
    ],
    dtype: x!.dtype,
  }),
  grad: (ctx, g) => {
    const { stride, padding, dilation, groups } = ctx.attrs;
    const a = { stride, padding, dilation, groups };
    return [
      () => apply(convolution, [g, ctx.input(1)], a),
      () => apply(weightGrad, [g, ctx.input(0)], { ...a, kernel: spatial(ctx.inputMeta(1)) }),
      () => biasGrad(g),
    ];
  },
  lower: (b, inputs, a) =>
    inputs[0]!.dtype === "float32" &&
    a.outputPadding.every((p, i) => p < Math.max(a.stride[i]!, a.dilation[i]!))
      ? b.node("ConvTranspose", inputs, {
          ...onnxAttrs(a, spatial(inputs[1]!)),
          output_padding: a.outputPadding,
        })
      : undefined,
  host: "convolution_transposed",
  cost: ([x, w]) => numel(x!.shape) * numel(w!.shape.slice(1)),
});

/**
 * The gradient of a convolution of `x` with respect to its weight, from that of its output: a convolution of `x` by
 * `g` with batch and channels exchanged, and stride and dilation too.
 */
const weightGrad: OpPrimitive<WeightAttrs> = primitive<WeightAttrs>({
  name: "convolution_weight_grad",
  infer: ([x, g], a) => ({
    shape: [g!.shape[1]!, x!.shape[1]! / a.groups, ...a.kernel],
    dtype: x!.dtype,
  }),
  grad: (ctx, h) => {
    const { stride, padding, dilation, groups } = ctx.attrs;
    const a = { stride, padding, dilation, groups };
    const outputPadding = outputPaddingFor(
      spatial(ctx.inputMeta(0)),
      spatial(ctx.inputMeta(1)),
      ctx.attrs.kernel,
      a,
    );
    return [
      () => apply(transposedConvolution, [ctx.input(1), h], { ...a, outputPadding }),
      () => apply(convolution, [ctx.input(0), h], a),
    ];
  },
  lower: (b, [x, g], a, [out]) => {
    if (x!.dtype !== "float32") return undefined;
    // A convolution without channels leaves its output as the memory was.
    if (numel(x!.shape) === 0) return b.node("Expand", [b.scalar(0, "float32"), b.ints(out!.shape)]);
    return swappedConv(b, x!, g!, a, out!);
  },
  host: "convolution_weight_grad",
  cost: ([, g], _, [out]) => numel(g!.shape) * numel(out!.shape.slice(1)),
});

function swappedConv(b: Builder, x: Ref, g: Ref, a: WeightAttrs, out: Meta): Ref {
  const [n, c] = x.shape as [number, number];
  const rest = spatial(x);
  const axes = rest.map((_, i) => i);
  let xs: Ref;
  if (a.groups === 1) {
    xs = b.node("Transpose", [x], { perm: [1, 0, ...axes.map((i) => i + 2)] }, "float32", [c, n, ...rest]);
  } else {
    // [N, G, C/G, …] → [C/G, G·N, …]
    const split = b.reshape(x, [n, a.groups, c / a.groups, ...rest]);
    const turned = b.node("Transpose", [split], { perm: [2, 1, 0, ...axes.map((i) => i + 3)] });
    xs = b.reshape(turned, [c / a.groups, a.groups * n, ...rest]);
  }
  const gs = b.node("Transpose", [g], { perm: [1, 0, ...axes.map((i) => i + 2)] }, "float32", [
    g.shape[1]!,
    n,
    ...spatial(g),
  ]);
  const wide = b.node("Conv", [xs, gs], {
    kernel_shape: spatial(g),
    strides: a.dilation,
    dilations: a.stride,
    pads: [...a.padding, ...a.padding],
    group: a.groups,
  });
  // Where the stride left input rows over, the swapped convolution has positions beyond the kernel.
  const sizes = rest.map((m, i) => outSize(m, spatial(g)[i]!, a.padding[i]!, a.stride[i]!, a.dilation[i]!));
  const cut = sizes.some((s, i) => s !== a.kernel[i])
    ? b.node("Slice", [wide, b.ints(axes.map(() => 0)), b.ints(a.kernel), b.ints(axes.map((i) => i + 2))])
    : wide;
  return b.node("Transpose", [cut], { perm: [1, 0, ...axes.map((i) => i + 2)] }, "float32", out.shape);
}

function checkConv(
  name: string,
  input: Tensor,
  weight: Tensor,
  bias: Tensor | null,
  a: ConvAttrs,
  nd: number,
  transposed: boolean,
): void {
  const sizes = (t: Tensor): string => `[${t._shape.join(", ")}]`;
  if (input.ndim !== nd + 1 && input.ndim !== nd + 2) {
    throw new RuntimeError(
      `Expected ${String(nd + 1)}D (unbatched) or ${String(nd + 2)}D (batched) input to ${name}, but got input of size: ${sizes(input)}`,
    );
  }
  if (weight.ndim !== nd + 2) {
    throw new RuntimeError(`weight should have ${String(nd + 2)} dimensions, got ${sizes(weight)}`);
  }
  if (input.dtype !== weight.dtype) {
    throw new RuntimeError(
      `Input type (${String(input.dtype)}) and weight type (${String(weight.dtype)}) should be the same`,
    );
  }
  if (bias && bias.dtype !== input.dtype) {
    throw new RuntimeError(
      `Input type (${String(input.dtype)}) and bias type (${String(bias.dtype)}) should be the same`,
    );
  }
  if (a.groups <= 0) throw new RuntimeError("non-positive groups is not supported");
  if (a.stride.some((s) => s <= 0)) throw new RuntimeError("non-positive stride is not supported");
  if (a.padding.some((p) => p < 0)) throw new RuntimeError("negative padding is not supported");
  if (a.dilation.some((d) => d <= 0)) throw new RuntimeError("dilation should be greater than zero");
  const channels = input._shape[input.ndim - nd - 1]!;
  const expected = transposed ? weight._shape[0]! : weight._shape[1]! * a.groups;
  if (channels !== expected) {
    throw new RuntimeError(
      `Given ${transposed ? "transposed=1" : `groups=${String(a.groups)}`}, weight of size ${sizes(weight)}, expected input${sizes(input)} to have ${String(expected)} channels, but got ${String(channels)} channels instead`,
    );
  }
  if (!transposed && weight._shape[0]! % a.groups !== 0) {
    throw new RuntimeError(
      `Given groups=${String(a.groups)}, expected weight to be at least ${String(a.groups)} at dimension 0 and divisible by it, but got weight of size ${sizes(weight)} instead`,
    );
  }
  const out = transposed ? weight._shape[1]! * a.groups : weight._shape[0]!;
  if (bias && (bias.ndim !== 1 || bias._shape[0] !== out)) {
    throw new RuntimeError(
      `Given weight of size ${sizes(weight)}, expected bias to be 1-dimensional with ${String(out)} elements, but got bias of size ${sizes(bias)} instead`,
    );
  }
  if (transposed) return;
  const kernel = a.stride.map((_, i) => a.dilation[i]! * (weight._shape[i + 2]! - 1) + 1);
  const padded = a.stride.map((_, i) => input._shape[input.ndim - nd + i]! + 2 * a.padding[i]!);
  if (kernel.some((k, i) => k > padded[i]!)) {
    throw new RuntimeError(
      `Calculated padded input size per channel: (${padded.join(" x ")}). Kernel size: (${kernel.join(" x ")}). Kernel size can't be greater than actual input size`,
    );
  }
}

function repeat(value: readonly number[], nd: number, what: string): readonly number[] {
  if (value.length === nd) return value;
  if (value.length === 1) return Array.from({ length: nd }, () => value[0]!);
  throw new RuntimeError(
    `expected ${what} to be a single integer value or a list of ${String(nd)} values, but got ${what}=[${value.join(", ")}]`,
  );
}

function convNd(
  nd: number,
  input: Tensor,
  weight: Tensor,
  bias: Tensor | null,
  stride: readonly number[],
  padding: readonly number[] | string,
  dilation: readonly number[],
  groups: number,
): Tensor {
  const name = `conv${String(nd)}d`;
  const strides = repeat(stride, nd, "stride");
  const dilations = repeat(dilation, nd, "dilation");
  if (typeof padding === "string") {
    if (padding === "valid") return convNd(nd, input, weight, bias, strides, [0], dilations, groups);
    if (padding !== "same") {
      throw new RuntimeError(`Invalid padding string: "${padding}"; it must be "same" or "valid"`);
    }
    if (strides.some((s) => s !== 1))
      throw new RuntimeError("padding='same' is not supported for strided convolutions");
    const total = dilations.map((d, i) => d * (weight._shape[i + 2]! - 1));
    const before = total.map((t) => Math.floor(t / 2));
    if (total.every((t) => t % 2 === 0))
      return convNd(nd, input, weight, bias, strides, before, dilations, groups);
    // An odd total puts the extra column after.
    const extra = total.flatMap((t) => [0, t % 2]);
    const pads: number[] = [];
    for (let i = nd - 1; i >= 0; i--) pads.push(extra[2 * i]!, extra[2 * i + 1]!);
    return convNd(nd, pad(input, pads), weight, bias, strides, before, dilations, groups);
  }
  const a: ConvAttrs = {
    stride: strides,
    padding: repeat(padding, nd, "padding"),
    dilation: dilations,
    groups,
  };
  checkConv(name, input, weight, bias, a, nd, false);
  const batched = input.ndim === nd + 2 ? input : input.unsqueeze(0);
  const out = apply(convolution, bias ? [batched, weight, bias] : [batched, weight], a);
  return input.ndim === nd + 2 ? out : out.squeeze(0);
}

function transposedNd(
  nd: number,
  input: Tensor,
  weight: Tensor,
  bias: Tensor | null,
  stride: readonly number[],
  padding: readonly number[],
  outputPadding: readonly number[],
  groups: number,
  dilation: readonly number[],
): Tensor {
  const a: TransposedAttrs = {
    stride: repeat(stride, nd, "stride"),
    padding: repeat(padding, nd, "padding"),
    dilation: repeat(dilation, nd, "dilation"),
    outputPadding: repeat(outputPadding, nd, "output_padding"),
    groups,
  };
  checkConv(`conv_transpose${String(nd)}d`, input, weight, bias, a, nd, true);
  a.outputPadding.forEach((p, i) => {
    if (p >= Math.max(a.stride[i]!, a.dilation[i]!)) {
      throw new RuntimeError(
        `output padding must be smaller than either stride or dilation, but got output_padding: ${a.outputPadding.join(" ")}, stride: ${a.stride.join(" ")}, dilation: ${a.dilation.join(" ")}`,
      );
    }
  });
  const batched = input.ndim === nd + 2 ? input : input.unsqueeze(0);
  const out = apply(transposedConvolution, bias ? [batched, weight, bias] : [batched, weight], a);
  return input.ndim === nd + 2 ? out : out.squeeze(0);
}

const doc = (nd: number): string =>
  `Convolution over ${String(nd)} spatial ${nd === 1 ? "axis" : "axes"}: \`[N, C, …]\` with a weight \`[O, C/groups, k…]\` gives \`[N, O, …]\`, each size ⌊(n + 2·padding − dilation·(k − 1) − 1) / stride⌋ + 1.\n\n${page(`nn.functional.conv${String(nd)}d`)}`;

export const conv1d = op({
  signature:
    "conv1d(Tensor input, Tensor weight, Tensor? bias=None, int[1] stride=1, int[]|str padding=0, int[1] dilation=1, int groups=1) -> Tensor",
  on: ["torch", "F"],
  doc: doc(1),
  call: (input, weight, bias, stride, padding, dilation, groups) =>
    convNd(1, input, weight, bias, stride, padding as number[] | string, dilation, groups),
});

export const conv2d = op({
  signature:
    "conv2d(Tensor input, Tensor weight, Tensor? bias=None, int[2] stride=1, int[]|str padding=0, int[2] dilation=1, int groups=1) -> Tensor",
  on: ["torch", "F"],
  doc: doc(2),
  call: (input, weight, bias, stride, padding, dilation, groups) =>
    convNd(2, input, weight, bias, stride, padding as number[] | string, dilation, groups),
});

export const conv3d = op({
  signature:
    "conv3d(Tensor input, Tensor weight, Tensor? bias=None, int[3] stride=1, int[]|str padding=0, int[3] dilation=1, int groups=1) -> Tensor",
  on: ["torch", "F"],
  doc: doc(3),
  call: (input, weight, bias, stride, padding, dilation, groups) =>
    convNd(3, input, weight, bias, stride, padding as number[] | string, dilation, groups),
});

const transposedDoc = (nd: number): string =>
  `Transposed convolution over ${String(nd)} spatial ${nd === 1 ? "axis" : "axes"}: the gradient of a convolution with respect to its input. Each size is (n − 1)·stride − 2·padding + dilation·(k − 1) + outputPadding + 1.\n\n${page(`nn.functional.conv_transpose${String(nd)}d`)}`;

export const convTranspose1d = op({
  signature:
    "conv_transpose1d(Tensor input, Tensor weight, Tensor? bias=None, int[1] stride=1, int[1] padding=0, int[1] output_padding=0, int groups=1, int[1] dilation=1) -> Tensor",
  on: ["torch", "F"],
  doc: transposedDoc(1),
  call: (...args) => transposedNd(1, ...args),
});

export const convTranspose2d = op({
  signature:
    "conv_transpose2d(Tensor input, Tensor weight, Tensor? bias=None, int[2] stride=1, int[2] padding=0, int[2] output_padding=0, int groups=1, int[2] dilation=1) -> Tensor",
  on: ["torch", "F"],
  doc: transposedDoc(2),
  call: (...args) => transposedNd(2, ...args),
});

export const convTranspose3d = op({
  signature:
    "conv_transpose3d(Tensor input, Tensor weight, Tensor? bias=None, int[3] stride=1, int[3] padding=0, int[3] output_padding=0, int groups=1, int[3] dilation=1) -> Tensor",
  on: ["torch", "F"],
  doc: transposedDoc(3),
  call: (...args) => transposedNd(3, ...args),
});
