/** Sampling at the places of a grid: spatial transformers. @see https://arxiv.org/abs/1506.02025 */
import { NotImplementedError, RuntimeError, ValueError } from "../errors.js";
import { numel } from "../graph/value.js";
import { int64, type DType } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { warn } from "../warnings.js";
import { apply } from "./apply.js";
import { and, choose, ge, gt, le, lt } from "./compare.js";
import { castTo } from "./convert.js";
import { requireFloat } from "./elementwise.js";
import { embeddingPrimitive } from "./embedding.js";
import { page } from "./family.js";
import { encode, fromData } from "./leaf.js";
import { fmod } from "./pointwise.js";
import { op } from "./record.js";
import { floor, round } from "./rounding.js";

const text = (list: readonly number[]): string => `[${list.join(", ")}]`;

function alignmentOf(alignCorners: boolean | null, name: string): boolean {
  if (alignCorners === null) {
    warn(
      `Default ${name} behavior has changed to alignCorners: false since 1.3.0. Please specify alignCorners: true if the old behavior is desired.`,
    );
  }
  return alignCorners ?? false;
}

/** Positions of n elements between -1 and 1: at the ends when corners are aligned, else half a step inside. */
function positions(n: number, aligned: boolean, dtype: DType, rank: number, axis: number): Tensor {
  const scale = aligned || n <= 1 ? 1 : (n - 1) / n;
  const list = Array.from({ length: n }, (_, i) => (n <= 1 ? 0 : (-1 + (2 * i) / (n - 1)) * scale));
  const shape = Array.from({ length: rank }, (_, i) => (i === axis ? n : 1));
  return fromData(encode(list, dtype), shape, dtype);
}

function generateGrid(theta: Tensor, size: readonly number[], aligned: boolean): Tensor {
  if (!theta.dtype.isFloatingPoint) {
    throw new ValueError(`Expected theta to have floating point type, but got ${String(theta.dtype)}`);
  }
  const nd = size.length - 2;
  if (nd !== 2 && nd !== 3) {
    throw new NotImplementedError(
      `affine_grid only supports 4D and 5D sizes, for 2D and 3D affine transforms, respectively. Got size ${text(size)}.`,
    );
  }
  if (theta.ndim !== 3 || theta._shape[1] !== nd || theta._shape[2] !== nd + 1) {
    throw new ValueError(
      `Expected a batch of ${String(nd)}D affine matrices of shape Nx${String(nd)}x${String(nd + 1)} for size ${text(size)}. Got ${text(theta._shape)}.`,
    );
  }
  if (size.some((d) => d <= 0)) {
    throw new ValueError(`Expected non-zero, positive output size. Got ${text(size)}`);
  }
  const n = size[0]!;
  if (theta._shape[0] !== n) {
    throw new RuntimeError(
      `Expected ${String(n)} affine matrices for size ${text(size)}, got ${text(theta._shape)}`,
    );
  }
  // grid[n, …, k] = Σ_d theta[n, k, d] · position_d + theta[n, k, nd]; the first column goes with the last axis.
  const column = (d: number): Tensor => theta.select(2, d).reshape(n, ...size.slice(2).map(() => 1), nd);
  const rank = nd + 2;
  let grid = column(nd);
  for (let d = 0; d < nd; d++) {
    const axis = nd - d;
    grid = grid.add(column(d).mul(positions(size[axis + 1]!, aligned, theta.dtype, rank, axis)));
  }
  return grid;
}

export const affineGrid = op({
  signature: "affine_grid(Tensor theta, int[] size, bool? align_corners=None) -> Tensor",
  on: ["F"],
  doc: `The grid \`[N, H, W, 2]\` (or \`[N, D, H, W, 3]\`) of affine transforms \`[N, 2, 3]\` (\`[N, 3, 4]\`) for images of \`size\` \`[N, C, H, W]\`: what \`F.gridSample\` takes.\n\n${page("nn.functional.affine_grid")}`,
  call: (theta, size, alignCorners) => generateGrid(theta, size, alignmentOf(alignCorners, "affineGrid")),
});

export const affineGridGenerator = op({
  signature: "affine_grid_generator(Tensor theta, int[] size, bool align_corners) -> Tensor",
  on: ["torch"],
  doc: "The function behind `F.affineGrid`.",
  call: generateGrid,
});

type Mode = "bilinear" | "nearest" | "bicubic";
type PaddingMode = "zeros" | "border" | "reflection";

interface Sampling {
  readonly mode: Mode;
  readonly padding: PaddingMode;
  readonly aligned: boolean;
}

/** -1 … 1 to positions 0 … n - 1, or -½ … n - ½. */
function unnormalized(c: Tensor, n: number, aligned: boolean): Tensor {
  const x = c.add(1);
  return aligned ? x.mul((n - 1) / 2) : x.mul(n / 2).sub(0.5);
}

