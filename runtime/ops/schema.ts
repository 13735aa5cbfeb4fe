import { ValueError } from "../errors.js";
import type { DType } from "../tensor/dtype.js";
import type { DeviceLike } from "../tensor/device.js";
import type { MemoryFormat } from "../tensor/memoryFormat.js";
import type { StorageHandle } from "../tensor/storageHandle.js";
import type { QuantizedDType, QuantizedTensor } from "../tensor/quantized.js";
import type { Tensor } from "../tensor/tensor.js";

/** What PyTorch has and this library does not yet: it has no call signature, and calling it throws `NotImplementedError`. */
export interface NotImplemented<Name extends string> {
  readonly notImplemented: Name;
}

/** A Python scalar. */
export type Scalar = number | bigint | boolean;

/**
 * The types a signature can name. A trailing `?` accepts `null`; `[]` is a list, given as an array or, for `int[]`,
 * as one number; `int[2]` repeats one number; `int...` takes the rest of the arguments, or one array.
 */
export interface SchemaTypes {
  Tensor: Tensor;
  Scalar: Scalar;
  "Tensor|Scalar": Tensor | Scalar;
  int: number;
  float: number;
  bool: boolean;
  str: string;
  dtype: DType;
  device: DeviceLike;
  generator: object;
  memory_format: MemoryFormat;
  storage: StorageHandle;
  "Tensor|storage": Tensor | StorageHandle;
  qtensor: QuantizedTensor;
  qdtype: QuantizedDType;
  any: unknown;
  "int?": number | null;
  "Tensor?": Tensor | null;
  "int|str": number | string;
  "float|str": number | string;
  "int|Tensor": number | Tensor;
  "int[]|str": number[] | string;
}

/** The TypeScript type of one type word of a signature. */
export type TypeOf<T extends string> = T extends `${infer U}?`
  ? TypeOf<U> | null
  : T extends `${infer U}...`
    ? TypeOf<U>[]
    : T extends keyof SchemaTypes
      ? SchemaTypes[T]
      : T extends `${infer U}[${string}]`
        ? TypeOf<U>[]
        : never;

type Split<B extends string> = B extends `${infer H}, ${infer R}` ? [...One<H>, ...Split<R>] : One<B>;
type One<P extends string> = P extends "*" | "" | `${string} out=None`
  ? []
  : P extends `${infer T} ${string}`
    ? [TypeOf<T>]
    : never;

/** The arguments of a signature in its order, defaults filled in: what an op's implementation receives. */
export type Bound<S extends string> = S extends `${string}(${infer B}) -> ${string}` ? Split<B> : never;

/** The result type a signature names. */
export type Returns<S extends string> = S extends `${string} -> ${infer R}` ? ResultOf<R> : never;
type ResultOf<R extends string> = R extends `(${infer B})` ? Named<B> : R extends "None" ? void : TypeOf<R>;
type Named<B extends string> = NamedFields<B> &
  Readonly<Record<number, Tensor>> & { readonly length: number; [Symbol.iterator](): Iterator<Tensor> };
type NamedFields<B extends string> = B extends `${infer H}, ${infer R}`
  ? Field<H> & NamedFields<R>
  : Field<B>;
type Field<P extends string> = P extends `${infer T} ${infer N}`
  ? { readonly [K in Camel<N>]: TypeOf<T> }
  : never;

/** `running_mean` → `runningMean`; underscores in front and behind stay. */
export type Camel<S extends string> = S extends `_${infer R}`
  ? `_${Camel<R>}`
  : S extends `${infer A}_${infer B}`
    ? B extends "" | "_"
      ? S
      : `${A}${Camel<Capitalize<B>>}`
    : S;

type Defaulted<B extends string> = B extends `${infer H}, ${infer R}`
  ? DefaultedOne<H> & Defaulted<R>
  : DefaultedOne<B>;
type DefaultedOne<P extends string> = P extends `${infer T} ${infer N}=${string}`
  ? { readonly [K in Camel<N>]?: TypeOf<T> | Loose<T> | undefined }
  : unknown;
/** What callers may write besides the bound type: one number for a list of integers. */
type Loose<T extends string> = T extends `int[${string}` | `float[${string}` ? number : never;
type LooseOf<T extends string> = TypeOf<T> | Loose<T>;
type Required<B extends string> = B extends `${infer H}, ${infer R}`
  ? [...RequiredOne<H>, ...Required<R>]
  : RequiredOne<B>;
type RequiredOne<P extends string> = P extends "*" | "" | `${string} ${string}=${string}`
  ? []
  : P extends `${infer T}... ${string}`
    ? [...(TypeOf<T>[] | [TypeOf<T>[]])]
    : P extends `${infer T} ${string}`
      ? [LooseOf<T>]
      : never;
