/** Arithmetic on elements. */
import { RuntimeError } from "../errors.js";
import type { Builder, Ref } from "../graph/builder.js";
import { bool, float64, type DType } from "../tensor/dtype.js";
import { Tensor } from "../tensor/tensor.js";
import { and, choose, eq, ge } from "./compare.js";
import { elementwise, type Elementwise, num, requireNumber, truncate, zerosFor } from "./elementwise.js";
import { binary, binaryPrimitive, page, unary } from "./family.js";
import { inPlace, titled } from "./inplace.js";
import { operand, resultType } from "./promote.js";
import { op } from "./record.js";
import type { Scalar } from "./schema.js";

const addition = binaryPrimitive("add", {
  // Two bools add as a logical or.
  lower: (b, [x, y]) => b.node(x!.dtype === "bool" ? "Or" : "Add", [x!, y!]),
  // d(x + y) = dx + dy
  grad: (g) => [() => g, () => g],
});

const subtraction = binaryPrimitive("sub", {
  lower: "Sub",
  // d(x - y) = dx - dy
  grad: (g) => [() => g, () => g.neg()],
});

/** x + αy, rounded once. d(x + αy) = dx + α dy */
const addScaled = elementwise("add_scaled", {
  lower: (b, [x, y, alpha]) => {
    const isBool = x!.dtype === "bool";
    const scaled = b.node(isBool ? "And" : "Mul", [y!, alpha!]);
    return b.node(isBool ? "Or" : "Add", [x!, scaled]);
  },
  grad: (ctx, g) => [g, () => g.mul(ctx.input(2))],
});

/** x - αy. d(x - αy) = dx - α dy */
const subScaled = elementwise("sub_scaled", {
  lower: (b, [x, y, alpha]) => b.node("Sub", [x!, b.node("Mul", [y!, alpha!])]),
  grad: (ctx, g) => [g, () => g.mul(ctx.input(2)).neg()],
});

/** `alpha` for integers must be one. */
function checkAlpha(alpha: Scalar, dtype: DType): void {
  if (typeof alpha === "boolean" && dtype !== bool)
    throw new RuntimeError("Boolean alpha only supported for Boolean results.");
  if (!dtype.isFloatingPoint && typeof alpha === "number" && !Number.isInteger(alpha)) {
    throw new RuntimeError("For integral input tensors, argument alpha must not be a floating point number.");
  }
}

function scaled(f: typeof addScaled, input: Tensor | Scalar, other: Tensor | Scalar, alpha: Scalar): Tensor {
  const dtype = resultType(input, other);
  checkAlpha(alpha, dtype);
  return f([operand(input, dtype), operand(other, dtype), operand(alpha, dtype)]);
}

export const add = op({
  signature: "add(Tensor|Scalar input, Tensor|Scalar other, *, Scalar alpha=1, Tensor? out=None) -> Tensor",
  inplace: true,
  doc: `\`input + alpha · other\`, broadcast.\n\n${page("add")}`,
  call: (input, other, alpha) =>
    alpha === 1 ? addition(input, other) : scaled(addScaled, input, other, alpha),
});

export const mul = binary({
  signature: "mul(Tensor|Scalar input, Tensor|Scalar other, *, Tensor? out=None) -> Tensor",
  aliases: ["multiply"],
  doc: `\`input · other\`, broadcast.\n\n${page("mul")}`,
  lower: (b, [x, y]) => b.node(x!.dtype === "bool" ? "And" : "Mul", [x!, y!]),
  // d(xy) = y dx + x dy
  grad: (g, x, y) => [() => g.mul(y()), () => g.mul(x())],
});

const isBoolean = (v: Tensor | Scalar): boolean =>
  v instanceof Tensor ? v.dtype === bool : typeof v === "boolean";

