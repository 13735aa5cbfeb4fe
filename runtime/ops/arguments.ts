import { bind } from "./bind.js";
import { parseSignature, type Arguments, type Signature } from "./schema.js";

const parsed = new Map<string, Signature>();

/** A constructor's arguments, bound by the calling rule to its signature, by their option names. */
export function bound<const S extends string>(signature: S, args: readonly unknown[]): Arguments<S> {
  let s = parsed.get(signature);
  if (!s) parsed.set(signature, (s = parseSignature(signature)));
  const { values } = bind([s], args);
  return Object.fromEntries(s.parameters.map((p, i) => [p.option, values[i]])) as Arguments<S>;
}
