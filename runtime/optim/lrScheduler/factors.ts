/** Schedules that multiply the rate: by a function, at milestones, or along a line or power. */
import { ValueError } from "../../errors.js";
import { bound } from "../../nn/arguments.js";
import type { CallArgs } from "../../ops/schema.js";
import { LRScheduler, type Scheduled, type SchedulerState } from "./base.js";

const lambda = "LambdaLR(any lr_lambda, int last_epoch=-1, bool verbose=False) -> any";
const stepLR = "StepLR(int step_size, float gamma=0.1, int last_epoch=-1, bool verbose=False) -> any";
const multiStep =
  "MultiStepLR(int[] milestones, float gamma=0.1, int last_epoch=-1, bool verbose=False) -> any";
const constant =
  "ConstantLR(float factor=0.3333333333333333, int total_iters=5, int last_epoch=-1, bool verbose=False) -> any";
const linear =
  "LinearLR(float start_factor=0.3333333333333333, float end_factor=1.0, int total_iters=5, int last_epoch=-1, bool verbose=False) -> any";
const exponential = "ExponentialLR(float gamma, int last_epoch=-1, bool verbose=False) -> any";
const polynomial =
  "PolynomialLR(int total_iters=5, float power=1.0, int last_epoch=-1, bool verbose=False) -> any";

/** A factor by step number. */
export type LRLambda = (epoch: number) => number;

abstract class ByFunction extends LRScheduler {
  protected override readonly stateKeys: readonly string[] = [];
  readonly lrLambdas: readonly LRLambda[];

  constructor(
    optimizer: Scheduled,
    lrLambda: LRLambda | readonly LRLambda[],
    options?: { readonly lastEpoch?: number; readonly verbose?: boolean },
  );
  constructor(optimizer: Scheduled, ...args: CallArgs<typeof lambda>);
  constructor(optimizer: Scheduled, ...args: unknown[]) {
    super(optimizer);
    const o = bound(lambda, args);
    const { paramGroups } = optimizer;
    if (Array.isArray(o.lrLambda)) {
      if (o.lrLambda.length !== paramGroups.length) {
        throw new ValueError(
          `Expected ${String(paramGroups.length)} lr_lambdas, but got ${String(o.lrLambda.length)}`,
        );
      }
      this.lrLambdas = [...(o.lrLambda as LRLambda[])];
    } else this.lrLambdas = paramGroups.map(() => o.lrLambda as LRLambda);
    this.begin(o.lastEpoch, o.verbose);
  }

  /** Functions are not saved. */
  override stateDict(): SchedulerState {
    return { ...super.stateDict(), lr_lambdas: this.lrLambdas.map(() => null) };
  }
}

/**
 * The first rate times a function of the step.
 * @see https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.LambdaLR.html
 */
export class LambdaLR extends ByFunction {
  override getLr(): number[] {
    return this.baseLrs.map((lr, i) => lr * this.lrLambdas[i]!(this.lastEpoch));
  }
}

/**
 * The last rate times a function of the step.
 * @see https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.MultiplicativeLR.html
 */
export class MultiplicativeLR extends ByFunction {
  override getLr(): number[] {
    return this.rates.map((lr, i) => (this.lastEpoch > 0 ? lr * this.lrLambdas[i]!(this.lastEpoch) : lr));
  }
}

/**
 * Times γ every `stepSize` steps.
 * @see https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.StepLR.html
 */
export class StepLR extends LRScheduler {
  protected override readonly stateKeys = ["step_size", "gamma"];
  stepSize: number;
  gamma: number;

  constructor(optimizer: Scheduled, ...args: CallArgs<typeof stepLR>) {
    super(optimizer);
    const o = bound(stepLR, args);
    this.stepSize = o.stepSize;
    this.gamma = o.gamma;
    this.begin(o.lastEpoch, o.verbose);
  }

  override getLr(): number[] {
    const due = this.lastEpoch !== 0 && this.lastEpoch % this.stepSize === 0;
    return this.rates.map((lr) => (due ? lr * this.gamma : lr));
  }

  protected override closedForm(): number[] {
    return this.baseLrs.map((lr) => lr * this.gamma ** Math.floor(this.lastEpoch / this.stepSize));
  }
}

/**
 * Times γ at every milestone.
 * @see https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.MultiStepLR.html
 */
export class MultiStepLR extends LRScheduler {
  protected override readonly stateKeys = ["milestones", "gamma"];
  /** How often each step is named. */
  milestones: Map<number, number>;
  gamma: number;

  constructor(optimizer: Scheduled, ...args: CallArgs<typeof multiStep>) {
    super(optimizer);
    const o = bound(multiStep, args);
    this.milestones = new Map();
    for (const m of o.milestones) this.milestones.set(m, (this.milestones.get(m) ?? 0) + 1);
    this.gamma = o.gamma;
    this.begin(o.lastEpoch, o.verbose);
  }

