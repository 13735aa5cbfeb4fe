/** Writes zip archives, entry after entry. */
import * as zlib from "node:zlib";
import { ValueError } from "../errors.js";
import { crc32 } from "./crc32.js";
import type { Append } from "./files.js";
import { centralMagic, end64Magic, endMagic, full16, full32, localMagic, locator64Magic } from "./zip.js";

/** 1980-01-01, so that the same contents give the same archive. */
const date = 0x21;

export interface ZipEntryOptions {
  readonly compressed?: boolean;
  /** The contents begin at a multiple of this many bytes. */
  readonly align?: number;
}

/** An archive in the making: entries go out as they are added, the directory at the end. */
export class ZipWriter {
  readonly #append: Append;
  readonly #names = new Set<string>();
  readonly #directory: Uint8Array[] = [];
  #offset = 0;

  constructor(append: Append) {
    this.#append = append;
  }

  #write(...parts: readonly Uint8Array[]): void {
    for (const part of parts) {
      this.#append(part);
      this.#offset += part.length;
    }
  }

  /** Adds an entry. @throws ValueError for a name that is there. */
  add(name: string, content: Uint8Array, { compressed = false, align = 1 }: ZipEntryOptions = {}): void {
    if (this.#names.has(name)) throw new ValueError(`'${name}' would be in the zip archive twice`);
    this.#names.add(name);
    const packed = compressed ? zlib.deflateRawSync(content) : content;
    const path = Buffer.from(name, "utf8");
    if (path.length > full16) throw new ValueError("a name in a zip archive has at most 65535 bytes");
    const at = this.#offset;
    const wide = content.length >= full32 || packed.length >= full32 || at >= full32;
    const common = Buffer.alloc(26);
    common.writeUInt16LE(wide ? 45 : 20, 0);
    common.writeUInt16LE(0x800, 2); // Names are UTF-8.
    common.writeUInt16LE(compressed ? 8 : 0, 4);
    common.writeUInt16LE(date, 8);
    common.writeUInt32LE(crc32(content), 10);
    common.writeUInt32LE(wide ? full32 : packed.length, 14);
    common.writeUInt32LE(wide ? full32 : content.length, 18);
    common.writeUInt16LE(path.length, 22);
    const extra = wide ? wideExtra(content.length, packed.length, at) : Buffer.alloc(0);
    // The local header's extra field has the sizes only.
    const sizes = wide ? wideExtra(content.length, packed.length) : extra;
    const localExtra = Buffer.concat([sizes, padding(at + 30 + path.length + sizes.length, align)]);
    const local = Buffer.alloc(4);
    local.writeUInt32LE(localMagic);
    common.writeUInt16LE(localExtra.length, 24);
    this.#write(local, Buffer.from(common), path, localExtra, packed);
    common.writeUInt16LE(extra.length, 24);
    const central = Buffer.alloc(6);
    central.writeUInt32LE(centralMagic);
    central.writeUInt16LE(45, 4);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(wide ? full32 : at, 10);
    this.#directory.push(central, common, tail, path, extra);
  }

  /** Writes the directory. */
  end(): void {
    const at = this.#offset;
    this.#write(...this.#directory);
    this.#write(...directoryEnd(this.#names.size, this.#offset - at, at));
  }
}

/** An extra field of which readers know no meaning, so long that what follows it is aligned. */
function padding(at: number, align: number): Buffer {
  if (at % align === 0) return Buffer.alloc(0);
  const missing = (align - ((at + 4) % align)) % align;
  const extra = Buffer.alloc(4 + missing);
  extra.writeUInt16LE(0x4246, 0); // The identifier that PyTorch gives it.
  extra.writeUInt16LE(missing, 2);
  return extra;
}

function wideExtra(...sizes: readonly number[]): Buffer {
  const extra = Buffer.alloc(4 + 8 * sizes.length);
  extra.writeUInt16LE(1, 0);
  extra.writeUInt16LE(8 * sizes.length, 2);
  sizes.forEach((s, i) => extra.writeBigUInt64LE(BigInt(s), 4 + 8 * i));
  return extra;
}

function directoryEnd(count: number, size: number, offset: number): Buffer[] {
  const wide = count >= full16 || size >= full32 || offset >= full32;
  const end = Buffer.alloc(22);
  end.writeUInt32LE(endMagic);
  end.writeUInt16LE(wide ? full16 : count, 8);
  end.writeUInt16LE(wide ? full16 : count, 10);
  end.writeUInt32LE(wide ? full32 : size, 12);
  end.writeUInt32LE(wide ? full32 : offset, 16);
  if (!wide) return [end];
  const end64 = Buffer.alloc(56);
  end64.writeUInt32LE(end64Magic);
  end64.writeBigUInt64LE(44n, 4);
  end64.writeUInt16LE(45, 12);
  end64.writeUInt16LE(45, 14);
  end64.writeBigUInt64LE(BigInt(count), 24);
  end64.writeBigUInt64LE(BigInt(count), 32);
  end64.writeBigUInt64LE(BigInt(size), 40);
  end64.writeBigUInt64LE(BigInt(offset), 48);
  const locator = Buffer.alloc(20);
  locator.writeUInt32LE(locator64Magic);
  locator.writeBigUInt64LE(BigInt(offset + size), 8);
  locator.writeUInt32LE(1, 16);
  return [end64, locator, end];
}

/** An archive with the given files. */
export function writeZip(
  files: readonly (readonly [name: string, content: Uint8Array])[],
  compressed: boolean,
): Uint8Array {
  const parts: Uint8Array[] = [];
  const writer = new ZipWriter((bytes) => void parts.push(bytes));
  for (const [name, content] of files) writer.add(name, content, { compressed });
  writer.end();
  return Buffer.concat(parts);
}
