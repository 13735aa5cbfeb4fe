/** Stochastic weight averaging. @see https://pytorch.org/docs/stable/optim.html#stochastic-weight-averaging */
import { noGrad } from "../autograd/mode.js";
import { ValueError } from "../errors.js";
import { bound } from "../nn/arguments.js";
import { deepcopy } from "../nn/deepcopy.js";
import { Module } from "../nn/module.js";
import type { CallArgs } from "../ops/schema.js";
import { Tensor } from "../tensor/tensor.js";
import { torch } from "../torch.js";
import { LRScheduler, perGroup, type Scheduled } from "./lrScheduler/base.js";

/** A new average from the old one, the model's value, and how many were averaged before. */
export type AvgFn = (averaged: Tensor, value: Tensor, numAveraged: Tensor) => Tensor;

/** The running mean: a + (x − a) / (n + 1). */
const equalAverage: AvgFn = (averaged, value, n) => averaged.add(value.sub(averaged).div(n.add(1)));

/** Exponential moving average with a decay: d · a + (1 − d) · x. */
export function getEmaAvgFn(decay = 0.999): AvgFn {
  return (averaged, value) => averaged.mul(decay).add(value.mul(1 - decay));
}

/**
 * A copy of a model whose parameters are averages of those of the model over the calls of `updateParameters`.
 * @see https://pytorch.org/docs/stable/optim.html#constructing-averaged-models
 */
export class AveragedModel<M extends Module = Module> extends Module {
  static override readonly stateNames = "pytorch";
  module: M;
  declare readonly nAveraged: Tensor;
  readonly avgFn: AvgFn;
  readonly useBuffers: boolean;

  constructor(model: M, options: { readonly avgFn?: AvgFn | null; readonly useBuffers?: boolean } = {}) {
    super();
    this.module = deepcopy(model);
    this.registerBuffer("nAveraged", torch.tensor(0, { dtype: torch.int64 }));
    this.avgFn = options.avgFn ?? equalAverage;
    this.useBuffers = options.useBuffers ?? false;
  }

  forward(...args: Parameters<M["forward"]>): ReturnType<M["forward"]> {
    return (this.module as unknown as (...a: unknown[]) => ReturnType<M["forward"]>)(...args);
  }

  /** Takes the model's parameters (and buffers with `useBuffers`) into the averages; the first time, copies them. */
  updateParameters(model: M): void {
    const of = (m: Module): Tensor[] => [...m.parameters(), ...(this.useBuffers ? m.buffers() : [])];
    noGrad(() => {
      const values = of(model);
      // Arithmetic, not a branch on n: every update is the same plan, and none reads.
      const first = this.nAveraged.eq(0);
      of(this.module).forEach((average, i) => {
        const value = values[i]!.detach();
        const own = average.detach();
        const next = this.avgFn(own, value, this.nAveraged);
        own.copy_(torch.where(first, value, next));
      });
      this.nAveraged.add_(1);
    });
  }
}

/** Batch norms as `updateBn` finds them. */
interface BatchStatistics extends Module {
  runningMean: Tensor | null;
  runningVar: Tensor | null;
  numBatchesTracked: Tensor | null;
  momentum: number | null;
}

/**
 * Computes the running statistics of all batch norms anew over a loader; a batch that is a list counts by its first
 * entry. Averaged models need it, since averaged weights have other activations.
 */
export function updateBn(loader: Iterable<unknown>, model: Module): void {
  noGrad(() => {
    const norms = [...model.modules()].filter(
      (m) => "runningMean" in m && "momentum" in m && "numBatchesTracked" in m,
    ) as unknown as BatchStatistics[];
    if (norms.length === 0) return;
    const momenta = norms.map((m) => m.momentum);
    const wasTraining = model.training;
    model.train();
    for (const m of norms) {
      m.runningMean?.zero_();
      m.runningVar?.fill_(1);
      m.numBatchesTracked?.zero_();
      m.momentum = null;
    }
    try {
      for (const batch of loader) {
        const input: unknown = Array.isArray(batch) ? batch[0] : batch;
        if (!(input instanceof Tensor))
          throw new TypeError("updateBn takes batches that are, or begin with, a tensor");
        (model as unknown as (x: Tensor) => unknown)(input);
      }
    } finally {
      norms.forEach((m, i) => (m.momentum = momenta[i]!));
      model.train(wasTraining);
    }
  });
}

const swalr = "SWALR(any swa_lr, int anneal_epochs=10, str anneal_strategy='cos', int last_epoch=-1) -> any";

/**
 * From the optimizer's rate to `swaLr` in `annealEpochs` steps, then constant.
 * @see https://pytorch.org/docs/stable/optim.html#swa-learning-rate-schedules
 */
export class SWALR extends LRScheduler {
  protected override readonly stateKeys = ["anneal_epochs"];
  annealEpochs: number;
  readonly #anneal: (t: number) => number;

  constructor(optimizer: Scheduled, ...args: CallArgs<typeof swalr>) {
    super(optimizer);
    const o = bound(swalr, args);
    const lrs = perGroup("swa_lr", optimizer, o.swaLr);
    optimizer.paramGroups.forEach((g, i) => (g["swaLr"] = lrs[i]));
    if (o.annealStrategy !== "cos" && o.annealStrategy !== "linear") {
      throw new ValueError(
        `anneal_strategy must by one of 'cos' or 'linear', instead got ${o.annealStrategy}`,
      );
    }
    if (o.annealEpochs < 0)
      throw new ValueError(`anneal_epochs must be equal or greater than 0, got ${String(o.annealEpochs)}`);
    this.#anneal = o.annealStrategy === "cos" ? (t) => (1 - Math.cos(Math.PI * t)) / 2 : (t) => t;
    this.annealEpochs = o.annealEpochs;
    this.begin(o.lastEpoch);
  }

  override getLr(): number[] {
    const step = this.annealEpochs === 0 ? Math.max(1, this._stepCount - 1) : this._stepCount - 1;
    const at = (s: number): number =>
      this.#anneal(Math.max(0, Math.min(1, s / Math.max(1, this.annealEpochs))));
    const [before, now] = [at(step - 1), at(step)];
    return this.optimizer.paramGroups.map((g) => {
      const [lr, target] = [g["lr"] as number, g["swaLr"] as number];
      const start = before === 1 ? target : (lr - before * target) / (1 - before);
      return target * now + start * (1 - now);
    });
  }
}
