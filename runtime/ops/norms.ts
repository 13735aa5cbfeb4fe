/** Norms, distances, and cutting down to a norm. */
import { NotImplementedError, RuntimeError, ValueError } from "../errors.js";
import { float32, type DType } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { choose, gt } from "./compare.js";
import { castTo } from "./convert.js";
import { wrapDim, wrapDims } from "./dims.js";
import { page } from "./family.js";
import { titled } from "./inplace.js";
import { op } from "./record.js";
import type { Scalar } from "./schema.js";
import { vectorNorm } from "./vector-norm.js";

function checkedNorm(
  input: Tensor,
  p: number,
  dim: readonly number[] | null,
  keepdim: boolean,
  dtype: DType | null,
): Tensor {
  if (!input.dtype.isFloatingPoint) {
    throw new RuntimeError(
      `linalg.vector_norm: Expected a floating point or complex tensor as input. Got ${titled(input)}`,
    );
  }
  if (dtype && !dtype.isFloatingPoint) {
    throw new RuntimeError(
      `linalg.vector_norm: dtype should be floating point or complex. Got dtype=${String(dtype)}`,
    );
  }
  // Of nothing, `torch.norm` is 0 whatever the order; `linalg.vector_norm` refuses some.
  const order = input.numel() === 0 ? 1 : p;
  return vectorNorm(dtype ? castTo(input, dtype) : input, order, wrapDims(dim, input.ndim), keepdim);
}

function frobenius(input: Tensor, dim: readonly number[] | null, keepdim: boolean): Tensor {
  if (dim && dim.length > 2) {
    throw new RuntimeError(
      `Expected at most 2 dimensions, but got ${String(dim.length)} dimensions instead.`,
    );
  }
  return checkedNorm(input, 2, dim, keepdim, null);
}

function nuclear(): never {
  throw new NotImplementedError("the nuclear norm needs singular values, which are not implemented");
}

export const norm = op({
  signature:
    "norm(Tensor input, float|str? p='fro', int[]? dim=None, bool keepdim=False, Tensor? out=None, dtype? dtype=None) -> Tensor",
  doc: `The \`p\`-norm of all elements or over \`dim\`: (Σ |x|ᵖ)^(1/p), for \`"fro"\` with p = 2.\n\n${page("norm")}`,
  call: (input, p, dim, keepdim, dtype) => {
    if (typeof p !== "string") return checkedNorm(input, p ?? 2, dim, keepdim, dtype);
    if (p !== "fro" && p !== "nuc") {
      throw new RuntimeError(`only valid string values are 'fro' and 'nuc', found ${p}`);
    }
    if (dtype) {
      throw new ValueError(
        `dtype argument is not supported in ${p === "fro" ? "frobenius" : "nuclear"} norm`,
      );
    }
    if (p === "nuc") return nuclear();
    return dim ? frobenius(input, dim, keepdim) : checkedNorm(input, 2, null, keepdim, null);
  },
});

export const frobeniusNorm = op(
  {
    signature: "frobenius_norm(Tensor input) -> Tensor",
    on: ["torch"],
    doc: `The square root of the sum of squares.\n\n${page("norm")}`,
    call: (input) => frobenius(input, null, false),
  },
  {
    signature: "frobenius_norm(Tensor input, int[] dim, bool keepdim=False, *, Tensor? out=None) -> Tensor",
    call: frobenius,
  },
);

export const normExceptDim = op({
  signature: "norm_except_dim(Tensor v, int pow=2, int dim=0) -> Tensor",
  on: ["torch"],
  doc: "The p-norms over all axes but `dim`, which stay as axes of size 1; over all of them for `dim` -1.",
  call: (v, power, dim) => {
    if (dim === -1) return checkedNorm(v, power, null, false, null);
    const d = wrapDim(dim, v.ndim);
    const others = [...v._shape.keys()].filter((i) => i !== d);
    return others.length === 0 ? v.abs() : checkedNorm(v, power, others, true, null);
  },
});

export const dist = op({
  signature: "dist(Tensor input, Tensor other, Scalar p=2) -> Tensor",
  doc: `The \`p\`-norm of \`input - other\`, broadcast.\n\n${page("dist")}`,
  call: (input, other, p) => checkedNorm(input.sub(other), Number(p), null, false, null),
});

/** Halves are measured in float32, as their norms are there. */
const wide = (x: Tensor): Tensor => (x.dtype.itemsize === 2 ? castTo(x, float32) : x);

function renormalized(input: Tensor, p: number, dim: number, maxnorm: Scalar): Tensor {
  if (!input.dtype.isFloatingPoint) {
    throw new RuntimeError(`renorm: expected a floating point tensor, but got ${titled(input)}`);
  }
  if (!(p > 0)) throw new RuntimeError(`renorm: non-positive-norm not supported, got ${String(p)}`);
  if (!(Number(maxnorm) >= 0)) {
    throw new RuntimeError(`renorm: expected maxnorm to be >= 0 but got ${String(maxnorm)}`);
  }
  if (input.ndim < 2) {
    throw new RuntimeError(`renorm: input needs at least 2 dimensions, got ${String(input.ndim)} dimensions`);
  }
  const kept = wrapDim(dim, input.ndim);
  const x = wide(input);
  const dims = [...x._shape.keys()].filter((d) => d !== kept);
  const size = vectorNorm(x, p, dims, true);
  const scale = size.add(1e-7).reciprocal().mul(maxnorm);
  return castTo(x.mul(choose(gt(size, maxnorm), scale, 1)), input.dtype);
}

export const renorm = op({
  signature: "renorm(Tensor input, Scalar p, int dim, Scalar maxnorm, *, Tensor? out=None) -> Tensor",
  inplace: true,
  outDtype: "exact",
  doc: `Every slice along \`dim\` whose \`p\`-norm is above \`maxnorm\` is scaled down to it.\n\n${page("renorm")}`,
  call: (input, p, dim, maxnorm) => renormalized(input, Number(p), dim, maxnorm),
});
