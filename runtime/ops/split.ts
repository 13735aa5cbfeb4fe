/** Splitting: views of the parts. */
import { IndexError, RuntimeError } from "../errors.js";
import type { Attrs } from "../graph/value.js";
import { int64 } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { attachHistory } from "./apply.js";
import { wrapDim } from "./dims.js";
import { page } from "./family.js";
import { titled } from "./inplace.js";
import { cat, stack } from "./join.js";
import { constant } from "./promote.js";
import { op, primitive, type OpPrimitive } from "./record.js";
import { expandTo, pieceOf, rowOf, severalViews } from "./view.js";

interface SplitAttrs extends Attrs {
  readonly dim: number;
  readonly sizes: readonly number[];
}

const partShape = (shape: readonly number[], dim: number, size: number): number[] =>
  shape.map((d, i) => (i === dim ? size : d));

/** The gradients of the parts, zeros for parts that took no part. */
function filledIn(gs: readonly (Tensor | null)[], shapes: readonly (readonly number[])[]): Tensor[] {
  const { dtype } = gs.find((g) => g !== null)!;
  return shapes.map((shape, i) => gs[i] ?? expandTo(constant(0, dtype), shape));
}

/** The history that all parts share: their gradients joined are the whole's. */
const splitHistory: OpPrimitive<SplitAttrs> = primitive<SplitAttrs>({
  name: "split",
  infer: ([x], { dim, sizes }) => sizes.map((n) => ({ shape: partShape(x!.shape, dim, n), dtype: x!.dtype })),
  grad: (ctx, _, gs) => {
    const { dim, sizes } = ctx.attrs;
    const { shape } = ctx.inputMeta(0);
    const parts = filledIn(
      gs,
      sizes.map((n) => partShape(shape, dim, n)),
    );
    return [cat(parts, { dim })];
  },
  lower: (b, [x], { dim, sizes }) => b.multi("Split", [x!, b.ints(sizes)], sizes.length, { axis: dim }),
  moves: true,
});

const unbindHistory: OpPrimitive<{ readonly dim: number }> = primitive<{ readonly dim: number }>({
  name: "unbind",
  infer: ([x], { dim }) => {
    const shape = x!.shape.filter((_, i) => i !== dim);
    return Array.from({ length: x!.shape[dim]! }, () => ({ shape, dtype: x!.dtype }));
  },
  grad: (ctx, _, gs) => {
    const { shape } = ctx.inputMeta(0);
    const { dim } = ctx.attrs;
    const part = shape.filter((_size, i) => i !== dim);
    const parts = filledIn(
      gs,
      gs.map(() => part),
    );
    return [stack(parts, { dim })];
  },
  lower: (b, [x], { dim }) => {
    const shape = x!.shape.filter((_, i) => i !== dim);
    return Array.from({ length: x!.shape[dim]! }, (_, i) =>
      b.reshape(b.node("Gather", [x!, b.scalar(i, "int64")], { axis: dim }), shape),
    );
  },
  moves: true,
});

function splitSizes(input: Tensor, sizes: readonly number[], dim: number): Tensor[] {
  let at = 0;
  const pieces = sizes.map((n) => pieceOf(input, dim, at, (at += n)));
  attachHistory(splitHistory as unknown as OpPrimitive, [input], { dim, sizes }, pieces);
  return severalViews(pieces);
}

function checkSplit(name: string, input: Tensor, sizes: readonly number[], dim: number): Tensor[] {
  if (input.ndim === 0) throw new RuntimeError("split expects at least a 1-dimensional tensor");
  const d = wrapDim(dim, input.ndim);
  const total = sizes.reduce((a, b) => a + b, 0);
  if (sizes.some((s) => s < 0)) {
    throw new RuntimeError(
      `${name} expects split_sizes have only non-negative entries, but got split_sizes=[${sizes.join(", ")}]`,
    );
  }
  if (total !== input._shape[d]) {
    throw new RuntimeError(
      `${name} expects split_sizes to sum exactly to ${String(input._shape[d])} (input tensor's size at dimension ${String(d)}), but got split_sizes=[${sizes.join(", ")}]`,
    );
  }
  return splitSizes(input, sizes, d);
}

