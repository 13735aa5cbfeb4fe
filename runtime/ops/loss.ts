/** Losses. */
import { RuntimeError, ValueError } from "../errors.js";
import { int64 } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { sameShape } from "./apply.js";
import { logSoftmax } from "./softmax.js";
import { broadcastShapes, page } from "./family.js";
import { op } from "./record.js";
import { expandTo } from "./view.js";

const fpage = (name: string): string => page(`nn.functional.${name}`);

/** Applies "mean", "sum" or "none". @throws ValueError for other words. */
export function reduceLoss(loss: Tensor, reduction: string): Tensor {
  if (reduction === "mean") return loss.mean();
  if (reduction === "sum") return loss.sum();
  if (reduction === "none") return loss;
  throw new ValueError(`${reduction} is not a valid value for reduction`);
}

/** The reduction that the deprecated `sizeAverage` and `reduce` stand for. */
export function reductionOf(sizeAverage: boolean | null, reduce: boolean | null, reduction: string): string {
  if (sizeAverage === null && reduce === null) return reduction;
  if (reduce === false) return "none";
  return sizeAverage === false ? "sum" : "mean";
}

function nll(
  input: Tensor,
  target: Tensor,
  weight: Tensor | null,
  ignoreIndex: number,
  reduction: string,
): Tensor {
  const classAxis = input.ndim === 1 ? 0 : 1;
  const classes = input._shape[classAxis]!;
  if (input.ndim === 0) throw new RuntimeError("nll_loss: input tensor should be 1D or more");
  const expected = input._shape.filter((_, i) => i !== classAxis);
  if (!sameShape(target._shape, expected)) {
    throw input.ndim >= 2 && target._shape[0] !== input._shape[0]
      ? new ValueError(
          `Expected input batch_size (${String(input._shape[0])}) to match target batch_size (${String(target._shape[0])}).`,
        )
      : new RuntimeError(
          `nll_loss: expected target of size [${expected.join(", ")}] for input [${input._shape.join(", ")}], got [${target._shape.join(", ")}]`,
        );
  }
  if (target.dtype !== int64 && target.dtype.name !== "uint8") {
    throw new RuntimeError(`expected scalar type Long but found ${String(target.dtype)}`);
  }
  if (weight && (weight.ndim !== 1 || weight._shape[0] !== classes)) {
    throw new RuntimeError(
      `weight tensor should be defined either for all ${String(classes)} classes or no classes but got weight tensor of shape: [${weight._shape.join(", ")}]`,
    );
  }
  const index = target.to(int64);
  const ignored = index.eq(ignoreIndex);
  const safe = index.maskedFill(ignored, 0);
  const picked = input.gather(classAxis, safe.unsqueeze(classAxis)).squeeze(classAxis);
  const counted = ignored.logicalNot().to(input.dtype);
  const factor = weight ? weight.gather(0, safe.reshape(-1)).reshape(safe.shape).mul(counted) : counted;
  // A product would turn an ignored infinity into NaN.
  const losses = picked.neg().mul(factor).maskedFill(ignored, 0);
  if (reduction === "none") return losses;
  if (reduction === "sum") return losses.sum();
  if (reduction === "mean") return losses.sum().div(factor.sum());
  throw new ValueError(`${reduction} is not a valid value for reduction`);
}

export const nllLoss = op({
  signature:
    "nll_loss(Tensor input, Tensor target, Tensor? weight=None, bool? size_average=None, int ignore_index=-100, bool? reduce=None, str reduction='mean') -> Tensor",
  on: ["F"],
  doc: `Negative log likelihood: \`-weight[y] · input[n, y]\` for log probabilities \`[N, C, …]\` and classes \`[N, …]\`; the mean is over the weights.\n\n${fpage("nll_loss")}`,
  call: (input, target, weight, sizeAverage, ignoreIndex, reduce, reduction) =>
    nll(input, target, weight, ignoreIndex, reductionOf(sizeAverage, reduce, reduction)),
});

export const crossEntropy = op({
  signature:
    "cross_entropy(Tensor input, Tensor target, Tensor? weight=None, bool? size_average=None, int ignore_index=-100, bool? reduce=None, str reduction='mean', float label_smoothing=0.0) -> Tensor",
  on: ["F"],
  doc: `Cross entropy of logits \`[N, C, …]\` against classes \`[N, …]\` or probabilities \`[N, C, …]\`: log-softmax over the classes and the negative log likelihood.\n\n${fpage("cross_entropy")}`,
  call: (input, target, weight, sizeAverage, ignoreIndex, reduce, given, smoothing) => {
    const reduction = reductionOf(sizeAverage, reduce, given);
    if (smoothing < 0 || smoothing > 1) {
      throw new RuntimeError(`label_smoothing must be between 0.0 and 1.0. Got: ${String(smoothing)}`);
    }
    const axis = input.ndim === 1 ? 0 : 1;
    if (sameShape(target._shape, input._shape) && target.dtype.isFloatingPoint) {
      return probabilities(input, target, weight, reduction, smoothing, axis);
    }
    const logp = logSoftmax(input, axis);
    const hard = nll(logp, target, weight, ignoreIndex, reduction);
    if (smoothing === 0) return hard;
    return hard
      .mul(1 - smoothing)
      .add(smoothed(logp, target, weight, ignoreIndex, reduction, axis).mul(smoothing / input._shape[axis]!));
  },
});

/** Σ over the classes of `-weight · log p`, ignored targets out; its mean is over what the hard loss's is. */
function smoothed(
  logp: Tensor,
  target: Tensor,
  weight: Tensor | null,
  ignoreIndex: number,
  reduction: string,
  axis: number,
): Tensor {
  const all = (weight ? logp.mul(classes(weight, logp.ndim, axis)) : logp).sum(axis).neg();
  const ignored = target.eq(ignoreIndex);
  const losses = all.maskedFill(ignored, 0);
  if (reduction === "none") return losses;
  if (reduction === "sum") return losses.sum();
  const counted = ignored.logicalNot().to(logp.dtype);
  if (!weight) return losses.sum().div(counted.sum());
  const safe = target.to(int64).maskedFill(ignored, 0);
  return losses.sum().div(weight.gather(0, safe.reshape(-1)).mul(counted.reshape(-1)).sum());
}

const classes = (weight: Tensor, rank: number, axis: number): Tensor =>
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
  const t = smoothing > 0 ? target.mul(1 - smoothing).add(smoothing / n) : target;
  const logp = logSoftmax(input, axis);
  const weighted = weight ? logp.mul(classes(weight, input.ndim, axis)) : logp;
  const losses = weighted.mul(t).sum(axis).neg();
  if (reduction === "mean") return losses.sum().div(input.numel() / n);
  return reduceLoss(losses, reduction);
}

/** Operands of an elementwise loss, broadcast as PyTorch's `broadcast_tensors`. */
export function broadcastPair(input: Tensor, target: Tensor): [Tensor, Tensor] {
  const shape = broadcastShapes(input._shape, target._shape);
  return [expandTo(input, shape), expandTo(target, shape)];
}

export const mseLoss = op({
  signature:
    "mse_loss(Tensor input, Tensor target, bool? size_average=None, bool? reduce=None, str reduction='mean') -> Tensor",
  on: ["F"],
  doc: `Squared difference, (input − target)².\n\n${fpage("mse_loss")}`,
  call: (input, target, sizeAverage, reduce, reduction) => {
    const [x, y] = broadcastPair(input, target);
    const difference = x.sub(y);
    return reduceLoss(difference.mul(difference), reductionOf(sizeAverage, reduce, reduction));
  },
});
