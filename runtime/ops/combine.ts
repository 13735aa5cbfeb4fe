/** Pointwise functions of two and three operands. */
import { RuntimeError } from "../errors.js";
import type { Builder, Ref } from "../graph/builder.js";
import { bool, type DType } from "../tensor/dtype.js";
import { Tensor } from "../tensor/tensor.js";
import { and, choose, eq, le } from "./compare.js";
import { castTo } from "./convert.js";
import { elementwise, notImplementedFor, num, requireFloat, requireNumber, zerosFor } from "./elementwise.js";
import { binary, binaryPrimitive, page } from "./family.js";
import { titled } from "./inplace.js";
import { exp, exp2 } from "./math.js";
import { mul } from "./pointwise.js";
import { operand, resultType } from "./promote.js";
import { op } from "./record.js";
import type { Scalar } from "./schema.js";

/** A weight of half or more counts from the end: then a weight of 1 gives exactly the end. */
const lerpPrimitive = elementwise("lerp", {
  lower: (b, [start, end, weight]) => {
    const span = b.node("Sub", [end!, start!]);
    const one = num(b, start!, 1);
    const near = b.node("Add", [start!, b.node("Mul", [weight!, span])]);
    const far = b.node("Sub", [end!, b.node("Mul", [span, b.node("Sub", [one, weight!])])]);
    const small = b.node("Less", [b.node("Abs", [weight!]), num(b, start!, 0.5)], undefined, "bool");
    return b.node("Where", [small, near, far], undefined, start!.dtype);
  },
  // d(s + w (e - s)) = (1 - w) ds + w de + (e - s) dw
  grad: (ctx, g) => [
    () => g.mul(ctx.input(2).neg().add(1)),
    () => g.mul(ctx.input(2)),
    () => g.mul(ctx.input(1).sub(ctx.input(0))),
  ],
});

export const lerp = op({
  signature: "lerp(Tensor input, Tensor end, Tensor|Scalar weight, *, Tensor? out=None) -> Tensor",
  inplace: true,
  doc: `\`input + weight · (end - input)\`, broadcast.\n\n${page("lerp")}`,
  call: (input, end, weight) => {
    requireFloat("lerp_kernel", input.dtype);
    for (const t of [end, weight]) {
      if (t instanceof Tensor && t.dtype !== input.dtype) {
        throw new RuntimeError(
          `expected dtype ${titled(input).toLowerCase()} for \`${t === end ? "end" : "weight"}\` but got dtype ${titled(t).toLowerCase()}`,
        );
      }
    }
    return lerpPrimitive([input, end, operand(weight, input.dtype)]);
  },
});

const addProduct = elementwise("addcmul", {
  lower: (b, [x, t1, t2, value]) => b.node("Add", [x!, b.node("Mul", [b.node("Mul", [value!, t1!]), t2!])]),
  // d(x + v t₁t₂) = dx + v t₂ dt₁ + v t₁ dt₂
  grad: (ctx, g) => [
    g,
    () => g.mul(ctx.input(2).mul(ctx.input(3))),
    () => g.mul(ctx.input(1).mul(ctx.input(3))),
  ],
});

const addQuotient = elementwise("addcdiv", {
  lower: (b, [x, t1, t2, value]) => b.node("Add", [x!, b.node("Div", [b.node("Mul", [value!, t1!]), t2!])]),
  // d(x + v t₁/t₂) = dx + v/t₂ dt₁ - v t₁/t₂² dt₂
  grad: (ctx, g) => [
    g,
    () => g.mul(ctx.input(3).div(ctx.input(2))),
    () =>
      g.neg().mul(
        ctx
          .input(1)
          .mul(ctx.input(3))
          .div(ctx.input(2).mul(ctx.input(2))),
      ),
  ],
});

function ternary(
  name: string,
  f: typeof addProduct,
  tensors: readonly [Tensor, Tensor, Tensor],
  value: Scalar,
): Tensor {
  const dtype = resultType(...tensors);
  requireNumber(`${name}_cpu_out`, dtype);
  return f([...tensors.map((t) => castTo(t, dtype)), operand(value, dtype)]);
}

export const addcmul = op({
  signature:
    "addcmul(Tensor input, Tensor tensor1, Tensor tensor2, *, Scalar value=1, Tensor? out=None) -> Tensor",
  inplace: true,
  doc: `\`input + value · tensor1 · tensor2\`, broadcast.\n\n${page("addcmul")}`,
  call: (input, tensor1, tensor2, value) => ternary("addcmul", addProduct, [input, tensor1, tensor2], value),
});

export const addcdiv = op({
  signature:
    "addcdiv(Tensor input, Tensor tensor1, Tensor tensor2, *, Scalar value=1, Tensor? out=None) -> Tensor",
  inplace: true,
  doc: `\`input + value · tensor1 / tensor2\`, broadcast.\n\n${page("addcdiv")}`,
  call: (input, tensor1, tensor2, value) => {
    if (!tensor1.dtype.isFloatingPoint && !tensor2.dtype.isFloatingPoint) {
      throw new RuntimeError(
        "Integer division with addcdiv is no longer supported, and in a future release addcdiv will perform a true division of tensor1 and tensor2.",
      );
    }
    return ternary("addcdiv", addQuotient, [input, tensor1, tensor2], value);
  },
});

export const hypot = binary({
  signature: "hypot(Tensor input, Tensor other, *, Tensor? out=None) -> Tensor",
  doc: `√(input² + other²), broadcast.\n\n${page("hypot")}`,
  lower: () => undefined,
  host: "float.hypot",
  check: (dtype) => requireFloat("hypot_cpu", dtype),
  // d hypot = (x dx + y dy) / hypot
  grad: (g, x, y, r) => [() => g.mul(x().div(r())), () => g.mul(y().div(r()))],
});

