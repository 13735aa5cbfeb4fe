import { bind } from "../ops/bind.js";
import { parseSignature } from "../ops/schema.js";

/** Options of a constructor, bound by the calling rule to one of its signatures and put under their names. */
export function optimizerOptions<O>(signature: string, args: readonly unknown[]): O {
  const parsed = parseSignature(signature);
  const { values } = bind([parsed], args);
  return Object.fromEntries(parsed.parameters.map((p, i) => [p.option, values[i]])) as O;
}
