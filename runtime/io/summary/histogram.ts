import { NotImplementedError, ValueError } from "../../errors.js";
import type { Histogram } from "../../events/event.js";

/** How numbers are put into buckets: TensorFlow's edges, their number, the edges, or a rule of NumPy's. */
export type Bins = string | number | readonly number[];

/** Ten per cent apart, from 10⁻¹² to 10²⁰, both ways, and 0: TensorFlow's. */
function exponentialEdges(): number[] {
  const edges: number[] = [];
  for (let v = 1e-12; v < 1e20; v *= 1.1) edges.push(v);
  return [...edges.map((v) => -v).reverse(), 0, ...edges];
}

let usual: readonly number[] | undefined;

/** Width of the buckets by the rules that `numpy.histogram` knows by name. */
const widths: Readonly<Record<string, (sorted: Float64Array) => number>> = {
  sqrt: (x) => range(x) / Math.sqrt(x.length),
  sturges: (x) => range(x) / (Math.log2(x.length) + 1),
  rice: (x) => range(x) / (2 * x.length ** (1 / 3)),
  // σ · (24 √π / n)^(1/3)
  scott: (x) => Math.cbrt((24 * Math.sqrt(Math.PI)) / x.length) * deviation(x),
  // 2 IQR / n^(1/3)
  fd: (x) => (2 * (quantile(x, 0.75) - quantile(x, 0.25))) / Math.cbrt(x.length),
  auto: (x) => {
    const [fd, sturges] = [widths["fd"]!(x), widths["sturges"]!(x)];
    return fd > 0 ? Math.min(fd, sturges) : sturges;
  },
};

const range = (x: Float64Array): number => x[x.length - 1]! - x[0]!;

function deviation(x: Float64Array): number {
  const mean = x.reduce((a, b) => a + b, 0) / x.length;
  return Math.sqrt(x.reduce((s, v) => s + (v - mean) ** 2, 0) / x.length);
}

/** Between the two nearest, linearly. */
function quantile(x: Float64Array, q: number): number {
  const at = q * (x.length - 1);
  const below = Math.floor(at);
  const next = x[Math.min(below + 1, x.length - 1)]!;
  return x[below]! + (at - below) * (next - x[below]!);
}

function edgesOf(sorted: Float64Array, bins: Bins): readonly number[] {
  if (bins === "tensorflow") return (usual ??= exponentialEdges());
  if (Array.isArray(bins)) {
    const edges = bins as readonly number[];
    if (edges.length < 2 || edges.some((v, i) => i > 0 && !(v >= edges[i - 1]!))) {
      throw new ValueError("addHistogram: bins must be at least two edges that increase");
    }
    return edges;
  }
  let [low, high] = [sorted[0]!, sorted[sorted.length - 1]!];
  let count = bins as number;
  if (typeof bins === "string") {
    const width = widths[bins]?.(sorted);
    if (width === undefined) {
      throw new NotImplementedError(
        `addHistogram: bins "${bins}" is not implemented; there are tensorflow, ${Object.keys(widths).join(", ")}`,
      );
    }
    count = width > 0 ? Math.ceil((high - low) / width) : 1;
  }
  if (!Number.isInteger(count) || count < 1) throw new ValueError("addHistogram: bins must be positive");
  if (low === high) [low, high] = [low - 0.5, high + 0.5];
  return Array.from({ length: count + 1 }, (_, i) => (i === count ? high : low + ((high - low) * i) / count));
}

/** How many numbers lie in [edge i, edge i + 1), the last bucket with its upper edge. */
function countIn(sorted: Float64Array, edges: readonly number[]): number[] {
  const counts = new Array<number>(edges.length - 1).fill(0);
  const last = edges.length - 1;
  let bucket = 0;
  for (const v of sorted) {
    if (v < edges[0]! || v > edges[last]!) continue;
    while (bucket < last - 1 && v >= edges[bucket + 1]!) bucket++;
    counts[bucket]!++;
  }
  return counts;
}

/** Puts neighbouring buckets together until at most about `maxBins` are left. */
function coarsen(counts: number[], edges: readonly number[], maxBins: number): [number[], readonly number[]] {
  if (counts.length <= maxBins) return [counts, edges];
  const each = Math.floor(counts.length / maxBins);
  const fewer: number[] = [];
  const limits: number[] = [];
  for (let i = 0; i < counts.length; i += each) {
    fewer.push(counts.slice(i, i + each).reduce((a, b) => a + b, 0));
    limits.push(edges[i]!);
  }
  return [fewer, [...limits, edges[edges.length - 1]!]];
}

/**
 * The histogram as TensorBoard keeps it: buckets from the first to the last that has something, by their upper bounds,
 * with an empty one in front whose bound is the lower end.
 * @throws ValueError without numbers, and when none is in a bucket.
 */
export function makeHistogram(values: Float64Array, bins: Bins, maxBins: number | null): Histogram {
  if (values.length === 0) throw new ValueError("The input has no element.");
  if (values.some(Number.isNaN)) throw new ValueError("addHistogram: the values are not all numbers (NaN)");
  const sorted = values.slice().sort();
  const edges = edgesOf(sorted, bins);
  const [counts, limits] = coarsen(countIn(sorted, edges), edges, maxBins ?? Infinity);
  const first = counts.findIndex((n) => n > 0);
  const last = counts.findLastIndex((n) => n > 0);
  if (first < 0) throw new ValueError("The histogram is empty, something went wrong.");
  return {
    min: sorted[0]!,
    max: sorted[sorted.length - 1]!,
    num: values.length,
    sum: values.reduce((a, b) => a + b, 0),
    sumSquares: values.reduce((a, b) => a + b * b, 0),
    bucketLimit: limits.slice(first, last + 2),
    bucket: [0, ...counts.slice(first, last + 1)],
  };
}
