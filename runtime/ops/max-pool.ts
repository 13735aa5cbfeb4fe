/** Max pooling, the largest element of every window, and its inverse. */
import { RuntimeError, ValueError } from "../errors.js";
import { numel, type Attrs } from "../graph/value.js";
import { int64 } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { apply, applyAll, sameShape } from "./apply.js";
import { requireFloat } from "./elementwise.js";
import { page } from "./family.js";
import { inRange } from "./guard.js";
import { maxPoolBlocks } from "./max-pool-blocks.js";
import {
  checkNotEmpty,
  checkPoolRank,
  padsAfter,
  perAxis,
  poolWindow,
  withBatch,
  type PoolAttrs,
} from "./pool-window.js";
import { op, primitive } from "./record.js";
import { named } from "./results.js";

const maxPoolPrimitive = primitive<PoolAttrs>({
  name: "max_pool_with_indices",
  infer: ([x], { out }) => {
    const shape = [...x!.shape.slice(0, 2), ...out];
    return [
      { shape, dtype: x!.dtype },
      { shape, dtype: int64 },
    ];
  },
  grad: (ctx, g) => [placeAt(g, ctx.output(1), ctx.inputMeta(0).shape, overlapping(ctx.attrs))],
  lower: (b, [x], a) => {
    const size = x!.shape.slice(2);
    const after = padsAfter(size, a).map((p) => Math.max(0, p));
    const [values, flat] = b.multi(
      "MaxPool",
      [x!],
      2,
      { kernel_shape: a.kernel, strides: a.stride, pads: [...a.padding, ...after], dilations: a.dilation },
      [x!.dtype, "int64"],
    );
    // ONNX counts through batch and channels too; PyTorch within one plane.
    const planes = b.tensor([numel(size)], "int64", []);
    return [values!, b.node("Mod", [flat!, planes])];
  },
  moves: true,
});

function overlapping(a: PoolAttrs): boolean {
  return a.kernel.some((k, i) => a.dilation[i]! * (k - 1) + 1 > a.stride[i]!);
}

interface PlaceAttrs extends Attrs {
  readonly shape: readonly number[];
  /** Several elements of one plane may go to one place, where they are added. */
  readonly overlap: boolean;
}

/** Planes of zeros with every element of `g` at its index: what was taken from there is put back. */
const placePrimitive = primitive<PlaceAttrs>({
  name: "max_unpool",
  infer: ([g], { shape }) => ({ shape, dtype: g!.dtype }),
  grad: (ctx, h) => [
    () =>
      planes(h)
        .gather(1, planes(ctx.input(1)))
        .reshape([...ctx.inputMeta(0).shape]),
    null,
  ],
  lower: (b, [g, indices], { shape, overlap }, [out]) => {
    const rows = shape[0]! * shape[1]!;
    const size = numel(shape.slice(2));
    const many = numel(g!.shape.slice(2));
    const zeros = b.node("Expand", [b.scalar(0, g!.dtype), b.ints([rows, size])], undefined, g!.dtype);
    const scattered = b.node(
      "ScatterElements",
      [zeros, b.reshape(indices!, [rows, many]), b.reshape(g!, [rows, many])],
      { axis: 1, reduction: overlap ? "add" : "none" },
      g!.dtype,
    );
    return b.reshape(scattered, out!.shape);
  },
});

/** @internal Gradients of a pool back where the elements stood; `overlap` says that windows share elements. */
export function placeAt(g: Tensor, indices: Tensor, shape: readonly number[], overlap: boolean): Tensor {
  return apply(placePrimitive, [g, indices], { shape, overlap });
}

const planes = (t: Tensor): Tensor => t.reshape(t._shape[0]! * t._shape[1]!, numel(t._shape.slice(2)));

/** Either the values, or with `returnIndices` both. */
export function withOrWithout(values: Tensor, indices: Tensor, returnIndices: boolean): Tensor {
  return returnIndices ? (named({ output: values, indices }) as unknown as Tensor) : values;
}

const axes = (nd: number): string => `${String(nd)} spatial ${nd === 1 ? "axis" : "axes"}`;

