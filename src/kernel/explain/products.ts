/** Linear layers, matrix products and convolutions: sums of products over an axis that both sides must agree on. */
import { say } from "../phrase.js";
import {
  convert,
  outputSetting,
  own,
  product,
  setting,
  shapeOf,
  sized,
  type Explanation,
  type Remedy,
  type Rule,
} from "./explanation.js";
import type { Failing } from "./failing.js";

export const linear: Rule = (failing) => {
  const [input, weight] = [failing.tensor("input"), failing.tensor("weight")];
  if (failing.op !== "linear" || input === undefined || weight === undefined) return undefined;
  const expected = weight.shape.at(-1)!;
  const got = input.shape.at(-1);
  if (got === undefined) {
    const phrase = say(
      "{0} expects last dimension {1}, got a tensor of no dimensions",
      failing.name,
      expected,
    );
    return { phrase, remedies: [] };
  }
  if (got === expected) return undefined;
  const remedies: Remedy[] = [];
  // All but the batch make up the features: the flattening was forgotten.
  if (input.ndim > 2 && product(input.shape.slice(1)) === expected)
    remedies.push(...convert(input, "flatten(1)"));
  if (input.ndim > 2 && product(input.shape.slice(2)) === expected)
    remedies.push(...convert(input, "flatten(2)"));
  if (input.ndim > 2 && input.shape[1] === expected) remedies.push(...convert(input, "transpose(1, -1)"));
  if (input.ndim === 1) remedies.push({ kind: "startDim", tensor: input });
  remedies.push(...setting(failing, "inFeatures", got));
  if (failing.layer === undefined && weight.ndim === 2 && weight.shape[0] === got)
    remedies.push(...convert(weight, "t()"));
  remedies.push(...outputSetting(failing, input, -1, expected));
  if (input.ndim === 2 && input.shape[0] === expected) remedies.push(...convert(input, "t()"));
  const phrase = say(
    "{0} expects last dimension {1}, got {2}",
    failing.name,
    expected,
    sized(failing, input, -1),
  );
  return { phrase, remedies };
};

export const bilinear: Rule = (failing) => {
  if (failing.op !== "bilinear") return undefined;
  const weight = failing.tensor("weight");
  for (const [i, name] of ["in1Features", "in2Features"].entries()) {
    const input = failing.tensor(`input${i + 1}`);
    const expected = weight?.shape[i + 1];
    if (input === undefined || expected === undefined || input.shape.at(-1) === expected) continue;
    const got = sized(failing, input, -1);
    const phrase = say(
      "{0} expects last dimension {1} of input {2}, got {3}",
      failing.name,
      expected,
      i + 1,
      got,
    );
    return {
      phrase,
      remedies: [
        ...setting(failing, name, input.shape.at(-1)!),
        ...outputSetting(failing, input, -1, expected),
      ],
    };
  }
  return undefined;
};

/** `matmul`, `mm`, `bmm`, `baddbmm` …: the last axis of the one against the last but one of the other. */
export const matmul: Rule = (failing) => {
  if (!/^(matmul|mm|bmm|addmm|baddbmm|addbmm|mv|scaled_dot_product_attention)$/.test(failing.op))
    return undefined;
  const [a, b] =
    failing.inputs.length === 3 && failing.op.includes("add") ? failing.inputs.slice(1) : failing.inputs;
  if (a === undefined || b === undefined || failing.op === "scaled_dot_product_attention") return undefined;
  const inner = b.shape.at(b.ndim === 1 ? -1 : -2);
  if (a.shape.at(-1) === inner) return batches(failing);
  const remedies: Remedy[] = [];
  if (b.ndim > 1 && b.shape.at(-1) === a.shape.at(-1))
    remedies.push(...convert(b, b.ndim === 2 ? "t()" : "transpose(-2, -1)"));
  if (a.ndim > 1 && a.shape.at(-2) === inner)
    remedies.push(...convert(a, a.ndim === 2 ? "t()" : "transpose(-2, -1)"));
  if (a.ndim > 2 && product(a.shape.slice(1)) === inner) remedies.push(...convert(a, "flatten(1)"));
  remedies.push(
    ...outputSetting(failing, a, -1, inner),
    ...outputSetting(failing, b, b.ndim === 1 ? -1 : -2, a.shape.at(-1)),
  );
  const phrase = say(
    "{0} of {1} and {2}: the last dimension {3} must equal {4} of the other",
    failing.name,
    shapeOf(a),
    shapeOf(b),
    sized(failing, a, -1),
    inner ?? "?",
  );
  return { phrase, remedies };
};

function batches(failing: Failing): Explanation | undefined {
  const [a, b] = failing.inputs;
  if (a === undefined || b === undefined) return undefined;
  const strict = /^(mm|bmm)$/.test(failing.op);
  const wrongRank = strict && (a.ndim !== (failing.op === "mm" ? 2 : 3) || b.ndim !== a.ndim);
  return wrongRank ? { phrase: own(failing), remedies: [{ kind: "rename", name: "matmul" }] } : undefined;
}

