/** Indexing: `x.at(0, torch.slice(1, 3), null, mask)` reads, `x.setAt([…], value)` writes. */
import { IndexError, RuntimeError } from "../errors.js";
import type { Attrs } from "../graph/value.js";
import { bool } from "../tensor/dtype.js";
import { Slice } from "../tensor/slice.js";
import { resultStrides, viewStrides } from "../tensor/strides.js";
import { Tensor } from "../tensor/tensor.js";
import { apply, sameShape } from "./apply.js";
import { castTo } from "./convert.js";
import { checkBounds, outOfBounds } from "./bounds.js";
import { enterCall, leaveCall, reportResult } from "./depth.js";
import { broadcastShapes, page } from "./family.js";
import { takeViews, type IndexEntry, type Remaining } from "./index-entries.js";
import { checkNoPartialOverlap, inPlace, titled } from "./inplace.js";
import { constant, operand } from "./promote.js";
import { op, primitive, type OpPrimitive } from "./record.js";
import type { Scalar } from "./schema.js";
import { expandTo, permuteCopy } from "./view.js";

export type { IndexEntry } from "./index-entries.js";

interface IndexAttrs extends Attrs {
  /** The axes that index tensors stand for, side by side, first. */
  readonly axes: number;
}

/** `x[i₀, i₁, …]` with index tensors on the first axes, all of one shape: rows of positions into `x`. */
export const indexPrimitive: OpPrimitive<IndexAttrs> = primitive<IndexAttrs>({
  name: "index",
  refuses: "IndexError",
  infer: ([x, at], { axes }) => ({
    shape: [...at!.shape.slice(0, -1), ...x!.shape.slice(axes)],
    dtype: x!.dtype,
  }),
  grad: (ctx, g) => [
    () => {
      const zeros = expandTo(constant(0, g.dtype), ctx.inputMeta(0).shape);
      return apply(indexPutPrimitive, [zeros, ctx.input(1), g], { axes: ctx.attrs.axes, accumulate: true });
    },
  ],
  lower: (b, [x, at]) => b.node("GatherND", [x!, at!]),
  moves: true,
});

/** Writes, or adds, `value` at rows of positions. */
export const indexPutPrimitive: OpPrimitive<IndexAttrs & { readonly accumulate: boolean }> = primitive<
  IndexAttrs & { readonly accumulate: boolean }
>({
  name: "index_put",
  refuses: "IndexError",
  infer: ([x]) => ({ shape: x!.shape, dtype: x!.dtype }),
  grad: (ctx, g) => {
    const { axes, accumulate } = ctx.attrs;
    return [
      () => {
        if (accumulate) return g;
        const zeros = expandTo(constant(0, g.dtype), ctx.inputMeta(2).shape);
        return apply(indexPutPrimitive, [g, ctx.input(1), zeros], { axes, accumulate: false });
      },
      null,
      () => apply(indexPrimitive, [g, ctx.input(1)], { axes }),
    ];
  },
  lower: (b, [x, at, value], { accumulate }) => {
    const reduction = accumulate ? "add" : "none";
    if (x!.dtype !== "bool" || !accumulate) return b.node("ScatterND", [x!, at!, value!], { reduction });
    const sum = b.node("ScatterND", [b.cast(x!, "int64"), at!, b.cast(value!, "int64")], { reduction });
    return b.cast(sum, "bool");
  },
});

/** Where the index tensors of an index stand, and what its result looks like. */
interface Plan {
  /** The axes with index tensors, then the others. */
  readonly order: readonly number[];
  readonly axes: number;
  /** Rows of positions, `[…shape, axes]`. */
  readonly rows: Tensor;
  readonly index: readonly Tensor[];
  /** The shape that the index tensors broadcast to. */
  readonly picked: readonly number[];
  /** Where the picked axes stand in the result. */
  readonly first: number;
  readonly result: readonly number[];
}

