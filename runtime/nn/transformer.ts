/** Transformer layers. @see https://pytorch.org/docs/stable/nn.html#transformer-layers */
import { RuntimeError } from "../errors.js";
import type { CallArgs } from "../ops/schema.js";
import type { DeviceLike } from "../tensor/device.js";
import type { DType } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { functional as F, torch } from "../torch.js";
import { bound, typed } from "./arguments.js";
import { MultiheadAttention } from "./attention.js";
import { ModuleList } from "./container.js";
import { deepcopy } from "./deepcopy.js";
import { Dropout } from "./dropout.js";
import * as init from "./init.js";
import { Linear } from "./linear.js";
import { Module } from "./module.js";
import { LayerNorm } from "./normalization.js";

type Activation = "relu" | "gelu" | ((x: Tensor) => Tensor);

export interface TransformerLayerOptions {
  readonly dimFeedforward?: number;
  readonly dropout?: number;
  readonly activation?: Activation;
  readonly layerNormEps?: number;
  readonly batchFirst?: boolean;
  /** Normalise before attention and feed-forward instead of after. */
  readonly normFirst?: boolean;
  readonly dtype?: DType;
  readonly device?: DeviceLike;
}

const layer =
  "TransformerLayer(int d_model, int nhead, int dim_feedforward=2048, float dropout=0.1, any activation='relu', float layer_norm_eps=1e-05, bool batch_first=False, bool norm_first=False, device? device=None, dtype? dtype=None) -> any";

function activationOf(a: unknown): (x: Tensor) => Tensor {
  if (a === "relu") return F.relu;
  if (a === "gelu") return F.gelu;
  if (typeof a === "function") return a as (x: Tensor) => Tensor;
  throw new RuntimeError(`activation should be relu/gelu, not ${String(a)}`);
}

/** The masks of one attention. */
interface Masks {
  readonly attnMask: Tensor | null;
  readonly keyPaddingMask: Tensor | null;
}

function attended(attention: MultiheadAttention, x: Tensor, memory: Tensor, masks: Masks): Tensor {
  return attention(x, memory, memory, { ...masks, needWeights: false })[0];
}

const encode =
  "forward(Tensor? src_mask=None, Tensor? src_key_padding_mask=None, *, bool is_causal=False) -> any";

/**
 * Self-attention and a feed-forward network, each with dropout, a residual and a layer norm: `[S, N, E]` → `[S, N, E]`.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.TransformerEncoderLayer.html
 */
export class TransformerEncoderLayer extends Module {
  static override readonly stateNames = "pytorch";
  selfAttn: MultiheadAttention;
  linear1: Linear;
  dropout: Dropout;
  linear2: Linear;
  readonly normFirst: boolean;
  norm1: LayerNorm;
  norm2: LayerNorm;
  dropout1: Dropout;
  dropout2: Dropout;
  readonly activation: (x: Tensor) => Tensor;

  constructor(dModel: number, nhead: number, options?: TransformerLayerOptions);
  constructor(...args: CallArgs<typeof layer>);
  constructor(...args: unknown[]) {
    super();
    const o = bound(layer, args);
    const t = typed(o);
    this.selfAttn = new MultiheadAttention(o.dModel, o.nhead, {
      dropout: o.dropout,
      batchFirst: o.batchFirst,
      ...t,
    });
    this.linear1 = new Linear(o.dModel, o.dimFeedforward, t);
    this.dropout = new Dropout(o.dropout);
    this.linear2 = new Linear(o.dimFeedforward, o.dModel, t);
    this.normFirst = o.normFirst;
    this.norm1 = new LayerNorm(o.dModel, { eps: o.layerNormEps, ...t });
    this.norm2 = new LayerNorm(o.dModel, { eps: o.layerNormEps, ...t });
    this.dropout1 = new Dropout(o.dropout);
    this.dropout2 = new Dropout(o.dropout);
    this.activation = activationOf(o.activation);
  }

