/** Checks on dimension arguments, with PyTorch's errors. */
import { IndexError, RuntimeError } from "../errors.js";

/** A dimension counted from the front. @throws IndexError */
export function wrapDim(dim: number, rank: number): number {
  const n = Math.max(rank, 1);
  if (dim < -n || dim >= n) {
    throw new IndexError(
      `Dimension out of range (expected to be in range of [${String(-n)}, ${String(n - 1)}], but got ${String(dim)})`,
    );
  }
  return dim < 0 ? dim + n : dim;
}

/** Several dimensions, each at most once; `null` and, as PyTorch has it for reductions, `[]` are all of them. */
export function wrapDims(dims: readonly number[] | null, rank: number, emptyIsAll = true): number[] {
  if (rank > 64) throw new RuntimeError(`only tensors with up to 64 dims are supported, not ${String(rank)}`);
  if (dims === null || (emptyIsAll && dims.length === 0)) return Array.from({ length: rank }, (_, i) => i);
  const seen = new Set<number>();
  const out = dims.map((d) => wrapDim(d, rank));
  for (const d of out) {
    if (seen.has(d)) throw new RuntimeError(`dim ${String(d)} appears multiple times in the list of dims`);
    seen.add(d);
  }
  // A 0-d tensor takes dim 0 and -1 for courtesy.
  return rank === 0 ? [] : out;
}

/** The shape after reducing `dims`. */
export function reducedShape(shape: readonly number[], dims: readonly number[], keepdim: boolean): number[] {
  const out: number[] = [];
  shape.forEach((d, i) => {
    if (!dims.includes(i)) out.push(d);
    else if (keepdim) out.push(1);
  });
  return out;
}
