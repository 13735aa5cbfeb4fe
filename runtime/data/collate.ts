/** Samples to batches. @see https://pytorch.org/docs/stable/data.html#torch.utils.data.default_collate */
import { RuntimeError } from "../errors.js";
import { isPlainObject } from "../ops/bind.js";
import { fromData } from "../ops/leaf.js";
import { allocate, dtypeOfArray, float64, type HostArray } from "../tensor/dtype.js";
import { Tensor } from "../tensor/tensor.js";
import { torch } from "../torch.js";
import { hostData } from "./host.js";

/** What a batch of samples of type `T` looks like: tensors with an axis more, strings in a list. */
export type Collated<T> = T extends Tensor | number | bigint | boolean
  ? Tensor
  : T extends string
    ? string[]
    : T extends Uint8Array & { readonly toString: (encoding: string) => string }
      ? T[]
      : T extends ArrayBufferView
        ? Tensor
        : T extends ReadonlyMap<infer K, infer V>
          ? Map<K, Collated<V>>
          : T extends readonly unknown[]
            ? { -readonly [K in keyof T]: Collated<T[K]> }
            : T extends object
              ? { -readonly [K in keyof T]: Collated<T[K]> }
              : unknown;

function stack(tensors: readonly Tensor[]): Tensor {
  const [first] = tensors as [Tensor];
  const rows = tensors.map(hostData);
  const alike = (t: Tensor): boolean =>
    t.dtype === first.dtype &&
    t._shape.length === first._shape.length &&
    t._shape.every((d, i) => d === first._shape[i]);
  if (rows.includes(undefined) || !tensors.every(alike)) return torch.stack([...tensors]);
  const out = allocate(first.dtype.name, first.numel() * tensors.length);
  rows.forEach((row, i) => {
    (out as Float32Array).set(row as Float32Array, i * first.numel());
  });
  return fromData(out, [tensors.length, ...first._shape], first.dtype);
}

const isArray = (value: unknown): value is HostArray =>
  ArrayBuffer.isView(value) && !(value instanceof DataView);

function asTensor(array: HostArray): Tensor {
  return fromData(array.slice() as HostArray, [array.length], dtypeOfArray(array));
}

function collateNumbers(batch: readonly (number | bigint | boolean)[]): Tensor {
  const whole = batch.every((v) => typeof v !== "number" || Number.isInteger(v));
  return whole ? torch.tensor(batch) : torch.tensor(batch, { dtype: float64 });
}

/**
 * Makes one batch of samples: tensors and typed arrays are stacked along a new first axis, whole numbers become int64,
 * others float64, booleans bool; strings and `Buffer`s stay a list; lists, objects and maps are gone into.
 * @throws RuntimeError when lists differ in length, or tensors in shape; TypeError for anything else.
 */
export function defaultCollate<T>(batch: readonly T[]): Collated<T> {
  return collate(batch) as Collated<T>;
}

function collate(batch: readonly unknown[]): unknown {
  const [first] = batch;
  if (first instanceof Tensor) return stack(batch as readonly Tensor[]);
  if (typeof first === "number" || typeof first === "bigint" || typeof first === "boolean") {
    return collateNumbers(batch as readonly number[]);
  }
  if (typeof first === "string" || first instanceof Buffer) return [...batch];
  if (isArray(first)) return stack((batch as readonly HostArray[]).map(asTensor));
  if (first instanceof Map) {
    const maps = batch as readonly ReadonlyMap<unknown, unknown>[];
    return new Map(
      [...first.keys()].map((key: unknown) => [
        key,
        collate(maps.map((m) => field(m.has(key), m.get(key), key))),
      ]),
    );
  }
  if (Array.isArray(first)) {
    const lists = batch as readonly (readonly unknown[])[];
    if (lists.some((list) => list.length !== first.length)) {
      throw new RuntimeError("each element in list of batch should be of equal size");
    }
    return first.map((_, i) => collate(lists.map((list) => list[i])));
  }
  if (isPlainObject(first)) {
    const objects = batch as readonly Readonly<Record<string, unknown>>[];
    return Object.fromEntries(
      Object.keys(first).map((key) => [
        key,
        collate(objects.map((o) => field(Object.hasOwn(o, key), o[key], key))),
      ]),
    );
  }
  throw new TypeError(
    `defaultCollate: batch must contain tensors, typed arrays, numbers, strings, objects or lists; found ${nameOf(first)}` +
      (nameOf(first) === "Image" ? ": make tensors of pictures with the transform ToTensor" : ""),
  );
}

function field(has: boolean, value: unknown, key: unknown): unknown {
  if (!has)
    throw new RuntimeError(
      `a sample of the batch has no ${JSON.stringify(key) ?? "such"} entry, and the first has`,
    );
  return value;
}

function nameOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  return (value as { constructor?: { name?: string } }).constructor?.name ?? typeof value;
}

/** Typed arrays in a sample made tensors; all else as it is: what a loader without batches does. */
export function defaultConvert(data: unknown): unknown {
  if (data instanceof Tensor || data instanceof Buffer) return data;
  if (isArray(data)) return asTensor(data);
  if (Array.isArray(data)) return data.map(defaultConvert);
  if (data instanceof Map)
    return new Map([...data].map(([k, v]: [unknown, unknown]) => [k, defaultConvert(v)]));
  if (isPlainObject(data)) {
    return Object.fromEntries(Object.entries(data).map(([k, v]) => [k, defaultConvert(v)]));
  }
  return data;
}
