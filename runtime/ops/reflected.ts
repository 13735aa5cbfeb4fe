/** Python's operators with the tensor on the right, under their Python names: `t.__rsub__(2)` is `2 - t`. */
import { Tensor } from "../tensor/tensor.js";
import { bitwiseAnd, bitwiseLeftShift, bitwiseOr, bitwiseRightShift, bitwiseXor } from "./logic.js";
import { matmul } from "./matmul.js";
import { add, floorDivide, mul, pow, remainder, sub } from "./pointwise.js";
import { op, type OpFunction } from "./record.js";
import type { Scalar } from "./schema.js";

type Reflected<N extends string> = OpFunction<`${N}(Tensor self, Tensor|Scalar other) -> Tensor`>;

function reflected<const N extends string>(
  name: N,
  symbol: string,
  call: (self: Tensor, other: Tensor | Scalar) => Tensor,
): Reflected<N> {
  return op({
    signature: `${name}(Tensor self, Tensor|Scalar other) -> Tensor` as string,
    on: ["Tensor"],
    doc: `Python's \`other ${symbol} self\`.`,
    call: call as never,
  }) as Reflected<N>;
}

export const radd = reflected("__radd__", "+", (self, other) => add(self, other));
export const rsub = reflected("__rsub__", "-", (self, other) => sub(other, self));
export const rmul = reflected("__rmul__", "*", (self, other) => mul(self, other));
export const rdiv = reflected("__rdiv__", "/", (self, other) => mul(self.reciprocal(), other));
export const rtruediv = reflected("__rtruediv__", "/", (self, other) => mul(self.reciprocal(), other));
// PyTorch makes a new tensor of the base, which has no history.
export const rpow = reflected("__rpow__", "**", (self, other) =>
  pow(other instanceof Tensor ? other.detach() : other, self),
);
export const rand = reflected("__rand__", "&", (self, other) => bitwiseAnd(self, other));
export const ror = reflected("__ror__", "|", (self, other) => bitwiseOr(self, other));
export const rxor = reflected("__rxor__", "^", (self, other) => bitwiseXor(self, other));
export const rlshift = reflected("__rlshift__", "<<", (self, other) => bitwiseLeftShift(other, self));
export const rrshift = reflected("__rrshift__", ">>", (self, other) => bitwiseRightShift(other, self));

/** As in PyTorch the operands of these two may change places: `Tensor.__rmod__(2.5, t)` is `t % 2.5`. */
function exchangeable<const N extends string>(name: N, symbol: string, call: typeof remainder): Reflected<N> {
  return op({
    signature: `${name}(Tensor|Scalar self, Tensor|Scalar other) -> Tensor` as string,
    on: ["Tensor"],
    doc: `Python's \`other ${symbol} self\`.`,
    call: ((self: Tensor | Scalar, other: Tensor) => call(other, self)) as never,
  }) as Reflected<N>;
}

export const rfloordiv = exchangeable("__rfloordiv__", "//", floorDivide);
export const rmod = exchangeable("__rmod__", "%", remainder);

export const rmatmul = op({
  signature: "__rmatmul__(Tensor self, Tensor other) -> Tensor",
  on: ["Tensor"],
  doc: "Python's `other @ self`.",
  call: (self, other) => matmul(other, self),
});
