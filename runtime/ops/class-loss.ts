/** Losses of class scores against class numbers or class probabilities. */
import { RuntimeError, ValueError } from "../errors.js";
import { int64 } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { sameShape } from "./apply.js";
import { and, choose, eq, gt, lt, not } from "./compare.js";
import { castTo } from "./convert.js";
import { arange } from "./sequence.js";
import { inRange } from "./guard.js";
import { titled } from "./inplace.js";
import { checkReduction, lossPage, reduceLoss, reductionOf } from "./loss.js";
import { op } from "./record.js";
import { sumDims } from "./reduce.js";
import { logsigmoid } from "./shrink.js";
import { logSoftmax } from "./softmax.js";
import { cumsum } from "./scan.js";

const sizes = (t: Tensor): string => `[${t._shape.join(", ")}]`;

/** What `nll` and the label smoothing need of hard targets. */
interface Targets {
  readonly axis: number;
  /** int64, 0 where ignored. */
  readonly index: Tensor;
  readonly ignored: Tensor;
  /** The weight of every target's class, 0 where ignored. */
  readonly factor: Tensor;
}

function hardTargets(input: Tensor, target: Tensor, weight: Tensor | null, ignoreIndex: number): Targets {
  if (input.ndim === 0) throw new RuntimeError("Expected 1 or more dimensions (got 0)");
  const axis = input.ndim === 1 ? 0 : 1;
  const classes = input._shape[axis]!;
  const expected = input._shape.filter((_, i) => i !== axis);
  // One sample without a batch axis may have its class in a vector of one.
  const single = input.ndim === 1 && target.ndim === 1 && target._shape[0] === 1;
  if (!sameShape(target._shape, expected) && !single) {
    throw input.ndim >= 2 && target._shape[0] !== input._shape[0]
      ? new ValueError(
          `Expected input batch_size (${String(input._shape[0])}) to match target batch_size (${String(target._shape[0])}).`,
        )
      : new RuntimeError(
          `nll_loss: expected target of size [${expected.join(", ")}] for input ${sizes(input)}, got ${sizes(target)}`,
        );
  }
  if (target.dtype !== int64 && target.dtype.name !== "uint8") {
    throw new RuntimeError(`expected scalar type Long but found ${titled(target)}`);
  }
  if (weight && (weight.ndim !== 1 || weight._shape[0] !== classes)) {
    throw new RuntimeError(
      `weight tensor should be defined either for all ${String(classes)} classes or no classes but got weight tensor of shape: ${sizes(weight)}`,
    );
  }
  const given = castTo(single ? target.reshape([]) : target, int64);
  const ignored = eq(given, ignoreIndex);
  const index = inRange(
    given.maskedFill(ignored, 0),
    [0, classes - 1],
    "IndexError",
    `Target is out of bounds: classes are 0 to ${String(classes - 1)}`,
  );
  const counted = castTo(not(ignored), input.dtype);
  const factor = weight ? weight.gather(0, index.reshape(-1)).reshape(index.shape).mul(counted) : counted;
  return { axis, index, ignored, factor };
}

/** "mean" is over the weights of the targets that count. */
function reduceWeighted(losses: Tensor, factor: Tensor, reduction: string): Tensor {
  return checkReduction(reduction) === "mean"
    ? losses.sum().div(factor.sum())
    : reduceLoss(losses, reduction);
}

function nll(input: Tensor, { axis, index, ignored, factor }: Targets, reduction: string): Tensor {
  const picked = input.gather(axis, index.unsqueeze(axis)).squeeze(axis);
  // A product alone would turn an ignored infinity into NaN.
  const losses = picked.neg().mul(factor).maskedFill(ignored, 0);
  return reduceWeighted(losses, factor, reduction);
}

export const nllLoss = op({
  signature:
    "nll_loss(Tensor input, Tensor target, Tensor? weight=None, bool? size_average=None, int ignore_index=-100, bool? reduce=None, str reduction='mean') -> Tensor",
  on: ["F"],
  doc: `Negative log likelihood: \`-weight[y] · input[n, y]\` for log probabilities \`[N, C, …]\` and classes \`[N, …]\`; the mean is over the weights.\n\n${lossPage("nll_loss")}`,
  call: (input, target, weight, sizeAverage, ignoreIndex, reduce, reduction) =>
    nll(input, hardTargets(input, target, weight, ignoreIndex), reductionOf(sizeAverage, reduce, reduction)),
});

