import { erf } from "../../random/accurate.js";
import type { HostArray } from "../../tensor/dtype.js";
import type { HostKernel } from "./index.js";

/** Functions of one float64 that ONNX Runtime has no kernel for. */
const functions = {
  erf,
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
} as const;

/** `unary.atan` and so on: float64 in, float64 out. */
export const unaryKernels: Readonly<Record<string, HostKernel>> = Object.fromEntries(
  Object.entries(functions).map(([name, f]): [string, HostKernel] => [
    `unary.${name}`,
    ([x]) => {
      const data = x!.data as Float64Array;
      const out = new Float64Array(data.length);
      for (let i = 0; i < data.length; i++) out[i] = f(data[i]!);
      return [out as HostArray];
    },
  ]),
);
