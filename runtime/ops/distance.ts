/** Distances and similarities of vectors. */
import { RuntimeError, ValueError } from "../errors.js";
import { apply } from "./apply.js";
import { castTo } from "./convert.js";
import { choose, eq } from "./compare.js";
import { reducedShape, wrapDim } from "./dims.js";
import { asFloat, notImplementedFor } from "./elementwise.js";
import { broadcastShapes, page } from "./family.js";
import { titled } from "./inplace.js";
import { encode, fromData } from "./leaf.js";
import { abs, sign } from "./pointwise.js";
import { resultType } from "./promote.js";
import { op, primitive, type OpPrimitive } from "./record.js";
import { sumDims } from "./reduce.js";
import { vectorNorm } from "./vector-norm.js";
import { expandTo } from "./view.js";
import { int64 } from "../tensor/dtype.js";
import { numel, type Attrs } from "../graph/value.js";
import type { Tensor } from "../tensor/tensor.js";

/** ‖x1 − x2 + eps‖ₚ over the last axis. */
export function distance(x1: Tensor, x2: Tensor, p: number, eps: number, keepdim: boolean): Tensor {
  const difference = asFloat(x1.sub(x2)).add(eps);
  return vectorNorm(difference, p, difference.ndim === 0 ? [] : [difference.ndim - 1], keepdim);
}

export const pairwiseDistance = op({
  signature:
    "pairwise_distance(Tensor x1, Tensor x2, float p=2.0, float eps=1e-06, bool keepdim=False) -> Tensor",
  on: ["torch", "F"],
  doc: `The p-norm of \`x1 − x2 + eps\` over the last axis: \`[N, D]\` and \`[N, D]\` give \`[N]\`.\n\n${page("nn.functional.pairwise_distance")}`,
  call: (x1, x2, p, eps, keepdim) => {
    const out = distance(x1, x2, p, eps, keepdim);
    return keepdim && out.ndim === 0 ? out.reshape(1) : out;
  },
});

interface ClampedAttrs extends Attrs {
  readonly dim: number;
  readonly eps: number;
}

/** max(‖x‖₂, eps) over one axis, kept; its gradient is that of the norm, as if the bound had been put on afterwards. */
const clampedNorm: OpPrimitive<ClampedAttrs> = primitive<ClampedAttrs>({
  name: "clamped_norm",
  infer: ([x], { dim }) => ({ shape: reducedShape(x!.shape, [dim], true), dtype: x!.dtype }),
  grad: (ctx, g) => [ctx.input(0).mul(choose(eq(ctx.output(), 0), 0, g.div(ctx.output())))],
  lower: (b, [x], { dim, eps }) => {
    const x1 = x!.shape.length === 0 ? b.reshape(x!, [1]) : x!;
    const squares = b.node("ReduceSum", [b.node("Mul", [x1, x1]), b.ints([dim])], { keepdims: 1 });
    const norm = b.node("Max", [b.node("Sqrt", [squares]), b.scalar(eps, x!.dtype)]);
    return x!.shape.length === 0 ? b.reshape(norm, []) : norm;
  },
});

/** Both in their common floating dtype and of their common shape. */
function floatPair(x1: Tensor, x2: Tensor): [Tensor, Tensor] {
  const dtype = resultType(x1, x2);
  if (!dtype.isFloatingPoint) {
    throw new RuntimeError(
      `expected common dtype to be floating point, yet common dtype is ${String(dtype)}`,
    );
  }
  const shape = broadcastShapes(x1._shape, x2._shape);
  return [expandTo(castTo(x1, dtype), shape), expandTo(castTo(x2, dtype), shape)];
}

export const cosineSimilarity = op({
  signature: "cosine_similarity(Tensor x1, Tensor x2, int dim=1, float eps=1e-08) -> Tensor",
  on: ["torch", "F"],
  doc: `x1 · x2 / (max(‖x1‖, eps) · max(‖x2‖, eps)) over \`dim\`, broadcast.\n\n${page("nn.functional.cosine_similarity")}`,
  call: (x1, x2, dim, eps) => {
    const [a, b] = floatPair(x1, x2);
    const d = wrapDim(dim, a.ndim);
    const unit = (x: Tensor): Tensor => x.div(apply(clampedNorm, [x], { dim: d, eps }));
    return sumDims(unit(a).mul(unit(b)), a.ndim === 0 ? [] : [d], false);
  },
});

/** The size of the largest element; its gradient goes whole to each element of that size. */
const largestSize = primitive<Attrs>({
  name: "pdist_max",
  infer: ([x]) => ({ shape: x!.shape.slice(0, -1), dtype: x!.dtype }),
  grad: (ctx, g) => {
    const x = ctx.input(0);
    const largest = eq(abs(x), ctx.output().unsqueeze(-1)).to(x.dtype);
    return [sign(x).mul(largest).mul(g.unsqueeze(-1))];
  },
  lower: (b, [x], _, [out]) =>
    b.reshape(
      b.node("ReduceMax", [b.node("Abs", [x!]), b.ints([x!.shape.length - 1])], { keepdims: 1 }),
      out!.shape,
    ),
});

