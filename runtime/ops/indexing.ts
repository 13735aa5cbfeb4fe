/** Indexing: `x.at(0, torch.slice(1, 3), null, mask)` reads, `x.setAt([…], value)` writes. */
import { IndexError, RuntimeError } from "../errors.js";
import type { Attrs } from "../graph/value.js";
import { bool, int64, uint8 } from "../tensor/dtype.js";
import { Slice } from "../tensor/slice.js";
import { Tensor } from "../tensor/tensor.js";
import { apply, sameShape } from "./apply.js";
import { castTo } from "./convert.js";
import { enterCall, leaveCall, reportResult } from "./depth.js";
import { wrapDim } from "./dims.js";
import { broadcastShapes, page } from "./family.js";
import { inPlace } from "./inplace.js";
import { fromData } from "./leaf.js";
import { positionsByAxis } from "./nonzero.js";
import { constant, operand } from "./promote.js";
import { op, primitive, type OpPrimitive } from "./record.js";
import type { Scalar } from "./schema.js";
import { expandTo, sliceBounds, sliceOf, squeezeDims } from "./view.js";

/** One entry of an index: a position, a slice, `null` for a new axis, `"..."`, a tensor of positions or a mask. */
export type IndexEntry =
  number | Slice | null | "..." | boolean | Tensor | readonly (number | readonly number[])[];

interface IndexAttrs extends Attrs {
  /** The axes that index tensors stand for, side by side, first. */
  readonly axes: number;
}