/** Subtraction of bools has no meaning in PyTorch. */
function checkSubtraction(a: Tensor | Scalar, b: Tensor | Scalar): void {
  if (isBoolean(a) && isBoolean(b)) {
    throw new RuntimeError(
      "Subtraction, the `-` operator, with two bool tensors is not supported. Use the `^` or `logical_xor()` operator instead.",
    );
  }
  if (isBoolean(a) || isBoolean(b)) {
    throw new RuntimeError(
      "Subtraction, the `-` operator, with a bool tensor is not supported. If you are trying to invert a mask, use the `~` or `logical_not()` operator instead.",
    );
  }
}

function difference(a: Tensor | Scalar, b: Tensor | Scalar, alpha: Scalar): Tensor {
  checkSubtraction(a, b);
  return alpha === 1 ? subtraction(a, b) : scaled(subScaled, a, b, alpha);
}

export const sub = op({
  signature: "sub(Tensor|Scalar input, Tensor|Scalar other, *, Scalar alpha=1, Tensor? out=None) -> Tensor",
  aliases: ["subtract"],
  inplace: true,
  doc: `\`input - alpha · other\`, broadcast.\n\n${page("sub")}`,
  call: difference,
});

export const rsub = op(
  {
    signature: "rsub(Tensor input, Tensor other, *, Scalar alpha=1) -> Tensor",
    doc: `\`other - alpha · input\`, broadcast.`,
    call: (input, other, alpha) => difference(other, input, alpha),
  },
  {
    signature: "rsub(Tensor input, Scalar other, Scalar alpha=1) -> Tensor",
    call: (input, other, alpha) => difference(other, input, alpha),
  },
);

const division = binaryPrimitive("div", {
  promote: "float",
  lower: "Div",
  // d(x / y) = dx / y - x dy / y²
  grad: (g, x, y) => [() => g.div(y()), () => g.neg().mul(x().div(y()).div(y()))],
});

/** Integer quotients that round, and remainders: a zero divisor raises, which only the host kernel can do. */
const roundedDivision = {
  trunc: elementwise("div_trunc", {
    lower: (b, [x, y]) => (x!.dtype === "int64" ? undefined : truncate(b, b.node("Div", [x!, y!]))),
    host: "integer.div_trunc",
    grad: (ctx) => [zerosFor(ctx.inputMeta(0)), zerosFor(ctx.inputMeta(1))],
  }),
  floor: elementwise("div_floor", {
    lower: (b, [x, y]) => (x!.dtype === "int64" ? undefined : floorDivision(b, x!, y!)),
    host: "integer.div_floor",
    grad: (ctx) => [zerosFor(ctx.inputMeta(0)), zerosFor(ctx.inputMeta(1))],
  }),
};

const different = (b: Builder, x: Ref, y: Ref): Ref =>
  b.node("Not", [b.node("Equal", [x, y], undefined, "bool")]);

/** Whether x mod y, given as C has it, has the other sign than y: then Python's remainder is off by one y. */
function oppositeSigns(b: Builder, mod: Ref, y: Ref): Ref {
  const zero = num(b, y, 0);
  const signs = b.node("Xor", [
    b.node("Less", [y, zero], undefined, "bool"),
    b.node("Less", [mod, zero], undefined, "bool"),
  ]);
  return b.node("And", [different(b, mod, zero), signs]);
}

/**
 * ⌊x / y⌋ with the quotient freed of the remainder first, so that 1 // 0.1 is 9, as in Python and PyTorch.
 */
function floorDivision(b: Builder, x: Ref, y: Ref): Ref {
  const pick = (c: Ref, p: Ref, q: Ref): Ref => b.node("Where", [c, p, q], undefined, x.dtype);
  const quotient = b.node("Div", [x, y]);
  const mod = b.node("Mod", [x, y], { fmod: 1 });
  const exact = b.node("Div", [b.node("Sub", [x, mod]), y]);
  const one = num(b, x, 1);
  const shifted = pick(oppositeSigns(b, mod, y), b.node("Sub", [exact, one]), exact);
  const floor = b.node("Floor", [shifted]);
  const gap = b.node("Sub", [shifted, floor]);
  const up = b.node("Greater", [gap, num(b, x, 0.5)], undefined, "bool");
  const rounded = pick(up, b.node("Add", [floor, one]), floor);
  const zero = num(b, x, 0);
  const signed = b.node("Mul", [quotient, zero]);
  const result = pick(b.node("Equal", [shifted, zero], undefined, "bool"), signed, rounded);
  return pick(b.node("Equal", [y, zero], undefined, "bool"), quotient, result);
}

