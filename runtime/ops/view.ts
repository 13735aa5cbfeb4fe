/** Views: tensors that show (a part of) another's memory. Writes through one are seen by all. */
import { isGradEnabled, isInferenceModeEnabled, withGradMode } from "../autograd/mode.js";
import { RuntimeError, IndexError } from "../errors.js";
import type { Ref } from "../graph/builder.js";
import { record } from "../graph/record.js";
import { numel, type Attrs } from "../graph/value.js";
import { bool, type DType } from "../tensor/dtype.js";
import { viewStrides } from "../tensor/strides.js";
import { setRederive, Tensor, type Layout, type ViewOrigin, type ViewStep } from "../tensor/tensor.js";
import { apply, attachHistory, OpGradNode, sameShape } from "./apply.js";
import { castTo } from "./convert.js";
import { wrapDim } from "./dims.js";
import { page } from "./family.js";
import { refusedView, setViewOnce, stepsFromBase } from "./inplace.js";
import { constant } from "./promote.js";
import { op, primitive, type OpPrimitive } from "./record.js";

/** A tensor that shares the memory of `t`, seen through `p`. */
export function viewOf<A extends Attrs>(p: OpPrimitive<A>, t: Tensor, attrs: A, layout: Layout): Tensor {
  const step = { op: p as unknown as OpPrimitive, attrs };
  const result = viewBySteps(t, [step], layout);
  attachHistory(step.op, [t], attrs, [result]);
  return result;
}

/** Steps after steps. A reshape of a reshape is one reshape: chains stay as short as they can be. */
function follow(before: readonly ViewStep[], more: readonly ViewStep[]): readonly ViewStep[] {
  const again = more[0]?.op === reshapePrimitive && before.at(-1)?.op === reshapePrimitive;
  return [...(again ? before.slice(0, -1) : before), ...more];
}

/** A tensor that shares the memory of `t`, seen through several primitives; its history is for the caller to give. */
export function viewBySteps(t: Tensor, steps: readonly ViewStep[], layout: Layout): Tensor {
  let value = t._value;
  for (const { op, attrs } of steps) value = record(op, [value], attrs)[0]!;
  return asViewOf(t, new Tensor(value, t._storage, follow(t._chain, steps), layout), steps);
}

/** Gives `result`, which shares the memory of `t`, what a view knows. */
export function asViewOf(t: Tensor, result: Tensor, steps: readonly ViewStep[]): Tensor {
  const from = t._view;
  result._versions = t._versions;
  result._historyVersion = t._versions.value;
  result._view = {
    base: from?.base ?? t,
    steps: from ? follow(from.steps, steps) : steps,
    baseChain: from?.baseChain ?? t._chain,
    origin: from?.origin ?? currentOrigin(),
  };
  return result;
}

function currentOrigin(): ViewOrigin | null {
  if (isGradEnabled()) return null;
  return isInferenceModeEnabled() ? "inference" : "noGrad";
}

/** Marks the views that one call gave: a write to one of several cannot be recorded. */
export function severalViews(views: Tensor[]): Tensor[] {
  for (const v of views) if (v._view) v._view = { ...v._view, origin: v._view.origin ?? "several" };
  return views;
}

setViewOnce((p, t, attrs) => apply(p, [t], attrs));

/** After the base was written in place: the view's history is that of the view ops over the base's new history. */
setRederive((view, meta) => {
  const { base, origin } = meta;
  if (origin) throw refusedView(view, origin, true);
  view._historyVersion = view._versions.value;
  const edge = base._edge;
  let t = new Tensor(base._value);
  if (edge) t._setHistory(edge.node, edge.index);
  // A base that was detached since takes no gradient; the view still asks for one, which leads nowhere.
  else t._leafRequiresGrad = true;
  withGradMode(true, () => {
    for (const step of stepsFromBase(view, meta)) t = apply(step.op as OpPrimitive, [t], step.attrs);
  });
  if (t._gradFn instanceof OpGradNode) t._gradFn.title = "AsStridedBackward0";
  view._gradFn = t._gradFn;
  view._outputIndex = t._outputIndex;
});

