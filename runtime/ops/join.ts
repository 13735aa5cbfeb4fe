/** Joining, splitting and repeating. */
import { IndexError, RuntimeError } from "../errors.js";
import type { Attrs } from "../graph/value.js";
import { promoteTypes } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { apply, sameShape } from "./apply.js";
import { castTo } from "./convert.js";
import { wrapDim, wrapDims } from "./dims.js";
import { setJoinLast } from "./indexing.js";
import { broadcastShapes, page } from "./family.js";
import { op, primitive, type OpPrimitive } from "./record.js";
import { expandTo, permuteTo, severalViews, sliceOf, squeezeDims } from "./view.js";

interface DimAttrs extends Attrs {
  readonly dim: number;
}

const catPrimitive: OpPrimitive<DimAttrs> = primitive<DimAttrs>({
  name: "cat",
  infer: (inputs, { dim }) => ({
    shape: inputs[0]!.shape.map((d, i) => (i === dim ? inputs.reduce((n, m) => n + m.shape[dim]!, 0) : d)),
    dtype: inputs[0]!.dtype,
  }),
  // Every piece of the gradient goes back where its input came from.
  grad: (ctx, g) => {
    const { dim } = ctx.attrs;
    let at = 0;
    return Array.from({ length: ctx.inputs }, (_, i) => {
      const from = at;
      at += ctx.inputMeta(i).shape[dim]!;
      const to = at;
      return () => sliceOf(g, dim, from, to);
    });
  },
  lower: (b, inputs, { dim }) => (inputs.length === 1 ? inputs[0]! : b.node("Concat", inputs, { axis: dim })),
  moves: true,
});

function concat(tensors: readonly Tensor[], dim: number): Tensor {
  if (tensors.length === 0) throw new RuntimeError("torch.cat(): expected a non-empty list of Tensors");
  for (const [i, t] of tensors.entries()) {
    if (t.ndim === 0)
      throw new RuntimeError(`zero-dimensional tensor (at position ${String(i)}) cannot be concatenated`);
  }
  // Empty one-dimensional tensors join anything.
  const real = tensors.filter((t) => !(t.ndim === 1 && t._shape[0] === 0));
  const dtype = tensors.map((t) => t.dtype).reduce(promoteTypes);
  const first = real[0] ?? tensors[0]!;
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
  return apply(
    catPrimitive,
    (real.length ? real : [tensors[0]!]).map((t) => castTo(t, dtype)),
    { dim: d },
  );
}

setJoinLast((list) => concat(list, -1));

export const cat = op({
  signature: "cat(Tensor[] tensors, int dim=0, *, Tensor? out=None) -> Tensor",
  on: ["torch"],
  aliases: ["concat", "concatenate"],
  doc: `Tensors one after another along an axis they have.\n\n${page("cat")}`,
  call: concat,
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
    );
  },
});

const atLeast = (t: Tensor, rank: number): Tensor => {
  if (rank >= 1 && t.ndim === 0) return atLeast(t.reshape(1), rank);
  if (rank >= 2 && t.ndim === 1) return atLeast(t.unsqueeze(0), rank);
  if (rank >= 3 && t.ndim === 2) return t.unsqueeze(2);
  return t;
};

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

function splitSizes(input: Tensor, sizes: readonly number[], dim: number): Tensor[] {
  let at = 0;
  const pieces = sizes.map((n) => {
    const piece = sliceOf(input, dim, at, at + n);
    at += n;
    return piece;
  });
  return severalViews(pieces);
}

