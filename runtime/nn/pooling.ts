/** Pooling layers. @see https://pytorch.org/docs/stable/nn.html#pooling-layers */
import { isPlainObject } from "../ops/bind.js";
import type { CallArgs } from "../ops/schema.js";
import type { Tensor } from "../tensor/tensor.js";
import { functional as F } from "../torch.js";
import { bound, written } from "./arguments.js";
import type { Size } from "./conv.js";
import { Module } from "./module.js";
import * as py from "./repr.js";

export interface MaxPoolOptions {
  /** Default: the kernel size. */
  readonly stride?: Size | null;
  readonly padding?: Size;
  readonly dilation?: Size;
  readonly returnIndices?: boolean;
  readonly ceilMode?: boolean;
}

export interface AvgPoolOptions {
  /** Default: the kernel size. */
  readonly stride?: Size | null;
  readonly padding?: Size;
  readonly ceilMode?: boolean;
  readonly countIncludePad?: boolean;
  readonly divisorOverride?: number | null;
}

const maxPool =
  "MaxPool(int[] kernel_size, int[]? stride=None, int[] padding=0, int[] dilation=1, bool return_indices=False, bool ceil_mode=False) -> any";
const avgPool1d =
  "AvgPool(int[] kernel_size, int[]? stride=None, int[] padding=0, bool ceil_mode=False, bool count_include_pad=True) -> any";
const avgPool =
  "AvgPool(int[] kernel_size, int[]? stride=None, int[] padding=0, bool ceil_mode=False, bool count_include_pad=True, int? divisor_override=None) -> any";

const list = (size: Size): number[] => (typeof size === "number" ? [size] : [...size]);

abstract class MaxPoolNd extends Module {
  /** As given: one number, or one for every axis. */
  readonly kernelSize: Size;
  readonly stride: Size;
  readonly padding: Size;
  readonly dilation: Size;
  readonly returnIndices: boolean;
  readonly ceilMode: boolean;

  constructor(args: readonly unknown[]) {
    super();
    const o = bound(maxPool, args);
    const w = written(maxPool, args) as Readonly<Record<string, Size | null>>;
    this.kernelSize = w["kernelSize"]!;
    this.stride = w["stride"] ?? this.kernelSize;
    this.padding = w["padding"]!;
    this.dilation = w["dilation"]!;
    this.returnIndices = o.returnIndices;
    this.ceilMode = o.ceilMode;
  }

  protected abstract pool(...args: Parameters<typeof F.maxPool2d>): Tensor;

  /** `[N, C, …]`; with `returnIndices` the result is `[output, indices]`. */
  forward(input: Tensor): Tensor {
    return this.pool(input, list(this.kernelSize), {
      stride: list(this.stride),
      padding: list(this.padding),
      dilation: list(this.dilation),
      ceilMode: this.ceilMode,
      returnIndices: this.returnIndices,
    });
  }

  override extraRepr(): string {
    return `kernel_size=${py.size(this.kernelSize)}, stride=${py.size(this.stride)}, padding=${py.size(this.padding)}, dilation=${py.size(this.dilation)}, ceil_mode=${py.bool(this.ceilMode)}`;
  }
}

/** The largest element of every window of `[N, C, L]`. @see https://pytorch.org/docs/stable/generated/torch.nn.MaxPool1d.html */
export class MaxPool1d extends MaxPoolNd {
  constructor(kernelSize: Size, options?: MaxPoolOptions);
  constructor(...args: CallArgs<typeof maxPool>);
  constructor(...args: unknown[]) {
    super(args);
  }

  protected override pool(...args: Parameters<typeof F.maxPool2d>): Tensor {
    return F.maxPool1d(...args);
  }
}

