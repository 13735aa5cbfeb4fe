/** Training as if values were quantized. */
import { noGrad } from "../../autograd/mode.js";
import { float32, int32, uint8 } from "../../tensor/dtype.js";
import {
  qint8,
  perChannelSymmetric,
  perTensorSymmetric,
  type QScheme,
  type QuantizedDType,
} from "../../tensor/quantized.js";
import type { Tensor } from "../../tensor/tensor.js";
import { torch } from "../../torch.js";
import {
  MovingAverageMinMaxObserver,
  MovingAveragePerChannelMinMaxObserver,
  Observing,
  type ObserverOptions,
  type UniformObserver,
} from "./observer.js";

export interface FakeQuantizeOptions extends ObserverOptions {
  /** The class of the observer; the options that are not named here are its. */
  readonly observer?: new (options?: never) => UniformObserver;
  readonly chAxis?: number;
  readonly averagingConstant?: number;
}

/**
 * Observes what passes, and rounds it to what the integers can stand for; gradients pass where the range is not left.
 * @see https://pytorch.org/docs/stable/generated/torch.ao.quantization.fake_quantize.FakeQuantize.html
 */
export class FakeQuantize extends Observing {
  readonly activationPostProcess: UniformObserver;
  readonly quantMin: number;
  readonly quantMax: number;
  declare readonly fakeQuantEnabled: Tensor;
  declare readonly observerEnabled: Tensor;
  declare scale: Tensor;
  declare zeroPoint: Tensor;
  /** The switches as last read, with the versions they had. */
  private switches = { fake: true, observe: true, at: "" };

  constructor({ observer = MovingAverageMinMaxObserver, ...options }: FakeQuantizeOptions = {}) {
    super();
    this.registerBuffer("fakeQuantEnabled", torch.tensor([1], { dtype: uint8 }));
    this.registerBuffer("observerEnabled", torch.tensor([1], { dtype: uint8 }));
    this.activationPostProcess = new observer(options as never);
    ({ quantMin: this.quantMin, quantMax: this.quantMax } = this.activationPostProcess);
    this.registerBuffer("scale", torch.tensor([1], { dtype: float32 }));
    this.registerBuffer("zeroPoint", torch.tensor([0], { dtype: int32 }));
  }

  get dtype(): QuantizedDType {
    return this.activationPostProcess.dtype;
  }

  get qscheme(): QScheme {
    return this.activationPostProcess.qscheme;
  }

  get chAxis(): number {
    return this.activationPostProcess.chAxis;
  }

  /** Reads the switches where they were changed: a read ends the graph of a step. */
  private state(): { readonly fake: boolean; readonly observe: boolean } {
    const { fakeQuantEnabled: fake, observerEnabled: observe } = this;
    const at = `${String(fake._versions.value)} ${String(observe._versions.value)}`;
    if (at !== this.switches.at) {
      this.switches = { fake: Boolean(fake.at(0).item()), observe: Boolean(observe.at(0).item()), at };
    }
    return this.switches;
  }

  forward(x: Tensor): Tensor {
    const { fake, observe } = this.state();
    if (observe) {
      this.activationPostProcess.forward(x.detach());
      noGrad(() => {
        const { minVal, maxVal } = this.activationPostProcess;
        const [scale, zero] = this.activationPostProcess.fromRange(minVal.reshape(-1), maxVal.reshape(-1));
        if (scale.numel() === this.scale.numel()) {
          this.scale.copy_(scale);
          this.zeroPoint.copy_(zero);
        } else {
          this.scale = scale;
          this.zeroPoint = zero.to(int32);
        }
      });
    }
    if (!fake) return x;
    const { scale, zeroPoint, quantMin, quantMax } = this;
    return this.qscheme.perChannel
      ? torch.fakeQuantizePerChannelAffine(x, scale, zeroPoint, this.chAxis, quantMin, quantMax)
      : torch.fakeQuantizePerTensorAffine(x, scale, zeroPoint, quantMin, quantMax);
  }

  calculateQparams(): [scale: Tensor, zeroPoint: Tensor] {
    return this.activationPostProcess.calculateQparams();
  }

  enableFakeQuant(enabled = true): this {
    this.fakeQuantEnabled.fill_(Number(enabled));
    return this;
  }

  disableFakeQuant(): this {
    return this.enableFakeQuant(false);
  }

  enableObserver(enabled = true): this {
    this.observerEnabled.fill_(Number(enabled));
    return this;
  }

  disableObserver(): this {
    return this.enableObserver(false);
  }

  override extraRepr(): string {
    return `fake_quant_enabled=${String(this.fakeQuantEnabled)}, observer_enabled=${String(this.observerEnabled)}, quant_min=${String(this.quantMin)}, quant_max=${String(this.quantMax)}, dtype=${String(this.dtype)}, qscheme=${String(this.qscheme)}, ch_axis=${String(this.chAxis)}, scale=${String(this.scale)}, zero_point=${String(this.zeroPoint)}`;
  }
}

/** For activations: a moving average over quint8. */
export const defaultFakeQuant = FakeQuantize.withArgs({
  observer: MovingAverageMinMaxObserver,
  quantMin: 0,
  quantMax: 255,
} as FakeQuantizeOptions);

/** For weights: symmetric qint8. */
export const defaultWeightFakeQuant = FakeQuantize.withArgs({
  observer: MovingAverageMinMaxObserver,
  quantMin: -128,
  quantMax: 127,
  dtype: qint8,
  qscheme: perTensorSymmetric,
} as FakeQuantizeOptions);

/** For weights, with a scale for each channel. */
export const defaultPerChannelWeightFakeQuant = FakeQuantize.withArgs({
  observer: MovingAveragePerChannelMinMaxObserver,
  quantMin: -128,
  quantMax: 127,
  dtype: qint8,
  qscheme: perChannelSymmetric,
  chAxis: 0,
} as FakeQuantizeOptions);
