/** Linear layers. @see https://pytorch.org/docs/stable/nn.html#linear-layers */
import { functional as F, torch } from "../torch.js";
import type { CallArgs } from "../ops/schema.js";
import type { DeviceLike } from "../tensor/device.js";
import type { DType } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { bound, typed } from "./arguments.js";
import * as init from "./init.js";
import { makeLazy, type LazyModule, type Mutable } from "./lazy.js";
import { Module } from "./module.js";
import { Parameter, UninitializedParameter } from "./parameter.js";
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

  constructor(
    inFeatures: number,
    outFeatures: number,
    bias?: boolean,
    options?: { readonly dtype?: DType; readonly device?: DeviceLike },
  );
  constructor(
    inFeatures: number,
    outFeatures: number,
    options?: { readonly bias?: boolean; readonly dtype?: DType; readonly device?: DeviceLike },
  );
  constructor(...args: CallArgs<typeof linear>);
  constructor(...args: unknown[]) {
    super();
    const o = bound(linear, args);
    this.inFeatures = o.inFeatures;
    this.outFeatures = o.outFeatures;
    this.weight = new Parameter(
      torch.empty([o.outFeatures, o.inFeatures], { dtype: o.dtype, device: o.device }),
    );
    this.bias = o.bias
      ? new Parameter(torch.empty([o.outFeatures], { dtype: o.dtype, device: o.device }))
      : null;
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

const bilinear =
  "Bilinear(int in1_features, int in2_features, int out_features, bool bias=True, device? device=None, dtype? dtype=None) -> any";

/**
 * yₒ = x₁ᵀ Wₒ x₂ + bₒ: `[*, in1Features]` and `[*, in2Features]` → `[*, outFeatures]`.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.Bilinear.html
 */
export class Bilinear extends Module {
  static override readonly stateNames = "pytorch";
  readonly in1Features: number;
  readonly in2Features: number;
  readonly outFeatures: number;
  /** `[outFeatures, in1Features, in2Features]` */
  weight: Parameter;
  /** `[outFeatures]` */
  bias: Parameter | null;

  constructor(
    in1Features: number,
    in2Features: number,
    outFeatures: number,
    options?: { readonly bias?: boolean; readonly dtype?: DType; readonly device?: DeviceLike },
  );
  constructor(...args: CallArgs<typeof bilinear>);
  constructor(...args: unknown[]) {
    super();
    const o = bound(bilinear, args);
    this.in1Features = o.in1Features;
    this.in2Features = o.in2Features;
    this.outFeatures = o.outFeatures;
    const shape = [o.outFeatures, o.in1Features, o.in2Features];
    this.weight = new Parameter(torch.empty(shape, { dtype: o.dtype, device: o.device }));
    this.bias = o.bias
      ? new Parameter(torch.empty([o.outFeatures], { dtype: o.dtype, device: o.device }))
      : null;
    this.resetParameters();
  }

  /** Uniform in ±1/√in1Features. */
  resetParameters(): void {
    const limit = 1 / Math.sqrt(this.in1Features);
    init.uniform_(this.weight, -limit, limit);
    if (this.bias) init.uniform_(this.bias, -limit, limit);
  }

  forward(input1: Tensor, input2: Tensor): Tensor {
    return F.bilinear(input1, input2, this.weight, this.bias);
  }

  override extraRepr(): string {
    return `in1_features=${String(this.in1Features)}, in2_features=${String(this.in2Features)}, out_features=${String(this.outFeatures)}, bias=${py.bool(this.bias !== null)}`;
  }
}

const lazyLinear =
  "LazyLinear(int out_features, bool bias=True, device? device=None, dtype? dtype=None) -> any";

export interface LazyLinear extends LazyModule {
  readonly inFeatures: number;
}

/** A linear layer that takes `inFeatures` from its first input. @see https://pytorch.org/docs/stable/generated/torch.nn.LazyLinear.html */
export class LazyLinear extends Linear {
  constructor(
    outFeatures: number,
    options?: { readonly bias?: boolean; readonly dtype?: DType; readonly device?: DeviceLike },
  );
  constructor(...args: CallArgs<typeof lazyLinear>);
  constructor(...args: unknown[]) {
    const o = bound(lazyLinear, args);
    // Without a bias: its first values would be drawn.
    super(0, o.outFeatures, { bias: false, ...typed(o) });
    this.weight = new UninitializedParameter({ dtype: o.dtype, device: o.device });
    if (o.bias) this.bias = new UninitializedParameter({ dtype: o.dtype, device: o.device });
  }
}

makeLazy(LazyLinear, Linear, (module: Mutable<Linear>, input) => {
  module.inFeatures = input.shape.at(-1)!;
  (module.weight as UninitializedParameter).materialize([module.outFeatures, module.inFeatures]);
  if (module.bias) (module.bias as UninitializedParameter).materialize([module.outFeatures]);
});
