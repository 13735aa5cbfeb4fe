/** Elements by flat position, and by mask. */
import { IndexError, RuntimeError } from "../errors.js";
import type { Attrs } from "../graph/value.js";
import { bool, int64, uint8 } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { apply } from "./apply.js";
import { checkBounds } from "./bounds.js";
import { castTo } from "./convert.js";
import { wrapDim } from "./dims.js";
import { broadcastShapes, page } from "./family.js";
import { gather } from "./gather.js";
import { indexPrimitive, indexPutPrimitive } from "./indexing.js";
import { titled } from "./inplace.js";
import { constant } from "./promote.js";
import { op, primitive, type OpPrimitive } from "./record.js";
import { expandTo, reshaped } from "./view.js";

/** Positions as rows for the index primitives. */
function rowsOf(name: string, input: Tensor, index: Tensor): Tensor {
  if (index.dtype !== int64) {
    throw new RuntimeError(`${name}(): Expected a long tensor for index, but got ${titled(index)}`);
  }
  const n = input.numel();
  if (n === 0 && index.numel() > 0) {
    throw new IndexError(
      `${name}(): tried to ${name.startsWith("put") ? "put into" : "take from"} an empty tensor`,
    );
  }
  checkBounds(
    index,
    -n,
    n,
    (i) =>
      new IndexError(
        `out of range: tried to access index ${String(i)} on a tensor of ${String(n)} elements.`,
      ),
  );
  return index.reshape(-1, 1);
}

export const take = op({
  signature: "take(Tensor input, Tensor index, *, Tensor? out=None) -> Tensor",
  outDtype: "exact",
  doc: `The elements at positions of the tensor seen as a vector; negative ones count from the end.\n\n${page("take")}`,
  call: (input, index) => {
    const rows = rowsOf("take", input, index);
    const picked = apply(indexPrimitive, [input.reshape(-1), rows], { axes: 1 });
    return reshaped(picked, index._shape);
  },
});

export const put = op({
  signature: "put(Tensor input, Tensor index, Tensor source, bool accumulate=False) -> Tensor",
  inplace: true,
  apart: true,
  doc: `A copy of \`input\` with elements at positions of it seen as a vector replaced, or added to when \`accumulate\`.\n\n${page("Tensor.put_")}`,
  call: (input, index, source, accumulate) => {
    if (input.dtype !== source.dtype) {
      throw new RuntimeError(
        `put_(): self and source expected to have the same dtype, but got self.dtype = ${titled(input)} and source.dtype = ${titled(source)}`,
      );
    }
    const rows = rowsOf("put_", input, index);
    if (source.numel() !== index.numel()) {
      throw new IndexError(
        `put_(): Expected source and index to have the same number of elements, but got source.numel() = ${String(source.numel())}, index.numel() = ${String(index.numel())}`,
      );
    }
    if (index.numel() === 0) return input.clone();
    const flat = [input.reshape(-1), rows, source.reshape(-1)];
    return reshaped(apply(indexPutPrimitive, flat, { axes: 1, accumulate }), input._shape);
  },
});

export const takeAlongDim = op({
  signature: "take_along_dim(Tensor input, Tensor indices, int? dim=None, *, Tensor? out=None) -> Tensor",
  outDtype: "exact",
  doc: `Elements along \`dim\` at the positions that \`argsort\` or \`argmax\` with \`keepdim\` give, the other axes broadcast; without \`dim\`, of the tensor seen as a vector.\n\n${page("take_along_dim")}`,
  call: (input, indices, dim) => {
    if (indices.dtype !== int64) {
      throw new RuntimeError(
        `torch.take_along_dim(): dtype of indices should be Long but got ${titled(indices)}`,
      );
    }
    if (dim === null) return gather(input.reshape(-1), 0, indices.reshape(-1));
    if (input.ndim !== indices.ndim) {
      throw new RuntimeError(
        `torch.take_along_dim(): input and indices should have the same number of dimensions, but got ${String(input.ndim)} dimensions for input, and ${String(indices.ndim)} dimensions for indices`,
      );
    }
    const d = wrapDim(dim, input.ndim);
    const along = (shape: readonly number[], n: number): number[] => shape.map((s, i) => (i === d ? n : s));
    const others = broadcastShapes(along(input._shape, 1), along(indices._shape, 1));
    return gather(
      expandTo(input, along(others, input._shape[d] ?? 1)),
      d,
      expandTo(indices, along(others, indices._shape[d] ?? 1)),
    );
  },
});

/** The first elements of `source`, in order, where the mask is true. */
const maskedScatterPrimitive: OpPrimitive<Attrs> = primitive<Attrs>({
  name: "masked_scatter",
  infer: ([x]) => ({ shape: x!.shape, dtype: x!.dtype }),
  grad: (ctx, g) => [
    () => g.maskedFill(ctx.input(1), 0),
    null,
    () => apply(maskedGather, [g, ctx.input(1)], { shape: ctx.inputMeta(2).shape }),
  ],
  host: "masked_scatter",
  moves: true,
});

/** The elements that the mask shows, in order, followed by zeros. */
const maskedGather: OpPrimitive<{ readonly shape: readonly number[] }> = primitive<{
  readonly shape: readonly number[];
}>({
  name: "masked_scatter_backward",
  infer: ([g], { shape }) => ({ shape, dtype: g!.dtype }),
  grad: (ctx, g) => [
    apply(
      maskedScatterPrimitive,
      [expandTo(constant(0, g.dtype), ctx.inputMeta(0).shape), ctx.input(1), g],
      {},
    ),
  ],
  host: "masked_gather",
  moves: true,
});

export const maskedScatter = op({
  signature: "masked_scatter(Tensor input, Tensor mask, Tensor source) -> Tensor",
  inplace: true,
  apart: true,
  doc: `A copy of \`input\` with the elements of \`source\`, in order, where the mask is true.\n\n${page("Tensor.masked_scatter_")}`,
  call: (input, mask, source) => {
    if (input.dtype !== source.dtype) {
      throw new RuntimeError(
        `masked_scatter: expected self and source to have same dtypes but got ${titled(input)} and ${titled(source)}`,
      );
    }
    if (mask.dtype !== bool && mask.dtype !== uint8) {
      throw new RuntimeError(
        `masked_scatter_ only supports boolean masks, but got mask with dtype ${String(mask.dtype)}`,
      );
    }
    const shape = broadcastShapes(input._shape, mask._shape);
    return apply(
      maskedScatterPrimitive,
      [expandTo(input, shape), castTo(expandTo(mask, shape), bool), source],
      {},
    );
  },
});