/** Cut to 0 … n - 1, without a gradient at the ends and beyond. */
function clipped(x: Tensor, n: number): Tensor {
  const inside = and(gt(x, 0), lt(x, n - 1));
  return choose(inside, x, x.detach().clamp(0, n - 1));
}

/** Mirrored at the ends as often as it takes: at the corner elements, or half an element outside. */
function reflected(x: Tensor, n: number, aligned: boolean): Tensor {
  const low = aligned ? 0 : -0.5;
  const span = aligned ? n - 1 : n;
  if (span <= 0) return x.mul(0);
  const from = choose(lt(x, low), x.neg().add(low), x.sub(low));
  const rest = fmod(from, span);
  const odd = gt(fmod(floor(from.detach().div(span)), 2), 0.5);
  return choose(odd, rest.neg().add(span + low), rest.add(low));
}

function padded(x: Tensor, n: number, { padding, aligned }: Sampling): Tensor {
  if (padding === "zeros") return x;
  return clipped(padding === "reflection" ? reflected(x, n, aligned) : x, n);
}

/** A place on one axis that a sample reads, and how much it counts. */
interface AxisTap {
  /** Whole numbers as floats, without a gradient. */
  readonly at: Tensor;
  readonly weight: Tensor;
}

function bilinearTaps(c: Tensor, n: number, s: Sampling): AxisTap[] {
  const x = padded(unnormalized(c, n, s.aligned), n, s);
  const at = floor(x.detach());
  const t = x.sub(at);
  return [
    { at, weight: t.neg().add(1) },
    { at: at.add(1), weight: t },
  ];
}

/** The weight is 1; it comes of the position only for the grid's gradient, which is zero, not none. */
function nearestTaps(c: Tensor, n: number, s: Sampling): AxisTap[] {
  const x = padded(unnormalized(c, n, s.aligned), n, s);
  return [{ at: round(x.detach()), weight: floor(x.clamp(0, 1)).mul(0).add(1) }];
}

/** @see https://doi.org/10.1109/TASSP.1981.1163711, a = -¾ */
function bicubicTaps(c: Tensor, n: number, s: Sampling): AxisTap[] {
  const a = -0.75;
  const x = unnormalized(c, n, s.aligned);
  const at = floor(x.detach());
  const t = x.sub(at);
  const near = (d: Tensor): Tensor =>
    d
      .mul(a + 2)
      .sub(a + 3)
      .mul(d)
      .mul(d)
      .add(1);
  const far = (d: Tensor): Tensor =>
    d
      .mul(a)
      .sub(5 * a)
      .mul(d)
      .add(8 * a)
      .mul(d)
      .sub(4 * a);
  const u = t.neg().add(1);
  const weights = [far(t.add(1)), near(t), near(u), far(u.add(1))];
  return weights.map((weight, k) => ({ at: padded(at.add(k - 1), n, s), weight }));
}

const tapsOf = { bilinear: bilinearTaps, nearest: nearestTaps, bicubic: bicubicTaps } as const;

/** All combinations of one tap of every axis. */
function corners(axes: readonly (readonly AxisTap[])[]): AxisTap[][] {
  return axes.reduce<AxisTap[][]>((all, taps) => all.flatMap((c) => taps.map((t) => [...c, t])), [[]]);
}

/** Σ over the corners of weight · element, the elements looked up as rows of all channels. */
function sample(input: Tensor, grid: Tensor, s: Sampling): Tensor {
  const [n, c, ...size] = input._shape as [number, number, ...number[]];
  const nd = size.length;
  const out = grid._shape.slice(1, -1);
  const points = numel(out);
  const rows = numel(size);
  const table = input
    .reshape(n, c, rows)
    .permute(0, 2, 1)
    .reshape(n * rows, c);
  const flat = grid.reshape(n, points, nd);
  // The grid's first number belongs to the last axis.
  const axes = size.map((d, i) => tapsOf[s.mode](flat.select(2, nd - 1 - i), d, s));
  const starts = fromData(
    encode(
      Array.from({ length: n }, (_, i) => i * rows),
      int64,
    ),
    [n, 1],
    int64,
  );
  const terms = corners(axes).map((taps) => {
    const inside = taps
      .map(({ at }, i) => and(ge(at, 0), le(at, size[i]! - 1)))
      .reduce((all, one) => and(all, one));
    const place = taps
      .map(({ at }, i) => castTo(at.clamp(0, size[i]! - 1), int64))
      .reduce((index, at, i) => index.mul(size[i]!).add(at));
    const weight = taps.map((t) => t.weight).reduce((all, one) => all.mul(one));
    const picked = apply(embeddingPrimitive, [table, place.add(starts).reshape(-1)], { paddingIdx: -1 });
    return picked.mul(choose(inside, weight, 0).reshape(-1, 1));
  });
  const sum = terms.reduce((total, term) => total.add(term));
  return sum
    .reshape(n, points, c)
    .permute(0, 2, 1)
    .reshape(n, c, ...out);
}

