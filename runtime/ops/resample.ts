/**
 * Resampling along one axis: a sparse matrix whose rows are the weights by which an output position mixes input
 * positions. Interpolation, adaptive averages and their gradients are such matrices, one axis after the other.
 */
import type { Builder, Ref } from "../graph/builder.js";
import type { Attrs } from "../graph/value.js";
import type { Tensor } from "../tensor/tensor.js";
import { apply } from "./apply.js";
import { primitive, type OpPrimitive } from "./record.js";

/** Where positions fall, and which curve weighs them. */
export type Filter =
  "nearest" | "nearest-exact" | "linear" | "cubic" | "linear-antialias" | "cubic-antialias" | "average";

interface Tap {
  /** Position in the input. */
  readonly at: number;
  readonly weight: number;
}

export interface Resampling extends Attrs {
  readonly filter: Filter;
  /** Sizes of the axis. */
  readonly from: number;
  readonly to: number;
  readonly alignCorners: boolean;
  /** Output size over input size as the user gave it; `null`: that of the sizes. */
  readonly scale: number | null;
  /** Positions are computed in float32, as PyTorch does for all dtypes but float64. */
  readonly single: boolean;
}

/** Elements of windows side by side: `to` is kernel · number of windows, in that order; 0 where a window hangs over. */
export interface Windowing extends Attrs {
  readonly filter: "windows";
  readonly from: number;
  readonly to: number;
  readonly kernel: number;
  readonly stride: number;
  readonly padding: number;
  readonly dilation: number;
}

type AxisAttrs = (Resampling | Windowing) & {
  readonly dim: number;
  /** The matrix is transposed: from `to` positions to `from`. */
  readonly adjoint: boolean;
};

const clamp = (v: number, low: number, high: number): number => Math.min(Math.max(v, low), high);

