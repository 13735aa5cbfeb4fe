/** Linear layers of integers. @see https://pytorch.org/docs/stable/quantization-support.html */
import { dynamicLinear, integerLinear } from "../../ops/integer.js";
import { qint8, type QuantizedTensor } from "../../tensor/quantized.js";
import type { Tensor } from "../../tensor/tensor.js";
import { torch } from "../../torch.js";
import type { Linear as FloatLinear } from "../linear.js";
import { activationParams, quantizedWeight, weightObserverOf } from "../quantization/params.js";
import { float as pythonFloat } from "../repr.js";
import { Static, Weighted } from "./weighted.js";

/** A weight of zeros, until one is set or loaded. */
const zeros = (shape: readonly number[]): QuantizedTensor =>
  torch.quantizePerTensor(torch.zeros([...shape]), 1, 0, qint8);

/**
 * y = x Wᵀ + b in integers: quint8 `[*, inFeatures]` → quint8 `[*, outFeatures]`.
 * @see https://pytorch.org/docs/stable/generated/torch.ao.nn.quantized.Linear.html
 */
export class Linear extends Static {
  readonly inFeatures: number;
  readonly outFeatures: number;

  constructor(inFeatures: number, outFeatures: number, bias = true) {
    super();
    this.inFeatures = inFeatures;
    this.outFeatures = outFeatures;
    this.setWeightBias(zeros([outFeatures, inFeatures]), bias ? torch.zeros(outFeatures) : null);
  }

  /** The quantized form of a layer that `prepare` gave an observer. */
  static fromFloat(module: FloatLinear): Linear {
    const made = new Linear(module.inFeatures, module.outFeatures);
    made.setWeightBias(quantizedWeight(module.weight, weightObserverOf(module)), module.bias);
    ({ scale: made.scale, zeroPoint: made.zeroPoint } = activationParams(module));
    return made;
  }

  protected lay(weight: Tensor): Tensor {
    return weight.t().contiguous();
  }

  forward(input: QuantizedTensor): QuantizedTensor {
    return this.run(input, integerLinear);
  }

  override _getName(): string {
    return "QuantizedLinear";
  }

  override extraRepr(): string {
    return `in_features=${String(this.inFeatures)}, out_features=${String(this.outFeatures)}, scale=${pythonFloat(this.scale)}, zero_point=${String(this.zeroPoint)}, qscheme=${String(this.weight().qscheme())}`;
  }
}

/**
 * y = x Wᵀ + b with an int8 weight; the input is quantized on the way by the range of its elements: float32
 * `[*, inFeatures]` → float32 `[*, outFeatures]`.
 * @see https://pytorch.org/docs/stable/generated/torch.ao.nn.quantized.dynamic.Linear.html
 */
export class DynamicLinear extends Weighted {
  readonly inFeatures: number;
  readonly outFeatures: number;

  constructor(inFeatures: number, outFeatures: number, bias = true) {
    super();
    this.inFeatures = inFeatures;
    this.outFeatures = outFeatures;
    this.setWeightBias(zeros([outFeatures, inFeatures]), bias ? torch.zeros(outFeatures) : null);
  }

  static fromFloat(module: FloatLinear): DynamicLinear {
    const made = new DynamicLinear(module.inFeatures, module.outFeatures);
    made.setWeightBias(quantizedWeight(module.weight, weightObserverOf(module)), module.bias);
    return made;
  }

  protected lay(weight: Tensor): Tensor {
    return weight.t().contiguous();
  }

  forward(input: Tensor): Tensor {
    return dynamicLinear(input, this.packed(), this.bias());
  }

  override _getName(): string {
    return "DynamicQuantizedLinear";
  }

  override extraRepr(): string {
    return `in_features=${String(this.inFeatures)}, out_features=${String(this.outFeatures)}, dtype=torch.qint8, qscheme=${String(this.weight().qscheme())}`;
  }
}
