/** Normalisation layers. @see https://pytorch.org/docs/stable/nn.html#normalization-layers */
import { noGrad } from "../autograd/mode.js";
import { ValueError } from "../errors.js";
import type { CallArgs } from "../ops/schema.js";
import type { DeviceLike } from "../tensor/device.js";
import { int64, type DType } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { functional as F, torch } from "../torch.js";
import { bound } from "./arguments.js";
import * as init from "./init.js";
import { Module } from "./module.js";
import { Parameter } from "./parameter.js";
import { fields, isModule } from "./registry.js";
import * as py from "./repr.js";
import type { LoadContext, StateDict } from "./state.js";

export interface BatchNormOptions {
  readonly eps?: number;
  /** Weight of the new statistics in the running ones; `null` averages over all batches. */
  readonly momentum?: number | null;
  readonly affine?: boolean;
  readonly trackRunningStats?: boolean;
  readonly dtype?: DType;
  readonly device?: DeviceLike;
}

const batchNorm =
  "BatchNorm(int num_features, float eps=1e-05, float? momentum=0.1, bool affine=True, bool track_running_stats=True, device? device=None, dtype? dtype=None) -> any";
const instanceNorm =
  "InstanceNorm(int num_features, float eps=1e-05, float? momentum=0.1, bool affine=False, bool track_running_stats=False, device? device=None, dtype? dtype=None) -> any";

interface NormArguments {
  readonly numFeatures: number;
  readonly eps: number;
  readonly momentum: number | null;
  readonly affine: boolean;
  readonly trackRunningStats: boolean;
  readonly dtype: DType | null;
  readonly device: DeviceLike | null;
}

/** Weight, bias and running statistics per channel. */
abstract class ChannelNorm extends Module {
  static override readonly stateNames = "pytorch";
  readonly numFeatures: number;
  readonly eps: number;
  readonly momentum: number | null;
  readonly affine: boolean;
  readonly trackRunningStats: boolean;
  weight: Parameter | null;
  bias: Parameter | null;
  declare runningMean: Tensor | null;
  declare runningVar: Tensor | null;
  declare numBatchesTracked: Tensor | null;

  constructor(o: NormArguments) {
    super();
    this.numFeatures = o.numFeatures;
    this.eps = o.eps;
    this.momentum = o.momentum;
    this.affine = o.affine;
    this.trackRunningStats = o.trackRunningStats;
    const size = [o.numFeatures];
    this.weight = o.affine ? new Parameter(torch.ones(size, { dtype: o.dtype, device: o.device })) : null;
    this.bias = o.affine ? new Parameter(torch.zeros(size, { dtype: o.dtype, device: o.device })) : null;
    const tracked = o.trackRunningStats;
    this.registerBuffer(
      "runningMean",
      tracked ? torch.zeros(size, { dtype: o.dtype, device: o.device }) : null,
    );
    this.registerBuffer(
      "runningVar",
      tracked ? torch.ones(size, { dtype: o.dtype, device: o.device }) : null,
    );
    this.registerBuffer(
      "numBatchesTracked",
      tracked ? torch.zeros([], { dtype: int64, device: o.device }) : null,
    );
  }

  resetRunningStats(): void {
    noGrad(() => {
      this.runningMean?.zero_();
      this.runningVar?.fill_(1);
      this.numBatchesTracked?.zero_();
    });
  }

  resetParameters(): void {
    this.resetRunningStats();
    if (this.weight) init.ones_(this.weight);
    if (this.bias) init.zeros_(this.bias);
  }

  /** Version 2 counts batches. */
  override get _version(): number {
    return 2;
  }

  /** State of version 1 has no count of batches: it starts from 0. */
  override _loadFromStateDict(state: StateDict, prefix: string, on: LoadContext): void {
    const version = on.metadata.get(prefix.slice(0, -1))?.version ?? 1;
    const key = `${prefix}num_batches_tracked`;
    if (version < 2 && this.numBatchesTracked && !state.has(key))
      state.set(key, torch.zeros([], { dtype: int64 }));
    super._loadFromStateDict(state, prefix, on);
  }

  override extraRepr(): string {
    const momentum = this.momentum === null ? "None" : py.float(this.momentum);
    return `${String(this.numFeatures)}, eps=${py.float(this.eps)}, momentum=${momentum}, affine=${py.bool(this.affine)}, track_running_stats=${py.bool(this.trackRunningStats)}`;
  }
}

abstract class BatchNormNd extends ChannelNorm {
  constructor(args: readonly unknown[]) {
    super(bound(batchNorm, args));
  }

  protected abstract checkInput(input: Tensor): void;

  forward(input: Tensor): Tensor {
    this.checkInput(input);
    let factor = this.momentum ?? 0;
    if (this.training && this.trackRunningStats && this.numBatchesTracked) {
      const count = this.numBatchesTracked;
      noGrad(() => count.add_(1));
      // The average over all batches so far.
      if (this.momentum === null) factor = 1 / count.item();
    }
    const useBatch = this.training || (this.runningMean === null && this.runningVar === null);
    const update = !this.training || this.trackRunningStats;
    return F.batchNorm(
      input,
      update ? this.runningMean : null,
      update ? this.runningVar : null,
      this.weight,
      this.bias,
      {
        training: useBatch,
        momentum: factor,
        eps: this.eps,
      },
    );
  }
}

