/** Containers of parameters. @see https://pytorch.org/docs/stable/nn.html#containers */
import { KeyError, RuntimeError } from "../errors.js";
import { isPlainObject, typeName } from "../ops/bind.js";
import type { DType } from "../tensor/dtype.js";
import type { Slice } from "../tensor/slice.js";
import { Tensor } from "../tensor/tensor.js";
import { pairsOf, place, places, type Named } from "./container.js";
import { Module } from "./module.js";
import { Parameter } from "./parameter.js";

/** A tensor becomes a parameter; anything else is kept as it is. */
const parameterOf = (value: unknown): unknown =>
  value instanceof Tensor && !(value instanceof Parameter) ? new Parameter(value) : value;

function line(key: string, value: unknown, dtypeName: (dtype: DType) => string): string {
  if (!(value instanceof Tensor)) return `  (${key}): Object of type: ${typeName(value)}`;
  const kind = value instanceof Parameter ? "Parameter" : "Tensor";
  return `  (${key}): ${kind} containing: [${dtypeName(value.dtype)} of size ${value.shape.join("x")}]`;
}

/** `torch.FloatTensor`: a dtype's name before there were dtypes. */
function oldName(dtype: DType): string {
  const names: Readonly<Record<string, string>> = {
    float32: "Float",
    float64: "Double",
    float16: "Half",
    bfloat16: "BFloat16",
    int64: "Long",
    int32: "Int",
    int16: "Short",
    int8: "Char",
    uint8: "Byte",
    bool: "Bool",
  };
  return `torch.${names[dtype.name] ?? dtype.name}Tensor`;
}

type Fields = Record<string, unknown>;

/**
 * Parameters by number, each registered. Tensors become parameters; other values are kept.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.ParameterList.html
 */
export class ParameterList extends Module {
  private size = 0;

  constructor(values?: Iterable<unknown> | null) {
    super();
    if (values !== undefined && values !== null) this.extend(values);
  }

  override get length(): number {
    return this.size;
  }

  /** What is at a place; negative ones count from the end. With a slice, a new list. */
  at(index: number): Parameter;
  at(index: Slice): ParameterList;
  at(index: number | Slice): Parameter | ParameterList {
    const own = this as unknown as Fields;
    if (typeof index === "number") return own[String(place(index, this.size))] as Parameter;
    return new ParameterList(places(index, this.size).map((i) => own[String(i)]));
  }

  setAt(index: number, value: unknown): void {
    this.put(place(index, this.size), value);
  }

  private put(at: number, value: unknown): void {
    (this as unknown as Fields)[String(at)] = parameterOf(value);
  }

  append(value: unknown): this {
    this.put(this.size++, value);
    return this;
  }

  /** @throws TypeError for what is not iterable, and for a tensor. */
  extend(values: Iterable<unknown>): this {
    const given = values as Iterable<unknown> | null;
    if (typeof given?.[Symbol.iterator] !== "function" || values instanceof Tensor) {
      throw new TypeError(
        `ParameterList.extend should be called with an iterable, but got ${typeName(values)}`,
      );
    }
    for (const v of [...values]) this.append(v);
    return this;
  }

  [Symbol.iterator](): Iterator<Parameter> {
    return Array.from({ length: this.size }, (_, i) => this.at(i))[Symbol.iterator]();
  }

  override extraRepr(): string {
    return [...this].map((p, i) => line(String(i), p, String)).join("\n");
  }

  forward(): never {
    throw new RuntimeError("ParameterList should not be called.");
  }
}

/**
 * Parameters by name, each registered. Tensors become parameters; other values are kept. A plain object is taken in the
 * order of its sorted keys, as PyTorch does; a `Map` or pairs in their own.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.ParameterDict.html
 */
export class ParameterDict extends Module {
  private readonly names = new Set<string>();

  constructor(parameters?: Named<unknown> | ParameterDict | null) {
    super();
    if (parameters !== undefined && parameters !== null) this.update(parameters);
  }

  override get length(): number {
    return this.names.size;
  }

  /** @throws KeyError when there is none. */
  at(key: string): Parameter {
    if (!this.names.has(key)) throw new KeyError(`'${key}'`);
    return (this as unknown as Fields)[key] as Parameter;
  }

  /** What has a name, or the default. */
  get(key: string, fallback: unknown = null): unknown {
    return this.names.has(key) ? this.at(key) : fallback;
  }

  /** @throws KeyError for a name that the class uses. */
  setAt(key: string, value: unknown): void {
    if (typeof key !== "string") {
      throw new TypeError(
        `Index given to ParameterDict cannot be used as a key as it is not a string (type is '${typeof key}').`,
      );
    }
    if (!this.names.has(key) && key in this) throw new KeyError(`attribute '${key}' already exists`);
    this.names.add(key);
    (this as unknown as Fields)[key] = parameterOf(value);
  }

  has(key: string): boolean {
    return this.names.has(key);
  }

  deleteAt(key: string): void {
    this.at(key);
    this.names.delete(key);
    Reflect.deleteProperty(this, key);
  }

  pop(key: string): Parameter {
    const value = this.at(key);
    this.deleteAt(key);
    return value;
  }

  /** The last pair, taken out. */
  popitem(): [string, Parameter] {
    const key = this.keys().at(-1);
    if (key === undefined) throw new KeyError("'dictionary is empty'");
    return [key, this.pop(key)];
  }

  /** What has a name; put there when nothing has it. */
  setdefault(key: string, fallback: unknown = null): unknown {
    if (!this.names.has(key)) this.setAt(key, fallback);
    return this.at(key);
  }

  clear(): void {
    for (const key of this.keys()) this.deleteAt(key);
  }

  copy(): ParameterDict {
    return new ParameterDict(new Map(this.items()));
  }

  /** A new dict with these names, all with one value. */
  fromkeys(keys: Iterable<string>, fallback: unknown = null): ParameterDict {
    return new ParameterDict(Array.from(keys, (k) => [k, fallback] as const));
  }

  keys(): string[] {
    return [...this.names];
  }

  values(): Parameter[] {
    return this.keys().map((k) => this.at(k));
  }

  items(): [string, Parameter][] {
    return this.keys().map((k) => [k, this.at(k)]);
  }

  update(parameters: Named<unknown> | ParameterDict): void {
    let pairs: [string, unknown][];
    if (parameters instanceof ParameterDict) pairs = parameters.items();
    else {
      pairs = pairsOf("ParameterDict", parameters);
      if (isPlainObject(parameters)) pairs.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
    }
    for (const [key, value] of pairs) this.setAt(key, value);
  }

  [Symbol.iterator](): Iterator<string> {
    return this.keys()[Symbol.iterator]();
  }

  override extraRepr(): string {
    return this.items()
      .map(([key, p]) => line(key, p, oldName))
      .join("\n");
  }

  forward(): never {
    throw new RuntimeError("ParameterDict should not be called.");
  }
}
