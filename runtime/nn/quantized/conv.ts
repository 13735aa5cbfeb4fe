/** Convolutions of integers. @see https://pytorch.org/docs/stable/quantization-support.html */
import { NotImplementedError } from "../../errors.js";
import { dynamicConv, integerConv } from "../../ops/integer.js";
import type { QuantizedTensor } from "../../tensor/quantized.js";
import { qint8 } from "../../tensor/quantized.js";
import type { Tensor } from "../../tensor/tensor.js";
import { torch } from "../../torch.js";
import {
  Conv1d as FloatConv1d,
  Conv2d as FloatConv2d,
  Conv3d as FloatConv3d,
  type ConvOptions,
  type Size,
} from "../conv.js";
import { activationParams, quantizedWeight, weightObserverOf } from "../quantization/params.js";
import { float as pythonFloat } from "../repr.js";
import { skipInit } from "../utils/skipInit.js";
import { Static, Weighted } from "./weighted.js";

type FloatConv = FloatConv1d | FloatConv2d | FloatConv3d;

/** Sizes of a convolution as the floating layer has them. */
interface Geometry {
  readonly line: string;
  readonly weightShape: readonly number[];
  readonly hasBias: boolean;
  readonly outChannels: number;
  readonly attrs: {
    readonly stride: readonly number[];
    readonly padding: readonly number[];
    readonly dilation: readonly number[];
    readonly groups: number;
  };
}

function geometryOf(conv: FloatConv): Geometry {
  const { stride, padding, dilation, groups, paddingMode, kernelSize } = conv;
  if (paddingMode !== "zeros") {
    throw new NotImplementedError(
      `quantized convolutions with padding_mode='${paddingMode}' are not implemented`,
    );
  }
  let amounts = padding;
  if (typeof amounts === "string") {
    const same = amounts === "same";
    amounts = kernelSize.map((k, i) => (same ? (dilation[i]! * (k - 1)) / 2 : 0));
    if (amounts.some((p) => !Number.isInteger(p))) {
      throw new NotImplementedError(
        "quantized convolutions with unequal padding on both sides are not implemented",
      );
    }
  }
  return {
    line: conv.extraRepr(),
    weightShape: conv.weight.shape,
    hasBias: conv.bias !== null,
    outChannels: conv.outChannels,
    attrs: { stride, padding: amounts as readonly number[], dilation, groups },
  };
}

const zeros = (shape: readonly number[]): QuantizedTensor =>
  torch.quantizePerTensor(torch.zeros([...shape]), 1, 0, qint8);

/** PyTorch prints these after the stride. */
const withScale = (line: string, scale: string, zeroPoint: number): string =>
  line.replace(/stride=\([^)]*\)/, (stride) => `${stride}, scale=${scale}, zero_point=${String(zeroPoint)}`);

/** Integers in, integers out. */
abstract class Conv extends Static {
  /** @internal */
  protected readonly geometry: Geometry;

  constructor(geometry: Geometry) {
    super();
    this.geometry = geometry;
    this.setWeightBias(
      zeros(geometry.weightShape),
      geometry.hasBias ? torch.zeros(geometry.outChannels) : null,
    );
  }

  /** @internal */
  protected take(conv: FloatConv): this {
    this.setWeightBias(quantizedWeight(conv.weight, weightObserverOf(conv)), conv.bias);
    ({ scale: this.scale, zeroPoint: this.zeroPoint } = activationParams(conv));
    return this;
  }

  protected lay(weight: Tensor): Tensor {
    return weight;
  }

  forward(input: QuantizedTensor): QuantizedTensor {
    return this.run(input, (x, weight, y, bias) => integerConv(x, weight, y, bias, this.geometry.attrs));
  }

  override extraRepr(): string {
    return withScale(this.geometry.line, pythonFloat(this.scale), this.zeroPoint);
  }
}

/** A weight of int8, the input quantized on the way. */
abstract class DynamicConv extends Weighted {
  /** @internal */
  protected readonly geometry: Geometry;

  constructor(geometry: Geometry) {
    super();
    this.geometry = geometry;
    this.setWeightBias(
      zeros(geometry.weightShape),
      geometry.hasBias ? torch.zeros(geometry.outChannels) : null,
    );
  }

  /** @internal */
  protected take(conv: FloatConv): this {
    this.setWeightBias(quantizedWeight(conv.weight, weightObserverOf(conv)), conv.bias);
    return this;
  }

  protected lay(weight: Tensor): Tensor {
    return weight;
  }

