/** Batches of a data set. @see https://pytorch.org/docs/stable/data.html#torch.utils.data.DataLoader */
import { AssertionError, ValueError } from "../errors.js";
import { bound } from "../ops/arguments.js";
import { defaultGenerator, type Generator } from "../tensor/generator.js";
import { defaultCollate, defaultConvert, type Collated } from "./collate.js";
import { IterableDataset, type MapStyle } from "./dataset.js";
import { fetchFrom, type Wanted } from "./fetch.js";
import { Position, type LoaderState } from "./position.js";
import {
  BatchSampler,
  drawSeed,
  generatorOf,
  RandomSampler,
  SequentialSampler,
  type Sized,
} from "./sampler.js";
import { WorkerPass, WorkerPool } from "./workers.js";

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
  /** Threads that load batches ahead of time; the caller's own thread loads them when there are none. */
  readonly numWorkers?: number;
  readonly collateFn?: CollateFn<T, B> | null;
  /** Accepted and without effect: memory is never paged out under a transfer here. */
  readonly pinMemory?: boolean;
  /** Leaves a last batch out that would be smaller than the others. */
  readonly dropLast?: boolean;
  /** Seconds that a worker's batch is waited for; 0 is without end. */
  readonly timeout?: number;
  /** Called in each worker with its number, before it loads anything. */
  readonly workerInitFn?: ((workerId: number) => void) | null;
  readonly generator?: Generator | null;
  /** Batches that each worker loads ahead. */
  readonly prefetchFactor?: number;
  /** Keeps the workers for the next pass. */
  readonly persistentWorkers?: boolean;
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
  readonly workerInitFn: ((workerId: number) => void) | null;
  readonly generator: Generator | null;
  readonly prefetchFactor: number;
  readonly persistentWorkers: boolean;
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
 *
 * With `numWorkers` the batches are loaded ahead of time by threads that have a copy of the data set each, and come in
 * the same order. Such a data set consists of plain data, tensors, and objects and functions of Tensorscope or of the top
 * level of the program's files; the program is loaded in the workers too, with `import.meta.main` false. A worker's
 * default generator has a seed of its own, so that what chance does there does not depend on how fast which worker is.
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
  readonly workerInitFn: ((workerId: number) => void) | null;
  readonly prefetchFactor: number;
  readonly persistentWorkers: boolean;
  #pool: WorkerPool | undefined;
  #passes = 0;
  /** The pass that is to go on had workers of an earlier one. */
  #workersKept = false;

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
    this.workerInitFn = o.workerInitFn;
    this.prefetchFactor = o.prefetchFactor;
    this.persistentWorkers = o.persistentWorkers;
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
    return this.#position.follow(() => (this.numWorkers === 0 ? this.#alone() : this.#withWorkers()));
  }

  /** Where the loader is in its pass: how many batches it gave out, and what their order was drawn from. */
  stateDict(): LoaderState {
    const { state } = this.#position;
    // The first pass has started them; whatever comes after it finds them there.
    const workersKept = this.#pool !== undefined && (this.#passes > 1 || state.batches === 0);
    return { ...state, ...(workersKept ? { workersKept } : {}) };
  }

  /**
   * Makes the next pass go on from a state of `stateDict`: the same order, without the batches that were given out. What
   * chance does inside workers begins anew.
   * @throws ValueError for the state of a loader with other generators.
   */
  loadStateDict(state: LoaderState): void {
    this.#position.state = state;
    this.#workersKept = state.workersKept === true;
  }

  /** The order of a pass, from where it is to go on. A stream has its order in itself. */
  #order(): Iterable<Wanted> {
    const order: Iterable<Wanted> = this.batchSampler ?? this.sampler;
    return this.dataset instanceof IterableDataset ? order : this.#position.resumed(order);
  }

  #alone(): IterableIterator<B> {
    // PyTorch draws the seed of its workers here, whether there are any or not.
    drawSeed(this.generator);
    return this.#batches();
  }

  *#batches(): IterableIterator<B> {
    const { dataset, dropLast } = this;
    const collateFn = this.collateFn as CollateFn<unknown, unknown>;
    const samples =
      dataset instanceof IterableDataset ? this.#position.resumed(dataset, this.batchSize ?? 1) : undefined;
    const fetch = fetchFrom({ dataset, collateFn, dropLast, ...(samples && { samples }) });
    try {
      for (const wanted of this.#order()) {
        const got = fetch.next(wanted);
        if (got === undefined) return;
        yield got.value as B;
      }
    } finally {
      fetch.close();
    }
  }

  #withWorkers(): Iterator<B> {
    if (this.#pool === undefined || this.#pool.isClosed) {
      this.#pool = new WorkerPool({
        numWorkers: this.numWorkers,
        baseSeed: this.#baseSeed(),
        dataset: this.dataset,
        collateFn: this.collateFn,
        workerInitFn: this.workerInitFn,
        dropLast: this.dropLast,
      });
    }
    const pool = this.#pool;
    if (!this.persistentWorkers) this.#pool = undefined;
    const pass = new WorkerPass<B>({
      pool,
      pass: ++this.#passes,
      order: this.#order(),
      prefetch: this.prefetchFactor,
      timeout: this.timeout,
      ended: () => {
        if (!this.persistentWorkers) pool.close();
      },
    });
    // Only the workers can go through a stream: what was given out is loaded again, and dropped.
    return this.dataset instanceof IterableDataset ? this.#position.resumed(pass)[Symbol.iterator]() : pass;
  }

  /** Drawn once for as long as the workers live; a pass that they were kept for had not drawn it. */
  #baseSeed(): bigint {
    if (!this.#workersKept) return drawSeed(this.generator);
    this.#workersKept = false;
    const generator = this.generator ?? defaultGenerator;
    const before = generator.getState();
    const seed = drawSeed(this.generator);
    generator.setState(before);
    return seed;
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

/** @throws ValueError, AssertionError as PyTorch does. */
function check(o: Bound, streams: boolean): void {
  if (o.numWorkers < 0) {
    throw new ValueError("numWorkers should be non-negative; use numWorkers: 0 to load without workers.");
  }
  if (o.timeout < 0) throw new ValueError("timeout should be non-negative");
  if (o.numWorkers === 0 && o.prefetchFactor !== 2) {
    throw new ValueError("prefetchFactor needs workers; let numWorkers > 0 to have them.");
  }
  if (o.prefetchFactor <= 0) throw new AssertionError("prefetchFactor must be positive");
  if (o.persistentWorkers && o.numWorkers === 0) {
    throw new ValueError("persistentWorkers needs numWorkers > 0");
  }
  if (o.workerInitFn !== null && typeof o.workerInitFn !== "function") {
    throw new TypeError("workerInitFn must be a function of the worker's number");
  }
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
