import { noGrad } from "../autograd/mode.js";
import { RuntimeError } from "../errors.js";
import { isPlainObject } from "../ops/bind.js";
import { Tensor } from "../tensor/tensor.js";
import { blankModule, Module, registryOf, stateName } from "./module.js";
import { Parameter } from "./parameter.js";

type Memo = Map<object, unknown>;

/**
 * A copy of a module, tensor, array, `Map`, `Set` or plain object with everything below it: Python's `copy.deepcopy`.
 * What is shared inside the original (tied weights) is shared inside the copy. Values cost nothing until either side is
 * written. Other objects, and private `#fields`, are not looked into: the copy refers to the same ones.
 * @throws RuntimeError for tensors that an operation with gradient made.
 * @see https://docs.python.org/3/library/copy.html#copy.deepcopy
 */
export function deepcopy<T>(value: T): T {
  return copy(value, new Map()) as T;
}

function copy(value: unknown, memo: Memo): unknown {
  if ((typeof value !== "object" && typeof value !== "function") || value === null) return value;
  const known = memo.get(value);
  if (known !== undefined) return known;
  if (value instanceof Module) return copyModule(value, memo);
  if (value instanceof Tensor) return copyTensor(value, memo);
  const begin = <U extends object>(made: U): U => {
    memo.set(value, made);
    return made;
  };
  if (Array.isArray(value)) {
    const made = begin([] as unknown[]);
    for (const item of value as unknown[]) made.push(copy(item, memo));
    return made;
  }
  if (value instanceof Map) {
    const made = begin(new Map<unknown, unknown>());
    for (const [k, v] of value as Map<unknown, unknown>) made.set(copy(k, memo), copy(v, memo));
    return made;
  }
  if (value instanceof Set) {
    const made = begin(new Set<unknown>());
    for (const item of value as Set<unknown>) made.add(copy(item, memo));
    return made;
  }
  if (isPlainObject(value)) {
    const made = begin({} as Record<string, unknown>);
    for (const [k, v] of Object.entries(value)) made[k] = copy(v, memo);
    return made;
  }
  return value;
}

function copyTensor(tensor: Tensor, memo: Memo): Tensor {
  if (!tensor.isLeaf) {
    throw new RuntimeError(
      "Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol at the moment",
    );
  }
  const made =
    tensor instanceof Parameter
      ? new Parameter(tensor, tensor.requiresGrad)
      : noGrad(() => tensor.detach()._fresh());
  memo.set(tensor, made);
  if (!(made instanceof Parameter)) {
    if (tensor._storage.isState) made._storage.markState();
    if (tensor.requiresGrad) made.requiresGrad_();
  }
  if (tensor.grad) made.grad = copyTensor(tensor.grad, memo);
  return made;
}

function copyModule(module: Module, memo: Memo): Module {
  const made = blankModule(Object.getPrototypeOf(module) as Module);
  memo.set(module, made);
  const from = registryOf(module);
  const to = registryOf(made);
  to.training = from.training;
  for (const [id, hook] of from.preHooks) to.preHooks.set(id, hook);
  for (const [id, hook] of from.hooks) to.hooks.set(id, hook);
  for (const key of Reflect.ownKeys(module)) {
    const descriptor = Object.getOwnPropertyDescriptor(module, key)!;
    if (!("value" in descriptor)) {
      const entry = typeof key === "string" ? from.buffers.get(stateName(module, key)) : undefined;
      if (entry)
        made.registerBuffer(key as string, copy(entry.tensor, memo) as Tensor | null, entry.persistent);
      else Object.defineProperty(made, key, descriptor);
      continue;
    }
    Object.defineProperty(made, key, { ...descriptor, value: copy(descriptor.value, memo) });
  }
  for (const [name, value] of from.extra) to.extra.set(name, copy(value, memo) as Module | Parameter | null);
  return made;
}