  /** `srcMask` `[S, S]` and `srcKeyPaddingMask` `[N, S]`: true (or −∞) is left out. */
  forward(src: Tensor, ...rest: CallArgs<typeof encode>): Tensor {
    const { srcMask, srcKeyPaddingMask } = bound(encode, rest);
    const masks = { attnMask: srcMask, keyPaddingMask: srcKeyPaddingMask };
    const attend = (x: Tensor): Tensor => this.dropout1(attended(this.selfAttn, x, x, masks));
    const feed = (x: Tensor): Tensor =>
      this.dropout2(this.linear2(this.dropout(this.activation(this.linear1(x)))));
    if (this.normFirst) {
      const x = src.add(attend(this.norm1(src)));
      return x.add(feed(this.norm2(x)));
    }
    const x = this.norm1(src.add(attend(src)));
    return this.norm2(x.add(feed(x)));
  }
}

const decode =
  "forward(Tensor? tgt_mask=None, Tensor? memory_mask=None, Tensor? tgt_key_padding_mask=None, Tensor? memory_key_padding_mask=None, *, bool tgt_is_causal=False, bool memory_is_causal=False) -> any";

/**
 * Self-attention, attention over the encoder's output and a feed-forward network, each with dropout, a residual and a
 * layer norm: `[T, N, E]` and `[S, N, E]` → `[T, N, E]`.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.TransformerDecoderLayer.html
 */
export class TransformerDecoderLayer extends Module {
  static override readonly stateNames = "pytorch";
  selfAttn: MultiheadAttention;
  multiheadAttn: MultiheadAttention;
  linear1: Linear;
  dropout: Dropout;
  linear2: Linear;
  readonly normFirst: boolean;
  norm1: LayerNorm;
  norm2: LayerNorm;
  norm3: LayerNorm;
  dropout1: Dropout;
  dropout2: Dropout;
  dropout3: Dropout;
  readonly activation: (x: Tensor) => Tensor;

  constructor(dModel: number, nhead: number, options?: TransformerLayerOptions);
  constructor(...args: CallArgs<typeof layer>);
  constructor(...args: unknown[]) {
    super();
    const o = bound(layer, args);
    const t = typed(o);
    const attention = { dropout: o.dropout, batchFirst: o.batchFirst, ...t };
    this.selfAttn = new MultiheadAttention(o.dModel, o.nhead, attention);
    this.multiheadAttn = new MultiheadAttention(o.dModel, o.nhead, attention);
    this.linear1 = new Linear(o.dModel, o.dimFeedforward, t);
    this.dropout = new Dropout(o.dropout);
    this.linear2 = new Linear(o.dimFeedforward, o.dModel, t);
    this.normFirst = o.normFirst;
    const norm = { eps: o.layerNormEps, ...t };
    this.norm1 = new LayerNorm(o.dModel, norm);
    this.norm2 = new LayerNorm(o.dModel, norm);
    this.norm3 = new LayerNorm(o.dModel, norm);
    this.dropout1 = new Dropout(o.dropout);
    this.dropout2 = new Dropout(o.dropout);
    this.dropout3 = new Dropout(o.dropout);
    this.activation = activationOf(o.activation);
  }

  /** Masks `[T, T]` and `[T, S]`, padding `[N, T]` and `[N, S]`: true (or −∞) is left out. */
  forward(tgt: Tensor, memory: Tensor, ...rest: CallArgs<typeof decode>): Tensor {
    const o = bound(decode, rest);
    const own = { attnMask: o.tgtMask, keyPaddingMask: o.tgtKeyPaddingMask };
    const other = { attnMask: o.memoryMask, keyPaddingMask: o.memoryKeyPaddingMask };
    const attend = (x: Tensor): Tensor => this.dropout1(attended(this.selfAttn, x, x, own));
    const look = (x: Tensor): Tensor => this.dropout2(attended(this.multiheadAttn, x, memory, other));
    const feed = (x: Tensor): Tensor =>
      this.dropout3(this.linear2(this.dropout(this.activation(this.linear1(x)))));
    let x = tgt;
    if (this.normFirst) {
      x = x.add(attend(this.norm1(x)));
      x = x.add(look(this.norm2(x)));
      return x.add(feed(this.norm3(x)));
    }
    x = this.norm1(x.add(attend(x)));
    x = this.norm2(x.add(look(x)));
    return this.norm3(x.add(feed(x)));
  }
}

