/** Orthonormal columns. */
import type { HostKernel } from "./index.js";

/**
 * Q of the QR factorisation of `[rows, columns]`, rows ≥ columns, with the signs that make R's diagonal positive: then
 * there is only one. By Householder's reflections, in double precision.
 */
const orthonormal: HostKernel = ([input], _attrs, [output]) => {
  const [rows, columns] = input!.shape as [number, number];
  const a = Float64Array.from(input!.data as Float32Array | Float64Array);
  const at = (i: number, j: number): number => i * columns + j;
  const betas = new Float64Array(columns);
  const signs = new Float64Array(columns);
  for (let j = 0; j < columns; j++) {
    let square = 0;
    for (let i = j; i < rows; i++) square += a[at(i, j)]! ** 2;
    const norm = Math.sqrt(square);
    const alpha = a[at(j, j)]! > 0 ? -norm : norm;
    signs[j] = Math.sign(alpha);
    const head = a[at(j, j)]! - alpha;
    // The reflection is I − β v vᵀ with v₀ = 1; v is kept below the diagonal.
    betas[j] = norm === 0 ? 0 : -head / alpha;
    for (let i = j + 1; i < rows; i++) a[at(i, j)] = norm === 0 ? 0 : a[at(i, j)]! / head;
    for (let c = j + 1; c < columns; c++) reflect(a, a, columns, rows, j, c, betas[j]!);
  }
  const q = new Float64Array(rows * columns);
  for (let j = 0; j < columns; j++) q[at(j, j)] = 1;
  for (let j = columns - 1; j >= 0; j--) {
    for (let c = j; c < columns; c++) reflect(a, q, columns, rows, j, c, betas[j]!);
  }
  const out = output!.dtype === "float64" ? new Float64Array(q.length) : new Float32Array(q.length);
  for (let i = 0; i < q.length; i++) out[i] = q[i]! * signs[i % columns]!;
  return [out];
};

/** Applies the `j`-th reflection kept in `v` to column `c` of `target`. */
function reflect(
  v: Float64Array,
  target: Float64Array,
  columns: number,
  rows: number,
  j: number,
  c: number,
  beta: number,
): void {
  let dot = target[j * columns + c]!;
  for (let i = j + 1; i < rows; i++) dot += v[i * columns + j]! * target[i * columns + c]!;
  dot *= beta;
  target[j * columns + c]! -= dot;
  for (let i = j + 1; i < rows; i++) target[i * columns + c]! -= dot * v[i * columns + j]!;
}

export const orthogonalKernels = { orthonormal };
