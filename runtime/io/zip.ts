/**
 * Zip archives, read with care: sizes are bounded before anything is unpacked, checksums are checked, names stay names.
 * Stored and deflated entries, with the 64-bit extensions.
 * @see https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
 */
import * as zlib from "node:zlib";
import { ValueError } from "../errors.js";
import { crc32 } from "./crc32.js";
import { Cursor, openSource, type ByteSource } from "./source.js";

export const localMagic = 0x04034b50;
export const centralMagic = 0x02014b50;
export const endMagic = 0x06054b50;
export const end64Magic = 0x06064b50;
export const locator64Magic = 0x07064b50;
export const full16 = 0xffff;
export const full32 = 0xffffffff;

export interface ZipEntry {
  readonly name: string;
  readonly method: number;
  readonly crc: number;
  /** Bytes in the archive. */
  readonly packed: number;
  /** Bytes, unpacked. */
  readonly size: number;
  /** Where its local header is. */
  readonly header: number;
}

interface Directory {
  readonly at: number;
  readonly size: number;
  readonly count: number;
}

function findDirectory(source: ByteSource): Directory {
  // The record is 22 bytes long and may be followed by a comment of up to 65 535.
  const first = Math.max(0, source.size - 22 - full16);
  const bytes = source.read(first, source.size - first);
  const tail = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = tail.length - 22; at >= 0; at--) {
    if (tail.readUInt32LE(at) !== endMagic || at + 22 + tail.readUInt16LE(at + 20) !== tail.length) continue;
    const record = { count: tail.readUInt16LE(at + 10), size: tail.readUInt32LE(at + 12) };
    const start = tail.readUInt32LE(at + 16);
    const wide = record.count === full16 || start === full32 || record.size === full32;
    if (!wide || at < 20 || tail.readUInt32LE(at - 20) !== locator64Magic) return { at: start, ...record };
    const end = new Cursor(source, Number(tail.readBigUInt64LE(at - 12)));
    if (end.u32() !== end64Magic) throw new ValueError("the zip archive's 64-bit directory is damaged");
    end.at += 28;
    return { count: end.u64(), size: end.u64(), at: end.u64() };
  }
  throw new ValueError("not a zip archive");
}

function readEntry(on: Cursor): ZipEntry {
  if (on.u32() !== centralMagic) throw new ValueError("the zip archive's directory is damaged");
  on.at += 4;
  if (on.u16() & 1) throw new ValueError("encrypted zip archives are not read");
  const method = on.u16();
  on.at += 4;
  const crc = on.u32();
  let [packed, size] = [on.u32(), on.u32()];
  const [nameLength, extraLength, commentLength] = [on.u16(), on.u16(), on.u16()];
  on.at += 8;
  let header = on.u32();
  const name = on.bytes(nameLength).toString("utf8");
  const end = on.at + extraLength;
  while (on.at + 4 <= end) {
    const [id, length] = [on.u16(), on.u16()];
    const next = on.at + length;
    if (next > end) break;
    const wide = (value: number): number => (value === full32 && on.at + 8 <= next ? on.u64() : value);
    if (id === 1) {
      size = wide(size);
      packed = wide(packed);
      header = wide(header);
    }
    on.at = next;
  }
  on.at = end + commentLength;
  return { name, method, crc, packed, size, header };
}

/**
 * An archive whose entries are read one by one.
 * @throws ValueError for what is no archive, damaged ones, and names that are there twice.
 */
export class ZipArchive {
  readonly entries: ReadonlyMap<string, ZipEntry>;
  readonly #source: ByteSource;
  readonly #maxRatio: number;

  /** @param maxRatio how many times its packed size an entry may have, unpacked; deflate at its best gives 1032. */
  constructor(source: ByteSource, maxRatio = Infinity) {
    this.#source = source;
    this.#maxRatio = maxRatio;
    const { at, size, count } = findDirectory(source);
    if (count * 46 > size || at + size > source.size) {
      throw new ValueError("the zip archive's directory is damaged: it is shorter than its entries");
    }
    const entries = new Map<string, ZipEntry>();
    const on = new Cursor(source, at);
    let packed = 0;
    for (let i = 0; i < count; i++) {
      const entry = readEntry(on);
      packed += entry.packed;
      // Entries that lie on one another would unpack to more than there is.
      if (packed > source.size) throw new ValueError("the zip archive's entries are larger than it is");
      if (entries.has(entry.name)) throw new ValueError(`'${entry.name}' is in the zip archive twice`);
      entries.set(entry.name, entry);
    }
    if (on.at !== at + size) throw new ValueError("the zip archive's directory is damaged: entries are left");
    this.entries = entries;
  }

  /** The contents of an entry in memory of their own. @throws ValueError for what does not match its checksum. */
  read(name: string): Uint8Array<ArrayBuffer> {
    const entry = this.entries.get(name);
    if (!entry) throw new ValueError(`there is no '${name}' in the zip archive`);
    const { method, crc, packed, size } = entry;
    const start = this.#start(entry);
    let content: Uint8Array<ArrayBuffer>;
    if (method === 0) {
      if (packed !== size) throw mismatch(name);
      content = this.#source.own(start, size);
    } else if (method === 8) {
      if (size > this.#maxRatio * (packed + 64)) {
        throw new ValueError(
          `'${name}' in the zip archive would unpack to ${String(size)} bytes from ${String(packed)}: that is no file of numbers`,
        );
      }
      content = inflate(name, this.#source.read(start, packed), size);
    } else throw new ValueError(`'${name}' in the zip archive has compression method ${String(method)}`);
    if (content.length !== size || crc32(content) !== crc) throw mismatch(name);
    return content;
  }

  /** Where an entry's contents begin. */
  #start({ name, header }: ZipEntry): number {
    const local = new Cursor(this.#source, header);
    if (local.u32() !== localMagic) throw new ValueError(`'${name}' in the zip archive is damaged`);
    local.at += 22;
    const [nameLength, extraLength] = [local.u16(), local.u16()];
    if (local.bytes(nameLength).toString("utf8") !== name) {
      throw new ValueError(`'${name}' in the zip archive is damaged: another name stands at its place`);
    }
    return local.at + extraLength;
  }
}

const mismatch = (name: string): ValueError =>
  new ValueError(`'${name}' in the zip archive does not match its size and checksum`);

function inflate(name: string, raw: Uint8Array, size: number): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(zlib.inflateRawSync(raw, { maxOutputLength: Math.max(1, size) }));
  } catch (error) {
    throw new ValueError(`'${name}' in the zip archive does not unpack: ${(error as Error).message}`);
  }
}

/**
 * The entries of an archive, by name, in its order.
 * @param maxBytes the most that all of them may have, unpacked.
 * @throws ValueError for damaged archives, and for larger ones.
 */
export function readZip(bytes: Uint8Array, maxBytes: number): Map<string, Uint8Array> {
  const archive = new ZipArchive(openSource(bytes));
  let total = 0;
  for (const { size } of archive.entries.values()) total += size;
  if (total > maxBytes) {
    throw new ValueError(
      `the archive holds more than the ${String(maxBytes)} bytes allowed (maxBytes), unpacked`,
    );
  }
  const names = [...archive.entries.keys()].filter((name) => !name.endsWith("/"));
  return new Map(names.map((name) => [name, archive.read(name)]));
}