/** Copies of one layer, the original not among them. */
function clones<M extends Module>(module: M, count: number): ModuleList<M> {
  return new ModuleList(Array.from({ length: count }, () => deepcopy(module)));
}

const encoder =
  "TransformerEncoder(any encoder_layer, int num_layers, any norm=None, bool enable_nested_tensor=True, bool mask_check=True) -> any";
const encodeAll =
  "forward(Tensor? mask=None, Tensor? src_key_padding_mask=None, *, bool? is_causal=None) -> any";

/** A normalisation after the last layer: any module of one tensor. */
type Norm = Module & ((x: Tensor) => Tensor);

/**
 * Encoder layers one after another, each a copy of the given one.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.TransformerEncoder.html
 */
export class TransformerEncoder extends Module {
  static override readonly stateNames = "pytorch";
  layers: ModuleList<TransformerEncoderLayer>;
  readonly numLayers: number;
  norm: Norm | null;

  constructor(
    encoderLayer: TransformerEncoderLayer,
    numLayers: number,
    options?: { readonly norm?: Norm | null; readonly enableNestedTensor?: boolean },
  );
  constructor(...args: CallArgs<typeof encoder>);
  constructor(...args: unknown[]) {
    super();
    const o = bound(encoder, args);
    this.layers = clones(o.encoderLayer as TransformerEncoderLayer, o.numLayers);
    this.numLayers = o.numLayers;
    this.norm = o.norm as Norm | null;
  }

  forward(src: Tensor, ...rest: CallArgs<typeof encodeAll>): Tensor {
    const { mask, srcKeyPaddingMask } = bound(encodeAll, rest);
    let x = src;
    for (const l of this.layers) x = l(x, { srcMask: mask, srcKeyPaddingMask });
    return this.norm ? this.norm(x) : x;
  }
}

const decoder = "TransformerDecoder(any decoder_layer, int num_layers, any norm=None) -> any";

/**
 * Decoder layers one after another, each a copy of the given one.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.TransformerDecoder.html
 */
export class TransformerDecoder extends Module {
  static override readonly stateNames = "pytorch";
  layers: ModuleList<TransformerDecoderLayer>;
  readonly numLayers: number;
  norm: Norm | null;

  constructor(
    decoderLayer: TransformerDecoderLayer,
    numLayers: number,
    options?: { readonly norm?: Norm | null },
  );
  constructor(...args: CallArgs<typeof decoder>);
  constructor(...args: unknown[]) {
    super();
    const o = bound(decoder, args);
    this.layers = clones(o.decoderLayer as TransformerDecoderLayer, o.numLayers);
    this.numLayers = o.numLayers;
    this.norm = o.norm as Norm | null;
  }

  forward(tgt: Tensor, memory: Tensor, ...rest: CallArgs<typeof decode>): Tensor {
    const masks = bound(decode, rest);
    let x = tgt;
    for (const l of this.layers) x = l(x, memory, masks);
    return this.norm ? this.norm(x) : x;
  }
}

const transformer =
  "Transformer(int d_model=512, int nhead=8, int num_encoder_layers=6, int num_decoder_layers=6, int dim_feedforward=2048, float dropout=0.1, any activation='relu', any custom_encoder=None, any custom_decoder=None, float layer_norm_eps=1e-05, bool batch_first=False, bool norm_first=False, device? device=None, dtype? dtype=None) -> any";
