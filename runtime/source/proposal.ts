import { className, type Module } from "../nn/module.js";
import { proposeInput } from "./inputs.js";
import type { InputSpec } from "./text.js";

/**
 * An input guessed from the model's first layer with a known input, if `forward` takes one.
 * @param required `forward`'s required parameters, where they are known.
 */
export function proposedInput(model: Module, required: readonly string[] | undefined): InputSpec | undefined {
  if (required !== undefined && required.length !== 1) return undefined;
  for (const layer of model.modules()) {
    const fields: Record<string, number> = {};
    for (const [key, value] of Object.entries(layer)) if (typeof value === "number") fields[key] = value;
    const input = proposeInput(required?.[0] ?? "x", { className: className(layer), fields });
    if (input !== undefined) return input;
  }
  return undefined;
}
