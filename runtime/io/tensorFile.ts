/** Files of tensors, read tensor by tensor: they need not fit into memory. */
import type { DType } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";

/** What is known of a tensor before it is read. */
export interface TensorInfo {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** Where it lies: tensors with the same text here are one. */
  readonly place: string;
}

/** An open file with tensors by name. */
export interface TensorFile extends Disposable {
  readonly format: "pth" | "safetensors";
  /** Names in the file's order. */
  keys(): string[];
  /** @throws KeyError for a name that is not there. */
  info(name: string): TensorInfo;
  /** Reads one tensor. @throws KeyError for a name that is not there. */
  getTensor(name: string): Tensor;
  /** Texts that describe the file. */
  metadata(): ReadonlyMap<string, string>;
  /** Values of the file that are no tensors, by name; left out when only tensors are wanted. */
  others(): ReadonlyMap<string, unknown>;
  close(): void;
}
