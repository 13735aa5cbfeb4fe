/**
 * Zip archives, read with care: sizes are bounded before anything is unpacked, checksums are checked, names stay names.
 * Stored and deflated entries, with the 64-bit extensions.
 * @see https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
 */
import * as zlib from "node:zlib";
import { ValueError } from "../errors.js";

const localMagic = 0x04034b50;
const centralMagic = 0x02014b50;
const endMagic = 0x06054b50;
const end64Magic = 0x06064b50;
const locator64Magic = 0x07064b50;
const full16 = 0xffff;
const full32 = 0xffffffff;

const table = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1;
  return c;
});

/** Node has its own since 20.15. */
const native = (zlib as { crc32?: (data: Uint8Array) => number }).crc32;

export function crc32(bytes: Uint8Array): number {
  if (native) return native(bytes);
  let c = full32;
  for (const b of bytes) c = table[(c ^ b) & 0xff]! ^ (c >>> 8);
  return (c ^ full32) >>> 0;
}

interface Entry {
  readonly name: string;
  readonly method: number;
  readonly crc: number;
  readonly packed: number;
  readonly size: number;
  readonly header: number;
}

class Reader {
  readonly bytes: Buffer;

  constructor(bytes: Uint8Array) {
    this.bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  #check(at: number, size: number): void {
    if (!Number.isSafeInteger(at) || at < 0 || at + size > this.bytes.length) {
      throw new ValueError("the zip archive is cut off or damaged");
    }
  }

  u16(at: number): number {
    this.#check(at, 2);
    return this.bytes.readUInt16LE(at);
  }

  u32(at: number): number {
    this.#check(at, 4);
    return this.bytes.readUInt32LE(at);
  }

  u64(at: number): number {
    this.#check(at, 8);
    return Number(this.bytes.readBigUInt64LE(at));
  }

  slice(at: number, size: number): Buffer {
    this.#check(at, size);
    return this.bytes.subarray(at, at + size);
  }
}

/** Where the directory starts and how many entries it has. */
function findDirectory(r: Reader): { at: number; count: number } {
  // The record is 22 bytes long and may be followed by a comment of up to 65 535.
  const first = Math.max(0, r.bytes.length - 22 - full16);
  for (let at = r.bytes.length - 22; at >= first; at--) {
    if (r.u32(at) !== endMagic || at + 22 + r.u16(at + 20) !== r.bytes.length) continue;
    const count = r.u16(at + 10);
    const start = r.u32(at + 16);
    if (count !== full16 && start !== full32 && r.u32(at + 12) !== full32) return { at: start, count };
    if (at < 20 || r.u32(at - 20) !== locator64Magic) return { at: start, count };
    const end = r.u64(at - 12);
    if (r.u32(end) !== end64Magic) throw new ValueError("the zip archive's 64-bit directory is damaged");
    return { at: r.u64(end + 48), count: r.u64(end + 32) };
  }
  throw new ValueError("not a zip archive");
}

function readEntry(r: Reader, at: number): { entry: Entry; next: number } {
  if (r.u32(at) !== centralMagic) throw new ValueError("the zip archive's directory is damaged");
  if (r.u16(at + 8) & 1) throw new ValueError("encrypted zip archives are not read");
  const [nameLength, extraLength, commentLength] = [r.u16(at + 28), r.u16(at + 30), r.u16(at + 32)];
  let [packed, size, header] = [r.u32(at + 20), r.u32(at + 24), r.u32(at + 42)];
  const name = r.slice(at + 46, nameLength).toString("utf8");
  const extraEnd = at + 46 + nameLength + extraLength;
  for (let x = at + 46 + nameLength; x + 4 <= extraEnd; x += 4 + r.u16(x + 2)) {
    if (r.u16(x) !== 1) continue;
    let field = x + 4;
    const wide = (value: number): number => {
      if (value !== full32) return value;
      field += 8;
      return r.u64(field - 8);
    };
    size = wide(size);
    packed = wide(packed);
    header = wide(header);
  }
  const entry = { name, method: r.u16(at + 10), crc: r.u32(at + 16), packed, size, header };
  return { entry, next: extraEnd + commentLength };
}

function unpack(r: Reader, { name, method, crc, packed, size, header }: Entry): Uint8Array {
  if (r.u32(header) !== localMagic) throw new ValueError(`'${name}' in the zip archive is damaged`);
  const start = header + 30 + r.u16(header + 26) + r.u16(header + 28);
  const raw = r.slice(start, packed);
  let content: Uint8Array;
  if (method === 0) content = raw;
  else if (method === 8) {
    try {
      content = zlib.inflateRawSync(raw, { maxOutputLength: Math.max(1, size) });
    } catch (error) {
      throw new ValueError(`'${name}' in the zip archive does not unpack: ${(error as Error).message}`);
    }
  } else throw new ValueError(`'${name}' in the zip archive has compression method ${String(method)}`);
  if (content.length !== size || crc32(content) !== crc) {
    throw new ValueError(`'${name}' in the zip archive does not match its size and checksum`);
  }
  return content;
}

