/** Losses of class scores. @see https://pytorch.org/docs/stable/nn.html#loss-functions */
import { ValueError } from "../errors.js";
import type { CallArgs } from "../ops/schema.js";
import { Tensor } from "../tensor/tensor.js";
import { functional as F, torch } from "../torch.js";
import { warn } from "../warnings.js";
import { bound } from "./arguments.js";
import { Loss, PlainLoss, WeightedLoss, type LossOptions } from "./loss.js";

const crossEntropy =
  "CrossEntropyLoss(Tensor? weight=None, bool? size_average=None, int ignore_index=-100, bool? reduce=None, str reduction='mean', float label_smoothing=0.0) -> any";

/**
 * Cross entropy of logits `[N, C, …]` against classes `[N, …]` or probabilities `[N, C, …]`.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.CrossEntropyLoss.html
 */
export class CrossEntropyLoss extends WeightedLoss {
  readonly ignoreIndex: number;
  readonly labelSmoothing: number;

  constructor(options?: LossOptions<{ weight: Tensor | null; ignoreIndex: number; labelSmoothing: number }>);
  constructor(...args: CallArgs<typeof crossEntropy>);
  constructor(...args: unknown[]) {
    const o = bound(crossEntropy, args);
    super(o);
    this.ignoreIndex = o.ignoreIndex;
    this.labelSmoothing = o.labelSmoothing;
  }

  forward(input: Tensor, target: Tensor): Tensor {
    const { weight, ignoreIndex, reduction, labelSmoothing } = this;
    return F.crossEntropy(input, target, { weight, ignoreIndex, reduction, labelSmoothing });
  }
}

const nll =
  "NLLLoss(Tensor? weight=None, bool? size_average=None, int ignore_index=-100, bool? reduce=None, str reduction='mean') -> any";

/**
 * Negative log likelihood of log probabilities `[N, C, …]` at classes `[N, …]`.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.NLLLoss.html
 */
export class NLLLoss extends WeightedLoss {
  readonly ignoreIndex: number;

  constructor(options?: LossOptions<{ weight: Tensor | null; ignoreIndex: number }>);
  constructor(...args: CallArgs<typeof nll>);
  constructor(...args: unknown[]) {
    const o = bound(nll, args);
    super(o);
    this.ignoreIndex = o.ignoreIndex;
  }

  forward(input: Tensor, target: Tensor): Tensor {
    const { weight, ignoreIndex, reduction } = this;
    return F.nllLoss(input, target, { weight, ignoreIndex, reduction });
  }
}

/** The deprecated name of `NLLLoss` for images. */
export class NLLLoss2d extends NLLLoss {
  constructor(...args: CallArgs<typeof nll>) {
    warn("NLLLoss2d has been deprecated. Please use NLLLoss instead as a drop-in replacement.");
    super(...args);
  }
}

const bce =
  "BCELoss(Tensor? weight=None, bool? size_average=None, bool? reduce=None, str reduction='mean') -> any";

/**
 * Binary cross entropy of probabilities.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.BCELoss.html
 */
export class BCELoss extends WeightedLoss {
  constructor(options?: LossOptions<{ weight: Tensor | null }>);
  constructor(...args: CallArgs<typeof bce>);
  constructor(...args: unknown[]) {
    super(bound(bce, args));
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return F.binaryCrossEntropy(input, target, { weight: this.weight, reduction: this.reduction });
  }
}

const bceWithLogits =
  "BCEWithLogitsLoss(Tensor? weight=None, bool? size_average=None, bool? reduce=None, str reduction='mean', Tensor? pos_weight=None) -> any";

/**
 * Binary cross entropy of logits.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.BCEWithLogitsLoss.html
 */
export class BCEWithLogitsLoss extends WeightedLoss {
  declare posWeight: Tensor | null;

  constructor(options?: LossOptions<{ weight: Tensor | null; posWeight: Tensor | null }>);
  constructor(...args: CallArgs<typeof bceWithLogits>);
  constructor(...args: unknown[]) {
    const o = bound(bceWithLogits, args);
    super(o);
    this.registerBuffer("posWeight", o.posWeight);
  }

