import { RuntimeError } from "../errors.js";

const n = 624;
const m = 397;

/** Bytes of {@link Mt19937.getState}: the layout `torch.get_rng_state()` has kept since Lua Torch. */
export const stateSize = 5056;

/** `torch.default_generator.initial_seed()` of a generator made without a seed. */
export const defaultSeed = 67280421310721n;

// Constants as signed 32-bit integers keep the loops in integer arithmetic.
const matrix = 0x9908b0df | 0;
const upper = 0x80000000 | 0;
const lower = 0x7fffffff;
const maskB = 0x9d2c5680 | 0;
const maskC = 0xefc60000 | 0;

function twist(current: number, next: number): number {
  return (((current & upper) | (next & lower)) >>> 1) ^ (-(next & 1) & matrix);
}

function temper(word: number): number {
  let y = word ^ (word >>> 11);
  y ^= (y << 7) & maskB;
  y ^= (y << 15) & maskC;
  return y ^ (y >>> 18);
}

// Arrays the compiler knows to be constant: the loops below take half the time they take on a generator's own fields.
const workWords = new Int32Array(n);
const workBlock = new Int32Array(n);

function generate(): void {
  let current = workWords[0]!;
  let j = 0;
  for (; j < n - m; j++) {
    const next = workWords[j + 1]!;
    const y = workWords[j + m]! ^ twist(current, next);
    workWords[j] = y;
    workBlock[j] = temper(y);
    current = next;
  }
  for (; j < n - 1; j++) {
    const next = workWords[j + 1]!;
    const y = workWords[j + m - n]! ^ twist(current, next);
    workWords[j] = y;
    workBlock[j] = temper(y);
    current = next;
  }
  const y = workWords[m - 1]! ^ twist(current, workWords[0]!);
  workWords[j] = y;
  workBlock[j] = temper(y);
}

/**
 * The 32-bit Mersenne Twister with the state PyTorch's CPU generator keeps, bit for bit.
 *
 * `block` and `position` are public for the fill loops: they read `block[position++]` and call `refill()` at the end of
 * the block, so that a draw costs a load. Words in `block` are tempered and signed; `>>> 0` makes them unsigned.
 */
export class Mt19937 {
  readonly block = new Int32Array(n);
  position = n;
  /** The second number of a Box-Muller pair, kept for the next scalar normal draw. */
  nextDoubleNormal: number | null = null;
  /** Kept in the state and restored, never used by PyTorch's CPU kernels. */
  nextFloatNormal: number | null = null;
  private readonly words = new Int32Array(n);
  private seedValue = defaultSeed;
  /** Seeded and not yet drawn from: `left` is 1 and `next` 0 in the saved state. */
  private fresh = true;

  constructor(seed: bigint | number = defaultSeed) {
    this.seed(seed);
  }

  /** `torch.Generator.initial_seed()`. */
  get initialSeed(): bigint {
    return this.seedValue;
  }

  /**
   * `torch.manual_seed(seed)`: an integer in [-2^63, 2^64), negative ones counted from 2^64.
   * @throws RuntimeError outside of that range
   */
  seed(seed: bigint | number): void {
    const value = BigInt(seed);
    if (value < -(2n ** 63n) || value >= 2n ** 64n) throw new RuntimeError("Overflow when unpacking long");
    this.seedValue = BigInt.asUintN(64, value);
    const words = this.words;
    words[0] = Number(this.seedValue & 0xffffffffn);
    for (let j = 1; j < n; j++) {
      const previous = words[j - 1]!;
      words[j] = Math.imul(1812433253, previous ^ (previous >>> 30)) + j;
    }
    this.position = n;
    this.fresh = true;
    this.nextDoubleNormal = null;
    this.nextFloatNormal = null;
  }

  /** The next 624 words, into `block`; `position` goes to 0. */
  refill(): void {
    workWords.set(this.words);
    generate();
    this.words.set(workWords);
    this.block.set(workBlock);
    this.position = 0;
    this.fresh = false;
  }

  /** 32 random bits, in [0, 2^32). */
  random(): number {
    if (this.position === n) this.refill();
    return this.block[this.position++]! >>> 0;
  }

  /** 64 random bits; the first word drawn is the high one. */
  random64(): bigint {
    const high = this.random();
    const low = this.random();
    return (BigInt(high) << 32n) | BigInt(low);
  }

  /** A float64 in [0, 1): the low 53 of 64 random bits. */
  random53(): number {
    if (this.position === n) this.refill();
    const high = this.block[this.position++]! & 0x1fffff;
    if (this.position === n) this.refill();
    const low = this.block[this.position++]! >>> 0;
    return (high * 4294967296 + low) * 2 ** -53;
  }

  /** `torch.get_rng_state()`. */
  getState(): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(stateSize);
    const view = new DataView(bytes.buffer);
    view.setBigUint64(0, this.seedValue, true);
    view.setInt32(8, this.fresh ? 1 : n + 1 - this.position, true);
    view.setInt32(12, 1, true);
    view.setBigUint64(16, this.fresh ? 0n : BigInt(this.position), true);
    for (let j = 0; j < n; j++) view.setInt32(24 + 8 * j, this.words[j]!, true);
    if (this.nextDoubleNormal !== null) {
      view.setFloat64(5024, this.nextDoubleNormal, true);
      view.setInt32(5040, 1, true);
    }
    if (this.nextFloatNormal !== null) {
      view.setFloat32(5048, this.nextFloatNormal, true);
      view.setUint8(5052, 1);
    }
    return bytes;
  }

  /**
   * `torch.set_rng_state(state)`.
   * @throws RuntimeError when the bytes are not a state
   */
  setState(state: Uint8Array): void {
    if (state.length !== stateSize) {
      throw new RuntimeError(
        `Expected a CPUGeneratorImplState of size ${stateSize} but found the input RNG state size to be ${state.length}`,
      );
    }
    const view = new DataView(state.buffer, state.byteOffset, state.byteLength);
    const left = view.getInt32(8, true);
    const seeded = view.getInt32(12, true);
    const next = Number(view.getBigUint64(16, true) & 0xffffffffn);
    const fresh = left === 1 && next === 0;
    if (seeded === 0 || (!fresh && left + next !== n + 1) || left < 1 || left > n) {
      throw new RuntimeError("Invalid mt19937 state");
    }
    for (let j = 0; j < n; j++) this.words[j] = view.getInt32(24 + 8 * j, true);
    this.seedValue = view.getBigUint64(0, true);
    this.fresh = fresh;
    this.position = fresh ? n : next;
    for (let j = 0; j < n; j++) this.block[j] = temper(this.words[j]!);
    this.nextDoubleNormal = view.getInt32(5040, true) === 0 ? null : view.getFloat64(5024, true);
    this.nextFloatNormal = view.getUint8(5052) === 0 ? null : view.getFloat32(5048, true);
  }

  /** An independent generator in the same state. */
  clone(): Mt19937 {
    const copy = new Mt19937();
    copy.setState(this.getState());
    return copy;
  }
}