export const crossEntropy = op({
  signature:
    "cross_entropy(Tensor input, Tensor target, Tensor? weight=None, bool? size_average=None, int ignore_index=-100, bool? reduce=None, str reduction='mean', float label_smoothing=0.0) -> Tensor",
  on: ["F"],
  doc: `Cross entropy of logits \`[N, C, …]\` against classes \`[N, …]\` or probabilities \`[N, C, …]\`: log-softmax over the classes and the negative log likelihood.\n\n${lossPage("cross_entropy")}`,
  call: (input, target, weight, sizeAverage, ignoreIndex, reduce, given, smoothing) => {
    const reduction = reductionOf(sizeAverage, reduce, given);
    if (smoothing < 0 || smoothing > 1) {
      throw new RuntimeError(`label_smoothing must be between 0.0 and 1.0. Got: ${String(smoothing)}`);
    }
    const axis = input.ndim === 1 ? 0 : 1;
    if (sameShape(target._shape, input._shape)) {
      if (!target.dtype.isFloatingPoint) {
        throw new RuntimeError(
          `Expected floating point type for target with class probabilities, got ${titled(target)}`,
        );
      }
      if (ignoreIndex >= 0) {
        throw new RuntimeError("ignore_index is not supported for floating point target");
      }
      return probabilities(input, target, weight, reduction, smoothing, axis);
    }
    const logp = logSoftmax(input, axis);
    const targets = hardTargets(input, target, weight, ignoreIndex);
    const hard = nll(logp, targets, reduction);
    if (smoothing === 0) return hard;
    return hard
      .mul(1 - smoothing)
      .add(smoothed(logp, targets, weight, reduction).mul(smoothing / input._shape[axis]!));
  },
});

/** Σ over the classes of `-weight · log p`, ignored targets out; its mean is over what the hard loss's is. */
function smoothed(logp: Tensor, targets: Targets, weight: Tensor | null, reduction: string): Tensor {
  const { axis, ignored, factor } = targets;
  const all = (weight ? logp.mul(overClasses(weight, logp.ndim, axis)) : logp).sum(axis).neg();
  return reduceWeighted(all.maskedFill(ignored, 0), factor, reduction);
}

const overClasses = (weight: Tensor, rank: number, axis: number): Tensor =>
  weight.reshape(Array.from({ length: rank }, (_, i) => (i === axis ? weight._shape[0]! : 1)));

function probabilities(
  input: Tensor,
  target: Tensor,
  weight: Tensor | null,
  reduction: string,
  smoothing: number,
  axis: number,
): Tensor {
  const n = input._shape[axis]!;
  if (weight && (weight.ndim !== 1 || weight._shape[0] !== n)) {
    throw new RuntimeError(
      `cross_entropy: weight tensor should be defined either for all ${String(n)} classes or no classes but got weight tensor of shape: ${sizes(weight)}`,
    );
  }
  const t = smoothing > 0 ? target.mul(1 - smoothing).add(smoothing / n) : target;
  const logp = logSoftmax(input, axis);
  const weighted = weight ? logp.mul(overClasses(weight, input.ndim, axis)) : logp;
  const losses = weighted.mul(t).sum(axis).neg();
  return checkReduction(reduction) === "mean"
    ? losses.sum().div(input.numel() / n)
    : reduceLoss(losses, reduction);
}

/** `[C]` and `[N, C]` as `[N, C]`, with a target of as many samples. */
function rows(name: string, input: Tensor): Tensor {
  if (input.ndim > 2 || (input.ndim > 0 && input._shape.at(-1) === 0)) {
    throw new RuntimeError(
      `${name}: Expected non-empty vector or matrix with optional 0-dim batch size, but got: ${sizes(input)}`,
    );
  }
  return input.ndim === 2 ? input : input.reshape([1, -1]);
}

function longTarget(target: Tensor): Tensor {
  if (target.dtype !== int64) throw new RuntimeError(`expected scalar type Long but found ${titled(target)}`);
  return target;
}

