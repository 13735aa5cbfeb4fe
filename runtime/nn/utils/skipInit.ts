/** Modules made without initialising them. */
import { RuntimeError } from "../../errors.js";
import { withoutInit } from "../init.js";
import { Module } from "../module.js";

/**
 * Makes a module whose parameters are not initialised: no random numbers are drawn for them. For parameters that are
 * to be loaded or filled anyway.
 * @throws RuntimeError for what is no Module class.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.utils.skip_init.html
 */
export function skipInit<M extends Module, A extends unknown[]>(
  moduleCls: new (...args: A) => M,
  ...args: A
): M {
  if (typeof moduleCls !== "function" || !(moduleCls.prototype instanceof Module)) {
    throw new RuntimeError(`expected a Module class, not ${String(moduleCls)}`);
  }
  return withoutInit(() => new moduleCls(...args));
}