function expectRank(input: Tensor, ranks: readonly number[]): void {
  if (ranks.includes(input.ndim)) return;
  const expected = ranks.map((r) => `${String(r)}D`).join(" or ");
  throw new ValueError(`expected ${expected} input (got ${String(input.ndim)}D input)`);
}

/** Normalises the channels of `[N, C]` or `[N, C, L]`. @see https://pytorch.org/docs/stable/generated/torch.nn.BatchNorm1d.html */
export class BatchNorm1d extends BatchNormNd {
  constructor(numFeatures: number, options?: BatchNormOptions);
  constructor(...args: CallArgs<typeof batchNorm>);
  constructor(...args: unknown[]) {
    super(args);
  }

  protected checkInput(input: Tensor): void {
    expectRank(input, [2, 3]);
  }
}

/** Normalises the channels of `[N, C, H, W]`. @see https://pytorch.org/docs/stable/generated/torch.nn.BatchNorm2d.html */
export class BatchNorm2d extends BatchNormNd {
  constructor(numFeatures: number, options?: BatchNormOptions);
  constructor(...args: CallArgs<typeof batchNorm>);
  constructor(...args: unknown[]) {
    super(args);
  }

  protected checkInput(input: Tensor): void {
    expectRank(input, [4]);
  }
}

/** Normalises the channels of `[N, C, D, H, W]`. @see https://pytorch.org/docs/stable/generated/torch.nn.BatchNorm3d.html */
export class BatchNorm3d extends BatchNormNd {
  constructor(numFeatures: number, options?: BatchNormOptions);
  constructor(...args: CallArgs<typeof batchNorm>);
  constructor(...args: unknown[]) {
    super(args);
  }

  protected checkInput(input: Tensor): void {
    expectRank(input, [5]);
  }
}

const syncBatchNorm =
  "SyncBatchNorm(int num_features, float eps=1e-05, float? momentum=0.1, bool affine=True, bool track_running_stats=True, any process_group=None, device? device=None, dtype? dtype=None) -> any";

/**
 * Batch normalisation over the batches of all processes. It trains on GPUs only, as in PyTorch; in evaluation it is
 * batch normalisation.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.SyncBatchNorm.html
 */
export class SyncBatchNorm extends BatchNormNd {
  readonly processGroup: unknown;

  constructor(...args: CallArgs<typeof syncBatchNorm>) {
    const { processGroup, numFeatures, ...options } = bound(syncBatchNorm, args);
    super([numFeatures, options]);
    this.processGroup = processGroup;
  }

  /** Exchanges the batch normalisations of a module, and of those below it. */
  static convertSyncBatchnorm(module: Module, processGroup: unknown = null): Module {
    let made = module;
    if (module instanceof BatchNormNd) {
      const { eps, momentum, affine, trackRunningStats } = module;
      const sync = new SyncBatchNorm(
        module.numFeatures,
        eps,
        momentum,
        affine,
        trackRunningStats,
        processGroup,
      );
      sync.weight = module.weight;
      sync.bias = module.bias;
      sync.runningMean = module.runningMean;
      sync.runningVar = module.runningVar;
      sync.numBatchesTracked = module.numBatchesTracked;
      sync.training = module.training;
      made = sync;
    }
    for (const [key, child] of fields(module)) {
      if (isModule(child)) made.addModule(key, SyncBatchNorm.convertSyncBatchnorm(child, processGroup));
    }
    return made;
  }

  protected checkInput(input: Tensor): void {
    if (this.training) throw new ValueError("SyncBatchNorm expected input tensor to be on GPU");
    if (input.ndim < 2) throw new ValueError(`expected at least 2D input (got ${String(input.ndim)}D input)`);
    if (input.shape[1] === 0) {
      throw new ValueError("SyncBatchNorm number of input channels should be non-zero");
    }
  }
}

abstract class InstanceNormNd extends ChannelNorm {
  constructor(args: readonly unknown[]) {
    super(bound(instanceNorm, args));
  }

  /** Rank without a batch axis. */
  protected abstract readonly unbatched: number;

  forward(input: Tensor): Tensor {
    expectRank(input, [this.unbatched, this.unbatched + 1]);
    const single = input.ndim === this.unbatched;
    const x = single ? input.unsqueeze(0) : input;
    const y = F.instanceNorm(x, this.runningMean, this.runningVar, this.weight, this.bias, {
      useInputStats: this.training || !this.trackRunningStats,
      momentum: this.momentum ?? 0,
      eps: this.eps,
    });
    return single ? y.squeeze(0) : y;
  }
}

