/** Window functions of signal processing. */
import { RuntimeError } from "../errors.js";
import { getDefaultDtype, type DType } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { marked } from "./create.js";
import { page } from "./family.js";
import { encode, fromData } from "./leaf.js";
import { op } from "./record.js";

/** The value of a window at i of 0 … n. */
type Shape = (i: number, n: number) => number;

function sample(
  name: string,
  length: number,
  periodic: boolean,
  dtype: DType | null,
  requiresGrad: boolean,
  shape: Shape,
): Tensor {
  const type = dtype ?? getDefaultDtype();
  if (!type.isFloatingPoint) {
    throw new RuntimeError(`${name} expects floating point dtypes, got: ${String(type)}`);
  }
  if (length < 0) {
    throw new RuntimeError(
      `${name} requires non-negative window_length, got window_length=${String(length)}`,
    );
  }
  // A periodic window is one longer, without its last sample.
  const n = periodic ? length : length - 1;
  const values = Float64Array.from({ length }, (_, i) => (length === 1 ? 1 : shape(i, n)));
  return marked(fromData(encode(values, type), [length], type), requiresGrad);
}

const tail =
  "*, dtype? dtype=None, any layout=None, device? device=None, bool pin_memory=False, bool requires_grad=False";
type Tail =
  "*, dtype? dtype=None, any layout=None, device? device=None, bool pin_memory=False, bool requires_grad=False";

const doc = (formula: string, name: string): string =>
  `${formula}, for i of 0 … n: n = \`windowLength\`, or one less when not \`periodic\`.\n\n${page(name)}`;

const triangular: Shape = (i, n) => 1 - Math.abs((2 * i) / n - 1);
const cosine =
  (alpha: number, beta: number): Shape =>
  (i, n) =>
    alpha - beta * Math.cos((2 * Math.PI * i) / n);

export const bartlettWindow = op({
  signature:
    `bartlett_window(int window_length, bool periodic=True, ${tail}) -> Tensor` as `bartlett_window(int window_length, bool periodic=True, ${Tail}) -> Tensor`,
  doc: doc("1 - |2i/n - 1|", "bartlett_window"),
  call: (length, periodic, dtype, _l, _d, _p, requiresGrad) =>
    sample("bartlett_window", length, periodic, dtype, requiresGrad, triangular),
});

export const hannWindow = op({
  signature:
    `hann_window(int window_length, bool periodic=True, ${tail}) -> Tensor` as `hann_window(int window_length, bool periodic=True, ${Tail}) -> Tensor`,
  doc: doc("½ - ½ cos 2πi/n", "hann_window"),
  call: (length, periodic, dtype, _l, _d, _p, requiresGrad) =>
    sample("hann_window", length, periodic, dtype, requiresGrad, cosine(0.5, 0.5)),
});

export const hammingWindow = op({
  signature:
    `hamming_window(int window_length, bool periodic=True, float alpha=0.54, float beta=0.46, ${tail}) -> Tensor` as `hamming_window(int window_length, bool periodic=True, float alpha=0.54, float beta=0.46, ${Tail}) -> Tensor`,
  doc: doc("α - β cos 2πi/n", "hamming_window"),
  call: (length, periodic, alpha, beta, dtype, _l, _d, _p, requiresGrad) =>
    sample("hamming_window", length, periodic, dtype, requiresGrad, cosine(alpha, beta)),
});

export const blackmanWindow = op({
  signature:
    `blackman_window(int window_length, bool periodic=True, ${tail}) -> Tensor` as `blackman_window(int window_length, bool periodic=True, ${Tail}) -> Tensor`,
  doc: doc("0.42 - ½ cos 2πi/n + 0.08 cos 4πi/n", "blackman_window"),
  call: (length, periodic, dtype, _l, _d, _p, requiresGrad) =>
    sample(
      "blackman_window",
      length,
      periodic,
      dtype,
      requiresGrad,
      (i, n) => 0.42 - 0.5 * Math.cos((2 * Math.PI * i) / n) + 0.08 * Math.cos((4 * Math.PI * i) / n),
    ),
});

/** The modified Bessel function I₀ by its power series Σ (x/2)²ᵏ / k!². */
function besselI0(x: number): number {
  let term = 1;
  let sum = 1;
  for (let k = 1; term > sum * 1e-17; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

export const kaiserWindow = op({
  signature:
    `kaiser_window(int window_length, bool periodic=True, float beta=12.0, ${tail}) -> Tensor` as `kaiser_window(int window_length, bool periodic=True, float beta=12.0, ${Tail}) -> Tensor`,
  doc: doc("I₀(β √(1 - (2i/n - 1)²)) / I₀(β)", "kaiser_window"),
  call: (length, periodic, beta, dtype, _l, _d, _p, requiresGrad) =>
    sample(
      "kaiser_window",
      length,
      periodic,
      dtype,
      requiresGrad,
      (i, n) => besselI0(beta * Math.sqrt(Math.max(0, 1 - ((2 * i) / n - 1) ** 2))) / besselI0(beta),
    ),
});
