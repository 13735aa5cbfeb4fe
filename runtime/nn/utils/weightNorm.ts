/** Weight normalisation by a hook. @see https://arxiv.org/abs/1602.07868 */
import { RuntimeError, ValueError } from "../../errors.js";
import type { CallArgs } from "../../ops/schema.js";
import type { Tensor } from "../../tensor/tensor.js";
import { torch } from "../../torch.js";
import { bound } from "../arguments.js";
import type { Module } from "../module.js";
import { isLazy, Parameter } from "../parameter.js";
import {
  addPreHook,
  beside,
  fieldOf,
  preHooks,
  putPlain,
  takeOff,
  tensorOf,
  type PreHookObject,
} from "./attributes.js";

/** ‖v‖ over all axes but one, which keeps its size; over all of them for -1. */
export function normExceptDim(v: Tensor, dim: number): Tensor {
  if (dim === -1) return torch.norm(v) as Tensor;
  const kept = dim < 0 ? dim + v.ndim : dim;
  const dims = v.shape.map((_, i) => i).filter((i) => i !== kept);
  return dims.length === 0 ? v.abs() : (torch.norm(v, 2, dims, true) as Tensor);
}

/** w = g · v / ‖v‖ */
export function normalized(v: Tensor, g: Tensor, dim: number): Tensor {
  return v.mul(g.div(normExceptDim(v, dim)));
}

class WeightNorm implements PreHookObject {
  readonly field: string;
  readonly dim: number;

  constructor(field: string, dim: number) {
    this.field = field;
    this.dim = dim;
  }

  names(module: Module): readonly [g: string, v: string] {
    return [beside(module, this.field, "g"), beside(module, this.field, "v")];
  }

  compute(module: Module): Tensor {
    const [g, v] = this.names(module);
    return normalized(tensorOf(module, v), tensorOf(module, g), this.dim);
  }

  prepare(module: Module): void {
    putPlain(module, this.field, this.compute(module));
  }
}

const signature = "weight_norm(str name='weight', int? dim=0) -> any";

/**
 * Splits a parameter into its length `weight_g` and its direction `weight_v`; before every call `weight` is
 * g · v / ‖v‖. The norm is taken for every entry of `dim`, or over the whole with `null`.
 * @throws RuntimeError for a parameter that is normalised already; ValueError for one without a size yet.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.utils.weight_norm.html
 */
export function weightNorm<M extends Module>(module: M, ...args: CallArgs<typeof signature>): M {
  const { name, dim } = bound(signature, args);
  const field = fieldOf(module, name);
  for (const { object } of preHooks(module, WeightNorm)) {
    if (object.field === field) {
      throw new RuntimeError(`parameter ${name} has a weightNorm already: two cannot act on it`);
    }
  }
  const weight = tensorOf(module, field);
  if (isLazy(weight)) {
    throw new ValueError("weightNorm needs parameters with a size: call the module on an input first");
  }
  const norm = new WeightNorm(field, dim ?? -1);
  const [g, v] = norm.names(module);
  takeOff(module, field);
  module.registerParameter(g, new Parameter(normExceptDim(weight.detach(), norm.dim)));
  module.registerParameter(v, new Parameter(weight.detach()));
  norm.prepare(module);
  addPreHook(module, norm);
  return module;
}

/**
 * Makes a parameter of the normalised weight again.
 * @throws ValueError when there is no `weightNorm` on it.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.utils.remove_weight_norm.html
 */
export function removeWeightNorm<M extends Module>(module: M, name = "weight"): M {
  const field = fieldOf(module, name);
  for (const { object, remove } of preHooks(module, WeightNorm)) {
    if (object.field !== field) continue;
    const weight = object.compute(module).detach();
    for (const key of [field, ...object.names(module)]) takeOff(module, key);
    module.registerParameter(field, new Parameter(weight));
    remove();
    return module;
  }
  throw new ValueError(`weightNorm of '${name}' not found in ${String(module)}`);
}
