/** Losses as `torch` has them: the reduction is a number, and none unless given (`F` has the mean). */
import { RuntimeError } from "../errors.js";
import { encode, fromData } from "./leaf.js";
import { ctcLoss } from "./ctc.js";
import { cosineEmbeddingLoss, tripletMarginLoss } from "./distance-loss.js";
import { binaryCrossEntropyWithLogits } from "./binary-loss.js";
import { reduceLoss, type Reduction } from "./loss.js";
import { op } from "./record.js";
import { hingeEmbeddingLoss, klDiv, marginRankingLoss, poissonNllLoss } from "./regression-loss.js";
import { int64 } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";

const reductions: readonly Reduction[] = ["none", "mean", "sum"];

function named(reduction: number): Reduction {
  const name = reductions[reduction];
  if (!name) throw new RuntimeError(`reduction must be 0, 1 or 2, not ${String(reduction)}`);
  return name;
}

const behind = (name: string): string =>
  `The function behind \`F.${name}\`: \`reduction\` 0 is none, 1 the mean, 2 the sum.`;

export const torchCosineEmbeddingLoss = op({
  signature:
    "cosine_embedding_loss(Tensor input1, Tensor input2, Tensor target, float margin=0.0, int reduction=0) -> Tensor",
  on: ["torch"],
  doc: behind("cosineEmbeddingLoss"),
  call: (input1, input2, target, margin, reduction) =>
    cosineEmbeddingLoss(input1, input2, target, { margin, reduction: named(reduction) }),
});

export const torchHingeEmbeddingLoss = op({
  signature: "hinge_embedding_loss(Tensor input, Tensor target, float margin=1.0, int reduction=0) -> Tensor",
  on: ["torch"],
  doc: behind("hingeEmbeddingLoss"),
  call: (input, target, margin, reduction) =>
    hingeEmbeddingLoss(input, target, { margin, reduction: named(reduction) }),
});

export const torchMarginRankingLoss = op({
  signature:
    "margin_ranking_loss(Tensor input1, Tensor input2, Tensor target, float margin=0.0, int reduction=0) -> Tensor",
  on: ["torch"],
  doc: behind("marginRankingLoss"),
  call: (input1, input2, target, margin, reduction) =>
    marginRankingLoss(input1, input2, target, { margin, reduction: named(reduction) }),
});

export const torchPoissonNllLoss = op({
  signature:
    "poisson_nll_loss(Tensor input, Tensor target, bool log_input, bool full, float eps, int reduction) -> Tensor",
  on: ["torch"],
  doc: behind("poissonNllLoss"),
  call: (input, target, logInput, full, eps, reduction) =>
    poissonNllLoss(input, target, { logInput, full, eps, reduction: named(reduction) }),
});

export const torchTripletMarginLoss = op({
  signature:
    "triplet_margin_loss(Tensor anchor, Tensor positive, Tensor negative, float margin=1.0, float p=2, float eps=1e-06, bool swap=False, int reduction=0) -> Tensor",
  on: ["torch"],
  doc: behind("tripletMarginLoss"),
  call: (anchor, positive, negative, margin, p, eps, swap, reduction) =>
    tripletMarginLoss(anchor, positive, negative, { margin, p, eps, swap, reduction: named(reduction) }),
});

const list = (values: readonly number[]): Tensor => fromData(encode(values, int64), [values.length], int64);

export const torchCtcLoss = op(
  {
    signature:
      "ctc_loss(Tensor log_probs, Tensor targets, Tensor input_lengths, Tensor target_lengths, int blank=0, int reduction=0, bool zero_infinity=False) -> Tensor",
    on: ["torch"],
    doc: behind("ctcLoss"),
    call: (logProbs, targets, inputLengths, targetLengths, blank, reduction, zeroInfinity) =>
      ctcLoss(logProbs, targets, inputLengths, targetLengths, {
        blank,
        reduction: named(reduction),
        zeroInfinity,
      }),
  },
  {
    signature:
      "ctc_loss(Tensor log_probs, Tensor targets, int[] input_lengths, int[] target_lengths, int blank=0, int reduction=0, bool zero_infinity=False) -> Tensor",
    call: (logProbs, targets, inputLengths, targetLengths, blank, reduction, zeroInfinity) =>
      ctcLoss(logProbs, targets, list(inputLengths), list(targetLengths), {
        blank,
        reduction: named(reduction),
        zeroInfinity,
      }),
  },
);

export const torchBinaryCrossEntropyWithLogits = op({
  signature:
    "binary_cross_entropy_with_logits(Tensor input, Tensor target, Tensor? weight=None, Tensor? pos_weight=None, int reduction=0) -> Tensor",
  on: ["torch"],
  doc: behind("binaryCrossEntropyWithLogits"),
  call: (input, target, weight, posWeight, reduction) =>
    binaryCrossEntropyWithLogits(input, target, { weight, posWeight, reduction: named(reduction) }),
});

export const torchKlDiv = op({
  signature: "kl_div(Tensor input, Tensor target, int reduction=0, *, bool log_target=False) -> Tensor",
  on: ["torch"],
  doc: behind("klDiv"),
  call: (input, target, reduction, logTarget) => {
    const loss = klDiv(input, target, { reduction: "none", logTarget });
    return reduceLoss(loss, named(reduction));
  },
});
