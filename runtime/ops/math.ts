/** Exponentials, logarithms, trigonometry, and the functions of the normal distribution. */
import type { Builder, Ref } from "../graph/builder.js";
import type { Tensor } from "../tensor/tensor.js";
import { and, choose, eq, ge, le } from "./compare.js";
import { asFloat, elementwise, num } from "./elementwise.js";
import { binary, page, unary } from "./family.js";
import { op } from "./record.js";

/** A function with a float32 kernel in ONNX Runtime; float64 is computed by the host. */
function single(node: string): (b: Builder, inputs: readonly Ref[]) => Ref | undefined {
  return (b, [x]) => (x!.dtype === "float32" ? b.node(node, [x!]) : undefined);
}

/** A float32 function computed in double precision, where the formula in float32 would lose digits. */
function widened(
  formula: (b: Builder, x: Ref) => Ref,
): (b: Builder, inputs: readonly Ref[]) => Ref | undefined {
  return (b, [x]) =>
    x!.dtype === "float32" ? b.cast(formula(b, b.cast(x!, "float64")), "float32") : undefined;
}

const less = (b: Builder, x: Ref, bound: number): Ref =>
  b.node("Less", [b.node("Abs", [x]), num(b, x, bound)], undefined, "bool");
const pick = (b: Builder, c: Ref, x: Ref, y: Ref): Ref => b.node("Where", [c, x, y], undefined, x.dtype);
const times = (b: Builder, x: Ref, factor: number): Ref => b.node("Mul", [x, num(b, x, factor)]);
const plus = (b: Builder, x: Ref, term: number): Ref => b.node("Add", [x, num(b, x, term)]);

/** c₀ + c₁x + c₂x² … */
function polynomial(b: Builder, x: Ref, coefficients: readonly number[]): Ref {
  const [last, ...rest] = [...coefficients].reverse();
  return rest.reduce((sum, c) => plus(b, b.node("Mul", [sum, x]), c), num(b, x, last!));
}

export const exp = unary({
  signature: "exp(Tensor input, *, Tensor? out=None) -> Tensor",
  doc: `eˣ of every element.\n\n${page("exp")}`,
  promote: "float",
  lower: "Exp",
  // d exp(x) = exp(x) dx
  grad: (g, _, y) => g.mul(y()),
});

export const exp2 = unary({
  signature: "exp2(Tensor input, *, Tensor? out=None) -> Tensor",
  doc: `2ˣ of every element.\n\n${page("exp2")}`,
  promote: "float",
  lower: (b, [x]) => b.node("Pow", [num(b, x!, 2), x!]),
  // d 2ˣ = 2ˣ ln 2 dx
  grad: (g, _, y) => g.mul(y()).mul(Math.LN2),
});

export const expm1 = unary({
  signature: "expm1(Tensor input, *, Tensor? out=None) -> Tensor",
  doc: `eˣ - 1 of every element, exact near 0.\n\n${page("expm1")}`,
  promote: "float",
  lower: widened((b, x) => {
    const series = b.node("Mul", [x, polynomial(b, x, [1, 1 / 2, 1 / 6, 1 / 24])]);
    return pick(b, less(b, x, 1e-4), series, plus(b, b.node("Exp", [x]), -1));
  }),
  host: "unary.expm1",
  grad: (g, _, y) => g.mul(y().add(1)),
});

export const log = unary({
  signature: "log(Tensor input, *, Tensor? out=None) -> Tensor",
  doc: `Natural logarithm of every element.\n\n${page("log")}`,
  promote: "float",
  lower: "Log",
  // d log(x) = dx / x
  grad: (g, x) => g.div(x()),
});

export const log2 = unary({
  signature: "log2(Tensor input, *, Tensor? out=None) -> Tensor",
  doc: `Logarithm to base 2.\n\n${page("log2")}`,
  promote: "float",
  lower: widened((b, x) => times(b, b.node("Log", [x]), Math.LOG2E)),
  host: "unary.log2",
  grad: (g, x) => g.div(x().mul(Math.LN2)),
});

export const log10 = unary({
  signature: "log10(Tensor input, *, Tensor? out=None) -> Tensor",
  doc: `Logarithm to base 10.\n\n${page("log10")}`,
  promote: "float",
  lower: widened((b, x) => times(b, b.node("Log", [x]), Math.LOG10E)),
  host: "unary.log10",
  grad: (g, x) => g.div(x().mul(Math.LN10)),
});

export const log1p = unary({
  signature: "log1p(Tensor input, *, Tensor? out=None) -> Tensor",
  doc: `log(1 + x) of every element, exact near 0.\n\n${page("log1p")}`,
  promote: "float",
  lower: widened((b, x) => {
    const series = b.node("Mul", [x, polynomial(b, x, [1, -1 / 2, 1 / 3, -1 / 4])]);
    return pick(b, less(b, x, 1e-4), series, b.node("Log", [plus(b, x, 1)]));
  }),
  host: "unary.log1p",
  grad: (g, x) => g.div(x().add(1)),
});

