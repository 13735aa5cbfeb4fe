/** Look-up layers. @see https://pytorch.org/docs/stable/nn.html#sparse-layers */
import { noGrad } from "../autograd/mode.js";
import { AssertionError } from "../errors.js";
import type { CallArgs } from "../ops/schema.js";
import type { DeviceLike } from "../tensor/device.js";
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

const pretrained =
  "from_pretrained(bool freeze=True, int? padding_idx=None, float? max_norm=None, float norm_type=2.0, bool scale_grad_by_freq=False, bool sparse=False) -> any";

/** Rows and columns of given vectors. @throws AssertionError for what is no matrix. */
function tableOf(embeddings: Tensor): [number, number] {
  if (embeddings.ndim !== 2) {
    throw new AssertionError("Embeddings parameter is expected to be 2-dimensional");
  }
  return embeddings.shape as [number, number];
}

export interface EmbeddingOptions {
  /** The row that stays zero and gets no gradient. */
  readonly paddingIdx?: number | null;
  readonly maxNorm?: number | null;
  readonly normType?: number;
  readonly scaleGradByFreq?: boolean;
  readonly sparse?: boolean;
  readonly dtype?: DType;
  readonly device?: DeviceLike;
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
      throw new AssertionError("Padding_idx must be within num_embeddings");
    }
    this.paddingIdx =
      o.paddingIdx !== null && o.paddingIdx < 0 ? o.numEmbeddings + o.paddingIdx : o.paddingIdx;
    this.maxNorm = o.maxNorm;
    this.normType = o.normType;
    this.scaleGradByFreq = o.scaleGradByFreq;
    this.sparse = o.sparse;
    if (o._weight && o._weight.shape.join() !== [o.numEmbeddings, o.embeddingDim].join()) {
      throw new AssertionError("Shape of weight does not match num_embeddings and embedding_dim");
    }
    this.weight = new Parameter(
      o._weight ?? torch.empty([o.numEmbeddings, o.embeddingDim], { dtype: o.dtype, device: o.device }),
    );
    if (!o._weight) this.resetParameters();
  }

  /** A layer over given vectors `[rows, dim]`, which stay as they are unless `freeze` is false. */
  static fromPretrained(embeddings: Tensor, ...rest: CallArgs<typeof pretrained>): Embedding {
    const { freeze, ...o } = bound(pretrained, rest);
    const made = new Embedding(...tableOf(embeddings), { ...o, _weight: embeddings } as EmbeddingOptions);
    made.weight.requiresGrad_(!freeze);
    return made;
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

const bag =
  "EmbeddingBag(int num_embeddings, int embedding_dim, float? max_norm=None, float norm_type=2.0, bool scale_grad_by_freq=False, str mode='mean', bool sparse=False, Tensor? _weight=None, bool include_last_offset=False, int? padding_idx=None, device? device=None, dtype? dtype=None) -> any";
const bagCall = "forward(Tensor? offsets=None, Tensor? per_sample_weights=None) -> any";
const pretrainedBag =
  "from_pretrained(bool freeze=True, float? max_norm=None, float norm_type=2.0, bool scale_grad_by_freq=False, str mode='mean', bool sparse=False, bool include_last_offset=False, int? padding_idx=None) -> any";

export interface EmbeddingBagOptions extends EmbeddingOptions {
  readonly mode?: "sum" | "mean" | "max";
  /** The offsets hold the end of the last bag, too. */
  readonly includeLastOffset?: boolean;
}

/**
 * Sums, means or maxima of the vectors of bags of indices, without the vectors themselves: `[N, L]`, or `[L]` with the
 * offsets of the bags → `[N, embeddingDim]`.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.EmbeddingBag.html
 */
export class EmbeddingBag extends Module {
  static override readonly stateNames = "pytorch";
  readonly numEmbeddings: number;
  readonly embeddingDim: number;
  readonly maxNorm: number | null;
  readonly normType: number;
  readonly scaleGradByFreq: boolean;
  readonly mode: string;
  readonly sparse: boolean;
  readonly includeLastOffset: boolean;
  readonly paddingIdx: number | null;
  /** `[numEmbeddings, embeddingDim]` */
  weight: Parameter;

  constructor(numEmbeddings: number, embeddingDim: number, options?: EmbeddingBagOptions);
  constructor(...args: CallArgs<typeof bag>);
  constructor(...args: unknown[]) {
    super();
    const o = bound(bag, args);
    this.numEmbeddings = o.numEmbeddings;
    this.embeddingDim = o.embeddingDim;
    this.maxNorm = o.maxNorm;
    this.normType = o.normType;
    this.scaleGradByFreq = o.scaleGradByFreq;
    this.mode = o.mode;
    this.sparse = o.sparse;
    this.includeLastOffset = o.includeLastOffset;
    const row = o.paddingIdx;
    if (row !== null && (row >= o.numEmbeddings || row < -o.numEmbeddings)) {
      throw new AssertionError("padding_idx must be within num_embeddings");
    }
    this.paddingIdx = row !== null && row < 0 ? o.numEmbeddings + row : row;
    const shape = [o.numEmbeddings, o.embeddingDim];
    if (o._weight && o._weight.shape.join() !== shape.join()) {
      throw new AssertionError("Shape of weight does not match num_embeddings and embedding_dim");
    }
    this.weight = new Parameter(o._weight ?? torch.empty(shape, { dtype: o.dtype, device: o.device }));
    if (!o._weight) this.resetParameters();
  }

  /** A layer over given vectors `[rows, dim]`, which stay as they are unless `freeze` is false. */
  static fromPretrained(embeddings: Tensor, ...rest: CallArgs<typeof pretrainedBag>): EmbeddingBag {
    const { freeze, ...o } = bound(pretrainedBag, rest);
    const options = { ...o, _weight: embeddings } as EmbeddingBagOptions;
    const made = new EmbeddingBag(...tableOf(embeddings), options);
    made.weight.requiresGrad_(!freeze);
    return made;
  }

  /** Normal numbers; zeros in the padding row. */
  resetParameters(): void {
    init.normal_(this.weight);
    const row = this.paddingIdx;
    if (row !== null) noGrad(() => this.weight.select(0, row).zero_());
  }

  forward(input: Tensor, ...rest: CallArgs<typeof bagCall>): Tensor {
    const { offsets, perSampleWeights } = bound(bagCall, rest);
    return F.embeddingBag(input, this.weight, {
      offsets,
      maxNorm: this.maxNorm,
      normType: this.normType,
      scaleGradByFreq: this.scaleGradByFreq,
      mode: this.mode,
      sparse: this.sparse,
      perSampleWeights,
      includeLastOffset: this.includeLastOffset,
      paddingIdx: this.paddingIdx,
    });
  }

  override extraRepr(): string {
    let s = `${String(this.numEmbeddings)}, ${String(this.embeddingDim)}`;
    if (this.maxNorm !== null) s += `, max_norm=${py.float(this.maxNorm)}`;
    if (this.normType !== 2) s += `, norm_type=${py.float(this.normType)}`;
    if (this.scaleGradByFreq) s += ", scale_grad_by_freq=True";
    s += `, mode=${this.mode}`;
    if (this.paddingIdx !== null) s += `, padding_idx=${String(this.paddingIdx)}`;
    return s;
  }
}
