/** Numbers in steps, powers in steps, and indices of triangles. */
import { RuntimeError } from "../errors.js";
import { bool, getDefaultDtype, int64, type DType } from "../tensor/dtype.js";
import { rounding, spaced, steps } from "../tensor/ranges.js";
import type { Tensor } from "../tensor/tensor.js";
import { factoryTail, marked, type FactoryTail } from "./create.js";
import { notImplementedFor } from "./elementwise.js";
import { page } from "./family.js";
import { encode, fromData } from "./leaf.js";
import { op } from "./record.js";
import type { Scalar } from "./schema.js";

const whole = (v: Scalar): boolean => typeof v !== "number" || Number.isInteger(v);
const toBigInt = (v: Scalar): bigint => BigInt(typeof v === "number" ? Math.trunc(v) : v);

function checkRange(start: number, end: number, step: number): void {
  if (step === 0) throw new RuntimeError("step must be nonzero");
  if (!Number.isFinite(start) || !Number.isFinite(end)) {
    throw new RuntimeError(`unsupported range: ${String(start)} -> ${String(end)}`);
  }
  if (Number.isNaN(step)) throw new RuntimeError("step must be a number, not NaN");
  if ((step > 0 && end < start) || (step < 0 && end > start)) {
    throw new RuntimeError(
      `upper bound and larger bound inconsistent with step sign: from ${String(start)} to ${String(end)} in steps of ${String(step)}`,
    );
  }
}

/** int64 counts in int64: exact beyond 2⁵³, fractions cut off before. */
function wideRange(start: Scalar, end: Scalar, step: Scalar): Tensor {
  const [a, b, s] = [toBigInt(start), toBigInt(end), toBigInt(step)];
  if (s === 0n) throw new RuntimeError("step must be nonzero");
  const n = Math.max(0, Math.ceil(Number(b - a) / Number(s)));
  const values = new BigInt64Array(n);
  for (let i = 0; i < n; i++) values[i] = a + BigInt(i) * s;
  return fromData(values, [n], int64);
}

/** start, start + step, … before end. */
function range(start: Scalar, end: Scalar, step: Scalar, given: DType | null): Tensor {
  const dtype = given ?? ([start, end, step].every(whole) ? int64 : getDefaultDtype());
  const [a, b, s] = [Number(start), Number(end), Number(step)];
  checkRange(a, b, s);
  if (dtype === int64) return wideRange(start, end, step);
  if (dtype === bool) notImplementedFor("arange_cpu", bool);
  const n = Math.ceil((b - a) / s);
  const cut = dtype.isFloatingPoint ? (x: number): number => x : Math.trunc;
  return fromData(encode(steps(cut(a), cut(s), n, dtype), dtype), [n], dtype);
}

export const arange = op(
  {
    signature:
      `arange(Scalar start, Scalar end, Scalar step, ${factoryTail}) -> Tensor` as `arange(Scalar start, Scalar end, Scalar step, ${FactoryTail}) -> Tensor`,
    outDtype: "asked",
    doc: `Numbers from \`start\` (0) in steps of \`step\` (1), before \`end\`.\n\n${page("arange")}`,
    call: (start, end, step, dtype, _l, _d, _p, requiresGrad) =>
      marked(range(start, end, step, dtype), requiresGrad),
  },
  {
    signature:
      `arange(Scalar start, Scalar end, ${factoryTail}) -> Tensor` as `arange(Scalar start, Scalar end, ${FactoryTail}) -> Tensor`,
    call: (start, end, dtype, _l, _d, _p, requiresGrad) => marked(range(start, end, 1, dtype), requiresGrad),
  },
  {
    signature:
      `arange(Scalar end, ${factoryTail}) -> Tensor` as `arange(Scalar end, ${FactoryTail}) -> Tensor`,
    call: (end, dtype, _l, _d, _p, requiresGrad) => marked(range(0, end, 1, dtype), requiresGrad),
  },
);

export const range_ = op({
  signature:
    `range(Scalar start, Scalar end, Scalar step=1, ${factoryTail}) -> Tensor` as `range(Scalar start, Scalar end, Scalar step=1, ${FactoryTail}) -> Tensor`,
  on: ["torch"],
  outDtype: "asked",
  doc: `Numbers from \`start\` in steps of \`step\`, up to and including \`end\`; PyTorch wants \`torch.arange\` used instead.\n\n${page("range")}`,
  call: (start, end, step, dtype, _l, _d, _p, requiresGrad) => {
    const type = dtype ?? getDefaultDtype();
    const [a, b, s] = [Number(start), Number(end), Number(step)];
    checkRange(a, b, s);
    const n = Math.floor((b - a) / s) + 1;
    return marked(fromData(encode(steps(a, s, n, type), type), [n], type), requiresGrad);
  },
});

function checkSteps(n: number): void {
  if (n < 0) throw new RuntimeError(`number of steps must be non-negative, not ${String(n)}`);
}