/** Rows i and j of every pair i < j, in order. */
function pairs(n: number): [Tensor, Tensor] {
  const first: number[] = [];
  const second: number[] = [];
  for (let i = 0; i < n; i++) {
    for (let j = i + 1; j < n; j++) {
      first.push(i);
      second.push(j);
    }
  }
  const tensor = (list: number[]): Tensor => fromData(encode(list, int64), [list.length], int64);
  return [tensor(first), tensor(second)];
}

/** ‖difference‖ₚ over the last axis, with PyTorch's gradients for distances: of p = ∞ whole to every largest element. */
function pairDistance(difference: Tensor, p: number): Tensor {
  return p === Infinity
    ? apply(largestSize, [difference], {})
    : vectorNorm(difference, p, [difference.ndim - 1], false, true);
}

export const pdist = op({
  signature: "pdist(Tensor input, float p=2.0) -> Tensor",
  on: ["torch", "F"],
  doc: `The p-norm distances of every two rows i < j of \`[N, M]\`, in the order (0, 1), (0, 2), … : \`[N (N − 1) / 2]\`.\n\n${page("nn.functional.pdist")}`,
  call: (input, p) => {
    if (input.ndim !== 2) {
      throw new RuntimeError(
        `pdist only supports 2D tensors, got: ${String(input.ndim)}D of shape [${input._shape.join(", ")}]`,
      );
    }
    if (!input.dtype.isFloatingPoint) throw new RuntimeError("pdist only supports floating-point dtypes");
    if (!(p >= 0)) throw new RuntimeError("pdist only supports non-negative p values");
    if (input.dtype.itemsize === 2) notImplementedFor("pdist", input.dtype);
    const [n, m] = input._shape as [number, number];
    const count = (n * (n - 1)) / 2;
    if (m === 0 || count === 0) return expandTo(sumDims(input, [0, 1], false), [count]);
    const [i, j] = pairs(n);
    const difference = input.indexSelect(0, i).sub(input.indexSelect(0, j));
    return pairDistance(difference, p);
  },
});

/** From this many elements of differences on, Euclidean distances come from a matrix product. */
const MANY = 1 << 22;

/** √(‖x‖² + ‖y‖² − 2 x·y), 0 with gradient 0 where rounding leaves nothing. */
function euclidean(x1: Tensor, x2: Tensor): Tensor {
  const squares = (x: Tensor): Tensor => sumDims(x.mul(x), [x.ndim - 1], true);
  const d2 = squares(x1).add(squares(x2).mT).sub(x1.matmul(x2.mT).mul(2));
  const positive = d2.gt(0);
  return choose(positive, choose(positive, d2, 1).sqrt(), 0);
}

export const cdist = op({
  signature:
    "cdist(Tensor x1, Tensor x2, float p=2.0, str? compute_mode='use_mm_for_euclid_dist_if_necessary') -> Tensor",
  on: ["torch"],
  doc: `The p-norm distances of every row of \`x1\` \`[…, P, M]\` from every row of \`x2\` \`[…, R, M]\`: \`[…, P, R]\`.\n\n${page("cdist")}`,
  call: (x1, x2, p, mode) => {
    const modes = [
      "use_mm_for_euclid_dist_if_necessary",
      "use_mm_for_euclid_dist",
      "donot_use_mm_for_euclid_dist",
    ];
    if (mode !== null && !modes.includes(mode)) {
      throw new ValueError(`${mode} is not a valid value for compute_mode`);
    }
    for (const [name, x] of Object.entries({ X1: x1, X2: x2 })) {
      if (!x.dtype.isFloatingPoint) {
        throw new RuntimeError(`cdist only supports floating-point dtypes, ${name} got: ${titled(x)}`);
      }
      if (x.ndim < 2) {
        throw new RuntimeError(`cdist only supports at least 2D tensors, ${name} got: ${String(x.ndim)}D`);
      }
    }
    if (x1._shape.at(-1) !== x2._shape.at(-1)) {
      throw new RuntimeError(
        `X1 and X2 must have the same number of columns. X1: ${String(x1._shape.at(-1))} X2: ${String(x2._shape.at(-1))}`,
      );
    }
    if (x1.dtype !== x2.dtype) {
      throw new RuntimeError(`expected scalar type ${titled(x1)} but found ${titled(x2)}`);
    }
    if (!(p >= 0)) throw new RuntimeError("cdist only supports non-negative p values");
    const shape = broadcastShapes(x1._shape.slice(0, -2), x2._shape.slice(0, -2));
    const [rows, columns, m] = [x1._shape.at(-2)!, x2._shape.at(-2)!, x1._shape.at(-1)!];
    const size = numel([...shape, rows, columns, m]);
    if (size === 0) {
      // Distances of rows without elements are 0, and take part in backward.
      const nothing = sumDims(x1, [...x1._shape.keys()], false).add(
        sumDims(x2, [...x2._shape.keys()], false),
      );
      return expandTo(nothing.mul(0), [...shape, rows, columns]).clone();
    }
    if (p === 2 && (mode === "use_mm_for_euclid_dist" || (size > MANY && mode !== modes[2]))) {
      return euclidean(x1, x2);
    }
    return pairDistance(x1.unsqueeze(-2).sub(x2.unsqueeze(-3)), p);
  },
});