  forward(input: Tensor): Tensor {
    return dynamicConv(input, this.packed(), this.bias(), this.geometry.attrs);
  }

  override extraRepr(): string {
    return withScale(this.geometry.line, "1.0", 0);
  }
}

type Arguments = [inChannels: number, outChannels: number, kernelSize: Size, options?: ConvOptions];

/** The sizes of a floating layer of these arguments; its first values are not drawn. */
function sizes(Class: new (...args: Arguments) => FloatConv, args: Arguments): Geometry {
  return geometryOf(skipInit(Class, ...args));
}

/** The arguments that make a layer of the same sizes. */
function argumentsOf(conv: FloatConv): Arguments {
  const { stride, padding, dilation, groups, bias } = conv;
  const options = { stride, padding, dilation, groups, bias: bias !== null } as ConvOptions;
  return [conv.inChannels, conv.outChannels, conv.kernelSize, options];
}

/**
 * A convolution of integers: quint8 `[N, C, L]` → quint8 `[N, O, L']`.
 * @see https://pytorch.org/docs/stable/generated/torch.ao.nn.quantized.Conv1d.html
 */
export class Conv1d extends Conv {
  constructor(...args: Arguments) {
    super(sizes(FloatConv1d, args));
  }

  static fromFloat(conv: FloatConv1d): Conv1d {
    return new Conv1d(...argumentsOf(conv)).take(conv);
  }

  override _getName(): string {
    return "QuantizedConv1d";
  }
}

/**
 * A convolution with an int8 weight, its input quantized on the way: float32 `[N, C, L]` → `[N, O, L']`.
 * @see https://pytorch.org/docs/stable/generated/torch.ao.nn.quantized.Conv1d.html
 */
export class DynamicConv1d extends DynamicConv {
  constructor(...args: Arguments) {
    super(sizes(FloatConv1d, args));
  }

  static fromFloat(conv: FloatConv1d): DynamicConv1d {
    return new DynamicConv1d(...argumentsOf(conv)).take(conv);
  }

  override _getName(): string {
    return "DynamicQuantizedConv1d";
  }
}

/**
 * A convolution of integers: quint8 `[N, C, H, W]` → quint8 `[N, O, H', W']`.
 * @see https://pytorch.org/docs/stable/generated/torch.ao.nn.quantized.Conv2d.html
 */
export class Conv2d extends Conv {
  constructor(...args: Arguments) {
    super(sizes(FloatConv2d, args));
  }

  static fromFloat(conv: FloatConv2d): Conv2d {
    return new Conv2d(...argumentsOf(conv)).take(conv);
  }

  override _getName(): string {
    return "QuantizedConv2d";
  }
}

/**
 * A convolution with an int8 weight, its input quantized on the way: float32 `[N, C, H, W]` → `[N, O, H', W']`.
 * @see https://pytorch.org/docs/stable/generated/torch.ao.nn.quantized.Conv2d.html
 */
export class DynamicConv2d extends DynamicConv {
  constructor(...args: Arguments) {
    super(sizes(FloatConv2d, args));
  }

  static fromFloat(conv: FloatConv2d): DynamicConv2d {
    return new DynamicConv2d(...argumentsOf(conv)).take(conv);
  }

  override _getName(): string {
    return "DynamicQuantizedConv2d";
  }
}

/**
 * A convolution of integers: quint8 `[N, C, D, H, W]` → quint8 `[N, O, D', H', W']`.
 * @see https://pytorch.org/docs/stable/generated/torch.ao.nn.quantized.Conv3d.html
 */
export class Conv3d extends Conv {
  constructor(...args: Arguments) {
    super(sizes(FloatConv3d, args));
  }

  static fromFloat(conv: FloatConv3d): Conv3d {
    return new Conv3d(...argumentsOf(conv)).take(conv);
  }

  override _getName(): string {
    return "QuantizedConv3d";
  }
}

/**
 * A convolution with an int8 weight, its input quantized on the way: float32 `[N, C, D, H, W]` → `[N, O, D', H', W']`.
 * @see https://pytorch.org/docs/stable/generated/torch.ao.nn.quantized.Conv3d.html
 */
export class DynamicConv3d extends DynamicConv {
  constructor(...args: Arguments) {
    super(sizes(FloatConv3d, args));
  }

  static fromFloat(conv: FloatConv3d): DynamicConv3d {
    return new DynamicConv3d(...argumentsOf(conv)).take(conv);
  }

  override _getName(): string {
    return "DynamicQuantizedConv3d";
  }
}