/** Pieces of `each` elements, the last one smaller. */
function splitEvery(input: Tensor, each: number, dim: number): Tensor[] {
  if (input.ndim === 0) throw new RuntimeError("split expects at least a 1-dimensional tensor");
  const d = wrapDim(dim, input.ndim);
  const n = input._shape[d]!;
  if (each < 0)
    throw new RuntimeError(`split expects split_size be non-negative, but got split_size=${String(each)}`);
  if (each === 0 && n !== 0) {
    throw new RuntimeError(
      `split_size can only be 0 if dimension size is 0, but got dimension size of ${String(n)}`,
    );
  }
  const count = each === 0 ? 1 : Math.max(1, Math.ceil(n / each));
  const sizes = Array.from({ length: count }, (_, i) => (each === 0 ? 0 : Math.min(each, n - i * each)));
  return splitSizes(input, sizes, d);
}

export const split = op(
  {
    signature: "split(Tensor tensor, int split_size_or_sections, int dim=0) -> Tensor[]",
    doc: `Views of a given size along \`dim\`, or of the sizes in a list.\n\n${page("split")}`,
    call: splitEvery,
  },
  {
    signature: "split(Tensor tensor, int[] split_size_or_sections, int dim=0) -> Tensor[]",
    call: (tensor, sizes, dim) => checkSplit("split_with_sizes", tensor, sizes, dim),
  },
);

export const splitWithSizes = op({
  signature: "split_with_sizes(Tensor input, int[] split_sizes, int dim=0) -> Tensor[]",
  doc: "Views of the given sizes along `dim`.",
  call: (input, sizes, dim) => checkSplit("split_with_sizes", input, sizes, dim),
});

function chunks(input: Tensor, count: number, dim: number): Tensor[] {
  if (input.ndim === 0) throw new RuntimeError("chunk expects at least a 1-dimensional tensor");
  if (count <= 0)
    throw new RuntimeError(`chunk expects \`chunks\` to be greater than 0, got: ${String(count)}`);
  const d = wrapDim(dim, input.ndim);
  const each = Math.ceil(input._shape[d]! / count);
  return each === 0 ? splitSizes(input, new Array<number>(count).fill(0), d) : splitEvery(input, each, d);
}

export const chunk = op({
  signature: "chunk(Tensor input, int chunks, int dim=0) -> Tensor[]",
  doc: `At most \`chunks\` views of equal size along \`dim\`, the last one smaller.\n\n${page("chunk")}`,
  call: chunks,
});

/** Parts of which autograd does not know that they share memory: writing to them is up to the caller. */
function untied(parts: Tensor[]): Tensor[] {
  for (const part of parts) part._view = null;
  return parts;
}

export const unsafeSplit = op({
  signature: "unsafe_split(Tensor input, int split_size, int dim=0) -> Tensor[]",
  doc: "`split` whose results may be written in place though gradients are recorded, as long as the input is not used any more.",
  call: (input, size, dim) => untied(splitEvery(input, size, dim)),
});

export const unsafeSplitWithSizes = op({
  signature: "unsafe_split_with_sizes(Tensor input, int[] split_sizes, int dim=0) -> Tensor[]",
  doc: "`splitWithSizes` whose results may be written in place though gradients are recorded, as long as the input is not used any more.",
  call: (input, sizes, dim) => untied(checkSplit("split_with_sizes", input, sizes, dim)),
});

export const unsafeChunk = op({
  signature: "unsafe_chunk(Tensor input, int chunks, int dim=0) -> Tensor[]",
  doc: `\`chunk\` whose results may be written in place though gradients are recorded, as long as the input is not used any more.\n\n${page("unsafe_chunk")}`,
  call: (input, count, dim) => untied(chunks(input, count, dim)),
});

export const unbind = op({
  signature: "unbind(Tensor input, int dim=0) -> Tensor[]",
  doc: `The views along \`dim\`, without it.\n\n${page("unbind")}`,
  call: (input, dim) => {
    if (input.ndim === 0) throw new IndexError("Dimension specified as 0 but tensor has no dimensions");
    const d = wrapDim(dim, input.ndim);
    const rows = Array.from({ length: input._shape[d]! }, (_, i) => rowOf(input, d, i));
    attachHistory(unbindHistory as unknown as OpPrimitive, [input], { dim: d }, rows);
    return severalViews(rows);
  },
});

