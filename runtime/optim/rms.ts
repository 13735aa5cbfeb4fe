/** Rates from running averages of squared gradients: RMSprop, Adagrad, Adadelta. */
import { NotImplementedError } from "../errors.js";
import { bound } from "../nn/arguments.js";
import type { Arguments, CallArgs } from "../ops/schema.js";
import type { Tensor } from "../tensor/tensor.js";
import {
  Optimizer,
  requireCommon,
  requireOption,
  type ParamGroup,
  type ParamsLike,
  type ParamState,
  type Writable,
} from "./optimizer.js";
import { stateTensor } from "./stateTensor.js";

const rmsprop =
  "RMSprop(float lr=0.01, float alpha=0.99, float eps=1e-08, float weight_decay=0, float momentum=0, bool centered=False, bool? foreach=None, bool maximize=False, bool differentiable=False) -> any";
const adagrad =
  "Adagrad(float lr=0.01, float lr_decay=0, float weight_decay=0, float initial_accumulator_value=0, float eps=1e-10, bool? foreach=None, *, bool maximize=False) -> any";
const adadelta =
  "Adadelta(float lr=1.0, float rho=0.9, float eps=1e-06, float weight_decay=0, bool? foreach=None, *, bool maximize=False) -> any";

export type RMSpropOptions = Writable<Arguments<typeof rmsprop>>;
export type AdagradOptions = Writable<Arguments<typeof adagrad>>;
export type AdadeltaOptions = Writable<Arguments<typeof adadelta>>;

interface RMSpropState extends ParamState {
  step: number;
  square_avg: Tensor;
}

/**
 * v ← αv + (1 − α)g², p ← p − lr · g / (√v + ε); with the mean's square taken off v when `centered`.
 * @see https://pytorch.org/docs/stable/generated/torch.optim.RMSprop.html
 */
export class RMSprop extends Optimizer<RMSpropOptions> {
  constructor(params: ParamsLike<RMSpropOptions>, ...args: CallArgs<typeof rmsprop>) {
    const o = bound(rmsprop, args);
    requireCommon(o);
    requireOption(o.momentum >= 0, "momentum value", o.momentum);
    requireOption(o.alpha >= 0, "alpha value", o.alpha);
    super(params, o);
  }

  protected update(group: ParamGroup<RMSpropOptions>): void {
    const { alpha, momentum, centered } = group;
    for (const { p, g, n } of this.updates(group)) {
      const state = this.stateOf<RMSpropState>(p, () => ({
        step: 0,
        square_avg: this.zeros(p),
        ...(momentum > 0 ? { momentum_buffer: this.zeros(p) } : {}),
        ...(centered ? { grad_avg: this.zeros(p) } : {}),
      }));
      state.step++;
      const v = state.square_avg;
      v.copy_(v.mul(n("alpha", alpha)).add(g.mul(g).mul(n("rest", 1 - alpha))));
      let variance: Tensor = v;
      if (centered) {
        const mean = state["grad_avg"] as Tensor;
        mean.copy_(mean.mul(n("alpha", alpha)).add(g.mul(n("rest", 1 - alpha))));
        variance = v.sub(mean.mul(mean));
      }
      let step = g.div(variance.sqrt().add(n("eps", group.eps)));
      if (momentum > 0) {
        const buffer = state["momentum_buffer"] as Tensor;
        step = buffer.copy_(buffer.mul(n("momentum", momentum)).add(step));
      }
      p.copy_(p.sub(step.mul(n("lr", group.lr))));
    }
  }
}

/**
 * G ← G + g², p ← p − lr / (1 + (t − 1)η) · g / (√G + ε).
 * @see https://pytorch.org/docs/stable/generated/torch.optim.Adagrad.html
 */
export class Adagrad extends Optimizer<AdagradOptions> {
  constructor(params: ParamsLike<AdagradOptions>, ...args: CallArgs<typeof adagrad>) {
    const o = bound(adagrad, args);
    requireOption(o.lr >= 0, "learning rate", o.lr);
    requireOption(o.lrDecay >= 0, "lr_decay value", o.lrDecay);
    requireCommon(o);
    requireOption(
      o.initialAccumulatorValue >= 0,
      "initial_accumulator_value value",
      o.initialAccumulatorValue,
    );
    super(params, o);
    for (const group of this.paramGroups) for (const p of group.params) this.#init(p, group);
  }

  /** The sums are there before the first step. */
  #init(p: Tensor, group: ParamGroup<AdagradOptions>): { step: number; sum: Tensor } {
    return this.stateOf(p, () => ({
      step: 0,
      sum: stateTensor(p, group.initialAccumulatorValue),
    }));
  }

  protected override get tensorNumbers(): readonly string[] {
    return ["step"];
  }

  protected update(group: ParamGroup<AdagradOptions>): void {
    for (const { p, g, n } of this.updates(group)) {
      const state = this.#init(p, group);
      const t = ++state.step;
      const { sum } = state;
      sum.copy_(sum.add(g.mul(g)));
      const rate = n(`rate@${String(t)}`, group.lr / (1 + (t - 1) * group.lrDecay));
      p.copy_(p.sub(g.div(sum.sqrt().add(n("eps", group.eps))).mul(rate)));
    }
  }

  /** A row without gradient adds nothing to its sum and does not move. */
  protected override acceptSparse(): void {
    if (this.paramGroups.some((g) => g.weightDecay !== 0)) {
      throw new NotImplementedError("weight_decay option is not compatible with sparse gradients");
    }
  }
}

/**
 * v ← ρv + (1 − ρ)g², δ = √(u + ε) / √(v + ε) · g, u ← ρu + (1 − ρ)δ², p ← p − lr · δ.
 * @see https://pytorch.org/docs/stable/generated/torch.optim.Adadelta.html
 */
export class Adadelta extends Optimizer<AdadeltaOptions> {
  constructor(params: ParamsLike<AdadeltaOptions>, ...args: CallArgs<typeof adadelta>) {
    const o = bound(adadelta, args);
    requireOption(o.lr >= 0, "learning rate", o.lr);
    requireOption(o.rho >= 0 && o.rho <= 1, "rho value", o.rho);
    requireCommon(o);
    super(params, o);
  }

  protected update(group: ParamGroup<AdadeltaOptions>): void {
    const { rho } = group;
    for (const { p, g, n } of this.updates(group)) {
      const state = this.stateOf(p, () => ({ step: 0, square_avg: this.zeros(p), acc_delta: this.zeros(p) }));
      state.step++;
      const { square_avg: v, acc_delta: u } = state;
      const eps = n("eps", group.eps);
      v.copy_(v.mul(n("rho", rho)).add(g.mul(g).mul(n("rest", 1 - rho))));
      const delta = u.add(eps).sqrt().div(v.add(eps).sqrt()).mul(g);
      u.copy_(u.mul(n("rho", rho)).add(delta.mul(delta).mul(n("rest", 1 - rho))));
      p.copy_(p.sub(delta.mul(n("lr", group.lr))));
    }
  }
}