function planOf(remaining: Remaining): Plan {
  const { view } = remaining;
  const tensors = remaining.tensors();
  const used = tensors.flatMap((t, i) => (t ? [i] : []));
  const index = used.map((i) => tensors[i]!);
  const picked = broadcastIndex(index);
  index.forEach((t, k) => {
    const size = view._shape[used[k]!]!;
    checkBounds(t, -size, size, outOfBounds(used[k]!, size));
  });
  const rest = [...view._shape.keys()].filter((i) => !used.includes(i));
  const wide = index.map((t) => expandTo(t, picked).unsqueeze(-1));
  // Neighbouring index tensors leave their result where they stood; scattered ones put it first.
  const adjacent = used.every((u, k) => k === 0 || u === used[k - 1]! + 1);
  const first = adjacent ? used[0]! : 0;
  const others = rest.map((i) => view._shape[i]!);
  return {
    order: [...used, ...rest],
    axes: used.length,
    rows: wide.length === 1 ? wide[0]! : joinLast(wide),
    index,
    picked,
    first,
    result: [...others.slice(0, first), ...picked, ...others.slice(first)],
  };
}

function broadcastIndex(index: readonly Tensor[]): number[] {
  try {
    return broadcastShapes(...index.map((t) => t._shape));
  } catch {
    throw new IndexError(
      `shape mismatch: indexing tensors could not be broadcast together with shapes ${index.map((t) => `[${t._shape.join(", ")}]`).join(", ")}`,
    );
  }
}

let joinLast: (list: readonly Tensor[]) => Tensor;
/** @internal Set by the joins, which need views themselves. */
export function setJoinLast(f: typeof joinLast): void {
  joinLast = f;
}

/** Moves the picked axes, which come first from the gather, to where PyTorch has them. */
function toResult({ picked, first, result }: Plan): number[] {
  const n = picked.length;
  return result.map((_, i) => (i < first ? n + i : i < first + n ? i - first : i));
}

/** Strides of the result: its axes lie in the order of those they come from. */
function resultLayout(view: Tensor, plan: Plan): readonly number[] | undefined {
  const { order, axes, picked, first, result, index } = plan;
  const rest = order.slice(axes).map((i) => view._strides[i]!);
  const around = <T>(before: readonly T[], at: readonly T[]): T[] => [
    ...before.slice(0, first),
    ...at,
    ...before.slice(first),
  ];
  const source = around(
    rest,
    picked.map(() => 0),
  );
  // An index tensor stands there with axes of one element around its own; those keep the strides of such a view.
  const ones = rest.map(() => 1);
  const seen = around(ones, picked);
  const indices = index.map((t) => {
    const lead = picked.length - t.ndim;
    const wide = picked.map((d, i) =>
      i < lead || (t._shape[i - lead] === 1 && d !== 1) ? 0 : t._strides[i - lead]!,
    );
    return viewStrides(picked, wide, seen)!.map((s, i) => (seen[i] === 1 && result[i] !== 1 ? 0 : s));
  });
  return resultStrides(
    result,
    [source, ...indices].map((strides) => ({ shape: result, strides })),
  );
}

function read(x: Tensor, entries: readonly unknown[]): Tensor {
  const remaining = takeViews(x, entries);
  if (remaining.basic) return remaining.view;
  const plan = planOf(remaining);
  const front = remaining.view.permute([...plan.order]);
  const found = apply(indexPrimitive, [front, plan.rows], { axes: plan.axes });
  return permuteCopy(found, toResult(plan), resultLayout(remaining.view, plan));
}

function write(x: Tensor, entries: readonly unknown[], value: Tensor | Scalar): void {
  const remaining = takeViews(x, entries);
  const { view, mask } = remaining;
  // Whole slices take no part, as in PyTorch: the write is one to `x` itself.
  const target = remaining.whole ? x : view;
  if (remaining.basic) {
    assign(target, value);
    return;
  }
  if (mask && isOne(value)) {
    const before = Array.from({ length: mask.axis }, () => 1);
    const after = view._shape.slice(mask.axis + Math.max(1, mask.tensor.ndim)).map(() => 1);
    const size = mask.tensor.ndim === 0 ? [1] : mask.tensor._shape;
    const wide = castTo(mask.tensor, bool).reshape([...before, ...size, ...after]);
    const filler = operand(value, x.dtype).reshape([]);
    inPlace("index_put_", target, (old) => filler.where(wide, old));
    return;
  }
  putInto(target, remaining, value instanceof Tensor ? value : operand(value, x.dtype), false);
}

/** `view[...] = value`: a copy, or where the value is one number a fill. */
function assign(view: Tensor, value: Tensor | Scalar): void {
  if (!(value instanceof Tensor)) view.fill_(value);
  else if (sameShape(value._shape, view._shape)) view.copy_(value);
  else if (value.ndim === 0) view.fill_(value);
  else view.copy_(value.reshape(withoutOnes(value._shape)).expand([...view._shape]));
}