/** The largest element of every window of `[N, C, H, W]`. @see https://pytorch.org/docs/stable/generated/torch.nn.MaxPool2d.html */
export class MaxPool2d extends MaxPoolNd {
  constructor(kernelSize: Size, options?: MaxPoolOptions);
  constructor(...args: CallArgs<typeof maxPool>);
  constructor(...args: unknown[]) {
    super(args);
  }

  protected override pool(...args: Parameters<typeof F.maxPool2d>): Tensor {
    return F.maxPool2d(...args);
  }
}

/** The largest element of every window of `[N, C, D, H, W]`. @see https://pytorch.org/docs/stable/generated/torch.nn.MaxPool3d.html */
export class MaxPool3d extends MaxPoolNd {
  constructor(kernelSize: Size, options?: MaxPoolOptions);
  constructor(...args: CallArgs<typeof maxPool>);
  constructor(...args: unknown[]) {
    super(args);
  }

  protected override pool(...args: Parameters<typeof F.maxPool2d>): Tensor {
    return F.maxPool3d(...args);
  }
}

abstract class AvgPoolNd extends Module {
  /** As given: one number, or one for every axis. */
  readonly kernelSize: Size;
  readonly stride: Size;
  readonly padding: Size;
  readonly ceilMode: boolean;
  readonly countIncludePad: boolean;

  constructor(signature: typeof avgPool | typeof avgPool1d, args: readonly unknown[]) {
    super();
    const o = bound(signature, args);
    const w = written(signature, args) as Readonly<Record<string, Size | null>>;
    this.kernelSize = w["kernelSize"]!;
    this.stride = w["stride"] ?? this.kernelSize;
    this.padding = w["padding"]!;
    this.ceilMode = o.ceilMode;
    this.countIncludePad = o.countIncludePad;
  }

  protected get options() {
    return {
      stride: list(this.stride),
      padding: list(this.padding),
      ceilMode: this.ceilMode,
      countIncludePad: this.countIncludePad,
    };
  }

  override extraRepr(): string {
    return `kernel_size=${py.size(this.kernelSize)}, stride=${py.size(this.stride)}, padding=${py.size(this.padding)}`;
  }
}

/** The mean of every window of `[N, C, L]`. @see https://pytorch.org/docs/stable/generated/torch.nn.AvgPool1d.html */
export class AvgPool1d extends AvgPoolNd {
  constructor(kernelSize: Size, options?: Omit<AvgPoolOptions, "divisorOverride">);
  constructor(...args: CallArgs<typeof avgPool1d>);
  constructor(...args: unknown[]) {
    super(avgPool1d, args);
  }

  forward(input: Tensor): Tensor {
    return F.avgPool1d(input, list(this.kernelSize), this.options);
  }

  override extraRepr(): string {
    const each = (v: Size): string => py.tuple(list(v));
    return `kernel_size=${each(this.kernelSize)}, stride=${each(this.stride)}, padding=${each(this.padding)}`;
  }
}

/** The mean of every window of `[N, C, H, W]`. @see https://pytorch.org/docs/stable/generated/torch.nn.AvgPool2d.html */
export class AvgPool2d extends AvgPoolNd {
  readonly divisorOverride: number | null;

  constructor(kernelSize: Size, options?: AvgPoolOptions);
  constructor(...args: CallArgs<typeof avgPool>);
  constructor(...args: unknown[]) {
    super(avgPool, args);
    this.divisorOverride = bound(avgPool, args).divisorOverride;
  }

  forward(input: Tensor): Tensor {
    return F.avgPool2d(input, list(this.kernelSize), {
      ...this.options,
      divisorOverride: this.divisorOverride,
    });
  }
}

/** The mean of every window of `[N, C, D, H, W]`. @see https://pytorch.org/docs/stable/generated/torch.nn.AvgPool3d.html */
export class AvgPool3d extends AvgPoolNd {
  readonly divisorOverride: number | null;

  constructor(kernelSize: Size, options?: AvgPoolOptions);
  constructor(...args: CallArgs<typeof avgPool>);
  constructor(...args: unknown[]) {
    super(avgPool, args);
    this.divisorOverride = bound(avgPool, args).divisorOverride;
  }

