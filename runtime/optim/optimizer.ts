import { noGrad } from "../autograd/mode.js";
import { NotImplementedError, RuntimeError, ValueError } from "../errors.js";
import { asLibrary, asUser, requestFlush } from "../ops/depth.js";
import { hostScalar } from "../ops/leaf.js";
import { camel } from "../ops/schema.js";
import { float32 } from "../tensor/dtype.js";
import { Tensor } from "../tensor/tensor.js";
import { stateTensor } from "./stateTensor.js";

/** A group of parameters that share hyperparameters, under their PyTorch names in camelCase. */
export type ParamGroup<O extends object> = O & { params: Tensor[] };

/** What an optimizer takes: parameters, or groups of them with settings of their own. */
export type ParamsLike<O extends object> =
  Iterable<Tensor> | Iterable<Partial<O> & { readonly params: Iterable<Tensor> | Tensor }>;

/** What an optimizer remembers of a parameter: step counts, tensors, lists of them. */
export type StateValue = number | Tensor | null | readonly StateValue[];
export type ParamState = Record<string, StateValue>;

/** PyTorch's layout: state by parameter index, groups with parameter indices. */
export interface OptimizerState {
  state: Record<number, ParamState>;
  param_groups: (Record<string, unknown> & { params: number[] })[];
}

/** The type of options that a signature binds: writable, since schedulers change them. */
export type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** One parameter that has a gradient, and what its update is written with. */
export interface Update {
  readonly p: Tensor;
  /** The gradient; negated under `maximize`, with weight decay added where the optimizer couples it. */
  readonly g: Tensor;
  /**
   * A number as an input of the step's plan. `key` names what it stands for: equal keys of one step share one input,
   * whatever their values in other steps.
   */
  n(key: string, value: number): Tensor;
}

