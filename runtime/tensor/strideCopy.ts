/** The elements of a strided array in C order, in an array of the same kind. */
export function strideCopy<T extends ArrayBufferView & ArrayLike<number | bigint>>(
  data: T,
  shape: readonly number[],
  strides: readonly number[] | undefined,
  offset: number,
): T {
  const step = strides ?? shape.map((_, i) => shape.slice(i + 1).reduce((n, d) => n * d, 1));
  const count = shape.reduce((n, d) => n * d, 1);
  const Kind = data.constructor as new (length: number) => T & Record<number, number | bigint>;
  const out = new Kind(count);
  const index = shape.map(() => 0);
  let at = offset;
  for (let i = 0; i < count; i++) {
    if (at < 0 || at >= data.length) {
      throw new RangeError(
        `shape [${shape.join(", ")}] with strides [${step.join(", ")}] and offset ${String(offset)} reaches beyond ${String(data.length)} elements`,
      );
    }
    (out as Record<number, number | bigint>)[i] = data[at]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      at += step[axis]!;
      if (++index[axis]! < shape[axis]!) break;
      at -= step[axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
  return out;
}