/** Normalises every channel of every sample of `[N, C, L]`. @see https://pytorch.org/docs/stable/generated/torch.nn.InstanceNorm1d.html */
export class InstanceNorm1d extends InstanceNormNd {
  protected readonly unbatched = 2;
  constructor(numFeatures: number, options?: BatchNormOptions);
  constructor(...args: CallArgs<typeof instanceNorm>);
  constructor(...args: unknown[]) {
    super(args);
  }
}

/** Normalises every channel of every sample of `[N, C, H, W]`. @see https://pytorch.org/docs/stable/generated/torch.nn.InstanceNorm2d.html */
export class InstanceNorm2d extends InstanceNormNd {
  protected readonly unbatched = 3;
  constructor(numFeatures: number, options?: BatchNormOptions);
  constructor(...args: CallArgs<typeof instanceNorm>);
  constructor(...args: unknown[]) {
    super(args);
  }
}

/** Normalises every channel of every sample of `[N, C, D, H, W]`. @see https://pytorch.org/docs/stable/generated/torch.nn.InstanceNorm3d.html */
export class InstanceNorm3d extends InstanceNormNd {
  protected readonly unbatched = 4;
  constructor(numFeatures: number, options?: BatchNormOptions);
  constructor(...args: CallArgs<typeof instanceNorm>);
  constructor(...args: unknown[]) {
    super(args);
  }
}

const layerNorm =
  "LayerNorm(int[] normalized_shape, float eps=1e-05, bool elementwise_affine=True, device? device=None, dtype? dtype=None) -> any";

/**
 * Normalises the last axes: (x − mean) / √(var + eps) · weight + bias.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.LayerNorm.html
 */
export class LayerNorm extends Module {
  static override readonly stateNames = "pytorch";
  readonly normalizedShape: readonly number[];
  readonly eps: number;
  readonly elementwiseAffine: boolean;
  weight: Parameter | null;
  bias: Parameter | null;

  constructor(
    normalizedShape: number | readonly number[],
    options?: {
      readonly eps?: number;
      readonly elementwiseAffine?: boolean;
      readonly dtype?: DType;
      readonly device?: DeviceLike;
    },
  );
  constructor(...args: CallArgs<typeof layerNorm>);
  constructor(...args: unknown[]) {
    super();
    const o = bound(layerNorm, args);
    this.normalizedShape = o.normalizedShape;
    this.eps = o.eps;
    this.elementwiseAffine = o.elementwiseAffine;
    const size = [...o.normalizedShape];
    this.weight = o.elementwiseAffine
      ? new Parameter(torch.ones(size, { dtype: o.dtype, device: o.device }))
      : null;
    this.bias = o.elementwiseAffine
      ? new Parameter(torch.zeros(size, { dtype: o.dtype, device: o.device }))
      : null;
  }

  resetParameters(): void {
    if (this.weight) init.ones_(this.weight);
    if (this.bias) init.zeros_(this.bias);
  }

  forward(input: Tensor): Tensor {
    return F.layerNorm(input, [...this.normalizedShape], this.weight, this.bias, this.eps);
  }

  override extraRepr(): string {
    return `${py.tuple(this.normalizedShape)}, eps=${py.float(this.eps)}, elementwise_affine=${py.bool(this.elementwiseAffine)}`;
  }
}

const groupNorm =
  "GroupNorm(int num_groups, int num_channels, float eps=1e-05, bool affine=True, device? device=None, dtype? dtype=None) -> any";

/** Normalises groups of channels of every sample. @see https://pytorch.org/docs/stable/generated/torch.nn.GroupNorm.html */
export class GroupNorm extends Module {
  static override readonly stateNames = "pytorch";
  readonly numGroups: number;
  readonly numChannels: number;
  readonly eps: number;
  readonly affine: boolean;
  weight: Parameter | null;
  bias: Parameter | null;

  constructor(
    numGroups: number,
    numChannels: number,
    options?: {
      readonly eps?: number;
      readonly affine?: boolean;
      readonly dtype?: DType;
      readonly device?: DeviceLike;
    },
  );
  constructor(...args: CallArgs<typeof groupNorm>);
  constructor(...args: unknown[]) {
    super();
    const o = bound(groupNorm, args);
    if (o.numChannels % o.numGroups !== 0)
      throw new ValueError("num_channels must be divisible by num_groups");
    this.numGroups = o.numGroups;
    this.numChannels = o.numChannels;
    this.eps = o.eps;
    this.affine = o.affine;
    this.weight = o.affine
      ? new Parameter(torch.ones([o.numChannels], { dtype: o.dtype, device: o.device }))
      : null;
    this.bias = o.affine
      ? new Parameter(torch.zeros([o.numChannels], { dtype: o.dtype, device: o.device }))
      : null;
  }

  resetParameters(): void {
    if (this.weight) init.ones_(this.weight);
    if (this.bias) init.zeros_(this.bias);
  }

  forward(input: Tensor): Tensor {
    return F.groupNorm(input, this.numGroups, this.weight, this.bias, this.eps);
  }

  override extraRepr(): string {
    return `${String(this.numGroups)}, ${String(this.numChannels)}, eps=${py.float(this.eps)}, affine=${py.bool(this.affine)}`;
  }
}
