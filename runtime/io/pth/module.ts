/** Whole models of the library. */
import { NotImplementedError } from "../../errors.js";
import type { Module } from "../../nn/module.js";

export type ModuleClasses = Readonly<Record<string, unknown>>;

export function restoreModule(
  _attributes: Readonly<Record<string, unknown>>,
  _classes: ModuleClasses,
): Module {
  throw new NotImplementedError("whole models");
}

export function describeModule(_module: Module): unknown {
  throw new NotImplementedError("whole models");
}
