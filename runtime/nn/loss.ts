/** Losses. @see https://pytorch.org/docs/stable/nn.html#loss-functions */
import { reductionOf } from "../ops/loss.js";
import type { CallArgs } from "../ops/schema.js";
import type { Tensor } from "../tensor/tensor.js";
import { functional as F } from "../torch.js";
import { bound } from "./arguments.js";
import { Module } from "./module.js";

export type Reduction = "mean" | "sum" | "none";

abstract class Loss extends Module {
  static override readonly stateNames = "pytorch";
  readonly reduction: string;

  constructor(sizeAverage: boolean | null, reduce: boolean | null, reduction: string) {
    super();
    this.reduction = reductionOf(sizeAverage, reduce, reduction);
  }
}

/** A loss with a weight per class. */
abstract class WeightedLoss extends Loss {
  declare weight: Tensor | null;

  constructor(weight: Tensor | null, sizeAverage: boolean | null, reduce: boolean | null, reduction: string) {
    super(sizeAverage, reduce, reduction);
    this.registerBuffer("weight", weight);
  }
}

const crossEntropy =
  "CrossEntropyLoss(Tensor? weight=None, bool? size_average=None, int ignore_index=-100, bool? reduce=None, str reduction='mean', float label_smoothing=0.0) -> any";

/**
 * Cross entropy of logits `[N, C, …]` against classes `[N, …]` or probabilities `[N, C, …]`.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.CrossEntropyLoss.html
 */
export class CrossEntropyLoss extends WeightedLoss {
  readonly ignoreIndex: number;
  readonly labelSmoothing: number;

  constructor(options?: {
    readonly weight?: Tensor | null;
    readonly ignoreIndex?: number;
    readonly reduction?: Reduction;
    readonly labelSmoothing?: number;
  });
  constructor(...args: CallArgs<typeof crossEntropy>);
  constructor(...args: unknown[]) {
    const o = bound(crossEntropy, args);
    super(o.weight, o.sizeAverage, o.reduce, o.reduction);
    this.ignoreIndex = o.ignoreIndex;
    this.labelSmoothing = o.labelSmoothing;
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return F.crossEntropy(input, target, {
      weight: this.weight,
      ignoreIndex: this.ignoreIndex,
      reduction: this.reduction,
      labelSmoothing: this.labelSmoothing,
    });
  }
}

const nll =
  "NLLLoss(Tensor? weight=None, bool? size_average=None, int ignore_index=-100, bool? reduce=None, str reduction='mean') -> any";

/** Negative log likelihood of log probabilities. @see https://pytorch.org/docs/stable/generated/torch.nn.NLLLoss.html */
export class NLLLoss extends WeightedLoss {
  readonly ignoreIndex: number;

  constructor(options?: {
    readonly weight?: Tensor | null;
    readonly ignoreIndex?: number;
    readonly reduction?: Reduction;
  });
  constructor(...args: CallArgs<typeof nll>);
  constructor(...args: unknown[]) {
    const o = bound(nll, args);
    super(o.weight, o.sizeAverage, o.reduce, o.reduction);
    this.ignoreIndex = o.ignoreIndex;
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return F.nllLoss(input, target, {
      weight: this.weight,
      ignoreIndex: this.ignoreIndex,
      reduction: this.reduction,
    });
  }
}

const plain = "Loss(bool? size_average=None, bool? reduce=None, str reduction='mean') -> any";

/** Mean of squared differences. @see https://pytorch.org/docs/stable/generated/torch.nn.MSELoss.html */
export class MSELoss extends Loss {
  constructor(options?: { readonly reduction?: Reduction });
  constructor(...args: CallArgs<typeof plain>);
  constructor(...args: unknown[]) {
    const o = bound(plain, args);
    super(o.sizeAverage, o.reduce, o.reduction);
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return F.mseLoss(input, target, { reduction: this.reduction });
  }
}
