/** Comparisons, and choosing by a condition. */
import { RuntimeError } from "../errors.js";
import type { Builder, Ref } from "../graph/builder.js";
import { bool, uint8, type DType } from "../tensor/dtype.js";
import { Tensor } from "../tensor/tensor.js";
import { apply } from "./apply.js";
import { castTo } from "./convert.js";
import { elementwise } from "./elementwise.js";
import { binary, binaryPrimitive, broadcastShapes, page } from "./family.js";
import { titled } from "./inplace.js";
import { positionsByAxis } from "./nonzero.js";
import { operand, resultType } from "./promote.js";
import { op, primitive } from "./record.js";
import type { Scalar } from "./schema.js";

/** ONNX orders no bools: they are compared as integers. */
const ordered =
  (operator: string) =>
  (b: Builder, [x, y]: readonly Ref[]): Ref =>
    b.node(
      operator,
      x!.dtype === "bool" ? [b.cast(x!, "int64"), b.cast(y!, "int64")] : [x!, y!],
      undefined,
      "bool",
    );

const notEqual = (b: Builder, [x, y]: readonly Ref[]): Ref =>
  b.node("Not", [b.node("Equal", [x!, y!], undefined, "bool")]);

function comparison<const S extends string>(
  signature: S,
  symbol: string,
  aliases: readonly string[],
  lower: string | ((b: Builder, inputs: readonly Ref[]) => Ref),
) {
  const name = /^\w+/.exec(signature)![0];
  return binary({
    signature,
    aliases,
    doc: `\`input ${symbol} other\` of every pair of elements, broadcast; a bool tensor.\n\n${page(name)}`,
    promote: "bool",
    inplace: true,
    lower,
    grad: null,
  });
}

export const eq = comparison(
  "eq(Tensor input, Tensor|Scalar other, *, Tensor? out=None) -> Tensor",
  "==",
  [],
  "Equal",
);
export const ne = comparison(
  "ne(Tensor input, Tensor|Scalar other, *, Tensor? out=None) -> Tensor",
  "!=",
  ["not_equal"],
  notEqual,
);
export const lt = comparison(
  "lt(Tensor input, Tensor|Scalar other, *, Tensor? out=None) -> Tensor",
  "<",
  ["less"],
  ordered("Less"),
);
export const le = comparison(
  "le(Tensor input, Tensor|Scalar other, *, Tensor? out=None) -> Tensor",
  "<=",
  ["less_equal"],
  ordered("LessOrEqual"),
);
export const gt = comparison(
  "gt(Tensor input, Tensor|Scalar other, *, Tensor? out=None) -> Tensor",
  ">",
  ["greater"],
  ordered("Greater"),
);
export const ge = comparison(
  "ge(Tensor input, Tensor|Scalar other, *, Tensor? out=None) -> Tensor",
  ">=",
  ["greater_equal"],
  ordered("GreaterOrEqual"),
);

/** A mask as PyTorch takes it: bool, or uint8 by tradition. */
function condition(t: Tensor, refuse: () => string): Tensor {
  if (t.dtype === bool) return t;
  if (t.dtype === uint8) return castTo(t, bool);
  throw new RuntimeError(refuse());
}

const wherePrimitive = primitive({
  name: "where",
  infer: (inputs) => ({ shape: broadcastShapes(...inputs.map((m) => m.shape)), dtype: inputs[1]!.dtype }),
  // Each side gets the gradient where it was chosen.
  grad: (ctx, g) => [null, () => choose(ctx.input(0), g, 0), () => choose(ctx.input(0), 0, g)],
  broadcast: true,
  lower: (b, [c, x, y]) => {
    if (x!.dtype !== "bool") return b.node("Where", [c!, x!, y!], undefined, x!.dtype);
    const chosen = b.node("And", [c!, x!]);
    return b.node("Or", [chosen, b.node("And", [b.node("Not", [c!]), y!])]);
  },
});

/** `condition ? x : y` of every element, broadcast, in the common dtype. */
export function choose(mask: Tensor, x: Tensor | Scalar, y: Tensor | Scalar): Tensor {
  const dtype = resultType(x, y);
  return apply(wherePrimitive, [mask, operand(x, dtype), operand(y, dtype)], {});
}

const whereMessage = (t: Tensor) => () =>
  `where expected condition to be a boolean tensor, but got a tensor with dtype ${titled(t)}`;

