import { allocate, dtypes, type DTypeName, type HostArray } from "../tensor/dtype.js";
import { viewAs } from "../tensor/dtype.js";

/** Runs after which an unused buffer is given up. */
const KEEP = 64;

/**
 * Buffers whose contents nobody needs any more, to be written again: state is double-buffered in this way. Fresh
 * memory costs several times what filling it does.
 */
export class BufferPool {
  readonly #free = new Map<number, { readonly buffer: ArrayBuffer; readonly since: number }[]>();
  #runs = 0;

  /** An array with undefined contents. */
  take(dtype: DTypeName, length: number): HostArray {
    const list = this.#free.get(length * dtypes[dtype].itemsize);
    const found = list?.pop();
    return found ? viewAs(dtype, found.buffer) : allocate(dtype, length);
  }

  put(buffer: ArrayBuffer): void {
    if (buffer.byteLength === 0) return;
    const list = this.#free.get(buffer.byteLength);
    const entry = { buffer, since: this.#runs };
    if (list) list.push(entry);
    else this.#free.set(buffer.byteLength, [entry]);
  }

  /** Counts a run, and now and then lets go of what was not used for long. */
  tick(): void {
    if (++this.#runs % KEEP !== 0) return;
    for (const [size, list] of this.#free) {
      const kept = list.filter(({ since }) => this.#runs - since < KEEP);
      if (kept.length > 0) this.#free.set(size, kept);
      else this.#free.delete(size);
    }
  }

  get bytes(): number {
    let total = 0;
    for (const [size, list] of this.#free) total += size * list.length;
    return total;
  }
}