const reshapePrimitive = primitive<{ shape: readonly number[] }>({
  name: "view",
  infer: ([x], { shape }) => ({ shape, dtype: x!.dtype }),
  grad: (ctx, g) => [g.reshape(ctx.inputMeta(0).shape)],
  lower: (b, [x], { shape }) => b.reshape(x!, shape),
  moves: true,
  viewScatter: (base, value) => value.reshape(base._shape),
});

/** Fills in the -1 of a target shape. @throws RuntimeError */
export function inferShape(shape: readonly number[], count: number): number[] {
  const wild = shape.indexOf(-1);
  const known = shape.reduce((n, d) => (d === -1 ? n : n * d), 1);
  if (shape.filter((d) => d === -1).length > 1) throw new RuntimeError("only one dimension can be inferred");
  for (const d of shape) if (d < -1) throw new RuntimeError(`invalid shape dimension ${String(d)}`);
  const bad = (): RuntimeError =>
    new RuntimeError(`shape '[${shape.join(", ")}]' is invalid for input of size ${String(count)}`);
  if (wild < 0) {
    if (known !== count) throw bad();
    return [...shape];
  }
  if (known === 0) {
    if (count !== 0) throw bad();
    throw new RuntimeError(
      `cannot reshape tensor of 0 elements into shape [${shape.join(", ")}] because the unspecified dimension size -1 can be any value and is ambiguous`,
    );
  }
  if (count % known !== 0) throw bad();
  return shape.map((d) => (d === -1 ? count / known : d));
}

/** The elements in another shape, in a tensor of its own: for results that are no views. */
export function reshaped(t: Tensor, shape: readonly number[]): Tensor {
  return sameShape(t._shape, shape) ? t : apply(reshapePrimitive, [t], { shape });
}

/** The same, also where the shape stays. */
export function copyReshaped(t: Tensor, shape: readonly number[]): Tensor {
  return apply(reshapePrimitive, [t], { shape });
}

/** A view of all of `t`. */
export function sameView(t: Tensor): Tensor {
  return viewOf(reshapePrimitive, t, { shape: t._shape }, { strides: t._strides, offset: t._offset });
}

/** A view of another shape, or `undefined` where the strides do not allow one. */
export function tryView(t: Tensor, shape: readonly number[]): Tensor | undefined {
  const strides = viewStrides(t._shape, t._strides, shape);
  return strides && viewOf(reshapePrimitive, t, { shape }, { strides, offset: t._offset });
}

export const view = op(
  {
    signature: "view(Tensor self, int... size) -> Tensor",
    on: ["Tensor"],
    doc: `The same elements in another shape, sharing memory. One size may be -1. Throws \`RuntimeError\` when the strides do not allow it: use \`reshape\`.\n\n[PyTorch](https://pytorch.org/docs/stable/generated/torch.Tensor.view.html)`,
    call: (self, size) => {
      const result = tryView(self, inferShape(size, self.numel()));
      if (result) return result;
      throw new RuntimeError(
        `view size is not compatible with input tensor's size and stride (at least one dimension spans across two ` +
          `contiguous subspaces). Use .reshape(...) instead. [${self._shape.join(", ")}] with strides [${self._strides.join(", ")}]`,
      );
    },
  },
  {
    signature: "view(Tensor self, dtype dtype) -> Tensor",
    call: (self, dtype) => viewAsDtype(self, dtype),
  },
);

let viewAsDtype: (self: Tensor, dtype: DType) => Tensor;
/** @internal Set by the memory ops, which need views themselves. */
export function setViewAsDtype(f: typeof viewAsDtype): void {
  viewAsDtype = f;
}

