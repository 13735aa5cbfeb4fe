/** What the families of pointwise ops share beyond `family.ts`: several inputs, attributes, dtype checks. */
import { RuntimeError } from "../errors.js";
import type { Builder, Ref } from "../graph/builder.js";
import type { Attrs, Meta } from "../graph/value.js";
import { bool, type DType } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { apply } from "./apply.js";
import { castTo } from "./convert.js";
import { broadcastInfer } from "./family.js";
import { inPlace } from "./inplace.js";
import { constant, floatType, resultType } from "./promote.js";
import { primitive, type GradRule } from "./record.js";
import type { Scalar } from "./schema.js";
import { expandTo } from "./view.js";

interface ElementwiseOptions<A extends Attrs> {
  readonly result?: "bool";
  readonly lower?: (b: Builder, inputs: readonly Ref[], attrs: A) => Ref | undefined;
  /** Host kernel for what the lowering declines, or for everything when there is none. */
  readonly host?: string;
  readonly grad: GradRule<A> | null;
  /** The result lies in C order, however the inputs lie. */
  readonly plain?: boolean;
}

/** An elementwise primitive as a function. */
export type Elementwise<A extends Attrs = Attrs> = (inputs: readonly Tensor[], attrs?: A) => Tensor;

/** A primitive over broadcast inputs of one dtype, as a function of tensors that have that dtype already. */
export function elementwise<A extends Attrs = Attrs>(name: string, o: ElementwiseOptions<A>): Elementwise<A> {
  const p = primitive<A>({
    name,
    infer: (inputs) => broadcastInfer(inputs, o.result ? bool : undefined),
    grad: o.grad,
    broadcast: true,
    ...(o.plain ? { layout: () => undefined } : {}),
    ...(o.lower ? { lower: o.lower } : {}),
    ...(o.host === undefined ? {} : { host: o.host }),
  });
  return (inputs, attrs) => apply(p, inputs, attrs ?? ({} as A));
}

/** A zero gradient: for functions that are constant almost everywhere. */
export function zerosFor(meta: Meta): Tensor {
  return expandTo(constant(0, meta.dtype), meta.shape);
}

/** A number as a constant of the dtype of `like`. */
export function num(b: Builder, like: Ref, value: number): Ref {
  return b.scalar(like.dtype === "int64" ? BigInt(Math.trunc(value)) : value, like.dtype);
}

const scalarTypes: Readonly<Record<string, string>> = {
  float64: "Double",
  float32: "Float",
  float16: "Half",
  bfloat16: "BFloat16",
  int64: "Long",
  int32: "Int",
  int16: "Short",
  int8: "Char",
  uint8: "Byte",
  bool: "Bool",
};

/** Throws PyTorch's error of a function without a kernel for a dtype. */
export function notImplementedFor(name: string, dtype: DType): never {
  throw new RuntimeError(`"${name}" not implemented for '${scalarTypes[dtype.name]!}'`);
}

export function requireFloat(name: string, dtype: DType): void {
  if (!dtype.isFloatingPoint) notImplementedFor(name, dtype);
}

export function requireNumber(name: string, dtype: DType): void {
  if (dtype === bool) notImplementedFor(name, dtype);
}

export function requireIntegral(name: string, dtype: DType): void {
  if (dtype.isFloatingPoint) notImplementedFor(name, dtype);
}

/** The dtype of a result that is never integral. */
export function floatResult(...operands: readonly (Tensor | Scalar)[]): DType {
  return floatType(resultType(...operands));
}

/** `x` where it is floating, else in the default floating dtype. */
export function asFloat(x: Tensor): Tensor {
  return castTo(x, floatType(x.dtype));
}

/** Runs a function of `F` that takes an `inplace` flag. */
export function maybeInPlace(
  name: string,
  input: Tensor,
  inplace: boolean,
  compute: (input: Tensor) => Tensor,
): Tensor {
  return inplace ? inPlace(`${name}_`, input, compute) : compute(input);
}

/** Truncation towards zero, which ONNX lacks. Keeps -0 and NaN. */
export function truncate(b: Builder, x: Ref): Ref {
  const negative = b.node("Less", [x, num(b, x, 0)], undefined, "bool");
  return b.node("Where", [negative, b.node("Ceil", [x]), b.node("Floor", [x])], undefined, x.dtype);
}
