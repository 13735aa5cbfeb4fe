/** Reshapes, joins, broadcasts and axes. */
import type { Tensor } from "../../../runtime/tensor/tensor.js";
import { constant } from "../creation.js";
import { say } from "../phrase.js";
import { convert, outputSetting, own, product, shapeOf, type Remedy, type Rule } from "./explanation.js";
import type { Dims, Failing } from "./failing.js";

export const reshape: Rule = (failing) => {
  if (!/^(view|reshape|view_as|reshape_as)$/.test(failing.op)) return undefined;
  const [input] = failing.inputs;
  if (input === undefined) return undefined;
  if (/not compatible with input tensor's size and stride/.test(failing.message)) {
    return {
      phrase: say(
        "{0}: {1} is not contiguous in memory, so it cannot be viewed in another shape",
        failing.name,
        shapeOf(input),
      ),
      remedies: [{ kind: "rename", name: "reshape" }],
    };
  }
  const shape = sizesOf(failing);
  if (shape === undefined) return undefined;
  const total = product(input.shape);
  const phrase = say(
    "{0} of {1}: {2} holds {3} elements, the input {4} = {5}",
    failing.name,
    shapeOf(input),
    shapeOf(shape),
    wanted(shape),
    total,
    input.shape.join("·"),
  );
  const remedies: Remedy[] = [];
  const written = failing.sizes;
  const open = shape.indexOf(-1);
  // The last size that can be put right is the likeliest to be wrong.
  for (let i = shape.length - 1; i >= 0; i--) {
    if (shape[i] === -1 || written.length !== shape.length) continue;
    const others = product(shape.filter((d, j) => j !== i && d !== -1));
    if (open < 0) {
      if (total % others === 0) remedies.push({ kind: "size", index: i, value: String(total / others) });
      continue;
    }
    // Where -1 stands for the batch, it has to come out as that.
    const batch = input.shape[0] ?? 1;
    if (open === 0 && total % (others * batch) === 0)
      remedies.push({ kind: "size", index: i, value: String(total / (others * batch)) });
  }
  if (open < 0 && written.length === shape.length) {
    for (const [i, expression] of written.entries())
      if (constant(expression) !== undefined) remedies.push({ kind: "size", index: i, value: "-1" });
  }
  return { phrase, remedies };
};

function wanted(shape: Dims): string {
  const known = shape.filter((d) => d !== -1);
  return shape.includes(-1) ? `…·${product(known)}` : String(product(known));
}

function sizesOf(failing: Failing): Dims | undefined {
  const given = failing.args["shape"] ?? failing.args["size"];
  return Array.isArray(given) ? (given as Dims) : undefined;
}

/** `[64]` and `[32]` at the same axis, of operands or of what a layer combines. */
export const broadcast: Rule = (failing) => {
  const [, a = "", b = "", axis = ""] =
    /tensor a \((\d+)\) must match the size of tensor b \((\d+)\) at non-singleton dimension (\d+)/.exec(
      failing.message,
    ) ?? [];
  const [x, y] = failing.inputs;
  if (axis === "" || failing.layer !== undefined || x === undefined || y === undefined) return undefined;
  const rank = Math.max(x.ndim, y.ndim);
  const [atX, atY] = [Number(axis) - rank + x.ndim, Number(axis) - rank + y.ndim];
  const remedies: Remedy[] = [];
  const [low, high] = x.ndim < y.ndim ? [x, y] : [y, x];
  if (low.ndim < high.ndim) {
    // Its sizes stand further left: singleton axes behind them.
    for (let start = 0; start + low.ndim <= high.ndim; start++) {
      const fits = low.shape.every((d, i) => d === high.shape[start + i] || d === 1);
      const missing = high.ndim - low.ndim - start;
      if (!fits || missing === 0) continue;
      remedies.push(...convert(low, Array.from({ length: missing }, () => "unsqueeze(-1)").join(".")));
    }
  }
  if (x.ndim >= 2 && x.ndim === y.ndim) {
    const swapped = (s: Dims): Dims => [...s.slice(0, -2), s.at(-1)!, s.at(-2)!];
    if (swapped(y.shape).every((d, i) => d === x.shape[i])) remedies.push(...convert(y, "transpose(-2, -1)"));
  }
  remedies.push(
    ...outputSetting(failing, y, atY, x.shape[atX]),
    ...outputSetting(failing, x, atX, y.shape[atY]),
  );
  const from = [origin(failing, x, atX), origin(failing, y, atY)];
  return {
    phrase: say(
      "{0} of {1} and {2}: sizes {3} and {4} of dimension {5} do not broadcast",
      failing.name,
      shapeOf(x),
      shapeOf(y),
      `${a}${from[0]}`,
      `${b}${from[1]}`,
      Number(axis),
    ),
    remedies,
  };
};