export const reshape = op({
  signature: "reshape(Tensor input, int... shape) -> Tensor",
  doc: `The same elements in another shape: a view where possible, else a copy. One size may be -1.\n\n${page("reshape")}`,
  call: (input, size) => {
    const shape = inferShape(size, input.numel());
    return tryView(input, shape) ?? apply(reshapePrimitive, [input], { shape });
  },
});

const permutePrimitive = primitive<{ dims: readonly number[] }>({
  name: "permute",
  infer: ([x], { dims }) => ({ shape: dims.map((d) => x!.shape[d]!), dtype: x!.dtype }),
  grad: (ctx, g) => [g.permute(inverse(ctx.attrs.dims))],
  lower: (b, [x], { dims }) => b.node("Transpose", [x!], { perm: dims }),
  moves: true,
  viewScatter: (_, value, { dims }) => value.permute(inverse(dims)),
});

function inverse(dims: readonly number[]): number[] {
  const out = new Array<number>(dims.length);
  dims.forEach((d, i) => (out[d] = i));
  return out;
}

export function permuteTo(t: Tensor, dims: readonly number[]): Tensor {
  return viewOf(
    permutePrimitive,
    t,
    { dims },
    { strides: dims.map((d) => t._strides[d]!), offset: t._offset },
  );
}

/** Another order of the axes in a tensor of its own, which lies as `strides` say (default: C order). */
export function permuteCopy(t: Tensor, dims: readonly number[], strides?: readonly number[]): Tensor {
  if (!strides && dims.every((d, i) => d === i)) return t;
  return apply(permutePrimitive, [t], { dims }, strides);
}

export const permute = op({
  signature: "permute(Tensor input, int... dims) -> Tensor",
  doc: `A view with its axes in another order.\n\n${page("permute")}`,
  call: (input, dims) => {
    if (dims.length !== input.ndim) {
      throw new RuntimeError(
        `permute(sparse_coo): number of dimensions in the tensor input does not match the length of the desired ordering of dimensions i.e. input.dim() = ${String(input.ndim)} is not equal to len(dims) = ${String(dims.length)}`,
      );
    }
    const order = dims.map((d) => wrapDim(d, input.ndim));
    if (new Set(order).size !== order.length)
      throw new RuntimeError("permute(): duplicate dims are not allowed.");
    return permuteTo(input, order);
  },
});

export const transpose = op({
  signature: "transpose(Tensor input, int dim0, int dim1) -> Tensor",
  aliases: ["swapaxes", "swapdims"],
  inplace: "view",
  doc: `A view with two axes exchanged.\n\n${page("transpose")}`,
  call: (input, dim0, dim1) => {
    const a = wrapDim(dim0, input.ndim);
    const b = wrapDim(dim1, input.ndim);
    const dims = input._shape.map((_, i) => (i === a ? b : i === b ? a : i));
    return permuteTo(input, dims);
  },
});

const expandPrimitive = primitive<{ shape: readonly number[] }>({
  name: "expand",
  infer: ([x], { shape }) => ({ shape, dtype: x!.dtype }),
  grad: (_, g) => [g],
  broadcast: true,
  lower: (b, [x], { shape }) =>
    // ONNX Runtime takes the larger of 1 and 0.
    numel(shape) === 0 ? b.tensor([], x!.dtype, shape) : b.node("Expand", [x!, b.ints(shape)]),
  moves: true,
});

/** Expands to a shape whose sizes are all known. */
export function expandTo(t: Tensor, shape: readonly number[]): Tensor {
  if (sameShape(t._shape, shape)) return t;
  const lead = shape.length - t.ndim;
  const strides = new Array<number>(shape.length).fill(0);
  for (let i = shape.length - 1; i >= 0; i--) {
    const j = i - lead;
    // A new axis of size 1 steps over all that follows.
    if (j < 0) strides[i] = shape[i] === 1 && t.ndim > 0 ? shape[i + 1]! * strides[i + 1]! : 0;
    else strides[i] = t._shape[j] === 1 && shape[i] !== 1 ? 0 : t._strides[j]!;
  }
  return viewOf(expandPrimitive, t, { shape }, { strides, offset: t._offset });
}

