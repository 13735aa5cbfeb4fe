import type { DType } from "./dtype.js";
import type { Storage } from "./tensor.js";

let nextAddress = 0x1000;
const handles = new WeakMap<Storage, StorageHandle>();

/**
 * The memory that a tensor shares with its views: `x.untypedStorage()`. Its address identifies it; nothing can be read
 * there.
 * @see https://pytorch.org/docs/stable/storage.html
 */
export class StorageHandle {
  /** @internal */
  readonly _storage: Storage;
  readonly #address: number;

  /** @internal The one handle of a storage. */
  static of(storage: Storage): StorageHandle {
    let handle = handles.get(storage);
    if (!handle) handles.set(storage, (handle = new StorageHandle(storage)));
    return handle;
  }

  private constructor(storage: Storage) {
    this._storage = storage;
    this.#address = nextAddress;
    nextAddress += Math.max(64, Math.ceil(this.nbytes() / 64) * 64);
  }

  /** A number that is the same for tensors that share this memory, and for no others. */
  dataPtr(): number {
    return this.#address;
  }

  /** Bytes. */
  nbytes(): number {
    return this._storage.value.nbytes;
  }

  /** Elements. */
  size(): number {
    return this._storage.value.numel;
  }

  get dtype(): DType {
    return this._storage.value.dtype;
  }
}
