/** Pooling by random regions and by norms, and pooling undone. @see https://pytorch.org/docs/stable/nn.html#pooling-layers */
import { ValueError } from "../errors.js";
import type { CallArgs } from "../ops/schema.js";
import type { Tensor } from "../tensor/tensor.js";
import { functional as F } from "../torch.js";
import { bound, written } from "./arguments.js";
import type { Size } from "./conv.js";
import { Module } from "./module.js";
import * as py from "./repr.js";

const repeat = (size: readonly number[], nd: number): number[] =>
  size.length === 1 ? Array.from({ length: nd }, () => size[0]!) : [...size];

const unpool = "MaxUnpool(int[] kernel_size, int[]? stride=None, int[] padding=0) -> any";

abstract class MaxUnpoolNd extends Module {
  readonly kernelSize: readonly number[];
  readonly stride: readonly number[];
  readonly padding: readonly number[];

  constructor(nd: number, args: readonly unknown[]) {
    super();
    const o = bound(unpool, args);
    this.kernelSize = repeat(o.kernelSize, nd);
    this.stride = repeat(o.stride ?? o.kernelSize, nd);
    this.padding = repeat(o.padding, nd);
  }

  protected abstract unpool(...args: Parameters<typeof F.maxUnpool2d>): Tensor;

  /** `indices` are those of the pooling with `returnIndices`; `outputSize` chooses among the sizes that pool to the input's. */
  forward(
    input: Tensor,
    indices: Tensor,
    ...rest: CallArgs<"forward(int[]? output_size=None) -> any">
  ): Tensor {
    const { outputSize } = bound("forward(int[]? output_size=None) -> any", rest);
    return this.unpool(input, indices, [...this.kernelSize], {
      stride: [...this.stride],
      padding: [...this.padding],
      outputSize,
    });
  }

  override extraRepr(): string {
    return `kernel_size=${py.tuple(this.kernelSize)}, stride=${py.tuple(this.stride)}, padding=${py.tuple(this.padding)}`;
  }
}

/** Puts pooled values of `[N, C, L]` back where they came from. @see https://pytorch.org/docs/stable/generated/torch.nn.MaxUnpool1d.html */
export class MaxUnpool1d extends MaxUnpoolNd {
  constructor(...args: CallArgs<typeof unpool>) {
    super(1, args);
  }

  protected override unpool(...args: Parameters<typeof F.maxUnpool2d>): Tensor {
    return F.maxUnpool1d(...args);
  }
}

/** Puts pooled values of `[N, C, H, W]` back where they came from. @see https://pytorch.org/docs/stable/generated/torch.nn.MaxUnpool2d.html */
export class MaxUnpool2d extends MaxUnpoolNd {
  constructor(...args: CallArgs<typeof unpool>) {
    super(2, args);
  }

  protected override unpool(...args: Parameters<typeof F.maxUnpool2d>): Tensor {
    return F.maxUnpool2d(...args);
  }
}

/** Puts pooled values of `[N, C, D, H, W]` back where they came from. @see https://pytorch.org/docs/stable/generated/torch.nn.MaxUnpool3d.html */
export class MaxUnpool3d extends MaxUnpoolNd {
  constructor(...args: CallArgs<typeof unpool>) {
    super(3, args);
  }

  protected override unpool(...args: Parameters<typeof F.maxUnpool2d>): Tensor {
    return F.maxUnpool3d(...args);
  }
}

const fractional =
  "FractionalMaxPool(int[] kernel_size, int[]? output_size=None, float[]? output_ratio=None, bool return_indices=False, Tensor? _random_samples=None) -> any";

abstract class FractionalMaxPoolNd extends Module {
  static override readonly stateNames = "pytorch";
  readonly kernelSize: readonly number[];
  readonly outputSize: readonly number[] | null;
  readonly outputRatio: readonly number[] | null;
  readonly returnIndices: boolean;
  declare _randomSamples: Tensor | null;

