import type { Tensor } from "../tensor/tensor.js";
import { float32 } from "../tensor/dtype.js";
import { Optimizer, requireOption, StepScalars, type ParamGroup, type ParamsLike } from "./optimizer.js";
import { optimizerOptions } from "./options.js";
import { stateTensor } from "./stateTensor.js";

export interface AdamOptions {
  lr: number;
  betas: [number, number];
  eps: number;
  weightDecay: number;
  amsgrad: boolean;
  maximize: boolean;
}

interface AdamState extends Record<string, Tensor | number | null> {
  step: Tensor;
  exp_avg: Tensor;
  exp_avg_sq: Tensor;
}

const signature = (name: string, decay: number): string =>
  `${name}(float lr=0.001, float[] betas=[0.9,0.999], float eps=1e-08, float weight_decay=${String(decay)}, bool amsgrad=False, *, bool? foreach=None, bool maximize=False, bool capturable=False, bool differentiable=False, bool? fused=None) -> any`;

/**
 * m ← β₁m + (1 − β₁)g, v ← β₂v + (1 − β₂)g², p ← p − lr · m̂ / (√v̂ + ε), with m̂ = m / (1 − β₁ᵗ), v̂ = v / (1 − β₂ᵗ).
 * @see https://pytorch.org/docs/stable/generated/torch.optim.Adam.html
 */
export class Adam extends Optimizer<AdamOptions> {
  /** Whether weight decay shrinks the parameters themselves (AdamW) or adds to the gradient. */
  protected readonly decoupled: boolean = false;
  readonly #steps = new Map<Tensor, number>();

  constructor(params: ParamsLike<AdamOptions>, lr?: number, options?: Partial<AdamOptions>);
  constructor(params: ParamsLike<AdamOptions>, options: Partial<AdamOptions>);
  constructor(params: ParamsLike<AdamOptions>, ...args: unknown[]) {
    super(params, adamOptions("Adam", 0, args));
  }

  protected update(group: ParamGroup<AdamOptions>): void {
    const { lr, eps, weightDecay, amsgrad } = group;
    const [beta1, beta2] = group.betas;
    const scalars = new StepScalars();
    for (const p of group.params) {
      if (!p.grad) continue;
      const state = this.stateOf<AdamState>(p, () => ({
        step: stateTensor([], float32),
        exp_avg: stateTensor(p.shape, p.dtype),
        exp_avg_sq: stateTensor(p.shape, p.dtype),
        ...(amsgrad ? { max_exp_avg_sq: stateTensor(p.shape, p.dtype) } : {}),
      }));
      const t = this.#advance(p, state);
      const number = (key: string, value: number): Tensor => scalars.get(key, value, p.dtype);
      const at = (key: string): string => `${key}@${String(t)}`;
      let g: Tensor = p.grad.detach();
      if (group.maximize) g = g.neg();
      let value: Tensor = p;
      if (weightDecay !== 0) {
        if (this.decoupled) value = p.mul(number("shrink", 1 - lr * weightDecay));
        else g = g.add(p.mul(number("decay", weightDecay)));
      }
      const m = state.exp_avg;
      const v = state.exp_avg_sq;
      m.copy_(m.mul(number("beta1", beta1)).add(g.mul(number("rest1", 1 - beta1))));
      v.copy_(v.mul(number("beta2", beta2)).add(g.mul(g).mul(number("rest2", 1 - beta2))));
      let square: Tensor = v;
      const largest = state["max_exp_avg_sq"];
      if (amsgrad && typeof largest === "object" && largest) square = largest.copy_(largest.maximum(v));
      const root = square.sqrt().div(number(at("root2"), Math.sqrt(1 - beta2 ** t)));
      const denominator = root.add(number("eps", eps));
      p.copy_(value.sub(m.div(denominator).mul(number(at("size"), lr / (1 - beta1 ** t)))));
    }
  }

  /** Counts the step on this side too: a read would wait for the engine. */
  #advance(p: Tensor, state: AdamState): number {
    const t = (this.#steps.get(p) ?? state.step.item()) + 1;
    this.#steps.set(p, t);
    state.step = stateTensor([], float32, t);
    return t;
  }

  override loadStateDict(dict: Parameters<Optimizer<AdamOptions>["loadStateDict"]>[0]): void {
    super.loadStateDict(dict);
    this.#steps.clear();
  }
}

function adamOptions(name: string, decay: number, args: readonly unknown[]): AdamOptions {
  const o = optimizerOptions<AdamOptions>(signature(name, decay), args);
  requireOption(o.lr >= 0, "learning rate", o.lr);
  requireOption(o.eps >= 0, "epsilon value", o.eps);
  o.betas.forEach((b, i) => {
    requireOption(b >= 0 && b < 1, `beta parameter at index ${String(i)}`, b);
  });
  requireOption(o.weightDecay >= 0, "weight_decay value", o.weightDecay);
  return o;
}

/**
 * Adam with decoupled weight decay: p ← p − lr · λ · p beside Adam's step.
 * @see https://pytorch.org/docs/stable/generated/torch.optim.AdamW.html
 */
export class AdamW extends Adam {
  protected override readonly decoupled = true;

  constructor(params: ParamsLike<AdamOptions>, lr?: number, options?: Partial<AdamOptions>);
  constructor(params: ParamsLike<AdamOptions>, options: Partial<AdamOptions>);
  constructor(params: ParamsLike<AdamOptions>, ...args: unknown[]) {
    super(params, adamOptions("AdamW", 0.01, args));
  }
}
