/** Look-up layers. @see https://pytorch.org/docs/stable/nn.html#sparse-layers */
import { noGrad } from "../autograd/mode.js";
import { ValueError } from "../errors.js";
import type { CallArgs } from "../ops/schema.js";
import type { DType } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { functional as F, torch } from "../torch.js";
import { bound } from "./arguments.js";
import * as init from "./init.js";
import { Module } from "./module.js";
import { Parameter } from "./parameter.js";
import * as py from "./repr.js";

const embedding =
  "Embedding(int num_embeddings, int embedding_dim, int? padding_idx=None, float? max_norm=None, float norm_type=2.0, bool scale_grad_by_freq=False, bool sparse=False, Tensor? _weight=None, device? device=None, dtype? dtype=None) -> any";

export interface EmbeddingOptions {
  /** The row that stays zero and gets no gradient. */
  readonly paddingIdx?: number | null;
  readonly maxNorm?: number | null;
  readonly normType?: number;
  readonly scaleGradByFreq?: boolean;
  readonly sparse?: boolean;
  readonly dtype?: DType;
}

/**
 * A table of vectors looked up by index: `[*]` int64 → `[*, embeddingDim]`.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.Embedding.html
 */
export class Embedding extends Module {
  static override readonly stateNames = "pytorch";
  readonly numEmbeddings: number;
  readonly embeddingDim: number;
  readonly paddingIdx: number | null;
  readonly maxNorm: number | null;
  readonly normType: number;
  readonly scaleGradByFreq: boolean;
  readonly sparse: boolean;
  /** `[numEmbeddings, embeddingDim]` */
  weight: Parameter;

  constructor(numEmbeddings: number, embeddingDim: number, options?: EmbeddingOptions);
  constructor(...args: CallArgs<typeof embedding>);
  constructor(...args: unknown[]) {
    super();
    const o = bound(embedding, args);
    this.numEmbeddings = o.numEmbeddings;
    this.embeddingDim = o.embeddingDim;
    if (o.paddingIdx !== null && (o.paddingIdx >= o.numEmbeddings || o.paddingIdx < -o.numEmbeddings)) {
      throw new ValueError("Padding_idx must be within num_embeddings");
    }
    this.paddingIdx =
      o.paddingIdx !== null && o.paddingIdx < 0 ? o.numEmbeddings + o.paddingIdx : o.paddingIdx;
    this.maxNorm = o.maxNorm;
    this.normType = o.normType;
    this.scaleGradByFreq = o.scaleGradByFreq;
    this.sparse = o.sparse;
    this.weight = new Parameter(
      o.Weight ?? torch.empty([o.numEmbeddings, o.embeddingDim], { dtype: o.dtype }),
    );
    if (!o.Weight) this.resetParameters();
  }

  /** Normal numbers; zeros in the padding row. */
  resetParameters(): void {
    init.normal_(this.weight);
    const row = this.paddingIdx;
    if (row !== null) noGrad(() => this.weight.select(0, row).zero_());
  }

  forward(input: Tensor): Tensor {
    return F.embedding(input, this.weight, {
      paddingIdx: this.paddingIdx,
      maxNorm: this.maxNorm,
      normType: this.normType,
      scaleGradByFreq: this.scaleGradByFreq,
      sparse: this.sparse,
    });
  }

  override extraRepr(): string {
    let s = `${String(this.numEmbeddings)}, ${String(this.embeddingDim)}`;
    if (this.paddingIdx !== null) s += `, padding_idx=${String(this.paddingIdx)}`;
    if (this.maxNorm !== null) s += `, max_norm=${py.float(this.maxNorm)}`;
    if (this.normType !== 2) s += `, norm_type=${py.float(this.normType)}`;
    if (this.scaleGradByFreq) s += ", scale_grad_by_freq=True";
    if (this.sparse) s += ", sparse=True";
    return s;
  }
}
