/**
 * Values taken apart so that they cross to another thread, and put together there: what Python's pickle does for the
 * workers of its loader. Tensors go by their bytes, instances by the name of their class and what is in them, functions
 * by their name; the library knows its own names, the program's are at its top level.
 */
import { fromData } from "../ops/leaf.js";
import { DType, dtypes, viewAs, type DTypeName } from "../tensor/dtype.js";
import { Tensor } from "../tensor/tensor.js";
import { defaultCollate, defaultConvert } from "./collate.js";
import * as bases from "./dataset.js";
import * as datasets from "./datasets/index.js";
import { Image } from "./image.js";
import { currentProgram, findInProgram, nameInProgram } from "./program.js";
import * as transforms from "./transforms/index.js";

type Constructor = new (...args: unknown[]) => object;
type Named = ((...args: never[]) => unknown) & { readonly prototype?: unknown };

/** Where a class or a function is found by its name. */
interface Place {
  readonly in: "library" | "program";
  readonly name: string;
}

/** A value that a message carries as it is, or the number of a node. */
type Code = { readonly ref: number } | { readonly value: unknown };
type Entries = readonly (readonly [Code, Code])[];

type Node =
  | { readonly kind: "raw"; readonly value: unknown }
  | { readonly kind: "buffer"; readonly value: Uint8Array }
  | { readonly kind: "array"; readonly items: readonly Code[] }
  | { readonly kind: "map"; readonly entries: Entries }
  | { readonly kind: "set"; readonly items: readonly Code[] }
  | {
      readonly kind: "object";
      readonly of: Place | undefined;
      readonly entries: Entries;
      readonly called: boolean;
    }
  | { readonly kind: "made"; readonly of: Place; readonly args: Code }
  | { readonly kind: "named"; readonly of: Place }
  | { readonly kind: "dtype"; readonly name: string }
  | {
      readonly kind: "tensor";
      readonly dtype: DTypeName;
      readonly shape: readonly number[];
      readonly data: ArrayBuffer;
      readonly requiresGrad: boolean;
    };

/** A value taken apart. */
export interface Packed {
  readonly root: Code;
  readonly nodes: readonly Node[];
  /** It cannot be put together without the user's program. */
  readonly needsProgram: boolean;
}

/** An object that says what its constructor makes it of. */
interface Remade {
  workerArguments(): readonly unknown[];
}

let library: Map<unknown, string> | undefined;

function libraryNames(): Map<unknown, string> {
  library ??= new Map(
    Object.entries({ ...bases, ...datasets, ...transforms, Image, defaultCollate, defaultConvert })
      .filter(([, value]) => typeof value === "function")
      .map(([name, value]) => [value, name]),
  );
  return library;
}

function placeOf(value: unknown): Place | undefined {
  const own = libraryNames().get(value);
  if (own !== undefined) return { in: "library", name: own };
  const name = typeof value === "function" ? nameInProgram(value) : undefined;
  return name === undefined ? undefined : { in: "program", name };
}

function find({ in: where, name }: Place): unknown {
  if (where === "program") return findInProgram(name);
  for (const [value, known] of libraryNames()) if (known === name) return value;
  return undefined;
}

/** Fields that only the class itself can read would be lost. */
const privateField =
  /(?:^|[\s;{}])(?:static\s+|readonly\s+)*#([\p{ID_Start}$_][\p{ID_Continue}$]*)\s*[=;(\n]/mu;