export const sin = unary({
  signature: "sin(Tensor input, *, Tensor? out=None) -> Tensor",
  doc: `Sine of every element.\n\n${page("sin")}`,
  promote: "float",
  lower: "Sin",
  grad: (g, x): Tensor => g.mul(cos(x())),
});

export const cos = unary({
  signature: "cos(Tensor input, *, Tensor? out=None) -> Tensor",
  doc: `Cosine of every element.\n\n${page("cos")}`,
  promote: "float",
  lower: "Cos",
  grad: (g, x): Tensor => g.mul(sin(x()).neg()),
});

export const tan = unary({
  signature: "tan(Tensor input, *, Tensor? out=None) -> Tensor",
  doc: `Tangent of every element.\n\n${page("tan")}`,
  promote: "float",
  lower: single("Tan"),
  host: "unary.tan",
  // d tan = (1 + tan²) dx
  grad: (g, _, y) => g.mul(y().mul(y()).add(1)),
});

export const asin = unary({
  signature: "asin(Tensor input, *, Tensor? out=None) -> Tensor",
  aliases: ["arcsin"],
  doc: `Inverse sine of every element.\n\n${page("asin")}`,
  promote: "float",
  lower: single("Asin"),
  host: "unary.asin",
  // d asin = dx / √(1 - x²)
  grad: (g, x) => g.mul(rsqrtOf(oneMinusSquare(x()))),
});

export const acos = unary({
  signature: "acos(Tensor input, *, Tensor? out=None) -> Tensor",
  aliases: ["arccos"],
  doc: `Inverse cosine of every element.\n\n${page("acos")}`,
  promote: "float",
  lower: single("Acos"),
  host: "unary.acos",
  grad: (g, x) => g.neg().mul(rsqrtOf(oneMinusSquare(x()))),
});

const squareOf = (x: Tensor): Tensor => x.mul(x);
const oneMinusSquare = (x: Tensor): Tensor => squareOf(x).neg().add(1);
const rsqrtOf = (x: Tensor): Tensor => x.pow(-0.5);

export const atan = unary({
  signature: "atan(Tensor input, *, Tensor? out=None) -> Tensor",
  aliases: ["arctan"],
  doc: `Inverse tangent of every element.\n\n${page("atan")}`,
  promote: "float",
  lower: single("Atan"),
  host: "unary.atan",
  // d atan = dx / (1 + x²)
  grad: (g, x) => g.div(squareOf(x()).add(1)),
});

export const atan2 = binary({
  signature: "atan2(Tensor input, Tensor other, *, Tensor? out=None) -> Tensor",
  aliases: ["arctan2"],
  doc: `The angle of the point (\`other\`, \`input\`), broadcast.\n\n${page("atan2")}`,
  promote: "float",
  lower: () => undefined,
  host: "float.atan2",
  // d atan2(y, x) = (x dy - y dx) / (x² + y²)
  grad: (g, y, x) => {
    const slope = (): Tensor => g.mul(squareOf(x()).add(squareOf(y())).reciprocal());
    return [() => slope().mul(x()), () => slope().mul(y().neg())];
  },
});

export const sinh = unary({
  signature: "sinh(Tensor input, *, Tensor? out=None) -> Tensor",
  doc: `Hyperbolic sine of every element.\n\n${page("sinh")}`,
  promote: "float",
  lower: single("Sinh"),
  host: "unary.sinh",
  grad: (g, x): Tensor => g.mul(cosh(x())),
});

export const cosh = unary({
  signature: "cosh(Tensor input, *, Tensor? out=None) -> Tensor",
  doc: `Hyperbolic cosine of every element.\n\n${page("cosh")}`,
  promote: "float",
  lower: single("Cosh"),
  host: "unary.cosh",
  grad: (g, x): Tensor => g.mul(sinh(x())),
});

export const tanh = unary({
  signature: "tanh(Tensor input, *, Tensor? out=None) -> Tensor",
  on: ["torch", "Tensor", "F"],
  doc: `Hyperbolic tangent of every element.\n\n${page("tanh")}`,
  promote: "float",
  lower: "Tanh",
  // d tanh = (1 - tanh²) dx
  grad: (g, _, y) => g.mul(oneMinusSquare(y())),
});

export const asinh = unary({
  signature: "asinh(Tensor input, *, Tensor? out=None) -> Tensor",
  aliases: ["arcsinh"],
  doc: `Inverse hyperbolic sine of every element.\n\n${page("asinh")}`,
  promote: "float",
  lower: () => undefined,
  host: "unary.asinh",
  grad: (g, x) => g.mul(rsqrtOf(squareOf(x()).add(1))),
});

export const acosh = unary({
  signature: "acosh(Tensor input, *, Tensor? out=None) -> Tensor",
  aliases: ["arccosh"],
  doc: `Inverse hyperbolic cosine of every element.\n\n${page("acosh")}`,
  promote: "float",
  lower: () => undefined,
  host: "unary.acosh",
  grad: (g, x) => g.mul(rsqrtOf(squareOf(x()).sub(1))),
});

