/** Transformer layers. @see https://pytorch.org/docs/stable/nn.html#transformer-layers */
import type { CallArgs } from "../ops/schema.js";
import type { DType } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { functional as F } from "../torch.js";
import { bound } from "./arguments.js";
import { MultiheadAttention } from "./attention.js";
import { ModuleList } from "./container.js";
import { deepcopy } from "./deepcopy.js";
import { Dropout } from "./dropout.js";
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
}

const layer =
  "TransformerLayer(int d_model, int nhead, int dim_feedforward=2048, float dropout=0.1, any activation='relu', float layer_norm_eps=1e-05, bool batch_first=False, bool norm_first=False, device? device=None, dtype? dtype=None) -> any";

function activationOf(a: unknown): (x: Tensor) => Tensor {
  if (a === "relu") return (x) => F.relu(x);
  if (a === "gelu") return (x) => F.gelu(x);
  if (typeof a === "function") return a as (x: Tensor) => Tensor;
  throw new TypeError(`activation should be relu/gelu, not ${String(a)}`);
}

const typed = (dtype: DType | null): { dtype?: DType } => (dtype ? { dtype } : {});

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
    const t = typed(o.dtype);
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

  forward(src: Tensor, srcMask: Tensor | null = null, srcKeyPaddingMask: Tensor | null = null): Tensor {
    const attend = (x: Tensor): Tensor =>
      this.dropout1(
        this.selfAttn(x, x, x, {
          attnMask: srcMask,
          keyPaddingMask: srcKeyPaddingMask,
          needWeights: false,
        })[0],
      );
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

/**
 * Encoder layers one after another, each a copy of the given one.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.TransformerEncoder.html
 */
export class TransformerEncoder extends Module {
  static override readonly stateNames = "pytorch";
  layers: ModuleList<TransformerEncoderLayer>;
  readonly numLayers: number;
  norm: LayerNorm | null;

  constructor(encoderLayer: TransformerEncoderLayer, numLayers: number, norm: LayerNorm | null = null) {
    super();
    this.layers = new ModuleList(Array.from({ length: numLayers }, () => deepcopy(encoderLayer)));
    this.numLayers = numLayers;
    this.norm = norm;
  }

  forward(src: Tensor, mask: Tensor | null = null, srcKeyPaddingMask: Tensor | null = null): Tensor {
    let x = src;
    for (const l of this.layers) x = l(x, mask, srcKeyPaddingMask);
    return this.norm ? this.norm(x) : x;
  }
}
