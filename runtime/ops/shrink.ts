/** Activation functions made of straight pieces, and the gated ones. */
import { RuntimeError } from "../errors.js";
import type { Builder, Ref } from "../graph/builder.js";
import { read } from "../graph/executor.js";
import { bool, uint8 } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { functionalPage, leaky } from "./activation.js";
import { and, choose, ge, gt, le, lt } from "./compare.js";
import {
  elementwise,
  type Elementwise,
  maybeInPlace,
  notImplementedFor,
  num,
  requireFloat,
} from "./elementwise.js";
import { wrapDim } from "./dims.js";
import { sigmoid, tanh } from "./math.js";
import { drawn } from "./random.js";
import { op } from "./record.js";

const is = (b: Builder, node: string, x: Ref, bound: number): Ref =>
  b.node(node, [x, num(b, x, bound)], undefined, "bool");
const pick = (b: Builder, c: Ref, x: Ref, y: Ref): Ref => b.node("Where", [c, x, y], undefined, x.dtype);
/** x limited to low … high, NaN kept. */
const limited = (b: Builder, x: Ref, low: number, high: number): Ref =>
  b.node("Min", [b.node("Max", [x, num(b, x, low)]), num(b, x, high)]);

/** Limits without a gradient at the limits, other than `clamp`. */
const hardtanhPrimitive: Elementwise<{ low: number; high: number }> = elementwise("hardtanh", {
  lower: (b, [x], { low, high }) => limited(b, x!, low, high),
  grad: (ctx, g) => {
    const { low, high } = ctx.attrs;
    const x = ctx.input(0);
    return [choose(and(gt(x, low), lt(x, high)), g, 0)];
  },
});

function limit(input: Tensor, low: number, high: number): Tensor {
  if (input.dtype === bool) throw new RuntimeError("Bool inputs not supported for hardtanh");
  if (input.dtype === uint8 && (low < 0 || high < 0)) {
    throw new RuntimeError("cannot do hardtanh on an unsigned type with negative limits");
  }
  return hardtanhPrimitive([input], { low, high });
}

export const hardtanh = op({
  signature: "hardtanh(Tensor input, float min_val=-1.0, float max_val=1.0, bool inplace=False) -> Tensor",
  on: ["F"],
  inplace: true,
  doc: `x limited to [\`minVal\`, \`maxVal\`].\n\n${functionalPage("hardtanh")}`,
  call: (input, low, high, inplace) => maybeInPlace("hardtanh", input, inplace, (x) => limit(x, low, high)),
});

export const relu6 = op({
  signature: "relu6(Tensor input, bool inplace=False) -> Tensor",
  on: ["F"],
  doc: `min(max(0, x), 6).\n\n${functionalPage("relu6")}`,
  call: (input, inplace) => maybeInPlace("relu6", input, inplace, (x) => limit(x, 0, 6)),
});

const hardsigmoidPrimitive = elementwise("hardsigmoid", {
  lower: (b, [x]) => {
    const shifted = b.node("Add", [x!, num(b, x!, 3)]);
    return b.node("Div", [limited(b, shifted, 0, 6), num(b, x!, 6)]);
  },
  grad: (ctx, g) => {
    const x = ctx.input(0);
    return [choose(and(gt(x, -3), lt(x, 3)), g.div(6), 0)];
  },
});

export const hardsigmoid = op({
  signature: "hardsigmoid(Tensor input, bool inplace=False) -> Tensor",
  on: ["F"],
  doc: `min(max(0, x + 3), 6) / 6.\n\n${functionalPage("hardsigmoid")}`,
  call: (input, inplace) => {
    requireFloat("hardsigmoid_cpu", input.dtype);
    return maybeInPlace("hardsigmoid", input, inplace, (x) => hardsigmoidPrimitive([x]));
  },
});

const hardswishPrimitive = elementwise("hardswish", {
  lower: (b, [x]) => {
    const gate = limited(b, b.node("Add", [x!, num(b, x!, 3)]), 0, 6);
    return b.node("Div", [b.node("Mul", [x!, gate]), num(b, x!, 6)]);
  },
  // 0 below -3, (x/3 + ½) dx up to 3, dx beyond
  grad: (ctx, g) => {
    const x = ctx.input(0);
    return [choose(lt(x, -3), 0, choose(le(x, 3), g.mul(x.div(3).add(0.5)), g))];
  },
});

export const hardswish = op({
  signature: "hardswish(Tensor input, bool inplace=False) -> Tensor",
  on: ["F"],
  doc: `x · min(max(0, x + 3), 6) / 6.\n\n${functionalPage("hardswish")}`,
  call: (input, inplace) => {
    requireFloat("hardswish_cpu", input.dtype);
    return maybeInPlace("hardswish", input, inplace, (x) => hardswishPrimitive([x]));
  },
});