function maxPoolOps<const N extends 1 | 2 | 3>(nd: N) {
  const name = `max_pool${String(nd)}d`;
  const doc = `The largest element of every window, over ${axes(nd)}.\n\n${page(`nn.functional.${name}`)}`;
  const pool = (
    input: Tensor,
    kernel: readonly number[],
    stride: readonly number[] | null,
    padding: readonly number[],
    dilation: readonly number[],
    ceilMode: boolean,
  ): [Tensor, Tensor] => {
    const w = poolWindow(name, nd, input, { kernel, stride, padding, dilation, ceilMode });
    const [values, indices] = applyAll(maxPoolPrimitive, [w.batched], w.attrs) as [Tensor, Tensor];
    return [w.unbatch(values), w.unbatch(indices)];
  };
  const tail = `int[${String(nd)}] kernel_size, int[]? stride=None, int[${String(nd)}] padding=0, int[${String(nd)}] dilation=1, bool ceil_mode=False`;
  const plain = op({
    signature:
      `${name}(Tensor input, ${tail}, bool return_indices=False) -> Tensor` as "max_pool(Tensor input, int[] kernel_size, int[]? stride=None, int[] padding=0, int[] dilation=1, bool ceil_mode=False, bool return_indices=False) -> Tensor",
    on: ["torch", "F"],
    doc: `${doc}\n\nWith \`returnIndices\`, also where in its plane each one stood.`,
    call: (input, kernel, stride, padding, dilation, ceilMode, returnIndices) => {
      if (!returnIndices && nd === 2) {
        const w = poolWindow(name, nd, input, { kernel, stride, padding, dilation, ceilMode });
        const tiled = maxPoolBlocks(w.batched, w.attrs);
        if (tiled) return w.unbatch(tiled);
      }
      const [values, indices] = pool(input, kernel, stride, padding, dilation, ceilMode);
      return withOrWithout(values, indices, returnIndices);
    },
  });
  const withIndices = op({
    signature:
      `${name}_with_indices(Tensor input, ${tail}, bool return_indices=False) -> (Tensor output, Tensor indices)` as "max_pool(Tensor input, int[] kernel_size, int[]? stride=None, int[] padding=0, int[] dilation=1, bool ceil_mode=False, bool return_indices=False) -> (Tensor output, Tensor indices)",
    on: nd === 1 ? ["torch", "F"] : ["F"],
    doc: `${doc}\n\nAlso gives where in its plane each one stood.`,
    call: (input, kernel, stride, padding, dilation, ceilMode) => {
      const [output, indices] = pool(input, kernel, stride, padding, dilation, ceilMode);
      return named({ output, indices });
    },
  });
  return { plain, withIndices };
}

const { plain: maxPool1d, withIndices: maxPool1dWithIndices } = maxPoolOps(1);
const { plain: maxPool2d, withIndices: maxPool2dWithIndices } = maxPoolOps(2);
const { plain: maxPool3d, withIndices: maxPool3dWithIndices } = maxPoolOps(3);
export { maxPool1d, maxPool1dWithIndices, maxPool2d, maxPool2dWithIndices, maxPool3d, maxPool3dWithIndices };

interface AdaptiveAttrs extends Attrs {
  readonly out: readonly number[];
}

/** The largest element of windows ⌊i·n/o⌋ … ⌈(i+1)·n/o⌉, which differ in size. */
const adaptiveMaxPrimitive = primitive<AdaptiveAttrs>({
  name: "adaptive_max_pool",
  infer: ([x], { out }) => {
    const shape = [...x!.shape.slice(0, 2), ...out];
    return [
      { shape, dtype: x!.dtype },
      { shape, dtype: int64 },
    ];
  },
  grad: (ctx, g) => [placeAt(g, ctx.output(1), ctx.inputMeta(0).shape, true)],
  host: "adaptive_max_pool",
});

function adaptiveMax(nd: number, input: Tensor, outputSize: readonly (number | null)[]): [Tensor, Tensor] {
  const name = `adaptive_max_pool${String(nd)}d()`;
  checkPoolRank(name, input, nd);
  checkNotEmpty(name, input, nd);
  requireFloat(name, input.dtype);
  const { batched, unbatch } = withBatch(input, nd);
  const size = batched._shape.slice(2);
  const out = perAxis(outputSize, nd, name, "output_size").map((o, i) => o ?? size[i]!);
  if (out.some((o) => o < 0)) {
    throw new RuntimeError(`${name}: elements of output_size must be greater than or equal to 0`);
  }
  const even = out.every((o, i) => o > 0 && size[i]! % o === 0);
  const [values, indices] = (
    even
      ? applyAll(maxPoolPrimitive, [batched], evenWindows(size, out))
      : applyAll(adaptiveMaxPrimitive, [batched], { out })
  ) as [Tensor, Tensor];
  return [unbatch(values), unbatch(indices)];
}

/** @internal Windows that tile the input. */
export function evenWindows(size: readonly number[], out: readonly number[]): PoolAttrs {
  const kernel = out.map((o, i) => size[i]! / o);
  return { kernel, stride: kernel, padding: out.map(() => 0), dilation: out.map(() => 1), out };
}

function adaptiveMaxOps<const N extends 1 | 2 | 3>(nd: N) {
  const name = `adaptive_max_pool${String(nd)}d`;
  const doc = `The largest elements over windows that give \`outputSize\`, whatever the input's; \`null\` keeps an axis.\n\n${page(`nn.functional.${name}`)}`;
  const plain = op({
    signature:
      `${name}(Tensor input, int?[] output_size, bool return_indices=False) -> Tensor` as "adaptive_max_pool(Tensor input, int?[] output_size, bool return_indices=False) -> Tensor",
    on: nd === 1 ? ["torch", "F"] : ["F"],
    doc,
    call: (input, size, returnIndices) => withOrWithout(...adaptiveMax(nd, input, size), returnIndices),
  });
  const withIndices = op({
    signature:
      `${name}_with_indices(Tensor input, int?[] output_size, bool return_indices=False) -> (Tensor output, Tensor indices)` as "adaptive_max_pool(Tensor input, int?[] output_size, bool return_indices=False) -> (Tensor output, Tensor indices)",
    on: ["F"],
    doc: `${doc}\n\nAlso gives where in its plane each one stood.`,
    call: (input, size) => {
      const [output, indices] = adaptiveMax(nd, input, size);
      return named({ output, indices });
    },
  });
  return { plain, withIndices };
}

