/** Losses that hold the layer before them. @see https://pytorch.org/docs/stable/nn.html#loss-functions */
import type { DeviceLike } from "../tensor/device.js";
import type { DType } from "../tensor/dtype.js";
import type { CallArgs } from "../ops/schema.js";
import type { Tensor } from "../tensor/tensor.js";
import { functional as F } from "../torch.js";
import { bound, typed } from "./arguments.js";
import { Linear } from "./linear.js";
import { WeightedLoss, type LossOptions } from "./loss.js";

const signature =
  "LinearCrossEntropyLoss(int in_features, int num_classes, *, int[] out_features=[], bool bias=False, device? device=None, dtype? dtype=None, str reduction='mean', Tensor? weight=None, int? ignore_index=None, float label_smoothing=0.0) -> any";

/**
 * Cross entropy of the scores of a linear layer that the loss holds: input `[*, inFeatures]` against classes, or
 * probabilities, as `CrossEntropyLoss` has them for scores `[*, numClasses, outFeatures…]`.
 * @see https://docs.pytorch.org/docs/main/generated/torch.nn.LinearCrossEntropyLoss.html
 */
export class LinearCrossEntropyLoss extends WeightedLoss {
  readonly inFeatures: number;
  readonly numClasses: number;
  readonly outFeatures: readonly number[];
  readonly ignoreIndex: number | null;
  readonly labelSmoothing: number;
  /** Its weight is `[numClasses · outFeatures…, inFeatures]`. */
  readonly linear: Linear;

  constructor(
    inFeatures: number,
    numClasses: number,
    options?: LossOptions<{
      outFeatures: readonly number[];
      bias: boolean;
      dtype: DType;
      device: DeviceLike;
      weight: Tensor | null;
      ignoreIndex: number | null;
      labelSmoothing: number;
    }>,
  );
  constructor(...args: CallArgs<typeof signature>);
  constructor(...args: unknown[]) {
    const o = bound(signature, args);
    super({ reduction: o.reduction, weight: o.weight, sizeAverage: null, reduce: null });
    this.inFeatures = o.inFeatures;
    this.numClasses = o.numClasses;
    this.outFeatures = [...o.outFeatures];
    this.ignoreIndex = o.ignoreIndex;
    this.labelSmoothing = o.labelSmoothing;
    const scores = o.outFeatures.reduce((n, d) => n * d, o.numClasses);
    this.linear = new Linear(o.inFeatures, scores, {
      bias: o.bias,
      ...typed(o),
    });
  }

  forward(input: Tensor, target: Tensor): Tensor {
    const { weight, reduction, labelSmoothing, numClasses, outFeatures } = this;
    const scores = this.linear(input).reshape([...input.shape.slice(0, -1), numClasses, ...outFeatures]);
    const ignoreIndex = this.ignoreIndex ?? -100;
    return F.crossEntropy(scores, target, { weight, reduction, ignoreIndex, labelSmoothing });
  }
}
