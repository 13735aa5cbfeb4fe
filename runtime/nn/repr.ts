/** How Python prints values: for module representations identical to PyTorch's. */

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