function divide(input: Tensor | Scalar, other: Tensor | Scalar, mode: string | null): Tensor {
  if (mode === null) return division(input, other);
  if (mode !== "trunc" && mode !== "floor") {
    throw new RuntimeError(
      `div expected rounding_mode to be one of None, 'trunc', or 'floor' but found '${mode}'`,
    );
  }
  const dtype = resultType(input, other);
  requireNumber(`div_${mode}_cpu`, dtype);
  return roundedDivision[mode]([operand(input, dtype), operand(other, dtype)]);
}

export const div = op({
  signature:
    "div(Tensor|Scalar input, Tensor|Scalar other, *, str? rounding_mode=None, Tensor? out=None) -> Tensor",
  aliases: ["divide"],
  inplace: true,
  doc: `\`input / other\`, broadcast; in floating point unless \`roundingMode\` is "trunc" or "floor".\n\n${page("div")}`,
  call: divide,
});

export const trueDivide = op({
  signature: "true_divide(Tensor|Scalar input, Tensor|Scalar other, *, Tensor? out=None) -> Tensor",
  inplace: true,
  doc: `\`input / other\` in floating point, broadcast.\n\n${page("true_divide")}`,
  call: (input, other) => division(input, other),
});

export const floorDivide = op({
  signature: "floor_divide(Tensor|Scalar input, Tensor|Scalar other, *, Tensor? out=None) -> Tensor",
  inplace: true,
  doc: `⌊\`input / other\`⌋, broadcast.\n\n${page("floor_divide")}`,
  call: (input, other) => divide(input, other, "floor"),
});

const remainders = binaryPrimitive("remainder", {
  lower: (b, [x, y]) => {
    if (x!.dtype === "int64") return undefined;
    const mod = b.node("Mod", [x!, y!], { fmod: 1 });
    return b.node("Where", [oppositeSigns(b, mod, y!), b.node("Add", [mod, y!]), mod], undefined, x!.dtype);
  },
  host: "integer.remainder",
  check: (dtype) => requireNumber("remainder_cpu", dtype),
  // x mod y = x - y ⌊x / y⌋
  grad: (g, x, y) => [() => g, () => g.neg().mul(divide(x(), y(), "floor"))],
});

export const remainder = op({
  signature: "remainder(Tensor|Scalar input, Tensor|Scalar other, *, Tensor? out=None) -> Tensor",
  inplace: true,
  doc: `Python's modulus: the sign is that of \`other\`.\n\n${page("remainder")}`,
  call: (input, other) => remainders(input, other),
});

export const fmod = binary({
  signature: "fmod(Tensor input, Tensor|Scalar other, *, Tensor? out=None) -> Tensor",
  doc: `C's modulus: the sign is that of \`input\`.\n\n${page("fmod")}`,
  lower: (b, [x, y]) => (x!.dtype === "int64" ? undefined : b.node("Mod", [x!, y!], { fmod: 1 })),
  host: "integer.fmod",
  check: (dtype) => requireNumber("fmod_cpu", dtype),
  // fmod(x, y) = x - y trunc(x / y)
  grad: (g, x, y) => [() => g, () => g.neg().mul(divide(x(), y(), "trunc"))],
});

export const neg = unary({
  signature: "neg(Tensor input, *, Tensor? out=None) -> Tensor",
  aliases: ["negative"],
  doc: `\`-input\`.\n\n${page("neg")}`,
  lower: "Neg",
  check: (dtype) => {
    if (dtype === bool) {
      throw new RuntimeError(
        "Negation, the `-` operator, on a bool tensor is not supported. If you are trying to invert a mask, use the `~` or `logical_not()` operator instead.",
      );
    }
  },
  grad: (g) => g.neg(),
});

