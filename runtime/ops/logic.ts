/** Bits of integers, and comparisons of whole tensors. */
import { RuntimeError } from "../errors.js";
import type { Builder, Ref } from "../graph/builder.js";
import { read } from "../graph/executor.js";
import { bool, type DType } from "../tensor/dtype.js";
import { Tensor } from "../tensor/tensor.js";
import { apply } from "./apply.js";
import { and, eq, le, not, or } from "./compare.js";
import { castTo } from "./convert.js";
import { filled } from "./create.js";
import { notImplementedFor, requireIntegral } from "./elementwise.js";
import { binaryPrimitive, page, unary } from "./family.js";
import { titled } from "./inplace.js";
import { floatType, operand, resultType } from "./promote.js";
import { op, primitive } from "./record.js";
import type { Scalar } from "./schema.js";
import { isfinite, isnan } from "./special-values.js";

const bits =
  (onBool: string, onIntegers: string) =>
  (b: Builder, [x, y]: readonly Ref[]): Ref =>
    b.node(x!.dtype === "bool" ? onBool : onIntegers, [x!, y!]);

function bitwise(name: string, onBool: string, onIntegers: string) {
  const p = binaryPrimitive(name, {
    lower: bits(onBool, onIntegers),
    check: (dtype) => requireIntegral(`${name}_cpu`, dtype),
    grad: null,
  });
  return (input: Tensor | Scalar, other: Tensor | Scalar): Tensor => {
    requireTensor(name, input, other);
    return p(input, other);
  };
}

function requireTensor(name: string, input: unknown, other: unknown): void {
  if (input instanceof Tensor || other instanceof Tensor) return;
  throw new TypeError(`${name}() received an invalid combination of arguments: two numbers`);
}

const bitDoc = (what: string, name: string): string => `${what} of the bits, broadcast.\n\n${page(name)}`;

export const bitwiseAnd = op({
  signature: "bitwise_and(Tensor|Scalar input, Tensor|Scalar other, *, Tensor? out=None) -> Tensor",
  inplace: true,
  doc: bitDoc("And", "bitwise_and"),
  call: bitwise("bitwise_and", "And", "BitwiseAnd"),
});

export const bitwiseOr = op({
  signature: "bitwise_or(Tensor|Scalar input, Tensor|Scalar other, *, Tensor? out=None) -> Tensor",
  inplace: true,
  doc: bitDoc("Or", "bitwise_or"),
  call: bitwise("bitwise_or", "Or", "BitwiseOr"),
});

export const bitwiseXor = op({
  signature: "bitwise_xor(Tensor|Scalar input, Tensor|Scalar other, *, Tensor? out=None) -> Tensor",
  inplace: true,
  doc: bitDoc("Exclusive or", "bitwise_xor"),
  call: bitwise("bitwise_xor", "Xor", "BitwiseXor"),
});

export const bitwiseNot = unary({
  signature: "bitwise_not(Tensor input, *, Tensor? out=None) -> Tensor",
  doc: `The other bits; of bools, the other value.\n\n${page("bitwise_not")}`,
  check: (dtype) => requireIntegral("bitwise_not_cpu", dtype),
  lower: (b, [x]) => b.node(x!.dtype === "bool" ? "Not" : "BitwiseNot", [x!]),
  grad: null,
});

function shift(name: string, kernel: string, host: string) {
  const p = binaryPrimitive(name, {
    // ONNX shifts unsigned integers only.
    lower: () => undefined,
    host,
    check: (dtype: DType) => {
      if (dtype === bool || dtype.isFloatingPoint) notImplementedFor(kernel, dtype);
    },
    grad: null,
  });
  return (input: Tensor | Scalar, other: Tensor | Scalar): Tensor => {
    requireTensor(name, input, other);
    return p(input, other);
  };
}

export const bitwiseLeftShift = op({
  signature: "bitwise_left_shift(Tensor|Scalar input, Tensor|Scalar other, *, Tensor? out=None) -> Tensor",
  inplace: true,
  doc: `\`input · 2^other\` of integers, broadcast.\n\n${page("bitwise_left_shift")}`,
  call: shift("bitwise_left_shift", "lshift_cpu", "integer.shift_left"),
});

