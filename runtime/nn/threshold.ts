/**
 * Activations with a threshold, a slope or a learned parameter.
 * @see https://pytorch.org/docs/stable/nn.html#non-linear-activations-weighted-sum-nonlinearity
 */
import { AssertionError } from "../errors.js";
import type { CallArgs } from "../ops/schema.js";
import type { DeviceLike } from "../tensor/device.js";
import type { DType } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { functional as F, torch } from "../torch.js";
import { bound } from "./arguments.js";
import * as init from "./init.js";
import { Module } from "./module.js";
import { Parameter } from "./parameter.js";
import * as py from "./repr.js";

const shrink = "Shrink(float lambd=0.5) -> any";

abstract class Shrink extends Module {
  readonly lambd: number;

  constructor(lambd: number | { readonly lambd?: number } = 0.5) {
    super();
    this.lambd = bound(shrink, [lambd]).lambd;
  }

  override extraRepr(): string {
    return py.number(this.lambd);
  }
}

/** x where |x| > λ, else 0. @see https://pytorch.org/docs/stable/generated/torch.nn.Hardshrink.html */
export class Hardshrink extends Shrink {
  forward(input: Tensor): Tensor {
    return F.hardshrink(input, this.lambd);
  }

  override extraRepr(): string {
    return py.float(this.lambd);
  }
}

/** x moved by λ towards 0, which it does not cross. @see https://pytorch.org/docs/stable/generated/torch.nn.Softshrink.html */
export class Softshrink extends Shrink {
  forward(input: Tensor): Tensor {
    return F.softshrink(input, this.lambd);
  }
}

const hardtanh =
  "Hardtanh(float min_val=-1.0, float max_val=1.0, bool inplace=False, float? min_value=None, float? max_value=None) -> any";

/** min(max(x, minVal), maxVal). @see https://pytorch.org/docs/stable/generated/torch.nn.Hardtanh.html */
export class Hardtanh extends Module {
  readonly minVal: number;
  readonly maxVal: number;
  readonly inplace: boolean;

  constructor(...args: CallArgs<typeof hardtanh>) {
    super();
    const o = bound(hardtanh, args);
    // Older names of the bounds.
    this.minVal = o.minValue ?? o.minVal;
    this.maxVal = o.maxValue ?? o.maxVal;
    this.inplace = o.inplace;
    if (!(this.maxVal > this.minVal)) throw new AssertionError("max_val must be larger than min_val");
  }

  forward(input: Tensor): Tensor {
    return F.hardtanh(input, this.minVal, this.maxVal, this.inplace);
  }

  override extraRepr(): string {
    return `min_val=${py.float(this.minVal)}, max_val=${py.float(this.maxVal)}${this.inplace ? ", inplace=True" : ""}`;
  }
}

const threshold = "Threshold(float threshold, float value, bool inplace=False) -> any";

/** x above the threshold, else `value`. @see https://pytorch.org/docs/stable/generated/torch.nn.Threshold.html */
export class Threshold extends Module {
  readonly threshold: number;
  readonly value: number;
  readonly inplace: boolean;

  constructor(...args: CallArgs<typeof threshold>) {
    super();
    const o = bound(threshold, args);
    this.threshold = o.threshold;
    this.value = o.value;
    this.inplace = o.inplace;
  }

  forward(input: Tensor): Tensor {
    return F.threshold(input, this.threshold, this.value, this.inplace);
  }

  override extraRepr(): string {
    return `threshold=${py.float(this.threshold)}, value=${py.float(this.value)}${this.inplace ? ", inplace=True" : ""}`;
  }
}

const prelu = "PReLU(int num_parameters=1, float init=0.25, device? device=None, dtype? dtype=None) -> any";

/** x for x > 0, else a · x, with a learned `a`, one or one a channel. @see https://pytorch.org/docs/stable/generated/torch.nn.PReLU.html */
export class PReLU extends Module {
  static override readonly stateNames = "pytorch";
  readonly numParameters: number;
  /** `[numParameters]` */
  weight: Parameter;

  constructor(options?: {
    readonly numParameters?: number;
    readonly init?: number;
    readonly dtype?: DType;
    readonly device?: DeviceLike;
  });
  constructor(...args: CallArgs<typeof prelu>);
  constructor(...args: unknown[]) {
    super();
    const o = bound(prelu, args);
    this.numParameters = o.numParameters;
    this.weight = new Parameter(torch.empty([o.numParameters], { dtype: o.dtype, device: o.device }));
    init.constant_(this.weight, o.init);
  }

  forward(input: Tensor): Tensor {
    return F.prelu(input, this.weight);
  }

  override extraRepr(): string {
    return `num_parameters=${String(this.numParameters)}`;
  }
}

const rrelu = "RReLU(float lower=0.125, float upper=0.3333333333333333, bool inplace=False) -> any";

/** Leaky ReLU whose slope is drawn in training. @see https://pytorch.org/docs/stable/generated/torch.nn.RReLU.html */
export class RReLU extends Module {
  readonly lower: number;
  readonly upper: number;
  readonly inplace: boolean;

  constructor(...args: CallArgs<typeof rrelu>) {
    super();
    const o = bound(rrelu, args);
    this.lower = o.lower;
    this.upper = o.upper;
    this.inplace = o.inplace;
  }

  forward(input: Tensor): Tensor {
    return F.rrelu(input, this.lower, this.upper, this.training, this.inplace);
  }

  override extraRepr(): string {
    return `lower=${py.float(this.lower)}, upper=${py.float(this.upper)}${this.inplace ? ", inplace=True" : ""}`;
  }
}
