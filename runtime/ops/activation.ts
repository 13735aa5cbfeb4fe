/** Activation functions: `torch.relu`, `F.gelu` and their like. */
import { RuntimeError } from "../errors.js";
import type { Builder, Ref } from "../graph/builder.js";
import type { Attrs } from "../graph/value.js";
import { bool } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { choose, gt, le } from "./compare.js";
import { elementwise, type Elementwise, maybeInPlace, num, requireFloat } from "./elementwise.js";
import { erf, exp, sigmoid, tanh } from "./math.js";
import { op, type GradRule } from "./record.js";

/** Link to PyTorch's page of a function of `torch.nn.functional`. */
export function functionalPage(name: string): string {
  return `[PyTorch](https://pytorch.org/docs/stable/generated/torch.nn.functional.${name}.html)`;
}

/**
 * dx where y > 0. As a product and not a choice, which ONNX Runtime computes slower; the mask itself has no gradient.
 */
const reluGradient: Elementwise = elementwise("relu_backward", {
  lower: (b, [g, y]) => {
    const mask = b.node("Greater", [y!, num(b, y!, 0)], undefined, "bool");
    return b.node("Mul", [g!, b.cast(mask, g!.dtype)]);
  },
  grad: (ctx, g) => [() => reluGradient([g, ctx.input(1)]), null],
});

const reluPrimitive = elementwise("relu", {
  // ONNX Runtime's optimizer fails on a float64 Relu followed by a Clip.
  lower: (b, [x]) => (x!.dtype === "float32" ? b.node("Relu", [x!]) : b.node("Max", [x!, num(b, x!, 0)])),
  grad: (ctx, g) => [reluGradient([g, ctx.output()])],
});

function rectified(input: Tensor): Tensor {
  if (input.dtype === bool) throw new RuntimeError("Boolean inputs not supported for relu");
  return reluPrimitive([input]);
}

export const relu = op({
  signature: "relu(Tensor input) -> Tensor",
  inplace: true,
  doc: `max(0, x).\n\n${functionalPage("relu")}`,
  call: rectified,
});

export const reluF = op({
  signature: "relu(Tensor input, bool inplace=False) -> Tensor",
  on: ["F"],
  inplace: true,
  doc: relu.record.doc,
  call: (input, inplace) => maybeInPlace("relu", input, inplace, (x) => rectified(x)),
});

/** An ONNX node of float32 with FLOAT attributes; float64 goes to the host. */
const single =
  (node: string, attrs: (a: Record<string, number>) => Record<string, number> = () => ({})) =>
  (b: Builder, [x]: readonly Ref[], a: Attrs): Ref | undefined =>
    x!.dtype === "float32"
      ? b.node(
          node,
          [x!],
          Object.fromEntries(Object.entries(attrs(a as Record<string, number>)).map(([k, f]) => [k, { f }])),
        )
      : undefined;

const leakyGradient: GradRule<{ slope: number }> = (ctx, g) => [
  choose(gt(ctx.input(0), 0), g, g.mul(ctx.attrs.slope)),
];

const leakyPrimitive = elementwise<{ slope: number }>("leaky_relu", {
  lower: (b, [x], { slope }) => {
    const positive = b.node("Greater", [x!, num(b, x!, 0)], undefined, "bool");
    return b.node("Where", [positive, x!, b.node("Mul", [x!, num(b, x!, slope)])], undefined, x!.dtype);
  },
  grad: leakyGradient,
});

/** x for x > 0, else `slope` · x. */
export function leaky(input: Tensor, slope: number): Tensor {
  requireFloat("leaky_relu_cpu", input.dtype);
  return leakyPrimitive([input], { slope });
}

export const leakyRelu = op({
  signature: "leaky_relu(Tensor input, float negative_slope=0.01, bool inplace=False) -> Tensor",
  on: ["F"],
  inplace: true,
  doc: `x for x > 0, else \`negativeSlope\` · x.\n\n${functionalPage("leaky_relu")}`,
  call: (input, slope, inplace) => maybeInPlace("leaky_relu", input, inplace, (x) => leaky(x, slope)),
});

