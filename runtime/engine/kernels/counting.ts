/** Counting: bins, histograms, distinct elements. */
import { RuntimeError } from "../../errors.js";
import { allocate, dtypes, type HostArray } from "../../tensor/dtype.js";
import { rounding, spaced } from "../../tensor/ranges.js";
import { count, floatRoom, floats, stored } from "./floats.js";
import type { HostKernel, KernelInput, KernelOutput } from "./index.js";
import { iota, keysOf, stableOrder, type Keys } from "./order.js";

type Floats = Float32Array<ArrayBuffer> | Float64Array<ArrayBuffer>;

const bincount: HostKernel = ([x, weights], attrs, [out]) => {
  const { minlength } = attrs as { minlength: number };
  const places = x!.data as ArrayLike<number | bigint>;
  let size = minlength;
  for (let i = 0; i < places.length; i++) {
    const at = Number(places[i]);
    if (at < 0) throw new RuntimeError("bincount only supports 1-d non-negative integral inputs.");
    size = Math.max(size, at + 1);
  }
  const counts = allocate(out!.dtype, size);
  for (let i = 0; i < places.length; i++) {
    const at = Number(places[i]);
    if (counts instanceof BigInt64Array) counts[at]! += 1n;
    else (counts as Floats)[at]! += (weights!.data as Floats)[i]!;
  }
  return [{ data: counts, shape: [size] }];
};

interface Bins {
  readonly kind: "histc" | "histogram" | "edges";
  readonly low: number | null;
  readonly high: number | null;
}

/** The outermost edges: as asked for, or those of the data; a range of no width is widened. */
function outerEdges(data: Floats, { kind, low, high }: Bins): readonly [number, number] {
  let [a, b] = [low ?? 0, high ?? (kind === "histogram" ? 1 : 0)];
  if (data.length > 0 && (low === null || (kind === "histc" && a === b))) {
    [a, b] = [Infinity, -Infinity];
    for (const x of data) {
      a = Math.min(a, x);
      b = Math.max(b, x);
    }
  }
  if (!Number.isFinite(a) || !Number.isFinite(b)) {
    throw new RuntimeError(`torch.${kind}: range of [${String(a)}, ${String(b)}] is not finite`);
  }
  if (a !== b) return [a, b];
  const room = kind === "histc" ? 1 : 0.5;
  return [a - room, b + room];
}

