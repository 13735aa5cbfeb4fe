/** `torch.save`: PyTorch's zip format, which every version since 1.6 opens. */
import { NotImplementedError, RuntimeError, ValueError } from "../../errors.js";
import { isLazy, Parameter } from "../../nn/parameter.js";
import { isModule } from "../../nn/registry.js";
import { bound } from "../../ops/arguments.js";
import { isPlainObject } from "../../ops/bind.js";
import { stridedView } from "../../ops/strided.js";
import { Device } from "../../tensor/device.js";
import { DType } from "../../tensor/dtype.js";
import { MemoryFormat } from "../../tensor/memoryFormat.js";
import { strided } from "../../tensor/properties.js";
import { Slice } from "../../tensor/slice.js";
import { isContiguous } from "../../tensor/strides.js";
import { Tensor, type Storage } from "../../tensor/tensor.js";
import { writeAtomicallyBy, type Append } from "../files.js";
import { Pickler } from "../pickle/pickler.js";
import { Complex, Global } from "../pickle/values.js";
import { pathOf } from "../source.js";
import { ZipWriter } from "../zipWriter.js";
import { deepest, moduleKey } from "./materialize.js";
import { Describer } from "./module.js";
import { storageTypes } from "./specs.js";

const orderedDict = new Global("collections", "OrderedDict");
const rebuildTensor = new Global("torch._utils", "_rebuild_tensor_v2");
const rebuildParameter = new Global("torch._utils", "_rebuild_parameter");
const builtin = (name: string): Global => new Global("__builtin__", name);

const typeNames = new Map([...storageTypes].map(([name, dtype]) => [dtype.name, name]));

/** A storage that goes into the file, in the type that its tensors have. */
interface Kept {
  readonly key: string;
  readonly dtype: DType;
  readonly numel: number;
  readonly bytes: () => Uint8Array;
}

/** The memory of a storage in the order in which it lies. */
function memoryOf(storage: Storage): Uint8Array {
  if (isContiguous(storage.value.shape, storage.strides)) return new Tensor(storage.value).toBytes();
  const whole = new Tensor(storage.value, storage, [], { strides: storage.strides, offset: 0 });
  return stridedView(whole, [storage.value.numel], { strides: [1], offset: 0 }).toBytes();
}

class Saver {
  readonly out = new Pickler();
  readonly storages = new Map<Storage, Kept>();
  /** What lies around the value that is being written, for messages and against circles. */
  readonly #path: string[] = [];
  readonly #open = new Set<object>();
  readonly #modules = new Describer();

  /** @throws TypeError, NotImplementedError for what there is no form for, with the place where it is. */
  write(value: unknown): void {
    const { out } = this;
    if (value === null || value === undefined) out.none();
    else if (typeof value === "boolean") out.bool(value);
    else if (typeof value === "number") out.number(value);
    else if (typeof value === "bigint") out.bigint(value);
    else if (typeof value === "string") out.text(value);
    else if (value instanceof DType) out.global(new Global("torch", value.name));
    else if (value instanceof MemoryFormat) out.global(new Global("torch", value.name));
    else if (typeof value === "object" || isModule(value)) this.#object(value);
    else throw this.#refusal(typeof value);
  }

