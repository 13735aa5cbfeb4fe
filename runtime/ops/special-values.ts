/** NaN, infinities and signs: what floating-point values are. */
import type { Builder, Ref } from "../graph/builder.js";
import { bool, type DType } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { elementwise, num } from "./elementwise.js";
import { page, unary } from "./family.js";
import { filled } from "./create.js";
import { op, type OpFunction } from "./record.js";
import { choose } from "./compare.js";

type Test = (b: Builder, x: Ref) => Ref;

/** A test that integers always pass or always fail. */
function test<const S extends string>(signature: S, what: string, integers: boolean, lower: Test) {
  const name = /^\w+/.exec(signature)![0];
  const p = elementwise(name, { result: "bool", grad: null, lower: (b, [x]) => lower(b, x!) });
  return op({
    signature: signature as string,
    doc: `Whether every element is ${what}.\n\n${page(name)}`,
    call: ((input: Tensor) =>
      input.dtype.isFloatingPoint ? p([input]) : filled(input._shape, integers, bool)) as never,
  }) as OpFunction<S>;
}

const infinite = (b: Builder, x: Ref, positive: 0 | 1, negative: 0 | 1): Ref =>
  b.node("IsInf", [x], { detect_positive: positive, detect_negative: negative }, "bool");

export const isnan = test("isnan(Tensor input) -> Tensor", "NaN", false, (b, x) =>
  b.node("IsNaN", [x], undefined, "bool"),
);
export const isinf = test("isinf(Tensor input) -> Tensor", "infinite", false, (b, x) => infinite(b, x, 1, 1));
export const isposinf = test(
  "isposinf(Tensor input, *, Tensor? out=None) -> Tensor",
  "positive infinity",
  false,
  (b, x) => infinite(b, x, 1, 0),
);
export const isneginf = test(
  "isneginf(Tensor input, *, Tensor? out=None) -> Tensor",
  "negative infinity",
  false,
  (b, x) => infinite(b, x, 0, 1),
);
// x - x is NaN for NaN and infinities, and 0 for all else.
export const isfinite = test("isfinite(Tensor input) -> Tensor", "finite", true, (b, x) => {
  const nothing = b.node("Sub", [x, x]);
  return b.node("Equal", [nothing, num(b, x, 0)], undefined, "bool");
});

export const isreal = op({
  signature: "isreal(Tensor input) -> Tensor",
  doc: `True everywhere: there are no complex numbers here.\n\n${page("isreal")}`,
  call: (input) => filled(input._shape, true, bool),
});

export const signbit = unary({
  signature: "signbit(Tensor input, *, Tensor? out=None) -> Tensor",
  doc: `Whether the sign bit is set: true for -0 too.\n\n${page("signbit")}`,
  inplace: false,
  result: "bool",
  lower: (b, [x]) => {
    if (x!.dtype === "bool") return b.node("Xor", [x!, x!]);
    if (x!.dtype === "int64") return b.node("Less", [x!, num(b, x!, 0)], undefined, "bool");
    return undefined;
  },
  host: "float.signbit",
  grad: null,
});

const largest: Readonly<Record<string, number>> = {
  float64: Number.MAX_VALUE,
  float32: (2 - 2 ** -23) * 2 ** 127,
  float16: 65504,
  bfloat16: (2 - 2 ** -7) * 2 ** 127,
};

/** The largest finite value of a floating dtype. */
export function maxValue(dtype: DType): number {
  return largest[dtype.name]!;
}

const replaceSpecial = elementwise<{ nan: number; posinf: number; neginf: number }>("nan_to_num", {
  lower: (b, [x], { nan, posinf, neginf }) => {
    const pick = (c: Ref, v: number, y: Ref): Ref =>
      b.node("Where", [c, num(b, x!, v), y], undefined, x!.dtype);
    const finite = pick(infinite(b, x!, 0, 1), neginf, pick(infinite(b, x!, 1, 0), posinf, x!));
    return pick(b.node("IsNaN", [x!], undefined, "bool"), nan, finite);
  },
  // Replaced elements have no gradient.
  grad: (ctx, g) => [choose(isfinite(ctx.input(0)), g, 0)],
});

export const nanToNum = op({
  signature:
    "nan_to_num(Tensor input, float? nan=None, float? posinf=None, float? neginf=None, *, Tensor? out=None) -> Tensor",
  inplace: true,
  doc: `NaN replaced by \`nan\` (0), infinities by \`posinf\` and \`neginf\` (the largest finite values).\n\n${page("nan_to_num")}`,
  call: (input, nan, posinf, neginf) => {
    if (!input.dtype.isFloatingPoint) return input.clone();
    const max = maxValue(input.dtype);
    return replaceSpecial([input], { nan: nan ?? 0, posinf: posinf ?? max, neginf: neginf ?? -max });
  },
});
