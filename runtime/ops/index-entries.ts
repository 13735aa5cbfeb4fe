/** What stands between the brackets of `x[…]`: views are taken at once, index tensors are left over. */
import { IndexError, RuntimeError, ValueError } from "../errors.js";
import { isTracing } from "../graph/executor.js";
import { cpu } from "../tensor/device.js";
import { bool, int64, uint8, type DType } from "../tensor/dtype.js";
import { Slice } from "../tensor/slice.js";
import { Tensor } from "../tensor/tensor.js";
import { castTo, movedTo } from "./convert.js";
import { typeName } from "./bind.js";
import { fromData } from "./leaf.js";
import { positionsByAxis } from "./nonzero.js";
import { sameView, sliceBounds, sliceOf, squeezeDims } from "./view.js";

/** Nested arrays of positions, or of booleans. */
export type IndexList = readonly (number | boolean | IndexList)[];

/** One entry of an index: a position, a slice, `null` for a new axis, `"..."`, a tensor of positions or a mask. */
export type IndexEntry = number | Slice | null | "..." | boolean | Tensor | IndexList;

/** A mask, and the first of the view's axes that it is for. */
export interface Mask {
  readonly tensor: Tensor;
  readonly axis: number;
}

/** What is left of an index after the views are taken: which axes are picked by tensors. */
export interface Remaining {
  readonly view: Tensor;
  /** Whether the view is one of the whole tensor, axis by axis. */
  readonly whole: boolean;
  /** By axis; of masks as positions, which waits for their values. */
  readonly tensors: () => readonly (Tensor | null)[];
  /** Whether no axis is picked by a tensor. */
  readonly basic: boolean;
  /** The mask, when it is all that is left. */
  readonly mask: Mask | null;
}

const isMask = (dtype: DType): boolean => dtype === bool || dtype === uint8;

/** An integer tensor without axes is a position like a number. */
function asNumber(entry: Tensor): number | Tensor {
  if (entry.ndim > 0 || entry.dtype.isFloatingPoint || isMask(entry.dtype)) return entry;
  // While tracing the number is not to be had; picking by a tensor gives the same shape.
  return isTracing() && entry._value.source.kind !== "host" ? entry : Number(entry.item());
}

function known(entry: unknown): number | Slice | null | "..." | boolean | Tensor {
  if (entry === null || entry === "..." || entry instanceof Slice || typeof entry === "boolean") return entry;
  if (typeof entry === "number" && Number.isInteger(entry)) return entry;
  if (entry instanceof Tensor) return asNumber(entry);
  if (Array.isArray(entry)) return listTensor(entry as IndexList);
  throw new IndexError(
    `only integers, torch.slice(…), "...", null, booleans, arrays of integers or booleans, and int64 or bool tensors are valid indices, not ${typeName(entry)}`,
  );
}

/** How many axes of the tensor an entry stands for. */
function consumes(entry: ReturnType<typeof known>): number {
  if (entry === null || entry === "..." || typeof entry === "boolean") return 0;
  return entry instanceof Tensor && isMask(entry.dtype) ? entry.ndim : 1;
}

/** An index where `x` is: on the CPU it serves any device. */
function beside(x: Tensor, index: Tensor): Tensor {
  if (index.device === x.device || index.device === cpu) return movedTo(index, x.device);
  throw new RuntimeError(
    `indices should be either on cpu or on the same device as the indexed tensor (${String(x.device)}), not on ${String(index.device)}`,
  );
}

/** Takes the basic part of an index as views. */
export function takeViews(x: Tensor, given: readonly unknown[]): Remaining {
  const entries = given.map(known).map((e) => (e instanceof Tensor ? beside(x, e) : e));
  const consumed = entries.reduce((n: number, e) => n + consumes(e), 0);
  if (consumed > x.ndim) {
    throw new IndexError(
      x.ndim === 0
        ? "invalid index of a 0-dim tensor. Use `tensor.item()` to convert a 0-dim tensor to a number"
        : `too many indices for tensor of dimension ${String(x.ndim)} (got ${String(consumed)})`,
    );
  }
  let open = x.ndim - consumed;
  let view = x;
  let axis = 0;
  const tensors: (Tensor | Mask | null)[] = [];
  for (const e of entries) {
    if (e === "...") {
      for (; open > 0; open--, axis++) tensors.push(null);
    } else if (e === null) {
      view = view.unsqueeze(axis++);
      tensors.push(null);
    } else if (typeof e === "boolean") {
      view = view.unsqueeze(axis++);
      tensors.push(fromData(BigInt64Array.from(e ? [0n] : []), [e ? 1 : 0], int64));
    } else if (typeof e === "number") {
      view = pick(view, axis, e);
    } else if (e instanceof Slice) {
      view = cut(view, axis++, e);
      tensors.push(null);
    } else if (isMask(e.dtype)) {
      checkMask(e, view, axis);
      // A mask without axes stands for a new axis of size 1, kept or dropped.
      if (e.ndim === 0) view = view.unsqueeze(axis);
      tensors.push({ tensor: e, axis });
      axis += Math.max(1, e.ndim);
    } else {
      if (e.dtype.isFloatingPoint) {
        throw new IndexError("tensors used as indices must be long, byte or bool tensors");
      }
      tensors.push(castTo(e, int64));
      axis++;
    }
  }
  const picking = tensors.filter((t) => t !== null);
  const [only] = picking;
  return {
    view: view === x ? sameView(x) : view,
    whole: view === x,
    tensors: () => tensors.flatMap((t) => (t && "axis" in t ? positionsByAxis(t.tensor) : [t])),
    basic: picking.length === 0,
    mask: picking.length === 1 && only && "axis" in only ? only : null,
  };
}

function checkMask(mask: Tensor, view: Tensor, axis: number): void {
  mask._shape.forEach((d, i) => {
    if (d === view._shape[axis + i]) return;
    throw new IndexError(
      `The shape of the mask [${mask._shape.join(", ")}] at index ${String(i)} does not match the shape of the indexed tensor [${view._shape.join(", ")}] at index ${String(axis + i)}`,
    );
  });
}

/** Nested arrays as a tensor; an empty one picks nothing. */
function listTensor(list: IndexList): Tensor {
  const shape: number[] = [];
  for (let at: unknown = list; Array.isArray(at); at = (at as unknown[])[0]) shape.push(at.length);
  const flat = (list as readonly unknown[]).flat(Infinity) as (number | boolean)[];
  if (flat.length !== shape.reduce((n, d) => n * d, 1)) {
    throw new ValueError(`the nested arrays of an index must be of equal lengths: ${JSON.stringify(list)}`);
  }
  if (flat.length > 0 && flat.every((v) => typeof v === "boolean")) {
    return fromData(Uint8Array.from(flat, Number), shape, bool);
  }
  if (!flat.every((v) => typeof v === "boolean" || Number.isInteger(v))) {
    throw new IndexError(
      `only integers and booleans are valid in an array that is an index: ${JSON.stringify(list)}`,
    );
  }
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

function cut(view: Tensor, axis: number, { start, end, step }: Slice): Tensor {
  if (step === 0) throw new ValueError("slice step cannot be zero");
  if (step < 0)
    throw new ValueError(`step must be greater than zero, got ${String(step)}: use flip() to reverse`);
  const size = view._shape[axis]!;
  const [from, to] = sliceBounds(size, start, end);
  return from === 0 && to === size && step === 1 ? view : sliceOf(view, axis, from, to, step);
}