  forward(input: Tensor): Tensor {
    return F.avgPool3d(input, list(this.kernelSize), {
      ...this.options,
      divisorOverride: this.divisorOverride,
    });
  }
}

/** A size for every axis, or one for all; `null` keeps the input's. */
export type OutputSize = number | null | readonly (number | null)[];

abstract class AdaptiveNd extends Module {
  readonly outputSize: OutputSize;
  constructor(outputSize: OutputSize | { readonly outputSize: OutputSize }) {
    super();
    this.outputSize = isPlainObject(outputSize)
      ? (outputSize as { readonly outputSize: OutputSize }).outputSize
      : (outputSize as OutputSize);
  }

  protected get sizes(): (number | null)[] {
    return Array.isArray(this.outputSize)
      ? [...(this.outputSize as (number | null)[])]
      : [this.outputSize as number | null];
  }

  override extraRepr(): string {
    return `output_size=${py.size(this.outputSize)}`;
  }
}

/** Averages `[N, C, L]` to a given length. @see https://pytorch.org/docs/stable/generated/torch.nn.AdaptiveAvgPool1d.html */
export class AdaptiveAvgPool1d extends AdaptiveNd {
  forward(input: Tensor): Tensor {
    return F.adaptiveAvgPool1d(input, this.sizes as number[]);
  }
}

/** Averages `[N, C, H, W]` to a given size; `null` keeps the input's. @see https://pytorch.org/docs/stable/generated/torch.nn.AdaptiveAvgPool2d.html */
export class AdaptiveAvgPool2d extends AdaptiveNd {
  forward(input: Tensor): Tensor {
    return F.adaptiveAvgPool2d(input, this.sizes);
  }
}

/** Averages `[N, C, D, H, W]` to a given size. @see https://pytorch.org/docs/stable/generated/torch.nn.AdaptiveAvgPool3d.html */
export class AdaptiveAvgPool3d extends AdaptiveNd {
  forward(input: Tensor): Tensor {
    return F.adaptiveAvgPool3d(input, this.sizes);
  }
}

const adaptiveMax = "AdaptiveMaxPool(any output_size, bool return_indices=False) -> any";

abstract class AdaptiveMaxNd extends AdaptiveNd {
  readonly returnIndices: boolean;

  constructor(outputSize: OutputSize, returnIndices?: boolean | { readonly returnIndices?: boolean });
  constructor(...args: unknown[]) {
    const o = bound(adaptiveMax, args);
    super(o.outputSize as OutputSize);
    this.returnIndices = o.returnIndices;
  }

  protected get options() {
    return { returnIndices: this.returnIndices };
  }
}

/** The largest elements of `[N, C, L]` in as many parts as given. @see https://pytorch.org/docs/stable/generated/torch.nn.AdaptiveMaxPool1d.html */
export class AdaptiveMaxPool1d extends AdaptiveMaxNd {
  forward(input: Tensor): Tensor {
    return F.adaptiveMaxPool1d(input, this.sizes, this.options);
  }
}

/** The largest elements of `[N, C, H, W]` in as many parts as given. @see https://pytorch.org/docs/stable/generated/torch.nn.AdaptiveMaxPool2d.html */
export class AdaptiveMaxPool2d extends AdaptiveMaxNd {
  forward(input: Tensor): Tensor {
    return F.adaptiveMaxPool2d(input, this.sizes, this.options);
  }
}

/** The largest elements of `[N, C, D, H, W]` in as many parts as given. @see https://pytorch.org/docs/stable/generated/torch.nn.AdaptiveMaxPool3d.html */
export class AdaptiveMaxPool3d extends AdaptiveMaxNd {
  forward(input: Tensor): Tensor {
    return F.adaptiveMaxPool3d(input, this.sizes, this.options);
  }
}
