import { RuntimeError } from "../errors.js";
import { bound } from "../nn/arguments.js";
import type { Arguments, CallArgs } from "../ops/schema.js";
import { torch } from "../torch.js";
import { Optimizer, requireOption, type ParamGroup, type ParamsLike, type Writable } from "./optimizer.js";

const signature =
  "SparseAdam(float lr=0.001, float[] betas=[0.9,0.999], float eps=1e-08, bool maximize=False) -> any";

export type SparseAdamOptions = Writable<Arguments<typeof signature>>;

/**
 * Adam that leaves rows (and their moments) alone that had no part in the gradient: for `nn.Embedding` with
 * `sparse: true`.
 * @throws RuntimeError for a gradient that is not sparse.
 * @see https://pytorch.org/docs/stable/generated/torch.optim.SparseAdam.html
 */
export class SparseAdam extends Optimizer<SparseAdamOptions> {
  constructor(params: ParamsLike<SparseAdamOptions>, ...args: CallArgs<typeof signature>) {
    const o = bound(signature, args);
    requireOption(o.lr > 0, "learning rate", o.lr);
    requireOption(o.eps > 0, "epsilon value", o.eps);
    o.betas.forEach((b, i) => {
      requireOption(b >= 0 && b < 1, `beta parameter at index ${String(i)}`, b);
    });
    super(params, o);
  }

  protected update(group: ParamGroup<SparseAdamOptions>): void {
    const [beta1, beta2] = group.betas as [number, number];
    for (const { p, g, n } of this.updates(group)) {
      const touched = p.grad?._touchedRows;
      if (!touched) {
        throw new RuntimeError("SparseAdam does not support dense gradients, please consider Adam instead");
      }
      const state = this.stateOf(p, () => ({ step: 0, exp_avg: this.zeros(p), exp_avg_sq: this.zeros(p) }));
      const t = ++state.step;
      const { exp_avg: m, exp_avg_sq: v } = state;
      const row = touched.reshape([-1, ...p.shape.slice(1).map(() => 1)]);
      const zero = n("zero", 0);
      // old += (1 − β)(new − old), in the touched rows
      m.copy_(m.add(torch.where(row, g.sub(m).mul(n("rest1", 1 - beta1)), zero)));
      v.copy_(
        v.add(
          torch.where(
            row,
            g
              .mul(g)
              .sub(v)
              .mul(n("rest2", 1 - beta2)),
            zero,
          ),
        ),
      );
      const size = (group.lr * Math.sqrt(1 - beta2 ** t)) / (1 - beta1 ** t);
      const step = m.div(v.sqrt().add(n("eps", group.eps))).mul(n(`size@${String(t)}`, size));
      p.copy_(p.sub(torch.where(row, step, zero)));
    }
  }

  protected override acceptSparse(): void {
    // What this optimizer is for.
  }
}