  override getLr(): number[] {
    const times = this.milestones.get(this.lastEpoch);
    return this.rates.map((lr) => (times === undefined ? lr : lr * this.gamma ** times));
  }

  protected override closedForm(): number[] {
    let passed = 0;
    for (const [at, times] of this.milestones) if (at <= this.lastEpoch) passed += times;
    return this.baseLrs.map((lr) => lr * this.gamma ** passed);
  }
}

/**
 * A part of the rate for the first `totalIters` steps.
 * @see https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.ConstantLR.html
 */
export class ConstantLR extends LRScheduler {
  protected override readonly stateKeys = ["factor", "total_iters"];
  factor: number;
  totalIters: number;

  constructor(optimizer: Scheduled, ...args: CallArgs<typeof constant>) {
    super(optimizer);
    const o = bound(constant, args);
    if (o.factor > 1 || o.factor < 0)
      throw new ValueError("Constant multiplicative factor expected to be between 0 and 1.");
    this.factor = o.factor;
    this.totalIters = o.totalIters;
    this.begin(o.lastEpoch, o.verbose);
  }

  override getLr(): number[] {
    if (this.lastEpoch === 0) return this.rates.map((lr) => lr * this.factor);
    if (this.lastEpoch !== this.totalIters) return this.rates;
    return this.rates.map((lr) => lr * (1 / this.factor));
  }

  protected override closedForm(): number[] {
    const over = this.lastEpoch >= this.totalIters ? 1 : 0;
    return this.baseLrs.map((lr) => lr * (this.factor + over * (1 - this.factor)));
  }
}

/**
 * From one part of the rate to another along a line, in `totalIters` steps.
 * @see https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.LinearLR.html
 */
export class LinearLR extends LRScheduler {
  protected override readonly stateKeys = ["start_factor", "end_factor", "total_iters"];
  startFactor: number;
  endFactor: number;
  totalIters: number;

  constructor(optimizer: Scheduled, ...args: CallArgs<typeof linear>) {
    super(optimizer);
    const o = bound(linear, args);
    if (o.startFactor > 1 || o.startFactor < 0)
      throw new ValueError("Starting multiplicative factor expected to be between 0 and 1.");
    if (o.endFactor > 1 || o.endFactor < 0)
      throw new ValueError("Ending multiplicative factor expected to be between 0 and 1.");
    this.startFactor = o.startFactor;
    this.endFactor = o.endFactor;
    this.totalIters = o.totalIters;
    this.begin(o.lastEpoch, o.verbose);
  }

  override getLr(): number[] {
    if (this.lastEpoch === 0) return this.rates.map((lr) => lr * this.startFactor);
    if (this.lastEpoch > this.totalIters) return this.rates;
    const rise = this.endFactor - this.startFactor;
    const before = this.totalIters * this.startFactor + (this.lastEpoch - 1) * rise;
    return this.rates.map((lr) => lr * (1 + rise / before));
  }

  protected override closedForm(): number[] {
    const done = Math.min(this.totalIters, this.lastEpoch) / this.totalIters;
    return this.baseLrs.map((lr) => lr * (this.startFactor + (this.endFactor - this.startFactor) * done));
  }
}

/**
 * Times γ every step.
 * @see https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.ExponentialLR.html
 */
export class ExponentialLR extends LRScheduler {
  protected override readonly stateKeys = ["gamma"];
  gamma: number;

  constructor(optimizer: Scheduled, ...args: CallArgs<typeof exponential>) {
    super(optimizer);
    const o = bound(exponential, args);
    this.gamma = o.gamma;
    this.begin(o.lastEpoch, o.verbose);
  }

  override getLr(): number[] {
    return this.rates.map((lr) => (this.lastEpoch === 0 ? lr : lr * this.gamma));
  }

  protected override closedForm(): number[] {
    return this.baseLrs.map((lr) => lr * this.gamma ** this.lastEpoch);
  }
}

/**
 * lr · (1 − t / totalIters)^power.
 * @see https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.PolynomialLR.html
 */
export class PolynomialLR extends LRScheduler {
  protected override readonly stateKeys = ["total_iters", "power"];
  totalIters: number;
  power: number;

  constructor(optimizer: Scheduled, ...args: CallArgs<typeof polynomial>) {
    super(optimizer);
    const o = bound(polynomial, args);
    this.totalIters = o.totalIters;
    this.power = o.power;
    this.begin(o.lastEpoch, o.verbose);
  }

  override getLr(): number[] {
    const { lastEpoch: t, totalIters: n } = this;
    if (t === 0 || t > n) return this.rates;
    const decay = ((1 - t / n) / (1 - (t - 1) / n)) ** this.power;
    return this.rates.map((lr) => lr * decay);
  }

  protected override closedForm(): number[] {
    const left = 1 - Math.min(this.totalIters, this.lastEpoch) / this.totalIters;
    return this.baseLrs.map((lr) => lr * left ** this.power);
  }
}