/** The gradient of both shrinking functions: none within [-λ, λ]. */
const outside = (g: Tensor, x: Tensor, lambd: number): Tensor =>
  choose(and(ge(x, -lambd), le(x, lambd)), 0, g);

const hardshrinkPrimitive = elementwise<{ lambd: number }>("hardshrink", {
  lower: (b, [x], { lambd }) =>
    pick(
      b,
      b.node("And", [is(b, "GreaterOrEqual", x!, -lambd), is(b, "LessOrEqual", x!, lambd)]),
      num(b, x!, 0),
      x!,
    ),
  grad: (ctx, g) => [outside(g, ctx.input(0), ctx.attrs.lambd)],
});

export const hardshrink = op({
  signature: "hardshrink(Tensor input, float lambd=0.5, *, Tensor? out=None) -> Tensor",
  on: ["torch", "Tensor", "F"],
  doc: `0 within [-λ, λ], else x.\n\n${functionalPage("hardshrink")}`,
  call: (input, lambd) => {
    requireFloat("hardshrink_cpu", input.dtype);
    return hardshrinkPrimitive([input], { lambd });
  },
});

const softshrinkPrimitive = elementwise<{ lambd: number }>("softshrink", {
  lower: (b, [x], { lambd }) => {
    const amount = num(b, x!, lambd);
    const below = pick(b, is(b, "Less", x!, -lambd), b.node("Add", [x!, amount]), num(b, x!, 0));
    return pick(b, is(b, "Greater", x!, lambd), b.node("Sub", [x!, amount]), below);
  },
  grad: (ctx, g) => [outside(g, ctx.input(0), ctx.attrs.lambd)],
});

export const softshrink = op({
  signature: "softshrink(Tensor input, float lambd=0.5) -> Tensor",
  on: ["F"],
  doc: `x - λ above λ, x + λ below -λ, 0 between.\n\n${functionalPage("softshrink")}`,
  call: (input, lambd) => {
    requireFloat("softshrink_cpu", input.dtype);
    if (!(lambd >= 0)) {
      throw new RuntimeError(`lambda must be greater or equal to 0, but found to be ${String(lambd)}.`);
    }
    return softshrinkPrimitive([input], { lambd });
  },
});

export const tanhshrink = op({
  signature: "tanhshrink(Tensor input) -> Tensor",
  on: ["F"],
  doc: `x - tanh(x).\n\n${functionalPage("tanhshrink")}`,
  call: (input) => input.sub(tanh(input)),
});

export const softsign = op({
  signature: "softsign(Tensor input) -> Tensor",
  on: ["F"],
  doc: `x / (1 + |x|).\n\n${functionalPage("softsign")}`,
  call: (input) => input.div(input.abs().add(1)),
});

const logSigmoidPrimitive = elementwise("log_sigmoid", {
  // min(x, 0) - log(1 + e^-|x|), in double precision where the logarithm's argument is near 1
  lower: (b, [x]) => {
    const wide = b.cast(x!, "float64");
    const power = b.node("Exp", [b.node("Neg", [b.node("Abs", [wide])])]);
    const log = b.node("Log", [b.node("Add", [power, num(b, wide, 1)])]);
    return b.cast(b.node("Sub", [b.node("Min", [wide, num(b, wide, 0)]), log]), x!.dtype);
  },
  grad: (ctx, g) => [g.mul(sigmoid(ctx.input(0).neg()))],
});

export const logsigmoid = op({
  signature: "logsigmoid(Tensor input) -> Tensor",
  on: ["F"],
  doc: `log(1 / (1 + e⁻ˣ)).\n\n${functionalPage("logsigmoid")}`,
  call: (input) => {
    requireFloat("log_sigmoid_cpu", input.dtype);
    return logSigmoidPrimitive([input]);
  },
});

const thresholdPrimitive = elementwise<{ bound: number; value: number }>("threshold", {
  lower: (b, [x], { bound, value }) => {
    // An integer is above a fraction when it is above the integer below that.
    const limit = x!.dtype === "int64" ? Math.floor(bound) : bound;
    return pick(b, is(b, "LessOrEqual", x!, limit), num(b, x!, value), x!);
  },
  grad: (ctx, g) => [choose(le(ctx.input(0), ctx.attrs.bound), 0, g)],
});

function aboveThreshold(input: Tensor, bound: number, value: number): Tensor {
  if (input.dtype === bool) notImplementedFor("threshold_cpu", input.dtype);
  return thresholdPrimitive([input], { bound, value });
}

