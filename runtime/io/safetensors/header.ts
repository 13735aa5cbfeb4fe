/**
 * The head of a safetensors file: where which tensor is.
 * @see https://huggingface.co/docs/safetensors/index#format
 */
import { NotImplementedError, ValueError } from "../../errors.js";
import {
  bfloat16,
  bool,
  float16,
  float32,
  float64,
  int16,
  int32,
  int64,
  int8,
  uint8,
  type DType,
} from "../../tensor/dtype.js";
import { numel } from "../../tensor/strides.js";
import type { ByteSource } from "../source.js";

const names: ReadonlyMap<string, DType> = new Map([
  ["F64", float64],
  ["F32", float32],
  ["F16", float16],
  ["BF16", bfloat16],
  ["I64", int64],
  ["I32", int32],
  ["I16", int16],
  ["I8", int8],
  ["U8", uint8],
  ["BOOL", bool],
]);

const nameOf = new Map([...names].map(([name, dtype]) => [dtype, name]));

/** The format's own bound. */
const longestHeader = 100_000_000;

/** Where a tensor is in a file. */
export interface TensorPlace {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** Where its bytes begin in the file. */
  readonly at: number;
  readonly nbytes: number;
}

export interface Header {
  readonly tensors: ReadonlyMap<string, TensorPlace>;
  readonly metadata: ReadonlyMap<string, string>;
}

const isCount = (value: unknown): value is number =>
  typeof value === "number" && Number.isSafeInteger(value) && value >= 0;

const isCounts = (value: unknown): value is readonly number[] => Array.isArray(value) && value.every(isCount);

function placeOf(name: string, entry: unknown, begin: number): TensorPlace {
  const { dtype: type, shape, data_offsets: offsets } = (entry ?? {}) as Readonly<Record<string, unknown>>;
  const told = JSON.stringify(name.slice(0, 80));
  if (typeof type !== "string" || !isCounts(shape) || shape.length > 64) {
    throw new ValueError(`the entry of ${told} has no dtype and shape`);
  }
  const dtype = names.get(type);
  if (!dtype)
    throw new NotImplementedError(
      `${told} is a tensor of ${JSON.stringify(type.slice(0, 20))}, and there are none here`,
    );
  if (!isCounts(offsets) || offsets.length !== 2)
    throw new ValueError(`the entry of ${told} does not say where it is`);
  const [from, to] = offsets as readonly [number, number];
  const nbytes = numel(shape) * dtype.itemsize;
  if (to - from !== nbytes) {
    throw new ValueError(
      `${told} has ${String(to - from)} bytes in the file, shape [${shape.join(", ")}] of ${dtype.name} needs ${String(nbytes)}`,
    );
  }
  return { dtype, shape, at: begin + from, nbytes };
}

/** Reads the head of a file. @throws ValueError for what is no such file: every byte must belong to one tensor. */
export function readHeader(source: ByteSource): Header {
  if (source.size < 8) throw new ValueError("not a safetensors file: it is too short");
  const head = source.read(0, 8);
  const size = Number(Buffer.from(head.buffer, head.byteOffset, 8).readBigUInt64LE());
  if (size > longestHeader || size > source.size - 8) {
    throw new ValueError("not a safetensors file: its head is longer than the file, or than 100 MB");
  }
  const text = Buffer.from(source.read(8, size)).toString("utf8");
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw new ValueError(`the head of the safetensors file is no JSON: ${(error as Error).message}`);
  }
  if (!text.startsWith("{") || typeof parsed !== "object" || parsed === null) {
    throw new ValueError("the head of the safetensors file is no JSON object");
  }
  const begin = 8 + size;
  const tensors = new Map<string, TensorPlace>();
  const metadata = new Map<string, string>();
  for (const [name, entry] of Object.entries(parsed)) {
    if (name !== "__metadata__") tensors.set(name, placeOf(name, entry, begin));
    else
      for (const [key, value] of Object.entries((entry ?? {}) as object)) {
        if (typeof value !== "string") throw new ValueError("the metadata of a safetensors file are texts");
        metadata.set(key, value);
      }
  }
  let at = begin;
  for (const place of [...tensors.values()].sort((a, b) => a.at - b.at || a.nbytes - b.nbytes)) {
    if (place.at !== at) throw new ValueError("the tensors of the safetensors file overlap or leave gaps");
    at += place.nbytes;
  }
  if (at !== source.size)
    throw new ValueError("the safetensors file is cut off, or has bytes that are no tensor's");
  return { tensors, metadata };
}

/** What is to be written. */
export interface Described {
  readonly dtype: DType;
  readonly shape: readonly number[];
}

/** Names in the order in which they are written: wide elements first, so that all are aligned. */
export function writingOrder(tensors: ReadonlyMap<string, Described>): string[] {
  return [...tensors]
    .sort(([a, x], [b, y]) => y.dtype.itemsize - x.dtype.itemsize || (a < b ? -1 : a > b ? 1 : 0))
    .map(([name]) => name);
}

/** The head of a file with tensors in that order. */
export function formatHeader(
  tensors: ReadonlyMap<string, Described>,
  order: readonly string[],
  metadata: ReadonlyMap<string, string>,
): Uint8Array {
  const entries: [string, unknown][] =
    metadata.size > 0 ? [["__metadata__", Object.fromEntries(metadata)]] : [];
  let at = 0;
  for (const name of order) {
    if (name === "__metadata__") throw new ValueError("a tensor cannot have the name __metadata__");
    const { dtype, shape } = tensors.get(name)!;
    const end = at + numel(shape) * dtype.itemsize;
    entries.push([name, { dtype: nameOf.get(dtype)!, shape, data_offsets: [at, end] }]);
    at = end;
  }
  // By hand, since an object has its own order for names that are numbers.
  const json = `{${entries.map(([k, v]) => `${JSON.stringify(k)}:${JSON.stringify(v)}`).join(",")}}`;
  const text = Buffer.from(json, "utf8");
  const padded = Buffer.concat([text, Buffer.alloc((8 - (text.length % 8)) % 8, " ")]);
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(padded.length));
  return Buffer.concat([size, padded]);
}