type OptionalPositional<B extends string> = B extends `*, ${string}`
  ? []
  : B extends `${infer H}, ${infer R}`
    ? [...OptionalOne<H>, ...OptionalPositional<R>]
    : OptionalOne<B>;
type OptionalOne<P extends string> = P extends `${infer T} ${string}=${string}` ? [LooseOf<T>] : [];
type Prefixes<Q extends unknown[], O extends unknown[], N> =
  [...Q, N?] | (O extends [infer A, ...infer R] ? Prefixes<[...Q, A], R, N> : never);

/** The call a signature allows by the calling rule: required, a prefix of the optional ones, then options. */
export type CallArgs<S extends string> = S extends `${string}(${infer B}) -> ${string}`
  ? Prefixes<Required<B>, OptionalPositional<B>, Defaulted<B>>
  : never;

/** The arguments of a signature by their option names. */
export type Arguments<S extends string> = S extends `${string}(${infer B}) -> ${string}`
  ? ArgumentsOf<B>
  : never;
type ArgumentsOf<B extends string> = B extends `${infer H}, ${infer R}`
  ? ArgumentOf<H> & ArgumentsOf<R>
  : ArgumentOf<B>;
type ArgumentOf<P extends string> = P extends "*" | ""
  ? unknown
  : P extends `${infer T} ${infer N}=${string}`
    ? { readonly [K in Camel<N>]: TypeOf<T> }
    : P extends `${infer T} ${infer N}`
      ? { readonly [K in Camel<N>]: TypeOf<T> }
      : unknown;

export type TypeWord = keyof SchemaTypes;

/** One parameter of a parsed signature. */
export interface Parameter {
  /** PyTorch's name. */
  readonly name: string;
  /** The name in options objects. */
  readonly option: string;
  readonly type: TypeWord;
  /** -1: not a list; 0: any length; n: a number is repeated n times. */
  readonly list: number;
  readonly nullable: boolean;
  readonly varargs: boolean;
  readonly keywordOnly: boolean;
  readonly required: boolean;
  readonly default: unknown;
}

export interface Signature {
  readonly text: string;
  readonly name: string;
  readonly parameters: readonly Parameter[];
  /** How many are required, by position. */
  readonly required: number;
  readonly returns: string;
}

/** `max_pool2d` → `maxPool2d`, `add_` → `add_`, `__and__` → `__and__`, `_foo_bar` → `_fooBar`. */
export function camel(name: string): string {
  if (name.startsWith("__")) return name;
  return name.replace(/([^_])_+([a-zA-Z0-9])/g, (_, a: string, b: string) => a + b.toUpperCase());
}

/** Parses `name(Tensor input, int dim=0, *, bool keepdim=False) -> Tensor`. */
export function parseSignature(text: string): Signature {
  const match = /^(\w+)\((.*)\) -> (.+)$/.exec(text);
  if (!match) throw new Error(`not a signature: ${text}`);
  const [, name, body, returns] = match as unknown as [string, string, string, string];
  const parameters: Parameter[] = [];
  let keywordOnly = false;
  for (const part of body ? body.split(", ") : []) {
    if (part === "*") {
      keywordOnly = true;
      continue;
    }
    const p = /^(\S+) (\w+)(?:=(.*))?$/.exec(part);
    if (!p) throw new Error(`not a parameter: ${part} in ${text}`);
    let type = p[1]!;
    const nullable = type.endsWith("?");
    if (nullable) type = type.slice(0, -1);
    const varargs = type.endsWith("...");
    if (varargs) type = type.slice(0, -3);
    const listed = /^(.+)\[(\d*)\]$/.exec(type);
    const list = varargs ? 0 : listed ? Number(listed[2] || "0") : -1;
    if (listed) type = listed[1]!;
    parameters.push({
      name: p[2]!,
      option: camel(p[2]!),
      type: type as TypeWord,
      list,
      nullable,
      varargs,
      keywordOnly,
      required: p[3] === undefined && !keywordOnly,
      default: p[3] === undefined ? undefined : asList(parseDefault(p[3], text), type, list),
    });
  }
  return { text, name, parameters, required: parameters.filter((p) => p.required).length, returns };
}

function parseDefault(text: string, signature: string): unknown {
  if (text === "None") return null;
  if (text === "True") return true;
  if (text === "False") return false;
  if (text === "inf") return Infinity;
  if (text === "-inf") return -Infinity;
  if (/^'.*'$/.test(text)) return text.slice(1, -1);
  if (text.startsWith("[")) return JSON.parse(text) as unknown;
  const n = Number(text);
  if (text === "" || Number.isNaN(n)) throw new ValueError(`default ${text} in ${signature}`);
  return n;
}

/** One number standing for a list of them. */
function asList(value: unknown, type: string, list: number): unknown {
  if (typeof value !== "number" || (list < 0 && type !== "int[]|str")) return value;
  return Array.from({ length: Math.max(1, list) }, () => value);
}
