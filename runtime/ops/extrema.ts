/** The larger and the smaller of two, and clamping between bounds. */
import { RuntimeError } from "../errors.js";
import type { Builder, Ref } from "../graph/builder.js";
import { Tensor } from "../tensor/tensor.js";
import { and, choose, eq, ge, gt, le, lt, or } from "./compare.js";
import { castTo } from "./convert.js";
import { elementwise, num, requireNumber } from "./elementwise.js";
import { binary, page } from "./family.js";
import { operand, resultType } from "./promote.js";
import { op } from "./record.js";
import type { Scalar } from "./schema.js";
import { isnan } from "./special-values.js";

/** Ties share the gradient in halves. */
function extremum<const S extends string>(signature: S, node: "Max" | "Min", what: string) {
  const name = /^\w+/.exec(signature)![0];
  const loses = node === "Max" ? lt : gt;
  const share = (g: Tensor, mine: Tensor, other: Tensor): Tensor =>
    choose(loses(mine, other), 0, choose(eq(mine, other), g.mul(0.5), g));
  return binary({
    signature,
    doc: `The ${what} of every pair of elements, broadcast; NaN when one is NaN.\n\n${page(name)}`,
    inplace: false,
    lower: (b, [x, y]) => b.node(x!.dtype === "bool" ? (node === "Max" ? "Or" : "And") : node, [x!, y!]),
    grad: (g, x, y) => [() => share(g, x(), y()), () => share(g, y(), x())],
  });
}

export const maximum = extremum(
  "maximum(Tensor input, Tensor other, *, Tensor? out=None) -> Tensor",
  "Max",
  "larger",
);
export const minimum = extremum(
  "minimum(Tensor input, Tensor other, *, Tensor? out=None) -> Tensor",
  "Min",
  "smaller",
);

/** Numbers win over NaN; of equals the first one gets the gradient. */
function numericExtremum<const S extends string>(signature: S, node: "Max" | "Min", what: string) {
  const name = /^\w+/.exec(signature)![0];
  const wins = node === "Max" ? ge : le;
  const first = (x: Tensor, y: Tensor): Tensor => or(wins(x, y), isnan(y));
  return binary({
    signature,
    doc: `The ${what} of every pair of elements, broadcast; a number when only one is NaN.\n\n${page(name)}`,
    inplace: false,
    lower: (b, [x, y]) => {
      if (x!.dtype === "bool") return b.node(node === "Max" ? "Or" : "And", [x!, y!]);
      const best = b.node(node, [x!, y!]);
      if (x!.dtype === "int64") return best;
      const is = (r: Ref): Ref => b.node("IsNaN", [r], undefined, "bool");
      const pick = (c: Ref, p: Ref, q: Ref): Ref => b.node("Where", [c, p, q], undefined, x!.dtype);
      return pick(is(x!), y!, pick(is(y!), x!, best));
    },
    grad: (g, x, y) => [() => choose(first(x(), y()), g, 0), () => choose(first(x(), y()), 0, g)],
  });
}

export const fmax = numericExtremum(
  "fmax(Tensor input, Tensor other, *, Tensor? out=None) -> Tensor",
  "Max",
  "larger",
);
export const fmin = numericExtremum(
  "fmin(Tensor input, Tensor other, *, Tensor? out=None) -> Tensor",
  "Min",
  "smaller",
);

/** Bounds of one number each: one ONNX node. The gradient passes at the bounds. */
const clip = elementwise<{ lower: boolean; upper: boolean }>("clamp_scalar", {
  lower: (b, [x, ...bounds], { lower, upper }) => {
    const [first, second] = bounds;
    if (x!.shape.length === 0) return pairwise(b, x!, lower ? first : undefined, lower ? second : first);
    return b.node("Clip", [x!, lower ? first! : null, upper ? (lower ? second! : first!) : null]);
  },
  grad: (ctx, g) => [passes(ctx.input(0), ctx.attrs, g, (i) => ctx.input(i))],
});

function pairwise(b: Builder, x: Ref, min: Ref | undefined, max: Ref | undefined): Ref {
  const isBool = x.dtype === "bool";
  const low = min ? b.node(isBool ? "Or" : "Max", [x, min]) : x;
  return max ? b.node(isBool ? "And" : "Min", [low, max]) : low;
}

interface Bounds {
  readonly lower: boolean;
  readonly upper: boolean;
}

