/** What observers of a layer say when it is quantized. */
import { RuntimeError } from "../../errors.js";
import { float64, int64 } from "../../tensor/dtype.js";
import type { QuantizedDType, QuantizedTensor } from "../../tensor/quantized.js";
import type { Tensor } from "../../tensor/tensor.js";
import { torch } from "../../torch.js";
import { className } from "../registry.js";
import type { Module } from "../module.js";
import { defaultWeightObserver, type QConfig } from "./qconfig.js";
import type { Observing } from "./observer.js";

declare module "../module.js" {
  interface Module {
    /** How `prepare` and `quantizeDynamic` quantize this module and those below it; `null`: not at all. */
    qconfig?: QConfig | null;
  }
}

/** The observer that `prepare` gave a layer. */
function observerOf(module: Module): Observing {
  const { activationPostProcess } = module as unknown as { readonly activationPostProcess?: Observing };
  if (activationPostProcess) return activationPostProcess;
  throw new RuntimeError(
    `${className(module)} has not been observed: call prepare() and run data through it first`,
  );
}

/** Scale, zero point and type of a layer's result. */
export function activationParams(module: Module): {
  scale: number;
  zeroPoint: number;
  dtype: QuantizedDType;
} {
  const observer = observerOf(module);
  const [scale, zeroPoint] = observer.calculateQparams();
  return { scale: Number(scale.item()), zeroPoint: Number(zeroPoint.item()), dtype: observer.dtype };
}

/** A fresh observer for the weight of a layer. */
export function weightObserverOf(module: Module): Observing {
  return (module.qconfig?.weight ?? defaultWeightObserver)();
}

/** The weight as the observer, having seen it, says. */
export function quantizedWeight(weight: Tensor, observer: Observing): QuantizedTensor {
  const values = weight.detach().to(torch.float32);
  observer.forward(values);
  const [scale, zero] = observer.calculateQparams();
  return observer.qscheme.perChannel
    ? torch.quantizePerChannel(values, scale.to(float64), zero.to(int64), observer.chAxis, observer.dtype)
    : torch.quantizePerTensor(values, scale.item(), Number(zero.item()), observer.dtype);
}
