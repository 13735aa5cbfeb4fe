/** Layers that learn their input's size from the first call. @see https://pytorch.org/docs/stable/generated/torch.nn.modules.lazy.LazyModuleMixin.html */
import type { Tensor } from "../tensor/tensor.js";
import type { Module } from "./module.js";
import { isLazy } from "./parameter.js";
import { fields, registryOf } from "./registry.js";

/** What a lazy layer has besides its kind's own: until the first call, which makes it an ordinary one. */
export interface LazyModule {
  /** Whether a parameter or buffer still waits for its size. */
  hasUninitializedParams(): boolean;
  /** Takes the sizes from an input, and initialises. */
  initializeParameters(input: Tensor): void;
}

export function hasUninitializedParams(module: Module): boolean {
  for (const [, value] of fields(module)) if (isLazy(value)) return true;
  for (const { tensor } of registryOf(module).buffers.values()) if (isLazy(tensor)) return true;
  return false;
}

/** Sizes are read-only to users. */
export type Mutable<T> = { -readonly [K in keyof T]: T[K] };

interface Resettable extends Module {
  resetParameters(): void;
}

/**
 * Makes `Lazy`, which extends `Ordinary`, lazy: its first call runs `initialize` on the input and turns the layer into
 * an `Ordinary`. Loading a state dict gives parameters their sizes too.
 */
export function makeLazy(
  Lazy: { readonly prototype: Resettable },
  Ordinary: { readonly prototype: Resettable },
  initialize: (module: never, input: Tensor) => void,
): void {
  const methods: LazyModule & ThisType<Resettable & LazyModule> & Record<string, unknown> = {
    hasUninitializedParams(): boolean {
      return hasUninitializedParams(this);
    },
    initializeParameters(input: Tensor): void {
      if (!this.hasUninitializedParams()) return;
      initialize(this as never, input);
      this.resetParameters();
    },
    /** There is nothing to reset before there are sizes. */
    resetParameters(): void {
      if (!this.hasUninitializedParams()) Ordinary.prototype.resetParameters.call(this);
    },
    forward(...args: unknown[]): unknown {
      this.initializeParameters(args[0] as Tensor);
      Object.setPrototypeOf(this, Ordinary.prototype);
      return (this.forward as (...a: unknown[]) => unknown)(...args);
    },
  };
  for (const [name, value] of Object.entries(methods)) {
    Object.defineProperty(Lazy.prototype, name, { configurable: true, writable: true, value });
  }
}