export const atanh = unary({
  signature: "atanh(Tensor input, *, Tensor? out=None) -> Tensor",
  aliases: ["arctanh"],
  doc: `Inverse hyperbolic tangent of every element.\n\n${page("atanh")}`,
  promote: "float",
  lower: () => undefined,
  host: "unary.atanh",
  grad: (g, x) => g.div(oneMinusSquare(x())),
});

export const erf = unary({
  signature: "erf(Tensor input, *, Tensor? out=None) -> Tensor",
  doc: `The error function, 2/√π ∫₀ˣ exp(-t²) dt.\n\n${page("erf")}`,
  on: ["torch", "Tensor", "special"],
  promote: "float",
  lower: single("Erf"),
  host: "unary.erf",
  // d erf = 2/√π exp(-x²) dx
  grad: (g, x) =>
    exp(squareOf(x()).neg())
      .mul(2 / Math.sqrt(Math.PI))
      .mul(g),
});

export const erfc = unary({
  signature: "erfc(Tensor input, *, Tensor? out=None) -> Tensor",
  doc: `1 - erf(x), exact for large x.\n\n${page("erfc")}`,
  on: ["torch", "Tensor", "special"],
  promote: "float",
  lower: () => undefined,
  host: "unary.erfc",
  grad: (g, x) =>
    exp(squareOf(x()).neg())
      .mul(-2 / Math.sqrt(Math.PI))
      .mul(g),
});

export const erfinv = unary({
  signature: "erfinv(Tensor input, *, Tensor? out=None) -> Tensor",
  doc: `The inverse of the error function.\n\n${page("erfinv")}`,
  on: ["torch", "Tensor", "special"],
  promote: "float",
  lower: () => undefined,
  host: "unary.erfinv",
  // d erfinv(x) = √π/2 exp(erfinv(x)²) dx
  grad: (g, _, y) =>
    exp(squareOf(y()))
      .mul(Math.sqrt(Math.PI) / 2)
      .mul(g),
});

export const sigmoid = unary({
  signature: "sigmoid(Tensor input, *, Tensor? out=None) -> Tensor",
  on: ["torch", "Tensor", "F"],
  doc: `1 / (1 + e⁻ˣ) of every element.\n\n${page("sigmoid")}`,
  promote: "float",
  lower: "Sigmoid",
  // dσ = σ (1 - σ) dx
  grad: (g, _, y) => g.mul(y().neg().add(1).mul(y())),
});

export const expit = op({
  signature: "expit(Tensor input, *, Tensor? out=None) -> Tensor",
  on: ["special"],
  doc: "`torch.sigmoid`.\n\n[PyTorch](https://pytorch.org/docs/stable/special.html#torch.special.expit)",
  call: (input) => sigmoid(input),
});

/** `eps` of -1 stands for none: NaN outside of [0, 1]. */
const logitPrimitive = elementwise<{ eps: number }>("logit", {
  lower: (b, [x], { eps }) => {
    const one = num(b, x!, 1);
    const inside =
      eps < 0
        ? x!
        : b.node("Min", [b.node("Max", [x!, num(b, x!, eps)]), b.node("Sub", [one, num(b, x!, eps)])]);
    return b.node("Log", [b.node("Div", [inside, b.node("Sub", [one, inside])])]);
  },
  // d log(x / (1 - x)) = dx / x(1 - x), and 0 where eps cut x off
  grad: (ctx, g) => {
    const x = ctx.input(0);
    const { eps } = ctx.attrs;
    const low = Math.max(eps, 0);
    const inside = and(ge(x, low), le(x, 1 - low));
    return [choose(inside, g.div(x.neg().add(1).mul(x)), eps < 0 ? NaN : 0)];
  },
});

export const logit = op({
  signature: "logit(Tensor input, float? eps=None, *, Tensor? out=None) -> Tensor",
  on: ["torch", "Tensor", "special"],
  inplace: true,
  doc: `log(x / (1 - x)); with \`eps\`, of x limited to [eps, 1 - eps].\n\n${page("logit")}`,
  call: (input, eps) => logitPrimitive([asFloat(input)], { eps: eps ?? -1 }),
});

export const sinc = unary({
  signature: "sinc(Tensor input, *, Tensor? out=None) -> Tensor",
  on: ["torch", "Tensor", "special"],
  doc: `sin(πx) / πx, and 1 at 0.\n\n${page("sinc")}`,
  promote: "float",
  lower: (b, [x]) => {
    const angle = times(b, x!, Math.PI);
    const zero = b.node("Equal", [x!, num(b, x!, 0)], undefined, "bool");
    return pick(b, zero, num(b, x!, 1), b.node("Div", [b.node("Sin", [angle]), angle]));
  },
  // d sinc = (πx cos πx - sin πx) / πx² dx
  grad: (g, x) => {
    const angle = x().mul(Math.PI);
    const slope = angle.mul(cos(angle)).sub(sin(angle)).div(angle.mul(x()));
    return choose(eq(x(), 0), 0, g.mul(slope));
  },
});