const translate =
  "forward(Tensor? src_mask=None, Tensor? tgt_mask=None, Tensor? memory_mask=None, Tensor? src_key_padding_mask=None, Tensor? tgt_key_padding_mask=None, Tensor? memory_key_padding_mask=None, *, bool? src_is_causal=None, bool? tgt_is_causal=None, bool memory_is_causal=False) -> any";

export interface TransformerOptions extends TransformerLayerOptions {
  readonly dModel?: number;
  readonly nhead?: number;
  readonly numEncoderLayers?: number;
  readonly numDecoderLayers?: number;
  readonly customEncoder?: Module | null;
  readonly customDecoder?: Module | null;
}

/**
 * Encoder and decoder: `[S, N, E]` and `[T, N, E]` → `[T, N, E]`.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.Transformer.html
 */
export class Transformer extends Module {
  static override readonly stateNames = "pytorch";
  encoder: TransformerEncoder;
  decoder: TransformerDecoder;
  readonly dModel: number;
  readonly nhead: number;
  readonly batchFirst: boolean;

  constructor(options?: TransformerOptions);
  constructor(...args: CallArgs<typeof transformer>);
  constructor(...args: unknown[]) {
    super();
    const o = bound(transformer, args);
    const options = {
      dimFeedforward: o.dimFeedforward,
      dropout: o.dropout,
      activation: o.activation as Activation,
      layerNormEps: o.layerNormEps,
      batchFirst: o.batchFirst,
      normFirst: o.normFirst,
      ...typed(o),
    };
    const norm = (): LayerNorm => new LayerNorm(o.dModel, { eps: o.layerNormEps, ...typed(o) });
    // PyTorch's order of draws: encoder, then decoder, then everything again.
    this.encoder =
      (o.customEncoder as TransformerEncoder | null) ??
      new TransformerEncoder(new TransformerEncoderLayer(o.dModel, o.nhead, options), o.numEncoderLayers, {
        norm: norm(),
      });
    this.decoder =
      (o.customDecoder as TransformerDecoder | null) ??
      new TransformerDecoder(new TransformerDecoderLayer(o.dModel, o.nhead, options), o.numDecoderLayers, {
        norm: norm(),
      });
    this.dModel = o.dModel;
    this.nhead = o.nhead;
    this.batchFirst = o.batchFirst;
    this.resetParameters();
  }

  /** Xavier for everything that has at least two axes. */
  resetParameters(): void {
    for (const p of this.parameters()) if (p.ndim > 1) init.xavierUniform_(p);
  }

  /** @throws RuntimeError when batch sizes or feature sizes do not go together. */
  forward(src: Tensor, tgt: Tensor, ...rest: CallArgs<typeof translate>): Tensor {
    const o = bound(translate, rest);
    const batchAxis = this.batchFirst ? 0 : 1;
    if (src.ndim === 3 && src.shape[batchAxis] !== tgt.shape[batchAxis]) {
      throw new RuntimeError("the batch number of src and tgt must be equal");
    }
    if (src.shape.at(-1) !== this.dModel || tgt.shape.at(-1) !== this.dModel) {
      throw new RuntimeError("the feature number of src and tgt must be equal to d_model");
    }
    const memory = this.encoder(src, { mask: o.srcMask, srcKeyPaddingMask: o.srcKeyPaddingMask });
    return this.decoder(tgt, memory, {
      tgtMask: o.tgtMask,
      memoryMask: o.memoryMask,
      tgtKeyPaddingMask: o.tgtKeyPaddingMask,
      memoryKeyPaddingMask: o.memoryKeyPaddingMask,
    });
  }

  /** A mask `[size, size]` that leaves out what comes later: −∞ above the diagonal, 0 elsewhere. */
  static generateSquareSubsequentMask(size: number): Tensor {
    return torch.triu(torch.full([size, size], -Infinity), 1);
  }
}
