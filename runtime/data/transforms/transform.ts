/** Base of all transforms: an object that is called with a value and gives another. */
export abstract class Transform<A, B> {
  constructor() {
    const callable = (value: A): B => (callable as unknown as Transform<A, B>).forward(value);
    // A function's own name and length would shadow fields of these names.
    delete (callable as { name?: string }).name;
    delete (callable as { length?: number }).length;
    return Object.setPrototypeOf(callable, new.target.prototype) as Transform<A, B>;
  }

  /** What a call does. */
  abstract forward(value: A): B;
}

export interface Transform<A, B> {
  (value: A): B;
}
