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
  let step = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    if (shape[i] === 0) return true;
    if (shape[i] === 1) continue;
    if (strides[i] !== step) return false;
    step *= shape[i]!;
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
