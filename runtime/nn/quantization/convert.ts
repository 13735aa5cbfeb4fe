/** From floating layers to layers of integers. @see https://pytorch.org/docs/stable/quantization.html */
import { NotImplementedError } from "../../errors.js";
import { qint8, type QuantizedDType } from "../../tensor/quantized.js";
import type { Tensor } from "../../tensor/tensor.js";
import { warn } from "../../warnings.js";
import { Conv1d, Conv2d, Conv3d } from "../conv.js";
import { deepcopy } from "../deepcopy.js";
import { Linear } from "../linear.js";
import { Module } from "../module.js";
import * as quantized from "../quantized/index.js";
import { fields, isModule, submodules } from "../registry.js";
import type { Observing } from "./observer.js";
import { defaultDynamicQconfig, type QConfig } from "./qconfig.js";
import { FakeQuantize } from "./fake-quantize.js";

/**
 * Where quantized layers begin: gives its input until `convert` makes a `Quantize` of it.
 * @see https://pytorch.org/docs/stable/generated/torch.ao.quantization.QuantStub.html
 */
export class QuantStub extends Module {
  static override readonly stateNames = "pytorch";

  constructor(qconfig?: QConfig) {
    super();
    if (qconfig) this.qconfig = qconfig;
  }

  forward(x: Tensor): Tensor {
    return x;
  }
}

/**
 * Where quantized layers end: gives its input until `convert` makes a `DeQuantize` of it.
 * @see https://pytorch.org/docs/stable/generated/torch.ao.quantization.DeQuantStub.html
 */
export class DeQuantStub extends Module {
  forward(x: Tensor): Tensor {
    return x;
  }
}

type ModuleClass = new (...args: never[]) => Module;
type Quantizer = (module: Module) => Module;

const from = <M extends Module>(quantize: (module: M) => Module): Quantizer =>
  quantize as unknown as Quantizer;

/** What becomes of layers that were observed. */
const staticForms: ReadonlyMap<ModuleClass, Quantizer> = new Map<ModuleClass, Quantizer>([
  [QuantStub, from((m) => quantized.Quantize.fromFloat(m))],
  [DeQuantStub, () => new quantized.DeQuantize()],
  [Linear, from((m: Linear) => quantized.Linear.fromFloat(m))],
  [Conv1d, from((m: Conv1d) => quantized.Conv1d.fromFloat(m))],
  [Conv2d, from((m: Conv2d) => quantized.Conv2d.fromFloat(m))],
  [Conv3d, from((m: Conv3d) => quantized.Conv3d.fromFloat(m))],
]);

/** What becomes of layers whose input is quantized on the way. */
const dynamicForms: ReadonlyMap<ModuleClass, Quantizer> = new Map<ModuleClass, Quantizer>([
  [Linear, from((m: Linear) => quantized.dynamic.Linear.fromFloat(m))],
  [Conv1d, from((m: Conv1d) => quantized.dynamic.Conv1d.fromFloat(m))],
  [Conv2d, from((m: Conv2d) => quantized.dynamic.Conv2d.fromFloat(m))],
  [Conv3d, from((m: Conv3d) => quantized.dynamic.Conv3d.fromFloat(m))],
]);

const formOf = (forms: ReadonlyMap<ModuleClass, Quantizer>, module: Module): Quantizer | undefined =>
  forms.get(module.constructor as ModuleClass);

/** Gives modules below the configuration of what they are in, unless they have their own. */
export function propagateQconfig_(module: Module, inherited: QConfig | null = null): void {
  module.qconfig = module.qconfig === undefined ? inherited : module.qconfig;
  for (const [, child] of submodules(module)) propagateQconfig_(child, module.qconfig);
}

/** Puts other modules in the place of those that `replace` gives one for; one that stands in several places once. */
function swap(
  module: Module,
  replace: (module: Module) => Module | undefined,
  done = new Map<Module, Module>(),
): void {
  for (const [key, child] of [...fields(module)]) {
    if (!isModule(child)) continue;
    let other = done.get(child);
    if (!other) {
      other = replace(child) ?? child;
      done.set(child, other);
      if (other === child) swap(child, replace, done);
    }
    if (other !== child) (module as unknown as Record<string, Module>)[key] = other;
  }
}

/** A copy to work on, or the module itself; whether it is itself to be replaced is asked too. */
function replaced<M extends Module>(
  module: M,
  inplace: boolean,
  replace: (module: Module) => Module | undefined,
): Module {
  const model = inplace ? module : deepcopy(module);
  const whole = replace(model);
  if (whole) return whole;
  swap(model, replace);
  return model;
}

