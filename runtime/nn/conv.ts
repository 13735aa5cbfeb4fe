/** Convolution layers. @see https://pytorch.org/docs/stable/nn.html#convolution-layers */
import { RuntimeError, ValueError } from "../errors.js";
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

/** One size for every spatial axis, or one each. */
export type Size = number | readonly number[];

export interface ConvOptions {
  readonly stride?: Size;
  /** Elements added on both sides of every axis, or "same" or "valid". */
  readonly padding?: Size | string;
  readonly dilation?: Size;
  readonly groups?: number;
  readonly bias?: boolean;
  readonly paddingMode?: "zeros" | "reflect" | "replicate" | "circular";
  readonly dtype?: DType;
  readonly device?: DeviceLike;
}

export interface ConvTransposeOptions extends Omit<ConvOptions, "padding"> {
  readonly padding?: Size;
  readonly outputPadding?: Size;
}

const conv =
  "Conv(int in_channels, int out_channels, int[] kernel_size, int[] stride=1, int[]|str padding=0, int[] dilation=1, int groups=1, bool bias=True, str padding_mode='zeros', device? device=None, dtype? dtype=None) -> any";
const convTranspose =
  "ConvTranspose(int in_channels, int out_channels, int[] kernel_size, int[] stride=1, int[] padding=0, int[] output_padding=0, int groups=1, bool bias=True, int[] dilation=1, str padding_mode='zeros', device? device=None, dtype? dtype=None) -> any";

const paddingModes = ["zeros", "reflect", "replicate", "circular"];

interface Geometry {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly kernelSize: readonly number[];
  readonly stride: readonly number[];
  readonly padding: readonly number[] | string;
  readonly dilation: readonly number[];
  readonly groups: number;
  readonly bias: boolean;
  readonly paddingMode: string;
  readonly dtype: DType | null;
  readonly device: DeviceLike | null;
}

/** What all convolutions share: sizes, weight and bias, initialisation, the printed form. */
abstract class ConvBase extends Module {
  static override readonly stateNames = "pytorch";
  readonly inChannels: number;
  readonly outChannels: number;
  readonly kernelSize: readonly number[];
  readonly stride: readonly number[];
  readonly padding: readonly number[] | string;
  readonly dilation: readonly number[];
  readonly groups: number;
  readonly paddingMode: string;
  weight: Parameter;
  bias: Parameter | null;

  constructor(nd: number, g: Geometry, transposed: boolean) {
    super();
    const each = (v: readonly number[]): number[] =>
      v.length === nd ? [...v] : Array.from({ length: nd }, () => v[0]!);
    if (g.groups <= 0) throw new ValueError("groups must be a positive integer");
    if (g.inChannels % g.groups !== 0) throw new ValueError("in_channels must be divisible by groups");
    if (g.outChannels % g.groups !== 0) throw new ValueError("out_channels must be divisible by groups");
    if (!paddingModes.includes(g.paddingMode)) {
      throw new ValueError(
        `padding_mode must be one of {${paddingModes.map((m) => `'${m}'`).join(", ")}}, but got padding_mode='${g.paddingMode}'`,
      );
    }
    this.inChannels = g.inChannels;
    this.outChannels = g.outChannels;
    this.kernelSize = each(g.kernelSize);
    this.stride = each(g.stride);
    this.dilation = each(g.dilation);
    if (typeof g.padding === "string") {
      if (g.padding !== "same" && g.padding !== "valid") {
        throw new ValueError(`Invalid padding string '${g.padding}', should be one of {'valid', 'same'}`);
      }
      if (g.padding === "same" && this.stride.some((s) => s !== 1)) {
        throw new ValueError("padding='same' is not supported for strided convolutions");
      }
      this.padding = g.padding;
    } else {
      this.padding = each(g.padding);
    }
    this.groups = g.groups;
    this.paddingMode = g.paddingMode;
    const [first, second] = transposed
      ? [g.inChannels, g.outChannels / g.groups]
      : [g.outChannels, g.inChannels / g.groups];
    this.weight = new Parameter(
      torch.empty([first, second, ...this.kernelSize], { dtype: g.dtype, device: g.device }),
    );
    this.bias = g.bias
      ? new Parameter(torch.empty([g.outChannels], { dtype: g.dtype, device: g.device }))
      : null;
    this.resetParameters();
  }

