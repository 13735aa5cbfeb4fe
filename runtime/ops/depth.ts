import type { Tensor } from "../tensor/tensor.js";

/**
 * Whether the running code is the library's or the user's. Numbers that the user writes (`x.mul(lr)`) are inputs of a
 * plan, numbers in the library's formulas are structure; and only the user's tensors can be looked at later.
 */
let depth = 0;

/** Called by every public function on entry; the result goes to `leaveCall`. */
export function enterCall(): number {
  return depth++;
}

export function leaveCall(outer: number): void {
  depth = outer;
}

export function isUserCode(): boolean {
  return depth <= 1;
}

/** Runs library code that is not itself an op: backward, an optimizer's step. */
export function asLibrary<T>(body: () => T): T {
  const outer = depth;
  depth += 2;
  try {
    return body();
  } finally {
    depth = outer;
  }
}

/** Runs user code called from the library: a module's `forward`, a hook. */
export function asUser<T>(body: () => T): T {
  const outer = depth;
  depth = 0;
  try {
    return body();
  } finally {
    depth = outer;
  }
}

/** Told of what a public call gives to user code: what may be looked at later. */
let onResult: ((result: unknown) => void) | undefined;

export function setResultHook(hook: (result: unknown) => void): void {
  onResult = hook;
}

export function reportResult(outer: number, result: unknown): void {
  if (outer === 0) onResult?.(result);
}

/** Told of results of outermost module calls. */
let onModuleResult: ((result: Tensor) => void) | undefined;

export function setModuleResultHook(hook: (result: Tensor) => void): void {
  onModuleResult = hook;
}

export function reportModuleResult(result: Tensor): void {
  onModuleResult?.(result);
}

/** Asks for what is pending to be computed, without waiting for it: the end of an optimizer's step. */
let onFlushRequest: (() => void) | undefined;

export function setFlushHook(hook: () => void): void {
  onFlushRequest = hook;
}

export function requestFlush(): void {
  onFlushRequest?.();
}
