/** Products over chosen axes: `tensordot`, `inner`, `kron`, `cross` and chains of matrices. */
import { NotImplementedError, RuntimeError } from "../errors.js";
import { numel } from "../graph/value.js";
import { bool, int64 } from "../tensor/dtype.js";
import { Tensor } from "../tensor/tensor.js";
import { wrapDim } from "./dims.js";
import { notImplementedFor } from "./elementwise.js";
import { broadcastShapes, page } from "./family.js";
import { titled } from "./inplace.js";
import { matmul, mm } from "./matmul.js";
import { fromData } from "./leaf.js";
import { op } from "./record.js";
import { sumDims } from "./reduce.js";
import { expandTo } from "./view.js";

export function checkSameDtype(a: Tensor, b: Tensor): void {
  if (a.dtype === b.dtype) return;
  throw new RuntimeError(`expected scalar type ${titled(a)} but found ${titled(b)}`);
}

const product = (t: Tensor, axes: readonly number[]): number => numel(axes.map((a) => t._shape[a]!));

/** Sums over `a`'s and `b`'s axes in `pairs`; the result has the axes of `a` that are left, then those of `b`. */
function contract(a: Tensor, b: Tensor, left: readonly number[], right: readonly number[]): Tensor {
  const keepA = [...a._shape.keys()].filter((i) => !left.includes(i));
  const keepB = [...b._shape.keys()].filter((i) => !right.includes(i));
  const rows = a.permute([...keepA, ...left]).reshape(product(a, keepA), product(a, left));
  const columns = b.permute([...right, ...keepB]).reshape(product(b, right), product(b, keepB));
  return mm(rows, columns).reshape([...keepA.map((i) => a._shape[i]!), ...keepB.map((i) => b._shape[i]!)]);
}

function tensordotImpl(a: Tensor, b: Tensor, left: readonly number[], right: readonly number[]): Tensor {
  if (left.length !== right.length) throw new RuntimeError("both dimension lists should have same length");
  checkSameDtype(a, b);
  const axesA = left.map((d) => wrapDim(d, a.ndim));
  const axesB = right.map((d) => wrapDim(d, b.ndim));
  let [x, y] = [a, b];
  axesA.forEach((i, k) => {
    const j = axesB[k]!;
    const [n, m] = [x._shape[i]!, y._shape[j]!];
    if (n === m) return;
    // An axis of size 1 is broadcast: the other one is summed.
    if (m === 1) x = sumDims(x, [i], true);
    else if (n === 1) y = sumDims(y, [j], true);
    else {
      throw new RuntimeError(
        `contracted dimensions need to match, but first has size ${String(n)} in dim ${String(left[k])} and second has size ${String(m)} in dim ${String(right[k])}`,
      );
    }
  });
  return contract(x, y, axesA, axesB);
}

function dotAxes(dims: unknown, a: Tensor): readonly [readonly number[], readonly number[]] {
  const given = dims instanceof Tensor ? (dims.tolist() as unknown) : dims;
  if (typeof given === "number") {
    if (given < 0) throw new RuntimeError(`tensordot expects dims >= 0, but got dims=${String(given)}`);
    const last = Array.from({ length: given }, (_, i) => i - given);
    if (given > a.ndim) wrapDim(-given, a.ndim);
    return [last, last.map((_, i) => i)];
  }
  if (Array.isArray(given) && given.length === 2) {
    const list = (v: unknown): readonly number[] => (Array.isArray(v) ? (v as number[]) : [v as number]);
    return [list(given[0]), list(given[1])];
  }
  throw new RuntimeError("tensordot expects dims to be an int, two lists of ints, or a [2, n] tensor");
}

export const tensordot = op({
  signature: "tensordot(Tensor a, Tensor b, any dims=2, Tensor? out=None) -> Tensor",
  on: ["torch"],
  outDtype: "exact",
  doc: `Sums products over the last \`dims\` axes of \`a\` and the first of \`b\`, or over the axes in two lists.\n\n${page("tensordot")}`,
  call: (a, b, dims) => tensordotImpl(a, b, ...dotAxes(dims, a)),
});

export const inner = op({
  signature: "inner(Tensor input, Tensor other, *, Tensor? out=None) -> Tensor",
  outDtype: "exact",
  doc: `Sums of products over the last axis of both.\n\n${page("inner")}`,
  call: (input, other) => {
    if (input.ndim === 0 || other.ndim === 0) return input.mul(other);
    if (input._shape.at(-1) !== other._shape.at(-1)) {
      throw new RuntimeError(
        `inner() the last dimension must match on both input tensors but got shapes [${input._shape.join(", ")}] and [${other._shape.join(", ")}]`,
      );
    }
    return tensordotImpl(input, other, [-1], [-1]);
  },
});

export const kron = op({
  signature: "kron(Tensor input, Tensor other, *, Tensor? out=None) -> Tensor",
  doc: `The Kronecker product: every element of \`input\` times all of \`other\`.\n\n${page("kron")}`,
  call: (input, other) => {
    const rank = Math.max(input.ndim, other.ndim);
    const full = (t: Tensor): number[] => [...Array.from({ length: rank - t.ndim }, () => 1), ...t._shape];
    const [n, m] = [full(input), full(other)];
    const blocks = input.reshape(n.flatMap((d) => [d, 1])).mul(other.reshape(m.flatMap((d) => [1, d])));
    return blocks.reshape(n.map((d, i) => d * m[i]!));
  },
});

