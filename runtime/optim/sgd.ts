import { RuntimeError, ValueError } from "../errors.js";
import { bound } from "../nn/arguments.js";
import type { Arguments, CallArgs } from "../ops/schema.js";
import type { Tensor } from "../tensor/tensor.js";
import {
  Optimizer,
  requireCommon,
  requireOption,
  type ParamGroup,
  type ParamsLike,
  type Writable,
} from "./optimizer.js";

const signature =
  "SGD(float lr, float momentum=0, float dampening=0, float weight_decay=0, bool nesterov=False, *, bool maximize=False, bool? foreach=None, bool differentiable=False) -> any";

export type SGDOptions = Writable<Arguments<typeof signature>>;

/**
 * Stochastic gradient descent with momentum: v ← μv + (1 − τ)g, p ← p − lr · v.
 * @see https://pytorch.org/docs/stable/generated/torch.optim.SGD.html
 */
export class SGD extends Optimizer<SGDOptions> {
  constructor(params: ParamsLike<SGDOptions>, options: Partial<SGDOptions> & { readonly lr: number });
  constructor(params: ParamsLike<SGDOptions>, ...args: CallArgs<typeof signature>);
  constructor(params: ParamsLike<SGDOptions>, ...args: unknown[]) {
    const o = bound(signature, args);
    requireOption(o.lr >= 0, "learning rate", o.lr);
    requireOption(o.momentum >= 0, "momentum value", o.momentum);
    requireCommon(o);
    if (o.nesterov && (o.momentum <= 0 || o.dampening !== 0)) {
      throw new ValueError("Nesterov momentum requires a momentum and zero dampening");
    }
    super(params, o);
  }

  protected update(group: ParamGroup<SGDOptions>): void {
    const { momentum, dampening, nesterov } = group;
    for (const { p, g, n } of this.updates(group)) {
      const first =
        typeof this.state.get(p)?.["momentum_buffer"] !== "object" || !this.state.get(p)?.["momentum_buffer"];
      let step = g;
      if (momentum === 0) this.stateOf(p, () => ({ momentum_buffer: null }));
      else {
        // The first step takes the whole gradient: a buffer of zeros and a factor of 1 keep it the same plan.
        if (first) this.state.delete(p);
        const state = this.stateOf(p, () => ({ momentum_buffer: this.zeros(p) }));
        const buffer: Tensor = state.momentum_buffer;
        const kept = buffer.mul(n("momentum", momentum));
        buffer.copy_(kept.add(g.mul(n(first ? "first" : "fresh", first ? 1 : 1 - dampening))));
        step = nesterov ? g.add(buffer.mul(n("momentum", momentum))) : buffer;
      }
      p.copy_(p.sub(step.mul(n("lr", group.lr))));
    }
  }

  /** Plain descent leaves rows without gradient as they are; momentum and decay do not. */
  protected override acceptSparse(): void {
    for (const { momentum, weightDecay } of this.paramGroups) {
      if (momentum !== 0 || weightDecay !== 0) {
        throw new RuntimeError("SGD with momentum or weight decay does not support sparse gradients");
      }
    }
  }
}
