import type { Tolerance } from "./compare.js";
import { spell } from "./call.js";

/** What the runner uses of a tensor. */
export interface Tensor {
  readonly shape: readonly number[];
  readonly dtype: { readonly name: string };
  readonly requiresGrad: boolean;
  grad: Tensor | null;
  requiresGrad_(on?: boolean): Tensor;
  toBytes(): Uint8Array;
  stride(): readonly number[];
  backward(options?: { gradient?: Tensor }): void;
}

export type Callable = (...args: unknown[]) => unknown;
export type Bag = Readonly<Record<string, unknown>>;

/** A name that the library does not have: the only reason for a case to be skipped. */
export class NotThere extends Error {
  override name = "NotThere";
  constructor(what: string) {
    super(`${what} is not implemented`);
  }
}

export const isNotImplemented = (error: unknown): boolean =>
  error instanceof NotThere || (error instanceof Error && error.name === "NotImplementedError");

/** Whether `key` is the object's own or its class's, not every object's. */
function has(object: unknown, key: string): boolean {
  if ((typeof object !== "object" && typeof object !== "function") || object === null) return false;
  for (let at: unknown = object; at !== null && at !== Object.prototype && at !== Function.prototype;) {
    if (Object.hasOwn(at as object, key)) return true;
    at = Object.getPrototypeOf(at);
  }
  return false;
}

/** The library under test, reached by name. */
export class Library {
  readonly #exports: Bag;
  readonly device: string;
  readonly #Tensor: { readonly prototype: object };

  constructor(exports: Bag, device = "cpu") {
    this.#exports = exports;
    this.device = device;
    this.#Tensor = exports["Tensor"] as { readonly prototype: object };
  }

  static async load(device = "cpu"): Promise<Library> {
    const url = new URL("../../runtime/index.js", import.meta.url);
    return new Library((await import(url.href)) as Bag, device);
  }

  /** The tolerance of the run's device, from that of PyTorch's CPU: other devices add in another order. */
  loosened({ rtol, atol, floor }: Tolerance): Tolerance {
    if (this.device === "cpu") return { rtol, atol, floor };
    return { rtol: 4 * rtol, atol: 4 * atol, floor: 4 * floor };
  }

  isTensor(value: unknown): value is Tensor {
    return value instanceof (this.#Tensor as unknown as new () => object);
  }

  /** The object that holds a name, and its key there; throws `NotThere` when there is none. */
  #find(name: string): { readonly owner: Bag; readonly key: string } {
    const { root, keys } = spell(name);
    let owner: unknown = root === "Tensor" ? this.#Tensor.prototype : this.#exports[root];
    const last = keys.length - 1;
    for (const key of keys.slice(0, last)) owner = has(owner, key) ? (owner as Bag)[key] : undefined;
    if (!has(owner, keys[last]!)) throw new NotThere(name);
    return { owner: owner as Bag, key: keys[last]! };
  }

  /** A function, class or constant by PyTorch's name relative to `torch.`. */
  value(name: string): unknown {
    const { owner, key } = this.#find(name);
    return owner[key];
  }

  function(name: string): Callable {
    const { owner, key } = this.#find(name);
    const f = owner[key];
    if (typeof f !== "function") throw new NotThere(name);
    return (...args) => (f as Callable).apply(owner, args);
  }

  construct(name: string, args: readonly unknown[]): Bag {
    const C = this.value(name);
    if (typeof C !== "function") throw new NotThere(name);
    return new (C as new (...args: unknown[]) => Bag)(...args);
  }

  /** A method (or a property, when that is what it is) of a receiver. */
  method(name: string): (receiver: unknown, args: readonly unknown[]) => unknown {
    const { key, owner } = this.#find(name);
    const getter = lookup(owner, key)?.get !== undefined;
    return (receiver, args) => {
      // Python lets a number stand for `self`: `Tensor.__rmod__(2.5, x)`.
      const member = this.isTensor(receiver) ? (receiver as unknown as Bag)[key] : owner[key];
      return getter && args.length === 0 ? member : (member as Callable).apply(receiver, [...args]);
    };
  }

  has(name: string): boolean {
    try {
      this.#find(name);
      return true;
    } catch (error) {
      if (error instanceof NotThere) return false;
      throw error;
    }
  }

  /** A tensor over bytes in C order. */
  fromBytes(bytes: Uint8Array, dtype: string, shape: readonly number[]): Tensor {
    const t = this.function("_fromBytes")(bytes, this.value(dtype), [...shape]) as Tensor;
    return this.device === "cpu" ? t : (this.method("Tensor.to")(t, [this.device]) as Tensor);
  }

  manualSeed(seed: number): void {
    this.function("manual_seed")(seed);
  }
}

function lookup(object: object, key: string): PropertyDescriptor | undefined {
  for (let at: object | null = object; at !== null; at = Object.getPrototypeOf(at) as object | null) {
    const found = Object.getOwnPropertyDescriptor(at, key);
    if (found) return found;
  }
  return undefined;
}
