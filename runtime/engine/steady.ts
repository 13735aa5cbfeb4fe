/**
 * Containers for what comes and goes with every run, in a process that may never pause. When a `Map` or an array moves to
 * other memory, what it leaves behind keeps pointing at its contents; once that was promoted, everything that ever was
 * inside is promoted after it, and the heap grows until a full collection. These move only when they grow, and leave
 * nothing behind.
 */

/** A queue. */
export class Fifo<T> {
  #ring: (T | undefined)[] = new Array<T | undefined>(16).fill(undefined);
  #head = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  push(item: T): void {
    if (this.#size === this.#ring.length) this.#grow();
    this.#ring[(this.#head + this.#size++) % this.#ring.length] = item;
  }

  peek(): T | undefined {
    return this.#ring[this.#head];
  }

  shift(): T | undefined {
    const item = this.#ring[this.#head];
    if (this.#size === 0) return undefined;
    this.#ring[this.#head] = undefined;
    this.#head = (this.#head + 1) % this.#ring.length;
    this.#size--;
    return item;
  }

  /** Empties the queue and gives what was in it, in order. */
  takeAll(): T[] {
    const items: T[] = [];
    while (this.#size > 0) items.push(this.shift()!);
    return items;
  }

  *[Symbol.iterator](): Generator<T> {
    for (let i = 0; i < this.#size; i++) yield this.#ring[(this.#head + i) % this.#ring.length]!;
  }

  #grow(): void {
    const old = this.#ring;
    const items = [...this];
    this.#ring = new Array<T | undefined>(old.length * 2).fill(undefined);
    items.forEach((item, i) => (this.#ring[i] = item));
    this.#head = 0;
    old.fill(undefined);
  }
}

/** A map from positive integers. */
export class IdMap<T> {
  /** Open addressing: 0 is a free place. */
  #keys = new Float64Array(64);
  #values: (T | undefined)[] = new Array<T | undefined>(64).fill(undefined);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(key: number): T | undefined {
    return this.#values[this.#find(key)];
  }

  set(key: number, value: T): void {
    let at = this.#find(key);
    if (this.#keys[at] === 0) {
      if (++this.#size * 2 > this.#keys.length) {
        this.#grow();
        at = this.#find(key);
      }
      this.#keys[at] = key;
    }
    this.#values[at] = value;
  }

  delete(key: number): void {
    let hole = this.#find(key);
    if (this.#keys[hole] === 0) return;
    this.#size--;
    const mask = this.#keys.length - 1;
    // What was put further on because this place was taken moves up.
    for (let at = (hole + 1) & mask; this.#keys[at] !== 0; at = (at + 1) & mask) {
      const home = this.#keys[at]! & mask;
      if (((at - home) & mask) < ((at - hole) & mask)) continue;
      this.#keys[hole] = this.#keys[at]!;
      this.#values[hole] = this.#values[at];
      hole = at;
    }
    this.#keys[hole] = 0;
    this.#values[hole] = undefined;
  }

  *values(): Generator<T> {
    for (let i = 0; i < this.#keys.length; i++) if (this.#keys[i] !== 0) yield this.#values[i]!;
  }

  /** Where the key is, or the free place where it would be. */
  #find(key: number): number {
    const mask = this.#keys.length - 1;
    let at = key & mask;
    while (this.#keys[at] !== 0 && this.#keys[at] !== key) at = (at + 1) & mask;
    return at;
  }

  #grow(): void {
    const [keys, values] = [this.#keys, this.#values];
    this.#keys = new Float64Array(keys.length * 2);
    this.#values = new Array<T | undefined>(keys.length * 2).fill(undefined);
    keys.forEach((key, i) => {
      if (key === 0) return;
      const at = this.#find(key);
      this.#keys[at] = key;
      this.#values[at] = values[i];
    });
    values.fill(undefined);
  }
}
