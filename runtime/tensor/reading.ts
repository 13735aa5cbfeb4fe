import { read } from "../graph/executor.js";
import { numel } from "../graph/value.js";
import { RuntimeError, ValueError } from "../errors.js";
import type { HostArray } from "./dtype.js";
import { decodeBfloat16, decodeFloat16 } from "./half.js";
import { Tensor } from "./tensor.js";

/** Nested arrays of a tensor's elements. */
export type Nested = number | bigint | boolean | readonly Nested[];

/** Typed arrays that hold elements as numbers. */
export type NumberArray = Exclude<HostArray, Uint16Array<ArrayBuffer>>;

/** What reads values; each blocks until they are computed. */
export interface TensorReading {
  /**
   * The number in a tensor of one element. int64 beyond 2⁵³ gives a `bigint`.
   * @throws ValueError for more than one element.
   */
  item(): number;
  /**
   * A copy of the elements in C order, in the dtype's typed array; float16 and bfloat16 as `Float32Array`, bool as bytes.
   * @throws RuntimeError when this tensor requires grad, unless `force`.
   * @see https://pytorch.org/docs/stable/generated/torch.Tensor.numpy.html
   */
  numpy(options?: { readonly force?: boolean }): NumberArray;
  /** Nested arrays of numbers (booleans for bool). */
  tolist(): Nested;
  /** Nested arrays of numbers, as `tolist`. */
  toArray(): Nested;
  /** The elements' bytes, little-endian, in C order. */
  toBytes(): Uint8Array;
}

function elements(t: Tensor): NumberArray {
  const raw = read(t._value);
  if (raw instanceof Uint16Array)
    return t.dtype.name === "float16" ? decodeFloat16(raw) : decodeBfloat16(raw);
  return raw;
}

function scalarAt(t: Tensor, data: ArrayLike<number | bigint>, i: number): number | bigint | boolean {
  const v = data[i]!;
  if (t.dtype.name === "bool") return v !== 0;
  if (typeof v === "bigint") return v >= -(2n ** 53n) && v <= 2n ** 53n ? Number(v) : v;
  return v;
}

const methods: TensorReading & ThisType<Tensor> = {
  item() {
    if (this.numel() !== 1) {
      throw new ValueError(
        `only one element tensors can be converted to Python scalars; this one has shape [${this._shape.join(", ")}]`,
      );
    }
    return scalarAt(this, elements(this) as ArrayLike<number | bigint>, 0) as number;
  },
  numpy(options = {}) {
    if (this.requiresGrad && !options.force) {
      throw new RuntimeError(
        "Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.",
      );
    }
    return elements(this);
  },
  tolist() {
    const data = elements(this) as ArrayLike<number | bigint>;
    const shape = this._shape;
    const build = (axis: number, at: number): Nested => {
      if (axis === shape.length) return scalarAt(this, data, at);
      const step = numel(shape.slice(axis + 1));
      return Array.from({ length: shape[axis]! }, (_, i) => build(axis + 1, at + i * step));
    };
    return build(0, 0);
  },
  toArray() {
    return this.tolist();
  },
  toBytes() {
    const raw = read(this._value);
    return new Uint8Array(raw.buffer, raw.byteOffset, raw.byteLength);
  },
};

Object.defineProperties(
  Tensor.prototype,
  Object.fromEntries(
    Object.entries(methods).map(([k, value]) => [k, { value, configurable: true, writable: true }]),
  ),
);

declare module "./tensor.js" {
  interface Tensor extends TensorReading {}
}
