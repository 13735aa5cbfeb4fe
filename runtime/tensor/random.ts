/** `torch.random` and the functions of the default generator. */
import { RuntimeError } from "../errors.js";
import { defaultGenerator, type Bookmark, type Generator } from "./generator.js";
import type { Tensor } from "./tensor.js";

/**
 * Seeds the default generator: the same seed gives PyTorch's numbers.
 * @see https://pytorch.org/docs/stable/generated/torch.manual_seed.html
 */
export function manualSeed(seed: number | bigint): Generator {
  return defaultGenerator.manualSeed(seed);
}

/** Seeds the default generator with a number from the operating system, and gives it. */
export function seed(): number | bigint {
  return defaultGenerator.seed();
}

/** The default generator's last seed. */
export function initialSeed(): number | bigint {
  return defaultGenerator.initialSeed();
}

/** The default generator's state as a uint8 tensor, PyTorch's 5056 bytes. */
export function getRngState(): Tensor {
  return defaultGenerator.getState();
}

/** Goes on from a state that `getRngState` gave. */
export function setRngState(state: Tensor): void {
  defaultGenerator.setState(state);
}

interface ForkOptions {
  /** Devices whose generators to fork besides the CPU's; there are none. */
  readonly devices?: readonly unknown[] | undefined;
  readonly enabled?: boolean | undefined;
}

/** Goes back to the state before, at the end of a `using` block. */
class ForkGuard implements Disposable {
  readonly #bookmark: Bookmark | undefined;

  constructor(enabled: boolean) {
    this.#bookmark = enabled ? defaultGenerator._bookmark() : undefined;
  }

  [Symbol.dispose](): void {
    this.#bookmark?.settle();
    this.#bookmark?.restore();
  }
}

/**
 * Leaves the default generator as it was: what is drawn inside does not move it. Takes a function, which may be async,
 * or opens a scope for `using`.
 * @see https://pytorch.org/docs/stable/random.html#torch.random.fork_rng
 */
export function forkRng(options?: ForkOptions): Disposable;
export function forkRng<T>(body: () => T, options?: ForkOptions): T;
export function forkRng<T>(first?: ForkOptions | (() => T), second?: ForkOptions): T | Disposable {
  const options = typeof first === "function" ? second : first;
  if (options?.devices?.length) {
    throw new RuntimeError("forkRng: only the CPU has a generator here; leave `devices` empty");
  }
  const guard = new ForkGuard(options?.enabled ?? true);
  if (typeof first !== "function") return guard;
  let result: T | undefined;
  try {
    result = first();
  } finally {
    if (!(result instanceof Promise)) guard[Symbol.dispose]();
  }
  if (!(result instanceof Promise)) return result;
  return result.finally(() => {
    guard[Symbol.dispose]();
  }) as T;
}

/** `torch.random`. @see https://pytorch.org/docs/stable/random.html */
export const random = { manualSeed, seed, initialSeed, getRngState, setRngState, forkRng };