const modes: readonly Mode[] = ["bilinear", "nearest", "bicubic"];
const paddings: readonly PaddingMode[] = ["zeros", "border", "reflection"];

function gridSampler(input: Tensor, grid: Tensor, s: Sampling): Tensor {
  const both = `got input with sizes ${text(input._shape)} and grid with sizes ${text(grid._shape)}`;
  if ((input.ndim !== 4 && input.ndim !== 5) || input.ndim !== grid.ndim) {
    throw new RuntimeError(
      `grid_sampler(): expected 4D or 5D input and grid with same number of dimensions, but ${both}`,
    );
  }
  if (input._shape[0] !== grid._shape[0]) {
    throw new RuntimeError(`grid_sampler(): expected grid and input to have same batch size, but ${both}`);
  }
  if (grid._shape.at(-1) !== input.ndim - 2) {
    throw new RuntimeError(
      `grid_sampler(): expected grid to have size ${String(input.ndim - 2)} in last dimension, but ${both}`,
    );
  }
  if (input._shape.slice(2).includes(0)) {
    throw new RuntimeError(
      `grid_sampler(): expected input to have non-empty spatial dimensions, but ${both}`,
    );
  }
  if (s.mode === "bicubic" && input.ndim !== 4) {
    throw new RuntimeError("grid_sampler(): bicubic interpolation only supports 4D input");
  }
  requireFloat("grid_sampler", input.dtype);
  if (grid.dtype !== input.dtype) {
    throw new RuntimeError(
      `grid_sampler(): expected input and grid to have same dtype, but input has ${String(input.dtype)} and grid has ${String(grid.dtype)}`,
    );
  }
  const wide = input.dtype.itemsize === 2 ? (t: Tensor): Tensor => t.float() : (t: Tensor): Tensor => t;
  return castTo(sample(wide(input), wide(grid), s), input.dtype);
}

export const gridSample = op({
  signature:
    "grid_sample(Tensor input, Tensor grid, str mode='bilinear', str padding_mode='zeros', bool? align_corners=None) -> Tensor",
  on: ["F"],
  doc: `Samples images \`[N, C, H, W]\` at the places in \`grid\` \`[N, Ho, Wo, 2]\`, x and y from −1 to 1, giving \`[N, C, Ho, Wo]\`; volumes likewise. \`mode\` is \`"bilinear"\`, \`"nearest"\` or \`"bicubic"\`; \`paddingMode\` \`"zeros"\`, \`"border"\` or \`"reflection"\`.\n\n${page("nn.functional.grid_sample")}`,
  call: (input, grid, modeName, paddingName, alignCorners) => {
    const mode = modes.find((m) => m === modeName);
    if (!mode) {
      throw new ValueError(
        `nn.functional.grid_sample(): expected mode to be 'bilinear', 'nearest' or 'bicubic', but got: '${modeName}'`,
      );
    }
    const padding = paddings.find((p) => p === paddingName);
    if (!padding) {
      throw new ValueError(
        `nn.functional.grid_sample(): expected padding_mode to be 'zeros', 'border', or 'reflection', but got: '${paddingName}'`,
      );
    }
    return gridSampler(input, grid, { mode, padding, aligned: alignmentOf(alignCorners, "gridSample") });
  },
});

function byNumber(input: Tensor, grid: Tensor, mode: number, padding: number, aligned: boolean): Tensor {
  const [m, p] = [modes[mode], paddings[padding]];
  if (!m || !p) {
    throw new RuntimeError(
      `grid_sampler(): mode ${String(mode)} and padding mode ${String(padding)} must be 0, 1 or 2`,
    );
  }
  return gridSampler(input, grid, { mode: m, padding: p, aligned });
}

const numberedDoc =
  "The function behind `F.gridSample`: modes bilinear, nearest and bicubic, paddings zeros, border and reflection by number.";

export const gridSamplerOp = op({
  signature:
    "grid_sampler(Tensor input, Tensor grid, int interpolation_mode, int padding_mode, bool align_corners) -> Tensor",
  on: ["torch"],
  doc: numberedDoc,
  call: byNumber,
});

export const gridSampler2d = op({
  signature:
    "grid_sampler_2d(Tensor input, Tensor grid, int interpolation_mode, int padding_mode, bool align_corners) -> Tensor",
  on: ["torch"],
  doc: numberedDoc,
  call: byNumber,
});

export const gridSampler3d = op({
  signature:
    "grid_sampler_3d(Tensor input, Tensor grid, int interpolation_mode, int padding_mode, bool align_corners) -> Tensor",
  on: ["torch"],
  doc: numberedDoc,
  call: byNumber,
});