export const bitwiseRightShift = op({
  signature: "bitwise_right_shift(Tensor|Scalar input, Tensor|Scalar other, *, Tensor? out=None) -> Tensor",
  inplace: true,
  doc: `⌊\`input / 2^other\`⌋ of integers, broadcast.\n\n${page("bitwise_right_shift")}`,
  call: shift("bitwise_right_shift", "rshift_cpu", "integer.shift_right"),
});

/** |a - b| ≤ atol + rtol |b|, or equal. */
function closeTo(a: Tensor, b: Tensor, rtol: number, atol: number, equalNan: boolean): Tensor {
  if (a.dtype !== b.dtype) throw new RuntimeError(`${titled(a)} did not match ${titled(b)}`);
  if (!(rtol >= 0)) {
    throw new RuntimeError(`rtol must be greater than or equal to zero, but got ${String(rtol)}`);
  }
  if (!(atol >= 0)) {
    throw new RuntimeError(`atol must be greater than or equal to zero, but got ${String(atol)}`);
  }
  let close = eq(a, b);
  if (equalNan && a.dtype.isFloatingPoint) close = or(close, and(isnan(a), isnan(b)));
  if (rtol === 0 && atol === 0) return close;
  const dtype = floatType(a.dtype);
  const other = castTo(b, dtype);
  const allowed = other.mul(rtol).abs().add(atol);
  const actual = castTo(a, dtype).sub(other).abs();
  return or(close, and(isfinite(actual), le(actual, allowed)));
}

export const isclose = op({
  signature:
    "isclose(Tensor input, Tensor other, float rtol=1e-05, float atol=1e-08, bool equal_nan=False) -> Tensor",
  doc: `Whether |input - other| ≤ \`atol\` + \`rtol\` · |other|, element by element.\n\n${page("isclose")}`,
  call: closeTo,
});

/** Whether a mask holds everywhere; reads it. */
function everywhere(mask: Tensor): boolean {
  return (read(mask._value) as Uint8Array).every((v) => v !== 0);
}

export const allclose = op({
  signature:
    "allclose(Tensor input, Tensor other, float rtol=1e-05, float atol=1e-08, bool equal_nan=False) -> bool",
  doc: `Whether \`torch.isclose\` holds everywhere. Waits for the values.\n\n${page("allclose")}`,
  call: (input, other, rtol, atol, equalNan) => everywhere(closeTo(input, other, rtol, atol, equalNan)),
});

export const equal = op({
  signature: "equal(Tensor input, Tensor other) -> bool",
  doc: `Whether both tensors have the same shape and elements. Waits for the values.\n\n${page("equal")}`,
  call: (input, other) => {
    if (input.dtype !== other.dtype) {
      throw new RuntimeError(
        `Expected object of data type ${titled(input)} but got data type ${titled(other)} for argument 'other'`,
      );
    }
    if (input._shape.join() !== other._shape.join()) return false;
    return everywhere(eq(input, other));
  },
});

/** Whether each element of the first occurs in the second, which has one axis. */
const member = primitive({
  name: "isin",
  infer: ([x]) => ({ shape: x!.shape, dtype: bool }),
  grad: null,
  lower: (b, [x, set]) => {
    const column = b.node("Unsqueeze", [x!, b.ints([-1])]);
    const same = b.node("Equal", [column, set!], undefined, "bool");
    const found = b.node("ReduceMax", [b.cast(same, "int64"), b.ints([-1])], { keepdims: 0 });
    return b.node("Cast", [found], { to: bool.onnx }, "bool");
  },
});

export const isin = op({
  signature:
    "isin(Tensor|Scalar elements, Tensor|Scalar test_elements, *, bool assume_unique=False, bool invert=False, Tensor? out=None) -> Tensor",
  on: ["torch"],
  doc: `Whether every element of \`elements\` occurs in \`testElements\`.\n\n${page("isin")}`,
  call: (elements, tests, _unique, invert) => {
    requireTensor("isin", elements, tests);
    for (const t of [elements, tests])
      if (t instanceof Tensor && t.dtype === bool) notImplementedFor("isin", bool);
    const dtype = resultType(elements, tests);
    const x = operand(elements, dtype);
    const set = operand(tests, dtype).reshape([-1]);
    if (set.numel() === 0) return filled(x._shape, invert, bool);
    const found = apply(member, [x, set], {});
    return invert ? not(found) : found;
  },
});