function origin(failing: Failing, tensor: Tensor, axis: number): string {
  const found = axis < 0 ? undefined : failing.origin(tensor, axis);
  return found === undefined ? "" : ` ${found}`;
}

export const join: Rule = (failing) => {
  if (!/^(cat|concat|concatenate|stack|hstack|vstack|dstack)$/.test(failing.op)) return undefined;
  const all = failing.inputs;
  const [first] = all;
  if (first === undefined) return undefined;
  const names = ["tensors", "dim"];
  const dim = Number(failing.args["dim"] ?? 0);
  const remedies: Remedy[] = [];
  if (all.some(({ ndim }) => ndim !== first.ndim)) {
    const most = Math.max(...all.map(({ ndim }) => ndim));
    const low = all.find(({ ndim }) => ndim < most)!;
    const axes = Array.from({ length: low.ndim + 1 }, (_, i) => i);
    remedies.push(...convert(low, ...axes.map((i) => `unsqueeze(${i})`)));
    return {
      phrase: say(
        "{0}: all tensors need the same number of dimensions, got {1}",
        failing.name,
        all.map(shapeOf).join(" and "),
      ),
      remedies,
    };
  }
  const isStack = failing.op === "stack";
  const differing = first.shape.flatMap((_, axis) =>
    all.some((t) => t.shape[axis] !== first.shape[axis]) ? [axis] : [],
  );
  const at = dim < 0 ? dim + first.ndim : dim;
  const bad = differing.find((axis) => isStack || axis !== at);
  if (bad === undefined) return undefined;
  const [only] = differing;
  if (!isStack && differing.length === 1) {
    remedies.push({ kind: "argument", name: "dim", names, value: String(only) });
  }
  const other = all.find((t) => t.shape[bad] !== first.shape[bad])!;
  remedies.push(
    ...outputSetting(failing, other, bad, first.shape[bad]),
    ...outputSetting(failing, first, bad, other.shape[bad]),
  );
  return {
    phrase: isStack
      ? say("{0} expects tensors of equal shape, got {1}", failing.name, all.map(shapeOf).join(" and "))
      : say(
          "{0} along dimension {1}: the other sizes must match, got {2}",
          failing.name,
          dim,
          all.map(shapeOf).join(" and "),
        ),
    remedies,
  };
};

