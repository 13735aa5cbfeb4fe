/** Picking and adding elements by index along an axis. */
import { RuntimeError } from "../errors.js";
import type { Builder, Ref } from "../graph/builder.js";
import type { Attrs } from "../graph/value.js";
import { int64 } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { apply } from "./apply.js";
import { castTo } from "./convert.js";
import { wrapDim } from "./dims.js";
import { page } from "./family.js";
import { op, primitive, type OpPrimitive } from "./record.js";
import { constant } from "./promote.js";
import { expandTo } from "./view.js";

interface DimAttrs extends Attrs {
  readonly dim: number;
}

export const gatherPrimitive: OpPrimitive<DimAttrs> = primitive<DimAttrs>({
  name: "gather",
  infer: ([x, i]) => ({ shape: i!.shape, dtype: x!.dtype }),
  grad: (ctx, g) => [
    () => {
      const zeros = expandTo(constant(0, g.dtype), ctx.inputMeta(0).shape);
      return apply(scatterAddPrimitive, [zeros, ctx.input(1), g], ctx.attrs);
    },
  ],
  lower: (b, [x, i], { dim }) => b.node("GatherElements", [crop(b, x!, i!.shape, dim), i!], { axis: dim }),
  moves: true,
});

/** PyTorch lets the index be smaller than the source off `dim`; ONNX wants them equal. */
function crop(b: Builder, x: Ref, shape: readonly number[], dim: number): Ref {
  const axes = [...shape.keys()].filter((a) => a !== dim && shape[a] !== x.shape[a]);
  if (axes.length === 0) return x;
  return b.node("Slice", [x, b.ints(axes.map(() => 0)), b.ints(axes.map((a) => shape[a]!)), b.ints(axes)]);
}

export const scatterAddPrimitive: OpPrimitive<DimAttrs> = primitive<DimAttrs>({
  name: "scatter_add",
  infer: ([x]) => ({ shape: x!.shape, dtype: x!.dtype }),
  grad: (ctx, g) => [() => g, null, () => apply(gatherPrimitive, [g, ctx.input(1)], ctx.attrs)],
  lower: (b, [x, i, src], { dim }) =>
    b.node("ScatterElements", [x!, i!, crop(b, src!, i!.shape, -1)], { axis: dim, reduction: "add" }),
});

function checkIndex(name: string, input: Tensor, dim: number, index: Tensor): void {
  if (index.dtype !== int64) throw new RuntimeError(`${name}(): Expected dtype int64 for index`);
  if (index.numel() === 0) return;
  const rank = Math.max(1, input.ndim);
  if (Math.max(1, index.ndim) !== rank) {
    throw new RuntimeError(
      `Index tensor must have the same number of dimensions as input tensor: [${index._shape.join(", ")}] for [${input._shape.join(", ")}]`,
    );
  }
  index._shape.forEach((d, a) => {
    if (a !== dim && d > input._shape[a]!) {
      throw new RuntimeError(
        `Size does not match at dimension ${String(a)} expected index [${index._shape.join(", ")}] to be smaller than self [${input._shape.join(", ")}] apart from dimension ${String(dim)}`,
      );
    }
  });
}

export const gather = op({
  signature:
    "gather(Tensor input, int dim, Tensor index, *, bool sparse_grad=False, Tensor? out=None) -> Tensor",
  doc: `Picks elements along \`dim\`: \`out[i][j] = input[index[i][j]][j]\` for \`dim\` 0.\n\n${page("gather")}`,
  call: (input, dim, index) => {
    const d = wrapDim(dim, input.ndim);
    checkIndex("gather", input, d, index);
    if (input.ndim === 0 || index.ndim === 0) {
      const x = input.ndim === 0 ? input.reshape(1) : input;
      const i = index.ndim === 0 ? index.reshape(1) : index;
      return apply(gatherPrimitive, [x, castTo(i, int64)], { dim: 0 }).reshape(index.shape);
    }
    return apply(gatherPrimitive, [input, index], { dim: d });
  },
});
