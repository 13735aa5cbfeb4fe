/** Multi-head attention. @see https://pytorch.org/docs/stable/generated/torch.nn.MultiheadAttention.html */
import { RuntimeError } from "../errors.js";
import { attend } from "../ops/attention.js";
import type { CallArgs } from "../ops/schema.js";
import { bool, type DType } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { functional as F, torch } from "../torch.js";
import { bound } from "./arguments.js";
import * as init from "./init.js";
import { Linear } from "./linear.js";
import { Module } from "./module.js";
import { Parameter } from "./parameter.js";

const signature =
  "MultiheadAttention(int embed_dim, int num_heads, float dropout=0.0, bool bias=True, bool add_bias_kv=False, bool add_zero_attn=False, int? kdim=None, int? vdim=None, bool batch_first=False, device? device=None, dtype? dtype=None) -> any";

export interface MultiheadAttentionOptions {
  readonly dropout?: number;
  readonly bias?: boolean;
  readonly addBiasKv?: boolean;
  readonly addZeroAttn?: boolean;
  readonly kdim?: number | null;
  readonly vdim?: number | null;
  /** `[N, L, E]` instead of `[L, N, E]`. */
  readonly batchFirst?: boolean;
  readonly dtype?: DType;
}

/** A linear layer whose printed name and fast paths PyTorch tells apart. */
export class NonDynamicallyQuantizableLinear extends Linear {}

/** What attention returns: the output and, unless left out, the weights. */
export type AttentionResult = [Tensor, Tensor | null];

/**
 * Attention of several heads: queries `[L, N, E]`, keys and values `[S, N, E]` → `[L, N, E]` and weights `[N, L, S]`.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.MultiheadAttention.html
 */
export class MultiheadAttention extends Module {
  static override readonly stateNames = "pytorch";
  readonly embedDim: number;
  readonly numHeads: number;
  readonly dropout: number;
  readonly batchFirst: boolean;
  readonly addZeroAttn: boolean;
  readonly kdim: number;
  readonly vdim: number;
  /** Query, key and value projections one below another, `[3E, E]`; `null` when their sizes differ. */
  inProjWeight: Parameter | null;
  qProjWeight: Parameter | null;
  kProjWeight: Parameter | null;
  vProjWeight: Parameter | null;
  inProjBias: Parameter | null;
  outProj: NonDynamicallyQuantizableLinear;
  biasK: Parameter | null;
  biasV: Parameter | null;

  constructor(embedDim: number, numHeads: number, options?: MultiheadAttentionOptions);
  constructor(...args: CallArgs<typeof signature>);
  constructor(...args: unknown[]) {
    super();
    const o = bound(signature, args);
    const e = o.embedDim;
    if (e % o.numHeads !== 0) throw new RuntimeError("embed_dim must be divisible by num_heads");
    this.embedDim = e;
    this.numHeads = o.numHeads;
    this.dropout = o.dropout;
    this.batchFirst = o.batchFirst;
    this.addZeroAttn = o.addZeroAttn;
    this.kdim = o.kdim ?? e;
    this.vdim = o.vdim ?? e;
    const same = this.kdim === e && this.vdim === e;
    const weight = (rows: number, columns: number): Parameter =>
      new Parameter(torch.empty([rows, columns], { dtype: o.dtype }));
    this.qProjWeight = same ? null : weight(e, e);
    this.kProjWeight = same ? null : weight(e, this.kdim);
    this.vProjWeight = same ? null : weight(e, this.vdim);
    this.inProjWeight = same ? weight(3 * e, e) : null;
    this.inProjBias = o.bias ? new Parameter(torch.empty([3 * e], { dtype: o.dtype })) : null;
    this.outProj = new NonDynamicallyQuantizableLinear(e, e, {
      bias: o.bias,
      ...(o.dtype ? { dtype: o.dtype } : {}),
    });
    const row = (): Parameter => new Parameter(torch.empty([1, 1, e], { dtype: o.dtype }));
    this.biasK = o.addBiasKv ? row() : null;
    this.biasV = o.addBiasKv ? row() : null;
    this.resetParameters();
  }

  /** Xavier for the projections, zeros for the biases. */
  resetParameters(): void {
    for (const w of [this.inProjWeight, this.qProjWeight, this.kProjWeight, this.vProjWeight]) {
      if (w) init.xavierUniform_(w);
    }
    if (this.inProjBias) {
      init.zeros_(this.inProjBias);
      init.zeros_(this.outProj.bias!);
    }
    if (this.biasK) init.xavierNormal_(this.biasK);
    if (this.biasV) init.xavierNormal_(this.biasV);
  }

