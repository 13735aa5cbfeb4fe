/** Data sets. @see https://pytorch.org/docs/stable/data.html#dataset-types */
import { AssertionError, IndexError, ValueError } from "../errors.js";
import { bound } from "../ops/arguments.js";
import { fromData } from "../ops/leaf.js";
import type { Generator } from "../tensor/generator.js";
import { viewAs } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { torch } from "../torch.js";
import { generatorOf } from "./sampler.js";
import { warn } from "./warn.js";

/** Whatever has items by number: a `Dataset`, an array. */
export interface MapStyle<T> {
  readonly length: number;
  at(index: number): T | undefined;
}

type Indices = readonly number[];

/**
 * Samples by number. A class of your own has `length` and `at(index)`, PyTorch's `__len__` and `__getitem__`.
 * @see https://pytorch.org/docs/stable/data.html#torch.utils.data.Dataset
 */
export abstract class Dataset<T = unknown> implements MapStyle<T> {
  /** Number of samples. */
  abstract get length(): number;

  /** The sample at a place. */
  abstract at(index: number): T;

  /** This data set with another behind it: PyTorch's `a + b`. */
  add<U>(other: MapStyle<U>): ConcatDataset<T | U> {
    return new ConcatDataset<T | U>([this, other]);
  }

  /**
   * What the constructor makes this of again in a worker of a `DataLoader`. Without it, a worker gets an object of the
   * class with a copy of its fields, which `#private` ones are not among.
   */
  workerArguments?(): readonly unknown[];

  /** The samples in order. */
  *[Symbol.iterator](): IterableIterator<T> {
    for (let i = 0; i < this.length; i++) yield this.at(i);
  }

  /** @internal A batch as `defaultCollate` would make it, where there is a faster way. */
  _collated?(indices: Indices): unknown;
}

/**
 * Samples in a stream: a class of your own has `[Symbol.iterator]`, and `length` where it is known.
 * @see https://pytorch.org/docs/stable/data.html#torch.utils.data.IterableDataset
 */
export abstract class IterableDataset<T = unknown> {
  abstract [Symbol.iterator](): Iterator<T>;

  /** This stream with another behind it: PyTorch's `a + b`. */
  add<U>(other: IterableDataset<U>): ChainDataset<T | U> {
    return new ChainDataset<T | U>([this, other]);
  }
}

export interface IterableDataset<T> extends Iterable<T> {
  /** See `Dataset.workerArguments`. */
  workerArguments?(): readonly unknown[];
  /** Number of samples, where it is known. */
  readonly length?: number | undefined;
}

/** Bytes of a tensor for as long as it stays what it is. */
class Rows {
  readonly #tensor: Tensor;
  #value: unknown;
  #bytes: Uint8Array = new Uint8Array();

  constructor(tensor: Tensor) {
    this.#tensor = tensor;
  }

  /** Rows of the first axis, one under the other. */
  take(indices: Indices): Tensor {
    const t = this.#tensor;
    if (t.requiresGrad) return t.indexSelect(0, torch.tensor([...indices], { dtype: torch.int64 }));
    if (this.#value !== t._value) {
      this.#bytes = t.toBytes();
      this.#value = t._value;
    }
    const size = t._shape.slice(1).reduce((n, d) => n * d, t.dtype.itemsize);
    const out = new Uint8Array(indices.length * size);
    indices.forEach((row, i) => {
      out.set(this.#bytes.subarray(row * size, (row + 1) * size), i * size);
    });
    return fromData(viewAs(t.dtype.name, out.buffer), [indices.length, ...t._shape.slice(1)], t.dtype);
  }
}

/**
 * Tensors cut along their first axis: sample i is `[a.at(i), b.at(i), …]`.
 * @throws AssertionError when their first sizes differ.
 * @see https://pytorch.org/docs/stable/data.html#torch.utils.data.TensorDataset
 */
export class TensorDataset<T extends readonly Tensor[] = Tensor[]> extends Dataset<T> {
  readonly tensors: T;
  readonly #rows: readonly Rows[];

  constructor(...tensors: T) {
    super();
    const sizes = tensors.map((t) => t._shape[0]);
    if (sizes.length === 0 || sizes.some((n) => n === undefined || n !== sizes[0])) {
      throw new AssertionError(
        `Size mismatch between tensors: their first sizes are ${sizes.map(String).join(", ") || "missing"}, and must be one`,
      );
    }
    this.tensors = tensors;
    this.#rows = tensors.map((t) => new Rows(t));
  }

