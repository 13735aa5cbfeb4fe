/** How Python prints values and modules: for representations identical to PyTorch's. */
import type { Module } from "./module.js";
import { isModule, registryOf, settle, stateName } from "./registry.js";

/** A Python float: `1.0`, `0.1`, `1e-05`. */
export function float(x: number): string {
  if (Number.isNaN(x)) return "nan";
  if (!Number.isFinite(x)) return x > 0 ? "inf" : "-inf";
  if (Number.isInteger(x) && Math.abs(x) < 1e16) return `${String(x)}.0`;
  const size = Math.abs(x);
  if (size < 1e-4 || size >= 1e16) {
    const [mantissa, exponent] = x.toExponential().split("e") as [string, string];
    const sign = exponent.startsWith("-") ? "-" : "+";
    return `${mantissa}e${sign}${exponent.slice(1).padStart(2, "0")}`;
  }
  return String(x);
}

/** A number as it was most likely written: integers without a point. */
export function number(x: number): string {
  return Number.isInteger(x) && Math.abs(x) < 1e16 ? String(x) : float(x);
}

/** A tuple of integers: `(3, 3)`, `(3,)`. */
export function tuple(values: readonly (number | null)[]): string {
  const items = values.map((v) => (v === null ? "None" : String(v)));
  return items.length === 1 ? `(${items[0]!},)` : `(${items.join(", ")})`;
}

export function bool(x: boolean): string {
  return x ? "True" : "False";
}

/** What was given as one number or several, printed as it was given. */
export function size(value: unknown): string {
  return Array.isArray(value) ? tuple(value as number[]) : value === null ? "None" : String(value);
}

/** A module with what is below it. */
export function printed(module: Module): string {
  const extra = module.extraRepr();
  const extraLines = extra ? extra.split("\n") : [];
  const childLines: string[] = [];
  const { absent } = registryOf(module);
  for (const key of settle(module)) {
    const child = (module as unknown as Readonly<Record<string, unknown>>)[key];
    if (isModule(child)) childLines.push(`(${stateName(module, key)}): ${indent(String(child), 2)}`);
    else if (absent.has(key) && child === null) childLines.push(`(${stateName(module, key)}): None`);
  }
  const lines = [...extraLines, ...childLines];
  if (lines.length === 0) return `${module._getName()}()`;
  if (extraLines.length === 1 && childLines.length === 0) return `${module._getName()}(${extraLines[0]!})`;
  return `${module._getName()}(\n  ${lines.join("\n  ")}\n)`;
}

function indent(text: string, by: number): string {
  const [first, ...rest] = text.split("\n");
  return [first, ...rest.map((l) => " ".repeat(by) + l)].join("\n");
}
