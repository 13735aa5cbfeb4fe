/** Layers that only change shapes. @see https://pytorch.org/docs/stable/nn.html#utilities */
import { IndexError, NotImplementedError, RuntimeError } from "../errors.js";
import type { Tensor } from "../tensor/tensor.js";
import { bound } from "./arguments.js";
import { Module } from "./module.js";

/** Merges the axes from `startDim` to `endDim`: `[N, C, H, W]` → `[N, C·H·W]`. @see https://pytorch.org/docs/stable/generated/torch.nn.Flatten.html */
export class Flatten extends Module {
  readonly startDim: number;
  readonly endDim: number;

  constructor(startDim?: number, endDim?: number);
  constructor(options: { readonly startDim?: number; readonly endDim?: number });
  constructor(...args: unknown[]) {
    super();
    const o = bound("Flatten(int start_dim=1, int end_dim=-1) -> any", args);
    this.startDim = o.startDim;
    this.endDim = o.endDim;
  }

  forward(input: Tensor): Tensor {
    return input.flatten(this.startDim, this.endDim);
  }

  override extraRepr(): string {
    return `start_dim=${String(this.startDim)}, end_dim=${String(this.endDim)}`;
  }
}

/** Named axes, as PyTorch prints and takes them: `[["b", 2], ["c", 5]]`. */
export type NamedShape = readonly (readonly [string, number])[];

/** Splits an axis: `[N, C·H·W]` → `[N, C, H, W]`. @see https://pytorch.org/docs/stable/generated/torch.nn.Unflatten.html */
export class Unflatten extends Module {
  readonly dim: number | string;
  readonly unflattenedSize: readonly number[] | NamedShape;

  /** @throws TypeError for sizes that are no list of integers, or of names and sizes for a named axis. */
  constructor(dim: number | string, unflattenedSize: readonly number[] | NamedShape) {
    super();
    if (typeof dim !== "number" && typeof dim !== "string") {
      throw new TypeError("invalid argument type for dim parameter");
    }
    const named = typeof dim === "string";
    const kind = named ? "tuples" : "ints";
    if (!Array.isArray(unflattenedSize)) {
      throw new TypeError(
        `unflattened_size must be a tuple of ${kind}, but found type ${typeof unflattenedSize}`,
      );
    }
    unflattenedSize.forEach((item: unknown, i) => {
      if (named ? Array.isArray(item) : Number.isInteger(item)) return;
      throw new TypeError(
        `unflattened_size must be tuple of ${kind}, but found element of type ${typeof item} at pos ${String(i)}`,
      );
    });
    this.dim = dim;
    this.unflattenedSize = unflattenedSize;
  }

  /** @throws NotImplementedError for a named axis: tensors have no names here. */
  forward(input: Tensor): Tensor {
    if (typeof this.dim === "string") {
      throw new NotImplementedError("Unflatten of a named axis: named tensors are not implemented");
    }
    const rank = input.ndim;
    if (this.dim < -rank || this.dim >= rank) {
      throw new IndexError(
        `Dimension out of range (expected to be in range of [${String(-rank)}, ${String(rank - 1)}], but got ${String(this.dim)})`,
      );
    }
    const at = this.dim < 0 ? this.dim + rank : this.dim;
    const { shape } = input;
    const sizes = [...(this.unflattenedSize as readonly number[])];
    const given = sizes.filter((n) => n !== -1).reduce((n, d) => n * d, 1);
    const missing = sizes.filter((n) => n === -1).length;
    const fits = missing === 0 ? given === shape[at] : missing === 1 && given > 0 && shape[at]! % given === 0;
    if (!fits) {
      throw new RuntimeError(
        `unflatten: Provided sizes [${sizes.join(", ")}] don't multiply up to the size of dim ${String(at)} (${String(shape[at])}) in the input tensor`,
      );
    }
    const filled = sizes.map((n) => (n === -1 ? shape[at]! / given : n));
    return input.view([...shape.slice(0, at), ...filled, ...shape.slice(at + 1)]);
  }

  override extraRepr(): string {
    const item = (v: number | readonly [string, number]): string =>
      typeof v === "number" ? String(v) : `('${v[0]}', ${String(v[1])})`;
    const items = this.unflattenedSize.map(item);
    return `dim=${String(this.dim)}, unflattened_size=(${items.join(", ")}${items.length === 1 ? "," : ""})`;
  }
}
