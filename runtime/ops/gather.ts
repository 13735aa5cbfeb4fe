/** Picking and writing elements by index along an axis: `out[i][j] = input[index[i][j]][j]` and its reverse. */
import { IndexError, RuntimeError } from "../errors.js";
import type { Builder, Ref } from "../graph/builder.js";
import type { Attrs } from "../graph/value.js";
import { int64 } from "../tensor/dtype.js";
import { Tensor } from "../tensor/tensor.js";
import { apply } from "./apply.js";
import { checkBounds, nonNegative, outOfBounds } from "./bounds.js";
import { wrapDim } from "./dims.js";
import { page } from "./family.js";
import { titled } from "./inplace.js";
import { constantPad } from "./pad.js";
import { constant, operand } from "./promote.js";
import { op, primitive, type OpPrimitive } from "./record.js";
import type { Scalar } from "./schema.js";
import { expandTo, reshaped } from "./view.js";

interface DimAttrs extends Attrs {
  readonly dim: number;
}

const zerosLike = (g: Tensor, shape: readonly number[]): Tensor => expandTo(constant(0, g.dtype), shape);

export const gatherPrimitive: OpPrimitive<DimAttrs> = primitive<DimAttrs>({
  name: "gather",
  refuses: "RuntimeError",
  infer: ([x, i]) => ({ shape: i!.shape, dtype: x!.dtype }),
  grad: (ctx, g) => [
    () => apply(scatterAddPrimitive, [zerosLike(g, ctx.inputMeta(0).shape), ctx.input(1), g], ctx.attrs),
  ],
  lower: (b, [x, i], { dim }) =>
    b.node("GatherElements", [crop(b, x!, i!.shape, dim), nonNegative(b, i!)], { axis: dim }),
  moves: true,
});

/** PyTorch lets the index be smaller than the source off `dim`; ONNX wants them equal. */
function crop(b: Builder, x: Ref, shape: readonly number[], dim: number): Ref {
  const axes = [...shape.keys()].filter((a) => a !== dim && shape[a] !== x.shape[a]);
  if (axes.length === 0) return x;
  return b.node("Slice", [x, b.ints(axes.map(() => 0)), b.ints(axes.map((a) => shape[a]!)), b.ints(axes)]);
}

/** ScatterElements over bool counts in int64. */
function scatterElements(
  b: Builder,
  [x, i, src]: readonly Ref[],
  dim: number,
  reduction: "none" | "add",
): Ref {
  const values = crop(b, src!, i!.shape, -1);
  const index = nonNegative(b, i!);
  if (x!.dtype !== "bool" || reduction === "none")
    return b.node("ScatterElements", [x!, index, values], { axis: dim, reduction });
  const sum = b.node("ScatterElements", [b.cast(x!, "int64"), index, b.cast(values, "int64")], {
    axis: dim,
    reduction,
  });
  return b.cast(sum, "bool");
}

/** The gradient of a source that is larger than the index: zero where nothing was taken from. */
function ofSource(picked: Tensor, shape: readonly number[]): Tensor {
  const missing = shape.flatMap((d, a) => [0, d - picked._shape[a]!]).reverse();
  if (missing.every((n) => n === 0)) return picked;
  // `pad` lists the last axis first, before and after.
  const amounts = missing.flatMap((_, k) => (k % 2 === 0 ? [missing[k + 1]!, missing[k]!] : []));
  return constantPad(picked, amounts, 0);
}

export const scatterAddPrimitive: OpPrimitive<DimAttrs> = primitive<DimAttrs>({
  name: "scatter_add",
  refuses: "RuntimeError",
  infer: ([x]) => ({ shape: x!.shape, dtype: x!.dtype }),
  grad: (ctx, g) => [
    () => g,
    null,
    () => ofSource(apply(gatherPrimitive, [g, ctx.input(1)], ctx.attrs), ctx.inputMeta(2).shape),
  ],
  lower: (b, inputs, { dim }) => scatterElements(b, inputs, dim, "add"),
});

/** Later ones of several sources for one place win. */
export const scatterPrimitive: OpPrimitive<DimAttrs> = primitive<DimAttrs>({
  name: "scatter",
  refuses: "RuntimeError",
  infer: ([x]) => ({ shape: x!.shape, dtype: x!.dtype }),
  grad: (ctx, g) => [
    () =>
      apply(
        scatterPrimitive,
        [g, ctx.input(1), expandTo(constant(0, g.dtype), ctx.inputMeta(1).shape)],
        ctx.attrs,
      ),
    null,
    () => ofSource(apply(gatherPrimitive, [g, ctx.input(1)], ctx.attrs), ctx.inputMeta(2).shape),
  ],
  lower: (b, inputs, { dim }) => scatterElements(b, inputs, dim, "none"),
  moves: true,
});

