/** Slices along an axis, by a vector of positions: selecting, adding, copying, filling, reducing. */
import { IndexError, RuntimeError } from "../errors.js";
import type { Attrs } from "../graph/value.js";
import { bool, int32, int64 } from "../tensor/dtype.js";
import { Tensor } from "../tensor/tensor.js";
import { apply, sameShape } from "./apply.js";
import { checkBounds, nonNegative, outOfBounds } from "./bounds.js";
import { castTo } from "./convert.js";
import { wrapDim } from "./dims.js";
import { notImplementedFor } from "./elementwise.js";
import { page } from "./family.js";
import { oneAxis, scatterPrimitive } from "./gather.js";
import { titled } from "./inplace.js";
import { constant, operand } from "./promote.js";
import { op, primitive, type OpPrimitive } from "./record.js";
import { scatterReduced } from "./scatter.js";
import type { Scalar } from "./schema.js";
import { expandTo, reshaped } from "./view.js";

interface DimAttrs extends Attrs {
  readonly dim: number;
}

const selectPrimitive: OpPrimitive<DimAttrs> = primitive<DimAttrs>({
  name: "index_select",
  refuses: "IndexError",
  infer: ([x, i], { dim }) => ({
    shape: x!.shape.map((d, a) => (a === dim ? i!.shape[0]! : d)),
    dtype: x!.dtype,
  }),
  grad: (ctx, g) => [
    () => {
      const zeros = expandTo(constant(0, g.dtype), ctx.inputMeta(0).shape);
      return apply(addPrimitive, [zeros, ctx.input(1), g], ctx.attrs);
    },
  ],
  lower: (b, [x, i], { dim }) => b.node("Gather", [x!, nonNegative(b, i!)], { axis: dim }),
  moves: true,
});

const addPrimitive: OpPrimitive<DimAttrs> = primitive<DimAttrs>({
  name: "index_add",
  refuses: "IndexError",
  infer: ([x]) => ({ shape: x!.shape, dtype: x!.dtype }),
  grad: (ctx, g) => [() => g, null, () => apply(selectPrimitive, [g, ctx.input(1)], ctx.attrs)],
  lower: (b, [x, i, source], { dim }) => {
    const column = b.reshape(
      nonNegative(b, i!),
      source!.shape.map((d, a) => (a === dim ? d : 1)),
    );
    const spread = b.node("Expand", [column, b.ints(source!.shape)], undefined, "int64");
    const attrs = { axis: dim, reduction: "add" };
    if (x!.dtype !== "bool") return b.node("ScatterElements", [x!, spread, source!], attrs);
    const numbers = [b.cast(x!, "int64"), spread, b.cast(source!, "int64")];
    return b.cast(b.node("ScatterElements", numbers, attrs), "bool");
  },
});

/** Positions along `dim` as positions of every element of `shape`. */
function spread(index: Tensor, dim: number, shape: readonly number[]): Tensor {
  const column = index.reshape(shape.map((_, a) => (a === dim ? index.numel() : 1)));
  return expandTo(column, shape);
}

export const indexSelect = op({
  signature: "index_select(Tensor input, int dim, Tensor index, *, Tensor? out=None) -> Tensor",
  doc: `The slices along \`dim\` at the positions in \`index\`.\n\n${page("index_select")}`,
  outDtype: "exact",
  call: (input, dim, index) => {
    const d = wrapDim(dim, input.ndim);
    if (index.ndim > 1) throw new IndexError("index_select(): Index is supposed to be a vector");
    checkIntegral("index_select", index);
    checkBounds(index, 0, input._shape[d] ?? 1, () => {
      const message = `index out of range in self: dim ${String(d)} has size ${String(input._shape[d] ?? 1)}`;
      // Along the second axis PyTorch has a kernel of its own, with its own error.
      return d === 1 ? new RuntimeError(message) : new IndexError(message);
    });
    const positions = castTo(oneAxis(index), int64);
    const picked = apply(selectPrimitive, [oneAxis(input), positions], { dim: d });
    if (input.ndim > 0) return picked;
    if (positions.numel() !== 1) throw oneIndexOnly("index_select");
    return reshaped(picked, []);
  },
});

const oneIndexOnly = (name: string): Error =>
  new IndexError(`${name}(): Index to scalar can have only 1 value`);

function checkIntegral(name: string, index: Tensor): void {
  if (index.dtype === int64 || index.dtype === int32) return;
  throw new RuntimeError(`${name}(): Expected dtype int32/int64 for index, got ${titled(index)}`);
}

/** What `index_add`, `index_copy` and `index_reduce` ask of their arguments. */
function checkSource(
  name: string,
  self: Tensor,
  dim: number,
  index: Tensor,
  source: Tensor,
  Mismatch: new (message: string) => Error = RuntimeError,
): void {
  if (index.ndim > 1) throw new IndexError(`${name}_(): Index is supposed to be a vector`);
  if (Mismatch === IndexError && source.ndim !== self.ndim && source.ndim > 0 && self.ndim > 0) {
    throw new IndexError(
      `${name}_(): When source and destination are not scalars, their dimensionality must match. Source dimensionality ` +
        `(${String(source.ndim)}), destination dimensionality (${String(self.ndim)})`,
    );
  }
  if (self.dtype !== source.dtype) {
    throw new RuntimeError(
      `${name}_(): self (${titled(self)}) and source (${titled(source)}) must have the same scalar type`,
    );
  }
  if (source.ndim > 0 && source.ndim <= dim) {
    throw new RuntimeError(
      `${name}_(): Indexing dim ${String(dim)} is out of bounds of the source tensor with dim ${String(source.ndim)}`,
    );
  }
  const given = source.ndim === 0 ? 1 : source._shape[dim]!;
  if (index.numel() !== given) {
    throw new Mismatch(
      `${name}_(): Number of indices (${String(index.numel())}) should be equal to source.size(dim): (${String(given)}), for dim: ${String(dim)}`,
    );
  }
  const without = (t: Tensor): number[] => t._shape.filter((_, a) => a !== dim);
  if (!sameShape(without(self), without(source))) {
    throw new RuntimeError(
      `${name}_(): source tensor shape must match self tensor shape, excluding the specified dimension. Got self.shape = ` +
        `[${self._shape.join(", ")}] source.shape = [${source._shape.join(", ")}]`,
    );
  }
}

