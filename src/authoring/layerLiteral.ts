/**
 * Reads a layer written in source, `new nn.Conv2d(1, 6, 5, { padding: 2 })`, as the calculator's settings. Literals
 * and arithmetic on them are understood (`16 * 5 * 5`); an argument that is anything else keeps its default.
 */
import type { Pair } from "../../runtime/inspect/arithmetic.js";
import type { Conv2dSettings, LayerSettings, MaxPool2dSettings } from "../../webview/shared/protocol.js";

type Literal = number | string | boolean | null | undefined | readonly Literal[] | LiteralObject;
interface LiteralObject {
  readonly [key: string]: Literal;
}

/** A layer found in a text, with the extent of the expression from `new` to the closing parenthesis. */
export interface LayerLiteral {
  readonly kind: LayerSettings["kind"];
  readonly start: number;
  readonly end: number;
  readonly args: readonly Literal[];
}

const unknown = Symbol("not a literal");

class Reader {
  readonly #text: string;
  at: number;

  constructor(text: string, at: number) {
    this.#text = text;
    this.at = at;
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.#text);
    if (found === null) return undefined;
    this.at = pattern.lastIndex;
    return found[0];
  }

  /** Takes `token` if it is next, after blanks and comments. */
  take(token: string): boolean {
    this.#match(/(?:\s|\/\/[^\n]*|\/\*[^]*?\*\/)+/y);
    if (!this.#text.startsWith(token, this.at)) return false;
    this.at += token.length;
    return true;
  }

  /** The items of a list up to `close`; null when the text ends first. */
  list(close: string): Literal[] | null {
    const items: Literal[] = [];
    while (!this.take(close)) {
      items.push(this.#item());
      if (this.take(",")) continue;
      if (this.take(close)) return items;
      return null;
    }
    return items;
  }

  /** One argument: a literal, or undefined after skipping what is not one. */
  #item(): Literal {
    const start = this.at;
    const value = this.#sum();
    if (value !== unknown && this.#atEndOfItem()) return value;
    this.at = start;
    this.#skip();
    return undefined;
  }

  #atEndOfItem(): boolean {
    this.take("");
    return this.at >= this.#text.length || ",)]}".includes(this.#text[this.at]!);
  }

  /** Moves behind an expression, minding brackets and strings. */
  #skip(): void {
    let depth = 0;
    for (; this.at < this.#text.length; this.at++) {
      const c = this.#text[this.at]!;
      if (depth === 0 && ",)]}".includes(c)) return;
      if ("([{".includes(c)) depth++;
      else if (")]}".includes(c)) depth--;
      else if (`"'\``.includes(c)) {
        this.#match(/"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`(?:\\.|[^`\\])*`/y);
        this.at--;
      }
      if (this.at < 0) return;
    }
  }

