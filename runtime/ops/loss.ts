/** What losses share: their reductions, and the deprecated ways to ask for them. */
import { ValueError } from "../errors.js";
import type { Tensor } from "../tensor/tensor.js";
import { warn } from "../warnings.js";
import { sameShape } from "./apply.js";
import { broadcastShapes, page } from "./family.js";
import { expandTo } from "./view.js";

export const lossPage = (name: string): string => page(`nn.functional.${name}`);

export type Reduction = "mean" | "sum" | "none";

/** A reduction's name, checked. @throws ValueError */
export function checkReduction(reduction: string): Reduction {
  if (reduction === "mean" || reduction === "sum" || reduction === "none") return reduction;
  if (reduction === "elementwise_mean") {
    warn("reduction='elementwise_mean' is deprecated, please use reduction='mean' instead.");
    return "mean";
  }
  throw new ValueError(`${reduction} is not a valid value for reduction`);
}

/** Applies "mean", "sum" or "none". @throws ValueError for other words. */
export function reduceLoss(loss: Tensor, reduction: string): Tensor {
  const how = checkReduction(reduction);
  return how === "mean" ? loss.mean() : how === "sum" ? loss.sum() : loss;
}

/** The reduction that the deprecated `sizeAverage` and `reduce` stand for. */
export function reductionOf(sizeAverage: boolean | null, reduce: boolean | null, reduction: string): string {
  if (sizeAverage === null && reduce === null) return reduction;
  const meant = reduce === false ? "none" : sizeAverage === false ? "sum" : "mean";
  warn(`sizeAverage and reduce will be deprecated, please use reduction='${meant}' instead.`);
  return meant;
}

/** Operands of an elementwise loss, broadcast; a warning where they are not of one shape. */
export function broadcastPair(input: Tensor, target: Tensor): [Tensor, Tensor] {
  if (sameShape(input._shape, target._shape)) return [input, target];
  warn(
    `Using a target size ([${target._shape.join(", ")}]) that is different to the input size ([${input._shape.join(", ")}]). ` +
      "This will likely lead to incorrect results due to broadcasting. Please ensure they have the same size.",
  );
  const shape = broadcastShapes(input._shape, target._shape);
  return [expandTo(input, shape), expandTo(target, shape)];
}