/** scale · x for x > 0, else scale · α (e^(x·inputScale) - 1). */
const eluPrimitive = elementwise<{ alpha: number; scale: number; inputScale: number }>("elu", {
  lower: (b, [x], { alpha, scale, inputScale }) => {
    if (x!.dtype !== "float32") return undefined;
    const scaled = inputScale === 1 ? x! : b.node("Mul", [x!, num(b, x!, inputScale)]);
    const negative = b.node("Mul", [b.node("Elu", [scaled]), num(b, x!, alpha * scale)]);
    const positive = b.node("Greater", [x!, num(b, x!, 0)], undefined, "bool");
    const whole = scale === 1 ? x! : b.node("Mul", [x!, num(b, x!, scale)]);
    return b.node("Where", [positive, whole, negative], undefined, x!.dtype);
  },
  host: "activation.elu",
  // scale · inputScale · α e^(x·inputScale) dx for x ≤ 0, else scale dx
  grad: (ctx, g) => {
    const { alpha, scale, inputScale } = ctx.attrs;
    const x = ctx.input(0);
    const slope = exp(x.mul(inputScale)).mul(inputScale * alpha * scale);
    return [choose(le(x, 0), g.mul(slope), g.mul(scale))];
  },
});

function exponentialUnit(input: Tensor, alpha: number, scale: number, inputScale: number): Tensor {
  requireFloat("elu_cpu", input.dtype);
  return eluPrimitive([input], { alpha, scale, inputScale });
}

export const elu = op({
  signature: "elu(Tensor input, float alpha=1.0, bool inplace=False) -> Tensor",
  on: ["F"],
  inplace: true,
  doc: `x for x > 0, else α (eˣ - 1).\n\n${functionalPage("elu")}`,
  call: (input, alpha, inplace) =>
    maybeInPlace("elu", input, inplace, (x) => exponentialUnit(x, alpha, 1, 1)),
});

function continuouslyDifferentiable(input: Tensor, alpha: number): Tensor {
  if (alpha === 0) throw new RuntimeError("ZeroDivisionError: alpha cannot be 0 for CELU");
  return exponentialUnit(input, alpha, 1, 1 / alpha);
}

const celuDoc = `max(0, x) + min(0, α (e^(x/α) - 1)).\n\n${functionalPage("celu")}`;
export const celu = op({
  signature: "celu(Tensor input, float alpha=1.0) -> Tensor",
  on: ["torch"],
  inplace: true,
  doc: celuDoc,
  call: continuouslyDifferentiable,
});
export const celuF = op({
  signature: "celu(Tensor input, float alpha=1.0, bool inplace=False) -> Tensor",
  on: ["F"],
  inplace: true,
  doc: celuDoc,
  call: (input, alpha, inplace) =>
    maybeInPlace("celu", input, inplace, (x) => continuouslyDifferentiable(x, alpha)),
});

const SELU_ALPHA = 1.6732632423543772;
const SELU_SCALE = 1.0507009873554805;
const seluDoc = `scale · (max(0, x) + min(0, α (eˣ - 1))), scale and α such that it keeps mean 0 and variance 1.\n\n${functionalPage("selu")}`;
const selfNormalizing = (input: Tensor): Tensor => exponentialUnit(input, SELU_ALPHA, SELU_SCALE, 1);
export const selu = op({
  signature: "selu(Tensor input) -> Tensor",
  on: ["torch"],
  inplace: true,
  doc: seluDoc,
  call: selfNormalizing,
});
export const seluF = op({
  signature: "selu(Tensor input, bool inplace=False) -> Tensor",
  on: ["F"],
  inplace: true,
  doc: seluDoc,
  call: (input, inplace) => maybeInPlace("selu", input, inplace, (x) => selfNormalizing(x)),
});

const geluPrimitive = elementwise<{ approximate: string }>("gelu", {
  lower: (b, [x], { approximate }) =>
    x!.dtype === "float32" ? b.node("Gelu", [x!], { approximate }) : undefined,
  host: "activation.gelu",
  grad: (ctx, g) => {
    const x = ctx.input(0);
    if (ctx.attrs.approximate === "none") {
      // d xΦ(x) = (Φ(x) + x φ(x)) dx
      const cdf = erf(x.mul(Math.SQRT1_2)).add(1).mul(0.5);
      const pdf = exp(x.mul(x).mul(-0.5)).mul(1 / Math.sqrt(2 * Math.PI));
      return [g.mul(cdf.add(x.mul(pdf)))];
    }
    // y = ½ x (1 + t), t = tanh u, u = k (x + c x³): dy = (½ (1 + t) + ½ x (1 - t²) k (1 + 3 c x²)) dx
    const k = Math.sqrt(2 / Math.PI);
    const square = x.mul(x);
    const t = tanh(x.mul(square.mul(0.044715).add(1)).mul(k));
    const inner = square
      .mul(3 * 0.044715)
      .add(1)
      .mul(k);
    const bend = x.mul(t.mul(t).neg().add(1)).mul(inner);
    return [g.mul(t.add(1).add(bend).mul(0.5))];
  },
});