export const multiMarginLoss = op({
  signature:
    "multi_margin_loss(Tensor input, Tensor target, int p=1, float margin=1.0, Tensor? weight=None, bool? size_average=None, bool? reduce=None, str reduction='mean') -> Tensor",
  on: ["F"],
  doc: `Σ over the other classes of max(0, margin − input[y] + input[i])^p · weight[y], divided by the number of classes.\n\n${lossPage("multi_margin_loss")}`,
  call: (input, target, p, margin, weight, sizeAverage, reduce, given) => {
    const reduction = reductionOf(sizeAverage, reduce, given);
    if (p !== 1 && p !== 2) throw new ValueError("only p == 1 and p == 2 supported");
    if (weight && weight.ndim !== 1) throw new ValueError("weight must be one-dimensional");
    const x = rows("multi_margin_loss", input);
    const [n, classes] = x._shape as [number, number];
    if (target.ndim > 1 || target.numel() !== n) {
      throw new RuntimeError(
        `inconsistent target size, got: ${sizes(target)} for an input of ${sizes(input)}`,
      );
    }
    if (weight && weight._shape[0] !== classes) {
      throw new RuntimeError(
        `inconsistent weight size: ${String(classes)} classes, but got weight ${sizes(weight)}`,
      );
    }
    const y = inRange(
      longTarget(target).reshape(-1),
      [0, classes - 1],
      "RuntimeError",
      "target out of range",
    );
    const own = eq(arange(classes), y.unsqueeze(1));
    const gap = x.sub(x.gather(1, y.unsqueeze(1))).add(margin);
    const short = choose(and(gt(gap, 0), not(own)), gap, 0);
    const powered = p === 1 ? short : short.mul(short);
    const losses = sumDims(powered, [1], false).div(classes);
    const weighted = weight ? losses.mul(weight.gather(0, y)) : losses;
    return reduceLoss(weighted.reshape(target.shape), reduction);
  },
});

export const multilabelMarginLoss = op({
  signature:
    "multilabel_margin_loss(Tensor input, Tensor target, bool? size_average=None, bool? reduce=None, str reduction='mean') -> Tensor",
  on: ["F"],
  doc: `Σ of max(0, 1 − (input[y] − input[i])) over the classes y of \`target\`, which end at the first −1, and all other classes i, divided by the number of classes.\n\n${lossPage("multilabel_margin_loss")}`,
  call: (input, target, sizeAverage, reduce, given) => {
    const reduction = reductionOf(sizeAverage, reduce, given);
    const x = rows("multilabel_margin_loss", input);
    const classes = x._shape[1]!;
    if (target.numel() !== input.numel() || target.ndim > 2 || (input.ndim === 2 && target.ndim !== 2)) {
      throw new RuntimeError(
        `inconsistent size ${sizes(target)} for argument #2 'target': expected ${sizes(input)}`,
      );
    }
    const y = inRange(
      longTarget(target).reshape(x.shape),
      [-1, classes - 1],
      "RuntimeError",
      "argument #2 'target' is out of range",
    );
    // Nothing from the first -1 on.
    const listed = eq(cumsum(castTo(lt(y, 0), int64), 1), 0);
    const index = y.maskedFill(not(listed), 0);
    // [N, target, class]
    const names = and(eq(index.unsqueeze(2), arange(classes)), listed.unsqueeze(2));
    const isTarget = gt(sumDims(castTo(names, int64), [1], false), 0);
    const gap = x.unsqueeze(1).sub(x.gather(1, index).unsqueeze(2)).add(1);
    const counts = and(listed.unsqueeze(2), not(isTarget).unsqueeze(1));
    const losses = sumDims(choose(and(counts, gt(gap, 0)), gap, 0), [1, 2], false).div(classes);
    return reduceLoss(input.ndim === 2 ? losses : losses.reshape([]), reduction);
  },
});

export const multilabelSoftMarginLoss = op({
  signature:
    "multilabel_soft_margin_loss(Tensor input, Tensor target, Tensor? weight=None, bool? size_average=None, bool? reduce=None, str reduction='mean') -> Tensor",
  on: ["F"],
  doc: `−weight (target log σ(input) + (1 − target) log σ(−input)), averaged over the classes.\n\n${lossPage("multilabel_soft_margin_loss")}`,
  call: (input, target, weight, sizeAverage, reduce, given) => {
    const reduction = reductionOf(sizeAverage, reduce, given);
    const hits = target.mul(logsigmoid(input));
    const misses = target.neg().add(1).mul(logsigmoid(input.neg()));
    const all = hits.add(misses).neg();
    const weighted = weight ? all.mul(weight) : all;
    const losses = sumDims(weighted, weighted.ndim ? [weighted.ndim - 1] : [], false).div(
      input._shape.at(-1) ?? 1,
    );
    if (reduction !== "none" && reduction !== "mean" && reduction !== "sum") {
      throw new ValueError(`${reduction} is not valid`);
    }
    return reduceLoss(losses, reduction);
  },
});
