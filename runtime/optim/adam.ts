import { bound } from "../nn/arguments.js";
import type { Arguments, CallArgs } from "../ops/schema.js";
import type { Tensor } from "../tensor/tensor.js";
import { Optimizer, requireCommon, type ParamGroup, type ParamsLike, type Writable } from "./optimizer.js";

const adam =
  "Adam(float lr=0.001, float[] betas=[0.9,0.999], float eps=1e-08, float weight_decay=0, bool amsgrad=False, *, bool? foreach=None, bool maximize=False, bool capturable=False, bool differentiable=False, bool fused=False) -> any";
const adamw =
  "AdamW(float lr=0.001, float[] betas=[0.9,0.999], float eps=1e-08, float weight_decay=0.01, bool amsgrad=False, *, bool maximize=False, bool? foreach=None, bool capturable=False) -> any";

type Shared = Writable<Arguments<typeof adamw>>;
export type AdamOptions = Writable<Arguments<typeof adam>>;
export type AdamWOptions = Shared;

interface AdamState extends Record<string, Tensor | number | null> {
  step: number;
  exp_avg: Tensor;
  exp_avg_sq: Tensor;
}

/** What Adam and AdamW share. */
abstract class AdamBase<O extends Shared> extends Optimizer<O> {
  /** Whether weight decay shrinks the parameters themselves (AdamW) or adds to the gradient. */
  protected abstract readonly decoupled: boolean;

  protected override get tensorNumbers(): readonly string[] {
    return ["step"];
  }

  protected update(group: ParamGroup<O>): void {
    const { lr, eps, weightDecay, amsgrad } = group;
    const [beta1, beta2] = group.betas as [number, number];
    for (const { p, g, n } of this.updates(group, this.decoupled ? 0 : weightDecay)) {
      const state = this.stateOf<AdamState>(p, () => ({
        step: 0,
        exp_avg: this.zeros(p),
        exp_avg_sq: this.zeros(p),
        ...(amsgrad ? { max_exp_avg_sq: this.zeros(p) } : {}),
      }));
      const t = ++state.step;
      const at = (key: string): string => `${key}@${String(t)}`;
      const value = this.decoupled && weightDecay !== 0 ? p.mul(n("shrink", 1 - lr * weightDecay)) : p;
      const m = state.exp_avg;
      const v = state.exp_avg_sq;
      m.copy_(m.mul(n("beta1", beta1)).add(g.mul(n("rest1", 1 - beta1))));
      v.copy_(v.mul(n("beta2", beta2)).add(g.mul(g).mul(n("rest2", 1 - beta2))));
      let square: Tensor = v;
      const largest = state["max_exp_avg_sq"];
      if (amsgrad && typeof largest === "object" && largest) square = largest.copy_(largest.maximum(v));
      const root = square.sqrt().div(n(at("root2"), Math.sqrt(1 - beta2 ** t)));
      const denominator = root.add(n("eps", eps));
      p.copy_(value.sub(m.div(denominator).mul(n(at("size"), lr / (1 - beta1 ** t)))));
    }
  }
}

/**
 * m ← β₁m + (1 − β₁)g, v ← β₂v + (1 − β₂)g², p ← p − lr · m̂ / (√v̂ + ε), with m̂ = m / (1 − β₁ᵗ), v̂ = v / (1 − β₂ᵗ).
 * @see https://pytorch.org/docs/stable/generated/torch.optim.Adam.html
 */
export class Adam extends AdamBase<AdamOptions> {
  protected override readonly decoupled = false;

  constructor(params: ParamsLike<AdamOptions>, ...args: CallArgs<typeof adam>) {
    const o = bound(adam, args);
    requireCommon(o);
    super(params, o);
  }
}

/**
 * Adam with decoupled weight decay: p ← p − lr · λ · p beside Adam's step.
 * @see https://pytorch.org/docs/stable/generated/torch.optim.AdamW.html
 */
export class AdamW extends AdamBase<AdamWOptions> {
  protected override readonly decoupled = true;

  constructor(params: ParamsLike<AdamWOptions>, ...args: CallArgs<typeof adamw>) {
    const o = bound(adamw, args);
    requireCommon(o);
    super(params, o);
  }
}
