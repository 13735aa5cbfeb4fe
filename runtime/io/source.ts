/** Bytes that are read by ranges: of a file, which need not fit into memory, or of memory itself. */
import * as fs from "node:fs";
import { fileURLToPath } from "node:url";
import { ValueError } from "../errors.js";

/** Where bytes come from. */
export interface ByteSource {
  readonly size: number;
  /** The bytes from `at` on; of memory, a view of it. */
  read(at: number, size: number): Uint8Array;
  /** The same in memory of their own, aligned for every typed array. */
  own(at: number, size: number): Uint8Array<ArrayBuffer>;
  close(): void;
}

/** What names a file, or is its contents. */
export type FileLike = string | URL | Uint8Array;

/** The path of a file; nothing for bytes. */
export function pathOf(file: FileLike): string | undefined {
  if (file instanceof Uint8Array) return undefined;
  return file instanceof URL ? fileURLToPath(file) : file;
}

function checkRange(source: ByteSource, at: number, size: number): void {
  const fits = Number.isSafeInteger(at) && Number.isSafeInteger(size) && at >= 0 && size >= 0;
  if (!fits || at + size > source.size) {
    throw new ValueError(
      `the file is cut off or damaged: it has ${String(source.size)} bytes, and ${String(size)} are looked for at ${String(at)}`,
    );
  }
}

class Memory implements ByteSource {
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get size(): number {
    return this.#bytes.length;
  }

  read(at: number, size: number): Uint8Array {
    checkRange(this, at, size);
    return this.#bytes.subarray(at, at + size);
  }

  own(at: number, size: number): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.read(at, size));
  }

  close(): void {
    // There is nothing to give back.
  }
}

class File implements ByteSource {
  readonly size: number;
  readonly #fd: number;
  #open = true;

  constructor(path: string) {
    this.#fd = fs.openSync(path, "r");
    const stat = fs.fstatSync(this.#fd);
    this.size = stat.size;
    if (stat.isFile()) return;
    fs.closeSync(this.#fd);
    throw new ValueError(`${path} is not a file`);
  }

  read(at: number, size: number): Uint8Array {
    return this.own(at, size);
  }

  own(at: number, size: number): Uint8Array<ArrayBuffer> {
    checkRange(this, at, size);
    if (!this.#open) throw new ValueError("the file is closed");
    const bytes = new Uint8Array(size);
    for (let got = 0; got < size;) {
      // One call reads less than 2 GiB.
      const n = fs.readSync(this.#fd, bytes, got, Math.min(size - got, 2 ** 30), at + got);
      if (n === 0) throw new ValueError("the file became shorter while it was read");
      got += n;
    }
    return bytes;
  }

  close(): void {
    if (this.#open) fs.closeSync(this.#fd);
    this.#open = false;
  }
}

/** Opens a file, or takes its contents. */
export function openSource(file: FileLike): ByteSource {
  const path = pathOf(file);
  return path === undefined ? new Memory(file as Uint8Array) : new File(path);
}

const windowSize = 1 << 16;

/** A place in a source that moves on as it is read, with little of it in memory. */
export class Cursor {
  readonly source: ByteSource;
  at: number;
  #window: Buffer = Buffer.alloc(0);
  #from = 0;

  constructor(source: ByteSource, at = 0) {
    this.source = source;
    this.at = at;
  }

  /** Bytes that are left. */
  get left(): number {
    return this.source.size - this.at;
  }

  /** Makes the next bytes lie in the window; where they begin there. */
  #need(size: number): number {
    const at = this.at - this.#from;
    if (at >= 0 && at + size <= this.#window.length) {
      this.at += size;
      return at;
    }
    checkRange(this.source, this.at, size);
    const bytes = this.source.read(this.at, Math.min(this.left, Math.max(size, windowSize)));
    this.#window = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#from = this.at;
    this.at += size;
    return 0;
  }

  u8(): number {
    const at = this.#need(1);
    return this.#window[at]!;
  }

  u16(): number {
    const at = this.#need(2);
    return this.#window.readUInt16LE(at);
  }

  i32(): number {
    const at = this.#need(4);
    return this.#window.readInt32LE(at);
  }

  u32(): number {
    const at = this.#need(4);
    return this.#window.readUInt32LE(at);
  }

  u64(): number {
    const at = this.#need(8);
    return Number(this.#window.readBigUInt64LE(at));
  }

  f64be(): number {
    const at = this.#need(8);
    return this.#window.readDoubleBE(at);
  }

  /** Bytes that stay as they are only until the next call. */
  bytes(size: number): Buffer {
    checkRange(this.source, this.at, size);
    const at = this.#need(size);
    return this.#window.subarray(at, at + size);
  }

  /** Up to a line feed, which is taken and left out. */
  line(max: number): string {
    const bytes: number[] = [];
    for (;;) {
      const byte = this.u8();
      if (byte === 10) return Buffer.from(bytes).toString("utf8");
      if (bytes.push(byte) > max) throw new ValueError(`a line of more than ${String(max)} bytes`);
    }
  }
}