/** Convolution weights of the cubic of parameter a at distance x, |x| ≤ 2. @see https://doi.org/10.1109/TASSP.1981.1163711 */
function cubic(x: number, a: number): number {
  const d = Math.abs(x);
  if (d < 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  return d < 2 ? (((d - 5) * d + 8) * d - 4) * a : 0;
}

/** The taps of every output position. */
function rows(r: Resampling): Tap[][] {
  const round = r.single ? Math.fround : (v: number): number => v;
  const positions = Array.from({ length: r.to }, (_, i) => i);
  if (r.filter === "average") {
    return positions.map((i) => {
      const first = Math.floor((i * r.from) / r.to);
      const end = Math.ceil(((i + 1) * r.from) / r.to);
      return Array.from({ length: end - first }, (_, k) => ({ at: first + k, weight: 1 / (end - first) }));
    });
  }
  if (r.filter === "nearest" || r.filter === "nearest-exact") {
    // Always in float32.
    const scale = Math.fround(r.scale === null ? Math.fround(r.from) / r.to : 1 / r.scale);
    const shift = r.filter === "nearest" ? 0 : 0.5;
    return positions.map((i) => {
      const at =
        r.from === r.to && shift === 0 && r.scale === null ? i : Math.floor(Math.fround((i + shift) * scale));
      return [{ at: Math.min(at, r.from - 1), weight: 1 }];
    });
  }
  const scale = round(stepOf(r));
  if (r.filter === "linear-antialias" || r.filter === "cubic-antialias") {
    return positions.map((i) => antialiased(r, round(scale * (i + 0.5)), scale));
  }
  if (r.from === r.to && r.filter === "linear") return positions.map((at) => [{ at, weight: 1 }]);
  return positions.map((i) => {
    const place = r.alignCorners ? round(scale * i) : round(round(scale * (i + 0.5)) - 0.5);
    return r.filter === "linear" ? linearTaps(r, Math.max(0, place)) : cubicTaps(r, place, round);
  });
}

function windowRows(w: Windowing): Tap[][] {
  const count = w.to / w.kernel;
  return Array.from({ length: w.to }, (_, i) => {
    const at = Math.floor(i / count) * w.dilation + (i % count) * w.stride - w.padding;
    return at >= 0 && at < w.from ? [{ at, weight: 1 }] : [];
  });
}

/** How far apart in the input neighbouring output positions are. */
function stepOf({ from, to, alignCorners, scale }: Resampling): number {
  if (alignCorners) return to > 1 ? (from - 1) / (to - 1) : 0;
  return scale !== null && scale > 0 ? 1 / scale : from / to;
}

function linearTaps({ from }: Resampling, place: number): Tap[] {
  const at = Math.min(Math.floor(place), from - 1);
  const t = clamp(place - at, 0, 1);
  if (at === from - 1) return [{ at, weight: 1 }];
  return [
    { at, weight: 1 - t },
    { at: at + 1, weight: t },
  ];
}

function cubicTaps({ from }: Resampling, place: number, round: (v: number) => number): Tap[] {
  const at = Math.floor(place);
  const t = round(place - at);
  return [-1, 0, 1, 2].map((k) => ({ at: clamp(at + k, 0, from - 1), weight: cubic(k - t, -0.75) }));
}

/** The filter widened to the step when shrinking, and its weights normalised. */
function antialiased({ filter, from }: Resampling, centre: number, step: number): Tap[] {
  const wide = Math.max(step, 1);
  const support = (filter === "linear-antialias" ? 1 : 2) * wide;
  const first = Math.max(Math.trunc(centre - support + 0.5), 0);
  const end = Math.min(Math.trunc(centre + support + 0.5), from);
  const weights = Array.from({ length: end - first }, (_, k) => {
    const x = (k + first - centre + 0.5) / wide;
    return filter === "linear-antialias" ? Math.max(0, 1 - Math.abs(x)) : cubic(x, -0.5);
  });
  const total = weights.reduce((s, w) => s + w, 0);
  return weights.map((w, k) => ({ at: first + k, weight: total === 0 ? w : w / total }));
}

/** Taps at one position merged. */
function merged(taps: readonly Tap[]): Tap[] {
  const byPosition = new Map<number, number>();
  for (const { at, weight } of taps) byPosition.set(at, (byPosition.get(at) ?? 0) + weight);
  return [...byPosition].map(([at, weight]) => ({ at, weight }));
}

function matrix(a: AxisAttrs): Tap[][] {
  const forward = a.filter === "windows" ? windowRows(a) : rows(a).map(merged);
  if (!a.adjoint) return forward;
  const back = Array.from({ length: a.from }, (): Tap[] => []);
  forward.forEach((taps, i) => {
    for (const { at, weight } of taps) if (weight !== 0) back[at]!.push({ at: i, weight });
  });
  return back;
}

export const resamplePrimitive: OpPrimitive<AxisAttrs> = primitive<AxisAttrs>({
  name: "resample",
  infer: ([x], { dim, from, to, adjoint }) => ({
    shape: x!.shape.map((d, i) => (i === dim ? (adjoint ? from : to) : d)),
    dtype: x!.dtype,
  }),
  grad: (ctx, g) => [apply(resamplePrimitive, [g], { ...ctx.attrs, adjoint: !ctx.attrs.adjoint })],
  lower: (b, [x], a) => mix(b, x!, matrix(a), a.dim),
});

/**
 * Σₖ weightₖ · x[positionₖ]: one gather for the k-th taps of all outputs. A row with fewer taps than others takes its
 * first one several times, in parts: no weight of 0 can turn an infinity elsewhere into NaN.
 */
function mix(b: Builder, x: Ref, taps: readonly (readonly Tap[])[], dim: number): Ref {
  const count = Math.max(1, ...taps.map((row) => row.length));
  const empty = taps.map((row) => row.length === 0);
  const full = taps.map((row) => {
    const [first, ...rest] = row.length ? row : [{ at: 0, weight: 1 }];
    const parts = count - rest.length;
    return [
      ...Array.from({ length: parts }, () => ({ at: first!.at, weight: first!.weight / parts })),
      ...rest,
    ];
  });
  const column = x.shape.map((_, i) => (i === dim ? taps.length : 1)).slice(dim);
  const terms = Array.from({ length: count }, (_, k) => {
    const picked = b.node("Gather", [x, b.ints(full.map((row) => row[k]!.at))], { axis: dim });
    const weights = full.map((row) => row[k]!.weight);
    if (weights.every((w) => w === 1)) return picked;
    return b.node("Mul", [picked, b.tensor(weights, x.dtype, column)]);
  });
  const sum = terms.reduce((total, term) => b.node("Add", [total, term]));
  if (!empty.includes(true)) return sum;
  const mask = b.tensor(empty.map(Number), "bool", column);
  return b.node("Where", [mask, b.scalar(0, x.dtype), sum], undefined, x.dtype);
}

/** `x` with axis `dim` resampled; the `adjoint` adds up at every position what went out from it. */
export function resample(x: Tensor, dim: number, r: Resampling | Windowing, adjoint = false): Tensor {
  return apply(resamplePrimitive, [x], { ...r, dim, adjoint });
}
