/** Orthonormal columns, and the functions of square matrices that give some. In double precision. */
import type { HostArray } from "../../tensor/dtype.js";
import { count, floatRoom, floats } from "./floats.js";
import type { HostKernel, KernelInput, KernelOutput } from "./index.js";

/** The matrices of a batch `[…, rows, columns]`, each a copy. */
function matrices(x: KernelInput): { rows: number; columns: number; each: Float64Array[] } {
  const [rows, columns] = x.shape.slice(-2) as [number, number];
  const values = floats(x);
  const size = rows * columns;
  const batch = count(x.shape.slice(0, -2));
  const each = Array.from({ length: batch }, (_, i) =>
    Float64Array.from(values.subarray(i * size, (i + 1) * size)),
  );
  return { rows, columns, each };
}

function joined(parts: readonly Float64Array[], output: KernelOutput): HostArray {
  const out = floatRoom(output.dtype, count(output.shape));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/**
 * Householder's QR in place, as LAPACK's geqrf leaves it: R on and above the diagonal, below it the reflections' v
 * without their leading 1. Gives the factors τ of the reflections I − τ v vᵀ; 0 where nothing is left to reflect.
 */
function factor(a: Float64Array, rows: number, columns: number): Float64Array {
  const at = (i: number, j: number): number => i * columns + j;
  const taus = new Float64Array(Math.min(rows, columns));
  for (let j = 0; j < taus.length; j++) {
    let below = 0;
    for (let i = j + 1; i < rows; i++) below += a[at(i, j)]! ** 2;
    if (below === 0) continue;
    const head = a[at(j, j)]!;
    const norm = Math.hypot(head, Math.sqrt(below));
    const beta = head > 0 ? -norm : norm;
    taus[j] = (beta - head) / beta;
    for (let i = j + 1; i < rows; i++) a[at(i, j)]! /= head - beta;
    a[at(j, j)] = beta;
    for (let c = j + 1; c < columns; c++) reflect(a, a, columns, rows, j, c, taus[j]!);
  }
  return taus;
}

/** Applies the `j`-th reflection kept in `v` to column `c` of `target`. */
function reflect(
  v: Float64Array,
  target: Float64Array,
  columns: number,
  rows: number,
  j: number,
  c: number,
  tau: number,
): void {
  let dot = target[j * columns + c]!;
  for (let i = j + 1; i < rows; i++) dot += v[i * columns + j]! * target[i * columns + c]!;
  dot *= tau;
  target[j * columns + c]! -= dot;
  for (let i = j + 1; i < rows; i++) target[i * columns + c]! -= dot * v[i * columns + j]!;
}

/** Q of the QR factorisation of `[rows, columns]`, rows ≥ columns, with R's diagonal positive: there is only one. */
const orthonormal: HostKernel = ([input], _attrs, [output]) => {
  const { rows, columns, each } = matrices(input!);
  const made = each.map((a) => {
    const taus = factor(a, rows, columns);
    const q = new Float64Array(rows * columns);
    for (let j = 0; j < columns; j++) q[j * columns + j] = 1;
    for (let j = columns - 1; j >= 0; j--) {
      for (let c = j; c < columns; c++) reflect(a, q, columns, rows, j, c, taus[j]!);
    }
    return q.map((x, i) => x * Math.sign(a[(i % columns) * (columns + 1)]!));
  });
  return [joined(made, output!)];
};

/** R and the reflections in one matrix, and their factors: LAPACK's geqrf. */
const reflections: HostKernel = ([input], _attrs, [compact, taus]) => {
  const { rows, columns, each } = matrices(input!);
  const factors = each.map((a) => factor(a, rows, columns));
  return [joined(each, compact!), joined(factors, taus!)];
};

/** A⁻¹ B by Gauss's elimination with row exchanges; both are used up, B holds the result. */
function solve(a: Float64Array, b: Float64Array, n: number): Float64Array {
  const swap = (m: Float64Array, i: number, j: number): void => {
    for (let c = 0; c < n; c++) [m[i * n + c], m[j * n + c]] = [m[j * n + c]!, m[i * n + c]!];
  };
  for (let j = 0; j < n; j++) {
    let pivot = j;
    for (let i = j + 1; i < n; i++) if (Math.abs(a[i * n + j]!) > Math.abs(a[pivot * n + j]!)) pivot = i;
    if (pivot !== j) {
      swap(a, j, pivot);
      swap(b, j, pivot);
    }
    for (let i = 0; i < n; i++) {
      if (i === j) continue;
      const f = a[i * n + j]! / a[j * n + j]!;
      if (f === 0) continue;
      for (let c = j; c < n; c++) a[i * n + c]! -= f * a[j * n + c]!;
      for (let c = 0; c < n; c++) b[i * n + c]! -= f * b[j * n + c]!;
    }
  }
  for (let i = 0; i < n; i++) for (let c = 0; c < n; c++) b[i * n + c]! /= a[i * n + i]!;
  return b;
}

function identity(n: number): Float64Array {
  const out = new Float64Array(n * n);
  for (let i = 0; i < n; i++) out[i * n + i] = 1;
  return out;
}

const inverse: HostKernel = ([input], _attrs, [output]) => {
  const { rows, each } = matrices(input!);
  return [
    joined(
      each.map((a) => solve(a, identity(rows), rows)),
      output!,
    ),
  ];
};

function product(a: Float64Array, b: Float64Array, n: number): Float64Array {
  const out = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < n; k++) {
      const f = a[i * n + k]!;
      if (f !== 0) for (let j = 0; j < n; j++) out[i * n + j]! += f * b[k * n + j]!;
    }
  }
  return out;
}

/**
 * e^A by scaling and squaring with Padé's approximant of degree 6.
 * @see Higham, Functions of Matrices, chapter 10
 */
function exponential(a: Float64Array, n: number): Float64Array {
  let norm = 0;
  for (let i = 0; i < n; i++) {
    let row = 0;
    for (let j = 0; j < n; j++) row += Math.abs(a[i * n + j]!);
    norm = Math.max(norm, row);
  }
  if (!Number.isFinite(norm)) return a.fill(Number.NaN);
  const squarings = norm > 0.5 ? Math.ceil(Math.log2(norm / 0.5)) : 0;
  const x = a.map((v) => v / 2 ** squarings);
  const degree = 6;
  const numerator = identity(n);
  const denominator = identity(n);
  let power = identity(n);
  let c = 1;
  for (let k = 1; k <= degree; k++) {
    c *= (degree - k + 1) / (k * (2 * degree - k + 1));
    power = product(power, x, n);
    for (let i = 0; i < power.length; i++) {
      numerator[i]! += c * power[i]!;
      denominator[i]! += (k % 2 ? -c : c) * power[i]!;
    }
  }
  let out = solve(denominator, numerator, n);
  for (let s = 0; s < squarings; s++) out = product(out, out, n);
  return out;
}

const matrixExp: HostKernel = ([input], _attrs, [output]) => {
  const { rows, each } = matrices(input!);
  return [
    joined(
      each.map((a) => exponential(a, rows)),
      output!,
    ),
  ];
};

export const orthogonalKernels = { orthonormal, reflections, inverse, matrixExp };
