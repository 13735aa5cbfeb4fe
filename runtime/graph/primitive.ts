import type { Device } from "../tensor/device.js";
import type { DType } from "../tensor/dtype.js";
import type { Builder, Ref } from "./builder.js";
import type { Attrs, Meta } from "./value.js";

/**
 * What the graph knows of an operation: how its result looks and how it is computed. Its gradient and its public
 * signature belong to the op record that extends this (`ops/record.ts`).
 */
export interface Primitive<A extends Attrs = Attrs> {
  /** PyTorch's name for the operation; unique. */
  readonly name: string;
  /**
   * Shape and dtype of the results from those of the inputs; runs with no data and throws what PyTorch would throw.
   */
  infer(inputs: readonly Meta[], attrs: A): Meta | readonly Meta[];
  /**
   * Emits ONNX nodes. Inputs and results are in carrier form (see `carrier`). May return `undefined` when ONNX Runtime
   * has no kernels for these dtypes and `host` computes the operation.
   */
  lower?(
    b: Builder,
    inputs: readonly Ref[],
    attrs: A,
    outputs: readonly Meta[],
  ): Ref | readonly Ref[] | undefined;
  /** Where its results are, for the one primitive whose results are not where its inputs are: `transfer`. */
  device?(attrs: A): Device;
  /** Name of the host kernel that computes what ONNX Runtime cannot; gets the inputs as stored, and `attrs`. */
  readonly host?: string;
  /**
   * True when results are made of input elements, moved and not computed: no rounding to the dtype is needed, and
   * every dtype is carried as it is.
   */
  readonly moves?: boolean;
  /**
   * True when `lower` takes inputs and gives results in their stored dtypes, whatever `Ref.dtype` says: for ONNX
   * Runtime's kernels of eight-bit integers.
   */
  readonly stored?: boolean;
  /**
   * For operations that some values make fail (an index out of range): the class of error that PyTorch raises. A failed
   * run throws it at the next read, with the stack of the call that recorded the operation.
   */
  readonly refuses?: "RuntimeError" | "IndexError" | "ValueError";
}

/**
 * The dtype a graph computes in for a stored dtype. ONNX Runtime's CPU kernels cover float32, float64, int64 and bool
 * almost completely and the others hardly at all; so half types are computed in float32 and rounded after every
 * operation, as PyTorch's CPU kernels do, and narrow integers in int64 and wrapped.
 */
export type Carrier = "float32" | "float64" | "int64" | "bool";

export function carrier(dtype: DType): Carrier {
  switch (dtype.name) {
    case "float32":
    case "float16":
    case "bfloat16":
      return "float32";
    case "float64":
      return "float64";
    case "bool":
      return "bool";
    default:
      return "int64";
  }
}