const positions = (list: readonly number[]): Tensor =>
  fromData(BigInt64Array.from(list, BigInt), [list.length], int64);

export const cross = op({
  signature: "cross(Tensor input, Tensor other, int? dim=None, *, Tensor? out=None) -> Tensor",
  outDtype: "exact",
  doc: `Vector products of vectors along \`dim\`, an axis of size 3; the first such axis unless given.\n\n${page("cross")}`,
  call: (input, other, dim) => {
    if (input.ndim !== other.ndim) {
      throw new RuntimeError("linalg.cross: inputs must have the same number of dimensions.");
    }
    const first = input._shape.indexOf(3);
    if (dim === null && first < 0) {
      throw new RuntimeError(`no dimension of size 3 in input [${input._shape.join(", ")}]`);
    }
    const d = dim === null ? first : wrapDim(dim, input.ndim);
    if (input._shape[d] !== 3 || other._shape[d] !== 3) {
      throw new RuntimeError(
        `linalg.cross: inputs dimension ${String(d)} must have length 3. Got ${String(input._shape[d])} and ${String(other._shape[d])}`,
      );
    }
    checkSameDtype(input, other);
    if (input.dtype === bool) notImplementedFor("cross", bool);
    const shape = broadcastShapes(input._shape, other._shape);
    const [a, b] = [expandTo(input, shape), expandTo(other, shape)];
    // (a × b)ᵢ = aᵢ₊₁ bᵢ₊₂ − aᵢ₊₂ bᵢ₊₁
    const [next, last] = [positions([1, 2, 0]), positions([2, 0, 1])];
    const at = (t: Tensor, index: Tensor): Tensor => t.indexSelect(d, index);
    return at(a, next)
      .mul(at(b, last))
      .sub(at(a, last).mul(at(b, next)));
  },
});

/** Where to split every stretch of a chain of matrices so that its product takes the fewest multiplications. */
function splits(sizes: readonly number[]): number[][] {
  const n = sizes.length - 1;
  const cost = Array.from({ length: n }, () => new Array<number>(n).fill(0));
  const at = Array.from({ length: n }, () => new Array<number>(n).fill(0));
  for (let length = 2; length <= n; length++) {
    for (let i = 0; i + length <= n; i++) {
      const j = i + length - 1;
      cost[i]![j] = Infinity;
      for (let k = i; k < j; k++) {
        const c = cost[i]![k]! + cost[k + 1]![j]! + sizes[i]! * sizes[k + 1]! * sizes[j + 1]!;
        if (c < cost[i]![j]!) {
          cost[i]![j] = c;
          at[i]![j] = k;
        }
      }
    }
  }
  return at;
}

export const chainMatmul = op({
  signature: "chain_matmul(Tensor... matrices, *, Tensor? out=None) -> Tensor",
  on: ["torch"],
  outDtype: "exact",
  doc: `The product of a chain of matrices, in the order that takes the fewest multiplications.\n\n${page("chain_matmul")}`,
  call: (matrices) => {
    if (matrices.length === 0) throw new RuntimeError("chain_matmul(): Expected one or more matrices");
    matrices.forEach((m, i) => {
      if (m.ndim !== 2) {
        throw new RuntimeError(`Tensor dimension is ${String(m.ndim)}, expected 2 instead.`);
      }
      const before = matrices[i - 1];
      if (before && before._shape[1] !== m._shape[0]) {
        throw new RuntimeError(
          `multi_dot(): tensors ${String(i - 1)} and ${String(i)} with shapes [${before._shape.join(", ")}] and [${m._shape.join(", ")}] cannot be multiplied`,
        );
      }
    });
    const at = splits([matrices[0]!._shape[0]!, ...matrices.map((m) => m._shape[1]!)]);
    const multiply = (i: number, j: number): Tensor =>
      i === j ? matrices[i]! : mm(multiply(i, at[i]![j]!), multiply(at[i]![j]! + 1, j));
    return multiply(0, matrices.length - 1);
  },
});

export const matrixPower = op({
  signature: "matrix_power(Tensor input, int n, *, Tensor? out=None) -> Tensor",
  outDtype: "exact",
  doc: `The n-th power of square matrices \`[…, m, m]\`, n ≥ 0, by squaring.\n\n${page("matrix_power")}`,
  call: (input, n) => {
    const [rows, columns] = input._shape.slice(-2);
    if (input.ndim < 2 || rows !== columns) {
      throw new RuntimeError(
        `linalg.matrix_power: A must be batches of square matrices, but they are ${String(rows)} by ${String(columns)} matrices`,
      );
    }
    if (n < 0)
      throw new NotImplementedError(
        "matrix_power of a negative power is not implemented: it needs the inverse",
      );
    if (n === 0) {
      const one = fromData(BigInt64Array.of(1n), [1], int64).expand(rows!).diagEmbed();
      return expandTo(one.to(input.dtype), input._shape).clone();
    }
    let base = input;
    let result: Tensor | undefined;
    for (let e = n; ; base = matmul(base, base)) {
      if (e % 2 === 1) result = result ? matmul(result, base) : base;
      e = Math.floor(e / 2);
      if (e === 0) return result === input ? input.clone() : result!;
    }
  },
});
