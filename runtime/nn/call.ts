/** What calling a module does: hooks, `forward`, and telling those who watch. */
import { RemovableHandle } from "../autograd/node.js";
import { NotImplementedError } from "../errors.js";
import { asLibrary, asUser, enterCall, leaveCall, reportModuleResult, reportResult } from "../ops/depth.js";
import { noteFailure } from "../ops/failure.js";
import { Tensor } from "../tensor/tensor.js";
import { backwardListener } from "./hooks.js";
import type { Module } from "./module.js";
import { className, registryOf } from "./registry.js";

let callDepth = 0;

/** Watches module calls: the tracer and summaries. Called after `forward`, innermost first. */
export type CallObserver = (module: Module, args: readonly unknown[], result: unknown) => void;
const observers = new Set<{ readonly enter?: (module: Module) => void; readonly leave: CallObserver }>();

/** Adds an observer of all module calls. */
export function observeCalls(observer: {
  readonly enter?: (module: Module) => void;
  readonly leave: CallObserver;
}): RemovableHandle {
  observers.add(observer);
  return new RemovableHandle(() => void observers.delete(observer));
}

/** The `forward`s of the library's own layers: what they make on the way is not the user's to look at. */
const libraryForwards = new WeakSet<object>();

export function noteLibraryForward(forward: object): void {
  libraryForwards.add(forward);
}

/** Whether a module computes by a `forward` of the library's. */
export function isLibraryLayer(module: Module): boolean {
  return libraryForwards.has(module.forward);
}

export function callModule(module: Module, args: unknown[]): unknown {
  const { preHooks, hooks, always } = registryOf(module);
  const forward = module.forward as ((...a: unknown[]) => unknown) | undefined;
  if (typeof forward !== "function") {
    const error = new NotImplementedError(
      `Module [${className(module)}] is missing the required "forward" function`,
    );
    noteFailure(error, () => ({ kind: "module", module, args }));
    throw error;
  }
  callDepth++;
  const outer = enterCall(args);
  try {
    for (const o of observers) o.enter?.(module);
    const made = asUser(() => {
      let input: readonly unknown[] = args;
      for (const hook of preHooks.values()) {
        const given = hook(module, input);
        if (given !== undefined && given !== null)
          input = Array.isArray(given) ? (given as unknown[]) : [given];
      }
      const listener = backwardListener(module);
      if (listener) input = listener.around(input);
      let result: unknown;
      const pending = new Set(always);
      try {
        const run = (): unknown => forward.apply(module, input as unknown[]);
        result = libraryForwards.has(forward) ? asLibrary(run, input) : run();
        for (const [handle, hook] of hooks) {
          pending.delete(handle);
          const given = hook(module, input, result);
          if (given !== undefined && given !== null) result = given;
        }
      } catch (error) {
        for (const handle of pending) hooks.get(handle)?.(module, input, undefined);
        throw error;
      }
      if (listener) result = listener.after(result);
      for (const o of observers) o.leave(module, input, result);
      if (callDepth === 1) report(result);
      return result;
    });
    reportResult(outer, made);
    return made;
  } catch (error) {
    noteFailure(error, () => ({ kind: "module", module, args }));
    throw error;
  } finally {
    leaveCall(outer);
    callDepth--;
  }
}

function report(result: unknown): void {
  if (result instanceof Tensor) reportModuleResult(result);
  else if (Array.isArray(result)) result.forEach(report);
}
