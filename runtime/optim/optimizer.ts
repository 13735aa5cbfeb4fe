import { noGrad } from "../autograd/mode.js";
import { ValueError } from "../errors.js";
import { asLibrary, requestFlush } from "../ops/depth.js";
import { hostScalar } from "../ops/leaf.js";
import { camel } from "../ops/schema.js";
import type { DType } from "../tensor/dtype.js";
import { Tensor } from "../tensor/tensor.js";

/** Hyperparameters of a parameter group, under their PyTorch names in camelCase. */
export type Options = Record<string, unknown>;

/** A group of parameters that share hyperparameters. */
export type ParamGroup<O extends object> = O & { params: Tensor[] };

/** What an optimizer takes: parameters, or groups of them with settings of their own. */
export type ParamsLike<O extends object> =
  Iterable<Tensor> | Iterable<Partial<O> & { readonly params: Iterable<Tensor> | Tensor }>;

/** State of one parameter: step counts and tensors. */
export type ParamState = Record<string, number | Tensor | null>;

/** PyTorch's layout: state by parameter index, groups with parameter indices. */
export interface OptimizerState {
  state: Record<number, ParamState>;
  param_groups: (Record<string, unknown> & { params: number[] })[];
}

const snake = (name: string): string => name.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`);

/**
 * Base of all optimizers. `step()` records the whole update into the step's graph and flushes it without waiting;
 * numbers that change (learning rate, step counts) are inputs of that graph.
 * @see https://pytorch.org/docs/stable/optim.html
 */
export abstract class Optimizer<O extends object> {
  readonly paramGroups: ParamGroup<O>[] = [];
  readonly state = new Map<Tensor, ParamState>();
  readonly defaults: O;

  constructor(params: ParamsLike<O>, defaults: O) {
    this.defaults = defaults;
    if (params instanceof Tensor) {
      throw new TypeError(
        "params argument given to the optimizer should be an iterable of Tensors or groups, but got a Tensor",
      );
    }
    const given = [...(params as Iterable<unknown>)];
    if (given.length === 0) throw new ValueError("optimizer got an empty parameter list");
    const groups =
      given[0] instanceof Tensor
        ? [{ params: given as Tensor[] }]
        : (given as ({ params: Iterable<Tensor> } & Partial<O>)[]);
    for (const group of groups) this.addParamGroup(group as Partial<O> & { params: Iterable<Tensor> });
    // The initial values are computed now, so that the first step has the structure of all others.
    requestFlush();
  }

  /** Adds a group of parameters with settings of its own. */
  addParamGroup(group: Partial<O> & { readonly params: Iterable<Tensor> | Tensor }): void {
    const params = group.params instanceof Tensor ? [group.params] : [...group.params];
    const known = new Set(this.paramGroups.flatMap((g) => g.params));
    for (const p of params) {
      if (!(p instanceof Tensor))
        throw new TypeError(`optimizer can only optimize Tensors, but one of the params is ${typeof p}`);
      if (!p.isLeaf && !p.retainsGrad) throw new ValueError("can't optimize a non-leaf Tensor");
      if (known.has(p)) throw new ValueError("some parameters appear in more than one parameter group");
      p._storage.markState();
    }
    this.paramGroups.push({ ...this.defaults, ...group, params } as ParamGroup<O>);
  }

  /** Drops the gradients of all parameters, or zeroes them. */
  zeroGrad(setToNone: boolean | { readonly setToNone?: boolean } = true): void {
    const none = typeof setToNone === "boolean" ? setToNone : (setToNone.setToNone ?? true);
    for (const { params } of this.paramGroups) {
      for (const p of params) {
        if (none || !p.grad) p.grad = null;
        else {
          const grad = p.grad;
          noGrad(() => grad.detach().zero_());
        }
      }
    }
  }

  /** Updates the parameters from their gradients; with a closure, evaluates it first and gives its loss. */
  step(): void;
  step<T>(closure: () => T): T;
  step<T>(closure?: () => T): T | undefined {
    const loss = closure?.();
    asLibrary(() => {
      noGrad(() => {
        for (const group of this.paramGroups) this.update(group);
      });
    });
    requestFlush();
    return loss;
  }

  /** Updates the parameters of one group; runs without recording gradients. */
  protected abstract update(group: ParamGroup<O>): void;

  /** The state of a parameter, made by `init` the first time. */
  protected stateOf<S extends ParamState>(p: Tensor, init: () => S): S {
    let s = this.state.get(p);
    if (!s) {
      this.state.set(p, (s = init()));
      for (const v of Object.values(s)) if (v instanceof Tensor) v._storage.markState();
    }
    return s as S;
  }

  /** State and groups as PyTorch's `state_dict()`: parameters by index, in order. */
  stateDict(): OptimizerState {
    const index = new Map(this.paramGroups.flatMap((g) => g.params).map((p, i) => [p, i]));
    const state: Record<number, ParamState> = {};
    for (const [p, s] of this.state) state[index.get(p)!] = { ...s };
    const groups = this.paramGroups.map(({ params, ...options }) => ({
      ...Object.fromEntries(Object.entries(options).map(([k, v]) => [snake(k), v])),
      params: params.map((p) => index.get(p)!),
    }));
    return { state, param_groups: groups };
  }

  /** Takes over a state made by `stateDict` of an optimizer with the same groups. */
  loadStateDict(dict: OptimizerState): void {
    if (dict.param_groups.length !== this.paramGroups.length) {
      throw new ValueError("loaded state dict has a different number of parameter groups");
    }
    const params = this.paramGroups.flatMap((g) => g.params);
    dict.param_groups.forEach((g, i) => {
      const own = this.paramGroups[i]!;
      if (g.params.length !== own.params.length) {
        throw new ValueError(
          "loaded state dict contains a parameter group that doesn't match the size of optimizer's group",
        );
      }
      for (const [k, v] of Object.entries(g)) if (k !== "params") Object.assign(own, { [camel(k)]: v });
    });
    this.state.clear();
    const order = dict.param_groups.flatMap((g) => g.params);
    order.forEach((id, i) => {
      const s = dict.state[id];
      if (!s) return;
      const p = params[i]!;
      const copy: ParamState = {};
      for (const [k, v] of Object.entries(s)) {
        copy[k] =
          v instanceof Tensor ? (p.dtype.isFloatingPoint ? v.detach().to(p.dtype).clone() : v.clone()) : v;
      }
      this.stateOf(p, () => copy);
    });
  }
}

/** Numbers of a step as inputs of its plan: each is made once per group and dtype and shared by the parameters. */
export class StepScalars {
  readonly #made = new Map<string, Tensor>();

  /** `key` names what the number stands for: equal keys share one input, whatever their values in other steps. */
  get(key: string, value: number, dtype: DType): Tensor {
    const full = `${key}:${dtype.name}`;
    let t = this.#made.get(full);
    if (!t) this.#made.set(full, (t = hostScalar(value, dtype)));
    return t;
  }
}

/** @throws ValueError in PyTorch's words unless the condition holds. */
export function requireOption(holds: boolean, what: string, value: unknown): void {
  if (!holds) throw new ValueError(`Invalid ${what}: ${String(value)}`);
}