  forward(input: Tensor, target: Tensor): Tensor {
    const { weight, posWeight, reduction } = this;
    return F.binaryCrossEntropyWithLogits(input, target, { weight, posWeight, reduction });
  }
}

/**
 * log(1 + e^(−target · input)), targets 1 and −1.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.SoftMarginLoss.html
 */
export class SoftMarginLoss extends PlainLoss {
  forward(input: Tensor, target: Tensor): Tensor {
    return F.softMarginLoss(input, target, { reduction: this.reduction });
  }
}

/**
 * Hinge loss between the classes a sample has and all others.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.MultiLabelMarginLoss.html
 */
export class MultiLabelMarginLoss extends PlainLoss {
  forward(input: Tensor, target: Tensor): Tensor {
    return F.multilabelMarginLoss(input, target, { reduction: this.reduction });
  }
}

/**
 * Binary cross entropy of logits, averaged over the classes.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.MultiLabelSoftMarginLoss.html
 */
export class MultiLabelSoftMarginLoss extends WeightedLoss {
  constructor(options?: LossOptions<{ weight: Tensor | null }>);
  constructor(...args: CallArgs<typeof bce>);
  constructor(...args: unknown[]) {
    super(bound(bce, args));
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return F.multilabelSoftMarginLoss(input, target, { weight: this.weight, reduction: this.reduction });
  }
}

const multiMargin =
  "MultiMarginLoss(int p=1, float margin=1.0, Tensor? weight=None, bool? size_average=None, bool? reduce=None, str reduction='mean') -> any";

/**
 * Hinge loss between the class of a sample and the others.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.MultiMarginLoss.html
 */
export class MultiMarginLoss extends WeightedLoss {
  readonly p: number;
  readonly margin: number;

  constructor(options?: LossOptions<{ p: number; margin: number; weight: Tensor | null }>);
  constructor(...args: CallArgs<typeof multiMargin>);
  constructor(...args: unknown[]) {
    const o = bound(multiMargin, args);
    super(o);
    if (o.p !== 1 && o.p !== 2) throw new ValueError("only p == 1 and p == 2 supported");
    if (o.weight && o.weight.ndim !== 1) throw new ValueError("weight must be one-dimensional");
    this.p = o.p;
    this.margin = o.margin;
  }

  forward(input: Tensor, target: Tensor): Tensor {
    const { p, margin, weight, reduction } = this;
    return F.multiMarginLoss(input, target, { p, margin, weight, reduction });
  }
}

const ctc = "CTCLoss(int blank=0, str reduction='mean', bool zero_infinity=False) -> any";

/**
 * Connectionist temporal classification: how likely a sequence of labels is, over all alignments.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.CTCLoss.html
 */
export class CTCLoss extends Loss {
  readonly blank: number;
  readonly zeroInfinity: boolean;

  constructor(...args: CallArgs<typeof ctc>) {
    const o = bound(ctc, args);
    super({ sizeAverage: null, reduce: null, reduction: o.reduction });
    this.blank = o.blank;
    this.zeroInfinity = o.zeroInfinity;
  }

  /** Log probabilities `[T, N, C]` or `[T, C]`; targets `[N, S]`, or all in one vector; lengths `[N]`. */
  forward(
    logProbs: Tensor,
    targets: Tensor,
    inputLengths: Tensor | readonly number[],
    targetLengths: Tensor | readonly number[],
  ): Tensor {
    const { blank, reduction, zeroInfinity } = this;
    const tensor = (lengths: Tensor | readonly number[]): Tensor =>
      lengths instanceof Tensor
        ? lengths
        : torch.tensor([...lengths], { dtype: torch.int64, device: logProbs.device });
    return F.ctcLoss(logProbs, targets, tensor(inputLengths), tensor(targetLengths), {
      blank,
      reduction,
      zeroInfinity,
    });
  }
}
