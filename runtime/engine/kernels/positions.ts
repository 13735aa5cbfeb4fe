import type { HostArray } from "../../tensor/dtype.js";
import { floats } from "./floats.js";
import type { HostKernel, KernelInput } from "./index.js";

function elements(x: KernelInput): HostArray {
  return x.dtype === "float16" || x.dtype === "bfloat16" ? floats(x) : x.data;
}

/** Flat positions of the elements that are not zero; NaN is not zero. */
function hits(data: HostArray): number[] {
  const found: number[] = [];
  if (data instanceof BigInt64Array) {
    for (let i = 0; i < data.length; i++) if (data[i] !== 0n) found.push(i);
  } else {
    for (let i = 0; i < data.length; i++) if (data[i] !== 0) found.push(i);
  }
  return found;
}

const nonzero: HostKernel = ([x]) => {
  const found = hits(elements(x!));
  const rank = x!.shape.length;
  const data = new BigInt64Array(found.length * rank);
  found.forEach((flat, row) => {
    let left = flat;
    for (let axis = rank - 1; axis >= 0; axis--) {
      const size = x!.shape[axis]!;
      data[row * rank + axis] = BigInt(left % size);
      left = Math.floor(left / size);
    }
  });
  return [{ data, shape: [found.length, rank] }];
};

/** Results whose size depends on the elements. */
export const positionKernels: Readonly<Record<string, HostKernel>> = { nonzero };
