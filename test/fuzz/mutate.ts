/** Seeded damage to bytes. */

/** Small random integers from a seed. @see https://prng.di.unimi.it/splitmix64.c, on 32 bits */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** An integer in [0, n). */
  below(n: number): number {
    this.#state = (this.#state + 0x9e3779b9) >>> 0;
    let z = this.#state;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return ((z ^ (z >>> 15)) >>> 0) % n;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }
}

/** Numbers at which programs stumble, as bytes of 1, 2, 4 and 8. */
const odd = [0, 1, 0x7f, 0x80, 0xff];

type Damage = (bytes: Buffer, dice: Dice, other: Buffer) => Buffer;

const at = (bytes: Buffer, dice: Dice): number => dice.below(bytes.length + 1);

const damages: readonly Damage[] = [
  (b, d) => {
    if (b.length > 0) b[d.below(b.length)]! ^= 1 << d.below(8);
    return b;
  },
  (b, d) => {
    if (b.length > 0) b[d.below(b.length)] = d.below(256);
    return b;
  },
  (b, d) => {
    const size = d.pick([1, 2, 4, 8]);
    return b.length < size ? b : b.fill(d.pick(odd), d.below(b.length - size + 1)).subarray(0, b.length);
  },
  (b, d) => {
    const size = d.pick([1, 2, 4, 8]);
    if (b.length < size) return b;
    const start = d.below(b.length - size + 1);
    b.fill(d.pick(odd), start, start + size);
    return b;
  },
  (b, d) => b.subarray(0, at(b, d)),
  (b, d) => {
    const start = at(b, d);
    return Buffer.concat([b.subarray(0, start), b.subarray(Math.min(b.length, start + 1 + d.below(16)))]);
  },
  (b, d) => {
    const start = at(b, d);
    const extra = Buffer.from(Array.from({ length: 1 + d.below(8) }, () => d.below(256)));
    return Buffer.concat([b.subarray(0, start), extra, b.subarray(start)]);
  },
  // A piece again, or another file's.
  (b, d, other) => {
    const from = d.below(2) === 0 ? b : other;
    const start = at(from, d);
    const place = at(b, d);
    return Buffer.concat([
      b.subarray(0, place),
      from.subarray(start, start + d.below(64)),
      b.subarray(place),
    ]);
  },
  // A number in text, larger or negative.
  (b, d) => {
    const text = b.toString("latin1");
    const digits = [...text.matchAll(/\d+/g)];
    if (digits.length === 0) return b;
    const { 0: found, index } = d.pick(digits);
    const value = d.pick(["-1", "0", "4294967296", "9007199254740993", "1e400", "99999999999999999999"]);
    return Buffer.from(text.slice(0, index) + value + text.slice(index + found.length), "latin1");
  },
];

/** Bytes with one to four things wrong. */
export function mutate(bytes: Uint8Array, dice: Dice, other: Uint8Array): Buffer {
  let out = Buffer.from(bytes);
  for (let n = 1 + dice.below(4); n > 0; n--)
    out = Buffer.from(dice.pick(damages)(out, dice, Buffer.from(other)));
  return out;
}
