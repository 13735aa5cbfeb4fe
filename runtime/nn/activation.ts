/**
 * Non-linear activations.
 * @see https://pytorch.org/docs/stable/nn.html#non-linear-activations-weighted-sum-nonlinearity
 */
import { AssertionError } from "../errors.js";
import type { Tensor } from "../tensor/tensor.js";
import { functional as F } from "../torch.js";
import { bound } from "./arguments.js";
import { Module } from "./module.js";
import * as py from "./repr.js";

const inplaceSignature = "Activation(bool inplace=False) -> any";

/** Activations whose only setting is whether they work in place. */
abstract class InplaceActivation extends Module {
  readonly inplace: boolean;

  constructor(inplace?: boolean | { readonly inplace?: boolean }) {
    super();
    this.inplace = bound(inplaceSignature, inplace === undefined ? [] : [inplace]).inplace;
  }

  override extraRepr(): string {
    return this.inplace ? "inplace=True" : "";
  }
}

/** max(0, x). @see https://pytorch.org/docs/stable/generated/torch.nn.ReLU.html */
export class ReLU extends InplaceActivation {
  forward(input: Tensor): Tensor {
    return F.relu(input, { inplace: this.inplace });
  }
}

/** min(max(0, x), 6). @see https://pytorch.org/docs/stable/generated/torch.nn.ReLU6.html */
export class ReLU6 extends InplaceActivation {
  forward(input: Tensor): Tensor {
    return F.relu6(input, { inplace: this.inplace });
  }
}

/** x · σ(x). @see https://pytorch.org/docs/stable/generated/torch.nn.SiLU.html */
export class SiLU extends InplaceActivation {
  forward(input: Tensor): Tensor {
    return F.silu(input, { inplace: this.inplace });
  }
}

/** x · tanh(softplus(x)). @see https://pytorch.org/docs/stable/generated/torch.nn.Mish.html */
export class Mish extends InplaceActivation {
  forward(input: Tensor): Tensor {
    return F.mish(input, { inplace: this.inplace });
  }
}

/** x · relu6(x + 3) / 6. @see https://pytorch.org/docs/stable/generated/torch.nn.Hardswish.html */
export class Hardswish extends InplaceActivation {
  forward(input: Tensor): Tensor {
    return F.hardswish(input, this.inplace);
  }
}

/** relu6(x + 3) / 6. @see https://pytorch.org/docs/stable/generated/torch.nn.Hardsigmoid.html */
export class Hardsigmoid extends InplaceActivation {
  forward(input: Tensor): Tensor {
    return F.hardsigmoid(input, this.inplace);
  }

  override extraRepr(): string {
    return "";
  }
}

/** Scaled exponential linear unit. @see https://pytorch.org/docs/stable/generated/torch.nn.SELU.html */
export class SELU extends InplaceActivation {
  forward(input: Tensor): Tensor {
    return F.selu(input, this.inplace);
  }
}

/** 1 / (1 + e⁻ˣ). @see https://pytorch.org/docs/stable/generated/torch.nn.Sigmoid.html */
export class Sigmoid extends Module {
  forward(input: Tensor): Tensor {
    return input.sigmoid();
  }
}

/** Hyperbolic tangent. @see https://pytorch.org/docs/stable/generated/torch.nn.Tanh.html */
export class Tanh extends Module {
  forward(input: Tensor): Tensor {
    return input.tanh();
  }
}

/** x − tanh(x). @see https://pytorch.org/docs/stable/generated/torch.nn.Tanhshrink.html */
export class Tanhshrink extends Module {
  forward(input: Tensor): Tensor {
    return F.tanhshrink(input);
  }
}

/** x / (1 + |x|). @see https://pytorch.org/docs/stable/generated/torch.nn.Softsign.html */
export class Softsign extends Module {
  forward(input: Tensor): Tensor {
    return F.softsign(input);
  }
}

/** log σ(x). @see https://pytorch.org/docs/stable/generated/torch.nn.LogSigmoid.html */
export class LogSigmoid extends Module {
  forward(input: Tensor): Tensor {
    return F.logsigmoid(input);
  }
}

/** x · Φ(x), or its tanh approximation. @see https://pytorch.org/docs/stable/generated/torch.nn.GELU.html */
export class GELU extends Module {
  readonly approximate: string;

  constructor(approximate?: "none" | "tanh" | { readonly approximate?: "none" | "tanh" }) {
    super();
    this.approximate = bound(
      "GELU(str approximate='none') -> any",
      approximate === undefined ? [] : [approximate],
    ).approximate;
  }

  forward(input: Tensor): Tensor {
    return F.gelu(input, { approximate: this.approximate });
  }

  override extraRepr(): string {
    return `approximate='${this.approximate}'`;
  }
}

abstract class AlphaActivation extends Module {
  readonly alpha: number;
  readonly inplace: boolean;

