/** The order in which samples are taken. @see https://pytorch.org/docs/stable/data.html#data-loading-order-and-sampler */
import { ValueError } from "../errors.js";
import { bound } from "../ops/arguments.js";
import { float64, int64 } from "../tensor/dtype.js";
import { Generator } from "../tensor/generator.js";
import { Tensor } from "../tensor/tensor.js";
import { torch } from "../torch.js";

/** Whatever has a length. */
export interface Sized {
  readonly length: number;
}

interface GeneratorOption {
  /** Where the random numbers come from; the default generator when left out. */
  readonly generator?: Generator | null;
}

/** Base of all samplers: an iterable of indices that may be gone through again and again. */
export abstract class Sampler<T = number> implements Iterable<T> {
  /** Number of things in one pass. */
  abstract get length(): number;
  abstract [Symbol.iterator](): Iterator<T>;
}

/** @throws TypeError for anything but a `torch.Generator` or `null`. */
export function generatorOf(value: unknown): Generator | null {
  if (value === null || value instanceof Generator) return value;
  throw new TypeError("generator must be a torch.Generator");
}

/** A 64-bit seed from a generator, the default one when it is `null`. */
export function drawSeed(generator: Generator | null): bigint {
  return BigInt(torch.empty([], { dtype: int64 }).random_({ generator }).item());
}

function requirePositive(name: string, value: number): void {
  if (value <= 0)
    throw new ValueError(`${name} should be a positive integer value, but got ${name}=${String(value)}`);
}

/**
 * Samples in their order.
 * @see https://pytorch.org/docs/stable/data.html#torch.utils.data.SequentialSampler
 */
export class SequentialSampler extends Sampler {
  readonly dataSource: Sized;

  constructor(dataSource: Sized) {
    super();
    this.dataSource = dataSource;
  }

  get length(): number {
    return this.dataSource.length;
  }

  *[Symbol.iterator](): Iterator<number> {
    for (let i = 0; i < this.dataSource.length; i++) yield i;
  }
}

let passGenerator: Generator | undefined;

/**
 * Samples in random order, or, with `replacement`, any sample at any time.
 * @throws ValueError unless `numSamples` is positive.
 * @see https://pytorch.org/docs/stable/data.html#torch.utils.data.RandomSampler
 */
export class RandomSampler extends Sampler {
  readonly dataSource: Sized;
  readonly replacement: boolean;
  readonly generator: Generator | null;
  readonly #numSamples: number | null;

  constructor(
    dataSource: Sized,
    options?: GeneratorOption & { readonly replacement?: boolean; readonly numSamples?: number | null },
  );
  constructor(
    dataSource: Sized,
    replacement: boolean,
    options?: GeneratorOption & { readonly numSamples?: number | null },
  );
  constructor(dataSource: Sized, replacement: boolean, numSamples: number | null, options?: GeneratorOption);
  constructor(...args: unknown[]) {
    super();
    const o = bound(
      "RandomSampler(any data_source, bool replacement=False, int? num_samples=None, generator? generator=None) -> any",
      args,
    );
    this.dataSource = o.dataSource as Sized;
    this.replacement = o.replacement;
    this.#numSamples = o.numSamples;
    this.generator = generatorOf(o.generator);
    requirePositive("num_samples", this.numSamples);
  }

  get numSamples(): number {
    return this.#numSamples ?? this.dataSource.length;
  }

  get length(): number {
    return this.numSamples;
  }

  *[Symbol.iterator](): Iterator<number> {
    if (this.generator !== null) {
      yield* this.#draws(this.generator);
      return;
    }
    // As in PyTorch, the default generator gives one number, the seed of the generator of this pass. All passes share
    // that one, so each makes its draws at once.
    passGenerator ??= new Generator();
    yield* [...this.#draws(passGenerator.manualSeed(drawSeed(null)))];
  }

  *#draws(generator: Generator): Iterable<number> {
    const n = this.dataSource.length;
    const { numSamples } = this;
    if (n === 0) throw new ValueError("there are no samples to choose from");
    if (this.replacement) {
      for (let left = numSamples; left > 0; left -= 32) {
        yield* torch.randint(n, [Math.min(32, left)], { generator }).tolist() as number[];
      }
      return;
    }
    const permutation = (): number[] => torch.randperm(n, { generator }).tolist() as number[];
    for (let i = 0; i < Math.floor(numSamples / n); i++) yield* permutation();
    yield* permutation().slice(0, numSamples % n);
  }
}

/**
 * Some of the samples in random order.
 * @see https://pytorch.org/docs/stable/data.html#torch.utils.data.SubsetRandomSampler
 */
export class SubsetRandomSampler extends Sampler {
  readonly indices: readonly number[];
  readonly generator: Generator | null;

  constructor(indices: readonly number[], options?: Generator | GeneratorOption) {
    super();
    const given = [indices, ...(options === undefined ? [] : [options])];
    const o = bound("SubsetRandomSampler(any indices, generator? generator=None) -> any", given);
    this.indices = indices;
    this.generator = generatorOf(o.generator);
  }

  get length(): number {
    return this.indices.length;
  }

  *[Symbol.iterator](): Iterator<number> {
    const { generator } = this;
    const order = torch.randperm(this.indices.length, { generator }).tolist() as number[];
    for (const i of order) yield this.indices[i]!;
  }
}

/**
 * Samples drawn with the given weights, which need not add up to one.
 * @throws ValueError unless `numSamples` is positive and the weights are one list.
 * @see https://pytorch.org/docs/stable/data.html#torch.utils.data.WeightedRandomSampler
 */