export const expand = op({
  signature: "expand(Tensor self, int... size, *, bool implicit=False) -> Tensor",
  on: ["Tensor"],
  doc: "A view with axes of size 1 repeated, without copying; -1 keeps an axis.\n\n[PyTorch](https://pytorch.org/docs/stable/generated/torch.Tensor.expand.html)",
  call: (self, size) => {
    const lead = size.length - self.ndim;
    if (lead < 0) {
      throw new RuntimeError(
        `expand(${String(self.dtype)}{[${self._shape.join(", ")}]}, size=[${size.join(", ")}]): the number of sizes provided (${String(size.length)}) must be greater or equal to the number of dimensions in the tensor (${String(self.ndim)})`,
      );
    }
    const shape = size.map((d, i) => {
      const have = i < lead ? undefined : self._shape[i - lead]!;
      if (d === -1) {
        if (have === undefined) {
          throw new RuntimeError(
            `The expanded size of the tensor (-1) isn't allowed in a leading, non-existing dimension ${String(i)}`,
          );
        }
        return have;
      }
      if (have !== undefined && have !== 1 && have !== d) {
        throw new RuntimeError(
          `The expanded size of the tensor (${String(d)}) must match the existing size (${String(have)}) at non-singleton dimension ${String(i)}.  Target sizes: [${size.join(", ")}].  Tensor sizes: [${self._shape.join(", ")}]`,
        );
      }
      return d;
    });
    return sameShape(self._shape, shape) ? sameView(self) : expandTo(self, shape);
  },
});

interface SliceAttrs extends Attrs {
  readonly dim: number;
  /** 0 ≤ start ≤ end ≤ size. */
  readonly start: number;
  readonly end: number;
  readonly step: number;
}

const slicePrimitive = primitive<SliceAttrs>({
  name: "slice",
  infer: ([x], { dim, start, end, step }) => ({
    shape: x!.shape.map((d, i) => (i === dim ? Math.max(0, Math.ceil((end - start) / step)) : d)),
    dtype: x!.dtype,
  }),
  grad: (ctx, g) => {
    const whole = expandTo(constant(0, g.dtype), ctx.inputMeta(0).shape);
    return [apply(sliceScatterPrimitive, [whole, g], ctx.attrs)];
  },
  lower: (b, [x], { dim, start, end, step }) =>
    b.node("Slice", [x!, b.ints([start]), b.ints([end]), b.ints([dim]), b.ints([step])]),
  moves: true,
  viewScatter: (base, value, attrs) => apply(sliceScatterPrimitive, [base, value], attrs),
});

/** `base` with the slice replaced by `value`. */
export const sliceScatterPrimitive: OpPrimitive<SliceAttrs> = primitive({
  name: "slice_scatter",
  infer: ([base]) => ({ shape: base!.shape, dtype: base!.dtype }),
  grad: (ctx, g) => {
    const { dim, start, end, step } = ctx.attrs;
    return [
      () =>
        apply(sliceScatterPrimitive, [g, expandTo(constant(0, g.dtype), ctx.inputMeta(1).shape)], ctx.attrs),
      () => sliceOf(g, dim, start, end, step),
    ];
  },
  lower: (b, [base, value], { dim, start, end, step }) => {
    if (value!.shape.includes(0)) return base!;
    const size = base!.shape[dim]!;
    const cut = (from: number, to: number): Ref =>
      b.node("Slice", [base!, b.ints([from]), b.ints([to]), b.ints([dim])]);
    if (step === 1) {
      const parts = [...(start > 0 ? [cut(0, start)] : []), value!, ...(end < size ? [cut(end, size)] : [])];
      return parts.length === 1 ? value! : b.node("Concat", parts, { axis: dim });
    }
    // Along `dim`, position start + i·step takes element i: a gather by position, chosen by a mask.
    const from = Array.from({ length: size }, (_, i) =>
      Math.floor(Math.max(0, Math.min(i, end - 1) - start) / step),
    );
    const hit = Array.from({ length: size }, (_, i) =>
      Number(i >= start && i < end && (i - start) % step === 0),
    );
    const spread = b.node("Gather", [value!, b.ints(from)], { axis: dim });
    const mask = b.tensor(
      hit,
      "bool",
      base!.shape.map((_, i) => (i === dim ? size : 1)),
    );
    return b.node("Where", [mask, spread, base!], undefined, base!.dtype);
  },
  moves: true,
});