  #sum(): Literal | typeof unknown {
    let left = this.#product();
    for (;;) {
      const sign = this.take("+") ? 1 : this.take("-") ? -1 : 0;
      if (sign === 0 || typeof left !== "number") return left;
      const right = this.#product();
      if (typeof right !== "number") return unknown;
      left += sign * right;
    }
  }

  #product(): Literal | typeof unknown {
    let left = this.#atom();
    for (;;) {
      const operator = this.take("*") ? "*" : this.take("/") ? "/" : "";
      if (operator === "" || typeof left !== "number") return left;
      const right = this.#atom();
      if (typeof right !== "number") return unknown;
      left = operator === "*" ? left * right : left / right;
    }
  }

  #atom(): Literal | typeof unknown {
    if (this.take("(")) {
      const inner = this.#sum();
      return this.take(")") ? inner : unknown;
    }
    if (this.take("-")) {
      const value = this.#atom();
      return typeof value === "number" ? -value : unknown;
    }
    if (this.take("[")) return this.list("]") ?? unknown;
    if (this.take("{")) return this.#object();
    const number = this.#match(/\d[\d_]*(?:\.\d+)?/y);
    if (number !== undefined) return Number(number.replaceAll("_", ""));
    const text = this.#match(/"[^"\\\n]*"|'[^'\\\n]*'/y);
    if (text !== undefined) return text.slice(1, -1);
    const word = this.#match(/(?:true|false|null|undefined)\b/y);
    if (word === undefined) return unknown;
    return { true: true, false: false, null: null, undefined }[word as "true"];
  }

  #object(): LiteralObject | typeof unknown {
    const entries: [string, Literal][] = [];
    while (!this.take("}")) {
      this.take("");
      const key = this.#match(/[A-Za-z_$][\w$]*|"[^"\n]*"|'[^'\n]*'/y);
      if (key === undefined) return unknown;
      entries.push([key.replace(/["']/g, ""), this.take(":") ? this.#item() : undefined]);
      if (!this.take(",")) {
        if (!this.take("}")) return unknown;
        break;
      }
    }
    return Object.fromEntries(entries);
  }
}

/** All layers of a text that the calculator knows, in order. */
export function findLayers(text: string): LayerLiteral[] {
  const layers: LayerLiteral[] = [];
  for (const found of text.matchAll(/\bnew\s+(?:[\w$.]+\.)?(Conv2d|MaxPool2d)\s*\(/g)) {
    const reader = new Reader(text, found.index + found[0].length);
    const args = reader.list(")");
    if (args !== null) {
      layers.push({ kind: found[1] as LayerLiteral["kind"], start: found.index, end: reader.at, args });
    }
  }
  return layers;
}

/** The layer around `offset`; failing that the first one that begins or ends between `lineStart` and `lineEnd`. */
export function layerAt(text: string, offset: number, lineStart = offset, lineEnd = offset) {
  const layers = findLayers(text);
  return (
    layers.findLast(({ start, end }) => start <= offset && offset <= end) ??
    layers.find(({ start, end }) => start <= lineEnd && end >= lineStart)
  );
}

const parameterNames = {
  Conv2d: ["inChannels", "outChannels", "kernelSize", "stride", "padding", "dilation", "groups", "bias"],
  MaxPool2d: ["kernelSize", "stride", "padding", "dilation", "returnIndices", "ceilMode"],
} as const;

function isOptions(value: Literal): value is LiteralObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const isCount = (value: Literal): value is number => typeof value === "number" && Number.isInteger(value);

function pair(value: Literal): Pair | undefined {
  if (isCount(value)) return [value, value];
  if (!Array.isArray(value)) return undefined;
  const [height, width = height] = value as readonly Literal[];
  return isCount(height) && isCount(width) ? [height, width] : undefined;
}

/**
 * The calculator's settings for a layer.
 *
 * @param input N, C, H, W that goes in, where a trace knows it.
 */
export function layerSettings(layer: LayerLiteral, input?: readonly number[]): LayerSettings {
  const last = layer.args.at(-1);
  const positional = isOptions(last) ? layer.args.slice(0, -1) : layer.args;
  const given = new Map<string, Literal>(isOptions(last) ? Object.entries(last) : []);
  positional.forEach((value, i) => given.set(parameterNames[layer.kind][i] ?? "", value));
  const count = (name: string, fallback: number) => {
    const value = given.get(name);
    return isCount(value) ? value : fallback;
  };
  const traced = input?.length === 4 ? (input as unknown as Conv2dSettings["input"]) : undefined;
  const shared = {
    kernelSize: pair(given.get("kernelSize")) ?? [1, 1],
    dilation: pair(given.get("dilation")) ?? [1, 1],
  };
  const padding = given.get("padding");
  if (layer.kind === "Conv2d") {
    return {
      kind: "Conv2d",
      input: traced ?? [1, count("inChannels", 1), 28, 28],
      outChannels: count("outChannels", 1),
      ...shared,
      stride: pair(given.get("stride")) ?? [1, 1],
      padding: padding === "same" || padding === "valid" ? padding : (pair(padding) ?? [0, 0]),
      groups: count("groups", 1),
      bias: given.get("bias") !== false,
    } satisfies Conv2dSettings;
  }
  return {
    kind: "MaxPool2d",
    input: traced ?? [1, 1, 28, 28],
    ...shared,
    stride: pair(given.get("stride")) ?? null,
    padding: pair(padding) ?? [0, 0],
    ceilMode: given.get("ceilMode") === true,
  } satisfies MaxPool2dSettings;
}
