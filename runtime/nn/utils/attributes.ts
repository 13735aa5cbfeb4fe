/** Parameters that hooks and parametrizations move about: by the names users know them under. */
import { ValueError } from "../../errors.js";
import { camel } from "../../ops/schema.js";
import { Tensor } from "../../tensor/tensor.js";
import type { Module } from "../module.js";
import { Parameter } from "../parameter.js";
import { register, registryOf, settle, stateName, type ForwardPreHook } from "../registry.js";

/** The field that a name means: its own name, or the one it has in the state dict. */
export function fieldOf(module: Module, name: string): string {
  if (name in module) return name;
  if (stateName(module, camel(name)) === name && camel(name) in module) return camel(name);
  return name;
}

/** The field beside another that PyTorch names with a suffix: `weightG` beside `weight`, `weight_g` in the state dict. */
export function beside(module: Module, field: string, suffix: string): string {
  const verbatim = stateName(module, "aB") === "aB";
  return verbatim ? `${field}_${suffix}` : field + suffix[0]!.toUpperCase() + suffix.slice(1);
}

export function valueOf(module: Module, field: string): unknown {
  return (module as unknown as Readonly<Record<string, unknown>>)[field];
}

/** The tensor in a field. */
export function tensorOf(module: Module, field: string): Tensor {
  return valueOf(module, field) as Tensor;
}

/** The tensor that a parametrization is asked for. @throws ValueError when there is none. */
export function given(module: Module, name: string): Tensor {
  const value = valueOf(module, fieldOf(module, name));
  if (value instanceof Tensor) return value;
  throw new ValueError(`module ${String(module)} has no parameter or buffer named '${name}'`);
}

/** The parameter or buffer of a module in a field; nothing for plain tensors and all else. */
export function memberOf(module: Module, field: string): Parameter | Tensor | undefined {
  const { buffers } = registryOf(module);
  const buffer = buffers.get(stateName(module, field));
  if (buffer) return buffer.tensor ?? undefined;
  const descriptor = Object.getOwnPropertyDescriptor(module, field);
  const value: unknown = descriptor && "value" in descriptor ? descriptor.value : undefined;
  return value instanceof Parameter ? value : undefined;
}

/** Takes a field off the module, with the parameter, buffer or plain tensor in it. */
export function takeOff(module: Module, field: string): void {
  registryOf(module).buffers.delete(stateName(module, field));
  Reflect.deleteProperty(module, field);
  settle(module);
}

/** Puts a tensor that is neither parameter nor buffer into a field. */
export function putPlain(module: Module, field: string, value: Tensor): void {
  Object.defineProperty(module, field, { configurable: true, enumerable: true, writable: true, value });
}

/** Puts a parameter, or a tensor as a buffer, into a free field, last in the order. */
export function putMember(module: Module, field: string, value: Tensor): void {
  if (value instanceof Parameter) register(module, field, value);
  else module.registerBuffer(field, value);
}

/** What changes a module before each of its calls, and can be found again. */
export interface PreHookObject {
  /** Runs before `forward`. */
  prepare(module: Module): void;
}

const objects = new WeakMap<ForwardPreHook, PreHookObject>();

export function addPreHook(module: Module, object: PreHookObject): void {
  const hook: ForwardPreHook = (m) => {
    object.prepare(m);
  };
  objects.set(hook, object);
  module.registerForwardPreHook(hook);
}

/** The objects of a class among a module's pre-hooks, and how to take each off. */
export function* preHooks<T extends PreHookObject>(
  module: Module,
  kind: abstract new (...args: never[]) => T,
): Generator<{ readonly object: T; readonly remove: () => void }> {
  const hooks = registryOf(module).preHooks;
  for (const [key, hook] of [...hooks]) {
    const object = objects.get(hook);
    if (object instanceof kind) yield { object, remove: () => void hooks.delete(key) };
  }
}
