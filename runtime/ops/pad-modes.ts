/** Padding with the tensor's own elements: mirrored, repeated at the edge, or wrapped around. */
import { NotImplementedError, RuntimeError } from "../errors.js";
import type { Builder, Ref } from "../graph/builder.js";
import type { Attrs } from "../graph/value.js";
import type { Tensor } from "../tensor/tensor.js";
import { apply } from "./apply.js";
import { requireFloat } from "./elementwise.js";
import { primitive, type OpPrimitive } from "./record.js";
import { sliceOf } from "./view.js";

export type PadMode = "reflect" | "replicate" | "circular";

interface ModeAttrs extends Attrs {
  readonly mode: PadMode;
  /** Elements added before and after every axis; none negative. */
  readonly before: readonly number[];
  readonly after: readonly number[];
}

/** Pad's mode "wrap" has kernels for float32 alone: the ends are joined to the other side one axis after the other. */
function wrapped(b: Builder, x: Ref, { before, after }: ModeAttrs): Ref {
  return x.shape.reduce((t, size, axis) => {
    const slice = (from: number, to: number): Ref =>
      b.node("Slice", [t, b.ints([from]), b.ints([to]), b.ints([axis])]);
    const [p, q] = [before[axis]!, after[axis]!];
    const parts = [...(p > 0 ? [slice(size - p, size)] : []), t, ...(q > 0 ? [slice(0, q)] : [])];
    return parts.length > 1 ? b.node("Concat", parts, { axis }) : t;
  }, x);
}

const padPrimitive: OpPrimitive<ModeAttrs> = primitive<ModeAttrs>({
  name: "pad_mode",
  infer: ([x], { before, after }) => ({
    shape: x!.shape.map((d, i) => d + before[i]! + after[i]!),
    dtype: x!.dtype,
  }),
  grad: (ctx, g) => [apply(foldPrimitive, [g], ctx.attrs)],
  lower: (b, [x], attrs) => {
    const { mode, before, after } = attrs;
    if (mode === "circular") return wrapped(b, x!, attrs);
    return b.node("Pad", [x!, b.ints([...before, ...after])], { mode: mode === "reflect" ? mode : "edge" });
  },
  moves: true,
});

/** The adjoint: every element of the padding is added to the one that it was a copy of. */
const foldPrimitive: OpPrimitive<ModeAttrs> = primitive<ModeAttrs>({
  name: "pad_mode_backward",
  infer: ([g], { before, after }) => ({
    shape: g!.shape.map((d, i) => d - before[i]! - after[i]!),
    dtype: g!.dtype,
  }),
  grad: (ctx, h) => [apply(padPrimitive, [h], ctx.attrs)],
  lower: (b, [g], { mode, before, after }, [out]) => {
    let result = g!;
    out!.shape.forEach((size, axis) => {
      const [p, q] = [before[axis]!, after[axis]!];
      if (p > 0 || q > 0) result = foldAxis(b, result, { mode, axis, rank: out!.shape.length, size, p, q });
    });
    return result;
  },
});

interface Fold {
  readonly mode: PadMode;
  readonly axis: number;
  readonly rank: number;
  /** The axis without padding, and the padding before and after. */
  readonly size: number;
  readonly p: number;
  readonly q: number;
}

function foldAxis(b: Builder, g: Ref, { mode, axis, rank, size, p, q }: Fold): Ref {
  const slice = (from: number, to: number): Ref =>
    b.node("Slice", [g, b.ints([from]), b.ints([to]), b.ints([axis])]);
  /** Not by a Slice of negative step: ONNX Runtime's WebGPU provider gets one wrong that does not begin at the end. */
  const reversed = (from: number, count: number): Ref =>
    b.node("Gather", [g, b.ints(Array.from({ length: count }, (_, i) => from + count - 1 - i))], { axis });
  const placed = (piece: Ref, at: number, length: number): Ref => {
    const pads = new Array<number>(2 * rank).fill(0);
    pads[axis] = at;
    pads[rank + axis] = size - at - length;
    return b.node("Pad", [piece, b.ints(pads), b.scalar(0, g.dtype)], { mode: "constant" });
  };
  const summed = (piece: Ref): Ref => b.node("ReduceSum", [piece, b.ints([axis])], { keepdims: 1 });
  const end = p + size + q;
  const parts = [slice(p, p + size)];
  if (mode === "replicate") {
    if (p > 0) parts.push(placed(summed(slice(0, p)), 0, 1));
    if (q > 0) parts.push(placed(summed(slice(p + size, end)), size - 1, 1));
  } else if (mode === "circular") {
    if (p > 0) parts.push(placed(slice(0, p), size - p, p));
    if (q > 0) parts.push(placed(slice(p + size, end), 0, q));
  } else {
    if (p > 0) parts.push(placed(reversed(0, p), 1, p));
    if (q > 0) parts.push(placed(reversed(p + size, q), size - 1 - q, q));
  }
  return parts.reduce((sum, part) => b.node("Add", [sum, part]));
}

