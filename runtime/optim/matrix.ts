/** Optimizers that look at a parameter as a matrix: Adafactor, Muon. */
import { ValueError } from "../errors.js";
import { bound } from "../nn/arguments.js";
import type { Arguments, CallArgs } from "../ops/schema.js";
import type { Tensor } from "../tensor/tensor.js";
import { torch } from "../torch.js";
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

const adafactor =
  "Adafactor(float lr=0.01, float beta2_decay=-0.8, any eps=None, float d=1.0, float weight_decay=0.0, *, bool? foreach=None, bool maximize=False) -> any";
const muon =
  "Muon(float lr=0.001, float weight_decay=0.1, float momentum=0.95, bool nesterov=True, float[] ns_coefficients=[3.4445,-4.775,2.0315], float eps=1e-07, int ns_steps=5, any adjust_lr_fn=None) -> any";

export type AdafactorOptions = Omit<Writable<Arguments<typeof adafactor>>, "eps"> & {
  /** ε₁ bounds the variance from below (`null`: the dtype's epsilon), ε₂ the parameter's size. */
  eps: readonly [number | null, number];
};
export type MuonOptions = Omit<Writable<Arguments<typeof muon>>, "adjustLrFn"> & {
  adjustLrFn: "original" | "match_rms_adamw" | null;
};

const epsilon: Readonly<Record<string, number>> = {
  float64: 2 ** -52,
  float32: 2 ** -23,
  float16: 2 ** -10,
  bfloat16: 2 ** -7,
};

/** A float tensor's 2-norm. */
const norm = (t: Tensor): Tensor => t.mul(t).sum().sqrt();

/**
 * Adafactor: of the second moment of a matrix only row and column means are kept; the step is bounded by the size of
 * the parameter. Shazeer & Stern, arXiv:1804.04235.
 * @see https://pytorch.org/docs/stable/generated/torch.optim.Adafactor.html
 */
export class Adafactor extends Optimizer<AdafactorOptions> {
  constructor(params: ParamsLike<AdafactorOptions>, options?: Partial<AdafactorOptions>);
  constructor(params: ParamsLike<AdafactorOptions>, ...args: CallArgs<typeof adafactor>);
  constructor(params: ParamsLike<AdafactorOptions>, ...args: unknown[]) {
    const o = bound(adafactor, args);
    const eps = (o.eps ?? [null, 1e-3]) as readonly [number | null, number];
    requireOption(o.lr >= 0, "learning rate", o.lr);
    requireOption(o.beta2Decay <= 0, "beta2_decay", o.beta2Decay);
    requireOption(eps[0] === null || eps[0] >= 0, "epsilon1", eps[0]);
    requireOption(eps[1] >= 0, "epsilon2", eps[1]);
    requireOption(o.d >= 1, "Clipping threshold d should be >= 1 but is", o.d);
    requireOption(o.weightDecay >= 0, "weight_decay", o.weightDecay);
    super(params, { ...o, eps });
  }

  protected override get tensorNumbers(): readonly string[] {
    return ["step"];
  }

  protected update(group: ParamGroup<AdafactorOptions>): void {
    const { lr, d, weightDecay } = group;
    for (const { p, g, n } of this.updates(group, 0)) {
      const isMatrix = p.ndim > 1;
      const state = this.stateOf<ParamState & { step: number }>(p, () => ({
        step: 0,
        ...(isMatrix
          ? {
              row_var: stateTensor(p, 0, [...p.shape.slice(0, -1), 1]),
              col_var: stateTensor(p, 0, [...p.shape.slice(0, -2), 1, p.shape.at(-1)!]),
            }
          : { variance: this.zeros(p) }),
      }));
      const t = ++state.step;
      const at = (key: string): string => `${key}@${String(t)}`;
      const eps1 = n("eps1", group.eps[0] ?? epsilon[p.dtype.name]!);
      const fresh = n(at("fresh"), t ** group.beta2Decay);
      const lerp = (old: Tensor, now: Tensor): Tensor => old.copy_(old.add(now.sub(old).mul(fresh)));
      const square = g.mul(g);
      let variance: Tensor;
      if (isMatrix) {
        const rows = lerp(state["row_var"] as Tensor, square.mean(-1, true));
        const columns = lerp(state["col_var"] as Tensor, square.mean(-2, true));
        variance = rows.matmul(columns).div(rows.mean(-2, true).maximum(eps1));
      } else variance = lerp(state["variance"] as Tensor, square);
      const step = g.mul(variance.maximum(eps1.mul(eps1)).rsqrt());
      const root = Math.sqrt(p.numel());
      const size = norm(p)
        .div(n(`root${String(root)}`, root))
        .maximum(n("eps2", group.eps[1]));
      const rate = size.mul(n(at("rho"), Math.min(lr, 1 / Math.sqrt(t))));
      const clip = norm(step)
        .div(n(`clip${String(root)}`, root * d))
        .maximum(n("one", 1));
      const value = weightDecay === 0 ? p : p.mul(n("shrink", 1 - lr * weightDecay));
      p.copy_(value.sub(step.mul(rate.div(clip))));
    }
  }
}

