/** Grad mode: whether operations record what backward needs. Survives `await`, as each async call has its own. */
import { AsyncLocalStorage } from "node:async_hooks";

interface Mode {
  readonly grad: boolean;
}

const scoped = new AsyncLocalStorage<Mode>();
/** What `using _ = torch.noGrad()` and `setGradEnabled` change, outside any `noGrad(() => …)`. */
let ambient = true;

/** `torch.is_grad_enabled()`. */
export function isGradEnabled(): boolean {
  return override ?? scoped.getStore()?.grad ?? ambient;
}

/** Set while library code runs synchronously under a fixed mode: cheaper than an async context. */
let override: boolean | undefined;

/** Runs synchronous library code under a grad mode. */
export function withGradMode<T>(grad: boolean, body: () => T): T {
  const saved = override;
  override = grad;
  try {
    return body();
  } finally {
    override = saved;
  }
}

/** `torch.set_grad_enabled(mode)`: from here on, until set again. */
export function setGradEnabled(grad: boolean): void {
  ambient = grad;
}

class GradModeGuard implements Disposable {
  readonly #saved = ambient;
  constructor(grad: boolean) {
    ambient = grad;
  }
  [Symbol.dispose](): void {
    ambient = this.#saved;
  }
}

function gradMode(grad: boolean): { (): Disposable; <T>(body: () => T): T } {
  function enter(): Disposable;
  function enter<T>(body: () => T): T;
  function enter<T>(body?: () => T): T | Disposable {
    return body ? scoped.run({ grad }, body) : new GradModeGuard(grad);
  }
  return enter;
}

/**
 * `torch.no_grad()`: nothing inside is recorded for backward. Takes a function (also an async one) or, without one,
 * opens a scope for `using`.
 * @see https://pytorch.org/docs/stable/generated/torch.no_grad.html
 */
export const noGrad = gradMode(false);

/** `torch.enable_grad()`: records for backward inside a `noGrad`. */
export const enableGrad = gradMode(true);
