import { product } from "./corpus.js";
import { defaultTolerance, elements, isFloating, type Elements } from "./numbers.js";

/** A tensor's face: what comparing needs of an expected or an actual one. */
export interface Block {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: () => Uint8Array;
}

/** |a − x| ≤ max(atol + rtol·|x|, floor). */
export interface Tolerance {
  readonly rtol: number;
  readonly atol: number;
  readonly floor: number;
}

const text = (shape: readonly number[]): string => `[${shape.join(", ")}]`;

/**
 * The tolerance for a result. The corpus gives that of the case's dtype; where the result has another floating
 * dtype (the float32 square root of integers), that dtype's own is the least.
 */
export function toleranceFor(
  dtype: string,
  caseDtype: string | null,
  tol: readonly [number, number],
  err64 = 0,
): Tolerance {
  const own = isFloating(dtype) && dtype !== caseDtype ? defaultTolerance(dtype) : [0, 0];
  return { rtol: Math.max(tol[0], own[0]!), atol: Math.max(tol[1], own[1]!), floor: 4 * err64 };
}

function close(actual: number, expected: number, { rtol, atol, floor }: Tolerance): boolean {
  if (Object.is(actual, expected) || actual === expected) return true;
  if (Number.isNaN(expected)) return Number.isNaN(actual);
  if (!Number.isFinite(expected) || !Number.isFinite(actual)) return false;
  return Math.abs(actual - expected) <= Math.max(atol + rtol * Math.abs(expected), floor);
}

const same = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((n, i) => n === b[i]);

/** Shape and dtype only. */
export function compareMeta(
  actual: Omit<Block, "bytes">,
  expected: Omit<Block, "bytes">,
): string | undefined {
  if (!same(actual.shape, expected.shape)) {
    return `shape ${text(actual.shape)} instead of ${text(expected.shape)}`;
  }
  if (actual.dtype !== expected.dtype) return `dtype ${actual.dtype} instead of ${expected.dtype}`;
  return undefined;
}

/** Says where and how far two tensors differ, or nothing. */
export function compareTensors(actual: Block, expected: Block, tolerance: Tolerance): string | undefined {
  return compareMeta(actual, expected) ?? compareValues(actual, expected, tolerance);
}

/** Values alone; the dtypes may differ (`x.add_(y)` keeps its own). */
export function compareValues(actual: Block, expected: Block, tolerance: Tolerance): string | undefined {
  const a = elements(actual.dtype, actual.bytes());
  const x = elements(expected.dtype, expected.bytes());
  if (a.length !== x.length) return `${String(a.length)} elements instead of ${String(x.length)}`;
  let wrong = 0;
  let worst = -1;
  let distance = -1;
  const exact = tolerance.rtol === 0 && tolerance.atol === 0 && tolerance.floor === 0;
  for (let i = 0; i < a.length; i++) {
    if (exact && a[i] === x[i]) continue;
    const [p, q] = [Number(a[i]), Number(x[i])];
    // Two int64 that differ are equal as numbers beyond 2^53.
    const integers = exact && typeof a[i] === "bigint" && typeof x[i] === "bigint";
    if (!integers && close(p, q, tolerance)) continue;
    wrong++;
    const d = Number.isNaN(p - q) ? Infinity : Math.abs(p - q);
    if (d > distance) [distance, worst] = [d, i];
  }
  if (wrong === 0) return undefined;
  const parts = expected.dtype.startsWith("complex") ? 2 : 1;
  return (
    `${String(wrong)} of ${String(a.length)} values differ, most at ${at(worst, parts, expected.shape)}: ` +
    `${show(a, worst)} instead of ${show(x, worst)}`
  );
}

function show(list: Elements, i: number): string {
  const v = list[i]!;
  return typeof v === "bigint" ? String(v) : String(Number(v.toPrecision(9)));
}

function at(i: number, parts: number, shape: readonly number[]): string {
  let rest = Math.floor(i / parts);
  const index = shape.map(() => 0);
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    index[axis] = rest % shape[axis]!;
    rest = Math.floor(rest / shape[axis]!);
  }
  return text(index);
}

/**
 * Results that are defined up to sign, phase and order (eigenvectors, factors of QR and SVD): same shape and dtype,
 * and the same magnitudes in any order.
 */
export function compareMagnitudes(actual: Block, expected: Block, tolerance: Tolerance): string | undefined {
  const meta = compareMeta(actual, expected);
  if (meta !== undefined) return meta;
  const a = magnitudes(actual);
  const x = magnitudes(expected);
  const wrong = x.findIndex((v, i) => !close(a[i]!, v, tolerance));
  if (wrong < 0) return undefined;
  return `magnitude ${String(wrong)} in order is ${String(a[wrong])} instead of ${String(x[wrong])}`;
}

function magnitudes({ dtype, bytes, shape }: Block): Float64Array {
  const list = elements(dtype, bytes());
  const n = product(shape);
  const out = new Float64Array(n);
  const complex = dtype.startsWith("complex");
  for (let i = 0; i < n; i++) {
    out[i] = complex ? Math.hypot(Number(list[2 * i]), Number(list[2 * i + 1])) : Math.abs(Number(list[i]));
  }
  return out.sort();
}

/** Two numbers of results that are not tensors. */
export function compareNumbers(actual: unknown, expected: number, tolerance: Tolerance): string | undefined {
  const number = typeof actual === "bigint" ? Number(actual) : actual;
  if (typeof number !== "number") return `${describe(actual)} instead of the number ${String(expected)}`;
  return close(number, expected, tolerance) ? undefined : `${String(number)} instead of ${String(expected)}`;
}

/** A value in a message. */
export function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "object") {
    return `a ${(value.constructor as { name?: string } | undefined)?.name ?? "object"}`;
  }
  return typeof value === "function" ? `the function ${value.name}` : `${typeof value} ${String(value)}`;
}
