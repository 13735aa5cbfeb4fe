/** Observers: they look at what passes and say how to quantize it. @see https://pytorch.org/docs/stable/quantization-support.html */
import { noGrad } from "../../autograd/mode.js";
import { NotImplementedError, RuntimeError, ValueError } from "../../errors.js";
import { float32, int64 } from "../../tensor/dtype.js";
import {
  perChannelAffine,
  perTensorAffine,
  quint8,
  type QScheme,
  type QuantizedDType,
} from "../../tensor/quantized.js";
import type { Tensor } from "../../tensor/tensor.js";
import { torch } from "../../torch.js";
import { warn } from "../../warnings.js";
import { Module } from "../module.js";

export interface ObserverOptions {
  readonly dtype?: QuantizedDType;
  readonly qscheme?: QScheme;
  /** Leaves one bit of the integers unused. */
  readonly reduceRange?: boolean;
  readonly quantMin?: number | null;
  readonly quantMax?: number | null;
  /** The smallest scale. */
  readonly eps?: number;
}

/** What gives scales and zero points: observers, and `FakeQuantize` around one. */
export abstract class Observing extends Module {
  static override readonly stateNames = "pytorch";
  abstract readonly dtype: QuantizedDType;
  abstract readonly qscheme: QScheme;
  /** The axis of the channels; −1 where there is one scale for all. */
  abstract readonly chAxis: number;
  abstract override forward(x: Tensor): Tensor;
  abstract calculateQparams(): [scale: Tensor, zeroPoint: Tensor];

  /** What makes observers of this class with these options: for a `QConfig`. */
  static withArgs<O, T>(this: new (options?: O) => T, options: O): () => T {
    return () => new this(options);
  }
}

/** The integers that may be used. @throws RuntimeError for a range without 0, or upside down. */
function range({
  dtype,
  quantMin,
  quantMax,
  reduceRange,
}: Required<Omit<ObserverOptions, "eps" | "qscheme">>): [number, number] {
  let [low, high] = [dtype.min, dtype.max];
  if (quantMin !== null && quantMax !== null) {
    if (!(quantMin <= 0 && quantMax >= 0)) {
      throw new RuntimeError("Used-specified quantization range must include 0.");
    }
    if (quantMin >= quantMax) {
      throw new RuntimeError("qmin must be strictly less than qmax for user-specified quantization range.");
    }
    [low, high] = [quantMin, quantMax];
  }
  return reduceRange ? [Math.trunc(low / 2), Math.trunc(high / 2)] : [low, high];
}

/** Scale and zero point from the smallest and the largest number. */
export abstract class UniformObserver extends Observing {
  readonly dtype: QuantizedDType;
  readonly qscheme: QScheme;
  readonly reduceRange: boolean;
  readonly quantMin: number;
  readonly quantMax: number;
  readonly chAxis: number = -1;
  private readonly customRange: boolean;
  declare readonly eps: Tensor;
  declare minVal: Tensor;
  declare maxVal: Tensor;

  constructor(qscheme: QScheme, options: ObserverOptions) {
    super();
    const { dtype = quint8, reduceRange = false, quantMin = null, quantMax = null, eps = 2 ** -23 } = options;
    this.dtype = dtype;
    this.qscheme = qscheme;
    this.reduceRange = reduceRange;
    this.customRange = quantMin !== null && quantMax !== null;
    [this.quantMin, this.quantMax] = range({ dtype, quantMin, quantMax, reduceRange });
    this.registerBuffer("eps", torch.tensor([eps], { dtype: float32 }));
  }

  /** Scale float32 and zero point int64, `[1]` or `[C]`: the formula alone. @internal */
  fromRange(minVal: Tensor, maxVal: Tensor): [scale: Tensor, zeroPoint: Tensor] {
    const { quantMin, quantMax, eps } = this;
    const low = minVal.clamp({ max: 0 });
    const high = maxVal.clamp({ min: 0 });
    const steps = quantMax - quantMin;
    if (this.qscheme.symmetric) {
      const scale = torch.maximum(torch.maximum(low.neg(), high).div(steps / 2), eps);
      const zero = this.dtype !== quint8 ? 0 : this.customRange ? Math.floor((quantMin + quantMax) / 2) : 128;
      return [scale, torch.full(scale.shape as number[], zero, { dtype: int64 })];
    }
    const scale = torch.maximum(high.sub(low).div(steps), eps);
    const zero = low.div(scale).round().neg().add(quantMin).clamp(quantMin, quantMax);
    return [scale, zero.to(int64)];
  }

  calculateQparams(): [scale: Tensor, zeroPoint: Tensor] {
    const [low, high] = [this.minVal.reshape(-1), this.maxVal.reshape(-1)];
    const isNew = low.numel() === 0 || (low.at(0).item() === Infinity && high.at(0).item() === -Infinity);
    if (isNew) {
      warn("must run observer before calling calculate_qparams. Returning default values.");
      return [torch.tensor([1], { dtype: float32 }), torch.tensor([0])];
    }
    if (low.gt(high).any().item()) {
      throw new RuntimeError(`min ${String(low)} should be less than max ${String(high)}`);
    }
    return noGrad(() => this.fromRange(low, high));
  }

