/** Losses of how near and how far things are. @see https://pytorch.org/docs/stable/nn.html#loss-functions */
import type { CallArgs } from "../ops/schema.js";
import type { Tensor } from "../tensor/tensor.js";
import { functional as F } from "../torch.js";
import { bound } from "./arguments.js";
import { PairwiseDistance } from "./distance.js";
import { Loss, type LossOptions } from "./loss.js";

const hinge =
  "HingeEmbeddingLoss(float margin=1.0, bool? size_average=None, bool? reduce=None, str reduction='mean') -> any";

/**
 * A distance where the target is 1, max(0, margin − distance) where it is −1.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.HingeEmbeddingLoss.html
 */
export class HingeEmbeddingLoss extends Loss {
  readonly margin: number;

  constructor(options?: LossOptions<{ margin: number }>);
  constructor(...args: CallArgs<typeof hinge>);
  constructor(...args: unknown[]) {
    const o = bound(hinge, args);
    super(o);
    this.margin = o.margin;
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return F.hingeEmbeddingLoss(input, target, { margin: this.margin, reduction: this.reduction });
  }
}

const margined =
  "MarginLoss(float margin=0.0, bool? size_average=None, bool? reduce=None, str reduction='mean') -> any";

/** A loss with a margin that is 0 unless given. */
abstract class MarginLoss extends Loss {
  readonly margin: number;

  constructor(options?: LossOptions<{ margin: number }>);
  constructor(...args: CallArgs<typeof margined>);
  constructor(...args: unknown[]) {
    const o = bound(margined, args);
    super(o);
    this.margin = o.margin;
  }
}

/**
 * 1 − cos of the angle where the target is 1, max(0, cos − margin) where it is −1.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.CosineEmbeddingLoss.html
 */
export class CosineEmbeddingLoss extends MarginLoss {
  forward(input1: Tensor, input2: Tensor, target: Tensor): Tensor {
    const { margin, reduction } = this;
    return F.cosineEmbeddingLoss(input1, input2, target, { margin, reduction });
  }
}

/**
 * max(0, −target (input1 − input2) + margin).
 * @see https://pytorch.org/docs/stable/generated/torch.nn.MarginRankingLoss.html
 */
export class MarginRankingLoss extends MarginLoss {
  forward(input1: Tensor, input2: Tensor, target: Tensor): Tensor {
    const { margin, reduction } = this;
    return F.marginRankingLoss(input1, input2, target, { margin, reduction });
  }
}

const triplet =
  "TripletMarginLoss(float margin=1.0, float p=2.0, float eps=1e-06, bool swap=False, bool? size_average=None, bool? reduce=None, str reduction='mean') -> any";

/**
 * max(0, margin + the distance to the positive − the distance to the negative).
 * @see https://pytorch.org/docs/stable/generated/torch.nn.TripletMarginLoss.html
 */
export class TripletMarginLoss extends Loss {
  readonly margin: number;
  readonly p: number;
  readonly eps: number;
  readonly swap: boolean;

  constructor(options?: LossOptions<{ margin: number; p: number; eps: number; swap: boolean }>);
  constructor(...args: CallArgs<typeof triplet>);
  constructor(...args: unknown[]) {
    const o = bound(triplet, args);
    super(o);
    this.margin = o.margin;
    this.p = o.p;
    this.eps = o.eps;
    this.swap = o.swap;
  }

  forward(anchor: Tensor, positive: Tensor, negative: Tensor): Tensor {
    const { margin, p, eps, swap, reduction } = this;
    return F.tripletMarginLoss(anchor, positive, negative, { margin, p, eps, swap, reduction });
  }
}

/** How far two tensors are apart: a module or a function. */
export type DistanceFunction = (x: Tensor, y: Tensor) => Tensor;

const ownDistance =
  "TripletMarginWithDistanceLoss(*, any distance_function=None, float margin=1.0, bool swap=False, str reduction='mean') -> any";

/**
 * `TripletMarginLoss` with a distance of one's own.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.TripletMarginWithDistanceLoss.html
 */
export class TripletMarginWithDistanceLoss extends Loss {
  readonly distanceFunction: DistanceFunction;
  readonly margin: number;
  readonly swap: boolean;

  constructor(
    options?: LossOptions<{ distanceFunction: DistanceFunction | null; margin: number; swap: boolean }>,
  ) {
    const o = bound(ownDistance, options === undefined ? [] : [options]);
    super({ sizeAverage: null, reduce: null, reduction: o.reduction });
    this.distanceFunction = (o.distanceFunction as DistanceFunction | null) ?? new PairwiseDistance();
    this.margin = o.margin;
    this.swap = o.swap;
  }

  forward(anchor: Tensor, positive: Tensor, negative: Tensor): Tensor {
    const { distanceFunction, margin, swap, reduction } = this;
    return F.tripletMarginWithDistanceLoss(anchor, positive, negative, {
      distanceFunction,
      margin,
      swap,
      reduction,
    });
  }
}