export const gelu = op({
  signature: "gelu(Tensor input, *, str approximate='none') -> Tensor",
  on: ["F"],
  doc: `x · Φ(x), Φ the distribution function of the normal distribution; approximated by \`"tanh"\` if wanted.\n\n${functionalPage("gelu")}`,
  call: (input, approximate) => {
    requireFloat("GeluKernelImpl", input.dtype);
    if (approximate !== "none" && approximate !== "tanh") {
      throw new RuntimeError("approximate argument must be either none or tanh.");
    }
    return geluPrimitive([input], { approximate });
  },
});

const siluPrimitive = elementwise("silu", {
  lower: (b, [x]) => b.node("Mul", [x!, b.node("Sigmoid", [x!])]),
  // d xσ = σ (1 + x (1 - σ)) dx
  grad: (ctx, g) => {
    const x = ctx.input(0);
    const s = sigmoid(x);
    return [g.mul(s.mul(x.mul(s.neg().add(1)).add(1)))];
  },
});

export const silu = op({
  signature: "silu(Tensor input, bool inplace=False) -> Tensor",
  on: ["F"],
  doc: `x · σ(x), also called swish.\n\n${functionalPage("silu")}`,
  call: (input, inplace) => {
    requireFloat("silu_cpu", input.dtype);
    return maybeInPlace("silu", input, inplace, (x) => siluPrimitive([x]));
  },
});

const mishPrimitive = elementwise("mish", {
  lower: single("Mish"),
  host: "activation.mish",
  // d x tanh(s), s = softplus x: (tanh s + x σ (1 - tanh² s)) dx
  grad: (ctx, g) => {
    const x = ctx.input(0);
    const t = tanh(softplusOf(x, 1, 20));
    return [g.mul(t.add(x.mul(sigmoid(x)).mul(t.mul(t).neg().add(1))))];
  },
});

export const mish = op({
  signature: "mish(Tensor input, bool inplace=False) -> Tensor",
  on: ["F"],
  doc: `x · tanh(softplus(x)).\n\n${functionalPage("mish")}`,
  call: (input, inplace) => {
    requireFloat("mish_cpu", input.dtype);
    return maybeInPlace("mish", input, inplace, (x) => mishPrimitive([x]));
  },
});

const softplusPrimitive = elementwise<{ beta: number; threshold: number }>("softplus", {
  lower: (b, [x], { beta, threshold }) => {
    if (x!.dtype !== "float32") return undefined;
    const scaled = beta === 1 ? x! : b.node("Mul", [x!, num(b, x!, beta)]);
    const soft = b.node("Softplus", [scaled]);
    const small = beta === 1 ? soft : b.node("Mul", [soft, num(b, x!, 1 / beta)]);
    const linear = b.node("Greater", [scaled, num(b, x!, threshold)], undefined, "bool");
    return b.node("Where", [linear, x!, small], undefined, x!.dtype);
  },
  host: "activation.softplus",
  // d softplus = σ(βx) dx, and dx beyond the threshold
  grad: (ctx, g) => {
    const { beta, threshold } = ctx.attrs;
    const scaled = ctx.input(0).mul(beta);
    return [choose(gt(scaled, threshold), g, g.mul(sigmoid(scaled)))];
  },
});

/** log(1 + e^(βx)) / β, and x where βx is beyond the threshold. */
export function softplusOf(x: Tensor, beta: number, threshold: number): Tensor {
  requireFloat("softplus_cpu", x.dtype);
  return softplusPrimitive([x], { beta, threshold });
}

export const softplus = op({
  signature: "softplus(Tensor input, float beta=1, float threshold=20) -> Tensor",
  on: ["F"],
  doc: `log(1 + e^(βx)) / β, and x where βx > \`threshold\`.\n\n${functionalPage("softplus")}`,
  call: softplusOf,
});