function checkSplit(name: string, input: Tensor, sizes: readonly number[], dim: number): Tensor[] {
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

export const chunk = op({
  signature: "chunk(Tensor input, int chunks, int dim=0) -> Tensor[]",
  doc: `At most \`chunks\` views of equal size along \`dim\`, the last one smaller.\n\n${page("chunk")}`,
  call: (input, chunks, dim) => {
    if (input.ndim === 0) throw new RuntimeError("chunk expects at least a 1-dimensional tensor");
    if (chunks <= 0)
      throw new RuntimeError(`chunk expects \`chunks\` to be greater than 0, got: ${String(chunks)}`);
    const d = wrapDim(dim, input.ndim);
    const each = Math.ceil(input._shape[d]! / chunks);
    if (each === 0) return splitSizes(input, new Array<number>(chunks).fill(0), d);
    return splitEvery(input, each, d);
  },
});

export const unbind = op({
  signature: "unbind(Tensor input, int dim=0) -> Tensor[]",
  doc: `The views along \`dim\`, without it.\n\n${page("unbind")}`,
  call: (input, dim) => {
    if (input.ndim === 0) throw new IndexError("Dimension specified as 0 but tensor has no dimensions");
    const d = wrapDim(dim, input.ndim);
    return severalViews(
      Array.from({ length: input._shape[d]! }, (_, i) => squeezeDims(sliceOf(input, d, i, i + 1), [d])),
    );
  },
});

export const repeat = op({
  signature: "repeat(Tensor self, int... repeats) -> Tensor",
  on: ["Tensor"],
  doc: "The tensor repeated along its axes, and along new ones in front.\n\n[PyTorch](https://pytorch.org/docs/stable/generated/torch.Tensor.repeat.html)",
  call: (self, repeats) => tiled(self, repeats),
});

function tiled(self: Tensor, repeats: readonly number[]): Tensor {
  if (repeats.length < self.ndim) {
    throw new RuntimeError(
      "Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor",
    );
  }
  if (repeats.some((r) => r < 0))
    throw new RuntimeError(
      `Trying to create tensor with negative dimension: repeats=[${repeats.join(", ")}]`,
    );
  const shape = [...repeats.slice(0, repeats.length - self.ndim).map(() => 1), ...self._shape];
  // [a, b] repeated [m, n] times is [m, a, n, b] with the pairs merged.
  const spaced = self.reshape(shape.flatMap((d) => [1, d]));
  const wide = expandTo(
    spaced,
    shape.flatMap((d, i) => [repeats[i]!, d]),
  );
  return wide.reshape(shape.map((d, i) => d * repeats[i]!));
}

export const tile = op({
  signature: "tile(Tensor input, int... dims) -> Tensor",
  doc: `The tensor repeated along its last axes.\n\n${page("tile")}`,
  call: (input, dims) =>
    tiled(input, [...Array.from({ length: Math.max(0, input.ndim - dims.length) }, () => 1), ...dims]),
});

export const broadcastTo = op({
  signature: "broadcast_to(Tensor input, int... size) -> Tensor",
  doc: `A view expanded to a shape.\n\n${page("broadcast_to")}`,
  call: (input, size) => input.expand(size),
});

export const expandAs = op({
  signature: "expand_as(Tensor self, Tensor other) -> Tensor",
  on: ["Tensor"],
  doc: "A view expanded to the shape of `other`.",
  call: (self, other) => self.expand(other.shape),
});

export const viewAs = op({
  signature: "view_as(Tensor self, Tensor other) -> Tensor",
  on: ["Tensor"],
  doc: "A view in the shape of `other`.",
  call: (self, other) => self.view(other.shape),
});

export const reshapeAs = op({
  signature: "reshape_as(Tensor self, Tensor other) -> Tensor",
  on: ["Tensor"],
  doc: "The elements in the shape of `other`.",
  call: (self, other) => self.reshape(other.shape),
});

export const broadcastTensors = op({
  signature: "broadcast_tensors(Tensor... tensors) -> Tensor[]",
  on: ["torch"],
  doc: `Views of the tensors expanded to their common shape.\n\n${page("broadcast_tensors")}`,
  call: (tensors) => {
    const shape = broadcastShapes(...tensors.map((t) => t._shape));
    return tensors.map((t) => expandTo(t, shape));
  },
});

export const t = op({
  signature: "t(Tensor input) -> Tensor",
  inplace: "view",
  doc: `The transpose of a matrix; vectors stay.\n\n${page("t")}`,
  call: (input) => {
    if (input.ndim > 2)
      throw new RuntimeError(`t() expects a tensor with <= 2 dimensions, but self is ${String(input.ndim)}D`);
    return input.ndim < 2 ? permuteTo(input, [...input._shape.keys()]) : permuteTo(input, [1, 0]);
  },
});

export const movedim = op({
  signature: "movedim(Tensor input, int[] source, int[] destination) -> Tensor",
  aliases: ["moveaxis"],
  doc: `A view with axes moved to other places.\n\n${page("movedim")}`,
  call: (input, source, destination) => {
    const n = input.ndim;
    if (source.length !== destination.length) {
      throw new RuntimeError(
        `movedim: Invalid source or destination dims: source ([${source.join(", ")}] dims) should contain the same number of dims as destination ([${destination.join(", ")}] dims)`,
      );
    }
    const from = source.map((d) => wrapDim(d, n));
    const to = destination.map((d) => wrapDim(d, n));
    if (new Set(from).size !== from.length || new Set(to).size !== to.length) {
      throw new RuntimeError(
        `movedim: repeated dim in \`source\` or \`destination\` ([${source.join(", ")}], [${destination.join(", ")}])`,
      );
    }
    const rest = [...input._shape.keys()].filter((d) => !from.includes(d));
    const order = input._shape.map((_, i) => (to.includes(i) ? from[to.indexOf(i)]! : rest.shift()!));
    return permuteTo(input, order);
  },
});

const flipPrimitive = primitive<{ dims: readonly number[] }>({
  name: "flip",
  infer: ([x]) => ({ shape: x!.shape, dtype: x!.dtype }),
  grad: (ctx, g) => [g.flip([...ctx.attrs.dims])],
  lower: (b, [x], { dims }) =>
    dims.length === 0
      ? x!
      : b.node("Slice", [
          x!,
          b.ints(dims.map(() => -1)),
          b.ints(dims.map((d) => -x!.shape[d]! - 1)),
          b.ints(dims),
          b.ints(dims.map(() => -1)),
        ]),
  moves: true,
});

export const flip = op({
  signature: "flip(Tensor input, int... dims) -> Tensor",
  doc: `The elements in reverse order along \`dims\`.\n\n${page("flip")}`,
  call: (input, dims) => apply(flipPrimitive, [input], { dims: wrapDims(dims, input.ndim, false) }),
});

export const roll = op({
  signature: "roll(Tensor input, int[] shifts, int[] dims=[]) -> Tensor",
  doc: `The elements moved along \`dims\`; those that fall off come back at the other end.\n\n${page("roll")}`,
  call: (input, shifts, dims) => {
    if (dims.length === 0) {
      if (shifts.length !== 1)
        throw new RuntimeError(`shifts and dimensions must align. shifts: ${String(shifts.length)}, dims:0`);
      return rolled(input.reshape(-1), shifts[0]!, 0).reshape(input.shape);
    }
    if (shifts.length !== dims.length) {
      throw new RuntimeError(
        `shifts and dimensions must align. shifts: ${String(shifts.length)}, dims:${String(dims.length)}`,
      );
    }
    return dims.reduce((x, d, i) => rolled(x, shifts[i]!, wrapDim(d, x.ndim)), input);
  },
});

function rolled(x: Tensor, shift: number, dim: number): Tensor {
  const n = x._shape[dim] ?? 0;
  if (n === 0) return x.clone();
  const s = ((shift % n) + n) % n;
  return s === 0 ? x.clone() : concat([sliceOf(x, dim, n - s, n), sliceOf(x, dim, 0, n - s)], dim);
}
