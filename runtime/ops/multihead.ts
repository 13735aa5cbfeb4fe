/** Attention of several heads, projections included. */
import { AssertionError, RuntimeError } from "../errors.js";
import { bool, uint8 } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { attend } from "./attention.js";
import { castTo } from "./convert.js";
import { zeros, zerosLike } from "./create.js";
import { page } from "./family.js";
import { cat } from "./join.js";
import { linear } from "./matmul.js";
import { constantPad } from "./pad.js";
import { op } from "./record.js";

const list = (shape: readonly number[]): string => `[${shape.join(", ")}]`;

function assertThat(holds: boolean, message: () => string): void {
  if (!holds) throw new AssertionError(message());
}

/** Whether there is a batch axis. @throws AssertionError when ranks do not go together. */
function checkRanks(
  query: Tensor,
  key: Tensor,
  value: Tensor,
  padding: Tensor | null,
  mask: Tensor | null,
  heads: number,
): boolean {
  if (query.ndim !== 3 && query.ndim !== 2) {
    throw new AssertionError(
      `query should be unbatched 2D or batched 3D tensor but received ${String(query.ndim)}-D query tensor`,
    );
  }
  const batched = query.ndim === 3;
  const kind = batched ? "batched (3-D)" : "unbatched (2-D)";
  const rank = query.ndim;
  assertThat(
    key.ndim === rank && value.ndim === rank,
    () =>
      `For ${kind} \`query\`, expected \`key\` and \`value\` to be ${String(rank)}-D but found ${String(key.ndim)}-D and ${String(value.ndim)}-D tensors respectively`,
  );
  if (padding) {
    assertThat(
      padding.ndim === rank - 1,
      () =>
        `For ${kind} \`query\`, expected \`keyPaddingMask\` to be \`null\` or ${String(rank - 1)}-D but found ${String(padding.ndim)}-D tensor instead`,
    );
  }
  if (mask) {
    assertThat(
      mask.ndim === 2 || mask.ndim === 3,
      () =>
        `For ${kind} \`query\`, expected \`attnMask\` to be \`null\`, 2-D or 3-D but found ${String(mask.ndim)}-D tensor instead`,
    );
    if (!batched && mask.ndim === 3) {
      const expected = [heads, query._shape[0]!, key._shape[0]!];
      assertThat(
        list(mask._shape) === list(expected),
        () => `Expected \`attnMask\` shape to be ${list(expected)} but got ${list(mask._shape)}`,
      );
    }
  }
  return batched;
}

interface Projections {
  /** All three below one another, or one by one. */
  readonly weight: Tensor | readonly [Tensor, Tensor, Tensor];
  readonly bias: Tensor | null;
}

/** Equal inputs are projected together. */
function project(query: Tensor, key: Tensor, value: Tensor, { weight, bias }: Projections): Tensor[] {
  if (Array.isArray(weight)) {
    const biases = bias?.chunk(3);
    return [query, key, value].map((t, i) => linear(t, (weight as Tensor[])[i]!, biases?.[i] ?? null));
  }
  const packed = weight as Tensor;
  if (key === value && query === key) return [...linear(query, packed, bias).chunk(3, -1)];
  const e = query._shape.at(-1)!;
  if (key === value) {
    const [wq, wkv] = packed.split([e, 2 * e]) as unknown as [Tensor, Tensor];
    const [bq, bkv] = (bias ? bias.split([e, 2 * e]) : [null, null]) as unknown as (Tensor | null)[];
    return [linear(query, wq, bq ?? null), ...linear(key, wkv, bkv ?? null).chunk(2, -1)];
  }
  const weights = packed.chunk(3);
  const biases = bias?.chunk(3);
  return [query, key, value].map((t, i) => linear(t, weights[i]!, biases?.[i] ?? null));
}

interface MaskSizes {
  readonly n: number;
  readonly heads: number;
  readonly l: number;
  readonly s: number;
  /** Keys added behind the given ones, never masked. */
  readonly extra: number;
}

/** Both masks as one that is added to the scores `[N, heads, L, S]`. */
function additiveMask(
  like: Tensor,
  padding: Tensor | null,
  mask: Tensor | null,
  { n, heads, l, s, extra }: MaskSizes,
): Tensor | null {
  const additive = (t: Tensor): Tensor => {
    const values =
      t.dtype === bool || t.dtype === uint8
        ? zerosLike(t, { dtype: like.dtype }).maskedFill(castTo(t, bool), -Infinity)
        : castTo(t, like.dtype);
    return extra ? constantPad(values, [0, extra], 0) : values;
  };
  let total: Tensor | null = null;
  if (mask) {
    assertThat(
      mask.dtype.isFloatingPoint || mask.dtype === bool || mask.dtype === uint8,
      () => `Only float, byte, and bool types are supported for attnMask, not ${String(mask.dtype)}`,
    );
    const expected = mask.ndim === 2 ? [l, s] : [n * heads, l, s];
    if (list(mask._shape) !== list(expected)) {
      throw new RuntimeError(
        `The shape of the ${String(mask.ndim)}D attn_mask is torch.Size(${list(mask._shape)}), but should be (${expected.join(", ")}).`,
      );
    }
    const a = additive(mask);
    total = mask.ndim === 2 ? a : a.reshape(n, heads, l, s + extra);
  }
  if (padding) {
    assertThat(
      padding.dtype === bool || padding.dtype.isFloatingPoint,
      () => "only bool and floating types of keyPaddingMask are supported",
    );
    assertThat(
      list(padding._shape) === list([n, s]),
      () => `expecting keyPaddingMask shape of (${String(n)}, ${String(s)}), but got ${list(padding._shape)}`,
    );
    const a = additive(padding).reshape(n, 1, 1, s + extra);
    total = total ? total.add(a) : a;
  }
  return total;
}