export class WeightedRandomSampler extends Sampler {
  readonly weights: Tensor;
  readonly numSamples: number;
  readonly replacement: boolean;
  readonly generator: Generator | null;

  constructor(
    weights: readonly number[] | Tensor,
    numSamples: number,
    options?: GeneratorOption & { readonly replacement?: boolean },
  );
  constructor(
    weights: readonly number[] | Tensor,
    numSamples: number,
    replacement: boolean,
    options?: GeneratorOption,
  );
  constructor(...args: unknown[]) {
    super();
    const o = bound(
      "WeightedRandomSampler(any weights, int num_samples, bool replacement=True, generator? generator=None) -> any",
      args,
    );
    requirePositive("num_samples", o.numSamples);
    const weights = o.weights as readonly number[] | Tensor;
    this.weights =
      weights instanceof Tensor ? weights.to(float64) : torch.tensor(weights, { dtype: float64 });
    if (this.weights.ndim !== 1) {
      throw new ValueError(
        `weights should be a 1d sequence but given weights have shape [${this.weights.shape.join(", ")}]`,
      );
    }
    this.numSamples = o.numSamples;
    this.replacement = o.replacement;
    this.generator = generatorOf(o.generator);
  }

  get length(): number {
    return this.numSamples;
  }

  *[Symbol.iterator](): Iterator<number> {
    const { generator } = this;
    yield* torch
      .multinomial(this.weights, this.numSamples, this.replacement, { generator })
      .tolist() as number[];
  }
}

/**
 * Puts the indices of another sampler together in lists of `batchSize`.
 * @throws ValueError unless `batchSize` is positive.
 * @see https://pytorch.org/docs/stable/data.html#torch.utils.data.BatchSampler
 */
export class BatchSampler<T = number> extends Sampler<T[]> {
  readonly sampler: Iterable<T> & Partial<Sized>;
  readonly batchSize: number;
  readonly dropLast: boolean;

  constructor(sampler: Iterable<T> & Partial<Sized>, batchSize: number, dropLast: boolean) {
    super();
    const o = bound("BatchSampler(any sampler, int batch_size, bool drop_last) -> any", [
      sampler,
      batchSize,
      dropLast,
    ]);
    requirePositive("batch_size", o.batchSize);
    this.sampler = sampler;
    this.batchSize = o.batchSize;
    this.dropLast = o.dropLast;
  }

  /** @throws TypeError when the sampler has no length. */
  get length(): number {
    const { length } = this.sampler;
    if (length === undefined) throw new TypeError("the sampler has no length");
    return this.dropLast ? Math.floor(length / this.batchSize) : Math.ceil(length / this.batchSize);
  }

  *[Symbol.iterator](): Iterator<T[]> {
    let batch: T[] = [];
    for (const index of this.sampler) {
      batch.push(index);
      if (batch.length === this.batchSize) {
        yield batch;
        batch = [];
      }
    }
    if (batch.length > 0 && !this.dropLast) yield batch;
  }
}

/**
 * One share of the samples for each of several programs that train together, in an order that all of them draw alike.
 * There are no process groups here: `numReplicas` and `rank` are given. `setEpoch` before a pass changes the order.
 * @throws ValueError for a rank that is not from 0 to `numReplicas` − 1.
 * @see https://pytorch.org/docs/stable/data.html#torch.utils.data.distributed.DistributedSampler
 */
export class DistributedSampler extends Sampler {
  readonly dataset: Sized;
  readonly numReplicas: number;
  readonly rank: number;
  readonly shuffle: boolean;
  readonly seed: number;
  readonly dropLast: boolean;
  epoch = 0;

  constructor(
    dataset: Sized,
    options: {
      readonly numReplicas: number;
      readonly rank: number;
      readonly shuffle?: boolean;
      readonly seed?: number;
      readonly dropLast?: boolean;
    },
  ) {
    super();
    const o = bound(
      "DistributedSampler(any dataset, int? num_replicas=None, int? rank=None, bool shuffle=True, int seed=0, bool drop_last=False) -> any",
      [dataset, options],
    );
    if (o.numReplicas === null || o.rank === null) {
      throw new ValueError(
        "DistributedSampler needs numReplicas and rank: there are no process groups to ask",
      );
    }
    requirePositive("num_replicas", o.numReplicas);
    if (o.rank < 0 || o.rank >= o.numReplicas) {
      throw new ValueError(
        `Invalid rank ${String(o.rank)}, rank should be in the interval [0, ${String(o.numReplicas - 1)}]`,
      );
    }
    this.dataset = dataset;
    this.numReplicas = o.numReplicas;
    this.rank = o.rank;
    this.shuffle = o.shuffle;
    this.seed = o.seed;
    this.dropLast = o.dropLast;
  }

  get length(): number {
    const share = this.dataset.length / this.numReplicas;
    return this.dropLast ? Math.floor(share) : Math.ceil(share);
  }

  /** Another epoch is another order. */
  setEpoch(epoch: number): void {
    this.epoch = epoch;
  }

  *[Symbol.iterator](): Iterator<number> {
    const n = this.dataset.length;
    const order = this.shuffle
      ? (torch
          .randperm(n, { generator: new Generator().manualSeed(this.seed + this.epoch) })
          .tolist() as number[])
      : Array.from({ length: n }, (_, i) => i);
    // Where the shares do not come out even, the first samples are taken again.
    for (let i = 0; i < this.length; i++) yield order[(this.rank + i * this.numReplicas) % n]!;
  }
}
