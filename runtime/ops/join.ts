/** Joining. */
import { RuntimeError } from "../errors.js";
import type { Attrs } from "../graph/value.js";
import { promoteTypes } from "../tensor/dtype.js";
import { channelsLastStrides, contiguousStrides, suggestsChannelsLast } from "../tensor/strides.js";
import type { Tensor } from "../tensor/tensor.js";
import { apply, sameShape } from "./apply.js";
import { castTo } from "./convert.js";
import { wrapDim } from "./dims.js";
import { setJoinLast } from "./indexing.js";
import { page } from "./family.js";
import { constant } from "./promote.js";
import { op, primitive, type OpPrimitive } from "./record.js";
import { expandTo, sliceOf } from "./view.js";

interface DimAttrs extends Attrs {
  readonly dim: number;
}

/** Vectors without elements join tensors of any rank, and add nothing. */
const isNothing = (shape: readonly number[], rank: number): boolean =>
  shape.length === 1 && shape[0] === 0 && rank !== 1;

const catPrimitive: OpPrimitive<DimAttrs> = primitive<DimAttrs>({
  name: "cat",
  infer: (inputs, { dim }) => {
    const rank = Math.max(...inputs.map((m) => m.shape.length));
    const real = inputs.filter((m) => !isNothing(m.shape, rank));
    const total = real.reduce((n, m) => n + m.shape[dim]!, 0);
    return { shape: real[0]!.shape.map((d, i) => (i === dim ? total : d)), dtype: inputs[0]!.dtype };
  },
  // Every piece of the gradient goes back where its input came from.
  grad: (ctx, g) => {
    const { dim } = ctx.attrs;
    let at = 0;
    return Array.from({ length: ctx.inputs }, (_, i) => {
      const { shape } = ctx.inputMeta(i);
      if (isNothing(shape, g.ndim)) return () => expandTo(constant(0, g.dtype), shape);
      const from = at;
      at += shape[dim]!;
      const to = at;
      return () => sliceOf(g, dim, from, to);
    });
  },
  lower: (b, inputs, { dim }, [out]) => {
    const real = inputs.filter((r) => !isNothing(r.shape, out!.shape.length));
    return real.length === 1 ? real[0]! : b.node("Concat", real, { axis: dim });
  },
  moves: true,
  layout: (inputs, shape) =>
    inputs.every((t) => suggestsChannelsLast(t._shape, t._strides)) ? channelsLastStrides(shape) : undefined,
});

/** Joins along an axis they have. */
export function concat(tensors: readonly Tensor[], dim: number, plain = false): Tensor {
  if (tensors.length === 0) throw new RuntimeError("torch.cat(): expected a non-empty list of Tensors");
  for (const [i, t] of tensors.entries()) {
    if (t.ndim === 0)
      throw new RuntimeError(`zero-dimensional tensor (at position ${String(i)}) cannot be concatenated`);
  }
  const rank = Math.max(...tensors.map((t) => t.ndim));
  const real = tensors.filter((t) => !isNothing(t._shape, rank));
  const dtype = tensors.map((t) => t.dtype).reduce(promoteTypes);
  const first = real[0]!;
  const d = wrapDim(dim, first.ndim);
  for (const [i, t] of real.entries()) {
    if (t.ndim !== first.ndim) {
      throw new RuntimeError(
        `Tensors must have same number of dimensions: got ${String(first.ndim)} and ${String(t.ndim)}`,
      );
    }
    t._shape.forEach((n, axis) => {
      if (axis !== d && n !== first._shape[axis]) {
        throw new RuntimeError(
          `Sizes of tensors must match except in dimension ${String(d)}. Expected size ${String(first._shape[axis])} but got size ${String(n)} for tensor number ${String(i)} in the list.`,
        );
      }
    });
  }
  const inputs = tensors.map((t) => castTo(t, dtype));
  if (!plain) return apply(catPrimitive, inputs, { dim: d });
  const total = real.reduce((n, t) => n + t._shape[d]!, 0);
  const shape = first._shape.map((n, i) => (i === d ? total : n));
  return apply(catPrimitive, inputs, { dim: d }, contiguousStrides(shape));
}

setJoinLast((list) => concat(list, -1));

export const cat = op({
  signature: "cat(Tensor[] tensors, int dim=0, *, Tensor? out=None) -> Tensor",
  on: ["torch"],
  aliases: ["concat", "concatenate"],
  doc: `Tensors one after another along an axis they have.\n\n${page("cat")}`,
  call: (tensors, dim) => concat(tensors, dim),
});

export const stack = op({
  signature: "stack(Tensor[] tensors, int dim=0, *, Tensor? out=None) -> Tensor",
  on: ["torch"],
  doc: `Tensors of one shape one after another along a new axis.\n\n${page("stack")}`,
  call: (tensors, dim) => {
    if (tensors.length === 0) throw new RuntimeError("stack expects a non-empty TensorList");
    const first = tensors[0]!;
    const d = wrapDim(dim, first.ndim + 1);
    tensors.forEach((t, i) => {
      if (!sameShape(t._shape, first._shape)) {
        throw new RuntimeError(
          `stack expects each tensor to be equal size, but got [${first._shape.join(", ")}] at entry 0 and [${t._shape.join(", ")}] at entry ${String(i)}`,
        );
      }
    });
    return concat(
      tensors.map((t) => t.unsqueeze(d)),
      d,
      true,
    );
  },
});

/** The tensor with at least so many axes, by the rule of `atleast_3d`. */
export function atLeast(t: Tensor, rank: number): Tensor {
  if (rank >= 1 && t.ndim === 0) return atLeast(t.reshape(1), rank);
  if (rank >= 2 && t.ndim === 1) return atLeast(t.unsqueeze(0), rank);
  if (rank >= 3 && t.ndim === 2) return t.unsqueeze(-1);
  return t;
}

function stacked(name: string, rank: number, dim: (t: Tensor) => number) {
  return (tensors: Tensor[]): Tensor => {
    if (tensors.length === 0) throw new RuntimeError(`${name} expects a non-empty TensorList`);
    const all = tensors.map((t) => atLeast(t, rank));
    return concat(all, dim(all[0]!));
  };
}

export const hstack = op({
  signature: "hstack(Tensor[] tensors, *, Tensor? out=None) -> Tensor",
  on: ["torch"],
  doc: `Tensors side by side.\n\n${page("hstack")}`,
  call: stacked("hstack", 1, (t) => (t.ndim === 1 ? 0 : 1)),
});

export const vstack = op({
  signature: "vstack(Tensor[] tensors, *, Tensor? out=None) -> Tensor",
  on: ["torch"],
  aliases: ["row_stack"],
  doc: `Tensors one below another.\n\n${page("vstack")}`,
  call: stacked("vstack", 2, () => 0),
});

export const dstack = op({
  signature: "dstack(Tensor[] tensors, *, Tensor? out=None) -> Tensor",
  on: ["torch"],
  doc: `Tensors one behind another, along the third axis.\n\n${page("dstack")}`,
  call: stacked("dstack", 3, () => 2),
});

export const columnStack = op({
  signature: "column_stack(Tensor[] tensors, *, Tensor? out=None) -> Tensor",
  on: ["torch"],
  doc: `Vectors as the columns of a matrix.\n\n${page("column_stack")}`,
  call: (tensors) => {
    if (tensors.length === 0) throw new RuntimeError("column_stack expects a non-empty TensorList");
    return concat(
      tensors.map((t) => (t.ndim <= 1 ? t.reshape(-1, 1) : t)),
      1,
    );
  },
});