export const indexAdd = op({
  signature:
    "index_add(Tensor input, int dim, Tensor index, Tensor source, *, Scalar alpha=1, Tensor? out=None) -> Tensor",
  inplace: true,
  apart: true,
  outDtype: "exact",
  doc: `A copy of \`input\` with \`alpha\` times the slices of \`source\` added at the positions in \`index\`.\n\n${page("Tensor.index_add_")}`,
  call: (input, dim, index, source, alpha) => {
    const d = wrapDim(dim, input.ndim);
    checkIntegral("index_add", index);
    checkSource("index_add", input, d, index, source);
    checkBounds(index, 0, input._shape[d] ?? 1, () => new IndexError("index out of range in self"));
    // A fraction is cut off where elements are integers.
    const scaled = Number(alpha) === 1 ? source : source.mul(operand(alpha, source.dtype));
    const args = [oneAxis(input), castTo(oneAxis(index), int64), oneAxis(scaled)];
    return reshaped(apply(addPrimitive, args, { dim: d }), input._shape);
  },
});

export const indexCopy = op({
  signature: "index_copy(Tensor input, int dim, Tensor index, Tensor source, *, Tensor? out=None) -> Tensor",
  inplace: true,
  apart: true,
  outDtype: "exact",
  doc: `A copy of \`input\` with the slices of \`source\` at the positions in \`index\`.\n\n${page("Tensor.index_copy_")}`,
  call: (input, dim, index, source) => {
    const d = wrapDim(dim, input.ndim);
    if (index.dtype !== int64) {
      throw new RuntimeError(`index_copy_(): Expected a long tensor for index, but got ${titled(index)}`);
    }
    checkSource("index_copy", input, d, index, source, IndexError);
    const size = input._shape[d] ?? 1;
    checkBounds(
      index,
      0,
      size,
      outOfBounds(d, size, (m) => new IndexError(`index_copy_(): ${m}`)),
    );
    const values = oneAxis(source);
    if (values.numel() === 0) return input.clone();
    const args = [oneAxis(input), spread(index, d, values._shape), values];
    return reshaped(apply(scatterPrimitive, args, { dim: d }), input._shape);
  },
});

function filled(input: Tensor, dim: number, index: Tensor, value: Tensor | Scalar): Tensor {
  const d = wrapDim(dim, input.ndim);
  if (index.dtype !== int64) throw new IndexError("index_fill_(): Expected dtype int64 for index.");
  if (index.ndim > 1) throw new RuntimeError("index_fill_(): Index has to be a vector or a scalar.");
  if (value instanceof Tensor && value.ndim > 0) {
    throw new RuntimeError(
      `index_fill_ only supports a 0-dimensional value tensor, but got tensor with ${String(value.ndim)} dimension(s).`,
    );
  }
  const self = oneAxis(input);
  const size = self._shape[d]!;
  checkBounds(index, -size, size, outOfBounds(d, size));
  const shape = self._shape.map((n, a) => (a === d ? index.numel() : n));
  if (shape.includes(0)) return input.clone();
  // Negative positions count from the end.
  const positions = index.add(index.lt(0).to(int64).mul(size));
  const values = expandTo(operand(value, input.dtype), shape);
  const args = [self, spread(positions, d, shape), values];
  return reshaped(apply(scatterPrimitive, args, { dim: d }), input._shape);
}

export const indexFill = op({
  signature: "index_fill(Tensor input, int dim, Tensor index, Tensor|Scalar value) -> Tensor",
  inplace: true,
  apart: true,
  doc: `A copy of \`input\` with one value in the slices at the positions in \`index\`.\n\n${page("Tensor.index_fill_")}`,
  call: filled,
});

export const indexReduce = op({
  signature:
    "index_reduce(Tensor input, int dim, Tensor index, Tensor source, str reduce, *, bool include_self=True, Tensor? out=None) -> Tensor",
  inplace: true,
  apart: true,
  outDtype: "exact",
  doc: `A copy of \`input\` where the slices at the positions in \`index\` are reduced with those of \`source\`: "prod", "mean", "amax" or "amin". Without \`includeSelf\` only the sources count.\n\n${page("Tensor.index_reduce_")}`,
  call: (input, dim, index, source, reduce, includeSelf) => {
    const d = wrapDim(dim, input.ndim);
    if (!["prod", "mean", "amax", "amin"].includes(reduce)) {
      throw new RuntimeError(
        `index_reduce(): Expected reduce to be one of prod, mean, amax or amin but got ${reduce}.`,
      );
    }
    checkIntegral("index_reduce", index);
    checkSource("index_reduce", input, d, index, source);
    if (input.dtype === bool) notImplementedFor("index_func_", bool);
    checkBounds(index, 0, input._shape[d] ?? 1, () => new IndexError("index out of range in self"));
    const values = oneAxis(source);
    const positions = spread(castTo(oneAxis(index), int64), d, values._shape);
    return scatterReduced(input, d, positions, values, reduce, includeSelf);
  },
});
