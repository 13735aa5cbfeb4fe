/** Elements repeated, reversed, moved; axes renamed. */
import { IndexError, RuntimeError } from "../errors.js";
import type { Tensor } from "../tensor/tensor.js";
import { contiguousFormat } from "../tensor/memoryFormat.js";
import { preservedStrides } from "../tensor/strides.js";
import { apply } from "./apply.js";
import { wrapDim, wrapDims } from "./dims.js";
import { broadcastShapes, page } from "./family.js";
import { cat } from "./join.js";
import { op, primitive } from "./record.js";
import { copyReshaped, expandTo, permuteTo, reshaped, sliceOf } from "./view.js";

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
  return copyReshaped(
    wide,
    shape.map((d, i) => d * repeats[i]!),
  );
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
  layout: ([x], shape) => preservedStrides(shape, x!._strides),
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
    if (shifts.length === 0) throw new RuntimeError("`shifts` required");
    if (dims.length > 0 && input.ndim === 0)
      throw new IndexError("Dimension specified as 0 but tensor has no dimensions");
    if (dims.length === 0) {
      if (shifts.length !== 1)
        throw new RuntimeError(`shifts and dimensions must align. shifts: ${String(shifts.length)}, dims:0`);
      return reshaped(rolled(input.reshape(-1), shifts[0]!, 0), input._shape);
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
  if (n === 0) return x.clone({ memoryFormat: contiguousFormat });
  const s = ((shift % n) + n) % n;
  return s === 0
    ? x.clone({ memoryFormat: contiguousFormat })
    : cat([sliceOf(x, dim, n - s, n), sliceOf(x, dim, 0, n - s)], { dim });
}

export const rot90 = op({
  signature: "rot90(Tensor input, int k=1, int[] dims=[0,1]) -> Tensor",
  doc: `The elements turned by \`k\` quarters in the plane of two axes, from the first towards the second.\n\n${page("rot90")}`,
  call: (input, k, dims) => {
    const n = input.ndim;
    if (dims.length !== 2)
      throw new RuntimeError(`expected total rotation dims == 2, but got dims = ${String(dims.length)}`);
    if (n < 2) throw new RuntimeError(`expected total dims >= 2, but got total dims = ${String(n)}`);
    const [a, b] = dims as [number, number];
    if (a === b || Math.abs(a - b) === n) {
      throw new RuntimeError(
        `expected rotation dims to be different, but got dim0 = ${String(a)} and dim1 = ${String(b)}`,
      );
    }
    dims.forEach((d, i) => {
      if (d < -n || d >= n)
        throw new RuntimeError(`Rotation dim${String(i)} out of range, dim${String(i)} = ${String(d)}`);
    });
    const [from, to] = [wrapDim(a, n), wrapDim(b, n)];
    switch (((k % 4) + 4) % 4) {
      case 1:
        return input.flip(to).transpose(from, to);
      case 2:
        return input.flip(from, to);
      case 3:
        return input.flip(from).transpose(from, to);
      default:
        return input.clone({ memoryFormat: contiguousFormat });
    }
  },
});

export const fliplr = op({
  signature: "fliplr(Tensor input) -> Tensor",
  doc: `The columns in reverse order.\n\n${page("fliplr")}`,
  call: (input) => {
    if (input.ndim < 2) throw new RuntimeError(`Input must be >= 2-d, got [${input._shape.join(", ")}].`);
    return input.flip(1);
  },
});

export const flipud = op({
  signature: "flipud(Tensor input) -> Tensor",
  doc: `The rows in reverse order.\n\n${page("flipud")}`,
  call: (input) => {
    if (input.ndim < 1) throw new RuntimeError("Input must be >= 1-d.");
    return input.flip(0);
  },
});
