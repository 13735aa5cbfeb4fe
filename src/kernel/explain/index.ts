/** From an error of the library to a sentence with the arithmetic, and to what may put it right. */
import { own, type Explanation, type Rule } from "./explanation.js";
import type { Failing } from "./failing.js";
import { named, sameDtype } from "./dtypes.js";
import { attention, channelNorm, embedding, groupNorm, layerNorm, recurrent } from "./layers.js";
import { classLoss, elementLoss } from "./losses.js";
import { bilinear, convolution, linear, matmul, pooling } from "./products.js";
import { axes, broadcast, expand, join, pixels, reshape, split, subscripts } from "./shapes.js";

/** The first that knows the failure explains it. */
const rules: readonly Rule[] = [
  linear,
  bilinear,
  convolution,
  pooling,
  matmul,
  channelNorm,
  groupNorm,
  layerNorm,
  recurrent,
  attention,
  embedding,
  classLoss,
  elementLoss,
  reshape,
  join,
  axes,
  split,
  expand,
  pixels,
  subscripts,
  broadcast,
  sameDtype,
  named,
];

export function explain(failing: Failing): Explanation {
  for (const rule of rules) {
    const found = rule(failing);
    if (found !== undefined) return found;
  }
  return { phrase: own(failing), remedies: [] };
}
