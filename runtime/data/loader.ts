/** Batches of a data set. @see https://pytorch.org/docs/stable/data.html#torch.utils.data.DataLoader */
import { AssertionError, NotImplementedError, ValueError } from "../errors.js";
import { bound } from "../ops/arguments.js";
import type { Generator } from "../tensor/generator.js";
import { defaultCollate, defaultConvert, type Collated } from "./collate.js";
import { Dataset, IterableDataset, sampleAt, type MapStyle } from "./dataset.js";
import { Position, type LoaderState } from "./position.js";
import {
  BatchSampler,
  drawSeed,
  generatorOf,
  RandomSampler,
  SequentialSampler,
  type Sized,
} from "./sampler.js";

type Indices<T> = Iterable<T> & Partial<Sized>;

/** Makes a batch of samples, or converts one sample where there are no batches. */
export type CollateFn<T, B> = (samples: T[]) => B;

export interface DataLoaderOptions<T = unknown, B = unknown> {
  /** Samples in a batch, 1 unless said; `null` gives the samples one by one. */
  readonly batchSize?: number | null;
  /** A new random order in each pass. */
  readonly shuffle?: boolean | null;
  /** The order of the samples; excludes `shuffle`. */
  readonly sampler?: Indices<number> | null;
  /** The batches' indices; excludes `batchSize`, `shuffle`, `sampler` and `dropLast`. */
  readonly batchSampler?: Indices<readonly number[]> | null;
  readonly numWorkers?: number;
  readonly collateFn?: CollateFn<T, B> | null;
  /** Accepted and without effect: memory is never paged out under a transfer here. */
  readonly pinMemory?: boolean;
  /** Leaves a last batch out that would be smaller than the others. */
  readonly dropLast?: boolean;
  readonly timeout?: number;
  readonly generator?: Generator | null;
}

type Source<T> = MapStyle<T> | IterableDataset<T>;
type Rest<T, B> = Omit<DataLoaderOptions<T, B>, "batchSize">;

const signature =
  "DataLoader(any dataset, int? batch_size=1, bool? shuffle=None, any sampler=None, any batch_sampler=None, " +
  "int num_workers=0, any collate_fn=None, bool pin_memory=False, bool drop_last=False, float timeout=0, " +
  "any worker_init_fn=None, any multiprocessing_context=None, generator? generator=None, *, int prefetch_factor=2, " +
  "bool persistent_workers=False, str pin_memory_device='') -> any";

interface Bound {
  readonly dataset: unknown;
  readonly batchSize: number | null;
  readonly shuffle: boolean | null;
  readonly sampler: Indices<number> | null;
  readonly batchSampler: Indices<readonly number[]> | null;
  readonly numWorkers: number;
  readonly collateFn: CollateFn<unknown, unknown> | null;
  readonly dropLast: boolean;
  readonly timeout: number;
  readonly generator: Generator | null;
}

/** The endless stream of nothing that asks an `IterableDataset` for its next sample. */
class EndlessSampler {
  *[Symbol.iterator](): Iterator<number> {
    for (;;) yield 0;
  }
}

/**
 * Goes through a data set in batches: `for (const [x, y] of new DataLoader(set, { batchSize: 64, shuffle: true }))`.
 * With the same seed the order is PyTorch's.
 * @throws ValueError for options that exclude each other.
 * @see https://pytorch.org/docs/stable/data.html#torch.utils.data.DataLoader
 */
export class DataLoader<T = unknown, B = Collated<T>> implements Iterable<B> {
  readonly dataset: Source<T>;
  readonly batchSize: number | null;
  readonly sampler: Indices<number>;
  readonly batchSampler: Indices<readonly number[]> | null;
  readonly numWorkers: number;
  readonly collateFn: CollateFn<T, B>;
  readonly dropLast: boolean;
  readonly timeout: number;
  readonly generator: Generator | null;
  readonly #position: Position;

  constructor(dataset: Source<T>, options?: DataLoaderOptions<T, B>);
  constructor(dataset: Source<T>, batchSize: number | null, options?: Rest<T, B>);
  constructor(
    dataset: Source<T>,
    batchSize: number | null,
    shuffle: boolean | null,
    options?: Omit<Rest<T, B>, "shuffle">,
  );
  constructor(...args: unknown[]) {
    const o = bound(signature, args) as unknown as Bound;
    const dataset = o.dataset as Source<T>;
    const streams = dataset instanceof IterableDataset;
    if (!streams && !isMapStyle(dataset)) {
      throw new TypeError(
        "DataLoader takes a data set: an IterableDataset, an array, or an object with `length` and `at(index)`",
      );
    }
    check(o, streams);
    const sampler =
      o.sampler ??
      (streams
        ? new EndlessSampler()
        : o.shuffle === true
          ? new RandomSampler(dataset as MapStyle<T>, { generator: o.generator })
          : new SequentialSampler(dataset as MapStyle<T>));
    this.dataset = dataset;
    this.batchSize = o.batchSampler === null ? o.batchSize : null;
    this.sampler = sampler;
    this.batchSampler =
      o.batchSampler ?? (o.batchSize === null ? null : new BatchSampler(sampler, o.batchSize, o.dropLast));
    this.dropLast = o.dropLast;
    this.numWorkers = o.numWorkers;
    this.timeout = o.timeout;
    this.generator = generatorOf(o.generator);
    this.#position = new Position(this.generator, ...samplersOf(sampler, this.batchSampler).map(generatorIn));
    this.collateFn = (o.collateFn ??
      (this.batchSampler === null ? defaultConvert : defaultCollate)) as CollateFn<T, B>;
  }

