/** Losses of how near and how far vectors are. */
import { RuntimeError, ValueError } from "../errors.js";
import { Tensor } from "../tensor/tensor.js";
import { choose, eq } from "./compare.js";
import { distance } from "./distance.js";
import { asFloat } from "./elementwise.js";
import { clampMin, minimum } from "./extrema.js";
import { lossPage, reduceLoss, reductionOf } from "./loss.js";
import { sqrt } from "./pointwise.js";
import { op } from "./record.js";

const sizes = (t: Tensor): string => `[${t._shape.join(", ")}]`;

/** Keeps the cosine of a zero vector finite. */
const EPSILON = 1e-12;

export const cosineEmbeddingLoss = op({
  signature:
    "cosine_embedding_loss(Tensor input1, Tensor input2, Tensor target, float margin=0, bool? size_average=None, bool? reduce=None, str reduction='mean') -> Tensor",
  on: ["F"],
  doc: `1 − cos(input1, input2) where \`target\` is 1, max(0, cos − margin) where it is −1: \`[N, D]\` with \`[N]\`, or \`[D]\` with \`[]\`.\n\n${lossPage("cosine_embedding_loss")}`,
  call: (input1, input2, target, margin, sizeAverage, reduce, given) => {
    const reduction = reductionOf(sizeAverage, reduce, given);
    if (target.ndim > 1) {
      throw new RuntimeError(
        `0D or 1D target tensor expected, multi-target not supported: target is ${sizes(target)}`,
      );
    }
    if (input1.ndim !== target.ndim + 1 || input2.ndim !== target.ndim + 1) {
      throw new RuntimeError(
        `${String(target.ndim)}D target tensor expects ${String(target.ndim + 1)}D input tensors, but found inputs with sizes ${sizes(input1)} and ${sizes(input2)}.`,
      );
    }
    const over = (x: Tensor, y: Tensor): Tensor => x.mul(y).sum(target.ndim);
    const size = asFloat(over(input1, input1).add(EPSILON)).mul(over(input2, input2).add(EPSILON));
    const cosine = over(input1, input2).div(sqrt(size));
    const near = choose(eq(target, 1), cosine.neg().add(1), 0);
    const far = choose(eq(target, -1), clampMin(cosine.sub(margin), 0), 0);
    return reduceLoss(near.add(far), reduction);
  },
});

export const tripletMarginLoss = op({
  signature:
    "triplet_margin_loss(Tensor anchor, Tensor positive, Tensor negative, float margin=1.0, float p=2, float eps=1e-06, bool swap=False, bool? size_average=None, bool? reduce=None, str reduction='mean') -> Tensor",
  on: ["F"],
  doc: `max(0, margin + ‖anchor − positive‖ₚ − ‖anchor − negative‖ₚ); with \`swap\`, the smaller of the anchor's and the positive's distance to the negative.\n\n${lossPage("triplet_margin_loss")}`,
  call: (anchor, positive, negative, margin, p, eps, swap, sizeAverage, reduce, reduction) => {
    if (anchor.ndim !== positive.ndim || anchor.ndim !== negative.ndim) {
      throw new RuntimeError(
        `All inputs should have same dimension but got ${String(anchor.ndim)}D, ${String(positive.ndim)}D and ${String(negative.ndim)}D inputs.`,
      );
    }
    const apart = (x: Tensor, y: Tensor): Tensor => distance(x, y, p, eps, false);
    const near = apart(anchor, positive);
    const far = apart(anchor, negative);
    const rival = swap ? minimum(far, apart(positive, negative)) : far;
    return reduceLoss(clampMin(near.add(margin).sub(rival), 0), reductionOf(sizeAverage, reduce, reduction));
  },
});

type Distance = (x: Tensor, y: Tensor) => Tensor;

export const tripletMarginWithDistanceLoss = op({
  signature:
    "triplet_margin_with_distance_loss(Tensor anchor, Tensor positive, Tensor negative, *, any distance_function=None, float margin=1.0, bool swap=False, str reduction='mean') -> Tensor",
  on: ["F"],
  doc: `\`F.tripletMarginLoss\` with a distance of one's own, \`(x, y) => Tensor\`.\n\n${lossPage("triplet_margin_with_distance_loss")}`,
  call: (anchor, positive, negative, given, margin, swap, reduction) => {
    if (given !== null && typeof given !== "function") {
      throw new TypeError("distanceFunction must be a function of two tensors");
    }
    const apart = (given as Distance | null) ?? ((x, y) => distance(x, y, 2, 1e-6, false));
    const near = apart(anchor, positive);
    const far = apart(anchor, negative);
    if (!(near instanceof Tensor) || !(far instanceof Tensor)) {
      throw new ValueError("distanceFunction must give a tensor");
    }
    const rival = swap ? minimum(far, apart(positive, negative)) : far;
    return reduceLoss(clampMin(near.sub(rival).add(margin), 0), reduction);
  },
});
