/** Arithmetic on elements. */
import { NotImplementedError, RuntimeError } from "../errors.js";
import { bool, type DType } from "../tensor/dtype.js";
import { Tensor } from "../tensor/tensor.js";
import { binary, binaryPrimitive, page, unary } from "./family.js";
import { op } from "./record.js";
import type { Scalar } from "./schema.js";

const addition = binaryPrimitive("add", {
  // Two bools add as a logical or.
  lower: (b, [x, y]) => b.node(x!.dtype === "bool" ? "Or" : "Add", [x!, y!]),
  // d(x + y) = dx + dy
  grad: (g) => [() => g, () => g],
});

/** `alpha` for integers must be one. */
function checkAlpha(alpha: Scalar, dtype: DType): void {
  if (typeof alpha === "boolean" && dtype !== bool)
    throw new RuntimeError("Boolean alpha only supported for Boolean results.");
  if (!dtype.isFloatingPoint && typeof alpha === "number" && !Number.isInteger(alpha)) {
    throw new RuntimeError("For integral input tensors, argument alpha must not be a floating point number.");
  }
}

export const add = op({
  signature: "add(Tensor input, Tensor|Scalar other, *, Scalar alpha=1, Tensor? out=None) -> Tensor",
  inplace: true,
  doc: `\`input + alpha · other\`, broadcast.\n\n${page("add")}`,
  call: (input, other, alpha) => {
    if (alpha === 1) return addition(input, other);
    const sum = addition(input, mul.record.invoke(other, alpha) as Tensor);
    checkAlpha(alpha, sum.dtype);
    return sum;
  },
});

export const mul = binary({
  signature: "mul(Tensor input, Tensor|Scalar other, *, Tensor? out=None) -> Tensor",
  aliases: ["multiply"],
  doc: `\`input · other\`, broadcast.\n\n${page("mul")}`,
  lower: (b, [x, y]) => b.node(x!.dtype === "bool" ? "And" : "Mul", [x!, y!]),
  // d(xy) = y dx + x dy
  grad: (g, x, y) => [() => g.mul(y()), () => g.mul(x())],
});

export const sub = op({
  signature: "sub(Tensor input, Tensor|Scalar other, *, Scalar alpha=1, Tensor? out=None) -> Tensor",
  aliases: ["subtract"],
  inplace: true,
  doc: `\`input - alpha · other\`, broadcast.\n\n${page("sub")}`,
  call: (input, other, alpha) => {
    if (
      input.dtype === bool &&
      (typeof other === "boolean" || (other instanceof Tensor && other.dtype === bool))
    ) {
      throw new RuntimeError(
        "Subtraction, the `-` operator, with two bool tensors is not supported. Use the `^` or `logical_xor()` operator instead.",
      );
    }
    const difference = subtraction(input, alpha === 1 ? other : (mul.record.invoke(other, alpha) as Tensor));
    checkAlpha(alpha, difference.dtype);
    return difference;
  },
});

const subtraction = binaryPrimitive("sub", {
  lower: "Sub",
  // d(x - y) = dx - dy
  grad: (g) => [() => g, () => g.neg()],
});

const division = binaryPrimitive("div", {
  promote: "float",
  lower: "Div",
  // d(x / y) = dx / y - x dy / y²
  grad: (g, x, y) => [() => g.div(y()), () => g.neg().mul(x().div(y()).div(y()))],
});

export const div = op({
  signature: "div(Tensor input, Tensor|Scalar other, *, str? rounding_mode=None, Tensor? out=None) -> Tensor",
  aliases: ["divide"],
  inplace: true,
  doc: `\`input / other\`, broadcast; in floating point unless \`roundingMode\` is "trunc" or "floor".\n\n${page("div")}`,
  call: (input, other, mode) => {
    if (mode === null) return division(input, other);
    throw new NotImplementedError(`div with roundingMode "${mode}" is not implemented`);
  },
});

export const neg = unary({
  signature: "neg(Tensor input, *, Tensor? out=None) -> Tensor",
  aliases: ["negative"],
  doc: `\`-input\`.\n\n${page("neg")}`,
  lower: "Neg",
  bool: false,
  grad: (g) => g.neg(),
});

export const exp = unary({
  signature: "exp(Tensor input, *, Tensor? out=None) -> Tensor",
  doc: `eˣ of every element.\n\n${page("exp")}`,
  promote: "float",
  lower: "Exp",
  // d exp(x) = exp(x) dx
  grad: (g, _, y) => g.mul(y()),
});

export const log = unary({
  signature: "log(Tensor input, *, Tensor? out=None) -> Tensor",
  doc: `Natural logarithm of every element.\n\n${page("log")}`,
  promote: "float",
  lower: "Log",
  // d log(x) = dx / x
  grad: (g, x) => g.div(x()),
});
