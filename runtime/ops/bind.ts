import { Device } from "../tensor/device.js";
import { DType } from "../tensor/dtype.js";
import { MemoryFormat } from "../tensor/memoryFormat.js";
import { QuantizedDType, QuantizedTensor } from "../tensor/quantized.js";
import { StorageHandle } from "../tensor/storageHandle.js";
import { Tensor } from "../tensor/tensor.js";
import type { Parameter, Signature, TypeWord } from "./schema.js";

/** True for `{…}` literals and the like: what the calling rule takes for options. */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const proto: unknown = Object.getPrototypeOf(value);
  return proto === Object.prototype || proto === null;
}

/** Why a signature did not fit, and how far it got. */
class Mismatch {
  readonly why: string;
  readonly progress: number;
  constructor(why: string, progress: number) {
    this.why = why;
    this.progress = progress;
  }
}

const isScalar = (v: unknown): boolean =>
  typeof v === "number" || typeof v === "bigint" || typeof v === "boolean";
const isInt = (v: unknown): boolean => typeof v === "number" && Number.isInteger(v);

const accepts: Readonly<Record<TypeWord, (v: unknown) => boolean>> = {
  Tensor: (v) => v instanceof Tensor,
  Scalar: (v) => isScalar(v) || (v instanceof Tensor && v.ndim === 0 && !v.requiresGrad),
  "Tensor|Scalar": (v) => v instanceof Tensor || isScalar(v),
  int: isInt,
  float: (v) => typeof v === "number",
  bool: (v) => typeof v === "boolean",
  str: (v) => typeof v === "string",
  dtype: (v) => v instanceof DType,
  device: (v) => typeof v === "string" || v instanceof Device || isInt(v),
  generator: (v) => typeof v === "object" && v !== null,
  memory_format: (v) => v instanceof MemoryFormat,
  storage: (v) => v instanceof StorageHandle,
  "Tensor|storage": (v) => v instanceof Tensor || v instanceof StorageHandle,
  qtensor: (v) => v instanceof QuantizedTensor,
  qdtype: (v) => v instanceof QuantizedDType,
  any: () => true,
  "Tensor?": (v) => v === null || v instanceof Tensor,
  "int?": (v) => v === null || isInt(v),
  "int|Tensor": (v) => isInt(v) || v instanceof Tensor,
  "int|str": (v) => isInt(v) || typeof v === "string",
  "float|str": (v) => typeof v === "number" || typeof v === "string",
  "int[]|str": (v) => isInt(v) || typeof v === "string" || (Array.isArray(v) && v.every(isInt)),
};

/** Converts an argument to its parameter's type, or says `undefined` when it does not fit. */
function convert(p: Parameter, value: unknown): unknown {
  if (value === null) return p.nullable || p.type === "any" ? null : undefined;
  if (p.list < 0) {
    if (!accepts[p.type](value)) return undefined;
    if (p.type === "Scalar" && value instanceof Tensor) return value.item();
    if (p.type === "int[]|str" && typeof value === "number") return [value];
    return value;
  }
  // A number (or a tuple of sizes such as `x.shape`) for a list of them.
  if (!Array.isArray(value)) {
    if (p.type === "Tensor" || !accepts[p.type](value)) return undefined;
    return Array.from({ length: p.list || 1 }, () => value);
  }
  return value.every(accepts[p.type]) ? value : undefined;
}

/**
 * Fits arguments to a signature by the calling rule: the required ones by position, then any prefix of the optional
 * positional ones, the rest in one trailing plain options object. Gives one value per parameter, defaults filled in.
 */
