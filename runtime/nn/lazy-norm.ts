/** Normalisations that learn their channels from the first call. @see https://pytorch.org/docs/stable/nn.html#normalization-layers */
import type { CallArgs } from "../ops/schema.js";
import type { Tensor } from "../tensor/tensor.js";
import { bound } from "./arguments.js";
import { makeLazy, type LazyModule, type Mutable } from "./lazy.js";
import {
  BatchNorm1d,
  BatchNorm2d,
  BatchNorm3d,
  InstanceNorm1d,
  InstanceNorm2d,
  InstanceNorm3d,
  type BatchNormOptions,
} from "./normalization.js";
import { UninitializedBuffer, UninitializedParameter } from "./parameter.js";

const lazyNorm =
  "LazyNorm(float eps=1e-05, float? momentum=0.1, bool affine=True, bool track_running_stats=True, device? device=None, dtype? dtype=None) -> any";

type ChannelNorm = Pick<BatchNorm1d, "weight" | "bias" | "runningMean" | "runningVar" | "numFeatures">;

const settings = (args: readonly unknown[]) => bound(lazyNorm, args);

function uninitialize(module: ChannelNorm): void {
  if (module.weight) {
    const { dtype, device } = module.weight;
    module.weight = new UninitializedParameter({ dtype, device });
    module.bias = new UninitializedParameter({ dtype, device });
  }
  if (module.runningMean) {
    const { dtype, device } = module.runningMean;
    module.runningMean = new UninitializedBuffer({ dtype, device });
    module.runningVar = new UninitializedBuffer({ dtype, device });
  }
}

function initialize(module: Mutable<ChannelNorm>, input: Tensor): void {
  module.numFeatures = input.shape[1]!;
  const { weight, bias, runningMean, runningVar } = module;
  for (const t of [weight, bias, runningMean, runningVar]) {
    (t as UninitializedParameter | null)?.materialize([module.numFeatures]);
  }
}

export interface LazyBatchNorm1d extends LazyModule {
  readonly numFeatures: number;
}

/** Batch normalisation that takes its channels from the first input. @see https://pytorch.org/docs/stable/generated/torch.nn.LazyBatchNorm1d.html */
export class LazyBatchNorm1d extends BatchNorm1d {
  constructor(options?: BatchNormOptions);
  constructor(...args: CallArgs<typeof lazyNorm>);
  constructor(...args: unknown[]) {
    super(0, settings(args));
    uninitialize(this);
  }
}
makeLazy(LazyBatchNorm1d, BatchNorm1d, initialize);

export interface LazyBatchNorm2d extends LazyModule {
  readonly numFeatures: number;
}

/** Batch normalisation that takes its channels from the first input. @see https://pytorch.org/docs/stable/generated/torch.nn.LazyBatchNorm2d.html */
export class LazyBatchNorm2d extends BatchNorm2d {
  constructor(options?: BatchNormOptions);
  constructor(...args: CallArgs<typeof lazyNorm>);
  constructor(...args: unknown[]) {
    super(0, settings(args));
    uninitialize(this);
  }
}
makeLazy(LazyBatchNorm2d, BatchNorm2d, initialize);

export interface LazyBatchNorm3d extends LazyModule {
  readonly numFeatures: number;
}

/** Batch normalisation that takes its channels from the first input. @see https://pytorch.org/docs/stable/generated/torch.nn.LazyBatchNorm3d.html */
export class LazyBatchNorm3d extends BatchNorm3d {
  constructor(options?: BatchNormOptions);
  constructor(...args: CallArgs<typeof lazyNorm>);
  constructor(...args: unknown[]) {
    super(0, settings(args));
    uninitialize(this);
  }
}
makeLazy(LazyBatchNorm3d, BatchNorm3d, initialize);

export interface LazyInstanceNorm1d extends LazyModule {
  readonly numFeatures: number;
}

/** Instance normalisation that takes its channels from the first input. @see https://pytorch.org/docs/stable/generated/torch.nn.LazyInstanceNorm1d.html */
export class LazyInstanceNorm1d extends InstanceNorm1d {
  constructor(options?: BatchNormOptions);
  constructor(...args: CallArgs<typeof lazyNorm>);
  constructor(...args: unknown[]) {
    super(0, settings(args));
    uninitialize(this);
  }
}
makeLazy(LazyInstanceNorm1d, InstanceNorm1d, initialize);

export interface LazyInstanceNorm2d extends LazyModule {
  readonly numFeatures: number;
}

/** Instance normalisation that takes its channels from the first input. @see https://pytorch.org/docs/stable/generated/torch.nn.LazyInstanceNorm2d.html */
export class LazyInstanceNorm2d extends InstanceNorm2d {
  constructor(options?: BatchNormOptions);
  constructor(...args: CallArgs<typeof lazyNorm>);
  constructor(...args: unknown[]) {
    super(0, settings(args));
    uninitialize(this);
  }
}
makeLazy(LazyInstanceNorm2d, InstanceNorm2d, initialize);

export interface LazyInstanceNorm3d extends LazyModule {
  readonly numFeatures: number;
}

/** Instance normalisation that takes its channels from the first input. @see https://pytorch.org/docs/stable/generated/torch.nn.LazyInstanceNorm3d.html */
export class LazyInstanceNorm3d extends InstanceNorm3d {
  constructor(options?: BatchNormOptions);
  constructor(...args: CallArgs<typeof lazyNorm>);
  constructor(...args: unknown[]) {
    super(0, settings(args));
    uninitialize(this);
  }
}
makeLazy(LazyInstanceNorm3d, InstanceNorm3d, initialize);
