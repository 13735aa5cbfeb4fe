/** Element types: PyTorch's `torch.dtype`. @see https://pytorch.org/docs/stable/tensor_attributes.html */

export type DTypeName =
  "float64" | "float32" | "float16" | "bfloat16" | "int64" | "int32" | "int16" | "int8" | "uint8" | "bool";

/** Promotion categories, lowest first: bool < integral < floating. */
export type Category = 0 | 1 | 2;

/** The type of a tensor's elements, `torch.float32` and so on. Compare with `===`. */
export class DType {
  readonly name: DTypeName;
  /** Bytes per element. */
  readonly itemsize: number;
  readonly category: Category;
  /** TensorProto.DataType of the stored form. */
  readonly onnx: number;
  readonly isSigned: boolean;

  constructor(name: DTypeName, itemsize: number, category: Category, onnx: number) {
    this.name = name;
    this.itemsize = itemsize;
    this.category = category;
    this.onnx = onnx;
    this.isSigned = name !== "uint8" && name !== "bool";
  }

  get isFloatingPoint(): boolean {
    return this.category === 2;
  }

  toString(): string {
    return `torch.${this.name}`;
  }
}

export const float64 = new DType("float64", 8, 2, 11);
export const float32 = new DType("float32", 4, 2, 1);
export const float16 = new DType("float16", 2, 2, 10);
export const bfloat16 = new DType("bfloat16", 2, 2, 16);
export const int64 = new DType("int64", 8, 1, 7);
export const int32 = new DType("int32", 4, 1, 6);
export const int16 = new DType("int16", 2, 1, 5);
export const int8 = new DType("int8", 1, 1, 3);
export const uint8 = new DType("uint8", 1, 1, 2);
export const bool = new DType("bool", 1, 0, 9);

export const dtypes: Readonly<Record<DTypeName, DType>> = {
  float64,
  float32,
  float16,
  bfloat16,
  int64,
  int32,
  int16,
  int8,
  uint8,
  bool,
};

/** The dtype of a TensorProto.DataType. */
export function dtypeOfOnnx(onnx: number): DType {
  const found = Object.values(dtypes).find((d) => d.onnx === onnx);
  if (!found) throw new Error(`ONNX type ${String(onnx)} has no dtype`);
  return found;
}

const arrays = {
  float64: Float64Array,
  float32: Float32Array,
  float16: Uint16Array,
  bfloat16: Uint16Array,
  int64: BigInt64Array,
  int32: Int32Array,
  int16: Int16Array,
  int8: Int8Array,
  uint8: Uint8Array,
  bool: Uint8Array,
} as const;

/** The typed array that stores a dtype: float16 and bfloat16 as their bits, bool as bytes 0 and 1. */
export type HostArray =
  | Float64Array<ArrayBuffer>
  | Float32Array<ArrayBuffer>
  | BigInt64Array<ArrayBuffer>
  | Int32Array<ArrayBuffer>
  | Int16Array<ArrayBuffer>
  | Int8Array<ArrayBuffer>
  | Uint16Array<ArrayBuffer>
  | Uint8Array<ArrayBuffer>;

export function allocate(dtype: DTypeName, length: number): HostArray {
  return new arrays[dtype](length);
}

/** A typed array over the bytes of `buffer`, without a copy. */
export function viewAs(dtype: DTypeName, buffer: ArrayBuffer, byteOffset = 0, length?: number): HostArray {
  return new arrays[dtype](buffer, byteOffset, length);
}

/** The dtype whose elements a typed array holds; `Uint16Array` has none of its own. */
export function dtypeOfArray(data: ArrayBufferView): DType {
  if (data instanceof Float32Array) return float32;
  if (data instanceof Float64Array) return float64;
  if (data instanceof BigInt64Array) return int64;
  if (data instanceof Int32Array) return int32;
  if (data instanceof Int16Array) return int16;
  if (data instanceof Int8Array) return int8;
  if (data instanceof Uint8Array || data instanceof Uint8ClampedArray) return uint8;
  if (data.constructor.name === "Float16Array") return float16;
  throw new TypeError(`${data.constructor.name} has no dtype of its own; give one`);
}

let defaultDtype = float32;

/** `torch.get_default_dtype()`. */
export function getDefaultDtype(): DType {
  return defaultDtype;
}

/** `torch.set_default_dtype()`. */
export function setDefaultDtype(dtype: DType): void {
  defaultDtype = dtype;
}

/**
 * The dtype two operands meet in, `torch.promote_types(a, b)`.
 * @see https://pytorch.org/docs/stable/tensor_attributes.html#type-promotion-doc
 */
export function promoteTypes(a: DType, b: DType): DType {
  if (a === b) return a;
  if (a.category !== b.category) return a.category > b.category ? a : b;
  if (a.category === 2) {
    if (a === float64 || b === float64) return float64;
    // float16 with bfloat16 meets in float32, as does anything with float32.
    return float32;
  }
  const [small, large] = a.itemsize <= b.itemsize ? [a, b] : [b, a];
  if (small.itemsize === large.itemsize) return int16; // int8 with uint8
  return large;
}