export const positive = op({
  signature: "positive(Tensor input) -> Tensor",
  doc: `\`input\` itself.\n\n${page("positive")}`,
  call: (input) => {
    if (input.dtype === bool) throw new RuntimeError("The `+` operator, on a bool tensor is not supported.");
    return input;
  },
});

export const abs = unary({
  signature: "abs(Tensor input, *, Tensor? out=None) -> Tensor",
  aliases: ["absolute"],
  doc: `|x| of every element.\n\n${page("abs")}`,
  lower: "Abs",
  check: (dtype) => requireNumber("abs_cpu", dtype),
  // d|x| = sign(x) dx, and 0 at 0
  grad: (g, x) => g.mul(sgn(x())),
});

/** ONNX's Sign gives NaN for NaN, PyTorch's gives 0. */
const signLowering = (b: Builder, [x]: readonly Ref[]): Ref => {
  const zero = num(b, x!, 0);
  if (x!.dtype === "bool") return x!;
  if (x!.dtype === "int64") return b.node("Sign", [x!]);
  const is = (c: string): Ref => b.cast(b.node(c, [x!, zero], undefined, "bool"), x!.dtype);
  return b.node("Sub", [is("Greater"), is("Less")]);
};

export const sign = unary({
  signature: "sign(Tensor input, *, Tensor? out=None) -> Tensor",
  doc: `-1, 0 or 1 by the sign of every element.\n\n${page("sign")}`,
  lower: signLowering,
  grad: (g) => zerosFor(g._value),
});

export const sgn = unary({
  signature: "sgn(Tensor input, *, Tensor? out=None) -> Tensor",
  doc: `The sign of every element.\n\n${page("sgn")}`,
  lower: signLowering,
  grad: (g) => zerosFor(g._value),
});

export const reciprocal = unary({
  signature: "reciprocal(Tensor input, *, Tensor? out=None) -> Tensor",
  doc: `1 / x of every element.\n\n${page("reciprocal")}`,
  promote: "float",
  lower: "Reciprocal",
  // d(1/x) = -dx / x²
  grad: (g, _, y) => g.neg().mul(y().mul(y())),
});

export const sqrt = unary({
  signature: "sqrt(Tensor input, *, Tensor? out=None) -> Tensor",
  doc: `Square root of every element.\n\n${page("sqrt")}`,
  promote: "float",
  lower: "Sqrt",
  // d√x = dx / 2√x
  grad: (g, _, y) => g.div(y().mul(2)),
});

export const rsqrt = unary({
  signature: "rsqrt(Tensor input, *, Tensor? out=None) -> Tensor",
  doc: `1 / √x of every element.\n\n${page("rsqrt")}`,
  promote: "float",
  lower: (b, [x]) => b.node("Reciprocal", [b.node("Sqrt", [x!])]),
  // d(1/√x) = -½ dx / x√x
  grad: (g, _, y) => g.mul(-0.5).mul(cube(y())),
});

function cube(y: Tensor): Tensor {
  return y.mul(y).mul(y);
}

/** The power by multiplications where that is exact and fast; else `undefined`. */
function smallPower(b: Builder, x: Ref, exponent: number): Ref | undefined {
  const square = (): Ref => b.node("Mul", [x, x]);
  switch (exponent) {
    case 1:
      return x;
    case 2:
      return square();
    case 3:
      return b.node("Mul", [square(), x]);
  }
  if (x.dtype === "int64") return undefined;
  switch (exponent) {
    case 0.5:
      return b.node("Sqrt", [x]);
    case -0.5:
      return b.node("Reciprocal", [b.node("Sqrt", [x])]);
    case -1:
      return b.node("Reciprocal", [x]);
    case -2:
      return b.node("Reciprocal", [square()]);
    default:
      return undefined;
  }
}

