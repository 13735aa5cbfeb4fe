/** Quantized tensors: eight-bit (or 32-bit) integers that stand for real numbers. @see https://pytorch.org/docs/stable/quantization.html */
import { RuntimeError } from "../errors.js";
import { float32, int32, int8, uint8, type DType } from "./dtype.js";
import type { Nested } from "./reading.js";
import type { Tensor } from "./tensor.js";

/** The type of a quantized tensor's elements: `torch.quint8`, `torch.qint8`, `torch.qint32`. */
export class QuantizedDType {
  readonly name: "quint8" | "qint8" | "qint32";
  /** The dtype of the integers. */
  readonly storage: DType;
  /** The smallest and the largest integer. */
  readonly min: number;
  readonly max: number;
  readonly isFloatingPoint = false;

  constructor(name: QuantizedDType["name"], storage: DType, min: number, max: number) {
    this.name = name;
    this.storage = storage;
    this.min = min;
    this.max = max;
  }

  get itemsize(): number {
    return this.storage.itemsize;
  }

  toString(): string {
    return `torch.${this.name}`;
  }
}

export const quint8 = new QuantizedDType("quint8", uint8, 0, 255);
export const qint8 = new QuantizedDType("qint8", int8, -128, 127);
export const qint32 = new QuantizedDType("qint32", int32, -(2 ** 31), 2 ** 31 - 1);

/** How integers stand for real numbers: `torch.perTensorAffine` and so on. */
export class QScheme {
  readonly name: string;
  readonly perChannel: boolean;
  readonly symmetric: boolean;

  constructor(name: string) {
    this.name = name;
    this.perChannel = name.startsWith("per_channel");
    this.symmetric = name.endsWith("symmetric");
  }

  toString(): string {
    return `torch.${this.name}`;
  }
}

export const perTensorAffine = new QScheme("per_tensor_affine");
export const perTensorSymmetric = new QScheme("per_tensor_symmetric");
export const perChannelAffine = new QScheme("per_channel_affine");
export const perChannelSymmetric = new QScheme("per_channel_symmetric");

/** x = (q − zeroPoint) · scale, one pair for all elements. */
export interface PerTensor {
  readonly scale: number;
  readonly zeroPoint: number;
}

/** The same with a pair for each place along one axis. */
export interface PerChannel {
  /** float64 `[C]` */
  readonly scales: Tensor;
  /** int64 `[C]` */
  readonly zeroPoints: Tensor;
  readonly axis: number;
}

/** Methods that operations give quantized tensors; see `ops/quantized.ts` for which there are. */
export interface QuantizedTensor {
  reshape(...shape: number[]): QuantizedTensor;
  view(...shape: number[]): QuantizedTensor;
  permute(...dims: number[]): QuantizedTensor;
  transpose(dim0: number, dim1: number): QuantizedTensor;
  flatten(startDim?: number, endDim?: number): QuantizedTensor;
  unsqueeze(dim: number): QuantizedTensor;
  squeeze(dim?: number): QuantizedTensor;
  contiguous(): QuantizedTensor;
  relu(): QuantizedTensor;
  /** As PyTorch prints it. */
  toString(): string;
}

/**
 * A tensor of integers `q` that stand for (q − zeroPoint) · scale. What `torch.quantizePerTensor` and
 * `quantizePerChannel` give; quantized modules take and give them. Operations without a quantized form throw
 * `NotImplementedError`: `dequantize()` first. It has no gradient.
 */
export class QuantizedTensor {
  readonly dtype: QuantizedDType;
  /** @internal */
  readonly _int: Tensor;
  /** @internal */
  readonly _params: PerTensor | PerChannel;
  readonly isQuantized = true;
  readonly requiresGrad = false;

  /** @internal Use `torch.quantizePerTensor` and its like. */
  constructor(int: Tensor, dtype: QuantizedDType, params: PerTensor | PerChannel) {
    this._int = int;
    this.dtype = dtype;
    this._params = params;
  }

  get shape(): readonly number[] {
    return this._int.shape;
  }

  get ndim(): number {
    return this._int.ndim;
  }

  dim(): number {
    return this.ndim;
  }

  numel(): number {
    return this._int.numel();
  }

  size(): readonly number[];
  size(dim: number): number;
  size(dim?: number): readonly number[] | number {
    return dim === undefined ? this.shape : this._int.size(dim);
  }

  qscheme(): QScheme {
    return "scale" in this._params ? perTensorAffine : perChannelAffine;
  }

  /** @internal @throws RuntimeError when there is a scale for each channel. */
  _perTensor(what: string): PerTensor {
    if ("scale" in this._params) return this._params;
    throw new RuntimeError(`Expected quantizer->qscheme() == kPerTensorAffine to be true: ${what}`);
  }

  #perChannel(what: string): PerChannel {
    if ("axis" in this._params) return this._params;
    throw new RuntimeError(`Expected quantizer->qscheme() == kPerChannelAffine to be true: ${what}`);
  }

  qScale(): number {
    return this._perTensor("q_scale").scale;
  }

  qZeroPoint(): number {
    return this._perTensor("q_zero_point").zeroPoint;
  }

  /** float64 `[C]` */
  qPerChannelScales(): Tensor {
    return this.#perChannel("q_per_channel_scales").scales;
  }

  /** int64 `[C]` */
  qPerChannelZeroPoints(): Tensor {
    return this.#perChannel("q_per_channel_zero_points").zeroPoints;
  }

  qPerChannelAxis(): number {
    return this.#perChannel("q_per_channel_axis").axis;
  }

  /** The integers: uint8, int8 or int32. */
  intRepr(): Tensor {
    return this._int.clone();
  }

  /** The real numbers, float32. */
  dequantize(): Tensor {
    const params = this._params;
    if ("scale" in params) return this._int.to(float32).sub(params.zeroPoint).mul(params.scale);
    const along = this.shape.map((_, i) => (i === params.axis ? -1 : 1));
    const zero = params.zeroPoints.to(float32).reshape(along);
    return this._int.to(float32).sub(zero).mul(params.scales.to(float32).reshape(along));
  }

  clone(): QuantizedTensor {
    return new QuantizedTensor(this._int.clone(), this.dtype, this._params);
  }

  detach(): QuantizedTensor {
    return this;
  }

  /** Whether types, parameters and integers are the same. */
  equal(other: QuantizedTensor): boolean {
    if (this.dtype !== other.dtype || this.qscheme() !== other.qscheme()) return false;
    const [a, b] = [this._params, other._params];
    const params =
      "scale" in a && "scale" in b
        ? a.scale === b.scale && a.zeroPoint === b.zeroPoint
        : "axis" in a && "axis" in b
          ? a.axis === b.axis && a.scales.equal(b.scales) && a.zeroPoints.equal(b.zeroPoints)
          : false;
    return params && this._int.equal(other._int);
  }

  /** The real numbers in nested arrays. */
  tolist(): Nested {
    return this.dequantize().tolist();
  }

  toArray(): Nested {
    return this.tolist();
  }
}

/** Whether arguments of a call hold quantized tensors, alone or in lists. */
export function holdsQuantized(args: readonly unknown[]): boolean {
  const [first] = args;
  return first instanceof QuantizedTensor || (Array.isArray(first) && first[0] instanceof QuantizedTensor);
}
