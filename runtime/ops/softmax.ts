/** Softmax and its logarithm over one axis. */
import type { Tensor } from "../tensor/tensor.js";
import type { DType } from "../tensor/dtype.js";
import type { Builder, Ref } from "../graph/builder.js";
import { apply } from "./apply.js";
import { castTo } from "./convert.js";
import { wrapDim } from "./dims.js";
import { requireFloat } from "./elementwise.js";
import { page } from "./family.js";
import { exp } from "./math.js";
import { op, primitive } from "./record.js";
import { sumDims } from "./reduce.js";

interface SoftmaxAttrs {
  readonly [k: string]: number;
  readonly dim: number;
}

/** A 0-d tensor is taken for one with a single element. */
const along =
  (node: string) =>
  (b: Builder, [x]: readonly Ref[], { dim }: SoftmaxAttrs): Ref =>
    x!.shape.length === 0
      ? b.reshape(b.node(node, [b.reshape(x!, [1])], { axis: 0 }), [])
      : b.node(node, [x!], { axis: dim });

const axes = (t: Tensor, dim: number): number[] => (t.ndim === 0 ? [] : [dim]);

const softmaxPrimitive = primitive<SoftmaxAttrs>({
  name: "softmax",
  infer: ([x]) => x!,
  lower: along("Softmax"),
  // dx = y (dy - Σ y dy)
  grad: (ctx, g) => {
    const y = ctx.output();
    const gy = g.mul(y);
    return [gy.sub(y.mul(sumDims(gy, axes(g, ctx.attrs.dim), true)))];
  },
});

const logSoftmaxPrimitive = primitive<SoftmaxAttrs>({
  name: "log_softmax",
  infer: ([x]) => x!,
  lower: along("LogSoftmax"),
  // dx = dy - softmax(x) Σ dy
  grad: (ctx, g) => [g.sub(exp(ctx.output()).mul(sumDims(g, axes(g, ctx.attrs.dim), true)))],
});

function over(p: typeof softmaxPrimitive, input: Tensor, dim: number, dtype: DType | null): Tensor {
  const x = dtype ? castTo(input, dtype) : input;
  const axis = wrapDim(dim, x.ndim);
  requireFloat("softmax_kernel_impl", x.dtype);
  return apply(p, [x], { dim: axis });
}

/** The axis PyTorch chooses, with a warning, when none is given. */
function implicitDim(input: Tensor): number {
  return input.ndim === 0 || input.ndim === 1 || input.ndim === 3 ? 0 : 1;
}

const doc = (what: string, name: string): string =>
  `${what} over axis \`dim\`, in \`dtype\` if given.\n\n${page(name)}`;

export const softmax = op({
  signature: "softmax(Tensor input, int dim, dtype? dtype=None, *, Tensor? out=None) -> Tensor",
  on: ["torch", "Tensor", "special"],
  doc: doc("eˣ / Σ eˣ", "nn.functional.softmax"),
  call: (input, dim, dtype) => over(softmaxPrimitive, input, dim, dtype),
});

export const logSoftmax = op({
  signature: "log_softmax(Tensor input, int dim, dtype? dtype=None, *, Tensor? out=None) -> Tensor",
  on: ["torch", "Tensor", "special"],
  doc: doc("x - log Σ eˣ", "nn.functional.log_softmax"),
  call: (input, dim, dtype) => over(logSoftmaxPrimitive, input, dim, dtype),
});

export const softmaxF = op({
  signature: "softmax(Tensor input, int? dim=None, dtype? dtype=None) -> Tensor",
  on: ["F"],
  doc: doc("eˣ / Σ eˣ", "nn.functional.softmax"),
  call: (input, dim, dtype) => over(softmaxPrimitive, input, dim ?? implicitDim(input), dtype),
});

export const logSoftmaxF = op({
  signature: "log_softmax(Tensor input, int? dim=None, dtype? dtype=None) -> Tensor",
  on: ["F"],
  doc: doc("x - log Σ eˣ", "nn.functional.log_softmax"),
  call: (input, dim, dtype) => over(logSoftmaxPrimitive, input, dim ?? implicitDim(input), dtype),
});

export const softmin = op({
  signature: "softmin(Tensor input, int? dim=None, dtype? dtype=None) -> Tensor",
  on: ["F"],
  doc: doc("e⁻ˣ / Σ e⁻ˣ", "nn.functional.softmin"),
  call: (input, dim, dtype) => {
    // The sign changes in the input's own dtype: uint8 wraps around.
    return over(softmaxPrimitive, input.neg(), dim ?? implicitDim(input), dtype);
  },
});