export const linspace = op({
  signature:
    `linspace(Scalar start, Scalar end, int steps=100, ${factoryTail}) -> Tensor` as `linspace(Scalar start, Scalar end, int steps=100, ${FactoryTail}) -> Tensor`,
  outDtype: "asked",
  doc: `\`steps\` numbers evenly spaced from \`start\` to \`end\`, both included.\n\n${page("linspace")}`,
  call: (start, end, n, dtype, _l, _d, _p, requiresGrad) => {
    checkSteps(n);
    const type = dtype ?? getDefaultDtype();
    if (type === bool) notImplementedFor("linspace_cpu", bool);
    const values = n === 0 ? new Float64Array(0) : spaced(Number(start), Number(end), n, type);
    return marked(fromData(encode(values, type), [n], type), requiresGrad);
  },
});

/** base^start … base^end, the exponents evenly spaced. */
function powers(start: number, end: number, n: number, base: number, dtype: DType): Float64Array {
  const round = rounding(dtype);
  const own = dtype.isFloatingPoint ? round : (x: number): number => x;
  const [a, b, root] = [round(start), round(end), own(base)];
  const step = own(own(b - a) / own(n - 1));
  return Float64Array.from({ length: n }, (_, i) => {
    const exponent = i < Math.floor(n / 2) ? a + own(step * i) : b - own(step * (n - i - 1));
    return root ** own(n === 1 ? a : exponent);
  });
}

export const logspace = op({
  signature:
    `logspace(Scalar start, Scalar end, int steps=100, float base=10.0, ${factoryTail}) -> Tensor` as `logspace(Scalar start, Scalar end, int steps=100, float base=10.0, ${FactoryTail}) -> Tensor`,
  outDtype: "asked",
  doc: `\`base\` to the power of \`steps\` exponents evenly spaced from \`start\` to \`end\`.\n\n${page("logspace")}`,
  call: (start, end, n, base, dtype, _l, _d, _p, requiresGrad) => {
    checkSteps(n);
    const type = dtype ?? getDefaultDtype();
    if (type === bool) notImplementedFor("logspace_cpu", bool);
    const values = powers(Number(start), Number(end), n, base, type);
    return marked(fromData(encode(values, type), [n], type), requiresGrad);
  },
});

/** Rows and columns of the elements of a triangle, in C order: `[2, n]`. */
function triangle(
  row: number,
  col: number,
  dtype: DType | null,
  columns: (i: number) => readonly [from: number, to: number],
): Tensor {
  if (row < 0 || col < 0) {
    throw new RuntimeError(`row and col must be non-negative, got ${String(row)} and ${String(col)}`);
  }
  const type = dtype ?? int64;
  const rows: number[] = [];
  const cols: number[] = [];
  for (let i = 0; i < row; i++) {
    const [from, to] = columns(i);
    for (let j = Math.max(0, from); j < Math.min(col, to); j++) {
      rows.push(i);
      cols.push(j);
    }
  }
  return fromData(encode([...rows, ...cols], type), [2, rows.length], type);
}

const triangleTail =
  "*, dtype? dtype=None, any layout=None, device? device=None, bool pin_memory=False, bool requires_grad=False";
type TriangleTail =
  "*, dtype? dtype=None, any layout=None, device? device=None, bool pin_memory=False, bool requires_grad=False";

export const trilIndices = op({
  signature:
    `tril_indices(int row, int col, int offset=0, ${triangleTail}) -> Tensor` as `tril_indices(int row, int col, int offset=0, ${TriangleTail}) -> Tensor`,
  doc: `Rows and columns of the elements on and below a diagonal of a \`row\` × \`col\` matrix: \`[2, n]\`.\n\n${page("tril_indices")}`,
  call: (row, col, offset, dtype) => triangle(row, col, dtype, (i) => [0, i + offset + 1]),
});

export const triuIndices = op({
  signature:
    `triu_indices(int row, int col, int offset=0, ${triangleTail}) -> Tensor` as `triu_indices(int row, int col, int offset=0, ${TriangleTail}) -> Tensor`,
  doc: `Rows and columns of the elements on and above a diagonal of a \`row\` × \`col\` matrix: \`[2, n]\`.\n\n${page("triu_indices")}`,
  call: (row, col, offset, dtype) => triangle(row, col, dtype, (i) => [i + offset, col]),
});

export const scalarTensor = op({
  signature:
    `scalar_tensor(Scalar s, ${triangleTail}) -> Tensor` as `scalar_tensor(Scalar s, ${TriangleTail}) -> Tensor`,
  doc: "A 0-d tensor of one number, in the default dtype unless said.",
  call: (value, dtype, _l, _d, _p, requiresGrad) => {
    const type = dtype ?? getDefaultDtype();
    return marked(fromData(encode([value], type), [], type), requiresGrad);
  },
});
