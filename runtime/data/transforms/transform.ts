/** Base of all transforms: an object that is called with a value and gives another. */
export abstract class Transform<A, B> {
  constructor() {
    return Transform._blank(new.target.prototype) as Transform<A, B>;
  }

  /** @internal One with nothing in it. */
  static _blank(prototype: object): object {
    const callable = (value: unknown): unknown =>
      (callable as unknown as Transform<unknown, unknown>).forward(value);
    // A function's own name and length would shadow fields of these names.
    delete (callable as { name?: string }).name;
    delete (callable as { length?: number }).length;
    return Object.setPrototypeOf(callable, prototype) as object;
  }

  /** What a call does. */
  abstract forward(value: A): B;
}

export interface Transform<A, B> {
  (value: A): B;
}