  constructor(nd: number, args: readonly unknown[]) {
    super();
    const o = bound(fractional, args);
    this.kernelSize = repeat(o.kernelSize, nd);
    this.outputSize = o.outputSize && repeat(o.outputSize, nd);
    this.outputRatio = o.outputRatio && repeat(o.outputRatio, nd);
    this.returnIndices = o.returnIndices;
    this.registerBuffer("_randomSamples", o._randomSamples);
    if (!this.outputSize && !this.outputRatio) {
      throw new ValueError(
        `${this._getName()} requires specifying either an output size, or a pooling ratio`,
      );
    }
    if (this.outputSize && this.outputRatio) {
      throw new ValueError("only one of output_size and output_ratio may be specified");
    }
    if (this.outputRatio?.some((r) => !(r > 0 && r < 1))) {
      throw new ValueError(`output_ratio must be between 0 and 1 (got ${py.size([...this.outputRatio])})`);
    }
  }

  protected abstract pool(...args: Parameters<typeof F.fractionalMaxPool2d>): Tensor;

  /** With `returnIndices` the result is `[output, indices]`. */
  forward(input: Tensor): Tensor {
    return this.pool(input, [...this.kernelSize], {
      outputSize: this.outputSize && [...this.outputSize],
      outputRatio: this.outputRatio && [...this.outputRatio],
      returnIndices: this.returnIndices,
      _randomSamples: this._randomSamples,
    });
  }
}

/** The largest elements of random regions of `[N, C, H, W]`. @see https://pytorch.org/docs/stable/generated/torch.nn.FractionalMaxPool2d.html */
export class FractionalMaxPool2d extends FractionalMaxPoolNd {
  constructor(...args: CallArgs<typeof fractional>) {
    super(2, args);
  }

  protected override pool(...args: Parameters<typeof F.fractionalMaxPool2d>): Tensor {
    return F.fractionalMaxPool2d(...args);
  }
}

/** The largest elements of random regions of `[N, C, D, H, W]`. @see https://pytorch.org/docs/stable/generated/torch.nn.FractionalMaxPool3d.html */
export class FractionalMaxPool3d extends FractionalMaxPoolNd {
  constructor(...args: CallArgs<typeof fractional>) {
    super(3, args);
  }

  protected override pool(...args: Parameters<typeof F.fractionalMaxPool2d>): Tensor {
    return F.fractionalMaxPool3d(...args);
  }
}

const lp = "LPPool(float norm_type, int[] kernel_size, int[]? stride=None, bool ceil_mode=False) -> any";

abstract class LPPoolNd extends Module {
  readonly normType: number;
  /** As given: one number, or one for every axis. */
  readonly kernelSize: Size;
  readonly stride: Size | null;
  readonly ceilMode: boolean;

  constructor(args: readonly unknown[]) {
    super();
    const o = bound(lp, args);
    const w = written(lp, args) as Readonly<Record<string, Size | null>>;
    this.normType = o.normType;
    this.kernelSize = w["kernelSize"]!;
    this.stride = w["stride"] ?? null;
    this.ceilMode = o.ceilMode;
  }

  protected get options() {
    return { stride: this.stride as number[] | null, ceilMode: this.ceilMode };
  }

  override extraRepr(): string {
    return `norm_type=${py.number(this.normType)}, kernel_size=${py.size(this.kernelSize)}, stride=${py.size(this.stride)}, ceil_mode=${py.bool(this.ceilMode)}`;
  }
}

/** (Σ xᵖ)^(1/p) of every window of `[N, C, L]`. @see https://pytorch.org/docs/stable/generated/torch.nn.LPPool1d.html */
export class LPPool1d extends LPPoolNd {
  constructor(...args: CallArgs<typeof lp>) {
    super(args);
  }

  forward(input: Tensor): Tensor {
    return F.lpPool1d(input, this.normType, this.kernelSize as number[], this.options);
  }
}

/** (Σ xᵖ)^(1/p) of every window of `[N, C, H, W]`. @see https://pytorch.org/docs/stable/generated/torch.nn.LPPool2d.html */
export class LPPool2d extends LPPoolNd {
  constructor(...args: CallArgs<typeof lp>) {
    super(args);
  }

  forward(input: Tensor): Tensor {
    return F.lpPool2d(input, this.normType, this.kernelSize as number[], this.options);
  }
}
