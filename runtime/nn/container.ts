/** Containers. @see https://pytorch.org/docs/stable/nn.html#containers */
import { IndexError, KeyError, NotImplementedError, ValueError } from "../errors.js";
import { isPlainObject } from "../ops/bind.js";
import type { Slice } from "../tensor/slice.js";
import type { Tensor } from "../tensor/tensor.js";
import { Module } from "./module.js";
import { settle, submodules } from "./registry.js";

/** What holds modules by name: an ordered `Map`, a plain object, or pairs. */
export type Named<T> = ReadonlyMap<string, T> | Readonly<Record<string, T>> | Iterable<readonly [string, T]>;

/** Names and values in order. @throws TypeError for what holds none. */
export function pairsOf<T>(what: string, named: Named<T>): [string, T][] {
  if (isPlainObject(named)) return Object.entries(named) as [string, T][];
  const given = named as Iterable<readonly [string, T]> | null;
  if (typeof given?.[Symbol.iterator] !== "function") {
    throw new TypeError(
      `${what}.update should be called with an iterable of key/value pairs, but got ${typeof named}`,
    );
  }
  return Array.from(given, (pair, i) => {
    if (!Array.isArray(pair)) {
      throw new TypeError(
        `${what} update sequence element #${String(i)} should be Iterable; is ${typeof pair}`,
      );
    }
    if (pair.length !== 2) {
      throw new ValueError(
        `${what} update sequence element #${String(i)} has length ${String(pair.length)}; 2 is required`,
      );
    }
    return pair as [string, T];
  });
}

/** A place counted from the front. @throws IndexError */
export function place(index: number, length: number): number {
  if (!Number.isInteger(index) || index < -length || index >= length)
    throw new IndexError(`index ${String(index)} is out of range`);
  return index < 0 ? index + length : index;
}

/** The places that a slice chooses. */
export function places({ start, end, step }: Slice, length: number): number[] {
  const clamp = (i: number | null, fallback: number): number =>
    i === null ? fallback : Math.min(length, Math.max(0, i < 0 ? i + length : i));
  const out: number[] = [];
  for (let i = clamp(start, 0); i < clamp(end, length); i += step) out.push(i);
  return out;
}

/** What Sequential and ModuleList share: submodules in a row. */
abstract class Listed<M extends Module = Module> extends Module {
  readonly [index: number]: M;

  /** The submodules in order. */
  protected get items(): M[] {
    return Array.from(submodules(this), ([, m]) => m as M);
  }

  protected get names(): string[] {
    return Array.from(submodules(this), ([name]) => name);
  }

  /** Takes every submodule off and puts these in, numbered. */
  protected renumber(modules: readonly M[]): void {
    for (const name of this.names) Reflect.deleteProperty(this, name);
    modules.forEach((m, i) => {
      this.addModule(String(i), m);
    });
  }

  /** How many submodules there are. */
  override get length(): number {
    return this.names.length;
  }

  /** The submodule at a place; negative ones count from the end. With a slice, a new container of the same modules. */
  at(index: number): M;
  at(index: Slice): this;
  at(index: number | Slice): M | this {
    const items = this.items;
    if (typeof index === "number") return items[place(index, items.length)]!;
    const made = new (this.constructor as new () => this)();
    const { names } = this;
    for (const i of places(index, items.length)) this.keep(made, names[i]!, items[i]!);
    return made;
  }

  /** Puts a module of this container into a part of it. */
  protected keep(part: Listed<M>, _name: string, module: M): void {
    part.addModule(String(part.length), module);
  }

  /** Puts another module at a place. */
  setAt(index: number, module: M): void {
    const { names } = this;
    this.addModule(names[place(index, names.length)]!, module);
  }

  /** Takes a module out; those behind it move up. */
  deleteAt(index: number | Slice): void {
    const { items } = this;
    const gone = new Set(
      typeof index === "number" ? [place(index, items.length)] : places(index, items.length),
    );
    this.renumber(items.filter((_, i) => !gone.has(i)));
  }

  /** Takes a module out and gives it. */
  pop(index = -1): M {
    const module = this.at(index);
    this.deleteAt(index);
    return module;
  }

  append(module: M): this {
    this.addModule(String(this.length), module);
    return this;
  }

  extend(modules: Iterable<M>): this {
    if (typeof (modules as Iterable<M> | null)?.[Symbol.iterator] !== "function") {
      throw new TypeError(
        `${this._getName()}.extend should be called with an iterable, but got ${typeof modules}`,
      );
    }
    // Read to its end first: it may be this container.
    for (const m of [...modules]) this.append(m);
    return this;
  }

