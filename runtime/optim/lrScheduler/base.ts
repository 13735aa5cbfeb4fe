import { KeyError, ValueError } from "../../errors.js";
import { camel } from "../../ops/schema.js";
import type { Tensor } from "../../tensor/tensor.js";
import { Optimizer } from "../optimizer.js";

/** A parameter group as schedulers see it: settings by their camelCase names. */
export type ScheduledGroup = Record<string, unknown> & { params: Tensor[] };

/** What a scheduler needs of an optimizer: all of them have it. */
export interface Scheduled {
  readonly paramGroups: readonly ScheduledGroup[];
  readonly defaults: object;
  stepCount: number;
}

/** State under PyTorch's keys. */
export type SchedulerState = Record<string, unknown>;

/** @throws TypeError for what is no optimizer. */
export function requireOptimizer(optimizer: unknown): void {
  if (!(optimizer instanceof Optimizer)) {
    throw new TypeError(
      `${(optimizer as object | null)?.constructor.name ?? String(optimizer)} is not an Optimizer`,
    );
  }
}

/** One value for every group: a list of that length, or one number for all. */
export function perGroup(name: string, { paramGroups }: Scheduled, value: unknown): number[] {
  if (!Array.isArray(value)) return paramGroups.map(() => value as number);
  if (value.length !== paramGroups.length) {
    throw new ValueError(
      `expected ${String(paramGroups.length)} values for ${name}, got ${String(value.length)}`,
    );
  }
  return [...(value as number[])];
}

/** A number as `%.4e` prints it. */
function scientific(x: number): string {
  return x.toExponential(4).replace(/e([+-])(\d)$/, "e$10$2");
}

/** Says that a rate changed, where `verbose` asks for it. */
export function announce(what: "adjusting" | "reducing", group: number, lr: number, epoch?: number): void {
  const text = `${what} learning rate of group ${String(group)} to ${scientific(lr)}.`;
  const when =
    epoch === undefined
      ? ""
      : `Epoch ${Number.isInteger(epoch) ? String(epoch).padStart(5, "0") : epoch.toFixed(2)}: `;
  console.log(when === "" ? text.charAt(0).toUpperCase() + text.slice(1) : when + text);
}

/**
 * Base of the learning rate schedules. `step()` after the optimizer's step sets the rates of all groups; a schedule
 * changes what others left, so several may work on one optimizer.
 * @see https://pytorch.org/docs/stable/optim.html#how-to-adjust-learning-rate
 */
export abstract class LRScheduler {
  readonly optimizer: Scheduled;
  /** The rates that the schedule starts from. */
  baseLrs: number[] = [];
  /** Steps taken; 0 after construction. */
  lastEpoch = -1;
  verbose = false;
  /** @internal */ _stepCount = 0;
  /** @internal */ _lastLr: number[] = [];

  constructor(optimizer: Scheduled) {
    requireOptimizer(optimizer);
    this.optimizer = optimizer;
  }

  /** To be called by subclasses when their settings are in place: sets the first rates. */
  protected begin(lastEpoch: number, verbose = false): void {
    this.optimizer.paramGroups.forEach((group, i) => {
      if (lastEpoch === -1) group["initialLr"] ??= group["lr"];
      else if (group["initialLr"] === undefined) {
        throw new KeyError(
          `param 'initialLr' is not specified in paramGroups[${String(i)}] when resuming an optimizer`,
        );
      }
    });
    this.baseLrs = this.optimizer.paramGroups.map((g) => g["initialLr"] as number);
    this.lastEpoch = lastEpoch;
    this.verbose = verbose;
    this._initialStep();
  }

  /** @internal */
  _initialStep(): void {
    this.optimizer.stepCount = 0;
    this._stepCount = 0;
    this.step();
  }

  /** The rates that the groups have now. */
  protected get rates(): number[] {
    return this.optimizer.paramGroups.map((g) => g["lr"] as number);
  }

  /** The rates of the next step, from those the groups have. */
  abstract getLr(): number[];

  /** The rates of a step by number alone, where there is a formula. */
  protected closedForm(): number[] | undefined {
    return undefined;
  }

  /** The rates that the last `step` set, one for each group. */
  getLastLr(): number[] {
    return this._lastLr;
  }

  /** Goes on by one step, or to step `epoch`. */
  step(epoch?: number): void {
    if (this._stepCount === 1 && this.optimizer.stepCount < 1) warnOrder();
    this._stepCount++;
    let values: number[];
    if (epoch === undefined) {
      this.lastEpoch++;
      values = this.getLr();
    } else {
      this.lastEpoch = epoch;
      values = this.closedForm() ?? this.getLr();
    }
    this.setRates(values, epoch);
  }

  protected setRates(values: readonly number[], epoch?: number): void {
    this.optimizer.paramGroups.forEach((group, i) => {
      group["lr"] = values[i]!;
      if (this.verbose) announce("adjusting", i, values[i]!, epoch);
    });
    this._lastLr = this.rates;
  }

  /** PyTorch's names of the settings and counters that a checkpoint keeps, beside those of every schedule. */
  protected abstract readonly stateKeys: readonly string[];

  /** Everything but the optimizer, under PyTorch's keys. */
  stateDict(): SchedulerState {
    const own = this as unknown as Record<string, unknown>;
    return {
      ...Object.fromEntries(this.stateKeys.map((key) => [key, own[camel(key)]])),
      base_lrs: this.baseLrs,
      last_epoch: this.lastEpoch,
      verbose: this.verbose,
      _step_count: this._stepCount,
      _get_lr_called_within_step: false,
      _last_lr: this._lastLr,
    };
  }

  /** Takes over a state made by `stateDict`. */
  loadStateDict(state: SchedulerState): void {
    const known = new Set([
      ...this.stateKeys,
      "base_lrs",
      "last_epoch",
      "verbose",
      "_step_count",
      "_last_lr",
    ]);
    for (const [key, value] of Object.entries(state)) {
      if (known.has(key)) Object.assign(this, { [camel(key)]: value });
    }
  }
}

let warned = false;

function warnOrder(): void {
  if (warned) return;
  warned = true;
  console.warn(
    "Detected call of lrScheduler.step() before optimizer.step(): the first value of the schedule is skipped. " +
      "Call them in the opposite order. See https://pytorch.org/docs/stable/optim.html#how-to-adjust-learning-rate",
  );
}
