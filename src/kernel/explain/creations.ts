/** Layers that cannot be created: counts that do not divide, probabilities beyond one. */
import type { Phrase } from "../protocol.js";
import { say } from "../phrase.js";
import { nearestDivisor } from "./explanation.js";

/** A constructor argument's better value. */
export interface Setting {
  readonly name: string;
  readonly value: string;
}

/**
 * @param layer the class.
 * @param number the numeric value of an argument, where it is written out.
 */
export function explainCreation(
  layer: string,
  message: string,
  number: (name: string) => number | undefined,
): { readonly phrase: Phrase; readonly settings: readonly Setting[] } | undefined {
  const set = (name: string, value: number): Setting => ({ name, value: String(value) });
  const divides = (count: string, by: string): ReturnType<typeof explainCreation> => {
    const [n, d] = [number(count), number(by)];
    if (n === undefined || d === undefined || n % d === 0) return undefined;
    return {
      phrase: say("{0}: {1} {2} is not divisible by {3} {4}", layer, count, n, by, d),
      settings: [set(by, nearestDivisor(d, n)), set(count, Math.max(1, Math.round(n / d)) * d)],
    };
  };
  if (/^Conv/.test(layer)) {
    const [inC, outC, groups] = [number("inChannels"), number("outChannels"), number("groups")];
    const found = divides("inChannels", "groups") ?? divides("outChannels", "groups");
    if (found === undefined || inC === undefined || outC === undefined || groups === undefined) return found;
    return {
      phrase: found.phrase,
      settings: [set("groups", nearestDivisor(groups, inC, outC)), ...found.settings],
    };
  }
  if (layer === "GroupNorm") return divides("numChannels", "numGroups");
  if (layer === "MultiheadAttention") return divides("embedDim", "numHeads");
  if (/^Transformer/.test(layer)) return divides("dModel", "nhead");
  const p = number("p") ?? number("dropout");
  if (p !== undefined && (p < 0 || p > 1) && /probability/.test(message)) {
    const name = number("p") === undefined ? "dropout" : "p";
    const better = p > 1 && p <= 100 ? p / 100 : p < 0 ? 0 : 0.5;
    return {
      phrase: say("{0}: a probability lies between 0 and 1, got {1}", layer, p),
      settings: [set(name, better)],
    };
  }
  return undefined;
}