/** Leading axes of size 1 do not count in an assignment. */
function withoutOnes(shape: readonly number[]): number[] {
  const first = shape.findIndex((d) => d !== 1);
  return first < 0 ? [] : shape.slice(first);
}

const isOne = (value: Tensor | Scalar): boolean => !(value instanceof Tensor) || value.numel() === 1;

/** Writes through the view that the basic part of an index gave. */
function putInto(target: Tensor, remaining: Remaining, source: Tensor, accumulate: boolean): void {
  if (source.dtype !== target.dtype) {
    throw new RuntimeError(
      `Index put requires the source and destination dtypes match, got ${titled(target)} for the destination and ${titled(source)} for the source.`,
    );
  }
  const plan = planOf(remaining);
  checkNoPartialOverlap(target, source, true);
  const value = expandTo(dropLeading(source, plan.result.length), checkedExpand(source, plan.result));
  const back = toResult(plan);
  inPlace("index_put_", target, (old) => {
    const front = old.permute([...plan.order]);
    const written = apply(indexPutPrimitive, [front, plan.rows, value.permute(inverse(back))], {
      axes: plan.axes,
      accumulate,
    });
    return written.permute(inverse(plan.order));
  });
}

function checkedExpand(source: Tensor, target: readonly number[]): readonly number[] {
  const complaint = new RuntimeError(
    `shape mismatch: value tensor of shape [${source._shape.join(", ")}] cannot be broadcast to indexing result of shape [${target.join(", ")}]`,
  );
  const lead = target.length - dropLeading(source, target.length).ndim;
  if (lead < 0) throw complaint;
  dropLeading(source, target.length)._shape.forEach((d, i) => {
    if (d !== 1 && d !== target[lead + i]) throw complaint;
  });
  return target;
}

/** Leading axes of size 1 do not count in an assignment. */
function dropLeading(t: Tensor, rank: number): Tensor {
  let out = t;
  while (out.ndim > rank && out._shape[0] === 1) out = out.select(0, 0);
  return out;
}

function inverse(order: readonly number[]): number[] {
  const out = new Array<number>(order.length);
  order.forEach((d, i) => (out[d] = i));
  return out;
}

declare module "../tensor/tensor.js" {
  interface Tensor {
    /** Reads like `x[...]` in Python: `x.at(0, torch.slice(1, 3), null, mask)`; `"..."` is the ellipsis. */
    at(...index: IndexEntry[]): Tensor;
    /** Assigns like `x[...] = value` in Python: `x.setAt([0, torch.slice(1, 3)], value)`. */
    setAt(index: IndexEntry | IndexEntry[], value: Tensor | Scalar): this;
  }
}

Object.defineProperties(Tensor.prototype, {
  at: {
    configurable: true,
    writable: true,
    value(this: Tensor, ...index: IndexEntry[]): Tensor {
      const outer = enterCall([this]);
      try {
        const result = read(this, index);
        reportResult(outer, result);
        return result;
      } finally {
        leaveCall(outer);
      }
    },
  },
  setAt: {
    configurable: true,
    writable: true,
    value(this: Tensor, index: IndexEntry | IndexEntry[], value: Tensor | Scalar): Tensor {
      if (!(value instanceof Tensor) && !["number", "bigint", "boolean"].includes(typeof value)) {
        throw new TypeError(`can't assign ${Array.isArray(value) ? "an array" : typeof value} to a tensor`);
      }
      const outer = enterCall([this]);
      try {
        write(this, Array.isArray(index) ? index : [index], value);
        return this;
      } finally {
        leaveCall(outer);
      }
    },
  },
});

export const indexPut = op({
  signature: "index_put(Tensor input, Tensor?[] indices, Tensor values, bool accumulate=False) -> Tensor",
  inplace: true,
  apart: true,
  doc: `A copy with \`values\` at the given positions, added when \`accumulate\`.\n\n${page("Tensor.index_put_")}`,
  call: (input, indices, values, accumulate) => {
    const copy = input.clone();
    const remaining = takeViews(
      copy,
      indices.map((i) => i ?? new Slice(null, null, 1)),
    );
    putInto(copy, remaining, values, accumulate);
    return copy;
  },
});
