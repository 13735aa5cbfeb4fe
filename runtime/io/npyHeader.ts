/**
 * The header of NumPy's `.npy` format, versions 1 to 3: a Python dict literal with `descr`, `fortran_order` and `shape`.
 * @see https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 */
import { NotImplementedError, RuntimeError, ValueError } from "../errors.js";
import { bfloat16, dtypes, type DType, type DTypeName } from "../tensor/dtype.js";

const magic = Uint8Array.of(0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59);

/** NumPy's own bound is 10 000 characters; a header never needs more. */
const maxHeader = 64 * 1024;
const maxRank = 64;

const kinds: Readonly<Record<string, DTypeName>> = {
  f8: "float64",
  f4: "float32",
  f2: "float16",
  i8: "int64",
  i4: "int32",
  i2: "int16",
  i1: "int8",
  u1: "uint8",
  b1: "bool",
};

export interface NpyHeader {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly fortranOrder: boolean;
  readonly bigEndian: boolean;
  /** Where the elements start. */
  readonly offset: number;
  /** Bytes of all elements. */
  readonly nbytes: number;
}

/** Reads a header. @throws ValueError for what is not one, NotImplementedError for dtypes without a counterpart. */
export function readHeader(bytes: Uint8Array): NpyHeader {
  if (bytes.length < 10 || magic.some((b, i) => bytes[i] !== b)) {
    throw new ValueError("not a .npy file: the magic string is missing");
  }
  const version = bytes[6]!;
  if (version < 1 || version > 3) throw new ValueError(`.npy format version ${String(version)} is not known`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (version > 1 && bytes.length < 12) throw new ValueError(".npy file ends inside its header");
  const length = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  const start = version === 1 ? 10 : 12;
  if (length > maxHeader) throw new ValueError(`.npy header of ${String(length)} bytes is too large`);
  if (start + length > bytes.length) throw new ValueError(".npy file ends inside its header");
  const raw = bytes.subarray(start, start + length);
  const text = version === 3 ? new TextDecoder("utf-8", { fatal: false }).decode(raw) : latin1(raw);
  return { ...describe(parseDict(text)), offset: start + length };
}

const latin1 = (raw: Uint8Array): string =>
  Buffer.from(raw.buffer, raw.byteOffset, raw.length).toString("latin1");

function describe(dict: ReadonlyMap<string, unknown>): Omit<NpyHeader, "offset"> {
  const keys = [...dict.keys()].sort().join();
  if (keys !== "descr,fortran_order,shape") {
    throw new ValueError(`.npy header must have descr, fortran_order and shape, not: ${keys}`);
  }
  const { dtype, bigEndian } = parseDescr(dict.get("descr"));
  const fortranOrder = dict.get("fortran_order");
  if (typeof fortranOrder !== "boolean")
    throw new ValueError(".npy header: fortran_order must be True or False");
  const shape = dict.get("shape");
  if (!Array.isArray(shape) || shape.length > maxRank || !shape.every(isSize)) {
    throw new ValueError(".npy header: shape must be a tuple of sizes");
  }
  const nbytes = (shape as number[]).reduce((n, d) => n * d, dtype.itemsize);
  if (!Number.isSafeInteger(nbytes)) {
    throw new ValueError(`.npy header: shape (${shape.join(", ")}) is too large`);
  }
  return { dtype, shape: shape as number[], fortranOrder, bigEndian, nbytes };
}

const isSize = (d: unknown): boolean => typeof d === "number" && Number.isSafeInteger(d) && d >= 0;

function parseDescr(descr: unknown): { dtype: DType; bigEndian: boolean } {
  if (Array.isArray(descr)) {
    throw new NotImplementedError("structured NumPy arrays have no counterpart among tensors");
  }
  if (typeof descr !== "string") throw new ValueError(".npy header: descr must be a string");
  const match = /^([<>|=])([a-zA-Z])(\d*)$/.exec(descr);
  if (!match) throw new ValueError(`.npy header: descr '${descr}' is not understood`);
  const [, order, kind, size] = match as unknown as [string, string, string, string];
  if (kind === "O") {
    throw new RuntimeError(
      "this .npy file holds pickled Python objects, which are never loaded: they could run any code",
    );
  }
  // What ml_dtypes writes for bfloat16.
  if (descr === "<V2" || descr === "|V2") return { dtype: bfloat16, bigEndian: false };
  const name = kinds[kind + size];
  if (!name) throw new NotImplementedError(`NumPy dtype '${descr}' has no counterpart among tensors`);
  return { dtype: dtypes[name], bigEndian: order === ">" };
}

/** A Python literal: dict with string keys, strings, booleans, integers, tuples and lists. Nothing is evaluated. */
class LiteralReader {
  readonly #text: string;
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  read(): unknown {
    const value = this.#value();
    this.#space();
    if (this.#at < this.#text.length) throw this.#error();
    return value;
  }

  #error(): ValueError {
    return new ValueError(`.npy header is not a Python literal at character ${String(this.#at)}`);
  }

  #space(): void {
    while (/\s/.test(this.#text[this.#at] ?? "")) this.#at++;
  }

  #take(symbol: string): boolean {
    this.#space();
    if (!this.#text.startsWith(symbol, this.#at)) return false;
    this.#at += symbol.length;
    return true;
  }

  #value(): unknown {
    if (++this.#depth > 8) throw this.#error();
    try {
      this.#space();
      const c = this.#text[this.#at] ?? "";
      if (c === "{") return this.#dict();
      if (c === "(" || c === "[") return this.#sequence(c === "(" ? ")" : "]");
      if (c === "'" || c === '"') return this.#string(c);
      if (this.#take("True")) return true;
      if (this.#take("False")) return false;
      const number = /^-?\d+L?/.exec(this.#text.slice(this.#at, this.#at + 32));
      if (!number) throw this.#error();
      this.#at += number[0].length;
      return Number(number[0].replace("L", ""));
    } finally {
      this.#depth--;
    }
  }

  #string(quote: string): string {
    const end = this.#text.indexOf(quote, this.#at + 1);
    if (end < 0) throw this.#error();
    const value = this.#text.slice(this.#at + 1, end);
    this.#at = end + 1;
    return value;
  }

  #sequence(close: string): unknown[] {
    this.#at++;
    const items: unknown[] = [];
    while (!this.#take(close)) {
      items.push(this.#value());
      if (this.#take(",")) continue;
      if (!this.#take(close)) throw this.#error();
      break;
    }
    return items;
  }

  #dict(): Map<string, unknown> {
    this.#at++;
    const dict = new Map<string, unknown>();
    while (!this.#take("}")) {
      const key = this.#value();
      if (typeof key !== "string" || !this.#take(":")) throw this.#error();
      dict.set(key, this.#value());
      if (this.#take(",")) continue;
      if (!this.#take("}")) throw this.#error();
      break;
    }
    return dict;
  }
}

function parseDict(text: string): ReadonlyMap<string, unknown> {
  const value = new LiteralReader(text).read();
  if (!(value instanceof Map)) throw new ValueError(".npy header is not a dict");
  return value as Map<string, unknown>;
}

/** NumPy's name of a dtype, little-endian. */
function descrOf(dtype: DType): string {
  if (dtype === bfloat16) {
    throw new NotImplementedError("NumPy has no bfloat16: convert first, t.float() loses nothing");
  }
  const kind = Object.keys(kinds).find((k) => kinds[k] === dtype.name)!;
  return `${dtype.itemsize === 1 ? "|" : "<"}${kind}`;
}

/** A header of version 1, or 2 where it needs the room; the elements start at a multiple of 64. */
export function writeHeader(dtype: DType, shape: readonly number[]): Uint8Array {
  const sizes = shape.length === 1 ? `${String(shape[0])},` : shape.join(", ");
  const dict = `{'descr': '${descrOf(dtype)}', 'fortran_order': False, 'shape': (${sizes}), }`;
  const version = dict.length + 64 + 10 < 65_536 ? 1 : 2;
  const prefix = version === 1 ? 10 : 12;
  const total = Math.ceil((prefix + dict.length + 1) / 64) * 64;
  const out = Buffer.alloc(total, " ");
  out.set(magic);
  out[6] = version;
  out[7] = 0;
  if (version === 1) out.writeUInt16LE(total - prefix, 8);
  else out.writeUInt32LE(total - prefix, 8);
  out.write(dict, prefix, "latin1");
  out[total - 1] = 0x0a;
  return out;
}
