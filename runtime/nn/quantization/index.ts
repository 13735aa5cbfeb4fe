/** Quantization: eight-bit integers in the place of floating numbers. @see https://pytorch.org/docs/stable/quantization.html */
export {
  convert,
  DeQuantStub,
  disableFakeQuant,
  disableObserver,
  enableFakeQuant,
  enableObserver,
  prepare,
  propagateQconfig_,
  QuantStub,
  quantizeDynamic,
  type ConvertOptions,
} from "./convert.js";
export {
  defaultFakeQuant,
  defaultPerChannelWeightFakeQuant,
  defaultWeightFakeQuant,
  FakeQuantize,
  type FakeQuantizeOptions,
} from "./fake-quantize.js";
export { HistogramObserver, type HistogramOptions } from "./histogram.js";
export {
  MinMaxObserver,
  MovingAverageMinMaxObserver,
  MovingAveragePerChannelMinMaxObserver,
  PerChannelMinMaxObserver,
  type MovingAverageOptions,
  type ObserverOptions,
  type PerChannelOptions,
} from "./observer.js";
export {
  defaultDynamicQconfig,
  defaultHistogramObserver,
  defaultObserver,
  defaultPerChannelWeightObserver,
  defaultQconfig,
  defaultWeightObserver,
  getDefaultQconfig,
  perChannelDynamicQconfig,
  perChannelQconfig,
  QConfig,
} from "./qconfig.js";
