/** Losses between numbers: element by element, then reduced. */
import { RuntimeError, ValueError } from "../errors.js";
import { sameShape } from "./apply.js";
import { choose, le, ne } from "./compare.js";
import { castTo } from "./convert.js";
import { asFloat, elementwise, num, requireFloat, type Elementwise } from "./elementwise.js";
import { clampMin } from "./extrema.js";
import { broadcastPair, checkReduction, lossPage, reduceLoss, reductionOf } from "./loss.js";
import { exp, log, log1p } from "./math.js";
import { abs } from "./pointwise.js";
import { floatType, resultType } from "./promote.js";
import { op } from "./record.js";
import { xlogy } from "./combine.js";
import { warn } from "../warnings.js";
import type { Tensor } from "../tensor/tensor.js";

/** Both in their common dtype, which must be floating. */
function floating(kernel: string, input: Tensor, target: Tensor): [Tensor, Tensor] {
  const dtype = resultType(input, target);
  requireFloat(kernel, dtype);
  return [castTo(input, dtype), castTo(target, dtype)];
}

export const l1Loss = op({
  signature:
    "l1_loss(Tensor input, Tensor target, bool? size_average=None, bool? reduce=None, str reduction='mean') -> Tensor",
  on: ["F"],
  doc: `|input − target|.\n\n${lossPage("l1_loss")}`,
  call: (input, target, sizeAverage, reduce, reduction) => {
    const [x, y] = broadcastPair(input, target);
    return reduceLoss(abs(x.sub(y)), reductionOf(sizeAverage, reduce, reduction));
  },
});

/** (x − y)²; d = 2 (x − y) (dx − dy) */
const squaredDifference: Elementwise = elementwise("mse_loss", {
  lower: (b, [x, y]) => {
    const difference = b.node("Sub", [x!, y!]);
    return b.node("Mul", [difference, difference]);
  },
  grad: (ctx, g) => {
    const slope = g.mul(ctx.input(0).sub(ctx.input(1))).mul(2);
    return [slope, () => slope.neg()];
  },
});

export const mseLoss = op({
  signature:
    "mse_loss(Tensor input, Tensor target, bool? size_average=None, bool? reduce=None, str reduction='mean') -> Tensor",
  on: ["F"],
  doc: `Squared difference, (input − target)².\n\n${lossPage("mse_loss")}`,
  call: (input, target, sizeAverage, reduce, reduction) => {
    const [x, y] = floating("mse_cpu", ...broadcastPair(input, target));
    return reduceLoss(squaredDifference([x, y]), reductionOf(sizeAverage, reduce, reduction));
  },
});

/** z = |x − y|, m = min(z, δ): m (z − m / 2), which is ½ z² up to δ and δ (z − ½ δ) beyond; d = clamp(x − y, ±δ) (dx − dy) */
const huber: Elementwise<{ delta: number }> = elementwise("huber_loss", {
  lower: (b, [x, y], { delta }) => {
    const z = b.node("Abs", [b.node("Sub", [x!, y!])]);
    const m = b.node("Min", [z, num(b, x!, delta)]);
    return b.node("Mul", [m, b.node("Sub", [z, b.node("Mul", [m, num(b, x!, 0.5)])])]);
  },
  grad: (ctx, g) => {
    const { delta } = ctx.attrs;
    const slope = g.mul(ctx.input(0).sub(ctx.input(1)).clamp(-delta, delta));
    return [slope, () => slope.neg()];
  },
});

/** |x − y| as the limit of the smooth loss: where they are equal, each side has the slope of the smaller one. */
const sharp: Elementwise = elementwise("smooth_l1_loss_sharp", {
  lower: (b, [x, y]) => b.node("Abs", [b.node("Sub", [x!, y!])]),
  grad: (ctx, g) => {
    const [x, y] = [ctx.input(0), ctx.input(1)];
    return [() => choose(le(x, y), g.neg(), g), () => choose(le(y, x), g.neg(), g)];
  },
});

