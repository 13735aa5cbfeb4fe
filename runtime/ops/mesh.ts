/** Tensors made of several: blocks, grids, combinations. */
import { RuntimeError } from "../errors.js";
import { getDefaultDtype, int64, promoteTypes } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { castTo } from "./convert.js";
import { broadcastShapes, page } from "./family.js";
import { titled } from "./inplace.js";
import { atLeast, cat, stack } from "./join.js";
import { encode, fromData } from "./leaf.js";
import { constant } from "./promote.js";
import { op } from "./record.js";
import { expandTo } from "./view.js";

function atLeastOp(rank: 1 | 2 | 3) {
  const name = `atleast_${String(rank)}d`;
  return op(
    {
      signature: `${name}(Tensor tensors) -> Tensor` as "atleast(Tensor tensors) -> Tensor",
      on: ["torch"],
      doc: `The tensor, or tensors, with at least ${String(rank)} axes.\n\n${page(name)}`,
      call: (tensor) => atLeast(tensor, rank),
    },
    {
      signature: `${name}(Tensor... tensors) -> Tensor[]` as "atleast(Tensor... tensors) -> Tensor[]",
      call: (tensors) => tensors.map((t) => atLeast(t, rank)),
    },
  );
}

export const atleast1d = atLeastOp(1);
export const atleast2d = atLeastOp(2);
export const atleast3d = atLeastOp(3);

export const blockDiag = op({
  signature: "block_diag(Tensor... tensors) -> Tensor",
  on: ["torch"],
  doc: `The matrix with the given ones along its diagonal; vectors are rows.\n\n${page("block_diag")}`,
  call: (tensors) => {
    if (tensors.length === 0) return expandTo(constant(0, getDefaultDtype()), [1, 0]).clone();
    tensors.forEach((t, i) => {
      if (t.ndim > 2) {
        throw new RuntimeError(
          `torch.block_diag: Input tensors must have 2 or fewer dimensions. Input ${String(i)} has ${String(t.ndim)} dimensions`,
        );
      }
    });
    const dtype = tensors.map((t) => t.dtype).reduce(promoteTypes);
    const blocks = tensors.map((t) => castTo(atLeast(t, 2), dtype));
    const width = blocks.reduce((n, t) => n + t._shape[1]!, 0);
    let left = 0;
    const rows = blocks.map((t) => {
      const [n, m] = t._shape as [number, number];
      const zeros = (columns: number): Tensor => expandTo(constant(0, dtype), [n, columns]);
      const row = cat([zeros(left), t, zeros(width - left - m)], { dim: 1 });
      left += m;
      return row;
    });
    return cat(rows, { dim: 0 });
  },
});

function checkVectors(name: string, tensors: readonly Tensor[]): void {
  if (tensors.length === 0) throw new RuntimeError(`${name} expects a non-empty TensorList`);
  for (const t of tensors) {
    if (t.ndim > 1) {
      throw new RuntimeError(
        `torch.${name}: Expected 0D or 1D tensor in the tensor list but got one of shape [${t._shape.join(", ")}]`,
      );
    }
    if (t.dtype !== tensors[0]!.dtype) {
      throw new RuntimeError(
        `${name} expects all tensors to have the same dtype, but got ${titled(tensors[0]!)} and ${titled(t)}`,
      );
    }
  }
}

function grid(tensors: readonly Tensor[], indexing: string): Tensor[] {
  checkVectors("meshgrid", tensors);
  if (indexing !== "ij" && indexing !== "xy") {
    throw new RuntimeError(`torch.meshgrid: indexing must be one of "xy" or "ij", but received: ${indexing}`);
  }
  const swap = indexing === "xy" && tensors.length >= 2;
  const given = swap ? [tensors[1]!, tensors[0]!, ...tensors.slice(2)] : tensors;
  const shape = given.map((t) => t.numel());
  const grids = given.map((t, i) => t.reshape(shape.map((_, k) => (k === i ? -1 : 1))).expand(shape));
  return swap ? [grids[1]!, grids[0]!, ...grids.slice(2)] : grids;
}

export const meshgrid = op({
  signature: "meshgrid(Tensor... tensors, *, str? indexing=None) -> Tensor[]",
  on: ["torch"],
  doc: `The coordinates of the grid that vectors span, one tensor per vector; with \`indexing\` "xy" the first two axes change places.\n\n${page("meshgrid")}`,
  call: (tensors, indexing) => grid(tensors, indexing ?? "ij"),
});

export const cartesianProd = op({
  signature: "cartesian_prod(Tensor... tensors) -> Tensor",
  on: ["torch"],
  doc: `All combinations of elements of vectors, one a row.\n\n${page("cartesian_prod")}`,
  call: (tensors) => {
    for (const t of tensors) {
      if (t.ndim !== 1) throw new RuntimeError(`Expect a 1D vector, but got shape [${t._shape.join(", ")}]`);
    }
    if (tensors.length === 1) return tensors[0]!;
    return stack(
      grid(tensors, "ij").map((g) => g.reshape(-1)),
      { dim: 1 },
    );
  },
});

/** Increasing choices of r of n positions, in order; with repetition not strictly. */
function choices(n: number, r: number, repeat: boolean): number[] {
  const all: number[] = [];
  const chosen: number[] = [];
  const choose = (from: number): void => {
    if (chosen.length === r) {
      all.push(...chosen);
      return;
    }
    for (let i = from; i < n; i++) {
      chosen.push(i);
      choose(repeat ? i : i + 1);
      chosen.pop();
    }
  };
  choose(0);
  return all;
}

export const combinations = op({
  signature: "combinations(Tensor input, int r=2, bool with_replacement=False) -> Tensor",
  on: ["torch"],
  doc: `All combinations of \`r\` elements of a vector, one a row.\n\n${page("combinations")}`,
  call: (input, r, withReplacement) => {
    if (input.ndim !== 1)
      throw new RuntimeError(`Expect a 1D vector, but got shape [${input._shape.join(", ")}]`);
    if (r < 0) throw new RuntimeError(`Expect a non-negative number, but got ${String(r)}`);
    if (r === 0) return expandTo(constant(0, input.dtype), [0]).clone();
    const places = choices(input.numel(), r, withReplacement);
    const index = fromData(encode(places, int64), [places.length], int64);
    return input.indexSelect(0, index).reshape(places.length / r, r);
  },
});

/**
 * The shape that shapes broadcast to; a number is a shape of one axis.
 * @throws RuntimeError when they do not
 * @see https://pytorch.org/docs/stable/generated/torch.broadcast_shapes.html
 */
export function commonShape(...shapes: readonly (number | readonly number[])[]): number[] {
  const lists = shapes.map((s) => (typeof s === "number" ? [s] : s));
  for (const list of lists) {
    if (list.some((d) => d < 0)) {
      throw new RuntimeError(`Trying to create tensor with negative dimension: [${list.join(", ")}]`);
    }
  }
  return broadcastShapes(...lists);
}