/** An axis that is not there. */
export const axes: Rule = (failing) => {
  const [input] = failing.inputs;
  const [, low = "", high = "", got = ""] =
    /Dimension out of range \(expected to be in range of \[(-?\d+), (-?\d+)\], but got (-?\d+)\)/.exec(
      failing.message,
    ) ?? [];
  if (got !== "" && input !== undefined) {
    const remedies: Remedy[] = [];
    for (const name of ["dim", "dim0", "dim1", "startDim", "endDim"]) {
      if (String(failing.args[name]) !== got || failing.layer !== undefined) continue;
      const names = Object.keys(failing.args);
      for (const value of ["-1", ...(name === "dim" ? [] : ["-2"]), "0"])
        remedies.push({ kind: "argument", name, names, value });
    }
    if (failing.layer !== undefined) {
      for (const name of ["dim", "startDim", "endDim"])
        if (String(failing.setting(name)) === got)
          remedies.push({ kind: "setting", layer: failing.layer, name, value: "-1" });
    }
    return {
      phrase: say(
        "{0}: {1} has no dimension {2}, only {3} to {4}",
        failing.name,
        shapeOf(input),
        Number(got),
        Number(low),
        Number(high),
      ),
      remedies,
    };
  }
  if (failing.op === "permute" && input !== undefined) {
    const dims = sizesOf(failing) ?? (failing.args["dims"] as Dims | undefined);
    if (dims === undefined || dims.length === input.ndim) return undefined;
    // The extra axes stay where they are, in front.
    const extra = input.ndim - dims.length;
    const better =
      extra > 0
        ? [...Array.from({ length: extra }, (_, i) => i), ...dims.map((d) => (d < 0 ? d : d + extra))]
        : dims.filter((d) => d < input.ndim);
    return {
      phrase: say(
        "{0} of {1} needs {2} dimensions in their new order, got {3}",
        failing.name,
        shapeOf(input),
        input.ndim,
        dims.join(", "),
      ),
      remedies: [{ kind: "argument", name: "*", names: [], value: better.join(", ") }],
    };
  }
  return undefined;
};

export const split: Rule = (failing) => {
  const [input] = failing.inputs;
  const sizes =
    failing.args["splitSizes"] ?? failing.args["splitSizeOrSections"] ?? failing.args["splitSize"];
  if (!/^split/.test(failing.op) || input === undefined || !Array.isArray(sizes)) return undefined;
  const dim = Number(failing.args["dim"] ?? 0);
  const total = input.shape.at(dim)!;
  const given = sizes as number[];
  const last = total - given.slice(0, -1).reduce((a, b) => a + b, 0);
  const remedies: Remedy[] = last > 0 ? [{ kind: "size", index: given.length - 1, value: String(last) }] : [];
  return {
    phrase: say(
      "{0}: {1} add up to {2}, dimension {3} of {4} is {5}",
      failing.name,
      given.join(" + "),
      given.reduce((a, b) => a + b, 0),
      dim,
      shapeOf(input),
      total,
    ),
    remedies,
  };
};

export const expand: Rule = (failing) => {
  const [input] = failing.inputs;
  if (!/^(expand|broadcast_to)$/.test(failing.op) || input === undefined) return undefined;
  const sizes = sizesOf(failing);
  if (sizes === undefined) return undefined;
  const remedies: Remedy[] = [];
  const shift = sizes.length - input.ndim;
  for (const [i, size] of input.shape.entries()) {
    const wantedSize = sizes[i + shift];
    if (wantedSize !== undefined && size !== 1 && wantedSize !== size && wantedSize !== -1)
      remedies.push({ kind: "size", index: i + shift, value: "-1" });
  }
  if (shift === 1) remedies.push(...convert(input, "unsqueeze(-1)"));
  return {
    phrase: say(
      "{0}: {1} cannot be expanded to {2}; only dimensions of size 1 can",
      failing.name,
      shapeOf(input),
      shapeOf(sizes),
    ),
    remedies,
  };
};

export const subscripts: Rule = (failing) =>
  failing.op === "einsum"
    ? { phrase: own(failing), remedies: convert(failing.inputs[1]!, "transpose(-2, -1)") }
    : undefined;

export const pixels: Rule = (failing) => {
  if (!/^pixel_shuffle$/.test(failing.op)) return undefined;
  const [input] = failing.inputs;
  const factor = Number(failing.args["upscaleFactor"]);
  const channels = input?.shape.at(-3);
  if (input === undefined || channels === undefined) return undefined;
  const square = factor * factor;
  return {
    phrase: say(
      "{0} by {1} needs channels divisible by {2}, got {3}",
      failing.name,
      factor,
      square,
      channels,
    ),
    remedies: outputSetting(failing, input, -3, Math.max(1, Math.round(channels / square)) * square),
  };
};