  get length(): number {
    return this.tensors[0]!._shape[0]!;
  }

  override workerArguments(): readonly Tensor[] {
    return this.tensors;
  }

  at(index: number): T {
    return this.tensors.map((t) => t.at(index)) as unknown as T;
  }

  override _collated(indices: Indices): Tensor[] {
    const places = indices.map((i) => placeIn(i, this.length));
    return this.#rows.map((rows) => rows.take(places));
  }
}

/** A place counted from the front. @throws IndexError */
export function placeIn(index: number, length: number): number {
  if (index < -length || index >= length) {
    throw new IndexError(
      `index ${String(index)} is out of bounds for dimension 0 with size ${String(length)}`,
    );
  }
  return index < 0 ? index + length : index;
}

/** The sample at a place, which must be there. @throws IndexError */
export function sampleAt<T>(dataset: MapStyle<T>, index: number): T {
  const sample = dataset.at(index);
  if (sample === undefined) {
    throw new IndexError(`there is no sample ${String(index)} in a data set of ${String(dataset.length)}`);
  }
  return sample;
}

type Members<S> = S extends readonly unknown[]
  ? { -readonly [K in keyof S]: S[K] extends MapStyle<infer T> ? T : never }
  : { -readonly [K in keyof S]: S[K] extends MapStyle<infer T> ? T : never };

/**
 * Data sets of one length side by side: sample i is `[a.at(i), b.at(i), …]`, or an object when they are given as one.
 * @throws ValueError when their lengths differ.
 * @see https://pytorch.org/docs/stable/data.html#torch.utils.data.StackDataset
 */
export class StackDataset<
  S extends readonly MapStyle<unknown>[] | Readonly<Record<string, MapStyle<unknown>>>,
> extends Dataset<Members<S>> {
  readonly datasets: S;

  constructor(...datasets: S extends readonly unknown[] ? S : [S]) {
    super();
    const first = datasets[0] as unknown;
    const single = datasets.length === 1 && typeof (first as { at?: unknown } | undefined)?.at !== "function";
    this.datasets = (single ? first : datasets) as S;
    const sets = Object.values(this.datasets) as MapStyle<unknown>[];
    if (sets.length === 0) throw new ValueError("At least one dataset should be passed");
    const lengths = sets.map((d) => d.length);
    if (lengths.some((n) => n !== lengths[0])) {
      throw new ValueError(`Size mismatch between datasets: their lengths are ${lengths.join(", ")}`);
    }
  }

  get length(): number {
    return (Object.values(this.datasets)[0] as MapStyle<unknown>).length;
  }

  at(index: number): Members<S> {
    const sets: unknown = this.datasets;
    const take = (d: MapStyle<unknown>): unknown => sampleAt(d, index);
    return (
      Array.isArray(sets)
        ? (sets as MapStyle<unknown>[]).map(take)
        : Object.fromEntries(
            Object.entries(sets as Record<string, MapStyle<unknown>>).map(([k, d]) => [k, take(d)]),
          )
    ) as Members<S>;
  }
}

/**
 * Data sets one after another.
 * @throws AssertionError for none, or for an `IterableDataset`.
 * @see https://pytorch.org/docs/stable/data.html#torch.utils.data.ConcatDataset
 */
export class ConcatDataset<T = unknown> extends Dataset<T> {
  readonly datasets: readonly MapStyle<T>[];
  /** Where each data set ends. */
  readonly cumulativeSizes: readonly number[];

  constructor(datasets: Iterable<MapStyle<T>>) {
    super();
    this.datasets = [...datasets];
    if (this.datasets.length === 0) throw new AssertionError("datasets should not be an empty iterable");
    if (this.datasets.some((d: unknown) => d instanceof IterableDataset)) {
      throw new AssertionError("ConcatDataset does not support IterableDataset");
    }
    let end = 0;
    this.cumulativeSizes = this.datasets.map(({ length }) => (end += length));
  }

  get length(): number {
    return this.cumulativeSizes.at(-1)!;
  }