const thresholdDoc = `x where x > \`threshold\`, else \`value\`.\n\n${functionalPage("threshold")}`;
export const threshold = op({
  signature: "threshold(Tensor input, float threshold, float value, *, Tensor? out=None) -> Tensor",
  on: ["torch"],
  inplace: true,
  doc: thresholdDoc,
  call: aboveThreshold,
});
export const thresholdF = op({
  signature: "threshold(Tensor input, float threshold, float value, bool inplace=False) -> Tensor",
  on: ["F"],
  inplace: true,
  doc: thresholdDoc,
  call: (input, bound, value, inplace) =>
    maybeInPlace("threshold", input, inplace, (x) => aboveThreshold(x, bound, value)),
});

const preluPrimitive = elementwise("prelu", {
  lower: (b, [x, w]) => pick(b, is(b, "Greater", x!, 0), x!, b.node("Mul", [w!, x!])),
  // dx for x > 0, else w dx + x dw
  grad: (ctx, g) => [
    () => choose(gt(ctx.input(0), 0), g, g.mul(ctx.input(1))),
    () => choose(gt(ctx.input(0), 0), 0, g.mul(ctx.input(0))),
  ],
});

export const prelu = op({
  signature: "prelu(Tensor input, Tensor weight) -> Tensor",
  on: ["torch", "Tensor", "F"],
  doc: `x for x > 0, else \`weight\` · x: one weight, or one for each channel (axis 1).\n\n${functionalPage("prelu")}`,
  call: (input, weight) => {
    requireFloat("prelu_cpu", input.dtype);
    if (weight.ndim > 1) {
      throw new RuntimeError(
        `prelu: Expected \`weight\` to be a scalar or 1D tensor, but got ndim = ${String(weight.ndim)}`,
      );
    }
    const n = weight.numel();
    if (n === 1) return preluPrimitive([input, weight.reshape([])]);
    if (input.ndim === 0) throw new RuntimeError("Not allow zero-dim input tensor.");
    const channels = input.ndim > 1 ? input._shape[1]! : 1;
    if (channels !== n) {
      throw new RuntimeError(
        `Mismatch of parameter numbers and input channel size. Found parameter numbers = ${String(n)} and channel size = ${String(channels)}.`,
      );
    }
    return preluPrimitive([input, weight.reshape([n, ...input._shape.slice(2).map(() => 1)])]);
  },
});

export const glu = op({
  signature: "glu(Tensor input, int dim=-1) -> Tensor",
  on: ["F"],
  doc: `a · σ(b), a and b the halves of \`input\` along \`dim\`.\n\n${functionalPage("glu")}`,
  call: (input, dim) => {
    requireFloat("glu_cpu", input.dtype);
    if (input.ndim === 0) throw new RuntimeError("glu does not support 0-dimensional tensors");
    const d = wrapDim(dim, input.ndim);
    const size = input._shape[d]!;
    if (size % 2 !== 0) {
      throw new RuntimeError(
        `Halving dimension must be even, but dimension ${String(d)} is size ${String(size)}`,
      );
    }
    const half = size / 2;
    return input.narrow(d, 0, half).mul(sigmoid(input.narrow(d, half, half)));
  },
});

const noisy = elementwise("rrelu", {
  lower: (b, [x, noise]) => b.node("Mul", [x!, noise!]),
  grad: (ctx, g) => [g.mul(ctx.input(1)), null],
});

function randomizedLeaky(
  input: Tensor,
  lower: number,
  upper: number,
  training: boolean,
  generator: object | null,
): Tensor {
  requireFloat("leaky_relu_cpu", input.dtype);
  if (!training) return leaky(input, (lower + upper) / 2);
  // Only elements that are not positive get a number: which those are must be known before the draw.
  const draw = { kind: "rrelu", input: read(input._value), lower, upper } as const;
  return noisy([input, drawn(draw, input._shape, input.dtype, generator)]);
}

const rreluDoc = `Leaky ReLU with a random slope between \`lower\` and \`upper\` in training, their mean else.\n\n${functionalPage("rrelu")}`;
export const rrelu = op({
  signature:
    "rrelu(Tensor input, float lower=0.125, float upper=0.3333333333333333, bool training=False, generator? generator=None) -> Tensor",
  on: ["torch"],
  inplace: true,
  doc: rreluDoc,
  call: randomizedLeaky,
});
export const rreluF = op({
  signature:
    "rrelu(Tensor input, float lower=0.125, float upper=0.3333333333333333, bool training=False, bool inplace=False) -> Tensor",
  on: ["F"],
  inplace: true,
  doc: rreluDoc,
  call: (input, lower, upper, training, inplace) =>
    maybeInPlace("rrelu", input, inplace, (x) => randomizedLeaky(x, lower, upper, training, null)),
});