  /** Uniform in ±1/√(fan in). */
  resetParameters(): void {
    init.kaimingUniform_(this.weight, Math.sqrt(5));
    if (!this.bias) return;
    const [fanIn] = init.calculateFanInAndFanOut(this.weight);
    if (fanIn === 0) return;
    const limit = 1 / Math.sqrt(fanIn);
    init.uniform_(this.bias, -limit, limit);
  }

  /** The output padding of a transposed convolution. */
  protected get outputPaddings(): readonly number[] {
    return this.kernelSize.map(() => 0);
  }

  override extraRepr(): string {
    let s = `${String(this.inChannels)}, ${String(this.outChannels)}, kernel_size=${py.tuple(this.kernelSize)}, stride=${py.tuple(this.stride)}`;
    if (typeof this.padding === "string") s += `, padding=${this.padding}`;
    else if (this.padding.some((p) => p !== 0)) s += `, padding=${py.tuple(this.padding)}`;
    if (this.dilation.some((d) => d !== 1)) s += `, dilation=${py.tuple(this.dilation)}`;
    if (this.outputPaddings.some((p) => p !== 0)) s += `, output_padding=${py.tuple(this.outputPaddings)}`;
    if (this.groups !== 1) s += `, groups=${String(this.groups)}`;
    if (!this.bias) s += ", bias=False";
    if (this.paddingMode !== "zeros") s += `, padding_mode=${this.paddingMode}`;
    return s;
  }

  /** The input padded as `paddingMode` says, and the zeros that are left to add. */
  protected padded(input: Tensor): { readonly input: Tensor; readonly padding: number[] | string } {
    const { padding, dilation, kernelSize } = this;
    if (this.paddingMode === "zeros")
      return { input, padding: typeof padding === "string" ? padding : [...padding] };
    const amounts =
      typeof padding === "string"
        ? kernelSize.map((k, i) => {
            const total = padding === "same" ? dilation[i]! * (k - 1) : 0;
            return [Math.floor(total / 2), total - Math.floor(total / 2)];
          })
        : padding.map((p) => [p, p]);
    return {
      input: F.pad(input, amounts.reverse().flat(), { mode: this.paddingMode }),
      padding: kernelSize.map(() => 0),
    };
  }
}

const forwardConv = { 1: F.conv1d, 2: F.conv2d, 3: F.conv3d } as const;
const forwardTranspose = { 1: F.convTranspose1d, 2: F.convTranspose2d, 3: F.convTranspose3d } as const;

/** A convolution over `nd` spatial axes. */
abstract class ConvNd extends ConvBase {
  /** @internal Number of spatial axes. */
  protected readonly nd: 1 | 2 | 3;
  constructor(nd: 1 | 2 | 3, args: readonly unknown[]) {
    super(nd, bound(conv, args), false);
    this.nd = nd;
  }

  forward(input: Tensor): Tensor {
    const p = this.padded(input);
    return forwardConv[this.nd](p.input, this.weight, this.bias, {
      stride: [...this.stride],
      padding: p.padding,
      dilation: [...this.dilation],
      groups: this.groups,
    });
  }
}

/**
 * Convolution over a signal: `[N, C, L]` → `[N, O, L']`.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.Conv1d.html
 */
export class Conv1d extends ConvNd {
  constructor(inChannels: number, outChannels: number, kernelSize: Size, options?: ConvOptions);
  constructor(inChannels: number, outChannels: number, kernelSize: Size, stride: Size, options?: ConvOptions);
  constructor(...args: CallArgs<typeof conv>);
  constructor(...args: unknown[]) {
    super(1, args);
  }
}

/**
 * Convolution over an image: `[N, C, H, W]` → `[N, O, H', W']`, each size ⌊(n + 2·padding − dilation·(k − 1) − 1) / stride⌋ + 1.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.Conv2d.html
 */
export class Conv2d extends ConvNd {
  constructor(inChannels: number, outChannels: number, kernelSize: Size, options?: ConvOptions);
  constructor(inChannels: number, outChannels: number, kernelSize: Size, stride: Size, options?: ConvOptions);
  constructor(...args: CallArgs<typeof conv>);
  constructor(...args: unknown[]) {
    super(2, args);
  }
}

