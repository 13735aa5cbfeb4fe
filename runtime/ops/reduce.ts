/** Reductions over axes. */
import { RuntimeError } from "../errors.js";
import { bool, int64, type DType } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { apply, sameShape, setSumToShape } from "./apply.js";
import { castTo } from "./convert.js";
import { reducedShape, wrapDims } from "./dims.js";
import { page } from "./family.js";
import { titled } from "./inplace.js";
import { op, primitive } from "./record.js";
import { expandTo } from "./view.js";

interface ReduceAttrs {
  readonly [k: string]: readonly number[] | boolean;
  readonly dims: readonly number[];
  readonly keepdim: boolean;
}

const sumPrimitive = primitive<ReduceAttrs>({
  name: "sum",
  infer: ([x], { dims, keepdim }) => ({ shape: reducedShape(x!.shape, dims, keepdim), dtype: x!.dtype }),
  // Every summand gets the whole gradient.
  grad: (ctx, g) => [expandReduced(g, ctx.inputMeta(0).shape, ctx.attrs.dims)],
  lower: (b, [x], { dims, keepdim }) =>
    dims.length === 0 ? x! : b.node("ReduceSum", [x!, b.ints(dims)], { keepdims: Number(keepdim) }),
});

/** A reduced tensor, with or without its axes of size 1, over the shape it was reduced from. */
export function expandReduced(t: Tensor, shape: readonly number[], dims: readonly number[]): Tensor {
  const kept = shape.map((d, i) => (dims.includes(i) ? 1 : d));
  return expandTo(t.reshape(kept), shape);
}

/** Sums `dims` of `x` in its own dtype. */
export function sumDims(x: Tensor, dims: readonly number[], keepdim: boolean): Tensor {
  return apply(sumPrimitive, [x], { dims, keepdim });
}

/** Sums what broadcasting from `shape` would have repeated. */
function sumTo(x: Tensor, shape: readonly number[]): Tensor {
  const lead = x.ndim - shape.length;
  const dims: number[] = [];
  x._shape.forEach((d, i) => {
    if (i < lead || (shape[i - lead] === 1 && d !== 1)) dims.push(i);
  });
  const summed = dims.length ? sumDims(x, dims, true) : x;
  return sameShape(summed._shape, shape) ? summed : summed.reshape([...shape]);
}

setSumToShape(sumTo);

/** The dtype sums are computed in: bool and integers count in int64. */
function sumDtype(x: Tensor, dtype: DType | null): DType {
  return dtype ?? (x.dtype.isFloatingPoint ? x.dtype : int64);
}

export const sum = op({
  signature:
    "sum(Tensor input, int[]? dim=None, bool keepdim=False, *, dtype? dtype=None, Tensor? out=None) -> Tensor",
  outDtype: "asked",
  doc: `Sum of all elements, or over \`dim\`.\n\n${page("sum")}`,
  call: (input, dim, keepdim, dtype) => {
    const dims = wrapDims(dim, input.ndim);
    if (dtype !== bool) return sumDims(castTo(input, sumDtype(input, dtype)), dims, keepdim);
    // Truths are added by or: they are counted.
    return castTo(sumDims(castTo(castTo(input, bool), int64), dims, keepdim), bool);
  },
});

/** The mean over `dims` in the input's own floating dtype. */
export function meanDims(x: Tensor, dims: readonly number[], keepdim: boolean): Tensor {
  const count = dims.reduce((n, d) => n * x._shape[d]!, 1);
  return sumDims(x, dims, keepdim).div(count);
}

export const mean = op({
  signature:
    "mean(Tensor input, int[]? dim=None, bool keepdim=False, *, dtype? dtype=None, Tensor? out=None) -> Tensor",
  outDtype: "asked",
  doc: `Mean of all elements, or over \`dim\`.\n\n${page("mean")}`,
  call: (input, dim, keepdim, dtype) => {
    const x = dtype ? castTo(input, dtype) : input;
    if (!x.dtype.isFloatingPoint) {
      throw new RuntimeError(
        `mean(): could not infer output dtype. Input dtype must be either a floating point or complex dtype. Got: ${titled(x)}`,
      );
    }
    return meanDims(x, wrapDims(dim, x.ndim), keepdim);
  },
});