  /** Puts a module before the one at a place. */
  insert(index: number, module: M): this {
    const { items } = this;
    const at = index < 0 ? Math.max(0, index + items.length) : Math.min(index, items.length);
    this.renumber([...items.slice(0, at), module, ...items.slice(at)]);
    return this;
  }

  [Symbol.iterator](): Iterator<M> {
    return this.items[Symbol.iterator]();
  }
}

/**
 * Modules called one after another, each with what the one before gave.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.Sequential.html
 */
export class Sequential extends Listed {
  constructor(...modules: Module[]);
  constructor(modules: Readonly<Record<string, Module>> | ReadonlyMap<string, Module>);
  constructor(...args: unknown[]) {
    super();
    const [first] = args;
    if (args.length === 1 && (first instanceof Map || isPlainObject(first))) {
      for (const [name, m] of pairsOf("Sequential", first as Named<Module>)) this.addModule(name, m);
    } else {
      args.forEach((m, i) => {
        this.addModule(String(i), m as Module);
      });
    }
  }

  /** Names stay in a part: they may be words. */
  protected override keep(part: Sequential, name: string, module: Module): void {
    part.addModule(name, module);
  }

  /** @throws IndexError for a place beyond the ends. */
  override insert(index: number, module: Module): this {
    if (index < -this.length || index > this.length) {
      throw new IndexError(`Index out of range: ${String(index)}`);
    }
    return super.insert(index, module);
  }

  forward(input: Tensor): Tensor {
    let x: unknown = input;
    for (const m of this.items) x = (m as unknown as (x: unknown) => unknown)(x);
    return x as Tensor;
  }
}

/**
 * A list of modules, each registered; it has no `forward` of its own.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.ModuleList.html
 */
export class ModuleList<M extends Module = Module> extends Listed<M> {
  constructor(modules?: Iterable<M> | null) {
    super();
    if (modules !== undefined && modules !== null) this.extend(modules);
  }

  forward(): unknown {
    throw new NotImplementedError('Module [ModuleList] is missing the required "forward" function');
  }
}

/**
 * Modules by name, in order of insertion, each registered.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.ModuleDict.html
 */
export class ModuleDict<M extends Module = Module> extends Module {
  constructor(modules?: Named<M> | ModuleDict<M> | null) {
    super();
    if (modules !== undefined && modules !== null) this.update(modules);
  }

  override get length(): number {
    return this.keys().length;
  }

  /** The module of a name. @throws KeyError when there is none. */
  at(key: string): M {
    const found = this.get(key);
    if (!found) throw new KeyError(`'${key}'`);
    return found;
  }

  /** The module of a name, or `undefined`. */
  get(key: string): M | undefined {
    return new Map(submodules(this)).get(key) as M | undefined;
  }

  setAt(key: string, module: M): void {
    this.addModule(key, module);
  }

  has(key: string): boolean {
    return settle(this).has(key);
  }

  /** Takes a module out. @throws KeyError when there is none. */
  deleteAt(key: string): void {
    this.at(key);
    Reflect.deleteProperty(this, key);
  }

  /** Takes a module out and gives it. @throws KeyError when there is none. */
  pop(key: string): M {
    const module = this.at(key);
    this.deleteAt(key);
    return module;
  }

  clear(): void {
    for (const key of this.keys()) Reflect.deleteProperty(this, key);
  }

  keys(): string[] {
    return this.items().map(([key]) => key);
  }

  values(): M[] {
    return this.items().map(([, m]) => m);
  }

  items(): [string, M][] {
    return [...submodules(this)] as [string, M][];
  }

  update(modules: Named<M> | ModuleDict<M>): void {
    const pairs = modules instanceof ModuleDict ? modules.items() : pairsOf("ModuleDict", modules);
    for (const [key, module] of pairs) this.addModule(key, module);
  }

  [Symbol.iterator](): Iterator<string> {
    return this.keys()[Symbol.iterator]();
  }

  forward(): never {
    throw new NotImplementedError('Module [ModuleDict] is missing the required "forward" function');
  }
}

/** Modules by name: the container before the others came. @see https://pytorch.org/docs/1.13/generated/torch.nn.Container.html */
export class Container extends Module {
  constructor(modules: Readonly<Record<string, Module>> = {}) {
    super();
    for (const [name, m] of Object.entries(modules)) this.addModule(name, m);
  }

  forward(): never {
    throw new NotImplementedError('Module [Container] is missing the required "forward" function');
  }
}