/** Parts of sizes that differ by one at most, the larger ones first. */
function intoSections(input: Tensor, sections: number, dim: number): Tensor[] {
  if (sections <= 0)
    throw new RuntimeError(`number of sections must be larger than 0, got ${String(sections)}`);
  const n = input._shape[dim]!;
  const [each, more] = [Math.floor(n / sections), n % sections];
  const ends = Array.from({ length: sections }, (_, i) => (i + 1) * each + Math.min(i + 1, more));
  return severalViews(ends.map((end, i) => input.narrow(dim, ends[i - 1] ?? 0, end - (ends[i - 1] ?? 0))));
}

/** The parts between positions, each read as Python reads a slice's bounds. */
function atIndices(input: Tensor, indices: readonly number[], dim: number): Tensor[] {
  const n = input._shape[dim]!;
  const clip = (v: number): number => Math.min(Math.max(v < 0 ? v + n : v, 0), n);
  const bounds = [0, ...indices, n];
  return severalViews(
    bounds.slice(1).map((end, i) => {
      const start = clip(bounds[i]!);
      return input.narrow(dim, start, Math.max(0, clip(end) - start));
    }),
  );
}

function tensorSplitImpl(input: Tensor, at: number | readonly number[], dim: number): Tensor[] {
  if (input.ndim === 0) {
    throw new RuntimeError(
      "tensor_split expected at least a 1-dimensional tensor, but got a tensor with 0 dims",
    );
  }
  const d = wrapDim(dim, input.ndim);
  return typeof at === "number" ? intoSections(input, at, d) : atIndices(input, at, d);
}

export const tensorSplit = op(
  {
    signature: "tensor_split(Tensor input, int sections, int dim=0) -> Tensor[]",
    doc: `Views along \`dim\`: a number of parts whose sizes differ by one at most, or the parts between given positions.\n\n${page("tensor_split")}`,
    call: tensorSplitImpl,
  },
  {
    signature: "tensor_split(Tensor input, int[] indices, int dim=0) -> Tensor[]",
    call: tensorSplitImpl,
  },
  {
    signature: "tensor_split(Tensor input, Tensor tensor_indices_or_sections, int dim=0) -> Tensor[]",
    call: (input, at, dim) => {
      if (at.dtype !== int64) {
        throw new RuntimeError(
          `tensor_split expected tensor_indices_or_sections to have dtype of long, but got ${titled(at)}`,
        );
      }
      if (at.ndim > 1) {
        throw new RuntimeError(
          `tensor_split expected tensor_indices_or_sections to be a zero-dimensional or one-dimensional tensor, but got a tensor with ${String(at.ndim)} dims`,
        );
      }
      return tensorSplitImpl(input, at.ndim === 0 ? at.item() : (at.tolist() as number[]), dim);
    },
  },
);

function alongAxis(name: string, atLeast: number, axisOf: (input: Tensor) => number) {
  const split = (input: Tensor, at: number | readonly number[]): Tensor[] => {
    if (input.ndim < atLeast) {
      throw new RuntimeError(
        `torch.${name} requires a tensor with at least ${String(atLeast)} dimension, but got a tensor with ${String(input.ndim)} dimensions!`,
      );
    }
    const dim = axisOf(input);
    const n = input._shape[dim]!;
    if (typeof at === "number" && (at === 0 || n % at !== 0)) {
      throw new RuntimeError(
        `torch.${name} attempted to split along dimension ${String(dim)}, but the size of the dimension ${String(n)} is not divisible by the split_size ${String(at)}!`,
      );
    }
    return tensorSplitImpl(input, at, dim);
  };
  return op(
    {
      signature:
        `${name}(Tensor input, int sections) -> Tensor[]` as "hsplit(Tensor input, int sections) -> Tensor[]",
      doc: `Views along axis ${name === "hsplit" ? "1 (0 of a vector)" : String(atLeast - 1)}: a number of equal parts, or the parts between given positions.\n\n${page(name)}`,
      call: split,
    },
    {
      signature:
        `${name}(Tensor input, int... indices) -> Tensor[]` as "hsplit(Tensor input, int... indices) -> Tensor[]",
      call: split,
    },
  );
}

export const hsplit = alongAxis("hsplit", 1, (x) => (x.ndim === 1 ? 0 : 1));
export const vsplit = alongAxis("vsplit", 2, () => 0);
export const dsplit = alongAxis("dsplit", 3, () => 2);
