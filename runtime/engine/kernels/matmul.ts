/** Small bfloat16 products, rounded after every multiplication and addition. */
import { decodeBfloat16, encodeBfloat16 } from "../../tensor/half.js";
import { count } from "./floats.js";
import type { HostKernel, KernelInput } from "./index.js";
import { sources } from "./pointwise.js";

const word = new Float32Array(1);
const bits = new Uint32Array(word.buffer);

/** The nearest bfloat16, ties to even: the upper half of a float32. */
function nearest(x: number): number {
  word[0] = x;
  const b = bits[0]!;
  if ((b & 0x7fffffff) > 0x7f800000) return NaN;
  bits[0] = (b + 0x7fff + ((b >>> 16) & 1)) & 0xffff0000;
  return word[0];
}

/** Where each matrix of a batch starts, in a batch broadcast to `batch`. */
function matrixStarts({ shape }: KernelInput, batch: readonly number[]): (i: number) => number {
  const size = shape.at(-1)! * shape.at(-2)!;
  const index = sources(shape.slice(0, -2), batch);
  return (i) => (index ? index[i]! : i) * size;
}

/** Adds alpha · (a @ b) to what `out` holds. */
function accumulate(
  out: Float32Array,
  a: KernelInput,
  b: KernelInput,
  shape: readonly number[],
  alpha: number,
): void {
  const [n, m, k] = [shape.at(-2)!, shape.at(-1)!, a.shape.at(-1)!];
  const batch = shape.slice(0, -2);
  const [x, y] = [decodeBfloat16(a.data as Uint16Array), decodeBfloat16(b.data as Uint16Array)];
  const [xStart, yStart] = [matrixStarts(a, batch), matrixStarts(b, batch)];
  for (let g = 0, at = 0; g < count(batch); g++) {
    const [xs, ys] = [xStart(g), yStart(g)];
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < m; j++, at++) {
        let sum = out[at]!;
        for (let l = 0; l < k; l++) {
          const factor = alpha === 1 ? x[xs + i * k + l]! : nearest(x[xs + i * k + l]! * alpha);
          sum = nearest(sum + nearest(factor * y[ys + l * m + j]!));
        }
        out[at] = sum;
      }
    }
  }
}

export const matmulKernels: Readonly<Record<string, HostKernel>> = {
  "matmul.rounded": ([a, b], _, [result]) => {
    const out = new Float32Array(count(result!.shape));
    accumulate(out, a!, b!, result!.shape, 1);
    return [encodeBfloat16(out)];
  },
  "matmul.rounded_blend": ([c, a, b], attrs, [result]) => {
    const { beta, alpha } = attrs as { beta: number; alpha: number };
    const factor = nearest(beta);
    // With a factor of 0 the input does not count, NaNs included.
    const out = decodeBfloat16(c!.data as Uint16Array).map((v) =>
      factor === 0 ? 0 : factor === 1 ? v : nearest(v * factor),
    );
    accumulate(out, a!, b!, result!.shape, nearest(alpha));
    return [encodeBfloat16(out)];
  },
};
