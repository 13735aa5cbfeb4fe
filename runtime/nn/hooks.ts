/** Hooks of modules, and gradients on their way through a module. */
import { isGradEnabled } from "../autograd/mode.js";
import { GradNode, RemovableHandle, type Edge } from "../autograd/node.js";
import { asUser } from "../ops/depth.js";
import { Tensor } from "../tensor/tensor.js";
import type { Module } from "./module.js";
import { registryOf, type Hooks } from "./registry.js";

/** Adds to hooks, in front with `prepend`; `also` is told the key under which the hook is there. */
export function addHook<F>(
  hooks: Hooks<F>,
  hook: F,
  prepend = false,
  also: Set<object> = new Set(),
): RemovableHandle {
  const key = {};
  const behind = prepend ? [...hooks] : [];
  if (prepend) hooks.clear();
  hooks.set(key, hook);
  for (const [k, f] of behind) hooks.set(k, f);
  also.add(key);
  return new RemovableHandle(() => {
    hooks.delete(key);
    also.delete(key);
  });
}

type Grads = readonly (Tensor | null)[];

/** Passes gradients on, past a listener that may replace them. */
class Gate extends GradNode {
  readonly #pass: (grads: Grads) => Grads;

  constructor(next: readonly (Edge | null)[], pass: (grads: Grads) => Grads) {
    super(next, next.length);
    this.#pass = pass;
  }

  name(): string {
    return "BackwardHookFunctionBackward";
  }

  apply(grads: Grads): Grads {
    return this.#pass(grads);
  }
}

/** The tensors of `values`, those with history exchanged for ones whose gradients go through a gate. */
function gated(values: readonly unknown[], pass: (grads: Grads) => Grads): unknown[] | undefined {
  const tensors = values.filter((v) => v instanceof Tensor);
  if (!tensors.some((t) => t.requiresGrad)) return undefined;
  const gate = new Gate(
    tensors.map((t) => t._edge),
    pass,
  );
  return values.map((v) => {
    if (!(v instanceof Tensor)) return v;
    const made = new Tensor(v._value, undefined, [], { strides: v._strides, offset: 0 });
    if (v.requiresGrad) made._setHistory(gate, tensors.indexOf(v));
    return made;
  });
}

/** What a hook gave in the place of gradients. */
function replaced(given: unknown, grads: Grads): Grads {
  if (given === undefined || given === null) return grads;
  const list = (Array.isArray(given) ? given : [given]) as Grads;
  if (list.length !== grads.length) {
    throw new TypeError(
      `Backward hook returned an invalid number of grad_input, got ${String(list.length)}, but expected ${String(grads.length)}`,
    );
  }
  return list;
}

/** One call of a module whose backward hooks listen: `around` its arguments, then its result. */
export interface BackwardListener {
  around(args: readonly unknown[]): readonly unknown[];
  after(result: unknown): unknown;
}

export function backwardListener(module: Module): BackwardListener | undefined {
  const { backwardPreHooks, backwardHooks } = registryOf(module);
  if (backwardPreHooks.size + backwardHooks.size === 0 || !isGradEnabled()) return undefined;
  let gradOutput: Grads = [];
  let gatedInput = false;
  const runHooks = (gradInput: Grads): Grads => {
    let current = gradInput;
    for (const hook of backwardHooks.values()) {
      current = replaced(
        asUser(() => hook(module, current, gradOutput)),
        current,
      );
    }
    return current;
  };
  let inputs = 0;
  return {
    around(args) {
      inputs = args.filter((a) => a instanceof Tensor).length;
      const made = backwardHooks.size > 0 ? gated(args, runHooks) : undefined;
      gatedInput = made !== undefined;
      return made ?? args;
    },
    after(result) {
      const several = Array.isArray(result);
      const made = gated(several ? (result as unknown[]) : [result], (grads) => {
        gradOutput = grads;
        for (const hook of backwardPreHooks.values()) {
          gradOutput = replaced(
            asUser(() => hook(module, gradOutput)),
            gradOutput,
          );
        }
        // Without an input that wants a gradient, nothing comes later to wait for.
        if (!gatedInput && backwardHooks.size > 0) runHooks(Array.from({ length: inputs }, () => null));
        return gradOutput;
      });
      if (!made) return result;
      return several ? made : made[0];
    },
  };
}
