/**
 * Max pooling over square blocks that tile the planes, the common case. ONNX Runtime's `MaxPool` goes through such
 * windows one by one; with every block's elements brought side by side (`SpaceToDepth`) the largest is a vectorised
 * reduction, and the gradient a choice instead of a scattering: a quarter of the time together.
 */
import type { Builder, Ref } from "../graph/builder.js";
import { numel, type Attrs, type Meta } from "../graph/value.js";
import type { Tensor } from "../tensor/tensor.js";
import { apply } from "./apply.js";
import type { PoolAttrs } from "./pool-window.js";
import { primitive, type OpPrimitive } from "./record.js";

interface BlockAttrs extends Attrs {
  /** Side of a block. */
  readonly side: number;
}

/** `[N, C, H, W]` as `[N, side², C · H/side · W/side]`: the elements of every block, in their order, along axis 1. */
function blocks(b: Builder, x: Ref, { side }: BlockAttrs): Ref {
  const [n] = x.shape;
  const deep = b.node("SpaceToDepth", [x], { blocksize: side });
  return b.reshape(deep, [n!, side * side, numel(x.shape) / (n! * side * side)]);
}

const pooled = ([x]: readonly Meta[], { side }: BlockAttrs): Meta => {
  const [n, c, h, w] = x!.shape as [number, number, number, number];
  return { shape: [n, c, h / side, w / side], dtype: x!.dtype };
};

const blockMax: OpPrimitive<BlockAttrs> = primitive<BlockAttrs>({
  name: "max_pool_blocks",
  gradName: "MaxPool2DWithIndicesBackward0",
  infer: pooled,
  grad: (ctx, g) => [() => apply(blockPlace, [g, ctx.input(0)], ctx.attrs)],
  lower: (b, [x], attrs, [out]) => {
    const largest = b.node("ReduceMax", [blocks(b, x!, attrs), b.ints([1])], { keepdims: 1 });
    return b.reshape(largest, out!.shape);
  },
  moves: true,
});

/** `[N, 1 …]` for every block: which element of it is the first of the largest, as a mask. */
function firstLargest(b: Builder, deep: Ref, side: number): Ref {
  if (b.device === "webgpu") {
    // Positions are 64-bit numbers, which are the CPU's; the largest are counted, and the first of them is number 1.
    const largest = b.node("ReduceMax", [deep, b.ints([1])], { keepdims: 1 });
    const is = b.cast(b.node("Equal", [deep, largest], undefined, "bool"), "float32");
    const count = b.node("CumSum", [is, b.scalar(1, "int64")]);
    return b.node("Equal", [b.node("Mul", [is, count]), b.scalar(1, "float32")], undefined, "bool");
  }
  const at = b.node("ArgMax", [deep], { axis: 1, keepdims: 1 }, "int64");
  const places = b.tensor([...Array(side * side).keys()], "int64", [1, side * side, 1]);
  return b.node("Equal", [at, places], undefined, "bool");
}

/** Gradients of the pool where the largest elements of `x` stand, zeros elsewhere. */
const blockPlace: OpPrimitive<BlockAttrs> = primitive<BlockAttrs>({
  name: "max_pool_blocks_place",
  infer: ([, x]) => ({ shape: x!.shape, dtype: x!.dtype }),
  grad: (ctx, h) => [() => apply(blockPick, [h, ctx.input(1)], ctx.attrs), null],
  lower: (b, [g, x], attrs, [out]) => {
    const { side } = attrs;
    const [n, c, h, w] = out!.shape as [number, number, number, number];
    const mask = firstLargest(b, blocks(b, x!, attrs), side);
    const spread = b.reshape(g!, [n, 1, numel(g!.shape) / n]);
    const placed = b.node("Where", [mask, spread, b.scalar(0, g!.dtype)], undefined, g!.dtype);
    const deep = b.reshape(placed, [n, side * side * c, h / side, w / side]);
    return b.node("DepthToSpace", [deep], { blocksize: side, mode: "DCR" }, g!.dtype);
  },
  moves: true,
});

/** Elements of `h` where the largest of `x` stand. */
const blockPick: OpPrimitive<BlockAttrs> = primitive<BlockAttrs>({
  name: "max_pool_blocks_pick",
  infer: ([h], attrs) => pooled([h!], attrs),
  grad: (ctx, g) => [() => apply(blockPlace, [g, ctx.input(1)], ctx.attrs), null],
  lower: (b, [h, x], attrs, [out]) => {
    const mask = firstLargest(b, blocks(b, x!, attrs), attrs.side);
    const chosen = b.node("Where", [mask, blocks(b, h!, attrs), b.scalar(0, h!.dtype)], undefined, h!.dtype);
    return b.reshape(b.node("ReduceSum", [chosen, b.ints([1])], { keepdims: 1 }), out!.shape);
  },
  moves: true,
});

/** The pool of `x`, or `undefined` where its windows are no such blocks. */
export function maxPoolBlocks(
  x: Tensor,
  { kernel, stride, padding, dilation, out }: PoolAttrs,
): Tensor | undefined {
  const [side, other] = kernel;
  const [n, c, h, w] = x._shape;
  const square = kernel.length === 2 && side === other && side! > 1;
  const plain =
    stride.every((s) => s === side) && padding.every((p) => p === 0) && dilation.every((d) => d === 1);
  const tiles = square && h === out[0]! * side! && w === out[1]! * side!;
  if (!square || !plain || !tiles || x.numel() === 0 || !n || !c || x.dtype.name === "float64")
    return undefined;
  return apply(blockMax, [x], { side: side! });
}
