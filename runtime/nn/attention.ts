/** Multi-head attention. @see https://pytorch.org/docs/stable/generated/torch.nn.MultiheadAttention.html */
import { AssertionError } from "../errors.js";
import type { CallArgs } from "../ops/schema.js";
import type { DeviceLike } from "../tensor/device.js";
import type { DType } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { functional as F, torch } from "../torch.js";
import { bound, typed } from "./arguments.js";
import * as init from "./init.js";
import { Linear } from "./linear.js";
import { Module } from "./module.js";
import { Parameter } from "./parameter.js";

const signature =
  "MultiheadAttention(int embed_dim, int num_heads, float dropout=0.0, bool bias=True, bool add_bias_kv=False, bool add_zero_attn=False, int? kdim=None, int? vdim=None, bool batch_first=False, device? device=None, dtype? dtype=None) -> any";
const forward =
  "forward(Tensor? key_padding_mask=None, bool need_weights=True, Tensor? attn_mask=None, bool average_attn_weights=True, bool is_causal=False) -> any";

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
  readonly device?: DeviceLike;
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
    if (e % o.numHeads !== 0) throw new AssertionError("embed_dim must be divisible by num_heads");
    this.embedDim = e;
    this.numHeads = o.numHeads;
    this.dropout = o.dropout;
    this.batchFirst = o.batchFirst;
    this.addZeroAttn = o.addZeroAttn;
    this.kdim = o.kdim ?? e;
    this.vdim = o.vdim ?? e;
    const same = this.kdim === e && this.vdim === e;
    const weight = (rows: number, columns: number): Parameter =>
      new Parameter(torch.empty([rows, columns], { dtype: o.dtype, device: o.device }));
    this.qProjWeight = same ? null : weight(e, e);
    this.kProjWeight = same ? null : weight(e, this.kdim);
    this.vProjWeight = same ? null : weight(e, this.vdim);
    this.inProjWeight = same ? weight(3 * e, e) : null;
    this.inProjBias = o.bias
      ? new Parameter(torch.empty([3 * e], { dtype: o.dtype, device: o.device }))
      : null;
    this.outProj = new NonDynamicallyQuantizableLinear(e, e, {
      bias: o.bias,
      ...typed(o),
    });
    const row = (): Parameter => new Parameter(torch.empty([1, 1, e], { dtype: o.dtype, device: o.device }));
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
   * @throws AssertionError, RuntimeError for sizes that do not go together.
   */
  forward(query: Tensor, key: Tensor, value: Tensor, ...rest: CallArgs<typeof forward>): AttentionResult {
    const o = bound(forward, rest);
    const turn = (t: Tensor): Tensor => (this.batchFirst && t.ndim === 3 ? t.transpose(0, 1) : t);
    const q = turn(query);
    // Equal inputs stay equal: they are projected together.
    const k = key === query ? q : turn(key);
    const v = value === key ? k : turn(value);
    const [output, weights] = F.multiHeadAttentionForward(
      q,
      k,
      v,
      this.embedDim,
      this.numHeads,
      this.inProjWeight,
      this.inProjBias,
      this.biasK,
      this.biasV,
      this.addZeroAttn,
      this.dropout,
      this.outProj.weight,
      this.outProj.bias,
      {
        training: this.training,
        keyPaddingMask: o.keyPaddingMask,
        needWeights: o.needWeights,
        attnMask: o.attnMask,
        useSeparateProjWeight: this.inProjWeight === null,
        qProjWeight: this.qProjWeight,
        kProjWeight: this.kProjWeight,
        vProjWeight: this.vProjWeight,
        averageAttnWeights: o.averageAttnWeights,
      },
    ) as AttentionResult;
    return [turn(output), weights];
  }
}
