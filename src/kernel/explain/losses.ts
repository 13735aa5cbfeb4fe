/** Losses: the prediction against the target. */
import { say } from "../phrase.js";
import { convert, own, product, shapeOf, type Remedy, type Rule } from "./explanation.js";

const sameShapeLoss =
  /^(mse|l1|smooth_l1|huber|binary_cross_entropy(_with_logits)?|kl_div|poisson_nll|gaussian_nll|soft_margin|multilabel_soft_margin)(_loss)?$/;

export const classLoss: Rule = (failing) => {
  if (!/^(cross_entropy|nll_loss|nll_loss_nd|multi_margin_loss)$/.test(failing.op)) return undefined;
  const [input, target] = [failing.tensor("input"), failing.tensor("target")];
  if (input === undefined || target === undefined) return undefined;
  const isSame = input.ndim === target.ndim && input.shape.every((d, i) => d === target.shape[i]);
  if (isSame && failing.op === "cross_entropy") {
    return target.dtype.isFloatingPoint
      ? undefined
      : {
          phrase: say(
            "{0} expects class probabilities of {1} for a target of the input's shape {2}, got {3}",
            failing.name,
            input.dtype.name,
            shapeOf(input),
            target.dtype.name,
          ),
          remedies: convert(target, "float()", "argmax(1)"),
        };
  }
  // [N, C, d₁, …] goes with [N, d₁, …], [C] with [].
  const expected = input.ndim === 1 ? [] : [input.shape[0]!, ...input.shape.slice(2)];
  const isExpected = target.ndim === expected.length && expected.every((d, i) => d === target.shape[i]);
  if (isExpected) {
    if (target.dtype.name === "int64" || (target.dtype.name === "uint8" && failing.op !== "cross_entropy"))
      return undefined;
    return {
      phrase: say("{0} expects classes of int64 as the target, got {1}", failing.name, target.dtype.name),
      remedies: convert(target, "long()"),
    };
  }
  const remedies: Remedy[] = [];
  const toLong = target.dtype.name === "int64" ? "" : ".long()";
  if (product(target.shape) === product(expected)) {
    const squeezed = target.shape.findIndex(
      (d, i) => d === 1 && target.shape.toSpliced(i, 1).every((e, j) => e === expected[j]),
    );
    if (squeezed >= 0) remedies.push(...convert(target, `squeeze(${squeezed})${toLong}`));
  }
  // Classes last, as sequence models give them.
  if (
    input.ndim === 3 &&
    input.shape[0] === target.shape[0] &&
    input.shape[1] === target.shape[1] &&
    target.ndim === 2
  )
    remedies.push(...convert(input, "transpose(1, 2)"));
  if (isSame) remedies.push(...convert(target, "argmax(1)"));
  // One axis too many in the prediction: [N, 1, C].
  if (input.ndim === target.ndim + 2 && input.shape[1] === 1) remedies.push(...convert(input, "squeeze(1)"));
  if (input.ndim === 4 && input.shape[2] === 1 && input.shape[3] === 1 && target.ndim === 1)
    remedies.push(...convert(input, "flatten(1)"));
  return {
    phrase: say(
      "{0} expects a target of shape {1} for input {2}, got {3}",
      failing.name,
      shapeOf(expected),
      shapeOf(input),
      shapeOf(target),
    ),
    remedies,
  };
};

export const elementLoss: Rule = (failing) => {
  if (!sameShapeLoss.test(failing.op)) return undefined;
  const [input, target] = [failing.tensor("input"), failing.tensor("target")];
  if (input === undefined || target === undefined) return undefined;
  const isSame = input.ndim === target.ndim && input.shape.every((d, i) => d === target.shape[i]);
  if (isSame) {
    if (input.dtype === target.dtype) return undefined;
    return {
      phrase: say(
        "{0} expects a target of {1} like the input, got {2}",
        failing.name,
        input.dtype.name,
        target.dtype.name,
      ),
      remedies: convert(target, target.dtype.isFloatingPoint ? "to(torch.float32)" : "float()"),
    };
  }
  const remedies: Remedy[] = [];
  const cast = input.dtype === target.dtype ? "" : ".float()";
  if (input.ndim === target.ndim + 1) {
    const at = input.shape.findIndex(
      (d, i) => d === 1 && input.shape.toSpliced(i, 1).every((e, j) => e === target.shape[j]),
    );
    if (at >= 0)
      remedies.push(...convert(target, `unsqueeze(${at})${cast}`), ...convert(input, `squeeze(${at})`));
  } else if (target.ndim === input.ndim + 1) {
    const at = target.shape.findIndex(
      (d, i) => d === 1 && target.shape.toSpliced(i, 1).every((e, j) => e === input.shape[j]),
    );
    if (at >= 0)
      remedies.push(...convert(target, `squeeze(${at})${cast}`), ...convert(input, `unsqueeze(${at})`));
  }
  if (remedies.length === 0 && product(input.shape) === product(target.shape))
    remedies.push(
      ...convert(
        input,
        input.ndim > target.ndim ? "flatten(1)" : `unflatten(1, [${target.shape.slice(1).join(", ")}])`,
      ),
    );
  if (target.ndim === input.ndim - 1 && remedies.length === 0)
    remedies.push(...convert(target, `unsqueeze(-1)${cast}`));
  return {
    phrase:
      failing.message === ""
        ? own(failing)
        : say(
            "{0} expects a target of the input's shape {1}, got {2}",
            failing.name,
            shapeOf(input),
            shapeOf(target),
          ),
    remedies,
  };
};
