/** Schedules that go up and down, the momentum against the rate. Smith, arXiv:1506.01186 and arXiv:1708.07120. */
import { ValueError } from "../../errors.js";
import { bound } from "../../nn/arguments.js";
import { camel, type CallArgs } from "../../ops/schema.js";
import { LRScheduler, perGroup, type Scheduled, type ScheduledGroup } from "./base.js";

const cyclic =
  "CyclicLR(any base_lr, any max_lr, int step_size_up=2000, int? step_size_down=None, str mode='triangular', float gamma=1.0, any scale_fn=None, str scale_mode='cycle', bool cycle_momentum=True, any base_momentum=0.8, any max_momentum=0.9, int last_epoch=-1, bool verbose=False) -> any";
const oneCycle =
  "OneCycleLR(any max_lr, int? total_steps=None, int? epochs=None, int? steps_per_epoch=None, float pct_start=0.3, str anneal_strategy='cos', bool cycle_momentum=True, any base_momentum=0.85, any max_momentum=0.95, float div_factor=25.0, float final_div_factor=10000.0, bool three_phase=False, int last_epoch=-1, bool verbose=False) -> any";

function requireMomentum(optimizer: Scheduled, ...names: string[]): void {
  if (!names.some((name) => name in optimizer.defaults)) {
    throw new ValueError("optimizer must support momentum with `cycle_momentum` option enabled");
  }
}

/**
 * Between two rates and back in cycles of `stepSizeUp + stepSizeDown` steps; their height is constant
 * (`triangular`), halves every cycle (`triangular2`), shrinks by γ every step (`exp_range`), or follows `scaleFn`.
 * @see https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.CyclicLR.html
 */
export class CyclicLR extends LRScheduler {
  protected override get stateKeys(): readonly string[] {
    return [
      ...["max_lrs", "total_size", "step_ratio", "mode", "gamma", "scale_mode", "cycle_momentum"],
      ...(this.cycleMomentum ? ["base_momentums", "max_momentums"] : []),
    ];
  }
  maxLrs: number[];
  totalSize: number;
  stepRatio: number;
  mode: string;
  gamma: number;
  scaleMode: string;
  cycleMomentum: boolean;
  baseMomentums: number[] = [];
  maxMomentums: number[] = [];
  readonly #scale: ((x: number) => number) | null;

  constructor(optimizer: Scheduled, ...args: CallArgs<typeof cyclic>) {
    super(optimizer);
    const o = bound(cyclic, args);
    const { paramGroups } = optimizer;
    const baseLrs = perGroup("base_lr", optimizer, o.baseLr);
    if (o.lastEpoch === -1) paramGroups.forEach((g, i) => (g["lr"] = baseLrs[i]));
    this.maxLrs = perGroup("max_lr", optimizer, o.maxLr);
    this.totalSize = o.stepSizeUp + (o.stepSizeDown ?? o.stepSizeUp);
    this.stepRatio = o.stepSizeUp / this.totalSize;
    if (!["triangular", "triangular2", "exp_range"].includes(o.mode) && o.scaleFn === null) {
      throw new ValueError("mode is invalid and scale_fn is None");
    }
    this.mode = o.mode;
    this.gamma = o.gamma;
    this.#scale = o.scaleFn as ((x: number) => number) | null;
    this.scaleMode = this.#scale ? o.scaleMode : o.mode === "exp_range" ? "iterations" : "cycle";
    this.cycleMomentum = o.cycleMomentum;
    if (o.cycleMomentum) {
      requireMomentum(optimizer, "momentum");
      const momenta = perGroup("base_momentum", optimizer, o.baseMomentum);
      if (o.lastEpoch === -1) paramGroups.forEach((g, i) => (g["momentum"] = momenta[i]));
      this.baseMomentums = paramGroups.map((g) => g["momentum"] as number);
      this.maxMomentums = perGroup("max_momentum", optimizer, o.maxMomentum);
    }
    this.begin(o.lastEpoch, o.verbose);
    this.baseLrs = baseLrs;
  }

  /** The height of a cycle (or step) by its number. */
  scaleFn(x: number): number {
    if (this.#scale) return this.#scale(x);
    if (this.mode === "triangular") return 1;
    return this.mode === "triangular2" ? 1 / 2 ** (x - 1) : this.gamma ** x;
  }

  override getLr(): number[] {
    const cycle = Math.floor(1 + this.lastEpoch / this.totalSize);
    const x = 1 + this.lastEpoch / this.totalSize - cycle;
    const height = x <= this.stepRatio ? x / this.stepRatio : (x - 1) / (this.stepRatio - 1);
    const scale = this.scaleFn(this.scaleMode === "cycle" ? cycle : this.lastEpoch);
    if (this.cycleMomentum) {
      this.optimizer.paramGroups.forEach((g, i) => {
        const most = this.maxMomentums[i]!;
        g["momentum"] = most - (most - this.baseMomentums[i]!) * height * scale;
      });
    }
    return this.baseLrs.map((lr, i) => lr + (this.maxLrs[i]! - lr) * height * scale);
  }
}

/** A stretch of OneCycleLR under PyTorch's keys: which settings of a group it goes from and to. */
interface Phase {
  readonly end_step: number;
  readonly start_lr: string;
  readonly end_lr: string;
  readonly start_momentum: string;
  readonly end_momentum: string;
}

const phase = (
  end: number,
  startLr: string,
  endLr: string,
  startMomentum: string,
  endMomentum: string,
): Phase => ({
  end_step: end,
  start_lr: startLr,
  end_lr: endLr,
  start_momentum: startMomentum,
  end_momentum: endMomentum,
});

/**
 * One rise to `maxLr` and one fall far below the start, in `totalSteps` steps.
 * @throws ValueError when stepped more often than that.
 * @see https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.OneCycleLR.html
 */
export class OneCycleLR extends LRScheduler {
  protected override get stateKeys(): readonly string[] {
    return [
      "total_steps",
      "_schedule_phases",
      "cycle_momentum",
      ...(this.cycleMomentum ? ["use_beta1"] : []),
    ];
  }
  totalSteps: number;
  cycleMomentum: boolean;
  useBeta1 = false;
  /** @internal */ _schedulePhases: readonly Phase[];
  readonly #anneal: (start: number, end: number, part: number) => number;