/** The first place in a sorted list, `from` … `to`, that holds more than `x`. */
function above(edges: Floats, x: number, from: number, to: number): number {
  let [low, high] = [from, to];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (edges[middle]! > x) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Which bin a number between the outermost edges is in; the last bin holds its right edge too. */
function binOf(x: number, edges: Floats, kind: Bins["kind"], round: (x: number) => number): number {
  const bins = edges.length - 1;
  if (kind === "edges") return Math.min(above(edges, x, 0, edges.length) - 1, bins - 1);
  const [a, b] = [edges[0]!, edges[bins]!];
  let at = Math.trunc(round(round(round(x - a) * bins) / round(b - a)));
  // A division may miss by one bin: `histogram` looks at the edges around, `histc` does not.
  if (kind === "histogram") at = above(edges, x, Math.max(0, at - 1), Math.min(at + 2, bins + 1)) - 1;
  return Math.min(at, bins - 1);
}

function edgesFor(data: Floats, given: KernelInput | undefined, bins: Bins, out: KernelOutput): Floats {
  if (bins.kind === "edges") return floats(given!).slice();
  const [a, b] = outerEdges(data, bins);
  const edges = floatRoom(out.dtype, out.shape[0]!);
  edges.set(spaced(a, b, edges.length, dtypes[out.dtype]));
  return edges;
}

/** Inputs: the elements, the edges where they are given, the weights where there are some. */
const histogram: HostKernel = (inputs, attrs, [counted, edged]) => {
  const how = attrs as Bins;
  const { dtype } = counted!;
  const data = floats(inputs[0]!);
  const edges = edgesFor(data, inputs[1], how, edged!);
  const weighted = inputs[how.kind === "edges" ? 2 : 1];
  const weights = weighted && floats(weighted);
  const [first, last] = [edges[0]!, edges.at(-1)!];
  const round = rounding(dtypes[dtype]);
  const counts = floatRoom(dtype, count(counted!.shape));
  data.forEach((x, i) => {
    if (!(x >= first && x <= last)) return;
    const at = binOf(x, edges, how.kind, round);
    counts[at] = round(counts[at]! + (weights ? weights[i]! : 1));
  });
  return [stored(counts, dtype), stored(edges, dtype)];
};

/** Compares two slices of `size` keys, the first with a stride between them. */
function compareSlices(keys: Keys, offsets: Int32Array, a: number, b: number): number {
  for (const offset of offsets) {
    const [x, y] = [keys[a + offset]!, keys[b + offset]!];
    if (x < y) return -1;
    if (x > y || x !== y) return 1;
  }
  return 0;
}

/** Where the elements of one slice along `dim` lie, from its first on, and how far apart slices are. */
function sliceLayout(shape: readonly number[], dim: number): { offsets: Int32Array; step: number } {
  const step = shape.slice(dim + 1).reduce((n, d) => n * d, 1);
  const outer = shape.slice(0, dim).reduce((n, d) => n * d, 1);
  const offsets = new Int32Array(outer * step);
  offsets.forEach((_, i) => {
    offsets[i] = Math.floor(i / step) * shape[dim]! * step + (i % step);
  });
  return { offsets, step };
}

/** Distinct elements, or slices along `dim`: where each stands first, which one each is, how often each occurs. */
const unique: HostKernel = ([x], attrs) => {
  const { dim, consecutive } = attrs as { dim: number | null; consecutive: boolean };
  const keys = keysOf(x!);
  const n = dim === null ? keys.length : x!.shape[dim]!;
  const { offsets, step } =
    dim === null ? { offsets: new Int32Array(1), step: 1 } : sliceLayout(x!.shape, dim);
  const compare = (a: number, b: number): number => compareSlices(keys, offsets, a * step, b * step);
  let order = iota(n);
  if (!consecutive) order = dim === null ? stableOrder(keys, false) : order.sort(compare);
  const inverse = new BigInt64Array(n);
  const firsts: bigint[] = [];
  const counts: bigint[] = [];
  order.forEach((at, i) => {
    const fresh = i === 0 || compare(order[i - 1]!, at) !== 0;
    if (fresh) {
      firsts.push(BigInt(at));
      counts.push(0n);
    }
    counts[counts.length - 1]! += 1n;
    inverse[at] = BigInt(firsts.length - 1);
  });
  const list = (values: bigint[]): { data: HostArray; shape: number[] } => ({
    data: BigInt64Array.from(values),
    shape: [values.length],
  });
  return [list(firsts), inverse, list(counts)];
};

/** The indices 0, 1, … each as often as asked. */
const repeated: HostKernel = ([repeats], attrs) => {
  const { size } = attrs as { size: number | null };
  const times = Array.from(repeats!.data as ArrayLike<number | bigint>, Number);
  if (times.some((t) => t < 0)) throw new RuntimeError("repeats can not be negative");
  const total = times.reduce((n, t) => n + t, 0);
  if (size !== null && size !== total) {
    throw new RuntimeError(
      `repeat_interleave: outputSize is ${String(size)}, but repeats sum up to ${String(total)}`,
    );
  }
  const data = new BigInt64Array(total);
  let at = 0;
  times.forEach((t, i) => {
    data.fill(BigInt(i), at, at + t);
    at += t;
  });
  return [{ data, shape: [total] }];
};

export const countingKernels: Readonly<Record<string, HostKernel>> = {
  bincount,
  histogram,
  unique,
  repeated,
};
