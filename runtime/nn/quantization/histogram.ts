/** The observer that leaves outliers out. */
import { noGrad } from "../../autograd/mode.js";
import { NotImplementedError } from "../../errors.js";
import { float32 } from "../../tensor/dtype.js";
import { perTensorAffine } from "../../tensor/quantized.js";
import type { Tensor } from "../../tensor/tensor.js";
import { torch } from "../../torch.js";
import { UniformObserver, type ObserverOptions } from "./observer.js";

export interface HistogramOptions extends ObserverOptions {
  readonly bins?: number;
  /** Into how many parts a bin is split before it is spread over wider ones. */
  readonly upsampleRate?: number;
}

/** How many of `values` fall into each of `bins` equal parts of [low, high]. */
function count(values: ArrayLike<number>, bins: number, low: number, high: number): Float64Array {
  const out = new Float64Array(bins);
  if (low === high) [low, high] = [low - 1, high + 1];
  for (let i = 0; i < values.length; i++) {
    const v = values[i]!;
    if (v < low || v > high) continue;
    out[Math.min(bins - 1, Math.floor(((v - low) / (high - low)) * bins))]!++;
  }
  return out;
}

/** ∫ x² dx from a to b */
const secondMoment = (a: number, b: number): number => (b ** 3 - a ** 3) / 3;

/** The squared error of the numbers in `histogram` when bins `first` to `last` are what the integers reach. */
function quantizationError(
  histogram: ArrayLike<number>,
  width: number,
  first: number,
  last: number,
  levels: number,
): number {
  const step = (width * (last - first + 1)) / levels;
  if (step === 0) return 0;
  const levelOf = (x: number): number => Math.min(levels - 1, Math.max(0, Math.floor(x / step)));
  let error = 0;
  for (let i = 0; i < histogram.length; i++) {
    if (histogram[i] === 0) continue;
    const begin = (i - first) * width;
    const end = begin + width;
    const [from, to] = [levelOf(begin), levelOf(end)];
    // The part of the bin in its first level, whole levels, the part in its last level.
    const moment =
      secondMoment(begin - (from + 0.5) * step, step / 2) +
      (to - from - 1) * secondMoment(-step / 2, step / 2) +
      secondMoment(-step / 2, end - (to + 0.5) * step);
    error += (histogram[i]! / width) * moment;
  }
  return error;
}

/**
 * Keeps a histogram of all that passed, and chooses the range whose quantization loses least in squared error: a few
 * outliers do not widen the steps of everything else.
 * @see https://pytorch.org/docs/stable/generated/torch.ao.quantization.observer.HistogramObserver.html
 */
export class HistogramObserver extends UniformObserver {
  readonly bins: number;
  readonly upsampleRate: number;
  declare readonly histogram: Tensor;

  constructor(options: HistogramOptions = {}) {
    const { qscheme = perTensorAffine, bins = 2048, upsampleRate = 128 } = options;
    if (qscheme.perChannel) {
      throw new NotImplementedError(
        "HistogramObserver's qscheme only support torch.per_tensor_symmetric and torch.per_tensor_affine.",
      );
    }
    super(qscheme, options);
    this.bins = bins;
    this.upsampleRate = upsampleRate;
    this.registerBuffer("histogram", torch.zeros(bins));
    this.registerBuffer("minVal", torch.tensor(Infinity));
    this.registerBuffer("maxVal", torch.tensor(-Infinity));
  }

  /** Reads the tensor: what passes is not part of a graph that goes on. */
  forward(x: Tensor): Tensor {
    if (x.numel() === 0) return x;
    const values = x.detach().to(float32).numpy() as Float32Array;
    let [low, high] = [Infinity, -Infinity];
    for (const v of values) {
      if (v < low) low = v;
      if (v > high) high = v;
    }
    const [oldLow, oldHigh] = [this.minVal.item(), this.maxVal.item()];
    let histogram: Float64Array;
    if (oldLow >= oldHigh) {
      histogram = count(values, this.bins, low, high);
    } else {
      ({ low, high, histogram } = this.combined(
        values,
        oldLow,
        oldHigh,
        Math.min(low, oldLow),
        Math.max(high, oldHigh),
      ));
    }
    noGrad(() => {
      this.histogram.copy_(torch.tensor(Array.from(histogram), { dtype: float32 }));
      this.minVal.fill_(low);
      this.maxVal.fill_(high);
    });
    return x;
  }

  /** The old histogram spread over the wider range, and the new numbers. */
  private combined(values: Float32Array, oldLow: number, oldHigh: number, low: number, high: number) {
    const { bins, upsampleRate: up } = this;
    const old = this.histogram.numpy() as Float32Array;
    if (low === oldLow && high === oldHigh) {
      const histogram = count(values, bins, low, high);
      old.forEach((n, i) => (histogram[i]! += n));
      return { low, high, histogram };
    }
    // A grid of cells so fine that old and new bins are whole numbers of them: the new range grows a little.
    const cell = (oldHigh - oldLow) / (bins * up);
    const down = Math.ceil((high - low) / (bins * cell));
    high = low + down * bins * cell;
    const start = Math.round((oldLow - low) / cell);
    const histogram = count(values, bins, low, high);
    old.forEach((n, i) => {
      const [from, to] = [start + i * up, start + (i + 1) * up];
      for (let j = Math.floor(from / down); j * down < to && j < bins; j++) {
        const overlap = Math.min(to, (j + 1) * down) - Math.max(from, j * down);
        histogram[j]! += (n * overlap) / up;
      }
    });
    return { low, high, histogram };
  }

  /** The bins to keep: ends are taken off, the emptier one first, while the error falls. */
  private search(histogram: Float32Array, width: number): [first: number, last: number] {
    const levels = 2 ** (8 * this.dtype.itemsize);
    const sums = new Float64Array(histogram.length);
    histogram.forEach((n, i) => (sums[i] = n + (i > 0 ? sums[i - 1]! : 0)));
    const total = sums.at(-1)!;
    const step = 1e-5;
    let [alpha, beta, first, last, least] = [0, 1, 0, histogram.length - 1, Infinity];
    while (alpha < beta) {
      let [left, right] = [first, last];
      while (left < last && sums[left]! < (alpha + step) * total) left++;
      while (right > first && sums[right]! > (beta - step) * total) right--;
      let [nextFirst, nextLast] = [first, last];
      if (left - first > last - right) {
        nextFirst = left;
        alpha += step;
      } else {
        nextLast = right;
        beta -= step;
      }
      if (nextFirst === first && nextLast === last) continue;
      const error = quantizationError(histogram, width, nextFirst, nextLast, levels);
      if (error > least) break;
      [least, first, last] = [error, nextFirst, nextLast];
    }
    return [first, last];
  }

  override calculateQparams(): [scale: Tensor, zeroPoint: Tensor] {
    const [low, high] = [this.minVal.item(), this.maxVal.item()];
    if (low > high) return super.calculateQparams();
    const width = (high - low) / this.bins;
    const [first, last] = this.search(this.histogram.numpy() as Float32Array, width);
    const end = (bin: number): Tensor => torch.tensor([low + width * bin], { dtype: float32 });
    return noGrad(() => this.fromRange(end(first), end(last + 1)));
  }
}