function fit(signature: Signature, args: readonly unknown[], given: number): unknown[] | Mismatch {
  const { parameters, name } = signature;
  const bound = new Array<unknown>(parameters.length);
  let at = 0;
  let i = 0;
  for (; i < parameters.length; i++) {
    const p = parameters[i]!;
    if (p.keywordOnly) break;
    if (p.varargs) {
      const single = args[at];
      if (Array.isArray(single) && (given === at + 1 || isPlainObject(args[at + 1]))) {
        const list = convert(p, single);
        if (list === undefined) return new Mismatch(describe(name, p, single), at);
        bound[i] = list;
        at++;
        continue;
      }
      const list: unknown[] = [];
      while (at < given && accepts[p.type](args[at])) list.push(args[at++]);
      bound[i] = list;
      continue;
    }
    if (at >= given) break;
    const arg = args[at];
    const last = at === given - 1 && isPlainObject(arg);
    if (last && !(p.required && p.type === "any")) break;
    at++;
    if (arg === undefined && !p.required) {
      bound[i] = p.default;
      continue;
    }
    const value = convert(p, arg);
    if (value === undefined) return new Mismatch(describe(name, p, arg), at);
    bound[i] = value;
  }
  let options: Record<string, unknown> | undefined;
  if (at < given) {
    const rest = args[at];
    if (at !== given - 1 || !isPlainObject(rest)) {
      const limit = String(parameters.filter((p) => !p.keywordOnly).length);
      return new Mismatch(
        `${name}() takes at most ${limit} positional arguments (${String(given)} given)`,
        at,
      );
    }
    options = rest;
  }
  for (; i < parameters.length; i++) {
    const p = parameters[i]!;
    const arg = options?.[p.option];
    if (arg === undefined) {
      if (p.required) return new Mismatch(`${name}() missing required argument '${p.option}'`, at);
      bound[i] = p.default;
      continue;
    }
    const value = convert(p, arg);
    if (value === undefined) return new Mismatch(describe(name, p, arg), at);
    bound[i] = value;
  }
  if (options) {
    for (const key in options) {
      if (options[key] === undefined) continue;
      const at2 = parameters.findIndex((p) => p.option === key);
      if (at2 < 0) return new Mismatch(unknownOption(name, key, parameters), at);
      if (at2 < at && !parameters[at2]!.keywordOnly) {
        return new Mismatch(`${name}() got multiple values for argument '${key}'`, at);
      }
    }
  }
  return bound;
}

/** The first signature, in their order, that the arguments fit; throws `TypeError` with the reason when none does. */
export function bind(
  signatures: readonly Signature[],
  args: readonly unknown[],
): { readonly overload: number; readonly values: unknown[] } {
  let given = args.length;
  while (given > 0 && args[given - 1] === undefined) given--;
  let best: Mismatch | undefined;
  for (let overload = 0; overload < signatures.length; overload++) {
    const values = fit(signatures[overload]!, args, given);
    if (!(values instanceof Mismatch)) return { overload, values };
    if (!best || values.progress > best.progress) best = values;
  }
  const expected =
    signatures.length > 1 ? `\nExpected one of:\n${signatures.map((s) => ` * ${s.text}`).join("\n")}` : "";
  throw new TypeError(`${best?.why ?? "no signature"}${expected}`);
}

function describe(name: string, p: Parameter, value: unknown): string {
  const list = p.list >= 0 ? " list" : "";
  return `${name}(): argument '${p.option}' must be ${p.type}${list}${p.nullable ? " or null" : ""}, not ${typeName(value)}`;
}

/** How a value's type reads in a message. */
export function typeName(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return value.length ? `array of ${typeName(value[0])}` : "empty array";
  if (typeof value === "number") return Number.isInteger(value) ? "int" : "float";
  if (typeof value === "object")
    return (value.constructor as { name?: string } | undefined)?.name ?? "object";
  return typeof value;
}

function unknownOption(name: string, key: string, parameters: readonly Parameter[]): string {
  const near = nearest(
    key,
    parameters.map((p) => p.option),
  );
  return `${name}() got an unexpected option '${key}'${near ? `; did you mean '${near}'?` : ""}`;
}

/** The candidate closest in edit distance, when close enough to be a slip of the hand. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(word.length / 3)) + 1;
  for (const c of candidates) {
    const d = editDistance(word.toLowerCase(), c.toLowerCase());
    if (d < bestDistance) [best, bestDistance] = [c, d];
  }
  return best;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1));
    }
    row = next;
  }
  return row[b.length]!;
}
