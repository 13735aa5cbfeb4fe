/** From what was read of a pickle to JavaScript's values, once it is known to be sound. */
import { UnpicklingError } from "../../errors.js";
import { describe } from "../pickle/unpickler.js";
import { Complex, Dict, Global, Instance } from "../pickle/values.js";
import { constantOf } from "./globals.js";
import { PickledModule } from "./pickledModule.js";
import { ParameterSpec, TensorSpec } from "./specs.js";
import type { StorageReader } from "./storages.js";

/** How deep values may lie in one another. */
export const deepest = 512;
/** How many values there may be when what is shared is counted wherever it is. */
const most = 2 ** 27;

interface Made {
  readonly value: unknown;
  /** How many values it would be, written out. */
  readonly weight: number;
}

/** What restores an object that a dictionary with attributes describes. */
export type Restore = (attributes: Readonly<Record<string, unknown>>) => unknown;

/** What is under this key of a dictionary's attributes makes it more than a dictionary. */
export const moduleKey = "_tensorscope_module";

export class Materializer {
  readonly #storages: StorageReader;
  readonly #restore: Restore;
  readonly #made = new Map<object, Made>();
  readonly #open = new Set<object>();
  /** Inside a pickled module: there, what is not understood stays what it is. */
  #inModule = 0;

  constructor(storages: StorageReader, restore: Restore) {
    this.#storages = storages;
    this.#restore = restore;
  }

  /** @throws UnpicklingError for what cannot be held, by name. */
  value(read: unknown): unknown {
    return this.#visit(read, 0).value;
  }

  #visit(read: unknown, depth: number): Made {
    if (typeof read !== "object" || read === null) return { value: read, weight: 1 };
    const known = this.#made.get(read);
    if (known) return known;
    if (depth > deepest) {
      throw new UnpicklingError(`the file's values lie more than ${String(deepest)} deep in one another`);
    }
    if (this.#open.has(read)) throw new UnpicklingError("the file has a value that contains itself");
    this.#open.add(read);
    const made = this.#make(read, depth + 1);
    this.#open.delete(read);
    this.#made.set(read, made);
    return made;
  }

  #make(read: object, depth: number): Made {
    let weight = 1;
    const inner = (value: unknown): unknown => {
      const made = this.#visit(value, depth);
      weight += made.weight;
      if (weight > most) {
        throw new UnpicklingError("the file's values refer to one another so often that they are too many");
      }
      return made.value;
    };
    const value = this.#convert(read, inner);
    return { value, weight };
  }

  #convert(read: object, inner: (value: unknown) => unknown): unknown {
    if (read instanceof TensorSpec) return this.#storages.tensor(read);
    if (read instanceof ParameterSpec) return this.#storages.parameter(read);
    if (read instanceof Dict) return this.#dict(read, inner);
    if (Array.isArray(read)) return read.map(inner);
    if (read instanceof Set) return new Set([...(read as Set<unknown>)].map(inner));
    if (read instanceof Global) {
      const constant = constantOf(read);
      if (constant !== undefined) return constant;
      if (this.#inModule > 0) return read;
      throw new UnpicklingError(`the file refers to ${read.toString()}, which is refused`);
    }
    if (read instanceof Instance) return this.#instance(read, inner);
    if (read instanceof Uint8Array || read instanceof Complex) return read;
    if (read.constructor === Object) throw new UnpicklingError("the file has a storage that is no tensor's");
    return read;
  }

  #dict(read: Dict, inner: (value: unknown) => unknown): unknown {
    const entries = [...read.entries].map(([k, v]) => [inner(k), inner(v)] as const);
    const state = new Map([...(read.state?.entries ?? [])].map(([k, v]) => [inner(k), inner(v)]));
    if (state.has(moduleKey)) return this.#restore(Object.fromEntries(state) as Record<string, unknown>);
    if (!read.ordered && isPlain(entries)) return Object.fromEntries(entries);
    const map = new Map(entries);
    const metadata = state.get("_metadata");
    return metadata instanceof Map ? Object.assign(map, { _metadata: metadata }) : map;
  }

  #instance(read: Instance, inner: (value: unknown) => unknown): unknown {
    const { type, state } = read;
    const isModule =
      state instanceof Dict && state.entries.has("_modules") && state.entries.has("_parameters");
    if (!isModule) {
      if (this.#inModule > 0) return type;
      throw new UnpicklingError(
        `the file has an object of class ${type.toString()}: classes of files are never loaded, and it is refused`,
      );
    }
    this.#inModule++;
    try {
      const fields = new Map([...state.entries].map(([k, v]) => [String(k), inner(v)]));
      return new PickledModule(type.toString(), fields);
    } catch (error) {
      if (error instanceof TypeError)
        throw new UnpicklingError(`${describe(read)} is damaged: ${error.message}`);
      throw error;
    } finally {
      this.#inModule--;
    }
  }
}

const isIndex = (key: unknown): boolean =>
  typeof key === "number" && Number.isInteger(key) && key >= 0 && key < 2 ** 32 - 1;

/** Whether an object has these keys as they are: texts that are no numbers, or numbers throughout. */
function isPlain(entries: readonly (readonly [unknown, unknown])[]): boolean {
  if (entries.length === 0) return true;
  if (typeof entries[0]![0] === "number") return entries.every(([k]) => isIndex(k));
  return entries.every(([k]) => typeof k === "string" && !/^(0|[1-9]\d{0,9})$/.test(k));
}
