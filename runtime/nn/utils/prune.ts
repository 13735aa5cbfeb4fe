/** Pruning: parameters held at zero by a mask. @see https://pytorch.org/docs/stable/nn.html#utilities */
import { IndexError, ValueError } from "../../errors.js";
import type { Tensor } from "../../tensor/tensor.js";
import { torch } from "../../torch.js";
import { BasePruningMethod, type PruningOptions } from "./pruning.js";
import type { Module } from "../module.js";
import { beside, fieldOf, preHooks, tensorOf } from "./attributes.js";
import { PruningContainer } from "./pruning.js";
import { parametersToVector } from "./vector.js";

export { BasePruningMethod, PruningContainer } from "./pruning.js";
export type { PruningOptions, PruningType } from "./pruning.js";

/** How many of `size` units an amount means: a count, or a share when it has a fraction. */
function units(amount: number, size: number): number {
  const count = Number.isInteger(amount) ? amount : roundHalfEven(amount * size);
  if (count > size) {
    throw new ValueError(`amount=${String(amount)} is more than the ${String(size)} there are to prune`);
  }
  return count;
}

function roundHalfEven(x: number): number {
  const below = Math.floor(x);
  if (x - below !== 0.5) return Math.round(x);
  return below % 2 === 0 ? below : below + 1;
}

function checkAmount(amount: number): void {
  if (typeof amount !== "number") {
    throw new TypeError(`amount must be a number: a count, or a share between 0 and 1; got ${typeof amount}`);
  }
  if (!(amount >= 0) || (!Number.isInteger(amount) && amount > 1)) {
    throw new ValueError(`amount=${String(amount)} must be a count, or a share between 0 and 1`);
  }
}

/** Prunes nothing: for parameters that a mask will be given later. */
export class Identity extends BasePruningMethod {
  override readonly PRUNING_TYPE = "unstructured";

  override computeMask(_t: Tensor, defaultMask: Tensor): Tensor {
    return defaultMask;
  }
}

/** Methods that prune an amount. */
abstract class AmountMethod extends BasePruningMethod {
  readonly amount: number;

  constructor(amount: number) {
    super();
    checkAmount(amount);
    this.amount = amount;
  }
}

/** Zeroes entries chosen by chance. @see https://pytorch.org/docs/stable/generated/torch.nn.utils.prune.RandomUnstructured.html */
export class RandomUnstructured extends AmountMethod {
  override readonly PRUNING_TYPE = "unstructured";

  override computeMask(t: Tensor, defaultMask: Tensor): Tensor {
    const count = units(this.amount, t.numel());
    if (count === 0) return defaultMask.clone();
    return without(defaultMask, torch.topk(torch.randLike(t).reshape(-1), count).indices);
  }
}

/** Zeroes the entries nearest to 0. @see https://pytorch.org/docs/stable/generated/torch.nn.utils.prune.L1Unstructured.html */
export class L1Unstructured extends AmountMethod {
  override readonly PRUNING_TYPE = "unstructured";

  override computeMask(t: Tensor, defaultMask: Tensor): Tensor {
    const count = units(this.amount, t.numel());
    if (count === 0) return defaultMask.clone();
    const smallest = torch.topk(t.detach().abs().reshape(-1), count, { largest: false });
    return without(defaultMask, smallest.indices);
  }
}

function without(mask: Tensor, indices: Tensor): Tensor {
  return mask.reshape(-1).indexFill(0, indices, 0).reshape(mask.shape);
}

/** Methods that prune whole channels along `dim`. */
abstract class StructuredMethod extends AmountMethod {
  override readonly PRUNING_TYPE = "structured";
  readonly dim: number;

  constructor(amount: number, dim: number) {
    super(amount);
    this.dim = dim;
  }

  protected abstract keep(t: Tensor, dim: number, pruned: number): Tensor;

  override computeMask(t: Tensor, defaultMask: Tensor): Tensor {
    if (t.ndim <= 1) {
      throw new ValueError(
        `channels can be pruned off tensors of two dimensions or more, not of one of shape [${t.shape.join(", ")}]`,
      );
    }
    if (this.dim >= t.ndim || this.dim < -t.ndim) {
      throw new IndexError(`dimension ${String(this.dim)} is out of range for shape [${t.shape.join(", ")}]`);
    }
    const dim = this.dim < 0 ? this.dim + t.ndim : this.dim;
    const pruned = units(this.amount, t.shape[dim]!);
    if (pruned === 0) return defaultMask;
    const shape = t.shape.map((_, i) => (i === dim ? -1 : 1));
    return defaultMask.to(t.dtype).mul(this.keep(t, dim, pruned).to(t.dtype).reshape(shape));
  }
}

/** Zeroes channels chosen by chance. @see https://pytorch.org/docs/stable/generated/torch.nn.utils.prune.RandomStructured.html */
export class RandomStructured extends StructuredMethod {
  constructor(amount: number, dim: number | { readonly dim?: number } = -1) {
    super(amount, typeof dim === "number" ? dim : (dim.dim ?? -1));
  }

  protected override keep(t: Tensor, dim: number, pruned: number): Tensor {
    const chance = torch.rand(t.shape[dim]!, { device: t.device });
    return chance.gt(chance.sort().values.select(0, pruned - 1));
  }
}

/** Zeroes the channels with the smallest `n`-norms. @see https://pytorch.org/docs/stable/generated/torch.nn.utils.prune.LnStructured.html */
export class LnStructured extends StructuredMethod {
  readonly n: number | string;

  constructor(amount: number, n: number | string, dim: number | { readonly dim?: number } = -1) {
    super(amount, typeof dim === "number" ? dim : (dim.dim ?? -1));
    this.n = n;
  }

