/** Anomaly detection: what goes wrong in backward is laid at the line of the forward step. */
import { RuntimeError } from "../errors.js";
import type { Tensor } from "../tensor/tensor.js";
import type { GradNode } from "./node.js";

interface State {
  readonly enabled: boolean;
  readonly checkNaN: boolean;
}

let state: State = { enabled: false, checkNaN: true };

/** Sets the mode from here on. */
export function setAnomaly(next: State): void {
  state = next;
}

/** Whether forward steps note where they were called. */
export function isAnomalyEnabled(): boolean {
  return state.enabled;
}

/** Whether gradients are looked at, one by one, for NaN. */
export function isAnomalyChecked(): boolean {
  return state.enabled && state.checkNaN;
}

interface AnomalyOptions {
  /** Whether a NaN in a gradient is an error. */
  readonly checkNan?: boolean;
}

function optionsOf(options: boolean | AnomalyOptions | undefined): boolean {
  return typeof options === "boolean" ? options : (options?.checkNan ?? true);
}

/** Restores what was before, at the end of a `using` block. */
export class AnomalyGuard implements Disposable {
  readonly #saved = state;

  /** @internal */
  constructor(next: State) {
    state = next;
  }

  [Symbol.dispose](): void {
    state = this.#saved;
  }
}

function scope<T>(next: State, body: (() => T) | undefined): T | AnomalyGuard {
  const guard = new AnomalyGuard(next);
  if (!body) return guard;
  let result: T | undefined;
  let pending = false;
  try {
    result = body();
    pending = result instanceof Promise;
  } finally {
    if (!pending) guard[Symbol.dispose]();
  }
  if (!pending) return result;
  return (result as unknown as Promise<unknown>).finally(() => {
    guard[Symbol.dispose]();
  }) as T;
}

/**
 * Looks for errors and NaN in backward and names the line of the forward step they come from. Slow: every gradient is
 * read. Takes a function, or opens a scope for `using`.
 * @see https://pytorch.org/docs/stable/autograd.html#torch.autograd.detect_anomaly
 */
export function detectAnomaly(options?: AnomalyOptions): AnomalyGuard;
export function detectAnomaly<T>(body: () => T, options?: AnomalyOptions): T;
export function detectAnomaly<T>(
  first?: AnomalyOptions | (() => T),
  second?: AnomalyOptions,
): T | AnomalyGuard {
  return typeof first === "function"
    ? scope({ enabled: true, checkNaN: optionsOf(second) }, first)
    : scope({ enabled: true, checkNaN: optionsOf(first) }, undefined);
}

/**
 * Turns anomaly detection on or off: for a function; for a block, with `using`; or from here on.
 * @see https://pytorch.org/docs/stable/autograd.html#torch.autograd.set_detect_anomaly
 */
export function setDetectAnomaly(mode: boolean, checkNan?: boolean | AnomalyOptions): AnomalyGuard;
export function setDetectAnomaly<T>(mode: boolean, body: () => T): T;
export function setDetectAnomaly<T>(
  mode: boolean,
  second?: boolean | AnomalyOptions | (() => T),
): T | AnomalyGuard {
  return typeof second === "function"
    ? scope({ enabled: mode, checkNaN: true }, second)
    : scope({ enabled: mode, checkNaN: optionsOf(second) }, undefined);
}

/** @see https://pytorch.org/docs/stable/generated/torch.is_anomaly_enabled.html */
export function isAnomalyCheckNanEnabled(): boolean {
  return state.checkNaN;
}

/** Everything of this library lies under its folder: unbundled, or in one file. */
const library = /^.*\/runtime\//.exec(import.meta.url)![0];

/** The stack's lines from the first that is not the library's on. */
function userFrames(stack: string): string[] {
  const frames = stack.split("\n").filter((line) => /^\s+at /.test(line));
  const plain = library.replace(/^file:\/\//, "");
  // With source maps, frames of the library name its sources: `…/runtime/…` where `…/out/runtime/…` runs.
  const sources = plain.replace(/\/(out|dist)\/runtime\/$/, "/runtime/");
  const isOurs = (line: string): boolean =>
    line.includes(plain) ||
    line.includes(sources) ||
    line.includes("node:") ||
    line.includes("(<anonymous>)");
  const first = frames.findIndex((line) => !isOurs(line));
  return first < 0 ? frames : frames.slice(first);
}

/** Where the code of a stack's first frame outside the library stands: `file:line:column`. */
export function userPlace(stack: string): string | undefined {
  const [frame] = userFrames(stack);
  return frame && /\(?((?:file:\/\/)?[^()\s]+:\d+:\d+)\)?$/.exec(frame)?.[1]?.replace(/^file:\/\//, "");
}

/** Notes where the forward step of a node was called. */
export function noteCreation(node: GradNode): void {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = Math.max(limit, 60);
  node.created = new Error("forward");
  Error.stackTraceLimit = limit;
}

/** Errors that already say where they come from. */
const explained = new WeakSet();

/**
 * The error of a node's backward, told with the line of its forward call: the stack is the forward call's, so that an
 * editor shows that line.
 */
export function explain(node: GradNode, error: unknown): unknown {
  const forward = node.created?.stack;
  if (!state.enabled || forward === undefined || !(error instanceof Error) || explained.has(error))
    return error;
  explained.add(error);
  const place = userPlace(forward);
  const cause = new Error(`Raised in backward: ${error.message}`);
  if (error.stack !== undefined) cause.stack = error.stack;
  if (place !== undefined) {
    error.message += `\nError detected in ${node.name()}, whose forward call is at ${place}`;
  }
  error.stack = `${error.name}: ${error.message}\n${userFrames(forward).join("\n")}`;
  error.cause = cause;
  return error;
}

/** @throws RuntimeError at the first gradient with a NaN in it. */
export function checkForNaN(node: GradNode, grads: readonly (Tensor | null | undefined)[]): void {
  grads.forEach((grad, i) => {
    if (!grad || !node.next[i] || grad.numel() === 0) return;
    if (!grad.isnan().any().item()) return;
    throw explain(
      node,
      new RuntimeError(`Function '${node.name()}' returned nan values in its ${String(i)}th output.`),
    );
  });
}
