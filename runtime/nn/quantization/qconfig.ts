/** How layers are to be quantized. @see https://pytorch.org/docs/stable/generated/torch.ao.quantization.qconfig.QConfig.html */
import { perChannelSymmetric, perTensorSymmetric, qint8 } from "../../tensor/quantized.js";
import { HistogramObserver } from "./histogram.js";
import {
  MinMaxObserver,
  PerChannelMinMaxObserver,
  type Observing,
  type ObserverOptions,
} from "./observer.js";

/** What makes the observers of a layer's result and of its weight. */
export class QConfig {
  readonly activation: () => Observing;
  readonly weight: () => Observing;

  /** @param options classes or `X.withArgs({ … })` */
  constructor({
    activation,
    weight,
  }: {
    readonly activation: ObserverFactory;
    readonly weight: ObserverFactory;
  }) {
    this.activation = factory(activation);
    this.weight = factory(weight);
  }
}

export type ObserverFactory = (() => Observing) | (new () => Observing);

const factory = (given: ObserverFactory): (() => Observing) => {
  const isClass =
    typeof given.prototype === "object" && given.prototype !== null && "forward" in given.prototype;
  return isClass ? () => new (given as new () => Observing)() : (given as () => Observing);
};

export const defaultObserver = MinMaxObserver.withArgs<ObserverOptions, MinMaxObserver>({
  quantMin: 0,
  quantMax: 127,
});
export const defaultWeightObserver = MinMaxObserver.withArgs<ObserverOptions, MinMaxObserver>({
  dtype: qint8,
  qscheme: perTensorSymmetric,
});
export const defaultPerChannelWeightObserver = PerChannelMinMaxObserver.withArgs<
  ObserverOptions,
  PerChannelMinMaxObserver
>({ dtype: qint8, qscheme: perChannelSymmetric });
export const defaultHistogramObserver = HistogramObserver.withArgs<ObserverOptions, HistogramObserver>({
  quantMin: 0,
  quantMax: 127,
});

export const defaultQconfig = new QConfig({ activation: defaultObserver, weight: defaultWeightObserver });
export const perChannelQconfig = new QConfig({
  activation: defaultObserver,
  weight: defaultPerChannelWeightObserver,
});
/** For `quantizeDynamic`: only the weight is observed. */
export const defaultDynamicQconfig = defaultQconfig;
export const perChannelDynamicQconfig = perChannelQconfig;

/**
 * The configuration PyTorch has for a backend: `x86` and `fbgemm` (one bit of activations unused, a scale for each
 * channel of weights), `onednn` (all bits, likewise), `qnnpack` (all bits, one scale). Our kernels are right with any.
 */
export function getDefaultQconfig(backend = "x86"): QConfig {
  const reduceRange = backend === "fbgemm" || backend === "x86";
  if (!reduceRange && backend !== "onednn" && backend !== "qnnpack") return defaultQconfig;
  return new QConfig({
    activation: HistogramObserver.withArgs<ObserverOptions, HistogramObserver>({ reduceRange }),
    weight: backend === "qnnpack" ? defaultWeightObserver : defaultPerChannelWeightObserver,
  });
}
