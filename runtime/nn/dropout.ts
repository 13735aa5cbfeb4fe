/** Dropout layers. @see https://pytorch.org/docs/stable/nn.html#dropout-layers */
import { ValueError } from "../errors.js";
import type { Tensor } from "../tensor/tensor.js";
import { functional as F } from "../torch.js";
import { bound } from "./arguments.js";
import { Module } from "./module.js";
import * as py from "./repr.js";

const signature = "Dropout(float p=0.5, bool inplace=False) -> any";

abstract class DropoutNd extends Module {
  /** The probability of a zero. */
  readonly p: number;
  readonly inplace: boolean;

  constructor(p?: number, inplace?: boolean);
  constructor(options: { readonly p?: number; readonly inplace?: boolean });
  constructor(p: number, options: { readonly inplace?: boolean });
  constructor(...args: unknown[]) {
    super();
    const o = bound(signature, args);
    if (o.p < 0 || o.p > 1)
      throw new ValueError(`dropout probability has to be between 0 and 1, but got ${String(o.p)}`);
    this.p = o.p;
    this.inplace = o.inplace;
  }

  override extraRepr(): string {
    return `p=${Number.isInteger(this.p) && this.p !== 0 && this.p !== 1 ? String(this.p) : py.float(this.p)}, inplace=${py.bool(this.inplace)}`;
  }
}

/**
 * In training, zeroes elements with probability p and scales the others by 1 / (1 − p).
 * @see https://pytorch.org/docs/stable/generated/torch.nn.Dropout.html
 */
export class Dropout extends DropoutNd {
  forward(input: Tensor): Tensor {
    return F.dropout(input, this.p, this.training, this.inplace);
  }
}

/** Zeroes whole channels of `[N, C, L]`. @see https://pytorch.org/docs/stable/generated/torch.nn.Dropout1d.html */
export class Dropout1d extends DropoutNd {
  forward(input: Tensor): Tensor {
    return F.dropout1d(input, this.p, this.training, this.inplace);
  }
}

/** Zeroes whole channels of `[N, C, H, W]`. @see https://pytorch.org/docs/stable/generated/torch.nn.Dropout2d.html */
export class Dropout2d extends DropoutNd {
  forward(input: Tensor): Tensor {
    return F.dropout2d(input, this.p, this.training, this.inplace);
  }
}

/** Zeroes whole channels of `[N, C, D, H, W]`. @see https://pytorch.org/docs/stable/generated/torch.nn.Dropout3d.html */
export class Dropout3d extends DropoutNd {
  forward(input: Tensor): Tensor {
    return F.dropout3d(input, this.p, this.training, this.inplace);
  }
}

/**
 * Dropout to the saturation value of SELU: mean and variance stay.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.AlphaDropout.html
 */
export class AlphaDropout extends DropoutNd {
  forward(input: Tensor): Tensor {
    return F.alphaDropout(input, this.p, this.training);
  }
}

/** Alpha dropout of whole channels. @see https://pytorch.org/docs/stable/generated/torch.nn.FeatureAlphaDropout.html */
export class FeatureAlphaDropout extends DropoutNd {
  forward(input: Tensor): Tensor {
    return F.featureAlphaDropout(input, this.p, this.training);
  }
}
