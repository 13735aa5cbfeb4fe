/** Several results with names: iterable, indexable, and with a field for each. */
export type NamedResults<T extends object> = Readonly<T> & {
  readonly length: number;
  [Symbol.iterator](): Iterator<T[keyof T]>;
} & Readonly<Record<number, T[keyof T]>>;

const prototype = {
  *[Symbol.iterator](this: { readonly length: number } & Record<number, unknown>) {
    for (let i = 0; i < this.length; i++) yield this[i];
  },
};

/** What PyTorch returns as a named tuple: `const { values, indices } = …` and `const [v, i] = …` both work. */
export function named<T extends object>(fields: T): NamedResults<T> {
  const entries = Object.entries(fields);
  const result = Object.create(prototype, {
    length: { value: entries.length },
    ...Object.fromEntries(entries.map(([, value], i) => [i, { value, enumerable: false }])),
  }) as object;
  return Object.assign(result, fields) as NamedResults<T>;
}
