import { randomBytes } from "node:crypto";
import { RuntimeError } from "../errors.js";
import {
  dropMark,
  generatorState,
  hasMoved,
  markState,
  queueSeed,
  queueState,
  stateAt,
} from "../graph/draws.js";
import { fromData } from "../ops/leaf.js";
import { defaultSeed, stateSize } from "../random/mt19937.js";
import { cpu, Device, type DeviceLike } from "./device.js";
import { uint8 } from "./dtype.js";
import type { Tensor } from "./tensor.js";

let nextId = 0;

/** An integer as JavaScript writes it: a `bigint` where a number would not be exact. */
function integer(value: bigint): number | bigint {
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value;
}

/** 53 bits from the operating system, as PyTorch takes for a seed. */
function randomSeed(): bigint {
  return BigInt.asUintN(53, randomBytes(8).readBigUInt64LE());
}

function toBigInt(seed: number): bigint {
  if (!Number.isFinite(seed)) throw new TypeError(`manualSeed expected an integer, but got ${String(seed)}`);
  return BigInt(Math.trunc(seed));
}

/** PyTorch's check, made before anything is queued. */
function checkState(state: Tensor): Uint8Array {
  if (state.dtype !== uint8) {
    throw new TypeError(`RNG state must be a torch.ByteTensor, not ${String(state.dtype)}`);
  }
  const bytes = state.toBytes();
  if (bytes.length !== stateSize) {
    throw new RuntimeError(
      `Expected a CPUGeneratorImplState of size ${String(stateSize)} but found the input RNG state size to be ${String(bytes.length)}`,
    );
  }
  return bytes;
}

/**
 * A stream of random numbers: PyTorch's `torch.Generator` on the CPU. The same seed gives PyTorch's numbers.
 * @see https://pytorch.org/docs/stable/generated/torch.Generator.html
 */
export class Generator {
  /** @internal Names the generator on the engine thread; 0 is the default one. */
  readonly _id: number;
  #seed: bigint;

  /**
   * @param device `"cpu"`; may be given as `{ device }`.
   * @throws RuntimeError for other devices.
   */
  constructor(device: DeviceLike | { readonly device?: DeviceLike } = "cpu") {
    const given =
      typeof device === "object" && !(device instanceof Device) ? (device.device ?? "cpu") : device;
    const { type } = new Device(given);
    if (type !== "cpu") {
      throw new RuntimeError(
        `Device type ${type} is not supported for torch.Generator() api: random numbers are drawn on the CPU for every device, so that they are the same on all.`,
      );
    }
    this._id = nextId++;
    this.#seed = defaultSeed;
    queueSeed(this._id, this.#seed);
  }

  /** Where its numbers are made. */
  get device(): Device {
    return cpu;
  }

  /**
   * Starts the stream anew.
   * @param seed an integer in [-2⁶³, 2⁶⁴)
   * @throws RuntimeError outside of that range.
   */
  manualSeed(seed: number | bigint): this {
    const value = typeof seed === "bigint" ? seed : toBigInt(seed);
    if (value < -(2n ** 63n) || value >= 2n ** 64n) throw new RuntimeError("Overflow when unpacking long");
    this.#seed = BigInt.asUintN(64, value);
    queueSeed(this._id, this.#seed);
    return this;
  }

  /** Starts the stream anew with a seed from the operating system, which it returns. */
  seed(): number | bigint {
    this.manualSeed(randomSeed());
    return integer(this.#seed);
  }

  /** The last seed; a `bigint` beyond 2⁵³. */
  initialSeed(): number | bigint {
    return integer(this.#seed);
  }

  /** The state as a uint8 tensor of PyTorch's layout, `[5056]`. Waits for draws under way. */
  getState(): Tensor {
    return fromData(generatorState(this._id).slice(), [stateSize], uint8);
  }

  /**
   * Goes on from a state.
   * @throws TypeError RuntimeError for what is not a state.
   */
  setState(state: Tensor): this {
    return this._restore(checkState(state));
  }

  /** @internal */
  _restore(bytes: Uint8Array): this {
    this.#seed = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
    queueState(this._id, bytes);
    return this;
  }

  /** @internal Notes where the generator stands now. */
  _bookmark(): Bookmark {
    const mark = markState(this._id);
    return {
      settle: () => {
        if (!hasMoved(mark)) dropMark(mark);
      },
      restore: () => {
        const state = stateAt(mark);
        if (state) this._restore(state);
      },
    };
  }
}

/** A place in a generator's stream. */
export interface Bookmark {
  /** Says that drawing has come to an end: where nothing was drawn there is nothing to keep. */
  settle(): void;
  /** Goes back there. */
  restore(): void;
}

/** The generator that is used when none is given; the operating system seeds it. */
export const defaultGenerator = new Generator();
defaultGenerator.seed();
