/** Attention. */
import { RuntimeError } from "../errors.js";
import { bool } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { castTo } from "./convert.js";
import { dropout } from "./dropout.js";
import { matmul } from "./matmul.js";
import { op } from "./record.js";
import { named } from "./results.js";
import { softmax } from "./softmax.js";
import { tril } from "./triangle.js";
import { ones } from "./create.js";

/** softmax(q kᵀ · scale + mask) and its product with v; a bool mask keeps where it is true. */
export function attend(
  query: Tensor,
  key: Tensor,
  value: Tensor,
  mask: Tensor | null,
  p: number,
  scale: number,
): { output: Tensor; weights: Tensor } {
  const scores = matmul(query.mul(scale), key.transpose(-2, -1));
  const masked =
    mask === null
      ? scores
      : mask.dtype === bool
        ? scores.maskedFill(mask.logicalNot(), -Infinity)
        : scores.add(mask);
  const weights = softmax(masked, -1);
  const kept = p > 0 ? dropout(weights, p) : weights;
  return { output: matmul(kept, value), weights: kept };
}

export const scaledDotProductAttention = op({
  signature:
    "scaled_dot_product_attention(Tensor query, Tensor key, Tensor value, Tensor? attn_mask=None, float dropout_p=0.0, bool is_causal=False, *, float? scale=None) -> Tensor",
  on: ["F"],
  doc: `softmax(q kᵀ / √d + mask) v over the last two axes: \`[…, L, E]\`, \`[…, S, E]\`, \`[…, S, V]\` give \`[…, L, V]\`. A bool mask keeps where it is true.\n\n[PyTorch](https://pytorch.org/docs/stable/generated/torch.nn.functional.scaled_dot_product_attention.html)`,
  call: (query, key, value, mask, p, causal, scale) =>
    scaled("scaled_dot_product_attention", query, key, value, { mask, p, causal, scale }).output,
});

interface Attention {
  readonly mask: Tensor | null;
  readonly p: number;
  readonly causal: boolean;
  readonly scale: number | null;
}

function scaled(
  name: string,
  query: Tensor,
  key: Tensor,
  value: Tensor,
  { mask, p, causal, scale }: Attention,
): { output: Tensor; weights: Tensor } {
  if (causal && mask) {
    throw new RuntimeError(`${name}: Explicit attn_mask should not be set when is_causal=True`);
  }
  const used = causal ? castTo(tril(ones([query._shape.at(-2)!, key._shape.at(-2)!])), bool) : mask;
  return attend(query, key, value, used, p, scale ?? 1 / Math.sqrt(query._shape.at(-1)!));
}

export const scaledDotProductAttentionWithWeights = op({
  signature:
    "_scaled_dot_product_attention(Tensor query, Tensor key, Tensor value, Tensor? attn_mask=None, float dropout_p=0.0, bool need_attn_weights=False, bool is_causal=False) -> (Tensor output, Tensor attn_weights)",
  on: ["F"],
  doc: "`F.scaledDotProductAttention` as PyTorch 1.13 had it: it also gives the attention weights.",
  call: (query, key, value, mask, p, _, causal) => {
    const { output, weights } = scaled("_scaled_dot_product_attention", query, key, value, {
      mask,
      p,
      causal,
      scale: null,
    });
    return named({ output, attnWeights: weights });
  },
});