  /**
   * Number of batches in a pass.
   * @throws TypeError for a stream, or a sampler, that has no length.
   */
  get length(): number {
    if (this.dataset instanceof IterableDataset) {
      const { length } = this.dataset;
      if (length === undefined) throw new TypeError("the IterableDataset of this DataLoader has no length");
      if (this.batchSize === null) return length;
      return this.dropLast ? Math.floor(length / this.batchSize) : Math.ceil(length / this.batchSize);
    }
    const { length } = this.batchSampler ?? this.sampler;
    if (length === undefined) throw new TypeError("the sampler of this DataLoader has no length");
    return length;
  }

  [Symbol.iterator](): IterableIterator<B> {
    return this.#position.follow(() => {
      // PyTorch draws the seed of its workers here, whether there are any or not.
      drawSeed(this.generator);
      return this.dataset instanceof IterableDataset
        ? this.#streamed(this.dataset)
        : this.#mapped(this.dataset);
    });
  }

  /** Where the loader is in its pass: how many batches it gave out, and what their order was drawn from. */
  stateDict(): LoaderState {
    return this.#position.state;
  }

  /**
   * Makes the next pass go on from a state of `stateDict`: the same order, without the batches that were given out.
   * @throws ValueError for the state of a loader with other generators.
   */
  loadStateDict(state: LoaderState): void {
    this.#position.state = state;
  }

  *#mapped(dataset: MapStyle<T>): IterableIterator<B> {
    if (this.batchSampler === null) {
      for (const index of this.#position.resumed(this.sampler))
        yield this.#collate(this.#sample(dataset, index));
      return;
    }
    const whole =
      (this.collateFn as unknown) === defaultCollate && dataset instanceof Dataset
        ? dataset._collated?.bind(dataset)
        : undefined;
    for (const indices of this.#position.resumed(this.batchSampler)) {
      yield whole === undefined
        ? this.#collate(indices.map((index) => this.#sample(dataset, index)))
        : (whole(indices) as B);
    }
  }

  *#streamed(dataset: IterableDataset<T>): IterableIterator<B> {
    if (this.batchSize === null) {
      for (const sample of this.#position.resumed(dataset)) yield this.#collate(sample);
      return;
    }
    let batch: T[] = [];
    for (const sample of this.#position.resumed(dataset, this.batchSize)) {
      batch.push(sample);
      if (batch.length < this.batchSize) continue;
      yield this.#collate(batch);
      batch = [];
    }
    if (batch.length > 0 && !this.dropLast) yield this.#collate(batch);
  }

  #collate(samples: T | T[]): B {
    return this.collateFn(samples as T[]);
  }

  #sample(dataset: MapStyle<T>, index: number): T {
    try {
      return sampleAt(dataset, index);
    } catch (error) {
      throw atIndex(error, index);
    }
  }
}

/** A sampler, and those that it takes its indices from. */
function samplersOf(...samplers: readonly unknown[]): unknown[] {
  return samplers.flatMap((s) =>
    typeof s === "object" && s !== null && "sampler" in s ? [s, ...samplersOf(s.sampler)] : [s],
  );
}

const generatorIn = (sampler: unknown): unknown =>
  (sampler as { readonly generator?: unknown } | null)?.generator;

function isMapStyle(dataset: unknown): dataset is MapStyle<unknown> {
  const { at, length } = (dataset ?? {}) as { readonly at?: unknown; readonly length?: unknown };
  return typeof at === "function" && typeof length === "number";
}

/** The error itself, saying which sample it came from. */
function atIndex(error: unknown, index: number): unknown {
  if (!(error instanceof Error) || error.name === "Cancelled") return error;
  const said = error.message;
  error.message = `${said} (while reading sample ${String(index)} of the data set)`;
  error.stack = error.stack?.replace(said, error.message);
  return error;
}

/** @throws ValueError, AssertionError as PyTorch does. */
function check(
  o: Bound & { readonly prefetchFactor?: number; readonly persistentWorkers?: boolean },
  streams: boolean,
): void {
  if (o.numWorkers < 0) {
    throw new ValueError("numWorkers should be non-negative; use numWorkers: 0 to load without workers.");
  }
  if (o.timeout < 0) throw new ValueError("timeout should be non-negative");
  if (o.numWorkers === 0 && o.prefetchFactor !== 2) {
    throw new ValueError("prefetchFactor needs workers; let numWorkers > 0 to have them.");
  }
  if (o.prefetchFactor! <= 0) throw new AssertionError("prefetchFactor must be positive");
  if (o.persistentWorkers && o.numWorkers === 0) {
    throw new ValueError("persistentWorkers needs numWorkers > 0");
  }
  if (o.numWorkers > 0)
    throw new NotImplementedError("DataLoader with numWorkers > 0 is not implemented yet");
  if (streams) {
    const given = [
      ["shuffle", o.shuffle === false ? null : o.shuffle],
      ["sampler", o.sampler],
      ["batchSampler", o.batchSampler],
    ] as const;
    for (const [name, value] of given) {
      if (value !== null) {
        throw new ValueError(`DataLoader with IterableDataset: expected unspecified ${name} option`);
      }
    }
  }
  if (o.sampler !== null && o.shuffle === true) {
    throw new ValueError("sampler option is mutually exclusive with shuffle");
  }
  if (o.batchSampler !== null) {
    if (o.batchSize !== 1 || o.shuffle === true || o.sampler !== null || o.dropLast) {
      throw new ValueError(
        "batchSampler option is mutually exclusive with batchSize, shuffle, sampler, and dropLast",
      );
    }
  } else if (o.batchSize === null && o.dropLast) {
    throw new ValueError(
      "batchSize: null disables automatic batches and is mutually exclusive with dropLast",
    );
  }
}
