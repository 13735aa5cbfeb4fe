/** Linear layers. @see https://pytorch.org/docs/stable/nn.html#linear-layers */
import { functional as F, torch } from "../torch.js";
import type { CallArgs } from "../ops/schema.js";
import type { DType } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { bound } from "./arguments.js";
import * as init from "./init.js";
import { Module } from "./module.js";
import { Parameter } from "./parameter.js";
import * as py from "./repr.js";

const linear =
  "Linear(int in_features, int out_features, bool bias=True, device? device=None, dtype? dtype=None) -> any";

/**
 * y = x Wᵀ + b: `[*, inFeatures]` → `[*, outFeatures]`.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.Linear.html
 */
export class Linear extends Module {
  static override readonly stateNames = "pytorch";
  readonly inFeatures: number;
  readonly outFeatures: number;
  /** `[outFeatures, inFeatures]` */
  weight: Parameter;
  /** `[outFeatures]` */
  bias: Parameter | null;

  constructor(inFeatures: number, outFeatures: number, bias?: boolean, options?: { readonly dtype?: DType });
  constructor(
    inFeatures: number,
    outFeatures: number,
    options?: { readonly bias?: boolean; readonly dtype?: DType },
  );
  constructor(...args: CallArgs<typeof linear>);
  constructor(...args: unknown[]) {
    super();
    const o = bound(linear, args);
    this.inFeatures = o.inFeatures;
    this.outFeatures = o.outFeatures;
    this.weight = new Parameter(torch.empty([o.outFeatures, o.inFeatures], { dtype: o.dtype }));
    this.bias = o.bias ? new Parameter(torch.empty([o.outFeatures], { dtype: o.dtype })) : null;
    this.resetParameters();
  }

  /** Uniform in ±1/√inFeatures. */
  resetParameters(): void {
    init.kaimingUniform_(this.weight, Math.sqrt(5));
    if (!this.bias) return;
    const limit = this.inFeatures > 0 ? 1 / Math.sqrt(this.inFeatures) : 0;
    init.uniform_(this.bias, -limit, limit);
  }

  forward(input: Tensor): Tensor {
    return F.linear(input, this.weight, this.bias);
  }

  override extraRepr(): string {
    return `in_features=${String(this.inFeatures)}, out_features=${String(this.outFeatures)}, bias=${py.bool(this.bias !== null)}`;
  }
}

/** Gives its input. @see https://pytorch.org/docs/stable/generated/torch.nn.Identity.html */
export class Identity extends Module {
  constructor(...args: readonly unknown[]) {
    super();
    void args;
  }

  forward(input: Tensor): Tensor {
    return input;
  }
}
