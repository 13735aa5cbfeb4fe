/** Relatives of Adam: Adamax, NAdam, RAdam. */
import { bound } from "../nn/arguments.js";
import { torch } from "../torch.js";
import type { Arguments, CallArgs } from "../ops/schema.js";
import type { Tensor } from "../tensor/tensor.js";
import {
  Optimizer,
  requireCommon,
  requireOption,
  type ParamGroup,
  type ParamsLike,
  type Update,
  type Writable,
} from "./optimizer.js";

const adamax =
  "Adamax(float lr=0.002, float[] betas=[0.9,0.999], float eps=1e-08, float weight_decay=0, bool? foreach=None, *, bool maximize=False) -> any";
const nadam =
  "NAdam(float lr=0.002, float[] betas=[0.9,0.999], float eps=1e-08, float weight_decay=0, float momentum_decay=0.004, bool? foreach=None) -> any";
const radam =
  "RAdam(float lr=0.001, float[] betas=[0.9,0.999], float eps=1e-08, float weight_decay=0, bool? foreach=None) -> any";

export type AdamaxOptions = Writable<Arguments<typeof adamax>>;
export type NAdamOptions = Writable<Arguments<typeof nadam>>;
export type RAdamOptions = Writable<Arguments<typeof radam>>;

interface Moments extends Record<string, Tensor | number> {
  exp_avg: Tensor;
  exp_avg_sq: Tensor;
}

/** m ← β₁m + (1 − β₁)g, v ← β₂v + (1 − β₂)g². */
function advanceMoments(
  { exp_avg: m, exp_avg_sq: v }: Moments,
  { g, n }: Update,
  betas: readonly number[],
): void {
  const [beta1, beta2] = betas as [number, number];
  m.copy_(m.mul(n("beta1", beta1)).add(g.mul(n("rest1", 1 - beta1))));
  v.copy_(v.mul(n("beta2", beta2)).add(g.mul(g).mul(n("rest2", 1 - beta2))));
}

/**
 * Adam with the infinity norm: u ← max(β₂u, |g| + ε), p ← p − lr / (1 − β₁ᵗ) · m / u.
 * @see https://pytorch.org/docs/stable/generated/torch.optim.Adamax.html
 */
export class Adamax extends Optimizer<AdamaxOptions> {
  constructor(params: ParamsLike<AdamaxOptions>, ...args: CallArgs<typeof adamax>) {
    const o = bound(adamax, args);
    requireCommon(o);
    super(params, o);
  }

  protected override get tensorNumbers(): readonly string[] {
    return ["step"];
  }

  protected update(group: ParamGroup<AdamaxOptions>): void {
    const [beta1, beta2] = group.betas as [number, number];
    for (const { p, g, n } of this.updates(group)) {
      const state = this.stateOf(p, () => ({ step: 0, exp_avg: this.zeros(p), exp_inf: this.zeros(p) }));
      const t = ++state.step;
      const { exp_avg: m, exp_inf: u } = state;
      m.copy_(m.mul(n("beta1", beta1)).add(g.mul(n("rest1", 1 - beta1))));
      u.copy_(u.mul(n("beta2", beta2)).maximum(g.abs().add(n("eps", group.eps))));
      const size = n(`size@${String(t)}`, group.lr / (1 - beta1 ** t));
      p.copy_(p.sub(m.div(u).mul(size)));
    }
  }
}

/**
 * Adam with Nesterov's momentum, whose factor μₜ = β₁(1 − ½ · 0.96^(tψ)) grows with the steps.
 * @see https://pytorch.org/docs/stable/generated/torch.optim.NAdam.html
 */
export class NAdam extends Optimizer<NAdamOptions> {
  constructor(params: ParamsLike<NAdamOptions>, ...args: CallArgs<typeof nadam>) {
    const o = bound(nadam, args);
    requireCommon(o);
    requireOption(o.momentumDecay >= 0, "momentum_decay value", o.momentumDecay);
    super(params, o);
  }

  protected override get tensorNumbers(): readonly string[] {
    return ["step", "mu_product"];
  }

  protected update(group: ParamGroup<NAdamOptions>): void {
    const { lr, eps, momentumDecay } = group;
    const [beta1, beta2] = group.betas as [number, number];
    const mu = (t: number): number => beta1 * (1 - 0.5 * 0.96 ** (t * momentumDecay));
    for (const update of this.updates(group)) {
      const { p, g, n } = update;
      const state = this.stateOf(p, () => ({
        step: 0,
        mu_product: 1,
        exp_avg: this.zeros(p),
        exp_avg_sq: this.zeros(p),
      }));
      const t = ++state.step;
      // PyTorch keeps the product as a float32 tensor.
      state.mu_product = Math.fround(state.mu_product * Math.fround(mu(t)));
      // PyTorch 1.13 counts μₜ twice in the product of the next step.
      const next = Math.fround(Math.fround(state.mu_product * Math.fround(mu(t))) * Math.fround(mu(t + 1)));
      advanceMoments(state, update, group.betas);
      const at = (key: string): string => `${key}@${String(t)}`;
      const denominator = state.exp_avg_sq
        .div(n(at("correction2"), 1 - beta2 ** t))
        .sqrt()
        .add(n("eps", eps));
      const fresh = n(at("fresh"), (lr * (1 - mu(t))) / (1 - state.mu_product));
      const kept = n(at("kept"), (lr * mu(t + 1)) / (1 - next));
      p.copy_(p.sub(g.mul(fresh).div(denominator)).sub(state.exp_avg.mul(kept).div(denominator)));
    }
  }
}

/**
 * Adam with the variance of its adaptive rate rectified; plain momentum until the variance is tractable.
 * @see https://pytorch.org/docs/stable/generated/torch.optim.RAdam.html
 */
export class RAdam extends Optimizer<RAdamOptions> {
  constructor(params: ParamsLike<RAdamOptions>, ...args: CallArgs<typeof radam>) {
    const o = bound(radam, args);
    requireCommon(o);
    super(params, o);
  }

  protected override get tensorNumbers(): readonly string[] {
    return ["step"];
  }

  protected update(group: ParamGroup<RAdamOptions>): void {
    const { lr, eps } = group;
    const [beta1, beta2] = group.betas as [number, number];
    for (const update of this.updates(group)) {
      const { p, n } = update;
      const state = this.stateOf(p, () => ({ step: 0, exp_avg: this.zeros(p), exp_avg_sq: this.zeros(p) }));
      const t = ++state.step;
      advanceMoments(state, update, group.betas);
      const correction2 = 1 - beta2 ** t;
      const longest = 2 / (1 - beta2) - 1;
      const length = longest - (2 * t * beta2 ** t) / correction2;
      const rectified = length > 5;
      const rectification = Math.sqrt(
        ((length - 4) * (length - 2) * longest) / ((longest - 4) * (longest - 2) * length),
      );
      // One plan for both branches: the condition is an input that selects.
      const at = (key: string): string => `${key}@${String(t)}`;
      const adaptive = n(at("adaptive"), rectified ? rectification * Math.sqrt(correction2) : 0).div(
        state.exp_avg_sq.sqrt().add(n("eps", eps)),
      );
      const factor = torch.where(n(at("rectified"), rectified ? 1 : 0).gt(0), adaptive, n("one", 1));
      p.copy_(p.sub(state.exp_avg.mul(n(at("size"), lr / (1 - beta1 ** t))).mul(factor)));
    }
  }
}