  constructor(alpha?: number | { readonly alpha?: number; readonly inplace?: boolean }, inplace?: boolean) {
    super();
    const o = bound("Activation(float alpha=1.0, bool inplace=False) -> any", [alpha, inplace]);
    this.alpha = o.alpha;
    this.inplace = o.inplace;
  }

  override extraRepr(): string {
    return `alpha=${py.float(this.alpha)}${this.inplace ? ", inplace=True" : ""}`;
  }
}

/** x for x > 0, else α(eˣ − 1). @see https://pytorch.org/docs/stable/generated/torch.nn.ELU.html */
export class ELU extends AlphaActivation {
  forward(input: Tensor): Tensor {
    return F.elu(input, this.alpha, this.inplace);
  }
}

/** max(0, x) + min(0, α(e^(x/α) − 1)). @see https://pytorch.org/docs/stable/generated/torch.nn.CELU.html */
export class CELU extends AlphaActivation {
  forward(input: Tensor): Tensor {
    return F.celu(input, this.alpha, this.inplace);
  }
}

/** x for x > 0, else slope · x. @see https://pytorch.org/docs/stable/generated/torch.nn.LeakyReLU.html */
export class LeakyReLU extends Module {
  readonly negativeSlope: number;
  readonly inplace: boolean;

  constructor(
    negativeSlope?: number | { readonly negativeSlope?: number; readonly inplace?: boolean },
    inplace?: boolean,
  ) {
    super();
    const o = bound("LeakyReLU(float negative_slope=0.01, bool inplace=False) -> any", [
      negativeSlope,
      inplace,
    ]);
    this.negativeSlope = o.negativeSlope;
    this.inplace = o.inplace;
  }

  forward(input: Tensor): Tensor {
    return F.leakyRelu(input, this.negativeSlope, this.inplace);
  }

  override extraRepr(): string {
    return `negative_slope=${py.float(this.negativeSlope)}${this.inplace ? ", inplace=True" : ""}`;
  }
}

/** log(1 + e^(βx)) / β, linear above the threshold. @see https://pytorch.org/docs/stable/generated/torch.nn.Softplus.html */
export class Softplus extends Module {
  readonly beta: number;
  readonly threshold: number;

  constructor(beta?: number | { readonly beta?: number; readonly threshold?: number }, threshold?: number) {
    super();
    const o = bound("Softplus(float beta=1, float threshold=20) -> any", [beta, threshold]);
    this.beta = o.beta;
    this.threshold = o.threshold;
  }

  forward(input: Tensor): Tensor {
    return F.softplus(input, this.beta, this.threshold);
  }

  override extraRepr(): string {
    return `beta=${String(this.beta)}, threshold=${String(this.threshold)}`;
  }
}

abstract class DimActivation extends Module {
  readonly dim: number | null;

  constructor(dim: number | null | { readonly dim?: number | null } = null) {
    super();
    this.dim = bound("Activation(int? dim=None) -> any", [dim]).dim;
  }

  override extraRepr(): string {
    return `dim=${this.dim === null ? "None" : String(this.dim)}`;
  }
}

/** eˣ over its sum along `dim`. @see https://pytorch.org/docs/stable/generated/torch.nn.Softmax.html */
export class Softmax extends DimActivation {
  forward(input: Tensor): Tensor {
    return F.softmax(input, { dim: this.dim });
  }
}

/** The logarithm of softmax. @see https://pytorch.org/docs/stable/generated/torch.nn.LogSoftmax.html */
export class LogSoftmax extends DimActivation {
  forward(input: Tensor): Tensor {
    return F.logSoftmax(input, { dim: this.dim });
  }
}

/** Softmax of −x. @see https://pytorch.org/docs/stable/generated/torch.nn.Softmin.html */
export class Softmin extends DimActivation {
  forward(input: Tensor): Tensor {
    return F.softmin(input, { dim: this.dim });
  }
}

/** The first half of an axis, gated by the second: a · σ(b). @see https://pytorch.org/docs/stable/generated/torch.nn.GLU.html */
export class GLU extends Module {
  readonly dim: number;

  constructor(dim: number | { readonly dim?: number } = -1) {
    super();
    this.dim = bound("GLU(int dim=-1) -> any", [dim]).dim;
  }

  forward(input: Tensor): Tensor {
    return F.glu(input, this.dim);
  }

  override extraRepr(): string {
    return `dim=${String(this.dim)}`;
  }
}

/** Softmax over the channels of `[N, C, H, W]` or `[C, H, W]`. @see https://pytorch.org/docs/stable/generated/torch.nn.Softmax2d.html */
export class Softmax2d extends Module {
  forward(input: Tensor): Tensor {
    if (input.ndim !== 3 && input.ndim !== 4) {
      throw new AssertionError("Softmax2d requires a 3D or 4D tensor as input");
    }
    return F.softmax(input, { dim: -3 });
  }
}
