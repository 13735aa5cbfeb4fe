/** Look-ups by index. */
import { NotImplementedError, RuntimeError } from "../errors.js";
import type { Attrs } from "../graph/value.js";
import { int32, int64 } from "../tensor/dtype.js";
import { apply } from "./apply.js";
import { gt } from "./compare.js";
import { castTo } from "./convert.js";
import { full } from "./create.js";
import { page } from "./family.js";
import { op, primitive, type OpPrimitive } from "./record.js";

interface EmbeddingAttrs extends Attrs {
  /** The row that gets no gradient; -1 for none. */
  readonly paddingIdx: number;
  /** The gradient tells which rows took part. */
  readonly sparse?: boolean;
}

const embeddingPrimitive: OpPrimitive<EmbeddingAttrs> = primitive<EmbeddingAttrs>({
  name: "embedding",
  infer: ([w, i]) => ({ shape: [...i!.shape, ...w!.shape.slice(1)], dtype: w!.dtype }),
  grad: (ctx, g) => [
    () => {
      const index = ctx.input(1);
      const { paddingIdx, sparse } = ctx.attrs;
      const rows = ctx.inputMeta(0).shape[0]!;
      const grad = apply(embeddingBackward, [g, index], { paddingIdx, rows });
      if (sparse) {
        const ones = full(index.shape, 1, { dtype: g.dtype });
        grad._touchedRows = gt(apply(embeddingBackward, [ones, index], { paddingIdx, rows }), 0);
      }
      return grad;
    },
  ],
  lower: (b, [w, i]) => b.node("Gather", [w!, i!], { axis: 0 }),
  moves: true,
});

/** Sums the gradients of equal indices into their row. */
const embeddingBackward: OpPrimitive<EmbeddingAttrs & { readonly rows: number }> = primitive({
  name: "embedding_dense_backward",
  infer: ([g, i], { rows }) => ({ shape: [rows, ...g!.shape.slice(i!.shape.length)], dtype: g!.dtype }),
  grad: (ctx, h) => [() => apply(embeddingPrimitive, [h, ctx.input(1)], { paddingIdx: -1 })],
  lower: (b, [g, i], { paddingIdx }, [out]) => {
    const zeros = b.node("Expand", [b.scalar(0, g!.dtype), b.ints(out!.shape)], undefined, g!.dtype);
    let updates = g!;
    if (paddingIdx >= 0) {
      const hit = b.node("Equal", [i!, b.scalar(paddingIdx, "int64")], undefined, "bool");
      const mask = b.reshape(hit, [...i!.shape, ...g!.shape.slice(i!.shape.length).map(() => 1)]);
      updates = b.node("Where", [mask, b.scalar(0, g!.dtype), g!], undefined, g!.dtype);
    }
    const rows = b.reshape(i!, [...i!.shape, 1]);
    return b.node("ScatterND", [zeros, rows, updates], { reduction: "add" });
  },
});

export const embedding = op({
  signature:
    "embedding(Tensor input, Tensor weight, int? padding_idx=None, float? max_norm=None, float norm_type=2.0, bool scale_grad_by_freq=False, bool sparse=False) -> Tensor",
  on: ["F"],
  doc: `Rows of \`weight\` \`[V, D]\` by the indices in \`input\` \`[…]\`, giving \`[…, D]\`.\n\n${page("nn.functional.embedding")}`,
  call: (input, weight, paddingIdx, maxNorm, _normType, scaleByFreq, sparse) => {
    if (input.dtype !== int64 && input.dtype !== int32) {
      throw new RuntimeError(
        `Expected tensor for argument #1 'indices' to have one of the following scalar types: Long, Int; but got ${String(input.dtype)} instead`,
      );
    }
    const rows = weight._shape[0]!;
    if (paddingIdx !== null && (paddingIdx >= rows || paddingIdx < -rows)) {
      throw new RuntimeError("Padding_idx must be within num_embeddings");
    }
    const pad = paddingIdx === null ? -1 : paddingIdx < 0 ? paddingIdx + rows : paddingIdx;
    if (maxNorm !== null) throw new NotImplementedError("embedding with maxNorm is not implemented");
    if (scaleByFreq) throw new NotImplementedError("embedding with scaleGradByFreq is not implemented");
    return apply(embeddingPrimitive, [weight, castTo(input, int64)], {
      paddingIdx: pad,
      ...(sparse ? { sparse } : {}),
    });
  },
});