/** The gradient of the clamped input: passed on within the bounds, bounds included. */
function passes(x: Tensor, { lower, upper }: Bounds, g: Tensor, bound: (i: number) => Tensor): Tensor {
  const inside = [...(lower ? [ge(x, bound(1))] : []), ...(upper ? [le(x, bound(lower ? 2 : 1))] : [])];
  return choose(inside.length === 2 ? and(inside[0]!, inside[1]!) : inside[0]!, g, 0);
}

const clampTensors = elementwise<{ lower: boolean; upper: boolean }>("clamp", {
  lower: (b, [x, first, second], { lower, upper }) =>
    pairwise(b, x!, lower ? first : undefined, upper ? (lower ? second : first) : undefined),
  grad: (ctx, g) => {
    const { lower, upper } = ctx.attrs;
    const x = (): Tensor => ctx.input(0);
    const own = (): Tensor => passes(x(), ctx.attrs, g, (i) => ctx.input(i));
    if (lower && upper) {
      return [
        own,
        () => choose(and(lt(x(), ctx.input(1)), lt(ctx.input(1), ctx.input(2))), g, 0),
        () => choose(or(gt(x(), ctx.input(2)), gt(ctx.input(1), ctx.input(2))), g, 0),
      ];
    }
    const beyond = lower ? lt : gt;
    return [own, () => choose(beyond(x(), ctx.input(1)), g, 0)];
  },
});

type Bound = Tensor | Scalar | null;

function clampTo(name: string, input: Tensor, min: Bound, max: Bound): Tensor {
  if (min === null && max === null) {
    throw new RuntimeError(`torch.${name}: At least one of 'min' or 'max' must not be None`);
  }
  const given = [min, max].filter((v) => v !== null);
  const dtype = resultType(input, ...given);
  if (!given.every((v) => v instanceof Tensor)) requireNumber(`${name}_cpu`, dtype);
  const x = castTo(input, dtype);
  const bounds = given.map((v) => operand(v, dtype));
  const attrs = { lower: min !== null, upper: max !== null };
  const plain = given.every((v) => !(v instanceof Tensor) && !Number.isNaN(v));
  return plain ? clip([x, ...bounds], attrs) : clampTensors([x, ...bounds], attrs);
}

export const clamp = op(
  {
    signature: "clamp(Tensor input, Scalar? min=None, Scalar? max=None, *, Tensor? out=None) -> Tensor",
    aliases: ["clip"],
    inplace: true,
    doc: `\`input\` limited to \`min\` … \`max\`: numbers, or tensors that are broadcast.\n\n${page("clamp")}`,
    call: (input, min, max) => clampTo("clamp", input, min, max),
  },
  {
    signature: "clamp(Tensor input, Tensor? min=None, Tensor? max=None, *, Tensor? out=None) -> Tensor",
    call: (input, min, max) => clampTo("clamp", input, min, max),
  },
);

export const clampMin = op({
  signature: "clamp_min(Tensor input, Tensor|Scalar min, *, Tensor? out=None) -> Tensor",
  inplace: true,
  doc: `\`input\` or \`min\`, whichever is larger.\n\n${page("clamp")}`,
  call: (input, min) => clampTo("clamp_min", input, min, null),
});

export const clampMax = op({
  signature: "clamp_max(Tensor input, Tensor|Scalar max, *, Tensor? out=None) -> Tensor",
  inplace: true,
  doc: `\`input\` or \`max\`, whichever is smaller.\n\n${page("clamp")}`,
  call: (input, max) => clampTo("clamp_max", input, null, max),
});

const heavisidePrimitive = elementwise("heaviside", {
  lower: (b, [x, values]) => {
    const isBool = x!.dtype === "bool";
    if (isBool) return b.node("Or", [x!, values!]);
    const zero = num(b, x!, 0);
    const step = b.cast(b.node("Greater", [x!, zero], undefined, "bool"), x!.dtype);
    const atZero = b.node("Equal", [x!, zero], undefined, "bool");
    return b.node("Where", [atZero, values!, step], undefined, x!.dtype);
  },
  grad: null,
});

export const heaviside = op({
  signature: "heaviside(Tensor input, Tensor values, *, Tensor? out=None) -> Tensor",
  inplace: true,
  doc: `0 for negative elements, 1 for positive ones, \`values\` at 0.\n\n${page("heaviside")}`,
  call: (input, values) => {
    if (input.dtype !== values.dtype) {
      throw new RuntimeError("heaviside is not yet implemented for tensors with different dtypes.");
    }
    return heavisidePrimitive([input, values]);
  },
});
