/** Writes safetensors files. */
import * as path from "node:path";
import { RuntimeError, ValueError } from "../../errors.js";
import type { Module } from "../../nn/module.js";
import type { IncompatibleKeys } from "../../nn/state.js";
import type { Tensor } from "../../tensor/tensor.js";
import { writeAtomically, writeAtomicallyBy, type Append } from "../files.js";
import { pathOf, type FileLike } from "../source.js";
import { loadFile, safeOpen } from "./file.js";
import { formatHeader, writingOrder, type Described } from "./header.js";

type NamedTensors = Readonly<Record<string, Tensor>> | ReadonlyMap<string, Tensor>;
type Texts = Readonly<Record<string, string>> | ReadonlyMap<string, string>;

export interface SafetensorsOptions {
  /** Texts that describe the file: `{ format: "pt" }`. */
  readonly metadata?: Texts;
  /** The most bytes of tensors in one file; more make several, and an index. */
  readonly maxShardBytes?: number;
}

/** A tensor to be written: its bytes are asked for when its turn has come. */
export interface Written extends Described {
  readonly bytes: () => Uint8Array;
}

const mapOf = <V>(given: Readonly<Record<string, V>> | ReadonlyMap<string, V>): Map<string, V> =>
  new Map(given instanceof Map ? (given as Map<string, V>) : (Object.entries(given) as [string, V][]));

/** One file of tensors, each read when it is written. */
export function writeTensors(
  tensors: ReadonlyMap<string, Written>,
  metadata: ReadonlyMap<string, string>,
  append: Append,
): void {
  const order = writingOrder(tensors);
  append(formatHeader(tensors, order, metadata));
  for (const name of order) append(tensors.get(name)!.bytes());
}

/** @throws RuntimeError when tensors share memory: the format has no form for that. */
function written(tensors: Map<string, Tensor>): Map<string, Written> {
  const seen = new Map<unknown, string>();
  for (const [name, t] of tensors) {
    const storage = t._storage;
    const other = seen.get(storage);
    if (other !== undefined && t.numel() > 0) {
      throw new RuntimeError(
        `Some tensors share memory, this will lead to duplicate memory on disk and potential differences when loading ` +
          `them again: ${other} and ${name}. Clone one, or use saveModel`,
      );
    }
    seen.set(storage, name);
  }
  return new Map(
    [...tensors].map(([name, t]) => [name, { dtype: t.dtype, shape: t.shape, bytes: () => t.toBytes() }]),
  );
}

/** The bytes of a safetensors file. */
export function save(tensors: NamedTensors, { metadata = {} }: SafetensorsOptions = {}): Uint8Array {
  const parts: Uint8Array[] = [];
  writeTensors(written(mapOf(tensors)), mapOf(metadata), (bytes) => void parts.push(bytes));
  return Buffer.concat(parts);
}

/**
 * Writes tensors by name into a safetensors file; with `maxShardBytes`, into as many as are needed, beside an index
 * (`model-00001-of-00003.safetensors`, `model.safetensors.index.json`). Files are whole or not there.
 * @throws RuntimeError for tensors that share memory.
 */
export function saveFile(tensors: NamedTensors, file: string | URL, options: SafetensorsOptions = {}): void {
  writeFiles(written(mapOf(tensors)), pathOf(file)!, options);
}

/** The same for tensors that are read as they are written. */
export function writeFiles(
  tensors: ReadonlyMap<string, Written>,
  file: string,
  options: SafetensorsOptions = {},
): void {
  const { maxShardBytes = Infinity } = options;
  if (!(maxShardBytes > 0)) throw new ValueError("maxShardBytes should be positive");
  const metadata = mapOf(options.metadata ?? {});
  const shards = shardsOf(tensors, maxShardBytes);
  if (shards.length < 2) {
    writeAtomicallyBy(file, (append) => {
      writeTensors(tensors, metadata, append);
    });
    return;
  }
  const stem = path.basename(file).replace(/\.safetensors$/, "");
  const number = (n: number): string => String(n).padStart(5, "0");
  const weights: Record<string, string> = {};
  shards.forEach((names, i) => {
    const name = `${stem}-${number(i + 1)}-of-${number(shards.length)}.safetensors`;
    writeAtomicallyBy(path.join(path.dirname(file), name), (append) => {
      writeTensors(new Map(names.map((n) => [n, tensors.get(n)!])), metadata, append);
    });
    for (const n of names) weights[n] = name;
  });
  const total = [...tensors.values()].reduce((n, t) => n + sizeOf(t), 0);
  // Last, so that an index never names files that are not there.
  const index = { metadata: { ...Object.fromEntries(metadata), total_size: total }, weight_map: weights };
  writeAtomically(
    `${file.replace(/\.safetensors$/, "")}.safetensors.index.json`,
    Buffer.from(`${JSON.stringify(index, null, 2)}\n`),
  );
}

const sizeOf = ({ dtype, shape }: Described): number => shape.reduce((n, d) => n * d, dtype.itemsize);

function shardsOf(tensors: ReadonlyMap<string, Described>, most: number): string[][] {
  const shards: string[][] = [];
  let left = 0;
  for (const [name, t] of tensors) {
    const size = sizeOf(t);
    if (shards.length === 0 || size > left) {
      shards.push([]);
      left = most;
    }
    shards.at(-1)!.push(name);
    left -= size;
  }
  return shards;
}

/** Tensors that are one are written once: the names of the others go into the metadata, beside the one that is kept. */
export function once<T>(
  tensors: ReadonlyMap<string, T>,
  placeOf: (tensor: T) => unknown,
): { kept: Map<string, T>; left: Map<string, string> } {
  const kept = new Map<string, T>();
  const left = new Map<string, string>();
  const first = new Map<unknown, string>();
  for (const [name, t] of tensors) {
    const place = placeOf(t);
    const other = first.get(place);
    if (other === undefined) {
      first.set(place, name);
      kept.set(name, t);
    } else left.set(name, other);
  }
  return { kept, left };
}

const layoutOf = (t: Tensor): string => `${String(t.dataPtr())} ${String(t.shape)} ${String(t.stride())}`;

/**
 * Writes the state of a module; tied weights are written once, as safetensors' own `save_model` does.
 */
export function saveModel(model: Module, file: string | URL, options: SafetensorsOptions = {}): void {
  const { kept, left } = once(model.stateDict(), (t) => (t.numel() === 0 ? t : layoutOf(t)));
  // What shares memory otherwise is written out.
  const tensors = new Map(
    [...kept].map(([name, t]) => [name, { dtype: t.dtype, shape: t.shape, bytes: () => t.toBytes() }]),
  );
  const metadata = new Map([...left, ...mapOf(options.metadata ?? { format: "pt" })]);
  writeFiles(tensors, pathOf(file)!, { ...options, metadata });
}

/** Loads what `saveModel` wrote, or any file with the module's keys; tied weights may be there once. */
export function loadModel(model: Module, file: FileLike, strict = true): IncompatibleKeys {
  const opened = safeOpen(file);
  const texts = opened.metadata();
  opened.close();
  const state = loadFile(file);
  for (const name of model.stateDict().keys()) {
    const other = state.get(texts.get(name) ?? "");
    if (!state.has(name) && other) state.set(name, other);
  }
  return model.loadStateDict(state, strict);
}
