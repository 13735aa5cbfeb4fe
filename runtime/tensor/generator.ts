import { generatorState, queueSeed, queueState } from "../graph/draws.js";

let lastId = 0;

/**
 * A stream of random numbers: PyTorch's `torch.Generator` on the CPU. The same seed gives PyTorch's numbers.
 * @see https://pytorch.org/docs/stable/generated/torch.Generator.html
 */
export class Generator {
  /** @internal Names the generator on the engine thread; 0 is the default one. */
  readonly _id: number;
  #seed = 5489n;

  constructor(id = ++lastId) {
    this._id = id;
    if (id > 0) this.manualSeed(67280421310721n);
  }

  /** Starts the stream anew. */
  manualSeed(seed: number | bigint): this {
    this.#seed = BigInt.asUintN(64, BigInt(seed));
    queueSeed(this._id, this.#seed);
    return this;
  }

  initialSeed(): number {
    return Number(this.#seed);
  }

  /** The state as PyTorch lays it out, 5056 bytes. Waits for draws under way. */
  _state(): Uint8Array {
    return generatorState(this._id);
  }

  _setState(state: Uint8Array): this {
    queueState(this._id, state);
    return this;
  }
}

/** The generator that is used when none is given. */
export const defaultGenerator = new Generator(0);
