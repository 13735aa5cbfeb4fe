/** Binary cross entropy. */
import { RuntimeError, ValueError } from "../errors.js";
import { sameShape } from "./apply.js";
import { castTo } from "./convert.js";
import { elementwise, num, requireFloat, type Elementwise } from "./elementwise.js";
import { broadcastShapes } from "./family.js";
import { inRange } from "./guard.js";
import { titled } from "./inplace.js";
import { lossPage, reduceLoss, reductionOf } from "./loss.js";
import { log, log1p, sigmoid } from "./math.js";
import { op } from "./record.js";
import type { Tensor } from "../tensor/tensor.js";

/**
 * −(y log x + (1 − y) log(1 − x)), the logarithms no less than −100. The logarithms are taken in float64, where
 * log(1 − x) is exact enough for small x.
 */
const crossEntropy: Elementwise = elementwise("binary_cross_entropy", {
  lower: (b, [x, y]) => {
    const wide = b.cast(x!, "float64");
    const bounded = (r: typeof wide): typeof wide =>
      b.cast(b.node("Max", [b.node("Log", [r]), b.scalar(-100, "float64")]), x!.dtype);
    const one = num(b, x!, 1);
    const miss = bounded(b.node("Sub", [b.scalar(1, "float64"), wide]));
    const negative = b.node("Mul", [b.node("Sub", [y!, one]), miss]);
    return b.node("Sub", [negative, b.node("Mul", [y!, bounded(wide)])]);
  },
  // dx (x − y) / (x (1 − x)), the denominator no less than 1e-12; dy (log(1 − x) − log x)
  grad: (ctx, g) => {
    const x = ctx.input(0);
    return [
      () => g.mul(x.sub(ctx.input(1))).div(x.neg().add(1).mul(x).clampMin(1e-12)),
      () => g.mul(log1p(x.neg()).sub(log(x))),
    ];
  },
});

/** Refuses a weight that is to be differentiated, as PyTorch does. */
function fixed(name: string, argument: string, t: Tensor | null): void {
  if (t?.requiresGrad) {
    throw new RuntimeError(
      `The function '${name}' is not differentiable with respect to argument '${argument}'. This input cannot have requires_grad True.`,
    );
  }
}

const sizes = (t: Tensor): string => `[${t._shape.join(", ")}]`;

export const binaryCrossEntropy = op({
  signature:
    "binary_cross_entropy(Tensor input, Tensor target, Tensor? weight=None, bool? size_average=None, bool? reduce=None, str reduction='mean') -> Tensor",
  on: ["F"],
  doc: `−weight (target log input + (1 − target) log(1 − input)) for probabilities; logarithms below −100 are cut there. Throws \`RuntimeError\` for inputs outside [0, 1].\n\n${lossPage("binary_cross_entropy")}`,
  call: (input, target, weight, sizeAverage, reduce, given) => {
    const reduction = reductionOf(sizeAverage, reduce, given);
    if (!sameShape(target._shape, input._shape)) {
      throw new ValueError(
        `Using a target size (${sizes(target)}) that is different to the input size (${sizes(input)}) is deprecated. ` +
          "Please ensure they have the same size.",
      );
    }
    requireFloat("binary_cross_entropy", input.dtype);
    for (const t of [target, weight]) {
      if (t && t.dtype !== input.dtype) {
        throw new RuntimeError(`Found dtype ${titled(t)} but expected ${titled(input)}`);
      }
    }
    fixed("binary_cross_entropy", "weight", weight);
    if (weight && !sameShape(broadcastShapes(target._shape, weight._shape), target._shape)) {
      throw new RuntimeError(
        `output with shape ${sizes(target)} doesn't match the broadcast shape of weight ${sizes(weight)}`,
      );
    }
    const probability = inRange(
      input,
      [0, 1],
      "RuntimeError",
      "all elements of input should be between 0 and 1",
    );
    const loss = crossEntropy([probability, target]);
    return reduceLoss(weight ? loss.mul(weight) : loss, reduction);
  },
});

/** log(1 + e⁻ˣ), exact for all x. */
const negativeSoftplus: Elementwise = elementwise("negative_softplus", {
  lower: (b, [x]) => {
    const most = b.node("Max", [b.node("Neg", [x!]), num(b, x!, 0)]);
    const small = b.cast(b.node("Exp", [b.node("Neg", [b.node("Abs", [x!])])]), "float64");
    const rest = b.node("Log", [b.node("Add", [small, b.scalar(1, "float64")])]);
    return b.node("Add", [most, b.cast(rest, x!.dtype)]);
  },
  grad: (ctx, g) => [g.mul(sigmoid(ctx.input(0).neg())).neg()],
});

export const binaryCrossEntropyWithLogits = op({
  signature:
    "binary_cross_entropy_with_logits(Tensor input, Tensor target, Tensor? weight=None, bool? size_average=None, bool? reduce=None, str reduction='mean', Tensor? pos_weight=None) -> Tensor",
  on: ["F"],
  doc: `Binary cross entropy of logits: (1 − target) input + (1 + (posWeight − 1) target) log(1 + e^−input).\n\n${lossPage("binary_cross_entropy_with_logits")}`,
  call: (input, target, weight, sizeAverage, reduce, given, positive) => {
    const reduction = reductionOf(sizeAverage, reduce, given);
    if (!sameShape(target._shape, input._shape)) {
      throw new ValueError(`Target size (${sizes(target)}) must be the same as input size (${sizes(input)})`);
    }
    if (target.dtype.category < input.dtype.category || !input.dtype.isFloatingPoint) {
      throw new RuntimeError(
        `result type ${titled(input)} can't be cast to the desired output type ${titled(target)}`,
      );
    }
    fixed("binary_cross_entropy_with_logits", "weight", weight);
    fixed("binary_cross_entropy_with_logits", "pos_weight", positive);
    // Computed in float32 for half types: one rounding at the end.
    const wide = input.dtype.itemsize === 2 ? (t: Tensor): Tensor => t.float() : (t: Tensor): Tensor => t;
    const [x, y] = [wide(input), wide(target)];
    const soft = negativeSoftplus([x]);
    const likelihood = positive ? y.mul(wide(positive).sub(1)).add(1).mul(soft) : soft;
    const loss = y.neg().add(1).mul(x).add(likelihood);
    const weighted = weight ? loss.mul(wide(weight)) : loss;
    return castTo(reduceLoss(weighted, reduction), input.dtype);
  },
});
