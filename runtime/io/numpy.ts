/**
 * NumPy's files: `.npy` holds one array, `.npz` several in a zip archive. Pickled objects are refused.
 * @see https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 */
import { ValueError } from "../errors.js";
import { fromData } from "../ops/leaf.js";
import { viewAs } from "../tensor/dtype.js";
import { strideCopy } from "../tensor/strideCopy.js";
import type { Tensor } from "../tensor/tensor.js";
import { readBounded, writeAtomically } from "./files.js";
import { readHeader, writeHeader } from "./npyHeader.js";
import { readZip } from "./zip.js";
import { writeZip } from "./zipWriter.js";

export interface NumpyLimits {
  /** The most bytes to read, of a file or, uncompressed, of an archive. Default: 16 GiB. */
  readonly maxBytes?: number | undefined;
}

const defaultMax = 16 * 2 ** 30;

/** Where a message says the data come from. */
const named = (error: unknown, where: string): unknown => {
  if (error instanceof Error) error.message = `${where}: ${error.message}`;
  return error;
};

/**
 * A tensor from the bytes of a `.npy` file: versions 1 to 3, either byte order, C or Fortran order.
 * @throws ValueError for bytes that are no such file, NotImplementedError for dtypes that tensors lack, RuntimeError for
 * pickled objects.
 */
export function parseNpy(bytes: Uint8Array): Tensor {
  const { dtype, shape, fortranOrder, bigEndian, offset, nbytes } = readHeader(bytes);
  if (bytes.length - offset < nbytes) {
    throw new ValueError(
      `.npy file is cut off: shape (${shape.join(", ")}) of ${dtype.name} needs ${String(nbytes)} bytes, ${String(bytes.length - offset)} are there`,
    );
  }
  const raw = new Uint8Array(bytes.buffer as ArrayBuffer, bytes.byteOffset + offset, nbytes).slice();
  if (bigEndian) swap(raw, dtype.itemsize);
  if (dtype.name === "bool") raw.forEach((v, i) => (raw[i] = v ? 1 : 0));
  const data = viewAs(dtype.name, raw.buffer);
  if (!fortranOrder || shape.length < 2) return fromData(data, shape, dtype);
  const strides = shape.map((_, i) => shape.slice(0, i).reduce((n, d) => n * d, 1));
  return fromData(strideCopy(data, shape, strides, 0), shape, dtype);
}

function swap(bytes: Uint8Array<ArrayBuffer>, size: number): void {
  const buffer = Buffer.from(bytes.buffer);
  if (size === 2) buffer.swap16();
  else if (size === 4) buffer.swap32();
  else if (size === 8) buffer.swap64();
}

/** The bytes of a `.npy` file with the tensor's elements, little-endian, in C order. */
export function formatNpy(tensor: Tensor): Uint8Array {
  return Buffer.concat([writeHeader(tensor.dtype, tensor._shape), tensor.toBytes()]);
}

/**
 * Reads a `.npy` file.
 * @throws as `parseNpy`, with the file's name.
 */
export function loadNpy(path: string, { maxBytes = defaultMax }: NumpyLimits = {}): Tensor {
  try {
    return parseNpy(readBounded(path, maxBytes));
  } catch (error) {
    throw named(error, path);
  }
}

/** Writes a `.npy` file: all of it, or, when something goes wrong, nothing. */
export function saveNpy(path: string, tensor: Tensor): void {
  writeAtomically(path, formatNpy(tensor));
}

/** Tensors by name from the bytes of a `.npz` file. */
export function parseNpz(
  bytes: Uint8Array,
  { maxBytes = defaultMax }: NumpyLimits = {},
): Map<string, Tensor> {
  const tensors = new Map<string, Tensor>();
  for (const [file, content] of readZip(bytes, maxBytes)) {
    const name = file.replace(/\.npy$/, "");
    if (name === file) throw new ValueError(`'${file}' in the archive is not an array`);
    try {
      tensors.set(name, parseNpy(content));
    } catch (error) {
      throw named(error, name);
    }
  }
  return tensors;
}

/** Reads a `.npz` file: its arrays by name. */
export function loadNpz(path: string, limits: NumpyLimits = {}): Map<string, Tensor> {
  try {
    return parseNpz(readBounded(path, limits.maxBytes ?? defaultMax), limits);
  } catch (error) {
    throw named(error, path);
  }
}

export interface SaveNpzOptions {
  /** Deflates the arrays, as `numpy.savez_compressed` does. */
  readonly compressed?: boolean | undefined;
}

type NamedTensors = Readonly<Record<string, Tensor>> | ReadonlyMap<string, Tensor>;

/** The bytes of a `.npz` file with tensors by name. */
export function formatNpz(tensors: NamedTensors, { compressed = false }: SaveNpzOptions = {}): Uint8Array {
  const entries = tensors instanceof Map ? [...tensors] : Object.entries(tensors);
  return writeZip(
    (entries as [string, Tensor][]).map(([name, t]) => [`${name}.npy`, formatNpy(t)]),
    compressed,
  );
}

/** Writes a `.npz` file: all of it, or, when something goes wrong, nothing. */
export function saveNpz(path: string, tensors: NamedTensors, options: SaveNpzOptions = {}): void {
  writeAtomically(path, formatNpz(tensors, options));
}
