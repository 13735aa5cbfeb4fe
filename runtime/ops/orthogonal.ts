/** Orthonormal columns, and the functions of square matrices that give some. */
import type { Attrs } from "../graph/value.js";
import type { Tensor } from "../tensor/tensor.js";
import { apply, applyAll } from "./apply.js";
import { cat } from "./join.js";
import { matmul } from "./matmul.js";
import { primitive } from "./record.js";

const orthonormalPrimitive = primitive<Attrs>({
  name: "orthonormal",
  infer: ([a]) => ({ shape: a!.shape, dtype: a!.dtype }),
  grad: null,
  host: "orthonormal",
});

/** Q of A = Q R with R's diagonal positive, for A `[…, rows, columns]`, float32 or float64, rows ≥ columns. */
export function orthonormal(a: Tensor): Tensor {
  return apply(orthonormalPrimitive, [a], {});
}

const reflectionsPrimitive = primitive<Attrs>({
  name: "geqrf",
  infer: ([a]) => [
    { shape: a!.shape, dtype: a!.dtype },
    { shape: [...a!.shape.slice(0, -2), Math.min(...a!.shape.slice(-2))], dtype: a!.dtype },
  ],
  grad: null,
  host: "reflections",
});

/** R and below its diagonal the Householder reflections of A's QR factorisation, and their factors τ. */
export function geqrf(a: Tensor): [compact: Tensor, tau: Tensor] {
  return applyAll(reflectionsPrimitive, [a], {}) as [Tensor, Tensor];
}

const inversePrimitive = primitive<Attrs>({
  name: "linalg_inv",
  infer: ([a]) => ({ shape: a!.shape, dtype: a!.dtype }),
  // d(A⁻¹) = -A⁻¹ dA A⁻¹
  grad: (ctx, g) => {
    const t = ctx.output().transpose(-2, -1);
    return [matmul(matmul(t, g), t).neg()];
  },
  host: "inverse",
});

/** A⁻¹ of `[…, n, n]`, float32 or float64. */
export function inverse(a: Tensor): Tensor {
  return apply(inversePrimitive, [a], {});
}

const matrixExpPrimitive = primitive<Attrs>({
  name: "linalg_matrix_exp",
  infer: ([a]) => ({ shape: a!.shape, dtype: a!.dtype }),
  // exp([[Aᵀ, G], [0, Aᵀ]]) has the gradient in its upper right quarter: Higham, Functions of Matrices, (3.16).
  grad: (ctx, g) => {
    const n = ctx.inputMeta(0).shape.at(-1)!;
    const t = ctx.input(0).transpose(-2, -1);
    const block = cat([cat([t, g], -1), cat([t.mul(0), t], -1)], -2);
    return [matrixExp(block).narrow(-2, 0, n).narrow(-1, n, n)];
  },
  host: "matrixExp",
});

/** e^A of `[…, n, n]`, float32 or float64. */
export function matrixExp(a: Tensor): Tensor {
  return apply(matrixExpPrimitive, [a], {});
}
