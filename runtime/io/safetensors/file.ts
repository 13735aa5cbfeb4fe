/** Safetensors files, one or several with an index. */
import * as path from "node:path";
import { IndexError, KeyError, ValueError } from "../../errors.js";
import type { StateDict } from "../../nn/state.js";
import { fromData } from "../../ops/leaf.js";
import { viewAs } from "../../tensor/dtype.js";
import { numel } from "../../tensor/strides.js";
import type { Tensor } from "../../tensor/tensor.js";
import { readBounded } from "../files.js";
import { openSource, pathOf, type ByteSource, type FileLike } from "../source.js";
import type { TensorFile, TensorInfo } from "../tensorFile.js";
import { readHeader, type Header, type TensorPlace } from "./header.js";

function tensorAt(source: ByteSource, { dtype }: TensorPlace, shape: readonly number[], at: number): Tensor {
  const bytes = source.own(at, numel(shape) * dtype.itemsize);
  if (dtype.name === "bool") for (let i = 0; i < bytes.length; i++) if (bytes[i]! > 1) bytes[i] = 1;
  return fromData(viewAs(dtype.name, bytes.buffer), shape, dtype);
}

/** One open file. Reading a tensor reads its bytes and no others. */
export class SafetensorsFile implements TensorFile {
  readonly format = "safetensors";
  readonly #source: ByteSource;
  readonly #header: Header;

  /** @throws ValueError for what is no safetensors file; NotImplementedError for dtypes that there are no tensors of. */
  constructor(file: FileLike) {
    this.#source = openSource(file);
    try {
      this.#header = readHeader(this.#source);
    } catch (error) {
      this.#source.close();
      const at = pathOf(file);
      if (error instanceof Error && at !== undefined) error.message = `${at}: ${error.message}`;
      throw error;
    }
  }

  keys(): string[] {
    return [...this.#header.tensors.keys()];
  }

  #place(name: string): TensorPlace {
    const place = this.#header.tensors.get(name);
    if (!place) throw new KeyError(`the file does not contain tensor ${name}`);
    return place;
  }

  info(name: string): TensorInfo {
    const { dtype, shape, at } = this.#place(name);
    return { dtype, shape, place: `${String(at)} ${name}` };
  }

  getTensor(name: string): Tensor {
    const place = this.#place(name);
    return tensorAt(this.#source, place, place.shape, place.at);
  }

  /**
   * Rows of a tensor, along its first axis, and no others: `getSlice("weight", 0, 10)`.
   * @throws IndexError for a tensor without axes, or rows that it does not have.
   */
  getSlice(name: string, start: number, end?: number): Tensor {
    const place = this.#place(name);
    const [rows, ...rest] = place.shape;
    const to = end ?? rows ?? 0;
    const fits = rows !== undefined && Number.isInteger(start) && Number.isInteger(to);
    if (!fits || start < 0 || to < start || to > rows) {
      throw new IndexError(
        `${name} of shape [${place.shape.join(", ")}] has no rows ${String(start)} to ${String(to)}`,
      );
    }
    const row = numel(rest) * place.dtype.itemsize;
    return tensorAt(this.#source, place, [to - start, ...rest], place.at + start * row);
  }

  metadata(): ReadonlyMap<string, string> {
    return this.#header.metadata;
  }

  others(): ReadonlyMap<string, unknown> {
    return new Map();
  }

  close(): void {
    this.#source.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** Several files that an index puts together: `model.safetensors.index.json`. Each is opened when first needed. */
export class ShardedSafetensorsFile implements TensorFile {
  readonly format = "safetensors";
  readonly #folder: string;
  readonly #map: ReadonlyMap<string, string>;
  readonly #metadata: ReadonlyMap<string, string>;
  readonly #open = new Map<string, SafetensorsFile>();

  /** @throws ValueError for what is no index, and for one that names files elsewhere. */
  constructor(index: string) {
    this.#folder = path.dirname(index);
    let parsed: unknown;
    try {
      parsed = JSON.parse(Buffer.from(readBounded(index, 100_000_000)).toString("utf8"));
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      throw new ValueError(`${index}: no JSON: ${error.message}`);
    }
    const { weight_map: map, metadata } = (parsed ?? {}) as Readonly<Record<string, unknown>>;
    if (typeof map !== "object" || map === null)
      throw new ValueError(`${index}: no index: it has no weight_map`);
    const entries = Object.entries(map) as [string, unknown][];
    for (const [name, file] of entries) {
      if (typeof file !== "string" || !/^[\w][\w.-]*$/.test(file)) {
        throw new ValueError(`${index}: ${name} should be in a file beside the index`);
      }
    }
    this.#map = new Map(entries as [string, string][]);
    this.#metadata = new Map(Object.entries((metadata ?? {}) as object).map(([k, v]) => [k, String(v)]));
  }

  #file(name: string): SafetensorsFile {
    const shard = this.#map.get(name);
    if (shard === undefined) throw new KeyError(`the index does not contain tensor ${name}`);
    let file = this.#open.get(shard);
    if (!file) this.#open.set(shard, (file = new SafetensorsFile(path.join(this.#folder, shard))));
    return file;
  }

  keys(): string[] {
    return [...this.#map.keys()];
  }

  info(name: string): TensorInfo {
    const info = this.#file(name).info(name);
    return { ...info, place: `${this.#map.get(name)!} ${info.place}` };
  }

  getTensor(name: string): Tensor {
    return this.#file(name).getTensor(name);
  }

  getSlice(name: string, start: number, end?: number): Tensor {
    return this.#file(name).getSlice(name, start, end);
  }

  metadata(): ReadonlyMap<string, string> {
    return this.#metadata;
  }

  others(): ReadonlyMap<string, unknown> {
    return new Map();
  }

  close(): void {
    for (const file of this.#open.values()) file.close();
    this.#open.clear();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** Whether a path names the index of several files. */
const isIndex = (file: FileLike): boolean => pathOf(file)?.endsWith(".json") ?? false;

/** Opens a safetensors file, its bytes, or the index of several (`….index.json`), to read tensors one by one. */
export function safeOpen(file: FileLike): SafetensorsFile | ShardedSafetensorsFile {
  return isIndex(file) ? new ShardedSafetensorsFile(pathOf(file)!) : new SafetensorsFile(file);
}

/**
 * All tensors of a safetensors file, or of those that an index puts together, by name: what `loadStateDict` takes.
 * @throws ValueError for what is no safetensors file.
 */
export function loadFile(file: FileLike): StateDict {
  const opened = safeOpen(file);
  try {
    return new Map(opened.keys().map((name) => [name, opened.getTensor(name)]));
  } finally {
    opened.close();
  }
}
