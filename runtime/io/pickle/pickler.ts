/**
 * Writes pickles, protocol 2: what PyTorch writes, and every version of it reads.
 * @see https://docs.python.org/3/library/pickle.html
 */
import { ValueError } from "../../errors.js";
import type { Global } from "./values.js";

/** Instructions that bring a value about. */
export class Pickler {
  readonly #parts: Buffer[] = [];
  /** Places in the memo: of objects by identity, of texts and names by value. */
  readonly #memo = new Map<unknown, number>();
  #next = 0;

  constructor() {
    this.byte(0x80, 2);
  }

  /** The pickle of everything so far. */
  end(): Buffer {
    this.#op(".");
    return Buffer.concat(this.#parts);
  }

  byte(...bytes: readonly number[]): void {
    this.#parts.push(Buffer.from(bytes));
  }

  #op(code: string, operand?: Buffer): void {
    this.#parts.push(Buffer.from(code, "latin1"));
    if (operand) this.#parts.push(operand);
  }

  /** Whether the value was written and remembered; then it is there again. */
  recall(key: unknown): boolean {
    const at = this.#memo.get(key);
    if (at === undefined) return false;
    if (at < 256) this.byte(0x68, at);
    else this.#op("j", u32(at));
    return true;
  }

  /** Remembers the value written last. */
  remember(key: unknown): void {
    this.#memo.set(key, this.#next);
    if (this.#next < 256) this.byte(0x71, this.#next);
    else this.#op("r", u32(this.#next));
    this.#next++;
  }

  none(): void {
    this.#op("N");
  }

  bool(value: boolean): void {
    this.byte(value ? 0x88 : 0x89);
  }

  /** Whole numbers as `int`, others as `float`. */
  number(value: number): void {
    if (!Number.isSafeInteger(value) || Object.is(value, -0)) {
      const bytes = Buffer.alloc(8);
      bytes.writeDoubleBE(value);
      this.#op("G", bytes);
    } else if (value >= 0 && value < 256) this.byte(0x4b, value);
    else if (value >= 0 && value < 65536) this.byte(0x4d, value & 0xff, value >> 8);
    else if (value >= -(2 ** 31) && value < 2 ** 31) {
      const bytes = Buffer.alloc(4);
      bytes.writeInt32LE(value);
      this.#op("J", bytes);
    } else this.bigint(BigInt(value));
  }

  bigint(value: bigint): void {
    const bytes: number[] = [];
    for (let left = value; ;) {
      const low = Number(BigInt.asUintN(8, left));
      bytes.push(low);
      left >>= 8n;
      // The last byte has the sign.
      if ((left === 0n && low < 128) || (left === -1n && low >= 128)) break;
    }
    if (bytes.length > 255) throw new ValueError("an integer of more than 2040 bits is not written");
    this.byte(0x8a, bytes.length, ...bytes);
  }

  text(value: string): void {
    const key = `text ${value}`;
    if (this.recall(key)) return;
    if (!isWellFormed(value)) throw new ValueError("a text with half a surrogate pair is not written");
    const bytes = Buffer.from(value, "utf8");
    this.#op("X", u32(bytes.length));
    this.#parts.push(bytes);
    this.remember(key);
  }

  /** The name of a function or class. */
  global(name: Global): void {
    const key = `global ${name.toString()}`;
    if (this.recall(key)) return;
    this.#op("c", Buffer.from(`${name.module}\n${name.name}\n`, "utf8"));
    this.remember(key);
  }

  /** A tuple of what `items` write. */
  tuple(...items: readonly (() => void)[]): void {
    if (items.length > 3) this.#op("(");
    for (const item of items) item();
    if (items.length === 0) this.#op(")");
    else if (items.length <= 3) this.byte(0x84 + items.length);
    else this.#op("t");
  }

  /** A tuple of whole numbers. */
  sizes(values: readonly number[]): void {
    this.tuple(
      ...values.map((v) => () => {
        this.number(v);
      }),
    );
  }

  /** The call of a named function. */
  call(name: Global, ...args: readonly (() => void)[]): void {
    this.global(name);
    this.tuple(...args);
    this.#op("R");
  }

  /** The object of a `persistent_id`, which is what was written last. */
  persistent(): void {
    this.#op("Q");
  }

  /** A list; `key` is what it is remembered by. */
  list(key: unknown, items: readonly (() => void)[]): void {
    this.#op("]");
    this.remember(key);
    if (items.length === 0) return;
    this.#op("(");
    for (const item of items) item();
    this.#op("e");
  }

  emptyDict(): void {
    this.#op("}");
  }

  /** Sets items of the dictionary written last: keys and values take turns. */
  items(pairs: readonly (() => void)[]): void {
    if (pairs.length === 0) return;
    this.#op("(");
    for (const part of pairs) part();
    this.#op("u");
  }

  /** Sets the state of the object written last to what is written by `state`. */
  build(state: () => void): void {
    state();
    this.#op("b");
  }
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

/** Whether there is no half of a surrogate pair. */
const isWellFormed = (text: string): boolean => !/\p{Surrogate}/u.test(text);