export const smoothL1Loss = op({
  signature:
    "smooth_l1_loss(Tensor input, Tensor target, bool? size_average=None, bool? reduce=None, str reduction='mean', float beta=1.0) -> Tensor",
  on: ["F"],
  doc: `With d = |input − target|: ½ d² / beta below \`beta\`, d − ½ beta above.\n\n${lossPage("smooth_l1_loss")}`,
  call: (input, target, sizeAverage, reduce, given, beta) => {
    const reduction = reductionOf(sizeAverage, reduce, given);
    if (beta < 0) throw new RuntimeError("smooth_l1_loss does not support negative values for beta.");
    const pair = floating("smooth_l1_cpu", ...broadcastPair(input, target));
    if (beta === 0) return reduceLoss(sharp(pair), reduction);
    const loss = huber(pair, { delta: beta });
    return reduceLoss(beta === 1 ? loss : loss.div(beta), reduction);
  },
});

export const huberLoss = op({
  signature: "huber_loss(Tensor input, Tensor target, str reduction='mean', float delta=1.0) -> Tensor",
  on: ["F"],
  doc: `With d = |input − target|: ½ d² below \`delta\`, delta (d − ½ delta) above.\n\n${lossPage("huber_loss")}`,
  call: (input, target, reduction, delta) => {
    if (!(delta > 0)) throw new RuntimeError("huber_loss does not support non-positive values for delta.");
    const [x, y] = broadcastPair(input, target);
    return reduceLoss(huber(floating("huber_cpu", x, y), { delta }), reduction);
  },
});

export const klDiv = op({
  signature:
    "kl_div(Tensor input, Tensor target, bool? size_average=None, bool? reduce=None, str reduction='mean', bool log_target=False) -> Tensor",
  on: ["F"],
  doc: `Kullback-Leibler divergence of log probabilities from probabilities (or from log probabilities, with \`logTarget\`): target (log target − input). \`"batchmean"\` divides the sum by the batch size, which is the mathematical mean.\n\n${lossPage("kl_div")}`,
  call: (input, target, sizeAverage, reduce, given, logTarget) => {
    if (sizeAverage === null && reduce === null && given === "mean") {
      warn(
        "reduction: 'mean' divides the total loss by both the batch size and the support size. " +
          "'batchmean' divides only by the batch size, and aligns with the KL div math definition. " +
          "'mean' will be changed to behave the same as 'batchmean' in the next major release.",
      );
    }
    const reduction = reductionOf(sizeAverage, reduce, given);
    const how = checkReduction(reduction === "batchmean" ? "sum" : reduction);
    if (!input.dtype.isFloatingPoint || !target.dtype.isFloatingPoint) {
      throw new RuntimeError(
        `kl_div: Integral inputs not supported: input is ${String(input.dtype)}, target ${String(target.dtype)}.`,
      );
    }
    const loss = logTarget
      ? exp(target).mul(target.sub(input))
      : xlogy(target, target).sub(target.mul(input));
    const reduced = reduceLoss(loss, how);
    return reduction === "batchmean" && input.ndim > 0 ? reduced.div(input._shape[0]!) : reduced;
  },
});

export const poissonNllLoss = op({
  signature:
    "poisson_nll_loss(Tensor input, Tensor target, bool log_input=True, bool full=False, bool? size_average=None, float eps=1e-08, bool? reduce=None, str reduction='mean') -> Tensor",
  on: ["F"],
  doc: `Negative log likelihood of counts under a Poisson distribution of rate e^input (or \`input\`, without \`logInput\`); \`full\` adds Stirling's approximation of log target!.\n\n${lossPage("poisson_nll_loss")}`,
  call: (input, target, logInput, full, sizeAverage, eps, reduce, given) => {
    const reduction = reductionOf(sizeAverage, reduce, given);
    if (reduction !== "none" && reduction !== "mean" && reduction !== "sum") {
      throw new ValueError(`${reduction} is not valid`);
    }
    const likelihood = logInput
      ? exp(input).sub(target.mul(input))
      : input.sub(target.mul(log(input.add(eps))));
    if (!full) return reduceLoss(likelihood, reduction);
    const stirling = target
      .mul(log(target))
      .sub(target)
      .add(log(target.mul(2 * Math.PI)).mul(0.5));
    return reduceLoss(likelihood.add(stirling.maskedFill(target.le(1), 0)), reduction);
  },
});

/** max(variance, eps), whose gradient passes as if nothing had been done; a negative variance is an error. */
const boundedVariance = elementwise<{ eps: number }>("bounded_variance", {
  lower: (b, [x], { eps }) => {
    const ok = b.node("Not", [b.node("Less", [x!, num(b, x!, 0)], undefined, "bool")]);
    const bounded = b.node("Max", [x!, num(b, x!, eps)]);
    return b.guarded(bounded, ok, "ValueError", "var has negative entry/entries");
  },
  grad: (_, g) => [g],
});