export interface ConvertOptions {
  /** Changes the model itself instead of a copy. */
  readonly inplace?: boolean;
}

/**
 * Gives layers that can be quantized an observer of their result, as their `qconfig` says; then run typical data through
 * the model, and `convert` it. The model is to be in evaluation mode.
 * @see https://pytorch.org/docs/stable/generated/torch.ao.quantization.prepare.html
 */
export function prepare<M extends Module>(model: M, { inplace = false }: ConvertOptions = {}): M {
  const made = inplace ? model : deepcopy(model);
  propagateQconfig_(made);
  let found = false;
  for (const module of [...made.modules()]) {
    const { qconfig } = module;
    if (!qconfig) continue;
    found = true;
    if (module instanceof DeQuantStub || !formOf(staticForms, module)) continue;
    const observer = qconfig.activation();
    module.addModule("activationPostProcess", observer);
    module.registerForwardHook((self, _args, result) => {
      const { activationPostProcess } = self as unknown as { readonly activationPostProcess: Observing };
      return activationPostProcess(result as Tensor);
    });
  }
  if (!found) {
    warn(
      "None of the submodule got qconfig applied. Make sure you set model.qconfig, or the qconfig of the layers to quantize.",
    );
  }
  return made;
}

/**
 * Layers that `prepare` gave observers become layers of integers, with the scales and zero points that the observers
 * found. Layers without a qconfig stay; between them, `DeQuantStub` and `QuantStub` say where integers end and begin.
 * @see https://pytorch.org/docs/stable/generated/torch.ao.quantization.convert.html
 */
export function convert(model: Module, { inplace = false }: ConvertOptions = {}): Module {
  return replaced(model, inplace, (module) => {
    const form = formOf(staticForms, module);
    if (!form || !module.qconfig) return undefined;
    const made = form(module);
    made.train(module.training);
    return made;
  });
}

/**
 * Weights become int8, and what comes in is quantized on the way by its range: nothing has to be observed. Without a
 * choice of classes every `nn.Linear`; `nn.Conv1d`, `nn.Conv2d` and `nn.Conv3d` where they are asked for.
 * @param qconfigSpec classes of layers, or a map from them to their `QConfig`
 * @throws NotImplementedError for other classes, such as nn.LSTM, and other types than `torch.qint8`.
 * @see https://pytorch.org/docs/stable/generated/torch.ao.quantization.quantize_dynamic.html
 */
export function quantizeDynamic(
  model: Module,
  qconfigSpec: Iterable<ModuleClass> | ReadonlyMap<ModuleClass, QConfig> | null = null,
  dtype: QuantizedDType = qint8,
  { inplace = false }: ConvertOptions = {},
): Module {
  if (dtype !== qint8) {
    throw new NotImplementedError(
      `quantizeDynamic to ${String(dtype)} is not implemented: weights become torch.qint8`,
    );
  }
  const chosen: ReadonlyMap<ModuleClass, QConfig> =
    qconfigSpec instanceof Map
      ? (qconfigSpec as ReadonlyMap<ModuleClass, QConfig>)
      : new Map(
          Array.from((qconfigSpec as Iterable<ModuleClass> | null) ?? [Linear], (c) => [
            c,
            defaultDynamicQconfig,
          ]),
        );
  for (const Class of chosen.keys()) {
    if (!dynamicForms.has(Class)) {
      throw new NotImplementedError(`dynamic quantization of ${Class.name} is not implemented`);
    }
  }
  return replaced(model, inplace, (module) => {
    const qconfig = chosen.get(module.constructor as ModuleClass);
    if (!qconfig) return undefined;
    module.qconfig = qconfig;
    const made = formOf(dynamicForms, module)!(module);
    made.train(module.training);
    return made;
  });
}

/** Calls a method of every `FakeQuantize` at or below `module`. */
const each =
  (method: "enableObserver" | "disableObserver" | "enableFakeQuant" | "disableFakeQuant") =>
  (module: Module): void => {
    for (const m of module.modules()) if (m instanceof FakeQuantize) m[method]();
  };

export const enableObserver = each("enableObserver");
export const disableObserver = each("disableObserver");
export const enableFakeQuant = each("enableFakeQuant");
export const disableFakeQuant = each("disableFakeQuant");