  override extraRepr(): string {
    const shown = (t: Tensor): string => {
      if (t.ndim > 0) return String(t);
      const value = t.item();
      return Number.isFinite(value)
        ? Number.isInteger(value)
          ? `${String(value)}.0`
          : String(value)
        : value > 0
          ? "inf"
          : "-inf";
    };
    return `min_val=${shown(this.minVal)}, max_val=${shown(this.maxVal)}`;
  }
}

/**
 * The smallest and largest number of all that passed.
 * @see https://pytorch.org/docs/stable/generated/torch.ao.quantization.observer.MinMaxObserver.html
 */
export class MinMaxObserver extends UniformObserver {
  constructor(options: ObserverOptions = {}) {
    const { qscheme = perTensorAffine } = options;
    if (qscheme.perChannel) {
      throw new NotImplementedError(
        "MinMaxObserver's qscheme only support torch.per_tensor_symmetric and torch.per_tensor_affine.",
      );
    }
    super(qscheme, options);
    this.registerBuffer("minVal", torch.tensor(Infinity));
    this.registerBuffer("maxVal", torch.tensor(-Infinity));
  }

  forward(x: Tensor): Tensor {
    if (x.numel() === 0) return x;
    noGrad(() => {
      const { min, max } = x.detach().to(float32).aminmax();
      this.take(min, max);
    });
    return x;
  }

  protected take(min: Tensor, max: Tensor): void {
    this.minVal.copy_(torch.minimum(this.minVal, min));
    this.maxVal.copy_(torch.maximum(this.maxVal, max));
  }
}

export interface MovingAverageOptions extends ObserverOptions {
  /** The share of what passes now. */
  readonly averagingConstant?: number;
}

/** `old` moved towards `now`; `now` itself at first, when `old` is infinite. */
const moved = (old: Tensor, now: Tensor, by: number): Tensor =>
  torch.where(old.isinf(), now, now.sub(old).mul(by).add(old));

/**
 * Moving averages of the smallest and largest number of each tensor that passes.
 * @see https://pytorch.org/docs/stable/generated/torch.ao.quantization.observer.MovingAverageMinMaxObserver.html
 */
export class MovingAverageMinMaxObserver extends MinMaxObserver {
  readonly averagingConstant: number;

  constructor(options: MovingAverageOptions = {}) {
    super(options);
    this.averagingConstant = options.averagingConstant ?? 0.01;
  }

  protected override take(min: Tensor, max: Tensor): void {
    this.minVal.copy_(moved(this.minVal, min, this.averagingConstant));
    this.maxVal.copy_(moved(this.maxVal, max, this.averagingConstant));
  }
}

export interface PerChannelOptions extends ObserverOptions {
  readonly chAxis?: number;
}

/**
 * The smallest and largest number of each channel.
 * @see https://pytorch.org/docs/stable/generated/torch.ao.quantization.observer.PerChannelMinMaxObserver.html
 */
export class PerChannelMinMaxObserver extends UniformObserver {
  override readonly chAxis: number;

  constructor(options: PerChannelOptions = {}) {
    const { qscheme = perChannelAffine, chAxis = 0 } = options;
    if (!qscheme.perChannel) {
      throw new NotImplementedError(
        "PerChannelMinMaxObserver's qscheme only support torch.per_channel_symmetric and torch.per_channel_affine.",
      );
    }
    super(qscheme, options);
    this.chAxis = chAxis;
    this.registerBuffer("minVal", torch.zeros(0));
    this.registerBuffer("maxVal", torch.zeros(0));
  }

  forward(x: Tensor): Tensor {
    if (x.numel() === 0) return x;
    noGrad(() => {
      const rows = x.detach().to(float32).movedim(this.chAxis, 0).flatten({ startDim: 1 });
      const [min, max] = [rows.amin(1), rows.amax(1)];
      if (this.minVal.numel() === 0) {
        this.minVal = min;
        this.maxVal = max;
      } else if (this.minVal.numel() !== min.numel()) {
        throw new ValueError(
          `this observer has seen ${String(this.minVal.numel())} channels, and now ${String(min.numel())} along axis ${String(this.chAxis)}`,
        );
      } else {
        this.take(min, max);
      }
    });
    return x;
  }

  protected take(min: Tensor, max: Tensor): void {
    this.minVal.copy_(torch.minimum(this.minVal, min));
    this.maxVal.copy_(torch.maximum(this.maxVal, max));
  }
}

/**
 * Moving averages of the smallest and largest number of each channel.
 * @see https://pytorch.org/docs/stable/generated/torch.ao.quantization.observer.MovingAveragePerChannelMinMaxObserver.html
 */
export class MovingAveragePerChannelMinMaxObserver extends PerChannelMinMaxObserver {
  readonly averagingConstant: number;

  constructor(options: PerChannelOptions & MovingAverageOptions = {}) {
    super(options);
    this.averagingConstant = options.averagingConstant ?? 0.01;
  }

  protected override take(min: Tensor, max: Tensor): void {
    this.minVal.copy_(moved(this.minVal, min, this.averagingConstant));
    this.maxVal.copy_(moved(this.maxVal, max, this.averagingConstant));
  }
}
