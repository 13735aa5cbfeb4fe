/** Schedules along a cosine. Loshchilov & Hutter, SGDR, arXiv:1608.03983. */
import { ValueError } from "../../errors.js";
import { bound } from "../../nn/arguments.js";
import type { CallArgs } from "../../ops/schema.js";
import { LRScheduler, type Scheduled } from "./base.js";

const annealing =
  "CosineAnnealingLR(int T_max, float eta_min=0, int last_epoch=-1, bool verbose=False) -> any";
const restarts =
  "CosineAnnealingWarmRestarts(int T_0, int T_mult=1, float eta_min=0, int last_epoch=-1, bool verbose=False) -> any";

/**
 * From the rate to `etaMin` along half a cosine of `TMax` steps, and back.
 * @see https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.CosineAnnealingLR.html
 */
export class CosineAnnealingLR extends LRScheduler {
  protected override readonly stateKeys = ["T_max", "eta_min"];
  TMax: number;
  etaMin: number;

  constructor(optimizer: Scheduled, ...args: CallArgs<typeof annealing>) {
    super(optimizer);
    const o = bound(annealing, args);
    this.TMax = o.TMax;
    this.etaMin = o.etaMin;
    this.begin(o.lastEpoch, o.verbose);
  }

  override getLr(): number[] {
    const { lastEpoch: t, TMax: n, etaMin: least } = this;
    if (t === 0) return this.rates;
    if (this._stepCount === 1 && t > 0) return this.closedForm();
    if ((t - 1 - n) % (2 * n) === 0) {
      const rise = (1 - Math.cos(Math.PI / n)) / 2;
      return this.rates.map((lr, i) => lr + (this.baseLrs[i]! - least) * rise);
    }
    const ratio = (1 + Math.cos((Math.PI * t) / n)) / (1 + Math.cos((Math.PI * (t - 1)) / n));
    return this.rates.map((lr) => ratio * (lr - least) + least);
  }

  protected override closedForm(): number[] {
    const part = (1 + Math.cos((Math.PI * this.lastEpoch) / this.TMax)) / 2;
    return this.baseLrs.map((lr) => this.etaMin + (lr - this.etaMin) * part);
  }
}

/**
 * Half cosines of `T0` steps, each `TMult` times as long as the one before. `step(epoch)` takes fractions too.
 * @see https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.CosineAnnealingWarmRestarts.html
 */
export class CosineAnnealingWarmRestarts extends LRScheduler {
  protected override readonly stateKeys = ["T_0", "T_i", "T_mult", "eta_min", "T_cur"];
  T0: number;
  /** Length of the current half cosine, and steps taken in it. */
  TI: number;
  TMult: number;
  etaMin: number;
  TCur: number;

  constructor(optimizer: Scheduled, ...args: CallArgs<typeof restarts>) {
    super(optimizer);
    const o = bound(restarts, args);
    if (o.T0 <= 0) throw new ValueError(`Expected positive integer T_0, but got ${String(o.T0)}`);
    if (o.TMult < 1) throw new ValueError(`Expected integer T_mult >= 1, but got ${String(o.TMult)}`);
    this.T0 = this.TI = o.T0;
    this.TMult = o.TMult;
    this.etaMin = o.etaMin;
    this.TCur = o.lastEpoch;
    this.begin(o.lastEpoch, o.verbose);
  }

  override getLr(): number[] {
    const part = (1 + Math.cos((Math.PI * this.TCur) / this.TI)) / 2;
    return this.baseLrs.map((lr) => this.etaMin + (lr - this.etaMin) * part);
  }

  override step(epoch?: number): void {
    let at = epoch ?? (this.lastEpoch < 0 ? 0 : undefined);
    if (at === undefined) {
      at = this.lastEpoch + 1;
      this.TCur++;
      if (this.TCur >= this.TI) {
        this.TCur -= this.TI;
        this.TI *= this.TMult;
      }
    } else if (at < 0) {
      throw new ValueError(`Expected non-negative epoch, but got ${String(at)}`);
    } else if (at < this.T0) {
      this.TI = this.T0;
      this.TCur = at;
    } else if (this.TMult === 1) {
      this.TCur = at % this.T0;
    } else {
      const n = Math.trunc(Math.log((at / this.T0) * (this.TMult - 1) + 1) / Math.log(this.TMult));
      this.TCur = at - (this.T0 * (this.TMult ** n - 1)) / (this.TMult - 1);
      this.TI = this.T0 * this.TMult ** n;
    }
    this.lastEpoch = Math.floor(at);
    this.setRates(this.getLr(), at);
  }
}