/**
 * Muon: momentum whose matrix is brought near to an orthogonal one by a Newton–Schulz iteration. For matrices only;
 * other parameters belong to another optimizer. https://kellerjordan.github.io/posts/muon
 * @see https://pytorch.org/docs/stable/generated/torch.optim.Muon.html
 */
export class Muon extends Optimizer<MuonOptions> {
  constructor(params: ParamsLike<MuonOptions>, options?: Partial<MuonOptions>);
  constructor(params: ParamsLike<MuonOptions>, ...args: CallArgs<typeof muon>);
  constructor(params: ParamsLike<MuonOptions>, ...args: unknown[]) {
    const o = bound(muon, args);
    requireCommon(o);
    requireOption(o.momentum >= 0, "momentum value", o.momentum);
    const adjust = o.adjustLrFn as MuonOptions["adjustLrFn"];
    if (adjust !== null && adjust !== "original" && adjust !== "match_rms_adamw") {
      throw new ValueError(`Adjust learning rate function ${String(adjust)} is not supported`);
    }
    if (o.nsCoefficients.length !== 3)
      throw new ValueError("Coefficients must be a tuple of exactly 3 values");
    if (o.nsSteps >= 100) throw new ValueError("Number of steps must be less than 100");
    super(params, { ...o, adjustLrFn: adjust });
    for (const { params: list } of this.paramGroups) {
      for (const p of list) {
        if (p.ndim !== 2) {
          throw new ValueError(
            `Muon only supports 2D parameters whereas we found a parameter with size: [${p.shape.join(", ")}]`,
          );
        }
      }
    }
  }

  protected update(group: ParamGroup<MuonOptions>): void {
    const { lr, weightDecay, momentum, nesterov } = group;
    for (const { p, g, n } of this.updates(group, 0)) {
      const state = this.stateOf(p, () => ({ momentum_buffer: this.zeros(p) }));
      const buffer: Tensor = state.momentum_buffer;
      buffer.copy_(buffer.add(g.sub(buffer).mul(n("fresh", 1 - momentum))));
      const direction = nesterov ? g.add(buffer.sub(g).mul(n("momentum", momentum))) : buffer;
      const [rows, columns] = p.shape as [number, number];
      const ratio =
        group.adjustLrFn === "match_rms_adamw"
          ? 0.2 * Math.sqrt(Math.max(rows, columns))
          : Math.sqrt(Math.max(1, rows / columns));
      const step = orthogonalized(direction, group);
      const size = n(`size${String(ratio)}`, lr * ratio);
      p.copy_(p.mul(n("shrink", 1 - lr * weightDecay)).sub(step.mul(size)));
    }
  }
}

/** X ← aX + (bA + cA²)X with A = XXᵀ, from X = G / ‖G‖ in bfloat16: all singular values go to about 1. */
function orthogonalized(g: Tensor, { nsCoefficients, nsSteps, eps }: MuonOptions): Tensor {
  const [a, b, c] = nsCoefficients as [number, number, number];
  const tall = g.shape[0]! > g.shape[1]!;
  let x = g.to(torch.bfloat16);
  if (tall) x = x.t();
  x = x.div(norm(x).clampMin(eps));
  for (let i = 0; i < nsSteps; i++) {
    const gram = x.matmul(x.t());
    x = x.mul(a).add(gram.mul(b).add(gram.matmul(gram).mul(c)).matmul(x));
  }
  return (tall ? x.t() : x).to(g.dtype);
}
