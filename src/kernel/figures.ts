/** Tensors in figures: statistics over the finite elements, a histogram, the first values. */
import { tensorsIn } from "../../runtime/inspect/trace.js";
import { Tensor } from "../../runtime/tensor/tensor.js";
import { shapeText } from "./fit.js";
import type { TensorSummary } from "./protocol.js";

const bins = 32;
const headLength = 16;

export function summarize(path: string, tensor: Tensor): TensorSummary {
  const data = Float64Array.from(tensor.detach().numpy() as ArrayLike<number | bigint>, Number);
  const { shape } = tensor;
  let count = 0;
  let min = Infinity;
  let max = -Infinity;
  let sum = 0;
  for (const value of data) {
    if (!Number.isFinite(value)) continue;
    count++;
    sum += value;
    if (value < min) min = value;
    if (value > max) max = value;
  }
  const basics = {
    path,
    shape,
    dtype: tensor.dtype.name,
    text: shapeText(shape),
    nonFinite: data.length - count,
    head: Array.from(data.subarray(0, headLength)),
  };
  if (count === 0) return basics;
  const mean = sum / count;
  let squares = 0;
  const histogram = new Array<number>(bins).fill(0);
  for (const value of data) {
    if (!Number.isFinite(value)) continue;
    squares += (value - mean) ** 2;
    const bin = max > min ? Math.floor(((value - min) / (max - min)) * bins) : 0;
    histogram[Math.min(bin, bins - 1)]!++;
  }
  // Bessel's correction, as torch.std.
  const std = count > 1 ? Math.sqrt(squares / (count - 1)) : 0;
  return { ...basics, min, max, mean, std, histogram };
}

/** All tensors in a value, at most those that `tensorsIn` names. */
export function summarizeAll(value: unknown): TensorSummary[] {
  return tensorsIn(value).map(({ path }) => summarize(path, tensorAt(value, path)));
}

function tensorAt(value: unknown, path: string): Tensor {
  let found = value;
  for (const [, index, name] of path.matchAll(/\[(\d+)\]|([^.[\]]+)/g)) {
    found = (found as Record<string, unknown>)[index ?? name!];
  }
  if (!(found instanceof Tensor)) throw new TypeError(`No tensor at ${path}`);
  return found;
}
