/** The tensors of a `.pth` file by name, read one by one. */
import { KeyError, UnpicklingError } from "../../errors.js";
import type { Tensor } from "../../tensor/tensor.js";
import { Dict, Instance } from "../pickle/values.js";
import { openSource, type ByteSource, type FileLike } from "../source.js";
import type { TensorFile, TensorInfo } from "../tensorFile.js";
import { openPth } from "./format.js";
import { deepest } from "./materialize.js";
import { ParameterSpec, TensorSpec } from "./specs.js";
import { StorageReader } from "./storages.js";

/** More values than any model's file has. */
const most = 5_000_000;

/**
 * An open file of `torch.save`, its tensors by the path of keys that leads to them: `model_state_dict.0.weight`. Of a
 * whole Python module, the state.
 */
export class PthFile implements TensorFile {
  readonly format = "pth";
  readonly #source: ByteSource;
  readonly #storages: StorageReader;
  readonly #tensors = new Map<string, TensorSpec>();
  readonly #others = new Map<string, unknown>();
  #seen = 0;

  /** @throws UnpicklingError for what is no such file. */
  constructor(file: FileLike) {
    this.#source = openSource(file);
    try {
      const opened = openPth(this.#source);
      this.#storages = new StorageReader(opened.read, "cpu", opened.bigEndian);
      this.#walk(opened.root, "", 0);
    } catch (error) {
      this.#source.close();
      throw error;
    }
  }

  #walk(value: unknown, name: string, depth: number): void {
    if (depth > deepest || ++this.#seen > most)
      throw new UnpicklingError("the file's values are too many, or too deep");
    const inner = (key: unknown, v: unknown): void => {
      this.#walk(v, name === "" ? String(key) : `${name}.${String(key)}`, depth + 1);
    };
    if (value instanceof TensorSpec) this.#tensors.set(name, value);
    else if (value instanceof ParameterSpec) this.#tensors.set(name, value.data);
    else if (value instanceof Dict) for (const [k, v] of value.entries) inner(k, v);
    else if (Array.isArray(value)) value.forEach((v, i) => inner(i, v));
    else if (value instanceof Instance && value.state instanceof Dict) {
      for (const part of ["_parameters", "_buffers", "_modules"]) {
        const held = value.state.get(part);
        if (held instanceof Dict) for (const [k, v] of held.entries) if (v !== null) inner(k, v);
      }
    } else this.#others.set(name, value);
  }

  #spec(name: string): TensorSpec {
    const spec = this.#tensors.get(name);
    if (!spec) throw new KeyError(`the file does not contain tensor ${name}`);
    return spec;
  }

  keys(): string[] {
    return [...this.#tensors.keys()];
  }

  info(name: string): TensorInfo {
    const { dtype, shape, strides, offset, storage } = this.#spec(name);
    const layout = `${storage.key} ${String(offset)} ${String(shape)} ${String(strides)}`;
    return { dtype, shape, place: shape.includes(0) ? `${layout} ${name}` : layout };
  }

  getTensor(name: string): Tensor {
    try {
      return this.#storages.tensor(this.#spec(name)).detach();
    } finally {
      this.#storages.forget();
    }
  }

  metadata(): ReadonlyMap<string, string> {
    return new Map();
  }

  others(): ReadonlyMap<string, unknown> {
    return this.#others;
  }

  close(): void {
    this.#source.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