  /**
   * `keyPaddingMask` `[N, S]` and `attnMask` `[L, S]` or `[N·heads, L, S]`: true (or −∞) is left out.
   * @returns the output and the weights (averaged over the heads unless `averageAttnWeights` is false), or `null`.
   */
  forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    ...rest: (Tensor | boolean | null | undefined | ForwardOptions)[]
  ): AttentionResult {
    const o = bound(
      "forward(Tensor? key_padding_mask=None, bool need_weights=True, Tensor? attn_mask=None, bool average_attn_weights=True, bool is_causal=False) -> any",
      rest,
    );
    const batched = query.ndim === 3;
    const turn = (t: Tensor): Tensor => (!batched ? t.unsqueeze(1) : this.batchFirst ? t.transpose(0, 1) : t);
    const { output, weights } = this.#attend(
      turn(query),
      turn(key),
      turn(value),
      o.keyPaddingMask,
      o.attnMask,
    );
    const shaped = !batched ? output.squeeze(1) : this.batchFirst ? output.transpose(0, 1) : output;
    if (!o.needWeights) return [shaped, null];
    const given = o.averageAttnWeights ? weights.mean(1) : weights;
    return [shaped, batched ? given : given.squeeze(0)];
  }

  /** Over `[L, N, E]`; the weights are `[N, heads, L, S]`. */
  #attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    padding: Tensor | null,
    mask: Tensor | null,
  ): { output: Tensor; weights: Tensor } {
    const [l, n, e] = query.shape as [number, number, number];
    const heads = this.numHeads;
    let [q, k, v] = this.#project(query, key, value);
    let extra = 0;
    if (this.biasK && this.biasV) {
      k = torch.cat([k, this.biasK.expand(1, n, e)], 0);
      v = torch.cat([v, this.biasV.expand(1, n, e)], 0);
      extra++;
    }
    if (this.addZeroAttn) {
      k = torch.cat([k, torch.zeros([1, n, e], { dtype: k.dtype })], 0);
      v = torch.cat([v, torch.zeros([1, n, e], { dtype: v.dtype })], 0);
      extra++;
    }
    const s = k.shape[0]!;
    const split = (t: Tensor, length: number): Tensor =>
      t.reshape(length, n, heads, e / heads).permute(1, 2, 0, 3);
    const scores = additiveMask(q, padding, mask, { n, heads, l, s: s - extra, extra });
    const p = this.training ? this.dropout : 0;
    const { output, weights } = attend(
      split(q, l),
      split(k, s),
      split(v, s),
      scores,
      p,
      1 / Math.sqrt(e / heads),
    );
    return { output: this.outProj(output.permute(2, 0, 1, 3).reshape(l, n, e)), weights };
  }

  #project(query: Tensor, key: Tensor, value: Tensor): [Tensor, Tensor, Tensor] {
    const bias = this.inProjBias?.chunk(3) ?? [null, null, null];
    const weights = this.inProjWeight
      ? this.inProjWeight.chunk(3)
      : [this.qProjWeight!, this.kProjWeight!, this.vProjWeight!];
    if (this.inProjWeight && query === key && key === value) {
      return F.linear(query, this.inProjWeight, this.inProjBias).chunk(3, -1) as [Tensor, Tensor, Tensor];
    }
    return [query, key, value].map((t, i) => F.linear(t, weights[i]!, bias[i] ?? null)) as [
      Tensor,
      Tensor,
      Tensor,
    ];
  }
}

interface ForwardOptions {
  readonly keyPaddingMask?: Tensor | null;
  readonly needWeights?: boolean;
  readonly attnMask?: Tensor | null;
  readonly averageAttnWeights?: boolean;
  readonly isCausal?: boolean;
}

interface MaskShape {
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
  m: MaskShape,
): Tensor | null {
  const additive = (t: Tensor): Tensor => {
    const values =
      t.dtype === bool
        ? torch.zerosLike(t, { dtype: like.dtype }).maskedFill(t, -Infinity)
        : t.to(like.dtype);
    return m.extra ? F.pad(values, [0, m.extra]) : values;
  };
  let total: Tensor | null = null;
  if (mask) {
    const a = additive(mask);
    const expected = mask.ndim === 2 ? [m.l, m.s] : [m.n * m.heads, m.l, m.s];
    if (mask.shape.join() !== expected.join()) {
      throw new RuntimeError(
        `The shape of the ${String(mask.ndim)}D attn_mask is [${mask.shape.join(", ")}], but should be [${expected.join(", ")}].`,
      );
    }
    total = mask.ndim === 2 ? a : a.reshape(m.n, m.heads, m.l, m.s + m.extra);
  }
  if (padding) {
    const a = additive(padding).reshape(padding.ndim === 1 ? 1 : m.n, 1, 1, m.s + m.extra);
    total = total ? total.add(a) : a;
  }
  return total;
}
