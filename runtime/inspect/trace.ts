/**
 * Records what instrumented code reports while a model is traced: which tensors every statement made, in which call of
 * which function, the first time and the last. See the kernel's `instrument` for who calls these methods.
 */
import { Tensor } from "../tensor/tensor.js";

/** One tensor inside a value. */
export interface TracedTensor {
  /** Where in the value: `""` for the value itself, `[0]`, `logits`. */
  readonly path: string;
  readonly shape: readonly number[];
  readonly dtype: string;
}

/** What one statement made in one call. */
export interface TracedValues {
  readonly first: readonly TracedTensor[];
  readonly last: readonly TracedTensor[];
  readonly times: number;
  /** Rises in order of first execution. */
  readonly order: number;
}

/** One call of an instrumented function. */
export interface TracedCall {
  /** Site of the function. */
  readonly fn: number;
  readonly self: unknown;
  readonly parent: TracedCall | undefined;
  /** By site of the value. */
  readonly values: ReadonlyMap<number, TracedValues>;
}

/** The budget of a trace is spent. Thrown from inside the code that is traced. */
export class TraceTimeout extends Error {
  override name = "TraceTimeout";
}

const maxTensors = 8;
const maxDepth = 3;
/** Beyond these, calls run on and are not recorded. */
const maxCalls = 20_000;
const maxStack = 10_000;

/** The tensors in a value: itself, or those in arrays and plain objects, at most eight. */
export function tensorsIn(value: unknown): TracedTensor[] {
  const found: TracedTensor[] = [];
  const visit = (item: unknown, path: string, depth: number): void => {
    if (found.length >= maxTensors) return;
    if (item instanceof Tensor) {
      found.push({ path, shape: item.shape, dtype: item.dtype.name });
      return;
    }
    if (typeof item !== "object" || item === null || depth >= maxDepth) return;
    if (Array.isArray(item)) {
      for (let i = 0; i < Math.min(item.length, maxTensors); i++) visit(item[i], `${path}[${i}]`, depth + 1);
      return;
    }
    const prototype: unknown = Object.getPrototypeOf(item);
    // Results with named fields (`values`, `indices`) are iterable objects of classes of their own.
    if (prototype !== Object.prototype && prototype !== null && !(Symbol.iterator in item)) return;
    for (const [key, field] of Object.entries(item).slice(0, maxTensors)) {
      visit(field, path === "" ? key : `${path}.${key}`, depth + 1);
    }
  };
  visit(value, "", 0);
  return found;
}

interface Values {
  readonly first: readonly TracedTensor[];
  last: readonly TracedTensor[];
  times: number;
  readonly order: number;
}

interface Call extends TracedCall {
  readonly values: Map<number, Values>;
}

/** The object that instrumented code calls. */
export class TraceRecorder {
  /** Calls in order of entering. */
  readonly calls: TracedCall[] = [];
  readonly #functionOf: (value: number) => number;
  readonly #deadline: number;
  readonly #stack: (Call | undefined)[] = [];
  #recording = false;
  #statement = -1;
  #order = 0;

  /**
   * @param functionOf the function's site of a value's site.
   * @param deadline on the clock of `performance.now()`.
   */
  constructor(functionOf: (value: number) => number, deadline: number) {
    this.#functionOf = functionOf;
    this.#deadline = deadline;
  }

  /** Site of the statement that was entered last. */
  get statement(): number {
    return this.#statement;
  }

  /** Runs `body` and records what happens in it, forgetting what was recorded before. */
  record<T>(body: () => T): T {
    this.calls.length = 0;
    this.#stack.length = 0;
    this.#order = 0;
    this.#recording = true;
    try {
      return body();
    } finally {
      this.#recording = false;
    }
  }

  readonly at = (site: number): void => {
    this.#statement = site;
    if (performance.now() > this.#deadline) throw new TraceTimeout("The time for computing shapes is up");
  };

  readonly enter = (fn: number, self: unknown): void => {
    if (this.#stack.length > maxStack) throw new RangeError("Maximum call stack size exceeded");
    if (!this.#recording || this.calls.length >= maxCalls) {
      this.#stack.push(undefined);
      return;
    }
    const call: Call = { fn, self, parent: this.#stack.at(-1), values: new Map() };
    this.calls.push(call);
    this.#stack.push(call);
  };

  readonly leave = (): void => {
    this.#stack.pop();
  };

  readonly value = <T>(site: number, value: T): T => {
    if (!this.#recording || typeof value !== "object" || value === null) return value;
    const call = this.#stack.at(-1);
    if (call === undefined || call.fn !== this.#functionOf(site)) return value;
    const tensors = tensorsIn(value);
    if (tensors.length === 0) return value;
    const known = call.values.get(site);
    if (known === undefined) {
      call.values.set(site, { first: tensors, last: tensors, times: 1, order: this.#order++ });
    } else {
      known.last = tensors;
      known.times++;
    }
    return value;
  };
}
