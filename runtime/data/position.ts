/** Where a loader is in its pass, so that another can go on from there. */
import { ValueError } from "../errors.js";
import { onDevice } from "../ops/depth.js";
import { cpu } from "../tensor/device.js";
import { defaultGenerator, Generator } from "../tensor/generator.js";
import type { Tensor } from "../tensor/tensor.js";
import { delivered } from "./delivered.js";

/** The position of a loader. */
export interface LoaderState {
  /** Batches of the pass that were given out. */
  readonly batches: number;
  /** The states of the generators in play when the pass began, of which its order came; none between passes. */
  readonly generators: readonly Tensor[];
  /** The pass had workers that an earlier one had started. */
  readonly workersKept?: boolean;
}

/**
 * Follows the passes of one loader. A pass that is to go on in the middle begins as it did, with the generators as they
 * were then, and the order is gone through up to there without reading a sample; after that the default generator is
 * again where it was.
 */
export class Position {
  readonly #generators: readonly Generator[];
  #start: readonly Tensor[] = [];
  #taken = 0;
  /** What the next pass is to go on from. */
  #pending: LoaderState | undefined;
  /** Things of the order that are still to be left out, and what to do then. */
  #skip: { count: number; then: () => void } | undefined;

  /** @param drawnFrom what the order is drawn from; anything but generators is passed over. */
  constructor(...drawnFrom: readonly unknown[]) {
    const own = drawnFrom.filter((g) => g instanceof Generator);
    this.#generators = [...new Set([defaultGenerator, ...own])];
  }

  get state(): LoaderState {
    return this.#pending ?? { batches: this.#taken, generators: this.#taken === 0 ? [] : this.#start };
  }

  /** @throws ValueError for the state of a loader with other generators. */
  set state({ batches, generators }: LoaderState) {
    if (batches > 0 && generators.length !== this.#generators.length) {
      throw new ValueError("the state is of a loader with other generators");
    }
    this.#pending = { batches, generators };
  }

  /** Counts what a pass gives; `begin` begins one. */
  follow<B>(begin: () => Iterator<B>): IterableIterator<B> {
    const from = this.#pending;
    this.#pending = undefined;
    this.#taken = from?.batches ?? 0;
    if (from !== undefined && from.batches > 0) {
      const now = defaultGenerator.getState();
      this.#start = from.generators;
      this.#generators.forEach((g, i) => void g.setState(from.generators[i]!));
      this.#skip = { count: from.batches, then: () => void defaultGenerator.setState(now) };
    } else {
      this.#start = this.#generators.map((g) => g.getState());
      this.#skip = undefined;
    }
    return this.#counted(onDevice(cpu, begin));
  }

  *#counted<B>(pass: Iterator<B>): IterableIterator<B> {
    try {
      const following = (): IteratorResult<B> => onDevice(cpu, () => pass.next());
      for (let next = following(); next.done !== true; next = following()) {
        this.#taken++;
        yield delivered(next.value);
      }
      this.#taken = 0;
    } finally {
      pass.return?.();
    }
  }

  /** The order of a pass from where it is to go on; `each` is how many of its things make a batch. */
  *resumed<T>(order: Iterable<T>, each = 1): Iterable<T> {
    const skip = this.#skip;
    this.#skip = undefined;
    const items = order[Symbol.iterator]();
    try {
      for (let left = (skip?.count ?? 0) * each; left > 0; left--) if (items.next().done === true) break;
      skip?.then();
      for (let next = items.next(); next.done !== true; next = items.next()) yield next.value;
    } finally {
      items.return?.();
    }
  }
}
