/** Convolutions that learn their input's channels from the first call. @see https://pytorch.org/docs/stable/nn.html#convolution-layers */
import { RuntimeError, ValueError } from "../errors.js";
import type { CallArgs } from "../ops/schema.js";
import type { Tensor } from "../tensor/tensor.js";
import {
  Conv1d,
  Conv2d,
  Conv3d,
  ConvTranspose1d,
  ConvTranspose2d,
  ConvTranspose3d,
  type ConvOptions,
  type ConvTransposeOptions,
  type Size,
} from "./conv.js";
import { makeLazy, type LazyModule, type Mutable } from "./lazy.js";
import { UninitializedParameter } from "./parameter.js";

const conv =
  "LazyConv(int out_channels, int[] kernel_size, int[] stride=1, int[]|str padding=0, int[] dilation=1, int groups=1, bool bias=True, str padding_mode='zeros', device? device=None, dtype? dtype=None) -> any";
const convTranspose =
  "LazyConvTranspose(int out_channels, int[] kernel_size, int[] stride=1, int[] padding=0, int[] output_padding=0, int groups=1, bool bias=True, int[] dilation=1, str padding_mode='zeros', device? device=None, dtype? dtype=None) -> any";

type AnyConv = Conv1d | ConvTranspose1d;

/** The ordinary constructor's arguments, of no input channels yet. */
function withoutInput<C extends abstract new (...args: never[]) => unknown>(
  args: readonly unknown[],
): ConstructorParameters<C> {
  return [0, ...args] as unknown as ConstructorParameters<C>;
}

function uninitialize(module: AnyConv): void {
  const { dtype, device } = module.weight;
  module.weight = new UninitializedParameter({ dtype, device });
  if (module.bias) module.bias = new UninitializedParameter({ dtype, device });
}

/** Weight and bias for the channels of an input with `nd` spatial axes. */
function initialize(nd: number, transposed: boolean): (module: Mutable<AnyConv>, input: Tensor) => void {
  return (module, input) => {
    if (input.ndim !== nd + 1 && input.ndim !== nd + 2) {
      throw new RuntimeError(
        `Expected ${String(nd + 1)}D (unbatched) or ${String(nd + 2)}D (batched) input to ${module._getName()}, but got input of size: torch.Size([${input.shape.join(", ")}])`,
      );
    }
    const channels = input.shape.at(-nd - 1)!;
    const { groups, outChannels, kernelSize } = module;
    if (channels % groups !== 0) throw new ValueError("in_channels must be divisible by groups");
    module.inChannels = channels;
    const [first, second] = transposed ? [channels, outChannels / groups] : [outChannels, channels / groups];
    (module.weight as UninitializedParameter).materialize([first, second, ...kernelSize]);
    if (module.bias) (module.bias as UninitializedParameter).materialize([outChannels]);
  };
}

export interface LazyConv1d extends LazyModule {
  readonly inChannels: number;
}

/** A convolution over a signal that takes `inChannels` from its first input. @see https://pytorch.org/docs/stable/generated/torch.nn.LazyConv1d.html */
export class LazyConv1d extends Conv1d {
  constructor(outChannels: number, kernelSize: Size, options?: ConvOptions);
  constructor(...args: CallArgs<typeof conv>);
  constructor(...args: unknown[]) {
    super(...withoutInput<typeof Conv1d>(args));
    uninitialize(this);
  }
}
makeLazy(LazyConv1d, Conv1d, initialize(1, false));

export interface LazyConv2d extends LazyModule {
  readonly inChannels: number;
}

/** A convolution over an image that takes `inChannels` from its first input. @see https://pytorch.org/docs/stable/generated/torch.nn.LazyConv2d.html */
export class LazyConv2d extends Conv2d {
  constructor(outChannels: number, kernelSize: Size, options?: ConvOptions);
  constructor(...args: CallArgs<typeof conv>);
  constructor(...args: unknown[]) {
    super(...withoutInput<typeof Conv2d>(args));
    uninitialize(this);
  }
}
makeLazy(LazyConv2d, Conv2d, initialize(2, false));

export interface LazyConv3d extends LazyModule {
  readonly inChannels: number;
}

/** A convolution over a volume that takes `inChannels` from its first input. @see https://pytorch.org/docs/stable/generated/torch.nn.LazyConv3d.html */
export class LazyConv3d extends Conv3d {
  constructor(outChannels: number, kernelSize: Size, options?: ConvOptions);
  constructor(...args: CallArgs<typeof conv>);
  constructor(...args: unknown[]) {
    super(...withoutInput<typeof Conv3d>(args));
    uninitialize(this);
  }
}
makeLazy(LazyConv3d, Conv3d, initialize(3, false));

export interface LazyConvTranspose1d extends LazyModule {
  readonly inChannels: number;
}

/** A transposed convolution over a signal that takes `inChannels` from its first input. @see https://pytorch.org/docs/stable/generated/torch.nn.LazyConvTranspose1d.html */
export class LazyConvTranspose1d extends ConvTranspose1d {
  constructor(outChannels: number, kernelSize: Size, options?: ConvTransposeOptions);
  constructor(...args: CallArgs<typeof convTranspose>);
  constructor(...args: unknown[]) {
    super(...withoutInput<typeof ConvTranspose1d>(args));
    uninitialize(this);
  }
}
makeLazy(LazyConvTranspose1d, ConvTranspose1d, initialize(1, true));

export interface LazyConvTranspose2d extends LazyModule {
  readonly inChannels: number;
}

/** A transposed convolution over an image that takes `inChannels` from its first input. @see https://pytorch.org/docs/stable/generated/torch.nn.LazyConvTranspose2d.html */
export class LazyConvTranspose2d extends ConvTranspose2d {
  constructor(outChannels: number, kernelSize: Size, options?: ConvTransposeOptions);
  constructor(...args: CallArgs<typeof convTranspose>);
  constructor(...args: unknown[]) {
    super(...withoutInput<typeof ConvTranspose2d>(args));
    uninitialize(this);
  }
}
makeLazy(LazyConvTranspose2d, ConvTranspose2d, initialize(2, true));

export interface LazyConvTranspose3d extends LazyModule {
  readonly inChannels: number;
}

/** A transposed convolution over a volume that takes `inChannels` from its first input. @see https://pytorch.org/docs/stable/generated/torch.nn.LazyConvTranspose3d.html */
export class LazyConvTranspose3d extends ConvTranspose3d {
  constructor(outChannels: number, kernelSize: Size, options?: ConvTransposeOptions);
  constructor(...args: CallArgs<typeof convTranspose>);
  constructor(...args: unknown[]) {
    super(...withoutInput<typeof ConvTranspose3d>(args));
    uninitialize(this);
  }
}
makeLazy(LazyConvTranspose3d, ConvTranspose3d, initialize(3, true));
