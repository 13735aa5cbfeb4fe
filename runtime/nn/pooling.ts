/** Pooling layers. @see https://pytorch.org/docs/stable/nn.html#pooling-layers */
import type { CallArgs } from "../ops/schema.js";
import type { Tensor } from "../tensor/tensor.js";
import { functional as F } from "../torch.js";
import { bound } from "./arguments.js";
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
const avgPool =
  "AvgPool(int[] kernel_size, int[]? stride=None, int[] padding=0, bool ceil_mode=False, bool count_include_pad=True, int? divisor_override=None) -> any";

/** A size as the user wrote it: one number stays one number when printed. */
function written(args: readonly unknown[], at: number, name: string, fallback: unknown): unknown {
  const last = args.at(-1);
  const options =
    typeof last === "object" && last !== null && !Array.isArray(last)
      ? (last as Record<string, unknown>)
      : {};
  const positional = args[at];
  return (
    options[name] ??
    (typeof positional === "object" && !Array.isArray(positional) ? undefined : positional) ??
    fallback
  );
}

abstract class MaxPoolNd extends Module {
  readonly kernelSize: readonly number[];
  readonly stride: readonly number[] | null;
  readonly padding: readonly number[];
  readonly dilation: readonly number[];
  readonly returnIndices: boolean;
  readonly ceilMode: boolean;
  readonly #written: readonly unknown[];
  readonly #pool: typeof F.maxPool2d;

  constructor(pool: typeof F.maxPool2d, args: readonly unknown[]) {
    super();
    const o = bound(maxPool, args);
    this.kernelSize = o.kernelSize;
    this.stride = o.stride;
    this.padding = o.padding;
    this.dilation = o.dilation;
    this.returnIndices = o.returnIndices;
    this.ceilMode = o.ceilMode;
    this.#pool = pool;
    const kernel = args[0];
    this.#written = [
      kernel,
      written(args, 1, "stride", kernel),
      written(args, 2, "padding", 0),
      written(args, 3, "dilation", 1),
    ];
  }

  /** `[N, C, …]`; with `returnIndices` the result is `{ output, indices }`. */
  forward(input: Tensor): Tensor {
    return this.#pool(input, [...this.kernelSize], {
      stride: this.stride && [...this.stride],
      padding: [...this.padding],
      dilation: [...this.dilation],
      ceilMode: this.ceilMode,
      returnIndices: this.returnIndices,
    });
  }

  override extraRepr(): string {
    const [k, s, p, d] = this.#written.map(py.size);
    return `kernel_size=${k!}, stride=${s!}, padding=${p!}, dilation=${d!}, ceil_mode=${py.bool(this.ceilMode)}`;
  }
}

/** The largest element of every window of `[N, C, L]`. @see https://pytorch.org/docs/stable/generated/torch.nn.MaxPool1d.html */
export class MaxPool1d extends MaxPoolNd {
  constructor(kernelSize: Size, options?: MaxPoolOptions);
  constructor(...args: CallArgs<typeof maxPool>);
  constructor(...args: unknown[]) {
    super(F.maxPool1d, args);
  }
}

/** The largest element of every window of `[N, C, H, W]`. @see https://pytorch.org/docs/stable/generated/torch.nn.MaxPool2d.html */
export class MaxPool2d extends MaxPoolNd {
  constructor(kernelSize: Size, options?: MaxPoolOptions);
  constructor(...args: CallArgs<typeof maxPool>);
  constructor(...args: unknown[]) {
    super(F.maxPool2d, args);
  }
}

/** The largest element of every window of `[N, C, D, H, W]`. @see https://pytorch.org/docs/stable/generated/torch.nn.MaxPool3d.html */
export class MaxPool3d extends MaxPoolNd {
  constructor(kernelSize: Size, options?: MaxPoolOptions);
  constructor(...args: CallArgs<typeof maxPool>);
  constructor(...args: unknown[]) {
    super(F.maxPool3d, args);
  }
}

abstract class AvgPoolNd extends Module {
  readonly kernelSize: readonly number[];
  readonly stride: readonly number[] | null;
  readonly padding: readonly number[];
  readonly ceilMode: boolean;
  readonly countIncludePad: boolean;
  readonly divisorOverride: number | null;
  readonly #written: readonly unknown[];

  constructor(args: readonly unknown[]) {
    super();
    const o = bound(avgPool, args);
    this.kernelSize = o.kernelSize;
    this.stride = o.stride;
    this.padding = o.padding;
    this.ceilMode = o.ceilMode;
    this.countIncludePad = o.countIncludePad;
    this.divisorOverride = o.divisorOverride;
    const kernel = args[0];
    this.#written = [kernel, written(args, 1, "stride", kernel), written(args, 2, "padding", 0)];
  }

  protected get options() {
    return {
      stride: this.stride && [...this.stride],
      padding: [...this.padding],
      ceilMode: this.ceilMode,
      countIncludePad: this.countIncludePad,
    };
  }

  override extraRepr(): string {
    const [k, s, p] = this.#written.map(py.size);
    return `kernel_size=${k!}, stride=${s!}, padding=${p!}`;
  }
}

/** The mean of every window of `[N, C, L]`. @see https://pytorch.org/docs/stable/generated/torch.nn.AvgPool1d.html */
export class AvgPool1d extends AvgPoolNd {
  constructor(kernelSize: Size, options?: Omit<AvgPoolOptions, "divisorOverride">);
  constructor(...args: CallArgs<typeof avgPool>);
  constructor(...args: unknown[]) {
    super(args);
  }

  forward(input: Tensor): Tensor {
    return F.avgPool1d(input, [...this.kernelSize], this.options);
  }

  override extraRepr(): string {
    const each = (v: readonly number[]): string => py.tuple([v[0]!]);
    return `kernel_size=${each(this.kernelSize)}, stride=${each(this.stride ?? this.kernelSize)}, padding=${each(this.padding)}`;
  }
}

/** The mean of every window of `[N, C, H, W]`. @see https://pytorch.org/docs/stable/generated/torch.nn.AvgPool2d.html */
export class AvgPool2d extends AvgPoolNd {
  constructor(kernelSize: Size, options?: AvgPoolOptions);
  constructor(...args: CallArgs<typeof avgPool>);
  constructor(...args: unknown[]) {
    super(args);
  }

  forward(input: Tensor): Tensor {
    return F.avgPool2d(input, [...this.kernelSize], {
      ...this.options,
      divisorOverride: this.divisorOverride,
    });
  }
}

/** The mean of every window of `[N, C, D, H, W]`. @see https://pytorch.org/docs/stable/generated/torch.nn.AvgPool3d.html */
export class AvgPool3d extends AvgPoolNd {
  constructor(kernelSize: Size, options?: AvgPoolOptions);
  constructor(...args: CallArgs<typeof avgPool>);
  constructor(...args: unknown[]) {
    super(args);
  }

  forward(input: Tensor): Tensor {
    return F.avgPool3d(input, [...this.kernelSize], {
      ...this.options,
      divisorOverride: this.divisorOverride,
    });
  }
}

abstract class AdaptiveNd extends Module {
  readonly outputSize: number | null | readonly (number | null)[];
  constructor(outputSize: number | null | readonly (number | null)[]) {
    super();
    this.outputSize = outputSize;
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
