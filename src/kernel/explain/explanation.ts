/** What an explanation of a failure consists of. */
import type { Module } from "../../../runtime/nn/module.js";
import { Parameter } from "../../../runtime/nn/parameter.js";
import type { Tensor } from "../../../runtime/tensor/tensor.js";
import type { Phrase } from "../protocol.js";
import { say } from "../phrase.js";
import type { Dims, Failing } from "./failing.js";

/** Something that may put it right. Where it would be written is found later, and it is tried before it is offered. */
export type Remedy =
  /** Another value for a constructor argument of a layer. */
  | { readonly kind: "setting"; readonly layer: Module; readonly name: string; readonly value: string }
  /** Something done to a tensor before the call: `.flatten(1)`. */
  | { readonly kind: "convert"; readonly tensor: Tensor; readonly suffix: string }
  /** Another value for an argument of the call, `names` being its parameters in order. */
  | {
      readonly kind: "argument";
      readonly name: string;
      readonly names: readonly string[];
      readonly value: string;
    }
  /** Another value for one of the sizes in the call. */
  | { readonly kind: "size"; readonly index: number; readonly value: string }
  /** Another function or method, called the same way. */
  | { readonly kind: "rename"; readonly name: string }
  /** Another size where a parameter is created: `torch.randn(5)`. */
  | { readonly kind: "created"; readonly tensor: Tensor; readonly axis: number; readonly value: string }
  /** The axis from which a tensor was flattened before. */
  | { readonly kind: "startDim"; readonly tensor: Tensor }
  /** Another class of layer, created the same way. */
  | { readonly kind: "class"; readonly layer: Module; readonly name: string };

export interface Explanation {
  readonly phrase: Phrase;
  readonly remedies: readonly Remedy[];
}

/** Explains failures of one family; undefined for what is none of its. */
export type Rule = (failing: Failing) => Explanation | undefined;

export const shapeOf = (t: Tensor | Dims): string => `[${("shape" in t ? t.shape : t).join(", ")}]`;
export const product = (dims: Dims): number => dims.reduce((a, b) => a * b, 1);

/** `400 = 16·5·5 from flatten at line 14`. */
export function sized(failing: Failing, tensor: Tensor, axis: number): string {
  const at = axis < 0 ? axis + tensor.ndim : axis;
  const origin = failing.origin(tensor, at);
  return origin === undefined ? String(tensor.shape[at]) : `${tensor.shape[at]} ${origin}`;
}

export const convert = (tensor: Tensor, ...suffixes: string[]): Remedy[] =>
  suffixes.map((suffix) => ({ kind: "convert", tensor, suffix }));

export function setting(failing: Failing, name: string, value: number | string): Remedy[] {
  const { layer } = failing;
  return layer === undefined ? [] : [{ kind: "setting", layer, name, value: String(value) }];
}

/** The size a tensor gets from the layer that makes it. */
export function outputSetting(
  failing: Failing,
  tensor: Tensor,
  axis: number,
  value: number | undefined,
): Remedy[] {
  const at = axis < 0 ? axis + tensor.ndim : axis;
  const layer = failing.makerOf(tensor, at);
  if (value === undefined) return [];
  if (tensor instanceof Parameter) return [{ kind: "created", tensor, axis: at, value: String(value) }];
  if (layer === undefined) return [];
  const fields = layer as unknown as Record<string, unknown>;
  const name = ["outFeatures", "outChannels", "embeddingDim", "hiddenSize"].find(
    (field) => fields[field] === tensor.shape[at],
  );
  return name === undefined ? [] : [{ kind: "setting", layer, name, value: String(value) }];
}

/** The divisor of all numbers that is nearest to what was wanted, the smaller of two. */
export function nearestDivisor(wanted: number, ...numbers: number[]): number {
  const least = Math.min(...numbers);
  let best = 1;
  for (let d = 1; d <= least; d++) {
    const divides = numbers.every((n) => n % d === 0);
    if (divides && Math.abs(d - wanted) < Math.abs(best - wanted)) best = d;
  }
  return best;
}

/** The library's own words. */
export const own = (failing: Failing): Phrase => say("{0}", failing.message);
