/** Stride arithmetic: where PyTorch would put the elements, and which views that allows. */

/** The number of elements of a shape. */
export function numel(shape: readonly number[]): number {
  let n = 1;
  for (const d of shape) n *= d;
  return n;
}

/** Strides of a C-contiguous tensor. */
export function contiguousStrides(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length);
  let step = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = step;
    step *= Math.max(shape[i]!, 1);
  }
  return strides;
}

/** `Tensor.is_contiguous()`: axes of size 1 do not count. */
export function isContiguous(shape: readonly number[], strides: readonly number[]): boolean {
  if (shape.includes(0)) return true;
  let step = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    if (shape[i] === 1) continue;
    if (strides[i] !== step) return false;
    step *= shape[i]!;
  }
  return true;
}

/** Whether the strides are those a new tensor would get, also along axes of size 1. */
export function isPlain(shape: readonly number[], strides: readonly number[]): boolean {
  let step = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    if (strides[i] !== step) return false;
    step *= Math.max(shape[i]!, 1);
  }
  return true;
}

/** True when the elements fill a block of memory without gaps or overlaps, in any axis order. */
export function isDense(shape: readonly number[], strides: readonly number[]): boolean {
  const axes = shape.map((_, i) => i).filter((i) => shape[i] !== 1);
  axes.sort((a, b) => strides[a]! - strides[b]!);
  let step = 1;
  for (const i of axes) {
    if (strides[i] !== step) return false;
    step *= shape[i]!;
  }
  return true;
}

/** True when two indices surely share a memory location: an expanded axis. */
export function overlaps(shape: readonly number[], strides: readonly number[]): boolean {
  return numel(shape) > 1 && shape.some((d, i) => d > 1 && strides[i] === 0);
}

/** True when two indices share a memory location, by whatever strides. Sizes and strides are those of a real tensor. */
export function overlapsAnywhere(shape: readonly number[], strides: readonly number[]): boolean {
  const axes = shape.map((_, i) => i).filter((i) => shape[i]! > 1);
  axes.sort((a, b) => strides[a]! - strides[b]!);
  // Where every axis steps over all the smaller ones, no two indices meet.
  let reach = 0;
  for (const i of axes) {
    if (strides[i]! <= reach) return true;
    reach += (shape[i]! - 1) * strides[i]!;
  }
  return false;
}

/**
 * Strides of `shape` seen over a tensor of `oldShape` and `oldStrides`, or `undefined` when only a copy could have that
 * shape: axes may be merged only where the outer one steps over exactly the inner one.
 */
export function viewStrides(
  oldShape: readonly number[],
  oldStrides: readonly number[],
  shape: readonly number[],
): number[] | undefined {
  if (numel(oldShape) === 0) {
    return oldShape.length === shape.length && oldShape.every((d, i) => d === shape[i])
      ? [...oldStrides]
      : contiguousStrides(shape);
  }
  const strides = new Array<number>(shape.length);
  let axis = shape.length - 1;
  let base = oldStrides.at(-1) ?? 1;
  let chunk = 1;
  let filled = 1;
  for (let i = oldShape.length - 1; i >= 0; i--) {
    chunk *= oldShape[i]!;
    const ends = i === 0 || (oldShape[i - 1] !== 1 && oldStrides[i - 1] !== chunk * base);
    if (!ends) continue;
    while (axis >= 0 && (filled < chunk || shape[axis] === 1)) {
      strides[axis] = filled * base;
      filled *= shape[axis]!;
      axis--;
    }
    if (filled !== chunk) return undefined;
    if (i > 0) {
      base = oldStrides[i - 1]!;
      chunk = 1;
      filled = 1;
    }
  }
  for (; axis >= 0; axis--) {
    if (shape[axis] !== 1) return undefined;
    strides[axis] = oldShape.length ? base : 1;
  }
  return strides;
}

/** What decides the order in which axes lie in memory. */
interface Laid {
  readonly shape: readonly number[];
  readonly strides: readonly number[];
}

/**
 * The axes from the fastest to the slowest, as PyTorch's TensorIterator orders them: the first operand whose strides
 * tell two axes apart decides; broadcast axes (stride 0) do not.
 */
