/** Host kernels: what ONNX Runtime's CPU provider lacks, in TypeScript, on the engine thread. */
import type { DTypeName, HostArray } from "../../tensor/dtype.js";
import { bagKernels } from "./bags.js";
import { convKernels } from "./conv.js";
import { countingKernels } from "./counting.js";
import { ctcKernels } from "./ctc.js";
import { matmulKernels } from "./matmul.js";
import { orthogonalKernels } from "./orthogonal.js";
import { poolKernels } from "./pool.js";
import { pointwiseKernels } from "./pointwise.js";
import { positionKernels } from "./positions.js";
import { scanKernels } from "./scan.js";
import { scatterKernels } from "./scatter.js";
import { sortingKernels } from "./sorting.js";
import { stridedKernels } from "./strided.js";
import { unaryKernels } from "./unary.js";

export interface KernelInput {
  readonly data: HostArray;
  readonly dtype: DTypeName;
  readonly shape: readonly number[];
}

export interface KernelOutput {
  readonly dtype: DTypeName;
  readonly shape: readonly number[];
}

/** A result whose shape depends on the data. */
export interface ShapedResult {
  readonly data: HostArray;
  readonly shape: readonly number[];
}

/** Computes outputs of the announced dtypes and shapes. Throws errors of `errors.ts` for bad values. */
export type HostKernel = (
  inputs: readonly KernelInput[],
  attrs: unknown,
  outputs: readonly KernelOutput[],
) => readonly (HostArray | ShapedResult)[];

/** By the name an op record's `host` gives. */
export const kernels: Readonly<Record<string, HostKernel>> = {
  ...bagKernels,
  ...convKernels,
  ...countingKernels,
  ...ctcKernels,
  ...matmulKernels,
  ...orthogonalKernels,
  ...poolKernels,
  ...pointwiseKernels,
  ...positionKernels,
  ...scanKernels,
  ...scatterKernels,
  ...sortingKernels,
  ...stridedKernels,
  ...unaryKernels,
};