  #refusal(what: string, why = ""): TypeError {
    const where = this.#path.length === 0 ? "" : ` at ${this.#path.join(".")}`;
    return new TypeError(
      `torch.save: there is no form for a ${what}${where}${why}. Tensors, numbers, texts, lists, plain objects, Maps, Sets and bytes have one`,
    );
  }

  #object(value: object): void {
    if (this.out.recall(value)) {
      if (this.#open.has(value)) throw this.#refusal("value that contains itself");
      return;
    }
    if (this.#open.has(value)) throw this.#refusal("value that contains itself");
    if (this.#open.size > deepest) throw this.#refusal(`value more than ${String(deepest)} deep in others`);
    this.#open.add(value);
    this.#content(value);
    this.#open.delete(value);
  }

  #content(value: object): void {
    const { out } = this;
    if (value instanceof Tensor) this.#tensor(value);
    else if (isModule(value))
      this.#mapping(value.stateDict(), value, [[moduleKey, this.#modules.describe(value)]]);
    else if (Array.isArray(value)) this.#list(value as unknown[], value);
    else if (value instanceof Map) {
      const metadata = (value as Map<unknown, unknown> & { readonly _metadata?: unknown })._metadata;
      this.#mapping(
        value as Map<unknown, unknown>,
        value,
        metadata === undefined ? [] : [["_metadata", metadata]],
      );
    } else if (value instanceof Set) {
      out.call(builtin("set"), () => {
        this.#list([...(value as Set<unknown>)], {});
      });
    } else if (value instanceof Uint8Array) {
      this.#bytes(value);
    } else if (value instanceof Complex) {
      out.call(builtin("complex"), ...[value.re, value.im].map((x) => () => this.write(x)));
    } else if (value instanceof Slice) {
      out.call(builtin("slice"), ...[value.start, value.end, value.step].map((x) => () => this.write(x)));
    } else if (value instanceof Device) {
      const index = value.index === null ? [] : [value.index];
      out.call(new Global("torch", "device"), ...[value.type, ...index].map((x) => () => this.write(x)));
    } else if (value === strided) {
      out.call(new Global("torch.serialization", "_get_layout"), () => {
        out.text("torch.strided");
      });
    } else if (isPlainObject(value)) this.#record(value);
    else
      throw this.#refusal(
        value.constructor.name,
        ArrayBuffer.isView(value) ? " (torch.tensor makes a tensor of it)" : "",
      );
  }

  #within(key: unknown, value: unknown): () => void {
    return () => {
      this.#path.push(String(key));
      this.write(value);
      this.#path.pop();
    };
  }

  #list(items: readonly unknown[], key: object): void {
    this.out.list(
      key,
      items.map((item, i) => this.#within(i, item)),
    );
  }

  #pairs(entries: Iterable<readonly [unknown, unknown]>): (() => void)[] {
    return [...entries].flatMap(([key, item]) => [() => this.write(key), this.#within(key, item)]);
  }

  /** An `OrderedDict`, with attributes. */
  #mapping(
    map: ReadonlyMap<unknown, unknown>,
    key: object,
    attributes: readonly (readonly [string, unknown])[],
  ): void {
    this.out.call(orderedDict);
    this.out.remember(key);
    this.out.items(this.#pairs(map));
    if (attributes.length === 0) return;
    this.out.build(() => {
      this.out.emptyDict();
      this.out.items(this.#pairs(attributes));
    });
  }

  /** A `dict`. Keys that are whole numbers are Python's `int`: an object's keys say no more than that. */
  #record(value: Readonly<Record<string, unknown>>): void {
    this.out.emptyDict();
    this.out.remember(value);
    const entries = Object.entries(value).filter(([, v]) => v !== undefined);
    this.out.items(this.#pairs(entries.map(([k, v]) => [/^(0|[1-9]\d{0,9})$/.test(k) ? Number(k) : k, v])));
  }

  #bytes(value: Uint8Array): void {
    if (value.length === 0) this.out.call(builtin("bytes"));
    else {
      this.out.call(
        new Global("_codecs", "encode"),
        () => this.out.text(Buffer.from(value).toString("latin1")),
        () => this.out.text("latin1"),
      );
    }
    this.out.remember(value);
  }

  #tensor(t: Tensor): void {
    const { out } = this;
    if (isLazy(t)) {
      const where = this.#path.join(".");
      throw new NotImplementedError(
        `torch.save: ${where} has no size yet: call the model once before it is saved`,
      );
    }
    const plain = (): void => {
      const kept = this.#keep(t);
      out.call(
        rebuildTensor,
        () => {
          out.tuple(
            () => out.text("storage"),
            () => out.global(new Global("torch", typeNames.get(kept.dtype.name)!)),
            () => out.text(kept.key),
            () => out.text("cpu"),
            () => out.number(kept.numel),
          );
          out.persistent();
        },
        () => out.number(t._offset),
        () => out.sizes(t._shape),
        () => out.sizes(t._strides),
        () => out.bool(t.requiresGrad && !(t instanceof Parameter)),
        () => out.call(orderedDict),
      );
    };
    if (t instanceof Parameter) {
      out.call(
        rebuildParameter,
        plain,
        () => out.bool(t.requiresGrad),
        () => out.call(orderedDict),
      );
    } else plain();
    out.remember(t);
  }

  /** The storage of a tensor, noted to be written. */
  #keep(t: Tensor): Kept {
    const storage = t._storage;
    let kept = this.storages.get(storage);
    if (kept && kept.dtype !== t.dtype) {
      throw new RuntimeError(
        "Cannot save multiple tensors or storages that view the same data as different types: " +
          `${kept.dtype.toString()} and ${t.dtype.toString()}${this.#path.length ? ` at ${this.#path.join(".")}` : ""}`,
      );
    }
    if (!kept) {
      const { nbytes } = storage.value;
      kept = {
        key: String(this.storages.size),
        dtype: t.dtype,
        numel: Math.floor(nbytes / t.dtype.itemsize),
        bytes: () => memoryOf(storage).subarray(0, nbytes - (nbytes % t.dtype.itemsize)),
      };
      this.storages.set(storage, kept);
    }
    return kept;
  }
}