function axisOrder(shape: readonly number[], operands: readonly Laid[]): number[] {
  const rank = shape.length;
  const aligned = operands.map(({ shape: own, strides }) => {
    const lead = rank - own.length;
    return shape.map((d, i) => (i < lead || (own[i - lead] === 1 && d !== 1) ? 0 : strides[i - lead]!));
  });
  const later = (a: number, b: number): number => {
    for (const strides of aligned) {
      const [s, t] = [strides[a]!, strides[b]!];
      if (s === 0 || t === 0) continue;
      if (s !== t) return s - t;
      if (shape[a]! > shape[b]!) return 1;
    }
    return 0;
  };
  const order = Array.from({ length: rank }, (_, i) => rank - 1 - i);
  for (let i = 1; i < rank; i++) {
    let at = i;
    for (let j = i - 1; j >= 0; j--) {
      const c = later(order[j]!, order[at]!);
      if (c < 0) break;
      if (c > 0) {
        [order[j], order[at]] = [order[at]!, order[j]!];
        at = j;
      }
    }
  }
  return order;
}

/** Strides of a block of memory whose axes lie in the given order, fastest first. */
function stridesInOrder(shape: readonly number[], order: readonly number[]): number[] {
  const strides = new Array<number>(shape.length);
  let step = 1;
  for (const axis of order) {
    strides[axis] = step;
    step *= shape[axis]!;
  }
  return strides;
}

const sameNumbers = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((v, i) => v === b[i]);

/** Strides of a pointwise result of `shape`, by the rules of PyTorch's TensorIterator; `undefined` for C order. */
export function resultStrides(
  shape: readonly number[],
  operands: readonly Laid[],
): readonly number[] | undefined {
  if (operands.every((o) => sameNumbers(o.shape, shape))) {
    if (operands.every((o) => isContiguous(o.shape, o.strides))) return undefined;
    const [first] = operands;
    if (isChannelsLast(shape, first!.strides) && operands.every((o) => isChannelsLast(shape, o.strides))) {
      return channelsLastStrides(shape);
    }
    if (operands.every((o) => isDense(shape, o.strides) && sameNumbers(o.strides, first!.strides))) {
      return first!.strides;
    }
  }
  const order = axisOrder(shape, operands);
  if (order.every((axis, i) => axis === shape.length - 1 - i)) return undefined;
  return stridesInOrder(shape, order);
}

/** Strides of a copy that keeps the order of the axes, without gaps: `torch.preserve_format`. */
export function preservedStrides(shape: readonly number[], strides: readonly number[]): readonly number[] {
  if (isDense(shape, strides)) return strides;
  return stridesInOrder(shape, axisOrder(shape, [{ shape, strides }]));
}

/** Strides of `[N, C, H, W]` or `[N, C, D, H, W]` with the channels lying closest together. */
export function channelsLastStrides(shape: readonly number[]): number[] {
  const order = [
    1,
    ...shape
      .map((_, i) => i)
      .slice(2)
      .reverse(),
    0,
  ];
  return stridesInOrder(
    shape.map((d) => Math.max(d, 1)),
    order,
  );
}

/** `Tensor.is_contiguous(memory_format=torch.channels_last)`. */
export function isChannelsLast(shape: readonly number[], strides: readonly number[]): boolean {
  if (shape.length !== 4 && shape.length !== 5) return false;
  const want = channelsLastStrides(shape);
  return shape.every((d, i) => d === 1 || strides[i] === want[i]);
}

/**
 * Whether the strides of a tensor say that it is meant to be channels-last, gaps allowed: what PyTorch goes by where an
 * operation keeps the format of its input.
 */
export function suggestsChannelsLast(shape: readonly number[], strides: readonly number[]): boolean {
  if (shape.length !== 4 && shape.length !== 5) return false;
  // Ambiguous: [N, 1, H, W] of C order looks like channels-last as well.
  let min = 0;
  if (strides[1] === 0) return false;
  for (const d of [
    1,
    ...shape
      .map((_, i) => i)
      .slice(2)
      .reverse(),
    0,
  ]) {
    if (shape[d] === 0) return false;
    if (strides[d]! < min) return false;
    if (d === 0 && min === strides[1]) return false;
    min = strides[d]!;
    if (shape[d]! > 1) min *= shape[d]!;
  }
  return true;
}
