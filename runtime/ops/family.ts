/** What the members of an op family share, so that each one is only what is its own. */
import type { Builder, Ref } from "../graph/builder.js";
import type { Attrs, Meta } from "../graph/value.js";
import { RuntimeError } from "../errors.js";
import { bool, type DType } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { apply } from "./apply.js";
import { castTo } from "./convert.js";
import { floatType, operand, resultType } from "./promote.js";
import { op, primitive, type OpFunction, type OpPrimitive, type Space } from "./record.js";
import type { Scalar } from "./schema.js";

/** The shape two or more shapes broadcast to. @throws RuntimeError as PyTorch words it. */
export function broadcastShapes(...shapes: readonly (readonly number[])[]): number[] {
  const rank = Math.max(0, ...shapes.map((s) => s.length));
  const out = new Array<number>(rank).fill(1);
  for (const shape of shapes) {
    for (let i = 1; i <= shape.length; i++) {
      const d = shape[shape.length - i]!;
      const at = rank - i;
      if (out[at] === d || d === 1) continue;
      if (out[at] !== 1) {
        throw new RuntimeError(
          `The size of tensor a (${String(out[at])}) must match the size of tensor b (${String(d)}) at non-singleton ` +
            `dimension ${String(at)}: shapes ${shapes.map((s) => `[${s.join(", ")}]`).join(" and ")} do not broadcast`,
        );
      }
      out[at] = d;
    }
  }
  return out;
}

/** The rule of pointwise ops: broadcast shape; the dtype of the first input, or `dtype`. */
export function broadcastInfer(inputs: readonly Meta[], dtype?: DType): Meta {
  return { shape: broadcastShapes(...inputs.map((m) => m.shape)), dtype: dtype ?? inputs[0]!.dtype };
}

type Lowering = string | ((b: Builder, inputs: readonly Ref[], attrs: Attrs) => Ref | undefined);

function lowering(l: Lowering, result?: "bool"): NonNullable<OpPrimitive["lower"]> {
  return (b, inputs, attrs) =>
    typeof l === "string" ? b.node(l, inputs, undefined, result) : l(b, inputs, attrs);
}

interface UnaryOptions<S extends string> {
  readonly signature: S;
  readonly doc: string;
  readonly on?: readonly Space[];
  readonly aliases?: readonly string[];
  /** `"float"`: integers are computed in the default floating dtype. Default: in their own dtype. */
  readonly promote?: "float" | "same";
  readonly inplace?: boolean;
  /** ONNX operator, or the nodes; `undefined` for a dtype that `host` computes. */
  readonly lower: Lowering;
  /** Host kernel for dtypes the lowering declines: `unary.atan`. */
  readonly host?: string;
  /** dL/dx from dL/dy, x and y; `null` when there is none by nature. */
  readonly grad: ((g: Tensor, x: () => Tensor, y: () => Tensor) => Tensor) | null;
  /** Whether bool input is accepted. */
  readonly bool?: boolean;
  /** Checks the dtype of the input. */
  readonly check?: (dtype: DType) => void;
  /** The result's dtype when it is not the computed one. */
  readonly result?: "bool";
  /** What integers do where the op changes nothing on them (`floor`). */
  readonly identityOnIntegers?: boolean;
}

/** A function of every element: `name(Tensor input, …) -> Tensor` without further arguments. */
export function unary<const S extends string>(o: UnaryOptions<S>): OpFunction<S> {
  const name = /^\w+/.exec(o.signature)![0];
  const grad = o.grad;
  const p = primitive<Attrs>({
    name,
    infer: ([x]) => ({ shape: x!.shape, dtype: o.result ? bool : x!.dtype }),
    grad:
      grad &&
      ((ctx, g) => [
        () =>
          grad(
            g,
            () => ctx.input(0),
            () => ctx.output(),
          ),
      ]),
    broadcast: true,
    lower: lowering(o.lower, o.result),
    ...(o.host === undefined ? {} : { host: o.host }),
  });
  const call = (input: Tensor): Tensor => {
    o.check?.(input.dtype);
    if (o.bool === false && input.dtype === bool) {
      throw new RuntimeError(`${name}: bool tensors are not supported`);
    }
    if (o.identityOnIntegers && !input.dtype.isFloatingPoint) return input.clone();
    return apply(p, [o.promote === "float" ? castTo(input, floatType(input.dtype)) : input], {});
  };
  return op({
    signature: o.signature as string,
    doc: o.doc,
    inplace: o.inplace ?? true,
    call: call as never,
    ...(o.on ? { on: o.on } : {}),
    ...(o.aliases ? { aliases: o.aliases } : {}),
  }) as OpFunction<S>;
}

interface BinaryOptions<S extends string> {
  readonly signature: S;
  readonly doc: string;
  readonly aliases?: readonly string[];
  readonly on?: readonly Space[];
  readonly inplace?: boolean;
  /** `"float"`: integers are computed in floating point. `"bool"`: compared in their common dtype, bool results. */
  readonly promote?: "float" | "same" | "bool";
  readonly lower: Lowering;
  readonly host?: string;
  /** [dL/da, dL/db] before un-broadcasting, each a function that is called when wanted. */
  readonly grad:
    | ((
        g: Tensor,
        a: () => Tensor,
        b: () => Tensor,
        y: () => Tensor,
      ) => readonly [() => Tensor | null, () => Tensor | null])
    | null;
  /** Checks the common dtype. */
  readonly check?: (dtype: DType) => void;
}

/** The primitive behind a binary op, and the function that promotes operands and applies it. */
export function binaryPrimitive(
  name: string,
  o: Pick<BinaryOptions<string>, "promote" | "lower" | "host" | "grad" | "check">,
): (a: Tensor | Scalar, b: Tensor | Scalar) => Tensor {
  const grad = o.grad;
  const p = primitive<Attrs>({
    name,
    infer: (inputs) => broadcastInfer(inputs, o.promote === "bool" ? bool : undefined),
    grad:
      grad &&
      ((ctx, g) =>
        grad(
          g,
          () => ctx.input(0),
          () => ctx.input(1),
          () => ctx.output(),
        )),
    broadcast: true,
    lower: lowering(o.lower, o.promote === "bool" ? "bool" : undefined),
    ...(o.host === undefined ? {} : { host: o.host }),
  });
  return (a, b) => {
    let dtype = resultType(a, b);
    if (o.promote === "float") dtype = floatType(dtype);
    o.check?.(dtype);
    return apply(p, [operand(a, dtype), operand(b, dtype)], {});
  };
}

/** A function of two operands, broadcast and promoted: `name(Tensor input, Tensor|Scalar other, …) -> Tensor`. */
export function binary<const S extends string>(o: BinaryOptions<S>): OpFunction<S> {
  const name = /^\w+/.exec(o.signature)![0];
  const call = binaryPrimitive(name, o);
  return op({
    signature: o.signature as string,
    doc: o.doc,
    inplace: o.inplace ?? o.promote !== "bool",
    call: call as never,
    ...(o.on ? { on: o.on } : {}),
    ...(o.aliases ? { aliases: o.aliases } : {}),
  }) as OpFunction<S>;
}

/** Link to PyTorch's page of a `torch` function. */
export function page(name: string): string {
  return `[PyTorch](https://pytorch.org/docs/stable/generated/torch.${name}.html)`;
}
