import { floatRoom, floats, stored } from "./floats.js";
import type { HostKernel } from "./index.js";
import { erf, erfc, erfinv } from "./normal.js";

/** log(1 + eˣ). */
const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

/** Functions of one number. Float32 is computed in double precision. */
const functions = {
  erf,
  erfc,
  erfinv,
  atan: Math.atan,
  asinh: Math.asinh,
  acosh: Math.acosh,
  atanh: Math.atanh,
  sinh: Math.sinh,
  cosh: Math.cosh,
  tan: Math.tan,
  asin: Math.asin,
  acos: Math.acos,
  expm1: Math.expm1,
  log1p: Math.log1p,
  log2: Math.log2,
  log10: Math.log10,
} as const;

/** A kernel from a function of one number and the attributes. */
export function elementKernel<A>(f: (x: number, attrs: A) => number): HostKernel {
  return ([x], attrs, [out]) => {
    const data = floats(x!);
    const result = floatRoom(out!.dtype, data.length);
    for (let i = 0; i < data.length; i++) result[i] = f(data[i]!, attrs as A);
    return [stored(result, out!.dtype)];
  };
}

const activations: Record<string, HostKernel> = {
  "activation.elu": elementKernel<{ alpha: number; scale: number; inputScale: number }>((x, a) =>
    x > 0 ? a.scale * x : a.scale * a.alpha * Math.expm1(x * a.inputScale),
  ),
  "activation.gelu": elementKernel<{ approximate: string }>((x, { approximate }) => {
    if (approximate === "none") return 0.5 * x * erfc(-x * Math.SQRT1_2);
    return 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
  }),
  "activation.mish": elementKernel((x) => x * Math.tanh(softplus(x))),
  "activation.softplus": elementKernel<{ beta: number; threshold: number }>((x, { beta, threshold }) =>
    x * beta > threshold ? x : softplus(x * beta) / beta,
  ),
};

/** `unary.atan` and so on. */
export const unaryKernels: Readonly<Record<string, HostKernel>> = {
  ...Object.fromEntries(
    Object.entries(functions).map(([name, f]): [string, HostKernel] => [
      `unary.${name}`,
      elementKernel((x) => f(x)),
    ]),
  ),
  ...activations,
};