/** The view `x[..., start:end:step, ...]` along `dim`; the bounds are checked ones. */
export function sliceOf(t: Tensor, dim: number, start: number, end: number, step = 1): Tensor {
  return viewOf(slicePrimitive, t, { dim, start, end, step }, slicedLayout(t, dim, start, step));
}

function slicedLayout(t: Tensor, dim: number, start: number, step: number): Layout {
  return {
    strides: t._strides.map((s, i) => (i === dim ? s * step : s)),
    offset: t._offset + start * t._strides[dim]!,
  };
}

/** The same without a history of its own: one of several views. */
export function pieceOf(t: Tensor, dim: number, start: number, end: number): Tensor {
  const step = { op: slicePrimitive as unknown as OpPrimitive, attrs: { dim, start, end, step: 1 } };
  return viewBySteps(t, [step], slicedLayout(t, dim, start, 1));
}

/** `t.select(dim, at)` without a history of its own. */
export function rowOf(t: Tensor, dim: number, at: number): Tensor {
  const shape = t._shape.filter((_, i) => i !== dim);
  const { strides, offset } = slicedLayout(t, dim, at, 1);
  return viewBySteps(
    t,
    [
      { op: slicePrimitive as unknown as OpPrimitive, attrs: { dim, start: at, end: at + 1, step: 1 } },
      { op: reshapePrimitive as unknown as OpPrimitive, attrs: { shape } },
    ],
    { strides: strides.filter((_, i) => i !== dim), offset },
  );
}

export const sliceScatter = op({
  signature:
    "slice_scatter(Tensor input, Tensor src, int dim=0, int? start=None, int? end=None, int step=1) -> Tensor",
  doc: `A copy of \`input\` with a slice replaced by \`src\`.\n\n${page("slice_scatter")}`,
  call: (input, src, dim, start, end, step) => {
    const d = wrapDim(dim, input.ndim);
    const [from, to] = sliceBounds(input._shape[d]!, start, end);
    const want = input._shape.map((n, i) => (i === d ? Math.max(0, Math.ceil((to - from) / step)) : n));
    if (!sameShape(src._shape, want)) {
      throw new RuntimeError(
        `expected src to have a size equal to the slice of self. src size = [${src._shape.join(", ")}], slice size = [${want.join(", ")}]`,
      );
    }
    return apply(sliceScatterPrimitive, [input, castTo(src, input.dtype)], {
      dim: d,
      start: from,
      end: Math.max(from, to),
      step,
    });
  },
});

/** Python's reading of slice bounds: negative from the end, cut to the size. */
export function sliceBounds(size: number, start: number | null, end: number | null): [number, number] {
  const clip = (v: number): number => Math.min(Math.max(v < 0 ? v + size : v, 0), size);
  const from = clip(start ?? 0);
  return [from, Math.max(from, clip(end ?? size))];
}

export const select = op({
  signature: "select(Tensor input, int dim, int index) -> Tensor",
  doc: `A view without axis \`dim\`, at one index of it.\n\n${page("select")}`,
  call: (input, dim, index) => {
    if (input.ndim === 0) throw new IndexError("select() cannot be applied to a 0-dim tensor.");
    const d = wrapDim(dim, input.ndim);
    const size = input._shape[d]!;
    if (index < -size || index >= size) {
      throw new IndexError(
        `select(): index ${String(index)} out of range for tensor of size [${input._shape.join(", ")}] at dimension ${String(d)}`,
      );
    }
    const at = index < 0 ? index + size : index;
    return squeezeDims(sliceOf(input, d, at, at + 1), [d]);
  },
});

