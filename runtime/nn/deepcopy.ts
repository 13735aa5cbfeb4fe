import { noGrad } from "../autograd/mode.js";
import { RuntimeError } from "../errors.js";
import { isPlainObject } from "../ops/bind.js";
import { Tensor } from "../tensor/tensor.js";
import { blankModule, Module } from "./module.js";
import { isLazy, Parameter, UninitializedBuffer, UninitializedParameter } from "./parameter.js";
import { registryOf, setBuffer } from "./registry.js";

type Memo = Map<object, unknown>;

/**
 * A copy of a module, tensor, array, `Map`, `Set` or plain object with everything below it: Python's `copy.deepcopy`.
 * What is shared inside the original (tied weights) is shared inside the copy. Values cost nothing until either side is
 * written. Other objects are not looked into: the copy refers to the same ones. Private `#fields` cannot be copied, and
 * methods that use them throw on the copy: write `private x` instead.
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
  if (isLazy(tensor)) {
    const { dtype, requiresGrad } = tensor;
    const blank =
      tensor instanceof UninitializedParameter
        ? new UninitializedParameter({ dtype, requiresGrad })
        : new UninitializedBuffer({ dtype });
    memo.set(tensor, blank);
    return blank;
  }
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
  for (const name of from.order) to.order.add(name);
  for (const name of from.absent) to.absent.add(name);
  for (const handle of from.always) to.always.add(handle);
  const share = <K, V>(source: Map<K, V>, target: Map<K, V>): void => {
    for (const [k, v] of source) target.set(k, v);
  };
  share(from.preHooks, to.preHooks);
  share(from.hooks, to.hooks);
  share(from.backwardPreHooks, to.backwardPreHooks);
  share(from.backwardHooks, to.backwardHooks);
  share(from.statePreHooks, to.statePreHooks);
  share(from.statePostHooks, to.statePostHooks);
  share(from.loadPreHooks, to.loadPreHooks);
  share(from.loadPostHooks, to.loadPostHooks);
  for (const [name, { tensor, persistent }] of from.buffers) {
    setBuffer(made, name, copy(tensor, memo) as Tensor | null, persistent);
  }
  for (const key of Reflect.ownKeys(module)) {
    const descriptor = Object.getOwnPropertyDescriptor(module, key)!;
    // Accessors look at the module they are asked on: buffers, computed parameters.
    const own = "value" in descriptor ? { ...descriptor, value: copy(descriptor.value, memo) } : descriptor;
    Object.defineProperty(made, key, own);
  }
  return made;
}
