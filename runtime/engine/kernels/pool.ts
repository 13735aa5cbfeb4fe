import { count, floatRoom, floats, stored } from "./floats.js";
import type { HostKernel, KernelInput } from "./index.js";

/** First positions and ends of windows along one axis. */
interface Windows {
  readonly starts: readonly number[];
  readonly ends: readonly number[];
}

type Numbers = Float32Array<ArrayBuffer> | Float64Array<ArrayBuffer>;

/** The largest element of every window of one plane: the first of equals; NaN is larger than everything. */
function largest(
  x: Numbers,
  from: number,
  size: readonly [number, number, number],
  [dz, dy, dx]: readonly [Windows, Windows, Windows],
  values: Numbers,
  indices: BigInt64Array,
  to: number,
): void {
  const [, h, w] = size;
  let at = to;
  for (let i = 0; i < dz.starts.length; i++)
    for (let j = 0; j < dy.starts.length; j++)
      for (let k = 0; k < dx.starts.length; k++) {
        let best = -Infinity;
        let place = (dz.starts[i]! * h + dy.starts[j]!) * w + dx.starts[k]!;
        for (let z = dz.starts[i]!; z < dz.ends[i]!; z++)
          for (let y = dy.starts[j]!; y < dy.ends[j]!; y++) {
            const row = (z * h + y) * w;
            for (let c = dx.starts[k]!; c < dx.ends[k]!; c++) {
              const v = x[from + row + c]!;
              if (v > best || v !== v) [best, place] = [v, row + c];
            }
          }
        values[at] = best;
        indices[at] = BigInt(place);
        at++;
      }
}

const only: Windows = { starts: [0], ends: [1] };

/** Spatial axes as three, leading ones of size 1 added. */
function three<T>(list: readonly T[], fill: T): [T, T, T] {
  return [...Array.from({ length: 3 - list.length }, () => fill), ...list] as [T, T, T];
}

/** A kernel from the windows of every plane. */
function maxOver(
  windowsOf: (inputs: readonly KernelInput[], attrs: unknown) => (plane: number) => readonly Windows[],
): HostKernel {
  return (inputs, attrs, [out, places]) => {
    const x = inputs[0]!;
    const data = floats(x);
    const size = x.shape.slice(2);
    const step = count(size);
    const planes = x.shape[0]! * x.shape[1]!;
    const room = count(out!.shape);
    const values = floatRoom(out!.dtype, room);
    const indices = new BigInt64Array(count(places!.shape));
    const windows = windowsOf(inputs, attrs);
    const perPlane = planes === 0 ? 0 : room / planes;
    for (let p = 0; p < planes; p++) {
      largest(data, p * step, three(size, 1), three(windows(p), only), values, indices, p * perPlane);
    }
    return [stored(values, out!.dtype), indices];
  };
}

function adaptive(n: number, o: number): Windows {
  return {
    starts: Array.from({ length: o }, (_, i) => Math.floor((i * n) / o)),
    ends: Array.from({ length: o }, (_, i) => Math.ceil(((i + 1) * n) / o)),
  };
}

/** Windows of size k whose steps, of ⌊α⌋ or ⌈α⌉, start at the sample; computed in float32 for all dtypes but float64. */
function fractional(n: number, o: number, k: number, sample: number, round: (v: number) => number): Windows {
  const alpha = round((n - k) / (o - 1));
  const first = Math.trunc(round(sample * alpha));
  const starts = Array.from({ length: o }, (_, i) =>
    i === o - 1 ? n - k : Math.trunc(round(round(i + sample) * alpha)) - first,
  );
  return { starts, ends: starts.map((s) => s + k) };
}

export const poolKernels: Readonly<Record<string, HostKernel>> = {
  adaptive_max_pool: maxOver(([x], attrs) => {
    const { out } = attrs as { out: readonly number[] };
    const windows = out.map((o, i) => adaptive(x!.shape[i + 2]!, o));
    return () => windows;
  }),
  fractional_max_pool: maxOver(([x, samples], attrs) => {
    const { out, kernel } = attrs as { out: readonly number[]; kernel: readonly number[] };
    const nd = out.length;
    const numbers = floats(samples!);
    const round = x!.dtype === "float64" ? (v: number): number => v : Math.fround;
    return (plane) => {
      const [n, c] = [Math.floor(plane / x!.shape[1]!), plane % x!.shape[1]!];
      const at = (n * samples!.shape[1]! + c) * nd;
      return out.map((o, i) => {
        // In two dimensions the first sample is the width's.
        const sample = numbers[at + (nd === 2 ? 1 - i : i)]!;
        return fractional(x!.shape[i + 2]!, o, kernel[i]!, sample, round);
      });
    };
  }),
};
