import { ValueError } from "../errors.js";
import type { Tensor } from "../tensor/tensor.js";
import { Optimizer, requireOption, StepScalars, type ParamGroup, type ParamsLike } from "./optimizer.js";
import { optimizerOptions } from "./options.js";
import { stateTensor } from "./stateTensor.js";

export interface SGDOptions {
  lr: number;
  momentum: number;
  dampening: number;
  weightDecay: number;
  nesterov: boolean;
  maximize: boolean;
}

/**
 * Stochastic gradient descent with momentum: v ← μv + (1 − τ)g, p ← p − lr · v.
 * @see https://pytorch.org/docs/stable/generated/torch.optim.SGD.html
 */
export class SGD extends Optimizer<SGDOptions> {
  constructor(params: ParamsLike<SGDOptions>, lr: number, options?: Partial<SGDOptions>);
  constructor(params: ParamsLike<SGDOptions>, options: Partial<SGDOptions> & { readonly lr: number });
  constructor(params: ParamsLike<SGDOptions>, ...args: unknown[]) {
    const o = optimizerOptions<SGDOptions>(
      "SGD(float lr, float momentum=0, float dampening=0, float weight_decay=0, bool nesterov=False, *, bool maximize=False, bool? foreach=None, bool differentiable=False) -> any",
      args,
    );
    requireOption(o.lr >= 0, "learning rate", o.lr);
    requireOption(o.momentum >= 0, "momentum value", o.momentum);
    requireOption(o.weightDecay >= 0, "weight_decay value", o.weightDecay);
    if (o.nesterov && (o.momentum <= 0 || o.dampening !== 0)) {
      throw new ValueError("Nesterov momentum requires a momentum and zero dampening");
    }
    super(params, o);
  }

  protected update(group: ParamGroup<SGDOptions>): void {
    const { momentum, dampening, nesterov } = group;
    const scalars = new StepScalars();
    for (const p of group.params) {
      if (!p.grad) continue;
      const number = (key: string, value: number): Tensor => scalars.get(key, value, p.dtype);
      let g: Tensor = p.grad.detach();
      if (group.maximize) g = g.neg();
      if (group.weightDecay !== 0) g = g.add(p.mul(number("weightDecay", group.weightDecay)));
      if (momentum !== 0) {
        const first = !this.state.has(p);
        // The first step takes the whole gradient: a buffer of zeros and a factor of 1 keep it the same plan.
        const state = this.stateOf(p, () => ({ momentum_buffer: stateTensor(p.shape, p.dtype) }));
        const buffer = state.momentum_buffer;
        const kept = buffer.mul(number("momentum", momentum));
        buffer.copy_(kept.add(g.mul(number(first ? "first" : "fresh", first ? 1 : 1 - dampening))));
        g = nesterov ? g.add(buffer.mul(number("momentum", momentum))) : buffer;
      }
      p.copy_(p.sub(g.mul(number("lr", group.lr))));
    }
  }
}