/** PyTorch's own alignment, for readers that map files into memory. */
const alignment = 64;

function writePth(value: unknown, folder: string, append: Append): void {
  const saver = new Saver();
  saver.write(value);
  const zip = new ZipWriter(append);
  const add = (name: string, bytes: Uint8Array): void => {
    zip.add(`${folder}/${name}`, bytes, { align: alignment });
  };
  add("data.pkl", saver.out.end());
  add("byteorder", Buffer.from("little"));
  // One storage after another, so that only one is here a second time.
  for (const { key, bytes } of saver.storages.values()) add(`data/${key}`, bytes());
  add("version", Buffer.from("3\n"));
  zip.end();
}

/** The bytes of a file of `torch.save`. */
export function formatPth(value: unknown): Uint8Array {
  const parts: Uint8Array[] = [];
  writePth(value, "archive", (bytes) => void parts.push(bytes));
  return Buffer.concat(parts);
}

const signature =
  "save(any pickle_module=None, int pickle_protocol=2, bool _use_new_zipfile_serialization=True) -> any";

export interface SaveOptions {
  readonly pickleProtocol?: number;
}

/**
 * Writes tensors, state dicts and what holds them into a file that PyTorch's `torch.load` opens, or a whole model that
 * `torch.load` restores here (and PyTorch opens as its state dict). Plain objects become `dict`s, `Map`s
 * `OrderedDict`s; storages that tensors share are written once, whole. The file is whole or it is not there.
 * @throws TypeError for a value that has no form there, with its place.
 * @see https://pytorch.org/docs/stable/generated/torch.save.html
 */
export function save(value: unknown, file: string | URL, options?: SaveOptions): void;
export function save(value: unknown, file: string | URL, ...rest: unknown[]): void {
  const o = bound(signature, rest);
  if (o.pickleProtocol !== 2)
    throw new ValueError("torch.save writes pickle protocol 2, which every PyTorch reads");
  if (!o._useNewZipfileSerialization)
    throw new NotImplementedError("torch.save in the format before PyTorch 1.6");
  const path = pathOf(file);
  if (typeof path !== "string") throw new TypeError("torch.save(value, file) takes the path of a file");
  writeAtomicallyBy(path, (append) => {
    writePth(value, "archive", append);
  });
}
