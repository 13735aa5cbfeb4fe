/** Where quantized layers begin and end. */
import { float32 } from "../../tensor/dtype.js";
import { QuantizedTensor, type QuantizedDType } from "../../tensor/quantized.js";
import type { Tensor } from "../../tensor/tensor.js";
import { torch } from "../../torch.js";
import { Module } from "../module.js";
import { activationParams } from "../quantization/params.js";

/** Quantizes: float32 → `dtype`. @see https://pytorch.org/docs/stable/generated/torch.ao.nn.quantized.Quantize.html */
export class Quantize extends Module {
  static override readonly stateNames = "pytorch";
  readonly dtype: QuantizedDType;
  /** The numbers of the buffers, while those are at `read`. */
  private known = { scale: 1, zeroPoint: 0 };
  private readAt: readonly number[] = [];
  declare readonly scale: Tensor;
  declare readonly zeroPoint: Tensor;

  constructor(scale: number, zeroPoint: number, dtype: QuantizedDType) {
    super();
    this.dtype = dtype;
    this.registerBuffer("scale", torch.tensor([scale], { dtype: float32 }));
    this.registerBuffer("zeroPoint", torch.tensor([zeroPoint]));
  }

  static fromFloat(module: Module): Quantize {
    const { scale, zeroPoint, dtype } = activationParams(module);
    return new Quantize(scale, zeroPoint, dtype);
  }

  forward(input: Tensor): QuantizedTensor {
    const at = [this.scale._versions.value, this.zeroPoint._versions.value];
    if (at.some((version, i) => version !== this.readAt[i])) {
      this.known = { scale: this.scale.item(), zeroPoint: Number(this.zeroPoint.item()) };
      this.readAt = at;
    }
    return torch.quantizePerTensor(input, this.known.scale, this.known.zeroPoint, this.dtype);
  }

  override extraRepr(): string {
    return `scale=${String(this.scale)}, zero_point=${String(this.zeroPoint)}, dtype=${String(this.dtype)}`;
  }
}

/** Back to float32. @see https://pytorch.org/docs/stable/generated/torch.ao.nn.quantized.DeQuantize.html */
export class DeQuantize extends Module {
  forward(input: QuantizedTensor | Tensor): Tensor {
    return input instanceof QuantizedTensor ? input.dequantize() : input;
  }
}
