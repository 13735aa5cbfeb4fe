/** Losses between numbers. @see https://pytorch.org/docs/stable/nn.html#loss-functions */
import type { CallArgs } from "../ops/schema.js";
import type { Tensor } from "../tensor/tensor.js";
import { functional as F } from "../torch.js";
import { bound } from "./arguments.js";
import { Loss, PlainLoss, type LossOptions } from "./loss.js";

const noDeprecated = { sizeAverage: null, reduce: null } as const;

/** Mean of |input − target|. @see https://pytorch.org/docs/stable/generated/torch.nn.L1Loss.html */
export class L1Loss extends PlainLoss {
  forward(input: Tensor, target: Tensor): Tensor {
    return F.l1Loss(input, target, { reduction: this.reduction });
  }
}

/** Mean of squared differences. @see https://pytorch.org/docs/stable/generated/torch.nn.MSELoss.html */
export class MSELoss extends PlainLoss {
  forward(input: Tensor, target: Tensor): Tensor {
    return F.mseLoss(input, target, { reduction: this.reduction });
  }
}

const smoothL1 =
  "SmoothL1Loss(bool? size_average=None, bool? reduce=None, str reduction='mean', float beta=1.0) -> any";

/**
 * Squared below `beta`, absolute above.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.SmoothL1Loss.html
 */
export class SmoothL1Loss extends Loss {
  readonly beta: number;

  constructor(options?: LossOptions<{ beta: number }>);
  constructor(...args: CallArgs<typeof smoothL1>);
  constructor(...args: unknown[]) {
    const o = bound(smoothL1, args);
    super(o);
    this.beta = o.beta;
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return F.smoothL1Loss(input, target, { reduction: this.reduction, beta: this.beta });
  }
}

const huber = "HuberLoss(str reduction='mean', float delta=1.0) -> any";

/**
 * Squared below `delta`, linear above.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.HuberLoss.html
 */
export class HuberLoss extends Loss {
  readonly delta: number;

  constructor(...args: CallArgs<typeof huber>) {
    const o = bound(huber, args);
    super({ ...noDeprecated, reduction: o.reduction });
    this.delta = o.delta;
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return F.huberLoss(input, target, { reduction: this.reduction, delta: this.delta });
  }
}

const klDiv =
  "KLDivLoss(bool? size_average=None, bool? reduce=None, str reduction='mean', bool log_target=False) -> any";

/**
 * Kullback-Leibler divergence of log probabilities from probabilities; `"batchmean"` is the mathematical mean.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.KLDivLoss.html
 */
export class KLDivLoss extends Loss {
  readonly logTarget: boolean;

  constructor(options?: {
    readonly reduction?: "mean" | "sum" | "none" | "batchmean";
    readonly logTarget?: boolean;
  });
  constructor(...args: CallArgs<typeof klDiv>);
  constructor(...args: unknown[]) {
    const o = bound(klDiv, args);
    super(o);
    this.logTarget = o.logTarget;
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return F.klDiv(input, target, { reduction: this.reduction, logTarget: this.logTarget });
  }
}

const poisson =
  "PoissonNLLLoss(bool log_input=True, bool full=False, bool? size_average=None, float eps=1e-08, bool? reduce=None, str reduction='mean') -> any";

/**
 * Negative log likelihood of counts under a Poisson distribution.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.PoissonNLLLoss.html
 */
export class PoissonNLLLoss extends Loss {
  readonly logInput: boolean;
  readonly full: boolean;
  readonly eps: number;

  constructor(options?: LossOptions<{ logInput: boolean; full: boolean; eps: number }>);
  constructor(...args: CallArgs<typeof poisson>);
  constructor(...args: unknown[]) {
    const o = bound(poisson, args);
    super(o);
    this.logInput = o.logInput;
    this.full = o.full;
    this.eps = o.eps;
  }

  forward(input: Tensor, target: Tensor): Tensor {
    const { logInput, full, eps, reduction } = this;
    return F.poissonNllLoss(input, target, { logInput, full, eps, reduction });
  }
}

const gaussian = "GaussianNLLLoss(*, bool full=False, float eps=1e-06, str reduction='mean') -> any";

/**
 * Negative log likelihood under a normal distribution of given mean and variance.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.GaussianNLLLoss.html
 */
export class GaussianNLLLoss extends Loss {
  readonly full: boolean;
  readonly eps: number;

  constructor(options?: LossOptions<{ full: boolean; eps: number }>) {
    const o = bound(gaussian, options === undefined ? [] : [options]);
    super({ ...noDeprecated, reduction: o.reduction });
    this.full = o.full;
    this.eps = o.eps;
  }

  forward(input: Tensor, target: Tensor, variance: Tensor): Tensor {
    const { full, eps, reduction } = this;
    return F.gaussianNllLoss(input, target, variance, { full, eps, reduction });
  }
}
