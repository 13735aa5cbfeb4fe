import { bound } from "../nn/arguments.js";
import type { Arguments, CallArgs } from "../ops/schema.js";
import { Optimizer, requireCommon, type ParamGroup, type ParamsLike, type Writable } from "./optimizer.js";

const signature =
  "ASGD(float lr=0.01, float lambd=0.0001, float alpha=0.75, float t0=1000000, float weight_decay=0, bool? foreach=None, bool maximize=False) -> any";

export type ASGDOptions = Writable<Arguments<typeof signature>>;

/**
 * Averaged stochastic gradient descent: p ← p(1 − λη) − ηg with ηₜ = lr / (1 + λ · lr · t)^α, and from step t₀ on
 * the average of the parameters in the state `ax`.
 * @see https://pytorch.org/docs/stable/generated/torch.optim.ASGD.html
 */
export class ASGD extends Optimizer<ASGDOptions> {
  constructor(params: ParamsLike<ASGDOptions>, ...args: CallArgs<typeof signature>) {
    const o = bound(signature, args);
    requireCommon(o);
    super(params, o);
  }

  protected override get tensorNumbers(): readonly string[] {
    return ["step", "eta", "mu"];
  }

  protected update(group: ParamGroup<ASGDOptions>): void {
    const { lr, lambd } = group;
    for (const { p, g, n } of this.updates(group)) {
      const state = this.stateOf(p, () => ({ step: 0, eta: Math.fround(lr), mu: 1, ax: this.zeros(p) }));
      const t = ++state.step;
      const at = (key: string): string => `${key}@${String(t)}`;
      const { ax, eta, mu } = state;
      p.copy_(p.mul(n(at("shrink"), 1 - lambd * eta)).sub(g.mul(n(at("eta"), eta))));
      // With μ = 1 this is a copy of p: both cases are one plan.
      ax.copy_(ax.mul(n(at("old"), 1 - mu)).add(p.mul(n(at("new"), mu))));
      state.eta = Math.fround(lr / (1 + lambd * lr * t) ** group.alpha);
      state.mu = Math.fround(1 / Math.max(1, t - group.t0));
    }
  }
}