  at(index: number): T {
    if (-index > this.length) {
      throw new ValueError("absolute value of index should not exceed dataset length");
    }
    const place = placeIn(index, this.length);
    const which = this.cumulativeSizes.findIndex((end) => place < end);
    return sampleAt(this.datasets[which]!, place - (this.cumulativeSizes[which - 1] ?? 0));
  }
}

/**
 * Streams one after another.
 * @see https://pytorch.org/docs/stable/data.html#torch.utils.data.ChainDataset
 */
export class ChainDataset<T = unknown> extends IterableDataset<T> {
  readonly datasets: Iterable<IterableDataset<T>>;

  constructor(datasets: Iterable<IterableDataset<T>>) {
    super();
    this.datasets = datasets;
  }

  override get length(): number | undefined {
    const lengths = Array.from(this.datasets, (d) => streamed(d).length);
    return lengths.reduce((sum, n) => (sum === undefined || n === undefined ? undefined : sum + n), 0);
  }

  *[Symbol.iterator](): Iterator<T> {
    for (const d of this.datasets) for (const sample of streamed(d)) yield sample;
  }
}

function streamed<T>(dataset: IterableDataset<T>): IterableDataset<T> {
  if (dataset instanceof IterableDataset) return dataset;
  throw new AssertionError("ChainDataset only supports IterableDataset");
}

/**
 * The samples of a data set at certain places.
 * @see https://pytorch.org/docs/stable/data.html#torch.utils.data.Subset
 */
export class Subset<T = unknown> extends Dataset<T> {
  readonly dataset: MapStyle<T>;
  readonly indices: readonly number[];

  constructor(dataset: MapStyle<T>, indices: readonly number[]) {
    super();
    this.dataset = dataset;
    this.indices = indices;
    if (dataset instanceof Dataset && dataset._collated !== undefined) {
      this._collated = (places) => dataset._collated!(places.map((i) => this.#index(i)));
    }
  }

  get length(): number {
    return this.indices.length;
  }

  override workerArguments(): readonly [MapStyle<T>, readonly number[]] {
    return [this.dataset, this.indices];
  }

  at(index: number): T {
    return sampleAt(this.dataset, this.#index(index));
  }

  #index(i: number): number {
    const index = this.indices.at(i);
    if (index === undefined) {
      throw new IndexError(`there is no sample ${String(i)} in a subset of ${String(this.length)}`);
    }
    return index;
  }
}

/** Whether a and b are one number but for rounding: Python's `math.isclose`. */
const isClose = (a: number, b: number): boolean =>
  Math.abs(a - b) <= 1e-9 * Math.max(Math.abs(a), Math.abs(b));

/**
 * Cuts a data set into pieces at random: `randomSplit(set, [800, 200])`, or shares that add up to one,
 * `randomSplit(set, [0.8, 0.2])`; what shares leave over goes round, one sample each.
 * @throws ValueError when the lengths do not add up to the data set's.
 * @see https://pytorch.org/docs/stable/data.html#torch.utils.data.random_split
 */
export function randomSplit<T>(
  dataset: MapStyle<T>,
  lengths: readonly number[],
  ...rest: [options?: Generator | { readonly generator?: Generator | null }]
): Subset<T>[] {
  const o = bound("random_split(any dataset, float[] lengths, generator? generator=None) -> any", [
    dataset,
    lengths,
    ...rest,
  ]);
  const generator = generatorOf(o.generator);
  const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);
  let sizes = [...lengths];
  if (isClose(sum(lengths), 1) && sum(lengths) <= 1) {
    sizes = lengths.map((share, i) => {
      if (share < 0 || share > 1)
        throw new ValueError(`Fraction at index ${String(i)} is not between 0 and 1`);
      return Math.floor(dataset.length * share);
    });
    const left = dataset.length - sum(sizes);
    for (let i = 0; i < left; i++) sizes[i % sizes.length]!++;
    sizes.forEach((n, i) => {
      if (n === 0) {
        warn(`Length of split at index ${String(i)} is 0. This might result in an empty dataset.`);
      }
    });
  }
  if (sum(sizes) !== dataset.length) {
    throw new ValueError(
      `Sum of input lengths does not equal the length of the input dataset! ${sizes.join(" + ")} is not ${String(dataset.length)}`,
    );
  }
  const order = torch.randperm(dataset.length, { generator }).tolist() as number[];
  let end = 0;
  return sizes.map((n) => new Subset(dataset, order.slice(end, (end += n))));
}