/** The variance brought to a shape that goes with the input's. @throws ValueError */
function varianceFor(input: Tensor, variance: Tensor): Tensor {
  if (sameShape(variance._shape, input._shape)) return variance;
  const leading = input._shape.slice(0, -1);
  if (input.ndim > 0 && sameShape(leading, variance._shape)) return variance.unsqueeze(-1);
  if (sameShape(leading, variance._shape.slice(0, -1)) && variance._shape.at(-1) === 1) return variance;
  throw new ValueError(
    `var is of incorrect size: [${variance._shape.join(", ")}] for an input of [${input._shape.join(", ")}]`,
  );
}

export const gaussianNllLoss = op({
  signature:
    "gaussian_nll_loss(Tensor input, Tensor target, Tensor var, bool full=False, float eps=1e-06, str reduction='mean') -> Tensor",
  on: ["F"],
  doc: `Negative log likelihood under a normal distribution of mean \`input\` and variance \`var\`, at least \`eps\`: ½ (log var + (input − target)² / var); \`full\` adds ½ log 2π.\n\n${lossPage("gaussian_nll_loss")}`,
  call: (input, target, variance, full, eps, reduction) => {
    const fitted = varianceFor(input, variance);
    if (reduction !== "none" && reduction !== "mean" && reduction !== "sum") {
      throw new ValueError(`${reduction} is not valid`);
    }
    const v = boundedVariance([castTo(fitted, floatType(fitted.dtype))], { eps });
    const difference = input.sub(target);
    const loss = log(v).add(difference.mul(difference).div(v)).mul(0.5);
    return reduceLoss(full ? loss.add(0.5 * Math.log(2 * Math.PI)) : loss, reduction);
  },
});

export const hingeEmbeddingLoss = op({
  signature:
    "hinge_embedding_loss(Tensor input, Tensor target, float margin=1.0, bool? size_average=None, bool? reduce=None, str reduction='mean') -> Tensor",
  on: ["F"],
  doc: `\`input\` where \`target\` is 1, max(0, margin − input) where it is −1.\n\n${lossPage("hinge_embedding_loss")}`,
  call: (input, target, margin, sizeAverage, reduce, reduction) => {
    const far = choose(ne(target, 1), clampMin(asFloat(input.neg()).add(margin), 0), 0);
    const near = choose(ne(target, -1), input, 0);
    return reduceLoss(far.add(near), reductionOf(sizeAverage, reduce, reduction));
  },
});

export const softMarginLoss = op({
  signature:
    "soft_margin_loss(Tensor input, Tensor target, bool? size_average=None, bool? reduce=None, str reduction='mean') -> Tensor",
  on: ["F"],
  doc: `log(1 + e^(−target · input)), targets 1 and −1.\n\n${lossPage("soft_margin_loss")}`,
  call: (input, target, sizeAverage, reduce, reduction) =>
    reduceLoss(log1p(exp(target.neg().mul(input))), reductionOf(sizeAverage, reduce, reduction)),
});

export const marginRankingLoss = op({
  signature:
    "margin_ranking_loss(Tensor input1, Tensor input2, Tensor target, float margin=0, bool? size_average=None, bool? reduce=None, str reduction='mean') -> Tensor",
  on: ["F"],
  doc: `max(0, −target (input1 − input2) + margin): target 1 says that the first ranks higher, −1 the second.\n\n${lossPage("margin_ranking_loss")}`,
  call: (input1, input2, target, margin, sizeAverage, reduce, reduction) => {
    const how = reductionOf(sizeAverage, reduce, reduction);
    if (input1.ndim !== input2.ndim || input1.ndim !== target.ndim) {
      throw new RuntimeError(
        `margin_ranking_loss : All input tensors should have same dimension but got sizes: input1: [${input1._shape.join(", ")}], ` +
          `input2: [${input2._shape.join(", ")}], target: [${target._shape.join(", ")}]`,
      );
    }
    return reduceLoss(clampMin(asFloat(target.neg().mul(input1.sub(input2))).add(margin), 0), how);
  },
});