export const nextafter = binary({
  signature: "nextafter(Tensor input, Tensor other, *, Tensor? out=None) -> Tensor",
  doc: `The next number from \`input\` towards \`other\`, broadcast.\n\n${page("nextafter")}`,
  lower: () => undefined,
  host: "float.nextafter",
  check: (dtype) => requireFloat("nextafter_cpu", dtype),
  grad: null,
});

export const ldexp = op({
  signature: "ldexp(Tensor input, Tensor other, *, Tensor? out=None) -> Tensor",
  inplace: true,
  doc: `\`input · 2^other\`, broadcast.\n\n${page("ldexp")}`,
  call: (input, other) => mul(input, exp2(other)),
});

export const copysign = binary({
  signature: "copysign(Tensor input, Tensor|Scalar other, *, Tensor? out=None) -> Tensor",
  doc: `The magnitude of \`input\` with the sign of \`other\`, broadcast.\n\n${page("copysign")}`,
  promote: "float",
  lower: () => undefined,
  host: "float.copysign",
  // ±1 by whether the sign changed, and 0 at 0
  grad: (g, x, y, r) => [() => choose(eq(x(), 0), 0, g.mul(r().div(x()))), () => zerosFor(y()._value)],
});

const integral = (name: string) => (dtype: DType) => {
  if (dtype === bool || dtype.isFloatingPoint) notImplementedFor(name, dtype);
};

export const gcd = binary({
  signature: "gcd(Tensor input, Tensor other, *, Tensor? out=None) -> Tensor",
  doc: `The greatest common divisor, broadcast.\n\n${page("gcd")}`,
  lower: () => undefined,
  host: "integer.gcd",
  check: integral("gcd_cpu"),
  grad: null,
});

export const lcm = binary({
  signature: "lcm(Tensor input, Tensor other, *, Tensor? out=None) -> Tensor",
  doc: `The least common multiple, broadcast.\n\n${page("lcm")}`,
  lower: () => undefined,
  host: "integer.lcm",
  check: integral("lcm_cpu"),
  grad: null,
});

/** x log y, where 0 · log y is 0 unless y is NaN. */
const xlogyPrimitive = binaryPrimitive("xlogy", {
  promote: "float",
  lower: (b, [x, y]) => {
    const pick = (c: Ref, p: Ref, q: Ref): Ref => b.node("Where", [c, p, q], undefined, x!.dtype);
    const zero = num(b, x!, 0);
    const product = b.node("Mul", [x!, b.node("Log", [y!])]);
    const atZero = pick(b.node("Equal", [x!, zero], undefined, "bool"), zero, product);
    return pick(b.node("IsNaN", [y!], undefined, "bool"), y!, atZero);
  },
  grad: (g, x, y) => [
    () => choose(and(eq(x(), 0), le(y(), 0)), 0, xlogyPrimitive(g, y())),
    () => g.mul(x()).div(y()),
  ],
});

export const xlogy = op({
  signature: "xlogy(Tensor|Scalar input, Tensor|Scalar other, *, Tensor? out=None) -> Tensor",
  on: ["torch", "Tensor", "special"],
  inplace: true,
  doc: `\`input · log(other)\`, 0 where \`input\` is 0, broadcast.\n\n${page("xlogy")}`,
  call: (input, other) => {
    if (!(input instanceof Tensor) && !(other instanceof Tensor)) {
      throw new TypeError("xlogy() received an invalid combination of arguments: two numbers");
    }
    return xlogyPrimitive(input, other);
  },
});

/** max + log(1 + exp(-|x - y|)) to a base; equal infinities are themselves. */
function logSum(b: Builder, x: Ref, y: Ref, base: number): Ref {
  const scale = Math.log(base);
  const double = (r: Ref): Ref => b.cast(r, "float64");
  const max = b.node("Max", [x, y]);
  const gap = double(b.node("Neg", [b.node("Abs", [b.node("Sub", [x, y])])]));
  const power = b.node("Exp", [b.node("Mul", [gap, num(b, gap, scale)])]);
  const log = b.node("Log", [b.node("Add", [power, num(b, gap, 1)])]);
  const sum = b.node("Add", [double(max), b.node("Mul", [log, num(b, gap, 1 / scale)])]);
  const same = b.node("And", [
    b.node("IsInf", [x], undefined, "bool"),
    b.node("Equal", [x, y], undefined, "bool"),
  ]);
  return b.node("Where", [same, x, b.cast(sum, x.dtype)], undefined, x.dtype);
}

export const logaddexp = binary({
  signature: "logaddexp(Tensor input, Tensor other, *, Tensor? out=None) -> Tensor",
  doc: `log(eˣ + eʸ), broadcast.\n\n${page("logaddexp")}`,
  inplace: false,
  check: (dtype) => requireFloat("logaddexp_cpu", dtype),
  lower: (b, [x, y]) => logSum(b, x!, y!, Math.E),
  // dx eˣ / (eˣ + eʸ), and so for y
  grad: (g, x, y) => [() => g.div(exp(y().sub(x())).add(1)), () => g.div(exp(x().sub(y())).add(1))],
});

export const logaddexp2 = binary({
  signature: "logaddexp2(Tensor input, Tensor other, *, Tensor? out=None) -> Tensor",
  doc: `log₂(2ˣ + 2ʸ), broadcast.\n\n${page("logaddexp2")}`,
  inplace: false,
  check: (dtype) => requireFloat("logaddexp2_cpu", dtype),
  lower: (b, [x, y]) => logSum(b, x!, y!, 2),
  grad: (g, x, y) => [() => g.div(exp2(y().sub(x())).add(1)), () => g.div(exp2(x().sub(y())).add(1))],
});