/**
 * Convolution over a volume: `[N, C, D, H, W]` → `[N, O, D', H', W']`.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.Conv3d.html
 */
export class Conv3d extends ConvNd {
  constructor(inChannels: number, outChannels: number, kernelSize: Size, options?: ConvOptions);
  constructor(inChannels: number, outChannels: number, kernelSize: Size, stride: Size, options?: ConvOptions);
  constructor(...args: CallArgs<typeof conv>);
  constructor(...args: unknown[]) {
    super(3, args);
  }
}

/** A transposed convolution over `nd` spatial axes. */
abstract class ConvTransposeNd extends ConvBase {
  /** @internal Number of spatial axes. */
  protected readonly nd: 1 | 2 | 3;
  readonly outputPadding: readonly number[];
  constructor(nd: 1 | 2 | 3, args: readonly unknown[]) {
    const o = bound(convTranspose, args);
    if (o.paddingMode !== "zeros") {
      throw new ValueError(`Only "zeros" padding mode is supported for ConvTranspose${String(nd)}d`);
    }
    super(nd, o, true);
    this.nd = nd;
    this.outputPadding =
      o.outputPadding.length === nd
        ? [...o.outputPadding]
        : Array.from({ length: nd }, () => o.outputPadding[0]!);
  }

  protected override get outputPaddings(): readonly number[] {
    return this.outputPadding;
  }

  /** `outputSize` chooses among the sizes that a strided convolution maps to the input's. */
  forward(input: Tensor, outputSize: readonly number[] | null = null): Tensor {
    return forwardTranspose[this.nd](input, this.weight, this.bias, {
      stride: [...this.stride],
      padding: [...(this.padding as readonly number[])],
      outputPadding: outputSize ? this.paddingFor(input, outputSize) : [...this.outputPadding],
      groups: this.groups,
      dilation: [...this.dilation],
    });
  }

  private paddingFor(input: Tensor, outputSize: readonly number[]): number[] {
    const nd = this.nd;
    const want = outputSize.slice(outputSize.length - nd);
    const size = input.shape.slice(input.ndim - nd);
    return want.map((w, i) => {
      const least =
        (size[i]! - 1) * this.stride[i]! -
        2 * (this.padding as readonly number[])[i]! +
        this.dilation[i]! * (this.kernelSize[i]! - 1) +
        1;
      if (w < least || w > least + this.stride[i]! - 1) {
        throw new RuntimeError(
          `requested an output size of [${want.join(", ")}], but valid sizes along axis ${String(i)} are ${String(least)} to ${String(least + this.stride[i]! - 1)} (for an input of [${size.join(", ")}])`,
        );
      }
      return w - least;
    });
  }
}

/** Transposed convolution over a signal. @see https://pytorch.org/docs/stable/generated/torch.nn.ConvTranspose1d.html */
export class ConvTranspose1d extends ConvTransposeNd {
  constructor(inChannels: number, outChannels: number, kernelSize: Size, options?: ConvTransposeOptions);
  constructor(...args: CallArgs<typeof convTranspose>);
  constructor(...args: unknown[]) {
    super(1, args);
  }
}

/** Transposed convolution over an image. @see https://pytorch.org/docs/stable/generated/torch.nn.ConvTranspose2d.html */
export class ConvTranspose2d extends ConvTransposeNd {
  constructor(inChannels: number, outChannels: number, kernelSize: Size, options?: ConvTransposeOptions);
  constructor(...args: CallArgs<typeof convTranspose>);
  constructor(...args: unknown[]) {
    super(2, args);
  }
}

/** Transposed convolution over a volume. @see https://pytorch.org/docs/stable/generated/torch.nn.ConvTranspose3d.html */
export class ConvTranspose3d extends ConvTransposeNd {
  constructor(inChannels: number, outChannels: number, kernelSize: Size, options?: ConvTransposeOptions);
  constructor(...args: CallArgs<typeof convTranspose>);
  constructor(...args: unknown[]) {
    super(3, args);
  }
}