export const where = op(
  {
    signature:
      "where(Tensor condition, Tensor|Scalar input, Tensor|Scalar other, *, Tensor? out=None) -> Tensor",
    on: ["torch"],
    doc: `\`input\` where \`condition\` holds, else \`other\`, broadcast.\n\n${page("where")}`,
    call: (mask, input, other) => choose(condition(mask, whereMessage(mask)), input, other),
  },
  {
    signature: "where(Tensor condition) -> Tensor[]",
    call: (mask) => positionsByAxis(mask),
  },
);

export const whereMethod = op({
  signature: "where(Tensor self, Tensor condition, Tensor|Scalar other) -> Tensor",
  on: ["Tensor"],
  doc: `This tensor where \`condition\` holds, else \`other\`, broadcast.\n\n${page("where")}`,
  call: (self, mask, other) => choose(condition(mask, whereMessage(mask)), self, other),
});

const maskedFillPrimitive = elementwise("masked_fill", {
  plain: true,
  lower: (b, [x, mask, value]) => {
    if (x!.dtype !== "bool") return b.node("Where", [mask!, value!, x!], undefined, x!.dtype);
    const filled = b.node("And", [mask!, value!]);
    return b.node("Or", [filled, b.node("And", [b.node("Not", [mask!]), x!])]);
  },
  grad: (ctx, g) => [() => choose(ctx.input(1), 0, g), null, () => choose(ctx.input(1), g, 0)],
});

/** What the dtype of a filled tensor can take. */
function checkFillable(value: Tensor | Scalar, dtype: DType): void {
  if (!(value instanceof Tensor) || value.ndim === 0) return;
  throw new RuntimeError(
    `masked_fill_ only supports a 0-dimensional value tensor, but got tensor with ${String(value.ndim)} dimension(s).` +
      ` (input dtype ${String(dtype)})`,
  );
}

export const maskedFill = op({
  signature: "masked_fill(Tensor input, Tensor mask, Tensor|Scalar value) -> Tensor",
  inplace: true,
  doc: `\`value\` where \`mask\` holds, else \`input\`.\n\n${page("Tensor.masked_fill")}`,
  call: (input, mask, value) => {
    checkFillable(value, input.dtype);
    const m = condition(
      mask,
      () => `expected mask dtype to be Bool but got ${String(mask.dtype)}: masked_fill takes a bool mask`,
    );
    return maskedFillPrimitive([input, m, operand(value, input.dtype)]);
  },
});

const conjunction = binaryPrimitive("logical_and", {
  promote: "bool",
  lower: (b, [x, y]) => b.node("And", [x!, y!]),
  grad: null,
});
const disjunction = binaryPrimitive("logical_or", {
  promote: "bool",
  lower: (b, [x, y]) => b.node("Or", [x!, y!]),
  grad: null,
});
const exclusion = binaryPrimitive("logical_xor", {
  promote: "bool",
  lower: (b, [x, y]) => b.node("Xor", [x!, y!]),
  grad: null,
});

/** Both masks. */
export function and(x: Tensor, y: Tensor): Tensor {
  return conjunction(x, y);
}

/** Either mask. */
export function or(x: Tensor, y: Tensor): Tensor {
  return disjunction(x, y);
}

const truth = (t: Tensor): Tensor => castTo(t, bool);

export const logicalAnd = op({
  signature: "logical_and(Tensor input, Tensor other, *, Tensor? out=None) -> Tensor",
  inplace: true,
  doc: `Whether both elements are nonzero, broadcast.\n\n${page("logical_and")}`,
  call: (input, other) => conjunction(truth(input), truth(other)),
});

export const logicalOr = op({
  signature: "logical_or(Tensor input, Tensor other, *, Tensor? out=None) -> Tensor",
  inplace: true,
  doc: `Whether one of the elements is nonzero, broadcast.\n\n${page("logical_or")}`,
  call: (input, other) => disjunction(truth(input), truth(other)),
});

export const logicalXor = op({
  signature: "logical_xor(Tensor input, Tensor other, *, Tensor? out=None) -> Tensor",
  inplace: true,
  doc: `Whether exactly one of the elements is nonzero, broadcast.\n\n${page("logical_xor")}`,
  call: (input, other) => exclusion(truth(input), truth(other)),
});

const negation = primitive({
  name: "logical_not",
  infer: ([x]) => ({ shape: x!.shape, dtype: bool }),
  grad: null,
  broadcast: true,
  lower: (b, [x]) => b.node("Not", [x!]),
});

/** The other mask. */
export function not(x: Tensor): Tensor {
  return apply(negation, [x], {});
}

export const logicalNot = op({
  signature: "logical_not(Tensor input, *, Tensor? out=None) -> Tensor",
  inplace: true,
  doc: `Whether the element is zero.\n\n${page("logical_not")}`,
  call: (input) => not(truth(input)),
});