const snake = (name: string): string => name.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`);

/**
 * Base of all optimizers. `step()` records the whole update into the step's graph and flushes it without waiting;
 * numbers that change (learning rate, step counts) are inputs of that graph.
 * @see https://pytorch.org/docs/stable/optim.html
 */
export abstract class Optimizer<O extends object = Record<string, unknown>> {
  readonly paramGroups: ParamGroup<O>[] = [];
  readonly state = new Map<Tensor, ParamState>();
  readonly defaults: O;
  /** Calls of `step`: schedulers warn when they come first. */
  stepCount = 0;

  constructor(params: ParamsLike<O>, defaults: O) {
    this.defaults = defaults;
    refuseModes(defaults);
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
    this.stepCount++;
    const loss = closure && asUser(closure);
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

  /** The parameters of a group that have gradients. `decay` is the weight decay that adds to them. */
  protected *updates(group: ParamGroup<O>, decay?: number): Generator<Update> {
    const made = new Map<string, Tensor>();
    const { maximize, weightDecay } = group as { readonly maximize?: boolean; readonly weightDecay?: number };
    const coupled = decay ?? weightDecay ?? 0;
    for (const p of group.params) {
      if (!p.grad) continue;
      const n = (key: string, value: number): Tensor => {
        const full = `${key}:${p.dtype.name}:${p.device.toString()}`;
        let t = made.get(full);
        if (!t) made.set(full, (t = hostScalar(value, p.dtype, p.device)));
        return t;
      };
      let g: Tensor = p.grad.detach();
      if (p.grad._touchedRows) this.acceptSparse();
      if (maximize) g = g.neg();
      if (coupled !== 0) g = g.add(p.mul(n("weightDecay", coupled)));
      yield { p, g, n };
    }
  }

  /** @throws RuntimeError in optimizers whose update of a row without gradient would not be a no-op. */
  protected acceptSparse(): void {
    throw new RuntimeError(`${this.constructor.name} does not support sparse gradients`);
  }

  /** The state of a parameter, made by `init` the first time. */
  protected stateOf<S extends ParamState>(p: Tensor, init: () => S): S {
    let s = this.state.get(p);
    if (!s) {
      this.state.set(p, (s = init()));
      markStates(Object.values(s));
    }
    return s as S;
  }

  /** Zeros of a parameter's shape and dtype. */
  protected zeros(p: Tensor): Tensor {
    return stateTensor(p);
  }

  /**
   * Numbers of the state that PyTorch keeps as float32 tensors, so that they look the same in a checkpoint. Here they
   * stay numbers: reading a tensor would wait for the engine.
   */
  protected get tensorNumbers(): readonly string[] {
    return [];
  }

  /** State and groups as PyTorch's `state_dict()`: its keys, parameters by index, in order. */
  stateDict(): OptimizerState {
    const index = new Map(this.paramGroups.flatMap((g) => g.params).map((p, i) => [p, i]));
    const state: Record<number, ParamState> = {};
    const numbers = new Set(this.tensorNumbers);
    for (const [p, s] of this.state) {
      state[index.get(p)!] = Object.fromEntries(
        Object.entries(s).map(([k, v]) => [
          k,
          numbers.has(k) && typeof v === "number" ? hostScalar(v, float32) : v,
        ]),
      );
    }
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
    dict.param_groups.forEach((g, i) => {
      const own = this.paramGroups[i]!;
      if (g.params.length !== own.params.length) {
        throw new ValueError(
          "loaded state dict contains a parameter group that doesn't match the size of optimizer's group",
        );
      }
    });
    dict.param_groups.forEach((g, i) => {
      for (const [k, v] of Object.entries(g))
        if (k !== "params") Object.assign(this.paramGroups[i]!, { [camel(k)]: v });
    });
    const params = this.paramGroups.flatMap((g) => g.params);
    const numbers = new Set(["step", ...this.tensorNumbers]);
    this.state.clear();
    dict.param_groups
      .flatMap((g) => g.params)
      .forEach((id, i) => {
        const s = dict.state[id];
        const p = params[i]!;
        if (!s) return;
        this.stateOf(p, () =>
          Object.fromEntries(
            Object.entries(s).map(([k, v]) => [
              k,
              numbers.has(k) && v instanceof Tensor ? Number(v.item()) : ownCopy(v, p),
            ]),
          ),
        );
      });
    requestFlush();
  }
}

/** A copy of loaded state; floating tensors take the parameter's dtype and all its device, as in PyTorch. */
function ownCopy(value: StateValue, p: Tensor): StateValue {
  if (Array.isArray(value)) return (value as readonly StateValue[]).map((v) => ownCopy(v, p));
  if (!(value instanceof Tensor)) return value;
  const dtype = value.dtype.isFloatingPoint && p.dtype.isFloatingPoint ? p.dtype : value.dtype;
  return noGrad(() => value.detach().to(p.device, dtype, { copy: true }));
}

function markStates(values: Iterable<StateValue>): void {
  for (const v of values) {
    if (v instanceof Tensor) v._storage.markState();
    else if (Array.isArray(v)) markStates(v as readonly StateValue[]);
  }
}

/** Modes of PyTorch's implementation. `foreach` and `capturable` change no result and are what a plan does anyway. */
function refuseModes(options: object): void {
  const { differentiable, fused } = options as {
    readonly differentiable?: unknown;
    readonly fused?: unknown;
  };
  if (differentiable === true)
    throw new NotImplementedError("Optimizers with differentiable: true are not implemented");
  if (fused === true)
    throw new RuntimeError("Fused optimizers require all the params to be CUDA, floating point");
}

/** @throws ValueError in PyTorch's words unless the condition holds. */
export function requireOption(holds: boolean, what: string, value: unknown): void {
  if (!holds) throw new ValueError(`Invalid ${what}: ${pythonNumber(value)}`);
}

/** A number as Python prints a float. */
function pythonNumber(value: unknown): string {
  return typeof value === "number" && Number.isInteger(value) && Math.abs(value) < 1e16
    ? value.toFixed(1)
    : String(value);
}

/** Checks the settings that most optimizers have. */
export function requireCommon(o: {
  readonly lr: number;
  readonly betas?: readonly number[];
  readonly eps?: number;
  readonly weightDecay?: number;
}): void {
  requireOption(o.lr >= 0, "learning rate", o.lr);
  if (o.eps !== undefined) requireOption(o.eps >= 0, "epsilon value", o.eps);
  o.betas?.forEach((b, i) => {
    requireOption(b >= 0 && b < 1, `beta parameter at index ${String(i)}`, b);
  });
  if (o.weightDecay !== undefined) requireOption(o.weightDecay >= 0, "weight_decay value", o.weightDecay);
}