const list = (t: Tensor): string => `[${t._shape.join(", ")}]`;
const rank = (t: Tensor): number => Math.max(1, t.ndim);

export function checkIndex(name: string, input: Tensor, dim: number, index: Tensor, src?: Tensor): void {
  if (index.dtype !== int64) throw new RuntimeError(`${name}(): Expected dtype int64 for index`);
  if (src && src.dtype !== input.dtype) {
    throw new RuntimeError(
      `scatter(): Expected self.dtype to be equal to src.dtype, but got ${titled(input)} and ${titled(src)}`,
    );
  }
  if (index.numel() === 0) return;
  if (rank(index) !== rank(input)) {
    throw new RuntimeError(
      `Index tensor must have the same number of dimensions as ${name === "gather" ? "input" : "self"} tensor: ${list(index)} for ${list(input)}`,
    );
  }
  if (src && src.ndim > 0 && src.ndim < index.ndim) {
    throw new IndexError(
      `Dimension out of range: index ${list(index)} has more dimensions than src tensor ${list(src)}`,
    );
  }
  if (src && rank(index) !== rank(src)) {
    throw new RuntimeError(
      `Index tensor must have the same number of dimensions as src tensor: ${list(index)} for ${list(src)}`,
    );
  }
  index._shape.forEach((d, a) => {
    const fits = (a === dim || d <= (input._shape[a] ?? 1)) && (!src || d <= (src._shape[a] ?? 1));
    if (fits) return;
    throw new RuntimeError(
      name === "gather"
        ? `Size does not match at dimension ${String(a)} expected index ${list(index)} to be smaller than self ${list(input)} apart from dimension ${String(dim)}`
        : `Expected index ${list(index)} to be smaller than self ${list(input)} apart from dimension ${String(dim)}` +
            (src ? ` and to be smaller size than src ${list(src)}` : ""),
    );
  });
  const size = input._shape[dim] ?? 1;
  checkBounds(
    index,
    0,
    size,
    outOfBounds(dim, size, (m) => new RuntimeError(m)),
  );
}

/** A tensor with at least one axis. */
export const oneAxis = (t: Tensor): Tensor => (t.ndim === 0 ? t.reshape(1) : t);

export const gather = op({
  signature:
    "gather(Tensor input, int dim, Tensor index, *, bool sparse_grad=False, Tensor? out=None) -> Tensor",
  doc: `Picks elements along \`dim\`: \`out[i][j] = input[index[i][j]][j]\` for \`dim\` 0.\n\n${page("gather")}`,
  outDtype: "exact",
  call: (input, dim, given) => {
    const d = wrapDim(dim, input.ndim);
    // An empty index of any dtype picks nothing.
    const index = given.numel() === 0 && given.dtype !== int64 ? given.to(int64) : given;
    checkIndex("gather", input, d, index);
    // An empty index may have fewer axes.
    if (index.numel() === 0) {
      const nothing = input.reshape(-1).narrow(0, 0, 0).sum({ dtype: input.dtype });
      return nothing.expand([...index._shape]).clone();
    }
    const picked = apply(gatherPrimitive, [oneAxis(input), oneAxis(index)], { dim: d });
    return reshaped(picked, index._shape);
  },
});

/** Applies a scatter; 0-d tensors count as one element of one axis. */
export function scattered(
  p: OpPrimitive<DimAttrs>,
  input: Tensor,
  dim: number,
  index: Tensor,
  src: Tensor,
): Tensor {
  return reshaped(apply(p, [oneAxis(input), oneAxis(index), oneAxis(src)], { dim }), input._shape);
}

/** The second operand of `scatter`: a tensor, or a number for all places. */
export function scatterSource(input: Tensor, index: Tensor, src: Tensor | Scalar): Tensor {
  return src instanceof Tensor ? src : expandTo(operand(src, input.dtype), index._shape);
}

export const scatterAdd = op({
  signature: "scatter_add(Tensor input, int dim, Tensor index, Tensor src, *, Tensor? out=None) -> Tensor",
  inplace: true,
  apart: true,
  outDtype: "exact",
  doc: `A copy of \`input\` with \`src\` added: \`out[index[i][j]][j] += src[i][j]\` for \`dim\` 0.\n\n${page("scatter_add")}`,
  call: (input, dim, index, src) => {
    const d = wrapDim(dim, input.ndim);
    checkIndex("scatter", input, d, index, src);
    if (index.numel() === 0) return input.clone();
    return scattered(scatterAddPrimitive, input, d, index, src);
  },
});
