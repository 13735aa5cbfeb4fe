/** PyTorch's type promotion. @see https://pytorch.org/docs/stable/tensor_attributes.html#type-promotion-doc */
import { bool, float64, getDefaultDtype, int64, promoteTypes, type DType } from "../tensor/dtype.js";
import { Tensor } from "../tensor/tensor.js";
import { isUserCode } from "./depth.js";
import { hostScalar } from "./leaf.js";
import { apply } from "./apply.js";
import { primitive } from "./record.js";
import type { Scalar } from "./schema.js";

/** The dtype a Python scalar would have: bool, int64, or the default floating dtype. */
export function scalarDtype(value: Scalar): DType {
  if (typeof value === "boolean") return bool;
  if (typeof value === "bigint" || Number.isInteger(value)) return int64;
  return getDefaultDtype();
}

function meet(a: DType | undefined, b: DType | undefined): DType | undefined {
  return a && b ? promoteTypes(a, b) : (a ?? b);
}

/** A category of operands yields to a lower-ranking one only when that is of a higher kind (int tensor, float scalar). */
function combine(higher: DType | undefined, lower: DType | undefined): DType | undefined {
  if (!higher || !lower) return higher ?? lower;
  if (higher.isFloatingPoint) return higher;
  return higher === bool || lower.isFloatingPoint ? promoteTypes(higher, lower) : higher;
}

/** `torch.result_type`: tensors with axes rank before 0-d tensors, and those before numbers. */
export function resultType(...operands: readonly (Tensor | Scalar)[]): DType {
  let dims: DType | undefined;
  let zero: DType | undefined;
  let wrapped: DType | undefined;
  for (const o of operands) {
    if (!(o instanceof Tensor)) wrapped = meet(wrapped, scalarDtype(o));
    else if (o.ndim > 0) dims = meet(dims, o.dtype);
    else zero = meet(zero, o.dtype);
  }
  return combine(dims, combine(zero, wrapped))!;
}

/** The dtype of results that are never integral (`div`, `sqrt`): the default floating dtype for integers. */
export function floatType(dtype: DType): DType {
  return dtype.isFloatingPoint ? dtype : getDefaultDtype();
}

/** A 0-d constant that is part of the plan's structure. */
const scalarTensor = primitive<{ value: number | bigint; dtype: DType }>({
  name: "scalar_tensor",
  infer: (_, { dtype }) => ({ shape: [], dtype }),
  grad: null,
  lower: (b, _, { value, dtype }) => {
    if (dtype.isFloatingPoint) return b.scalar(Number(value), dtype === float64 ? "float64" : "float32");
    return b.scalar(typeof value === "bigint" ? value : Math.trunc(value), dtype === bool ? "bool" : "int64");
  },
});

/** A 0-d tensor that is part of a plan's structure: for the numbers of formulas. */
export function constant(value: Scalar, dtype: DType): Tensor {
  return apply(scalarTensor, [], { value: typeof value === "boolean" ? Number(value) : value, dtype });
}

/**
 * A number as an operand: what the user writes is an input of the plan, so that a changing learning rate or weight
 * compiles nothing; what the library writes is structure.
 */
export function operand(value: Tensor | Scalar, dtype: DType): Tensor {
  if (value instanceof Tensor) return value.dtype === dtype ? value : value.to(dtype);
  return isUserCode() ? hostScalar(value, dtype) : constant(value, dtype);
}