export const multiHeadAttentionForward = op({
  signature:
    "multi_head_attention_forward(Tensor query, Tensor key, Tensor value, int embed_dim_to_check, int num_heads, Tensor? in_proj_weight, Tensor? in_proj_bias, Tensor? bias_k, Tensor? bias_v, bool add_zero_attn, float dropout_p, Tensor out_proj_weight, Tensor? out_proj_bias, bool training=True, Tensor? key_padding_mask=None, bool need_weights=True, Tensor? attn_mask=None, bool use_separate_proj_weight=False, Tensor? q_proj_weight=None, Tensor? k_proj_weight=None, Tensor? v_proj_weight=None, Tensor? static_k=None, Tensor? static_v=None, bool average_attn_weights=True, bool is_causal=False) -> any",
  on: ["F"],
  doc: `Attention of several heads with its projections: what \`nn.MultiheadAttention\` computes. Gives the output \`[L, N, E]\` and the weights \`[N, L, S]\`, or \`null\`.\n\n${page("nn.MultiheadAttention")}`,
  call: (
    queryGiven,
    keyGiven,
    valueGiven,
    embedDim,
    heads,
    inWeight,
    inBias,
    biasK,
    biasV,
    addZero,
    dropoutP,
    outWeight,
    outBias,
    training,
    paddingGiven,
    needWeights,
    mask,
    separate,
    qWeight,
    kWeight,
    vWeight,
    staticK,
    staticV,
    average,
  ) => {
    const batched = checkRanks(queryGiven, keyGiven, valueGiven, paddingGiven, mask, heads);
    // The same tensor stays the same, so that it is projected once.
    const turned = new Map<Tensor, Tensor>();
    const turn = (t: Tensor): Tensor => {
      if (batched) return t;
      const known = turned.get(t);
      if (known) return known;
      const made = t.unsqueeze(1);
      turned.set(t, made);
      return made;
    };
    const [query, key, value] = [turn(queryGiven), turn(keyGiven), turn(valueGiven)];
    const padding = batched || !paddingGiven ? paddingGiven : paddingGiven.unsqueeze(0);
    const [l, n, e] = query._shape as [number, number, number];
    assertThat(
      e === embedDim,
      () => `was expecting embedding dimension of ${String(embedDim)}, but got ${String(e)}`,
    );
    assertThat(e % heads === 0, () => `embed_dim ${String(e)} not divisible by num_heads ${String(heads)}`);
    if (separate) {
      assertThat(
        list(key._shape.slice(0, 2)) === list(value._shape.slice(0, 2)),
        () =>
          `key's sequence and batch dims ${list(key._shape.slice(0, 2))} do not match value's ${list(value._shape.slice(0, 2))}`,
      );
      assertThat(
        qWeight !== null && kWeight !== null && vWeight !== null,
        () => "useSeparateProjWeight is true but a projection weight is null",
      );
    } else {
      assertThat(
        list(key._shape) === list(value._shape),
        () => `key shape ${list(key._shape)} does not match value shape ${list(value._shape)}`,
      );
      assertThat(inWeight !== null, () => "useSeparateProjWeight is false but inProjWeight is null");
    }
    let [q, k, v] = project(query, key, value, {
      weight: separate ? [qWeight!, kWeight!, vWeight!] : inWeight!,
      bias: inBias,
    }) as [Tensor, Tensor, Tensor];
    const s = key._shape[0]!;
    let extra = 0;
    if (biasK && biasV) {
      assertThat(!staticK && !staticV, () => "bias cannot be added to static key or value.");
      k = cat([k, biasK.expand(1, n, e)], 0);
      v = cat([v, biasV.expand(1, n, e)], 0);
      extra++;
    }
    const d = e / heads;
    const split = (t: Tensor): Tensor => t.reshape(t._shape[0]!, n, heads, d).permute(1, 2, 0, 3);
    const given = (t: Tensor): Tensor => {
      assertThat(
        t.ndim === 3 && t._shape[0] === n * heads && t._shape[2] === d,
        () =>
          `expecting a static key or value of [${String(n * heads)}, S, ${String(d)}], but got ${list(t._shape)}`,
      );
      return t.reshape(n, heads, t._shape[1]!, d);
    };
    let keys = staticK ? given(staticK) : split(k);
    let values = staticV ? given(staticV) : split(v);
    if (addZero) {
      const row = zeros([n, heads, 1, d], { dtype: q.dtype });
      keys = cat([keys, row], 2);
      values = cat([values, row], 2);
      extra++;
    }
    const sizes = { n, heads, l, s: staticK ? staticK._shape[1]! : s, extra };
    const { output, weights } = attend(
      split(q),
      keys,
      values,
      additiveMask(q, padding, mask, sizes),
      training ? dropoutP : 0,
      1 / Math.sqrt(d),
    );
    const out = linear(output.permute(2, 0, 1, 3).reshape(l, n, e), outWeight, outBias);
    const shaped = batched ? out : out.squeeze(1);
    if (!needWeights) return [shaped, null];
    const shown = average ? weights.mean(1) : weights;
    return [shaped, batched ? shown : shown.squeeze(0)];
  },
});