/** `x[i₀, i₁, …]` with index tensors on the first axes, all of one shape: rows of positions into `x`. */
const indexPrimitive: OpPrimitive<IndexAttrs> = primitive<IndexAttrs>({
  name: "index",
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
const indexPutPrimitive: OpPrimitive<IndexAttrs & { readonly accumulate: boolean }> = primitive<
  IndexAttrs & { readonly accumulate: boolean }
>({
  name: "index_put",
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

/** What is left of an index after the views are taken: which axes are picked by tensors. */
interface Plan {
  readonly view: Tensor;
  readonly tensors: readonly (Tensor | null)[];
}

/** Takes the basic part of an index as views. */
function takeViews(x: Tensor, entries: readonly IndexEntry[]): Plan {
  const consumed = entries.reduce((n: number, e) => {
    if (e === null || e === "..." || typeof e === "boolean") return n;
    if (e instanceof Tensor && (e.dtype === bool || e.dtype === uint8)) return n + e.ndim;
    return n + 1;
  }, 0);
  if (consumed > x.ndim) {
    throw new IndexError(`too many indices for tensor of dimension ${String(x.ndim)}`);
  }
  if (entries.filter((e) => e === "...").length > 1)
    throw new IndexError("an index can only have a single ellipsis ('...')");
  let view = x;
  let axis = 0;
  const tensors: (Tensor | null)[] = [];
  for (const e of entries) {
    if (e === "...") {
      const skip = x.ndim - consumed;
      for (let i = 0; i < skip; i++) tensors.push(null);
      axis += skip;
    } else if (e === null) {
      view = view.unsqueeze(axis++);
      tensors.push(null);
    } else if (typeof e === "boolean") {
      view = view.unsqueeze(axis++);
      tensors.push(fromData(BigInt64Array.from(e ? [0n] : []), [e ? 1 : 0], int64));
    } else if (typeof e === "number") {
      view = pick(view, axis, e);
    } else if (e instanceof Slice) {
      const size = view._shape[axis]!;
      if (e.step <= 0) throw new RuntimeError("slice step must be positive");
      const [from, to] = sliceBounds(size, e.start, e.end);
      view = from === 0 && to === size && e.step === 1 ? view : sliceOf(view, axis, from, to, e.step);
      tensors.push(null);
      axis++;
    } else {
      const index = e instanceof Tensor ? e : listTensor(e);
      if (index.dtype === bool || index.dtype === uint8) {
        index._shape.forEach((d, i) => {
          if (d !== view._shape[axis + i]) {
            throw new IndexError(
              `The shape of the mask [${index._shape.join(", ")}] at index ${String(i)} does not match the shape of the indexed tensor [${view._shape.join(", ")}] at index ${String(axis + i)}`,
            );
          }
        });
        // A 0-d mask stands for a new axis of size 1, kept or dropped.
        if (index.ndim === 0) view = view.unsqueeze(axis);
        tensors.push(...positionsByAxis(index));
        axis += Math.max(1, index.ndim);
      } else {
        if (index.dtype.isFloatingPoint) {
          throw new IndexError("tensors used as indices must be long, byte or bool tensors");
        }
        tensors.push(castTo(index, int64));
        axis++;
      }
    }
  }
  return { view, tensors };
}

function listTensor(list: readonly (number | readonly number[])[]): Tensor {
  const flat = list.flat() as number[];
  const shape = Array.isArray(list[0]) ? [list.length, (list[0] as readonly number[]).length] : [list.length];
  return fromData(BigInt64Array.from(flat, BigInt), shape, int64);
}

function pick(view: Tensor, axis: number, index: number): Tensor {
  const size = view._shape[axis]!;
  if (index < -size || index >= size) {
    throw new IndexError(
      `index ${String(index)} is out of bounds for dimension ${String(axis)} with size ${String(size)}`,
    );
  }
  const at = index < 0 ? index + size : index;
  return squeezeDims(sliceOf(view, axis, at, at + 1), [axis]);
}

interface Gathered {
  /** The view with the indexed axes first. */
  readonly front: Tensor;
  /** Rows of positions, `[…shape, axes]`. */
  readonly rows: Tensor;
  readonly axes: number;
  /** The permutation that puts a result's axes where PyTorch has them; `null` when they are. */
  readonly back: readonly number[] | null;
  readonly order: readonly number[];
}

/** Brings the axes with index tensors to the front and the tensors together. */
function gatherPlan({ view, tensors }: Plan): Gathered {
  const used = tensors.flatMap((t, i) => (t ? [i] : []));
  const index = used.map((i) => tensors[i]!);
  const shape = broadcastShapes(...index.map((t) => t._shape));
  const rest = [...view._shape.keys()].filter((i) => !used.includes(i));
  const order = [...used, ...rest];
  const wrapped = index.map((t, k) => {
    const size = view._shape[used[k]!]!;
    const positive = t.add(t.lt(0).to(int64).mul(size));
    return expandTo(positive, shape);
  });
  const rows = wrapped.length === 1 ? wrapped[0]!.unsqueeze(-1) : stackLast(wrapped);
  // Neighbouring index tensors leave their result where they stood; scattered ones put it first.
  const adjacent = used.every((u, k) => k === 0 || u === used[k - 1]! + 1);
  const first = used[0]!;
  let back: number[] | null = null;
  if (adjacent && first > 0) {
    const n = shape.length;
    back = [
      ...Array.from({ length: first }, (_, i) => n + i),
      ...Array.from({ length: n }, (_, i) => i),
      ...rest.slice(first).map((_, i) => n + first + i),
    ];
  }
  return { front: view.permute([...order]), rows, axes: used.length, back, order };
}

function stackLast(list: readonly Tensor[]): Tensor {
  const [first] = list;
  return joinLast(list.map((t) => t.unsqueeze(first!.ndim)));
}

let joinLast: (list: readonly Tensor[]) => Tensor;
/** @internal Set by the joins, which need views themselves. */
export function setJoinLast(f: typeof joinLast): void {
  joinLast = f;
}

/** Guards index values: ONNX Runtime refuses positions out of range when it runs. */
function read(x: Tensor, entries: readonly IndexEntry[]): Tensor {
  const plan = takeViews(x, entries);
  if (plan.tensors.every((t) => t === null)) {
    return plan.view === x ? x.view(x.shape) : plan.view;
  }
  const g = gatherPlan(plan);
  const result = apply(indexPrimitive, [g.front, g.rows], { axes: g.axes });
  return g.back ? result.permute([...g.back]) : result;
}

function write(x: Tensor, entries: readonly IndexEntry[], value: Tensor | Scalar): void {
  const plan = takeViews(x, entries);
  const source = value instanceof Tensor ? castTo(value, x.dtype) : operand(value, x.dtype);
  if (plan.tensors.every((t) => t === null)) {
    const target = plan.view;
    plan.view.copy_(dropLeading(source, target.ndim));
    return;
  }
  const mask = entries.length === 1 ? entries[0] : null;
  if (mask instanceof Tensor && mask.dtype === bool && source.numel() === 1) {
    const wide = mask.reshape([...mask.shape, ...x._shape.slice(mask.ndim).map(() => 1)]);
    inPlace("index_put_", x, () => source.reshape([]).where(expandTo(wide, x._shape), x));
    return;
  }
  putInto(plan, source, false);
}

/** Writes through the view that the basic part of an index gave. */
function putInto(plan: Plan, source: Tensor, accumulate: boolean): void {
  const g = gatherPlan(plan);
  inPlace("index_put_", plan.view, () => {
    const shape = [...g.rows._shape.slice(0, -1), ...g.front._shape.slice(g.axes)];
    const target = g.back ? g.back.map((d) => shape[d]!) : shape;
    let value = expandTo(dropLeading(source, target.length), checkedExpand(source, target));
    if (g.back) value = value.permute(inverse(g.back));
    const written = apply(indexPutPrimitive, [g.front, g.rows, value], { axes: g.axes, accumulate });
    return written.permute(inverse(g.order));
  });
}

function checkedExpand(source: Tensor, target: readonly number[]): readonly number[] {
  const s = dropLeading(source, target.length);
  const shape = broadcastShapes(s._shape, target);
  if (!sameShape(shape, target)) {
    throw new RuntimeError(
      `shape mismatch: value tensor of shape [${source._shape.join(", ")}] cannot be broadcast to indexing result of shape [${target.join(", ")}]`,
    );
  }
  return target;
}

/** Leading axes of size 1 do not count in an assignment. */
function dropLeading(t: Tensor, rank: number): Tensor {
  let out = t;
  while (out.ndim > rank && out._shape[0] === 1) out = out.reshape(out._shape.slice(1));
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
      const outer = enterCall();
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
      const outer = enterCall();
      try {
        write(this, Array.isArray(index) ? (index as IndexEntry[]) : [index as IndexEntry], value);
        return this;
      } finally {
        leaveCall(outer);
      }
    },
  },
});

export const indexPut = op({
  signature: "index_put(Tensor input, Tensor?[] indices, Tensor values, bool accumulate=False) -> Tensor",
  doc: `A copy with \`values\` at the given positions, added when \`accumulate\`.\n\n${page("Tensor.index_put_")}`,
  call: (input, indices, values, accumulate) => {
    const copy = input.clone();
    const plan = takeViews(
      copy,
      indices.map((i) => i ?? new Slice(null, null, 1)),
    );
    if (input.dtype !== values.dtype) {
      throw new RuntimeError(
        `Index put requires the source and destination dtypes match, got ${String(input.dtype)} for the destination and ${String(values.dtype)} for the source.`,
      );
    }
    putInto(plan, values, accumulate);
    return copy;
  },
  inplace: true,
});

export const indexSelect = op({
  signature: "index_select(Tensor input, int dim, Tensor index, *, Tensor? out=None) -> Tensor",
  doc: `The slices along \`dim\` at the positions in \`index\`.\n\n${page("index_select")}`,
  call: (input, dim, index) => {
    const d = wrapDim(dim, input.ndim);
    if (index.ndim > 1) throw new IndexError("index_select(): Index is supposed to be a vector");
    if (index.dtype !== int64 && index.dtype.name !== "int32") {
      throw new RuntimeError("index_select(): Expected dtype int32 or int64 for index");
    }
    const positions = castTo(index.reshape(-1), int64);
    if (input.ndim === 0) return input.reshape(1).at(positions).reshape([]);
    return apply(selectPrimitive, [input, positions], { dim: d });
  },
});

interface SelectAttrs extends Attrs {
  readonly dim: number;
}

const selectPrimitive: OpPrimitive<SelectAttrs> = primitive<SelectAttrs>({
  name: "index_select",
  infer: ([x, i], { dim }) => ({
    shape: x!.shape.map((d, a) => (a === dim ? i!.shape[0]! : d)),
    dtype: x!.dtype,
  }),
  grad: (ctx, g) => [
    () => {
      const zeros = expandTo(constant(0, g.dtype), ctx.inputMeta(0).shape);
      return apply(indexAddPrimitive, [zeros, ctx.input(1), g], ctx.attrs);
    },
  ],
  lower: (b, [x, i], { dim }) => b.node("Gather", [x!, i!], { axis: dim }),
  moves: true,
});

const indexAddPrimitive: OpPrimitive<SelectAttrs> = primitive<SelectAttrs>({
  name: "index_add",
  infer: ([x]) => ({ shape: x!.shape, dtype: x!.dtype }),
  grad: (ctx, g) => [() => g, null, () => apply(selectPrimitive, [g, ctx.input(1)], ctx.attrs)],
  lower: (b, [x, i, source], { dim }) => {
    const spread = b.node(
      "Expand",
      [
        b.reshape(
          i!,
          source!.shape.map((d, a) => (a === dim ? d : 1)),
        ),
        b.ints(source!.shape),
      ],
      undefined,
      "int64",
    );
    if (x!.dtype !== "bool")
      return b.node("ScatterElements", [x!, spread, source!], { axis: dim, reduction: "add" });
    const sum = b.node("ScatterElements", [b.cast(x!, "int64"), spread, b.cast(source!, "int64")], {
      axis: dim,
      reduction: "add",
    });
    return b.cast(sum, "bool");
  },
});
