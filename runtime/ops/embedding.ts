/** Look-ups by index. */
import { noGrad } from "../autograd/mode.js";
import { AssertionError, RuntimeError } from "../errors.js";
import type { Attrs } from "../graph/value.js";
import { int32, int64 } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { apply } from "./apply.js";
import { and, choose, eq, gt } from "./compare.js";
import { castTo } from "./convert.js";
import { full } from "./create.js";
import { page } from "./family.js";
import { inRange } from "./guard.js";
import { inPlace, titled } from "./inplace.js";
import { op, primitive, type OpPrimitive } from "./record.js";
import { arange } from "./sequence.js";
import { vectorNorm } from "./vector-norm.js";

interface EmbeddingAttrs extends Attrs {
  /** The row that gets no gradient; -1 for none. */
  readonly paddingIdx: number;
  /** The gradient tells which rows took part. */
  readonly sparse?: boolean;
  /** The gradient of a row is divided by how often it was looked up. */
  readonly byFrequency?: boolean;
}

export const embeddingPrimitive: OpPrimitive<EmbeddingAttrs> = primitive<EmbeddingAttrs>({
  name: "embedding",
  infer: ([w, i]) => ({ shape: [...i!.shape, ...w!.shape.slice(1)], dtype: w!.dtype }),
  grad: (ctx, g) => [
    () => {
      const index = ctx.input(1);
      const { paddingIdx, sparse, byFrequency } = ctx.attrs;
      const rows = ctx.inputMeta(0).shape[0]!;
      const grad = sumRows(g, index, rows, paddingIdx);
      if (!sparse && !byFrequency) return grad;
      const counts = sumRows(full(index.shape, 1, { dtype: g.dtype }), index, rows, paddingIdx);
      const scaled = byFrequency ? grad.div(counts.clampMin(1).unsqueeze(-1)) : grad;
      if (sparse) scaled._touchedRows = gt(counts, 0);
      return scaled;
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

/** `[rows, …]` of zeros with every row of `values` added at its index, those at `skip` left out. */
export function sumRows(values: Tensor, index: Tensor, rows: number, skip = -1): Tensor {
  return apply(embeddingBackward, [values, index], { paddingIdx: skip, rows });
}

/** Indices as int64. @throws RuntimeError for other than int32 and int64 */
export function longIndices(input: Tensor, of: string): Tensor {
  if (input.dtype === int64 || input.dtype === int32) return castTo(input, int64);
  throw new RuntimeError(
    `Expected tensor for argument #1 'indices' to have one of the following scalar types: Long, Int; but got torch.${titled(input)}Tensor instead (while checking arguments for ${of})`,
  );
}

/** Rows of a matrix, those at `padding` without a gradient; indices beyond it are an `IndexError` at the next read. */
export function lookUp(weight: Tensor, index: Tensor, attrs: Partial<EmbeddingAttrs>): Tensor {
  const safe = inRange(
    index,
    [0, weight._shape[0]! - 1],
    "IndexError",
    `index out of range in self: there are ${String(weight._shape[0])} rows`,
  );
  return apply(embeddingPrimitive, [weight, safe], { paddingIdx: -1, ...attrs });
}

/** Scales the rows that are looked up down to a norm of at most `maxNorm`, in place. */
export function limitNorms(weight: Tensor, index: Tensor, maxNorm: number, p: number): void {
  noGrad(() => {
    const w = weight.detach();
    const used = gt(sumRows(full(index.shape, 1, { dtype: w.dtype }), index, w._shape[0]!), 0);
    const norms = vectorNorm(w, p, [1], false);
    const scale = choose(and(used, gt(norms, maxNorm)), norms.add(1e-7).reciprocal().mul(maxNorm), 1);
    inPlace("embedding_renorm_", w, () => w.mul(scale.unsqueeze(1)));
  });
}

export const embeddingRenorm_ = op({
  signature: "embedding_renorm_(Tensor input, Tensor indices, float max_norm, float norm_type) -> Tensor",
  on: ["torch"],
  doc: "Scales the rows at `indices` down to a norm of at most `maxNorm`, in place.",
  call: (input, indices, maxNorm, p) => {
    limitNorms(input, longIndices(indices, "embedding_renorm_"), maxNorm, p);
    return input;
  },
});

/** The row without a gradient, counted from the front; -1 for none. */
export function paddingRow(paddingIdx: number | null, rows: number): number {
  if (paddingIdx === null) return -1;
  if (paddingIdx >= rows || paddingIdx < -rows) {
    throw new AssertionError(
      `Padding_idx must be within num_embeddings: ${String(paddingIdx)} is not within ${String(rows)} rows`,
    );
  }
  return paddingIdx < 0 ? paddingIdx + rows : paddingIdx;
}

function checkMatrix(weight: Tensor): void {
  if (weight.ndim !== 2) {
    throw new RuntimeError(`'weight' must be 2-D, but it is [${weight._shape.join(", ")}]`);
  }
}

export const embedding = op({
  signature:
    "embedding(Tensor input, Tensor weight, int? padding_idx=None, float? max_norm=None, float norm_type=2.0, bool scale_grad_by_freq=False, bool sparse=False) -> Tensor",
  on: ["F"],
  doc: `Rows of \`weight\` \`[V, D]\` by the indices in \`input\` \`[…]\`, giving \`[…, D]\`.\n\n${page("nn.functional.embedding")}`,
  call: (input, weight, paddingIdx, maxNorm, normType, byFrequency, sparse) => {
    const padding = paddingRow(paddingIdx, weight._shape[0] ?? 0);
    const index = longIndices(input, "embedding");
    checkMatrix(weight);
    if (maxNorm !== null) limitNorms(weight, index, maxNorm, normType);
    return lookUp(weight, index, {
      paddingIdx: padding,
      ...(sparse ? { sparse } : {}),
      ...(byFrequency ? { byFrequency } : {}),
    });
  },
});

export const torchEmbedding = op({
  signature:
    "embedding(Tensor weight, Tensor indices, int padding_idx=-1, bool scale_grad_by_freq=False, bool sparse=False) -> Tensor",
  on: ["torch"],
  doc: "The function behind `F.embedding`; a negative `paddingIdx` is none.",
  call: (weight, indices, paddingIdx, byFrequency, sparse) => {
    checkMatrix(weight);
    return lookUp(weight, longIndices(indices, "embedding"), {
      paddingIdx: Math.max(-1, paddingIdx),
      ...(sparse ? { sparse } : {}),
      ...(byFrequency ? { byFrequency } : {}),
    });
  },
});

export const oneHot = op({
  signature: "one_hot(Tensor input, int num_classes=-1) -> Tensor",
  on: ["F"],
  doc: `1 at the class, 0 elsewhere: \`[*]\` of int64 to \`[*, numClasses]\`. Without \`numClasses\` the values are read for it: the largest plus one.\n\n${page("nn.functional.one_hot")}`,
  call: (input, numClasses) => {
    if (input.dtype !== int64) {
      throw new RuntimeError(`one_hot is only applicable to index tensor, not to ${String(input.dtype)}.`);
    }
    if (input.numel() === 0 && numClasses <= 0) {
      throw new RuntimeError("Can not infer total number of classes from empty tensor.");
    }
    const classes = numClasses === -1 ? Math.max(0, Number(input.max().item()) + 1) : numClasses;
    if (classes <= 0 && numClasses !== -1) {
      throw new RuntimeError(`Class values must be smaller than num_classes: ${String(numClasses)}.`);
    }
    const safe = inRange(
      input,
      [0, classes - 1],
      "RuntimeError",
      `Class values must be non-negative and smaller than num_classes: ${String(classes)}.`,
    );
    return castTo(eq(safe.unsqueeze(-1), arange(classes)), int64);
  },
});