/** Where a narrowed view starts, from a tensor: waits for its value. */
function startOf(start: Tensor): number {
  if (start.ndim !== 0 || start.dtype.isFloatingPoint || start.dtype === bool) {
    throw new RuntimeError("start must be an 0-dim integral Tensor.");
  }
  return Number(start.item());
}

export const narrow = op({
  signature: "narrow(Tensor input, int dim, int|Tensor start, int length) -> Tensor",
  doc: `The view \`input[..., start : start + length, ...]\` along \`dim\`.\n\n${page("narrow")}`,
  call: (input, dim, given, length) => {
    if (input.ndim === 0) throw new RuntimeError("narrow() cannot be applied to a 0-dim tensor.");
    const start = typeof given === "number" ? given : startOf(given);
    const d = wrapDim(dim, input.ndim);
    const size = input._shape[d]!;
    // A start at the end is allowed, where nothing is left.
    const from = start === size ? start : wrapDim(start, size);
    if (length < 0 || from + length > size) {
      throw new RuntimeError(
        `start (${String(from)}) + length (${String(length)}) exceeds dimension size (${String(size)}).`,
      );
    }
    return sliceOf(input, d, from, from + length);
  },
});

/** Drops axes of size 1. */
export function squeezeDims(t: Tensor, dims: readonly number[]): Tensor {
  const kept = t._shape.map((_, i) => i).filter((i) => !(dims.includes(i) && t._shape[i] === 1));
  const shape = kept.map((i) => t._shape[i]!);
  return viewOf(
    reshapePrimitive,
    t,
    { shape },
    { strides: kept.map((i) => t._strides[i]!), offset: t._offset },
  );
}

export const squeeze = op(
  {
    signature: "squeeze(Tensor input) -> Tensor",
    inplace: "view",
    doc: `A view without axes of size 1: all of them, or \`dim\`.\n\n${page("squeeze")}`,
    call: (input) =>
      squeezeDims(
        input,
        input._shape.map((_, i) => i),
      ),
  },
  {
    signature: "squeeze(Tensor input, int[] dim) -> Tensor",
    call: (input, dim) =>
      squeezeDims(
        input,
        dim.map((d) => wrapDim(d, input.ndim)),
      ),
  },
);

export const unsqueeze = op({
  signature: "unsqueeze(Tensor input, int dim) -> Tensor",
  inplace: "view",
  doc: `A view with an axis of size 1 inserted at \`dim\`.\n\n${page("unsqueeze")}`,
  call: (input, dim) => {
    const d = wrapDim(dim, input.ndim + 1);
    const shape = [...input._shape.slice(0, d), 1, ...input._shape.slice(d)];
    const step = d < input.ndim ? input._shape[d]! * input._strides[d]! : 1;
    const strides = [...input._strides.slice(0, d), step, ...input._strides.slice(d)];
    return viewOf(reshapePrimitive, input, { shape }, { strides, offset: input._offset });
  },
});

export const flatten = op({
  signature: "flatten(Tensor input, int start_dim=0, int end_dim=-1) -> Tensor",
  doc: `Merges the axes from \`startDim\` to \`endDim\` into one.\n\n${page("flatten")}`,
  call: (input, startDim, endDim) => {
    const start = wrapDim(startDim, input.ndim);
    const end = wrapDim(endDim, input.ndim);
    if (start > end)
      throw new RuntimeError("flatten() has invalid args: start_dim cannot come after end_dim");
    if (input.ndim === 0) return input.reshape(1);
    if (start === end) return input;
    const merged = numel(input._shape.slice(start, end + 1));
    return input.reshape([...input._shape.slice(0, start), merged, ...input._shape.slice(end + 1)]);
  },
});