/** Takes a value apart. `what` is what it is called in errors. @throws TypeError for what cannot cross. */
export function pack(value: unknown, what: string, transfer: ArrayBuffer[] = []): Packed {
  const nodes: Node[] = [];
  const known = new Map<unknown, number>();
  const refuse = (path: string, why: string): TypeError =>
    new TypeError(`A DataLoader's workers cannot have ${path}: ${why}, or load with numWorkers: 0`);

  function code(v: unknown, path: string): Code {
    if ((typeof v !== "object" && typeof v !== "function") || v === null) {
      if (typeof v === "symbol") throw refuse(path, "symbols do not cross threads. Leave it out");
      return { value: v };
    }
    const seen = known.get(v);
    if (seen !== undefined) return { ref: seen };
    const ref = nodes.length;
    known.set(v, ref);
    // The place is taken before what is inside is looked at: it may lead back here.
    nodes.push({ kind: "raw", value: undefined });
    nodes[ref] = node(v, path);
    return { ref };
  }

  const entriesOf = (object: object, path: string): Entries =>
    Object.entries(object).map(([key, v]) => [{ value: key }, code(v, `${path}.${key}`)]);

  function node(v: object, path: string): Node {
    if (v instanceof Tensor) {
      const data = v.toBytes().slice().buffer;
      transfer.push(data);
      return { kind: "tensor", dtype: v.dtype.name, shape: v._shape, data, requiresGrad: v.requiresGrad };
    }
    if (v instanceof DType) return { kind: "dtype", name: v.name };
    if (v instanceof Buffer) return { kind: "buffer", value: Uint8Array.from(v) };
    if (ArrayBuffer.isView(v) && !(v instanceof DataView)) {
      // A message takes the whole memory under a view along.
      const view = v as Uint8Array;
      return { kind: "raw", value: view.byteLength < view.buffer.byteLength ? view.slice() : view };
    }
    if (v instanceof ArrayBuffer || v instanceof SharedArrayBuffer || v instanceof DataView) {
      return { kind: "raw", value: v };
    }
    if (v instanceof Date || v instanceof RegExp) return { kind: "raw", value: v };
    if (Array.isArray(v)) {
      const plain = v.every(
        (item) => item === null || !["object", "function", "symbol"].includes(typeof item),
      );
      if (plain) return { kind: "raw", value: v };
      return { kind: "array", items: v.map((item, i) => code(item, `${path}[${String(i)}]`)) };
    }
    if (v instanceof Map) {
      const entries = [...v].map(([key, item]) => [code(key, path), code(item, `${path}.get(…)`)] as const);
      return { kind: "map", entries };
    }
    if (v instanceof Set) return { kind: "set", items: [...v].map((item) => code(item, `${path}[…]`)) };
    const type = (Object.getPrototypeOf(v) as { readonly constructor?: unknown } | null)?.constructor;
    if (type === Object || type === undefined) {
      return { kind: "object", of: undefined, entries: entriesOf(v, path), called: false };
    }
    if (typeof v === "function" && !(v instanceof transforms.Transform)) return named(v as Named, path);
    return instance(v, type as Constructor, path);
  }

  function named(v: Named, path: string): Node {
    const of = placeOf(v);
    if (of !== undefined) return { kind: "named", of };
    if (currentProgram() === undefined)
      throw refuse(
        path,
        "they find functions only of a file that Tensorscope runs. Run it with tensorscope run or ▶",
      );
    throw refuse(path, "it is a function that is not at the top level of a file. Give it a name there");
  }

  function instance(v: object, type: Constructor, path: string): Node {
    const of = placeOf(type);
    if (of === undefined) {
      const { name } = type;
      if (currentProgram() === undefined) {
        throw refuse(
          path,
          `they find the class ${name} only in a file that Tensorscope runs. Run it with tensorscope run or ▶`,
        );
      }
      throw refuse(path, `its class ${name} is not at the top level of a file. Move it there`);
    }
    if (typeof (v as Partial<Remade>).workerArguments === "function") {
      const args = (v as Remade).workerArguments();
      return { kind: "made", of, args: code([...args], `${path}.workerArguments()`) };
    }
    (v as { _settle?(): void })._settle?.();
    for (let base: unknown = type; typeof base === "function" && !libraryNames().has(base);) {
      const [, field] = privateField.exec(Function.prototype.toString.call(base)) ?? [];
      if (field !== undefined) {
        throw refuse(
          path,
          `nobody but its class ${(base as Constructor).name} can read #${field}. Write "private ${field}" instead, ` +
            "or give the class workerArguments(), which returns its constructor's arguments",
        );
      }
      base = Object.getPrototypeOf(base);
    }
    return { kind: "object", of, entries: entriesOf(v, path), called: typeof v === "function" };
  }

  const root = code(value, what);
  return { root, nodes, needsProgram: nodes.some((n) => "of" in n && n.of?.in === "program") };
}

/** Puts a value together. @throws TypeError when a name is not known here. */
export function unpack({ root, nodes }: Packed): unknown {
  const made: unknown[] = [];
  const has: boolean[] = [];

  const value = (code: Code): unknown => ("ref" in code ? at(code.ref) : code.value);

  function lookUp(of: Place): Constructor {
    const found = find(of);
    if (typeof found !== "function") {
      throw new TypeError(`${of.name} is not at the top level of the program here`);
    }
    return found as Constructor;
  }

  function at(ref: number): unknown {
    if (has[ref]) return made[ref];
    const keep = <T>(v: T): T => {
      made[ref] = v;
      has[ref] = true;
      return v;
    };
    const node = nodes[ref]!;
    switch (node.kind) {
      case "raw":
        return keep(node.value);
      case "buffer":
        return keep(Buffer.from(node.value.buffer, node.value.byteOffset, node.value.byteLength));
      case "dtype":
        return keep(dtypes[node.name as DTypeName]);
      case "tensor": {
        const { dtype, data, shape, requiresGrad } = node;
        const t = fromData(viewAs(dtype, data), [...shape], dtypes[dtype]);
        return keep(requiresGrad ? t.requiresGrad_() : t);
      }
      case "named":
        return keep(lookUp(node.of));
      case "array": {
        const list: unknown[] = keep([]);
        for (const item of node.items) list.push(value(item));
        return list;
      }
      case "set": {
        const set = keep(new Set<unknown>());
        for (const item of node.items) set.add(value(item));
        return set;
      }
      case "map": {
        const map = keep(new Map<unknown, unknown>());
        for (const [key, item] of node.entries) map.set(value(key), value(item));
        return map;
      }
      case "made":
        return keep(new (lookUp(node.of))(...(value(node.args) as unknown[])));
      case "object": {
        const prototype = node.of === undefined ? Object.prototype : (lookUp(node.of).prototype as object);
        const object = keep(
          node.called ? transforms.Transform._blank(prototype) : (Object.create(prototype) as object),
        );
        for (const [key, item] of node.entries) {
          const property = { value: value(item), writable: true, enumerable: true, configurable: true };
          Object.defineProperty(object, value(key) as string, property);
        }
        return object;
      }
      default:
        throw new TypeError("a value came in a form that is not known");
    }
  }

  return value(root);
}
