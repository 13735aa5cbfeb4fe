import { ValueError } from "../../errors.js";
import { bound } from "../../nn/arguments.js";
import { camel, type CallArgs } from "../../ops/schema.js";
import type { Tensor } from "../../tensor/tensor.js";
import { announce, perGroup, requireOptimizer, type Scheduled, type SchedulerState } from "./base.js";

const signature =
  "ReduceLROnPlateau(str mode='min', float factor=0.1, int patience=10, float threshold=0.0001, str threshold_mode='rel', int cooldown=0, any min_lr=0, float eps=1e-08, bool verbose=False) -> any";

const stateKeys = [
  ...["factor", "min_lrs", "patience", "verbose", "cooldown", "cooldown_counter", "mode", "threshold"],
  ...["threshold_mode", "best", "num_bad_epochs", "mode_worse", "eps", "last_epoch", "_last_lr"],
] as const;

/**
 * Multiplies the rate by `factor` when a metric has not improved for `patience` steps. `step(metric)` takes a number
 * or a tensor of one element.
 * @see https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.ReduceLROnPlateau.html
 */
export class ReduceLROnPlateau {
  readonly optimizer: Scheduled;
  factor: number;
  minLrs: number[];
  patience: number;
  verbose: boolean;
  cooldown: number;
  cooldownCounter = 0;
  mode: string;
  threshold: number;
  thresholdMode: string;
  best: number;
  numBadEpochs = 0;
  /** Worse than any metric. */
  modeWorse: number;
  eps: number;
  lastEpoch = 0;
  /** @internal */ _lastLr: number[];

  constructor(optimizer: Scheduled, ...args: CallArgs<typeof signature>) {
    requireOptimizer(optimizer);
    const o = bound(signature, args);
    if (o.factor >= 1) throw new ValueError("Factor should be < 1.0.");
    if (o.mode !== "min" && o.mode !== "max") throw new ValueError(`mode ${o.mode} is unknown!`);
    if (o.thresholdMode !== "rel" && o.thresholdMode !== "abs")
      throw new ValueError(`threshold mode ${o.thresholdMode} is unknown!`);
    this.optimizer = optimizer;
    this.factor = o.factor;
    this.minLrs = perGroup("min_lr", optimizer, o.minLr);
    this.patience = o.patience;
    this.verbose = o.verbose;
    this.cooldown = o.cooldown;
    this.mode = o.mode;
    this.threshold = o.threshold;
    this.thresholdMode = o.thresholdMode;
    this.eps = o.eps;
    this.best = this.modeWorse = o.mode === "min" ? Infinity : -Infinity;
    this._lastLr = optimizer.paramGroups.map((g) => g["lr"] as number);
  }

  get inCooldown(): boolean {
    return this.cooldownCounter > 0;
  }

  /** Whether `a` improves on `best` by more than the threshold. */
  isBetter(a: number, best: number): boolean {
    const relative = this.thresholdMode === "rel";
    return this.mode === "min"
      ? a < (relative ? best * (1 - this.threshold) : best - this.threshold)
      : a > (relative ? best * (1 + this.threshold) : best + this.threshold);
  }

  step(metrics: number | Tensor, epoch = this.lastEpoch + 1): void {
    const current = typeof metrics === "number" ? metrics : metrics.item();
    this.lastEpoch = epoch;
    if (this.isBetter(current, this.best)) {
      this.best = current;
      this.numBadEpochs = 0;
    } else this.numBadEpochs++;
    if (this.inCooldown) {
      this.cooldownCounter--;
      this.numBadEpochs = 0;
    }
    if (this.numBadEpochs > this.patience) {
      this.#reduce(epoch);
      this.cooldownCounter = this.cooldown;
      this.numBadEpochs = 0;
    }
    this._lastLr = this.optimizer.paramGroups.map((g) => g["lr"] as number);
  }

  #reduce(epoch: number): void {
    this.optimizer.paramGroups.forEach((group, i) => {
      const old = group["lr"] as number;
      const next = Math.max(old * this.factor, this.minLrs[i]!);
      if (old - next <= this.eps) return;
      group["lr"] = next;
      if (this.verbose) announce("reducing", i, next, epoch);
    });
  }

  getLastLr(): number[] {
    return this._lastLr;
  }

  stateDict(): SchedulerState {
    const own = this as unknown as Record<string, unknown>;
    return Object.fromEntries(stateKeys.map((key) => [key, own[camel(key)]]));
  }

  loadStateDict(state: SchedulerState): void {
    for (const key of stateKeys) if (key in state) Object.assign(this, { [camel(key)]: state[key] });
  }
}
