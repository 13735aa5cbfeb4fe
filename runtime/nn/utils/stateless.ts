/** Modules called with parameters that are not their own. @see https://pytorch.org/docs/stable/generated/torch.func.functional_call.html */
import { RuntimeError, ValueError } from "../../errors.js";
import { Tensor } from "../../tensor/tensor.js";
import { pairsOf, type Named } from "../container.js";
import type { Module } from "../module.js";
import { registryOf, stateName } from "../registry.js";
import { fieldOf } from "./attributes.js";

/** Tensors by dotted name. */
export type Tensors = Named<Tensor>;

export interface FunctionalCallOptions {
  /** Options behind the arguments. */
  readonly kwargs?: Readonly<Record<string, unknown>> | null;
  /** Whether a tensor that the module has under several names is replaced under all when it is under one. */
  readonly tieWeights?: boolean;
  /** Whether the names given must be just those of the module's parameters and buffers. */
  readonly strict?: boolean;
}

/** Puts a tensor in the place of a module's for a while; gives what puts it back. */
function swap(module: Module, name: string, tensor: Tensor): () => void {
  const dot = name.lastIndexOf(".");
  const owner = module.getSubmodule(dot < 0 ? "" : name.slice(0, dot));
  const last = name.slice(dot + 1);
  const field = fieldOf(owner, last);
  const { buffers } = registryOf(owner);
  const key = stateName(owner, field);
  const buffer = buffers.get(key);
  if (buffer) {
    buffers.set(key, { ...buffer, tensor });
    return () => void buffers.set(key, buffer);
  }
  const own = Object.getOwnPropertyDescriptor(owner, field);
  Object.defineProperty(owner, field, {
    configurable: true,
    enumerable: true,
    writable: true,
    value: tensor,
  });
  return () => {
    if (own) Object.defineProperty(owner, field, own);
    else Reflect.deleteProperty(owner, field);
  };
}

/** Names of the same tensor, by each of them. */
function tied(module: Module): Map<string, readonly string[]> {
  const groups = new Map<Tensor, string[]>();
  const all = [
    ...module.namedParameters({ removeDuplicate: false }),
    ...module.namedBuffers({ removeDuplicate: false }),
  ];
  for (const [name, tensor] of all) groups.set(tensor, [...(groups.get(tensor) ?? []), name]);
  return new Map([...groups.values()].flatMap((names) => names.map((name) => [name, names] as const)));
}

function merged(dicts: Tensors | readonly Tensors[]): Map<string, Tensor> {
  const list =
    Array.isArray(dicts) && !(dicts[0] instanceof Array) ? (dicts as Tensors[]) : [dicts as Tensors];
  const all = new Map<string, Tensor>();
  for (const dict of list) {
    for (const [name, tensor] of pairsOf("functionalCall", dict)) {
      if (all.has(name)) throw new ValueError(`${name} is given several times`);
      if (!(tensor instanceof Tensor)) {
        throw new TypeError(`functionalCall: ${name} must be a Tensor, not ${typeof tensor}`);
      }
      all.set(name, tensor);
    }
  }
  return all;
}

/**
 * Calls a module with other tensors in the place of parameters and buffers, by dotted name; it has its own again
 * afterwards. Gradients go to the tensors given: what `torch.func.grad` of a model needs. Buffers that the call
 * changes in place are the given ones. `args` is an array of arguments, or one tensor.
 * @throws RuntimeError with `strict` when names are missing or unknown; ValueError for a name given twice, or tied
 * names given different tensors.
 * @see https://pytorch.org/docs/stable/generated/torch.func.functional_call.html
 */
export function functionalCall<M extends Module>(
  module: M,
  parameterAndBufferDicts: Tensors | readonly Tensors[],
  args: readonly unknown[] | Tensor | null = null,
  options: FunctionalCallOptions = {},
): ReturnType<M["forward"]> {
  const { kwargs = null, tieWeights = true, strict = false } = options;
  const given = merged(parameterAndBufferDicts);
  const names = tied(module);
  if (strict) {
    const missing = [...names.keys()].filter((name) => !names.get(name)!.some((n) => given.has(n)));
    const unexpected = [...given.keys()].filter((name) => !names.has(name));
    const report = [
      unexpected.length ? `unexpected key(s): ${unexpected.join(", ")}` : "",
      missing.length ? `missing key(s): ${missing.join(", ")}` : "",
    ].filter((s) => s !== "");
    if (report.length > 0) throw new RuntimeError(`functionalCall, strict: ${report.join("; ")}`);
  }
  const all = new Map(given);
  if (tieWeights) {
    for (const [name, tensor] of given) {
      for (const other of names.get(name) ?? []) {
        if (given.has(other) && given.get(other) !== tensor) {
          throw new ValueError(`${name} and ${other} are one tensor in the module, but given different ones`);
        }
        all.set(other, tensor);
      }
    }
  }
  const undo: (() => void)[] = [];
  try {
    for (const [name, tensor] of all) undo.push(swap(module, name, tensor));
    const positional: unknown[] = Array.isArray(args)
      ? [...(args as unknown[])]
      : args === null
        ? []
        : [args];
    if (kwargs) positional.push(kwargs);
    return (module as unknown as (...a: unknown[]) => ReturnType<M["forward"]>)(...positional);
  } finally {
    for (const back of undo.reverse()) back();
  }
}