export const convolution: Rule = (failing) => {
  const found = /^conv(_transpose)?(\d)d$/.exec(failing.op);
  const [input, weight] = [failing.tensor("input"), failing.tensor("weight")];
  if (found === null || input === undefined || weight === undefined) return undefined;
  const dims = Number(found[2]);
  const groups = Number(failing.args["groups"] ?? 1);
  if (input.ndim !== dims + 1 && input.ndim !== dims + 2) {
    const phrase = say(
      "{0} expects [N, C, {1}], got {2} of {3} dimensions",
      failing.name,
      ["L", "H, W", "D, H, W"][dims - 1]!,
      shapeOf(input),
      input.ndim,
    );
    const remedies =
      input.ndim === dims
        ? convert(input, "unsqueeze(0)", "unsqueeze(1)")
        : convert(input, "flatten(0, 1)", "squeeze(0)");
    return { phrase, remedies };
  }
  const expected = found[1] === undefined ? weight.shape[1]! * groups : weight.shape[0]!;
  const axis = input.ndim - dims - 1;
  const got = input.shape[axis]!;
  if (got !== expected) {
    const remedies: Remedy[] = [];
    // [N, H, W] of pictures with one channel is taken for one picture of N channels.
    if (axis === 0 && expected === 1) remedies.push(...convert(input, "unsqueeze(1)"));
    if (axis === 0 && dims > 1 && input.shape[1] === expected && failing.layer !== undefined)
      remedies.push({
        kind: "class",
        layer: failing.layer,
        name: failing.name.replace(/\dd$/, `${dims - 1}d`),
      });
    if (input.shape.at(-1) === expected && axis === 1) {
      const last = dims + 1;
      const order = [0, last, ...Array.from({ length: dims }, (_, i) => i + 1)];
      remedies.push(...convert(input, `permute(${order.join(", ")})`));
    }
    if (axis === 1 && dims === 1 && input.shape[2] === expected)
      remedies.push(...convert(input, "transpose(1, 2)"));
    remedies.push(...setting(failing, "inChannels", got), ...outputSetting(failing, input, axis, expected));
    const from = sized(failing, input, axis);
    return {
      phrase: say(
        "{0} expects {1} input channels, got {2}, in {3}",
        failing.name,
        expected,
        from,
        shapeOf(input),
      ),
      remedies,
    };
  }
  return /can't be greater than/.test(failing.message) ? tooLarge(failing, dims) : undefined;
};

/** A kernel that does not fit into what is left of the picture. */
function tooLarge(failing: Failing, dims: number): Explanation | undefined {
  const [input, weight] = [failing.tensor("input")!, failing.tensor("weight")!];
  const kernel = weight.shape.slice(2);
  const size = input.shape.slice(-dims);
  const phrase = say(
    "{0}: the kernel {1} is larger than the input {2}",
    failing.name,
    kernel.join("×"),
    size.join("×"),
  );
  const missing = Math.max(...kernel.map((k, i) => k - size[i]!));
  return {
    phrase,
    remedies: [
      ...setting(failing, "kernelSize", Math.min(...size)),
      ...setting(failing, "padding", Math.ceil(missing / 2)),
    ],
  };
}

export const pooling: Rule = (failing) => {
  const found = /^(max|avg|lp)_pool(\d)d/.exec(failing.op);
  const [input] = failing.inputs;
  if (found === null || input === undefined) return undefined;
  const dims = Number(found[2]);
  const kernel = [failing.args["kernelSize"]].flat() as number[];
  const size = input.shape.slice(-dims);
  const names = ["input", "kernelSize", "stride", "padding"];
  const remedy = (name: string, value: number): Remedy[] =>
    failing.layer === undefined
      ? [{ kind: "argument", name, names, value: String(value) }]
      : setting(failing, name, value);
  if (/Output size is too small/.test(failing.message)) {
    const phrase = say(
      "{0}: the kernel {1} is larger than the input {2}",
      failing.name,
      kernel.join("×"),
      size.join("×"),
    );
    return { phrase, remedies: remedy("kernelSize", Math.min(...size)) };
  }
  if (/at most half of/.test(failing.message)) {
    const most = Math.floor(Math.min(...kernel) / 2);
    const padding = [failing.args["padding"]].flat().join("×");
    const phrase = say(
      "{0}: padding {1} is more than half of the kernel {2}",
      failing.name,
      padding,
      kernel.join("×"),
    );
    return { phrase, remedies: remedy("padding", most) };
  }
  if (input.ndim !== dims + 1 && input.ndim !== dims + 2) {
    return {
      phrase: own(failing),
      remedies: input.ndim === dims ? convert(input, "unsqueeze(0)", "unsqueeze(1)") : [],
    };
  }
  return undefined;
};
