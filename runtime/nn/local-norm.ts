/** Normalisations over neighbouring channels and by the root of the mean square. @see https://pytorch.org/docs/stable/nn.html#normalization-layers */
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

const lrn = "LRN(int size, float alpha=0.0001, float beta=0.75, float k=1.0) -> any";

abstract class ChannelWindow extends Module {
  readonly size: number;
  readonly alpha: number;
  readonly beta: number;
  readonly k: number;

  constructor(...args: CallArgs<typeof lrn>) {
    super();
    const o = bound(lrn, args);
    this.size = o.size;
    this.alpha = o.alpha;
    this.beta = o.beta;
    this.k = o.k;
  }

  protected printed(k: string): string {
    return `${String(this.size)}, alpha=${py.float(this.alpha)}, beta=${py.float(this.beta)}, k=${k}`;
  }
}

/** x / (k + α · mean of the squares of `size` channels around)^β. @see https://pytorch.org/docs/stable/generated/torch.nn.LocalResponseNorm.html */
export class LocalResponseNorm extends ChannelWindow {
  forward(input: Tensor): Tensor {
    return F.localResponseNorm(input, this.size, this.alpha, this.beta, this.k);
  }

  override extraRepr(): string {
    return this.printed(py.float(this.k));
  }
}

/** Which channels `to` belong to the sum of a channel `from`. */
function window(channels: number, has: (from: number, to: number) => boolean): number[][] {
  return Array.from({ length: channels }, (_, from) =>
    Array.from({ length: channels }, (_, to) => Number(has(from, to))),
  );
}

/** `LocalResponseNorm` over `[N, C, H, W]` with the window of the older implementation. @see https://pytorch.org/docs/1.13/generated/torch.nn.CrossMapLRN2d.html */
export class CrossMapLRN2d extends ChannelWindow {
  forward(input: Tensor): Tensor {
    if (input.ndim !== 4) throw new AssertionError("CrossMapLRN2d requires a 4D tensor as input");
    const [n, c, h, w] = input.shape as [number, number, number, number];
    const reach = Math.floor((this.size + 1) / 2);
    // PyTorch's running sum never lets go of the first channel, and its backward looks at another window than its
    // forward: from `shift` channels before. Both are kept, for equal numbers.
    const shift = Math.min(Math.floor((this.size + 1) / 2), this.size - 1);
    const forward = window(c, (from, to) => to === 0 || Math.abs(to - from) < reach);
    const backward = window(c, (from, to) => from >= to - shift && from < to - shift + this.size);
    const squares = input.mul(input).reshape(n, c, h * w);
    const sum = (m: number[][], t: Tensor): Tensor =>
      torch.tensor(m, { dtype: input.dtype, device: input.device }).matmul(t);
    // The value of the one, the gradient of the other.
    const through = sum(backward, squares);
    const sums = sum(forward, squares.detach()).add(through.sub(through.detach())).reshape(n, c, h, w);
    return input.mul(
      sums
        .mul(this.alpha / this.size)
        .add(this.k)
        .pow(-this.beta),
    );
  }

  override extraRepr(): string {
    return this.printed(py.number(this.k));
  }
}

const rms =
  "RMSNorm(int[] normalized_shape, float? eps=None, bool elementwise_affine=True, device? device=None, dtype? dtype=None) -> any";

/** x / √(mean x² + eps) · weight over the last axes. @see https://pytorch.org/docs/stable/generated/torch.nn.RMSNorm.html */
export class RMSNorm extends Module {
  static override readonly stateNames = "pytorch";
  readonly normalizedShape: readonly number[];
  readonly eps: number | null;
  readonly elementwiseAffine: boolean;
  weight: Parameter | null;

  constructor(
    normalizedShape: number | readonly number[],
    options?: {
      readonly eps?: number | null;
      readonly elementwiseAffine?: boolean;
      readonly dtype?: DType;
      readonly device?: DeviceLike;
    },
  );
  constructor(...args: CallArgs<typeof rms>);
  constructor(...args: unknown[]) {
    super();
    const o = bound(rms, args);
    this.normalizedShape = o.normalizedShape;
    this.eps = o.eps;
    this.elementwiseAffine = o.elementwiseAffine;
    this.weight = o.elementwiseAffine
      ? new Parameter(torch.ones([...o.normalizedShape], { dtype: o.dtype, device: o.device }))
      : null;
  }

  resetParameters(): void {
    if (this.weight) init.ones_(this.weight);
  }

  forward(input: Tensor): Tensor {
    return F.rmsNorm(input, [...this.normalizedShape], this.weight, this.eps);
  }

  override extraRepr(): string {
    const eps = this.eps === null ? "None" : py.float(this.eps);
    return `${py.tuple(this.normalizedShape)}, eps=${eps}, elementwise_affine=${py.bool(this.elementwiseAffine)}`;
  }
}