/**
 * The entries of an archive, by name, in its order.
 * @param maxBytes the most that all of them may have, unpacked.
 * @throws ValueError for damaged archives, and for larger ones.
 */
export function readZip(bytes: Uint8Array, maxBytes: number): Map<string, Uint8Array> {
  const r = new Reader(bytes);
  const { at: start, count } = findDirectory(r);
  const entries: Entry[] = [];
  let total = 0;
  for (let i = 0, at = start; i < count; i++) {
    const { entry, next } = readEntry(r, at);
    total += entry.size;
    if (total > maxBytes) {
      throw new ValueError(
        `the archive holds more than the ${String(maxBytes)} bytes allowed (maxBytes), unpacked`,
      );
    }
    if (!entry.name.endsWith("/")) entries.push(entry);
    at = next;
  }
  const files = new Map<string, Uint8Array>();
  for (const entry of entries) {
    if (files.has(entry.name)) throw new ValueError(`'${entry.name}' is in the zip archive twice`);
    files.set(entry.name, unpack(r, entry));
  }
  return files;
}

/** 1980-01-01, so that the same contents give the same archive. */
const date = 0x21;

function header(size: number): Buffer {
  return Buffer.alloc(size);
}

/** An archive with the given files. */
export function writeZip(
  files: readonly (readonly [name: string, content: Uint8Array])[],
  compressed: boolean,
): Uint8Array {
  const parts: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let offset = 0;
  const seen = new Set<string>();
  for (const [name, content] of files) {
    if (seen.has(name)) throw new ValueError(`'${name}' would be in the zip archive twice`);
    seen.add(name);
    const packed = compressed ? zlib.deflateRawSync(content) : content;
    const path = Buffer.from(name, "utf8");
    if (path.length > full16) throw new ValueError("a name in a zip archive has at most 65535 bytes");
    const wide = content.length >= full32 || packed.length >= full32 || offset >= full32;
    const common = header(26);
    common.writeUInt16LE(wide ? 45 : 20, 0);
    common.writeUInt16LE(0x800, 2); // Names are UTF-8.
    common.writeUInt16LE(compressed ? 8 : 0, 4);
    common.writeUInt16LE(date, 8);
    common.writeUInt32LE(crc32(content), 10);
    common.writeUInt32LE(wide ? full32 : packed.length, 14);
    common.writeUInt32LE(wide ? full32 : content.length, 18);
    common.writeUInt16LE(path.length, 22);
    const extra = wide ? wideExtra(content.length, packed.length, offset) : header(0);
    const local = header(4);
    local.writeUInt32LE(localMagic);
    // The local header's extra field has the sizes only.
    const localExtra = wide ? wideExtra(content.length, packed.length) : extra;
    common.writeUInt16LE(localExtra.length, 24);
    parts.push(local, Buffer.from(common), path, localExtra, packed);
    common.writeUInt16LE(extra.length, 24);
    const central = header(6);
    central.writeUInt32LE(centralMagic);
    central.writeUInt16LE(45, 4);
    const tail = header(14);
    tail.writeUInt32LE(wide ? full32 : offset, 10);
    directory.push(central, common, tail, path, extra);
    offset += 30 + path.length + localExtra.length + packed.length;
  }
  const size = directory.reduce((n, b) => n + b.length, 0);
  return Buffer.concat([...parts, ...directory, ...directoryEnd(files.length, size, offset)]);
}

function wideExtra(...sizes: readonly number[]): Buffer {
  const extra = header(4 + 8 * sizes.length);
  extra.writeUInt16LE(1, 0);
  extra.writeUInt16LE(8 * sizes.length, 2);
  sizes.forEach((s, i) => extra.writeBigUInt64LE(BigInt(s), 4 + 8 * i));
  return extra;
}

function directoryEnd(count: number, size: number, offset: number): Buffer[] {
  const wide = count >= full16 || size >= full32 || offset >= full32;
  const end = header(22);
  end.writeUInt32LE(endMagic);
  end.writeUInt16LE(wide ? full16 : count, 8);
  end.writeUInt16LE(wide ? full16 : count, 10);
  end.writeUInt32LE(wide ? full32 : size, 12);
  end.writeUInt32LE(wide ? full32 : offset, 16);
  if (!wide) return [end];
  const end64 = header(56);
  end64.writeUInt32LE(end64Magic);
  end64.writeBigUInt64LE(44n, 4);
  end64.writeUInt16LE(45, 12);
  end64.writeUInt16LE(45, 14);
  end64.writeBigUInt64LE(BigInt(count), 24);
  end64.writeBigUInt64LE(BigInt(count), 32);
  end64.writeBigUInt64LE(BigInt(size), 40);
  end64.writeBigUInt64LE(BigInt(offset), 48);
  const locator = header(20);
  locator.writeUInt32LE(locator64Magic);
  locator.writeBigUInt64LE(BigInt(offset + size), 8);
  locator.writeUInt32LE(1, 16);
  return [end64, locator, end];
}