function crop(t: Tensor, cuts: readonly (readonly [number, number])[]): Tensor {
  let out = t;
  cuts.forEach(([first, last], axis) => {
    if (first > 0 || last > 0) out = sliceOf(out, axis, first, out._shape[axis]! - last);
  });
  return out;
}

const shapeOf = (t: Tensor): string => `[${t._shape.join(", ")}]`;

/** `F.pad` with a mode other than `constant`: one, two or three last axes of a batched or unbatched input. */
export function padWithMode(input: Tensor, pads: readonly number[], mode: string): Tensor {
  if (mode !== "reflect" && mode !== "replicate" && mode !== "circular") {
    throw new NotImplementedError(`Unrecognised padding mode ${mode}`);
  }
  const axes = pads.length / 2;
  if (axes < 1 || axes > 3 || (input.ndim !== axes + 1 && input.ndim !== axes + 2)) {
    throw new NotImplementedError(
      `Only 2D, 3D, 4D, 5D padding with non-constant padding are supported for now: ${String(pads.length)} amounts pad ` +
        `the last ${String(axes)} of ${String(axes + 1)} or ${String(axes + 2)} axes, but the input is ${shapeOf(input)}`,
    );
  }
  if (mode === "circular" && input.ndim !== axes + 2) {
    throw new RuntimeError(
      `Invalid padding size, expected ${String(2 * (input.ndim - 2))} but got ${String(pads.length)}`,
    );
  }
  if (mode !== "circular") {
    requireFloat(
      mode === "reflect" ? `reflection_pad${String(axes)}d` : `replication_pad${String(axes)}d_cpu`,
      input.dtype,
    );
    if (input._shape.slice(input.ndim - axes - 1).includes(0)) {
      throw new RuntimeError(
        `Expected a tensor with possibly 0 batch size and other non-zero dimensions for input, but got: ${shapeOf(input)}`,
      );
    }
  }
  const amounts = input._shape.map((_, axis): readonly [number, number] => {
    const i = input.ndim - 1 - axis;
    return i < axes ? [pads[2 * i]!, pads[2 * i + 1]!] : [0, 0];
  });
  checkAmounts(input, amounts, mode);
  const cuts = amounts.map(([p, q]) => [Math.max(0, -p), Math.max(0, -q)] as const);
  const attrs: ModeAttrs = {
    mode,
    before: amounts.map(([p]) => Math.max(0, p)),
    after: amounts.map(([, q]) => Math.max(0, q)),
  };
  // What is wrapped is what a negative amount left; mirrors and edges are those of the whole.
  return mode === "circular"
    ? apply(padPrimitive, [crop(input, cuts)], attrs)
    : crop(apply(padPrimitive, [input], attrs), cuts);
}

function checkAmounts(input: Tensor, amounts: readonly (readonly [number, number])[], mode: PadMode): void {
  amounts.forEach(([p, q], axis) => {
    const size = input._shape[axis]!;
    if (mode === "reflect" && (p >= size || q >= size) && (p > 0 || q > 0)) {
      throw new RuntimeError(
        `Argument #4: Padding size should be less than the corresponding input dimension, but got: padding ` +
          `(${String(p)}, ${String(q)}) at dimension ${String(axis)} of input ${shapeOf(input)}`,
      );
    }
    if (mode === "circular" && (p > size || q > size)) {
      throw new RuntimeError(
        `Padding value causes wrapping around more than once: (${String(p)}, ${String(q)}) at dimension ${String(axis)} of input ${shapeOf(input)}`,
      );
    }
    if (size + p + q < (mode === "circular" ? 0 : 1) && (p !== 0 || q !== 0)) {
      throw new RuntimeError(
        `The input size ${String(size)}, plus negative padding ${String(p)} and ${String(q)}, resulted in a negative output size, which is invalid. Check dimension ${String(axis)} of your input.`,
      );
    }
  });
}