const { plain: adaptiveMaxPool1d, withIndices: adaptiveMaxPool1dWithIndices } = adaptiveMaxOps(1);
const { plain: adaptiveMaxPool2d, withIndices: adaptiveMaxPool2dWithIndices } = adaptiveMaxOps(2);
const { plain: adaptiveMaxPool3d, withIndices: adaptiveMaxPool3dWithIndices } = adaptiveMaxOps(3);
export {
  adaptiveMaxPool1d,
  adaptiveMaxPool1dWithIndices,
  adaptiveMaxPool2d,
  adaptiveMaxPool2dWithIndices,
  adaptiveMaxPool3d,
  adaptiveMaxPool3dWithIndices,
};

/** The size an unpooling gives: what is asked for, if a pool of it could give the input. */
function unpooledSize(
  input: Tensor,
  nd: number,
  kernel: readonly number[],
  stride: readonly number[],
  padding: readonly number[],
  asked: readonly number[] | null,
): readonly number[] {
  const usual = kernel.map(
    (k, i) => (input._shape[input.ndim - nd + i]! - 1) * stride[i]! + k - 2 * padding[i]!,
  );
  if (asked === null) return usual;
  const size = asked.length === nd + 2 ? asked.slice(2) : asked;
  if (size.length !== nd) {
    throw new ValueError(
      `output_size should be a sequence containing ${String(nd)} or ${String(nd + 2)} elements, but it has a length of '${String(asked.length)}'`,
    );
  }
  size.forEach((d, i) => {
    const [least, most] = [usual[i]! - stride[i]!, usual[i]! + stride[i]!];
    if (d > least && d < most) return;
    throw new ValueError(
      `invalid output_size "[${size.join(", ")}]" (dim ${String(i)} must be between ${String(least)} and ${String(most)})`,
    );
  });
  return size;
}

function unpool(
  nd: number,
  input: Tensor,
  indices: Tensor,
  kernelSize: readonly number[],
  strideGiven: readonly number[] | null,
  paddingGiven: readonly number[],
  outputSize: readonly number[] | null,
): Tensor {
  const name = `max_unpool${String(nd)}d`;
  const kernel = perAxis(kernelSize, nd, name, "kernel_size");
  const stride = strideGiven?.length ? perAxis(strideGiven, nd, name, "stride") : kernel;
  const padding = perAxis(paddingGiven, nd, name, "padding");
  const size = unpooledSize(input, nd, kernel, stride, padding, outputSize);
  if (indices.dtype !== int64) {
    throw new RuntimeError(`elements in indices should be type int64 but got: ${String(indices.dtype)}`);
  }
  checkPoolRank(name, input, nd);
  if (!sameShape(input._shape, indices._shape)) {
    throw new RuntimeError(
      `Expected shape of indices to be same as that of the input tensor ([${input._shape.join(", ")}]) but got indices tensor with shape: [${indices._shape.join(", ")}]`,
    );
  }
  checkNotEmpty(name, input, nd);
  if (size.some((d) => d <= 0)) {
    throw new RuntimeError(`${name}: output size [${size.join(", ")}] must be positive`);
  }
  const { batched, unbatch } = withBatch(input, nd);
  const places = inRange(
    withBatch(indices, nd).batched,
    [0, numel(size) - 1],
    "RuntimeError",
    `Found an invalid max index (output volumes are of size ${size.join("x")})`,
  );
  return unbatch(placeAt(batched, places, [...batched._shape.slice(0, 2), ...size], false));
}

const unpoolDoc = (nd: number): string =>
  `Puts the elements that a max pool took back at their \`indices\`, zeros elsewhere, over ${axes(nd)}.\n\n${page(`nn.functional.max_unpool${String(nd)}d`)}`;

export const maxUnpool1d = op({
  signature:
    "max_unpool1d(Tensor input, Tensor indices, int[1] kernel_size, int[]? stride=None, int[1] padding=0, int[]? output_size=None) -> Tensor",
  on: ["F"],
  doc: unpoolDoc(1),
  call: (...args) => unpool(1, ...args),
});

export const maxUnpool2d = op({
  signature:
    "max_unpool2d(Tensor input, Tensor indices, int[2] kernel_size, int[]? stride=None, int[2] padding=0, int[]? output_size=None) -> Tensor",
  on: ["F"],
  doc: unpoolDoc(2),
  call: (...args) => unpool(2, ...args),
});

export const maxUnpool3d = op({
  signature:
    "max_unpool3d(Tensor input, Tensor indices, int[3] kernel_size, int[]? stride=None, int[3] padding=0, int[]? output_size=None) -> Tensor",
  on: ["F"],
  doc: unpoolDoc(3),
  call: (...args) => unpool(3, ...args),
});
