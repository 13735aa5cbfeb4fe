/** Padding. */
import { RuntimeError } from "../errors.js";
import type { Tensor } from "../tensor/tensor.js";
import { apply } from "./apply.js";
import { page } from "./family.js";
import { op, primitive } from "./record.js";
import type { Attrs } from "../graph/value.js";
import { isUserCode } from "./depth.js";
import { hostScalar } from "./leaf.js";
import { padWithMode } from "./pad-modes.js";
import { constant } from "./promote.js";
import type { Scalar } from "./schema.js";
import { sliceOf } from "./view.js";

interface PadAttrs extends Attrs {
  /** Elements added before and after every axis; none negative. */
  readonly before: readonly number[];
  readonly after: readonly number[];
}

const constantPadPrimitive = primitive<PadAttrs>({
  name: "constant_pad_nd",
  infer: ([x], { before, after }) => ({
    shape: x!.shape.map((d, i) => d + before[i]! + after[i]!),
    dtype: x!.dtype,
  }),
  grad: (ctx, g) => [crop(g, ctx.attrs.before, ctx.inputMeta(0).shape)],
  lower: (b, [x, value], { before, after }) => {
    // Pad has no kernel for bool.
    if (x!.dtype !== "bool")
      return b.node("Pad", [x!, b.ints([...before, ...after]), value!], { mode: "constant" });
    const wide = b.node(
      "Pad",
      [b.cast(x!, "int64"), b.ints([...before, ...after]), b.cast(value!, "int64")],
      { mode: "constant" },
    );
    return b.cast(wide, "bool");
  },
  moves: true,
});

function crop(t: Tensor, before: readonly number[], shape: readonly number[]): Tensor {
  let out = t;
  shape.forEach((d, i) => {
    if (out._shape[i] !== d) out = sliceOf(out, i, before[i]!, before[i]! + d);
  });
  return out;
}

/** Pads the last axes: `[left, right, top, bottom, …]` from the last axis backwards; negative amounts cut. */
export function constantPad(input: Tensor, pads: readonly number[], value: Scalar): Tensor {
  if (pads.length % 2 !== 0)
    throw new RuntimeError(`Length of pad must be even but instead it equals ${String(pads.length)}`);
  if (pads.length / 2 > input.ndim) {
    throw new RuntimeError(
      `Length of pad should be no more than twice the number of dimensions of the input. Pad length is ${String(pads.length)} while the input has ${String(input.ndim)} dimensions.`,
    );
  }
  const before = input._shape.map(() => 0);
  const after = [...before];
  for (let i = 0; i < pads.length / 2; i++) {
    before[input.ndim - 1 - i] = pads[2 * i]!;
    after[input.ndim - 1 - i] = pads[2 * i + 1]!;
  }
  const shape = input._shape.map((d, i) => d + before[i]! + after[i]!);
  if (shape.some((d) => d < 0)) {
    throw new RuntimeError(
      `The input size [${input._shape.join(", ")}], plus negative padding [${pads.join(", ")}], resulted in a negative output size, which is invalid.`,
    );
  }
  let cut = input;
  before.forEach((p, i) => {
    const from = Math.max(0, -p);
    const to = input._shape[i]! + Math.min(0, after[i]!);
    if (from > 0 || to < input._shape[i]!) cut = sliceOf(cut, i, from, Math.max(from, to));
  });
  const grow = (p: number): number => Math.max(0, p);
  const fill = isUserCode() ? hostScalar(value, input.dtype) : constant(value, input.dtype);
  const padded = apply(constantPadPrimitive, [cut, fill], {
    before: before.map(grow),
    after: after.map(grow),
  });
  return padded;
}

export const constantPadNd = op({
  signature: "constant_pad_nd(Tensor input, int[] pad, Scalar value=0) -> Tensor",
  on: ["torch"],
  doc: "Pads the last axes with a number; negative amounts cut.",
  call: (input, pads, value) => constantPad(input, pads, value),
});

export const pad = op({
  signature: "pad(Tensor input, int[] pad, str mode='constant', float? value=None) -> Tensor",
  on: ["F"],
  doc: `Pads the last axes, given from the last one backwards: \`[left, right, top, bottom]\`; \`mode\` is \`"constant"\`, \`"reflect"\`, \`"replicate"\` or \`"circular"\`.\n\n${page("nn.functional.pad")}`,
  call: (input, pads, mode, value) => {
    if (pads.length % 2 !== 0) throw new RuntimeError("Padding length must be divisible by 2");
    if (pads.length / 2 > input.ndim) throw new RuntimeError("Padding length too large");
    if (mode === "constant") return constantPad(input, pads, value ?? 0);
    if (value !== null && value !== 0) {
      throw new RuntimeError(`Padding mode "${mode}" doesn't take in value argument`);
    }
    return padWithMode(input, pads, mode);
  },
});
