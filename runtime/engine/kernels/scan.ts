/** Running products, extremes and recurrences along an axis. */
import { allocate, type HostArray } from "../../tensor/dtype.js";
import { count, floatRoom, floats, stored } from "./floats.js";
import type { HostKernel } from "./index.js";
import { keysOf, rowKeys, rowsOf, type Keys } from "./order.js";

/** ∏ of the elements so far; floats in double precision, integers modulo their range. */
const product: HostKernel = ([x], attrs) => {
  const { dim } = attrs as { dim: number };
  const { length, step, starts } = rowsOf(x!.shape, dim);
  const total = count(x!.shape);
  if (x!.data instanceof BigInt64Array) {
    const out = new BigInt64Array(total);
    for (const start of starts) {
      let running = 1n;
      for (let i = 0, at = start; i < length; i++, at += step) {
        running = BigInt.asIntN(64, running * x!.data[at]!);
        out[at] = running;
      }
    }
    return [out];
  }
  const isFloat = x!.dtype.includes("float");
  const data = isFloat ? floats(x!) : (x!.data as Int32Array<ArrayBuffer>);
  const out = isFloat ? floatRoom(x!.dtype, total) : allocate(x!.dtype, total);
  for (const start of starts) {
    let running = 1;
    for (let i = 0, at = start; i < length; i++, at += step) {
      running = isFloat ? running * data[at]! : Math.imul(running, data[at]!);
      out[at] = running;
    }
  }
  return [isFloat ? stored(out as Float32Array<ArrayBuffer>, x!.dtype) : (out as HostArray)];
};

/** Where the largest (smallest) element so far stands: the last of equal ones; from a NaN on, the last NaN. */
function runningExtreme(row: Keys, largest: boolean): Int32Array {
  const at = new Int32Array(row.length);
  let best = 0;
  for (let i = 0; i < row.length; i++) {
    const [x, top] = [row[i]!, row[best]!];
    if (Number.isNaN(x) || (!Number.isNaN(top) && (largest ? x >= top : x <= top))) best = i;
    at[i] = best;
  }
  return at;
}

const extreme: HostKernel = ([x], attrs) => {
  const { dim, largest } = attrs as { dim: number; largest: boolean };
  const rows = rowsOf(x!.shape, dim);
  const keys = keysOf(x!);
  const out = new BigInt64Array(count(x!.shape));
  for (const start of rows.starts) {
    runningExtreme(rowKeys(keys, rows, start), largest).forEach((at, i) => {
      out[start + i * rows.step] = BigInt(at);
    });
  }
  return [out];
};

/** yᵢ = bᵢ + aᵢ yᵢ₋₁ along an axis, or, from the end, yᵢ = bᵢ + aᵢ₊₁ yᵢ₊₁. */
const recurrence: HostKernel = ([a, b], attrs, [out]) => {
  const { dim, reverse } = attrs as { dim: number; reverse: boolean };
  const [factors, terms] = [floats(a!), floats(b!)];
  const { length, step, starts } = rowsOf(a!.shape, dim);
  const result = floatRoom(out!.dtype, count(out!.shape));
  for (const start of starts) {
    let running = 0;
    for (let i = 0; i < length; i++) {
      const at = start + (reverse ? length - 1 - i : i) * step;
      const factor = i === 0 ? 0 : factors[reverse ? at + step : at]! * running;
      running = terms[at]! + factor;
      result[at] = running;
    }
  }
  return [stored(result, out!.dtype)];
};

export const scanKernels: Readonly<Record<string, HostKernel>> = {
  "scan.product": product,
  "scan.extreme": extreme,
  "scan.recurrence": recurrence,
};
