/** Normalisation, recurrent, attention and embedding layers: what they were created for against what comes in. */
import { say } from "../phrase.js";
import { Tensor } from "../../../runtime/tensor/tensor.js";
import { convert, outputSetting, setting, shapeOf, sized, type Remedy, type Rule } from "./explanation.js";

const rankOf: Readonly<Record<string, readonly number[]>> = {
  BatchNorm1d: [2, 3],
  BatchNorm2d: [4],
  BatchNorm3d: [5],
  InstanceNorm1d: [2, 3],
  InstanceNorm2d: [3, 4],
  InstanceNorm3d: [4, 5],
};

export const channelNorm: Rule = (failing) => {
  const [input] = failing.inputs;
  if (!/^(Batch|Instance|SyncBatch)Norm/.test(failing.name) || input === undefined) return undefined;
  const ranks = rankOf[failing.name];
  if (ranks !== undefined && !ranks.includes(input.ndim)) {
    const kind = failing.name.replace(/\dd$/, "");
    const better = [1, 2, 3].map((d) => `${kind}${d}d`).find((name) => rankOf[name]?.includes(input.ndim));
    const remedies: Remedy[] =
      better === undefined || failing.layer === undefined
        ? []
        : [{ kind: "class", layer: failing.layer, name: better }];
    remedies.push(...convert(input, "unsqueeze(0)"));
    return {
      phrase: say(
        "{0} expects {1} dimensions, got {2} of {3}",
        failing.name,
        ranks.join(" or "),
        shapeOf(input),
        input.ndim,
      ),
      remedies,
    };
  }
  const axis = failing.name.startsWith("Instance") && input.ndim === ranks?.[0] && input.ndim > 2 ? 0 : 1;
  const expected = failing.setting("numFeatures");
  const got = input.shape[axis];
  if (typeof expected !== "number" || got === undefined || got === expected) return undefined;
  return {
    phrase: say(
      "{0} expects {1} features, got {2}, in {3}",
      failing.name,
      expected,
      sized(failing, input, axis),
      shapeOf(input),
    ),
    remedies: [...setting(failing, "numFeatures", got), ...outputSetting(failing, input, axis, expected)],
  };
};

export const groupNorm: Rule = (failing) => {
  const [input] = failing.inputs;
  const expected = failing.setting("numChannels");
  const got = input?.shape[1];
  if (failing.name !== "GroupNorm" || got === undefined || typeof expected !== "number" || got === expected)
    return undefined;
  return {
    phrase: say(
      "{0} expects {1} channels, got {2}, in {3}",
      failing.name,
      expected,
      sized(failing, input!, 1),
      shapeOf(input!),
    ),
    remedies: [...setting(failing, "numChannels", got), ...outputSetting(failing, input!, 1, expected)],
  };
};

export const layerNorm: Rule = (failing) => {
  const [input] = failing.inputs;
  const shape = failing.setting("normalizedShape");
  if (!/^(LayerNorm|RMSNorm)$/.test(failing.name) || input === undefined || !Array.isArray(shape))
    return undefined;
  const expected = shape as number[];
  if (input.ndim < expected.length) return undefined;
  const got = input.shape.slice(-expected.length);
  if (got.every((d, i) => d === expected[i])) return undefined;
  return {
    phrase: say(
      "{0} expects last dimensions {1}, got {2}",
      failing.name,
      expected.join(", "),
      got.length === 1 ? sized(failing, input, -1) : shapeOf(input),
    ),
    remedies: [
      ...setting(failing, "normalizedShape", got.length === 1 ? got[0]! : shapeOf(got)),
      ...(got.length === 1 ? outputSetting(failing, input, -1, expected[0]) : []),
    ],
  };
};

export const recurrent: Rule = (failing) => {
  const [input] = failing.inputs;
  if (!/^(RNN|LSTM|GRU)(Cell)?$/.test(failing.name) || input === undefined) return undefined;
  const expected = failing.setting("inputSize");
  const isCell = failing.name.endsWith("Cell");
  const ranks = isCell ? [1, 2] : [2, 3];
  if (!ranks.includes(input.ndim)) {
    const phrase = say(
      "{0} expects {1} dimensions, got {2} of {3}",
      failing.name,
      ranks.join(" or "),
      shapeOf(input),
      input.ndim,
    );
    const remedies =
      input.ndim > 3 ? convert(input, "flatten(2)", "flatten(1, 2)") : convert(input, "unsqueeze(-1)");
    return { phrase, remedies };
  }
  const got = input.shape.at(-1)!;
  if (typeof expected !== "number" || got === expected) return undefined;
  return {
    phrase: say("{0} expects input size {1}, got {2}", failing.name, expected, sized(failing, input, -1)),
    remedies: [
      ...(input.ndim === 3 && input.shape[1] === expected ? convert(input, "transpose(1, 2)") : []),
      ...setting(failing, "inputSize", got),
      ...outputSetting(failing, input, -1, expected),
    ],
  };
};

export const attention: Rule = (failing) => {
  if (!/^(MultiheadAttention|Transformer\w*)$/.test(failing.name)) return undefined;
  const [input] = failing.inputs;
  const inner = failing.setting("selfAttn") as { readonly embedDim?: number } | undefined;
  const expected = failing.setting("embedDim") ?? failing.setting("dModel") ?? inner?.embedDim;
  const got = input?.shape.at(-1);
  if (input === undefined || got === undefined || typeof expected !== "number" || got === expected)
    return undefined;
  const name = failing.name === "MultiheadAttention" ? "embedDim" : "dModel";
  return {
    phrase: say(
      "{0} expects embedding dimension {1}, got {2}",
      failing.name,
      expected,
      sized(failing, input, -1),
    ),
    remedies: [...setting(failing, name, got), ...outputSetting(failing, input, -1, expected)],
  };
};

export const embedding: Rule = (failing) => {
  const index = failing.tensor("input") ?? failing.inputs[0];
  if (!/^embedding(_bag)?$/.test(failing.op) || !(index instanceof Tensor)) return undefined;
  if (!index.dtype.isFloatingPoint && index.dtype.name !== "bool") return undefined;
  return {
    phrase: say("{0} expects indices of int64, got {1}", failing.name, index.dtype.name),
    remedies: convert(index, "long()"),
  };
};
