import { RuntimeError } from "../errors.js";
import { bound } from "../nn/arguments.js";
import type { Arguments, CallArgs } from "../ops/schema.js";
import { torch } from "../torch.js";
import { Optimizer, requireOption, type ParamGroup, type ParamsLike, type Writable } from "./optimizer.js";
import { stateTensor } from "./stateTensor.js";

const signature =
  "Rprop(float lr=0.01, float[] etas=[0.5,1.2], float[] step_sizes=[1e-06,50], bool? foreach=None, bool maximize=False) -> any";

export type RpropOptions = Writable<Arguments<typeof signature>>;

/**
 * Steps of their own size for every element, that grow while the gradient keeps its sign and shrink when it turns.
 * @see https://pytorch.org/docs/stable/generated/torch.optim.Rprop.html
 */
export class Rprop extends Optimizer<RpropOptions> {
  constructor(params: ParamsLike<RpropOptions>, ...args: CallArgs<typeof signature>) {
    const o = bound(signature, args);
    requireOption(o.lr >= 0, "learning rate", o.lr);
    const [minus, plus] = o.etas as [number, number];
    requireOption(minus > 0 && minus < 1 && plus > 1, "eta values", `${String(minus)}, ${String(plus)}`);
    if (o.stepSizes.length !== 2)
      throw new RuntimeError("stepSizes takes two numbers: the least and the greatest");
    super(params, o);
  }

  protected update(group: ParamGroup<RpropOptions>): void {
    const [minus, plus] = group.etas as [number, number];
    const [least, most] = group.stepSizes as [number, number];
    for (const { p, g, n } of this.updates(group)) {
      const state = this.stateOf(p, () => ({
        step: 0,
        prev: this.zeros(p),
        step_size: stateTensor(p, group.lr),
      }));
      state.step++;
      const { prev, step_size: size } = state;
      const agreement = g.mul(prev);
      const turned = agreement.lt(0);
      const factor = torch.where(
        agreement.gt(0),
        n("plus", plus),
        torch.where(turned, n("minus", minus), n("one", 1)),
      );
      size.copy_(size.mul(factor).maximum(n("least", least)).minimum(n("most", most)));
      const kept = torch.where(turned, n("zero", 0), g);
      p.copy_(p.sub(kept.sign().mul(size)));
      prev.copy_(kept);
    }
  }
}