const scalarPower: Elementwise<{ exponent: number }> = elementwise("pow_scalar", {
  lower: (b, [x], { exponent }) => {
    const small = smallPower(b, x!, exponent);
    if (small || x!.dtype === "int64") return small;
    return b.node("Pow", [x!, num(b, x!, exponent)]);
  },
  host: "integer.pow",
  // d(xⁿ) = n xⁿ⁻¹ dx, and 0 for n = 0 even where x is 0
  grad: (ctx, g) => {
    const { exponent } = ctx.attrs;
    if (exponent === 0) return [zerosFor(ctx.inputMeta(0))];
    return [g.mul(scalarPower([ctx.input(0)], { exponent: exponent - 1 }).mul(exponent))];
  },
});

const tensorPower: Elementwise = elementwise("pow", {
  lower: (b, [x, y]) => (x!.dtype === "int64" ? undefined : b.node("Pow", [x!, y!])),
  host: "integer.pow",
  // d(xʸ) = y xʸ⁻¹ dx + xʸ log x dy; the first is 0 where y = 0, the second where x = 0 and y ≥ 0
  grad: (ctx, g) => [
    () => {
      const [x, y] = [ctx.input(0), ctx.input(1)];
      const slope = g.mul(y.mul(tensorPower([x, y.sub(1)])));
      return choose(eq(y, 0), 0, slope);
    },
    () => {
      const [x, y] = [ctx.input(0), ctx.input(1)];
      const flat = and(eq(x, 0), ge(y, 0));
      return choose(flat, 0, g.mul(ctx.output().mul(x.log())));
    },
  ],
});

function power(
  input: Tensor | Scalar,
  exponent: Tensor | Scalar,
  dtype = resultType(input, exponent),
): Tensor {
  requireNumber("pow", dtype);
  const base = operand(input, dtype);
  if (exponent instanceof Tensor) return tensorPower([base, operand(exponent, dtype)]);
  const n = Number(exponent);
  if (!dtype.isFloatingPoint && n < 0) {
    throw new RuntimeError("Integers to negative integer powers are not allowed.");
  }
  return scalarPower([base], { exponent: n });
}

export const pow = op({
  signature: "pow(Tensor|Scalar input, Tensor|Scalar exponent, *, Tensor? out=None) -> Tensor",
  inplace: true,
  doc: `\`input\` to the power of \`exponent\`, broadcast. A number as exponent is part of the compiled graph.\n\n${page("pow")}`,
  call: (input, exponent) => power(input, exponent),
});

function doublePower(input: Tensor | Scalar, exponent: Tensor | Scalar): Tensor {
  if (!(input instanceof Tensor) && !(exponent instanceof Tensor)) {
    throw new TypeError("float_power() received an invalid combination of arguments: two numbers");
  }
  return power(input, exponent, float64);
}

export const floatPower = op({
  signature: "float_power(Tensor|Scalar input, Tensor|Scalar exponent, *, Tensor? out=None) -> Tensor",
  doc: `\`input\` to the power of \`exponent\`, in float64.\n\n${page("float_power")}`,
  call: doublePower,
});

export const floatPower_ = op({
  signature: "float_power_(Tensor self, Tensor|Scalar exponent) -> Tensor",
  on: ["Tensor"],
  doc: `\`floatPower\` in place, of a float64 tensor.\n\n${page("float_power")}`,
  call: (self, exponent) => {
    if (self.dtype !== float64) {
      throw new RuntimeError(
        `the base given to float_power_ has dtype ${titled(self)} but the operation's result requires dtype Double`,
      );
    }
    return inPlace("float_power_", self, (old) => doublePower(old, exponent));
  },
});

export const square = op({
  signature: "square(Tensor input, *, Tensor? out=None) -> Tensor",
  inplace: true,
  doc: `x² of every element.\n\n${page("square")}`,
  call: (input) => power(input, 2),
});
