/** Schedules made of others. */
import { ValueError } from "../../errors.js";
import { LRScheduler, type Scheduled, type SchedulerState } from "./base.js";

function requireSame(name: string, schedulers: readonly LRScheduler[], optimizer: Scheduled): void {
  schedulers.forEach((s, i) => {
    if (s.optimizer !== optimizer) {
      throw new ValueError(
        `${name} expects all schedulers to belong to the same optimizer, but the one at index ${String(i)} has another`,
      );
    }
  });
}

/** Their states come along in that of the whole. */
abstract class Composed extends LRScheduler {
  readonly schedulers: readonly LRScheduler[];

  constructor(optimizer: Scheduled, schedulers: readonly LRScheduler[]) {
    super(optimizer);
    this.schedulers = [...schedulers];
  }

  override getLr(): number[] {
    return this.rates;
  }

  protected abstract own(): SchedulerState;

  override stateDict(): SchedulerState {
    return { ...this.own(), _last_lr: this._lastLr, _schedulers: this.schedulers.map((s) => s.stateDict()) };
  }

  override loadStateDict(state: SchedulerState): void {
    super.loadStateDict(state);
    const inner = state["_schedulers"] as readonly SchedulerState[];
    if (inner.length !== this.schedulers.length) {
      throw new ValueError(
        `the state is of ${String(inner.length)} schedulers, there are ${String(this.schedulers.length)}`,
      );
    }
    inner.forEach((s, i) => {
      this.schedulers[i]!.loadStateDict(s);
    });
  }
}

/**
 * One schedule after another, changing at the milestones.
 * @see https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.SequentialLR.html
 */
export class SequentialLR extends Composed {
  protected override readonly stateKeys = ["_milestones"];
  /** @internal */ _milestones: readonly number[];

  constructor(
    optimizer: Scheduled,
    schedulers: readonly LRScheduler[],
    milestones: readonly number[],
    lastEpoch: number | { readonly lastEpoch?: number } = -1,
  ) {
    super(optimizer, schedulers);
    requireSame("SequentialLR", schedulers, optimizer);
    if (milestones.length !== schedulers.length - 1) {
      throw new ValueError(
        "Sequential Schedulers expects number of schedulers provided to be one more than the number of milestone " +
          `points, but got number of schedulers ${String(schedulers.length)} and the number of milestones to be equal ` +
          `to ${String(milestones.length)}`,
      );
    }
    this._milestones = [...milestones];
    this.lastEpoch = (typeof lastEpoch === "number" ? lastEpoch : (lastEpoch.lastEpoch ?? -1)) + 1;
    // What the constructors of the others did to the rates is taken back; the first one begins anew.
    for (const group of optimizer.paramGroups) group["lr"] = group["initialLr"];
    for (const s of schedulers) s.lastEpoch--;
    schedulers[0]!._initialStep();
    this._lastLr = schedulers[0]!.getLastLr();
  }

  override step(): void {
    this.lastEpoch++;
    const at = this._milestones.filter((m) => m <= this.lastEpoch).length;
    const now = this.schedulers[at]!;
    if (at > 0 && this._milestones[at - 1] === this.lastEpoch) now.step(0);
    else now.step();
    this._lastLr = now.getLastLr();
  }

  protected override own(): SchedulerState {
    return { _milestones: this._milestones, last_epoch: this.lastEpoch };
  }
}

/**
 * Several schedules at once, each changing what the one before left.
 * @see https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.ChainedScheduler.html
 */
export class ChainedScheduler extends Composed {
  protected override readonly stateKeys = [];

  constructor(schedulers: readonly LRScheduler[]) {
    if (schedulers.length === 0) throw new ValueError("ChainedScheduler expects at least one scheduler");
    super(schedulers[0]!.optimizer, schedulers);
    requireSame("ChainedScheduler", schedulers, this.optimizer);
    this._lastLr = this.rates;
  }

  override step(): void {
    for (const s of this.schedulers) s.step();
    this._lastLr = this.rates;
  }

  protected override own(): SchedulerState {
    return {};
  }
}