  protected override keep(t: Tensor, dim: number, pruned: number): Tensor {
    const others = t.shape.map((_, i) => i).filter((i) => i !== dim);
    const norm = torch.norm(t.detach(), this.n, others) as Tensor;
    const kept = torch.topk(norm, t.shape[dim]! - pruned).indices;
    return torch.zeros(t.shape[dim]!, { device: t.device }).indexFill(0, kept, 1);
  }
}

/** Zeroes where a given mask is 0. @see https://pytorch.org/docs/stable/generated/torch.nn.utils.prune.CustomFromMask.html */
export class CustomFromMask extends BasePruningMethod {
  override readonly PRUNING_TYPE = "global";
  readonly mask: Tensor;

  constructor(mask: Tensor) {
    super();
    this.mask = mask;
  }

  override computeMask(_t: Tensor, defaultMask: Tensor): Tensor {
    if (defaultMask.shape.join() !== this.mask.shape.join()) {
      throw new ValueError(
        `the mask has shape [${this.mask.shape.join(", ")}], the parameter [${defaultMask.shape.join(", ")}]`,
      );
    }
    return defaultMask.mul(this.mask.to(defaultMask.dtype));
  }
}

/** Puts a mask of ones on a parameter. */
export function identity<M extends Module>(module: M, name: string): M {
  Identity.apply(module, name);
  return module;
}

/** Zeroes `amount` (a count, or a share with a fraction) entries of a parameter, chosen by chance. */
export function randomUnstructured<M extends Module>(module: M, name: string, amount: number): M {
  RandomUnstructured.apply(module, name, amount);
  return module;
}

/**
 * Zeroes the `amount` (a count, or a share with a fraction) entries of a parameter that are nearest to 0, or have the
 * least `importanceScores`. The parameter moves to `weight_orig`, the mask is `weight_mask`, their product `weight`.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.utils.prune.l1_unstructured.html
 */
export function l1Unstructured<M extends Module>(
  module: M,
  name: string,
  amount: number,
  options: PruningOptions = {},
): M {
  L1Unstructured.apply(module, name, amount, options);
  return module;
}

/** Zeroes `amount` channels along `dim`, chosen by chance. */
export function randomStructured<M extends Module>(module: M, name: string, amount: number, dim: number): M {
  RandomStructured.apply(module, name, amount, dim);
  return module;
}

/** Zeroes the `amount` channels along `dim` whose `n`-norm is least. */
export function lnStructured<M extends Module>(
  module: M,
  name: string,
  amount: number,
  n: number | string,
  dim: number,
  options: PruningOptions = {},
): M {
  LnStructured.apply(module, name, amount, n, dim, options);
  return module;
}

/** Zeroes a parameter where `mask` is 0. */
export function customFromMask<M extends Module>(module: M, name: string, mask: Tensor): M {
  CustomFromMask.apply(module, name, mask);
  return module;
}

/** What `globalUnstructured` takes besides the method's own options. */
export interface GlobalPruningOptions {
  readonly amount?: number;
  /** Scores instead of the parameters' own values, for some of them. */
  readonly importanceScores?: Iterable<readonly [module: Module, name: string, scores: Tensor]> | null;
}

/**
 * Prunes several parameters as if they were one: `pruningMethod` chooses among the entries of all of them.
 * @throws TypeError for methods that are not unstructured.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.utils.prune.global_unstructured.html
 */
export function globalUnstructured(
  parameters: Iterable<readonly [module: Module, name: string]>,
  pruningMethod: new (amount: number) => BasePruningMethod,
  options: GlobalPruningOptions = {},
): void {
  if (typeof (parameters as Iterable<unknown> | null)?.[Symbol.iterator] !== "function") {
    throw new TypeError("globalUnstructured(): parameters must be pairs of a module and a name");
  }
  const scores = [...(options.importanceScores ?? [])];
  const targets = Array.from(parameters, ([module, name]) => {
    const field = fieldOf(module, name);
    const value = tensorOf(module, field);
    const mask = beside(module, field, "mask");
    return {
      module,
      field,
      value,
      score: scores.find(([m, n]) => m === module && fieldOf(m, n) === field)?.[2] ?? value,
      mask: mask in module ? tensorOf(module, mask) : torch.onesLike(value.detach()),
    };
  });
  const method = new pruningMethod(options.amount!);
  if (method.PRUNING_TYPE !== "unstructured") {
    throw new TypeError(
      `globalUnstructured() needs an unstructured method; ${pruningMethod.name} is ${method.PRUNING_TYPE}`,
    );
  }
  const all = parametersToVector(targets.map((t) => t.score.detach()));
  const mask = new PruningContainer(method).computeMask(all, parametersToVector(targets.map((t) => t.mask)));
  let at = 0;
  for (const { module, field, value } of targets) {
    customFromMask(module, field, mask.narrow(0, at, value.numel()).reshape(value.shape).clone());
    at += value.numel();
  }
}

/**
 * Makes the pruned values the parameter's own; mask and original go.
 * @throws ValueError for a parameter that is not pruned.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.utils.prune.remove.html
 */
export function remove<M extends Module>(module: M, name: string): M {
  const field = fieldOf(module, name);
  for (const { object, remove: removeHook } of preHooks(module, BasePruningMethod)) {
    if (object.tensorName !== field) continue;
    object.remove(module);
    removeHook();
    return module;
  }
  throw new ValueError(`parameter '${name}' of ${String(module)} is not pruned: there is nothing to remove`);
}

/** Whether a parameter of the module, or of one below it, is pruned. */
export function isPruned(module: Module): boolean {
  for (const m of module.modules()) {
    if (!preHooks(m, BasePruningMethod).next().done) return true;
  }
  return false;
}