  constructor(optimizer: Scheduled, ...args: CallArgs<typeof oneCycle>) {
    super(optimizer);
    const o = bound(oneCycle, args);
    const { paramGroups } = optimizer;
    this.totalSteps = totalSteps(o);
    const [n, part] = [this.totalSteps, o.pctStart];
    if (part < 0 || part > 1)
      throw new ValueError(`Expected float between 0 and 1 pct_start, but got ${String(part)}`);
    this._schedulePhases = o.threePhase
      ? [
          phase(part * n - 1, "initial_lr", "max_lr", "max_momentum", "base_momentum"),
          phase(2 * part * n - 2, "max_lr", "initial_lr", "base_momentum", "max_momentum"),
          phase(n - 1, "initial_lr", "min_lr", "max_momentum", "max_momentum"),
        ]
      : [
          phase(part * n - 1, "initial_lr", "max_lr", "max_momentum", "base_momentum"),
          phase(n - 1, "max_lr", "min_lr", "base_momentum", "max_momentum"),
        ];
    if (o.annealStrategy !== "cos" && o.annealStrategy !== "linear") {
      throw new ValueError(
        `anneal_strategy must by one of 'cos' or 'linear', instead got ${o.annealStrategy}`,
      );
    }
    this.#anneal =
      o.annealStrategy === "cos"
        ? (start, end, t) => end + ((start - end) / 2) * (Math.cos(Math.PI * t) + 1)
        : (start, end, t) => (end - start) * t + start;
    const maxLrs = perGroup("max_lr", optimizer, o.maxLr);
    if (o.lastEpoch === -1) {
      paramGroups.forEach((g, i) => {
        const initialLr = maxLrs[i]! / o.divFactor;
        Object.assign(g, { initialLr, maxLr: maxLrs[i], minLr: initialLr / o.finalDivFactor });
      });
    }
    this.cycleMomentum = o.cycleMomentum;
    if (o.cycleMomentum) {
      requireMomentum(optimizer, "momentum", "betas");
      this.useBeta1 = "betas" in optimizer.defaults;
      const most = perGroup("max_momentum", optimizer, o.maxMomentum);
      const least = perGroup("base_momentum", optimizer, o.baseMomentum);
      if (o.lastEpoch === -1) {
        paramGroups.forEach((g, i) => {
          this.#setMomentum(g, most[i]!);
          Object.assign(g, { maxMomentum: most[i], baseMomentum: least[i] });
        });
      }
    }
    this.begin(o.lastEpoch, o.verbose);
  }

  #setMomentum(group: ScheduledGroup, momentum: number): void {
    if (this.useBeta1) group["betas"] = [momentum, ...(group["betas"] as number[]).slice(1)];
    else group["momentum"] = momentum;
  }

  override getLr(): number[] {
    const step = this.lastEpoch;
    if (step > this.totalSteps) {
      throw new ValueError(
        `Tried to step ${String(step + 1)} times. The specified number of total steps is ${String(this.totalSteps)}`,
      );
    }
    const found = this._schedulePhases.findIndex((p) => step <= p.end_step);
    const at = found < 0 ? this._schedulePhases.length - 1 : found;
    const now = this._schedulePhases[at]!;
    const start = at === 0 ? 0 : this._schedulePhases[at - 1]!.end_step;
    const part = (step - start) / (now.end_step - start);
    return this.optimizer.paramGroups.map((group) => {
      const of = (key: string): number => group[camel(key)] as number;
      if (this.cycleMomentum)
        this.#setMomentum(group, this.#anneal(of(now.start_momentum), of(now.end_momentum), part));
      return this.#anneal(of(now.start_lr), of(now.end_lr), part);
    });
  }
}

function totalSteps(o: {
  readonly totalSteps: number | null;
  readonly epochs: number | null;
  readonly stepsPerEpoch: number | null;
}): number {
  const positive = (name: string, value: number | null): number => {
    if (value === null || value <= 0)
      throw new ValueError(
        `Expected positive integer ${name}, but got ${value === null ? "None" : String(value)}`,
      );
    return value;
  };
  if (o.totalSteps !== null) return positive("total_steps", o.totalSteps);
  if (o.epochs === null && o.stepsPerEpoch === null) {
    throw new ValueError("You must define either total_steps OR (epochs AND steps_per_epoch)");
  }
  return positive("epochs", o.epochs) * positive("steps_per_epoch", o.stepsPerEpoch);
}
