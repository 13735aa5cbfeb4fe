/** Tensors from JavaScript's data: numbers, nested arrays, typed arrays, bytes. */
import { readFileSync } from "node:fs";
import { NotImplementedError, RuntimeError, ValueError } from "../errors.js";
import { cpu } from "../tensor/device.js";
import {
  bool,
  dtypeOfArray,
  getDefaultDtype,
  int64,
  promoteTypes,
  viewAs,
  type DType,
  type HostArray,
} from "../tensor/dtype.js";
import { Tensor } from "../tensor/tensor.js";
import { strideCopy } from "../tensor/strideCopy.js";
import { typeTitle } from "../tensor/typenames.js";
import { castTo } from "./convert.js";
import { callIsOn, deviceOfCall } from "./depth.js";
import { filled } from "./create.js";
import { page } from "./family.js";
import { encode, fromData } from "./leaf.js";
import { scalarDtype } from "./promote.js";
import { op } from "./record.js";
import type { Scalar } from "./schema.js";

/** Numbers in memory, of a type that may have no dtype of its own. */
type Numbers = ArrayBufferView & ArrayLike<number | bigint>;

/** What `torch.tensor` takes: a number, nested arrays of numbers, typed arrays and tensors. */
export type TensorData = Scalar | Numbers | Tensor | readonly TensorData[];

const isNumbers = (data: unknown): data is Numbers => ArrayBuffer.isView(data) && !(data instanceof DataView);

/** The elements of a typed array as a tensor of one axis: a copy, as memory may move to the engine thread. */
function fromTyped(data: Numbers, dtype: DType | null): Tensor {
  const own = dtype && !hasDtype(data) ? null : dtypeOfArray(data);
  if (own && (!dtype || dtype === own)) {
    // A plain view first: `slice` of a Buffer would share its memory.
    const bytes = new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength).slice();
    return fromData(viewAs(own.name, bytes.buffer), [data.length], own);
  }
  return fromData(encode(data as ArrayLike<number>, dtype!), [data.length], dtype!);
}

function hasDtype(data: Numbers): boolean {
  try {
    dtypeOfArray(data);
    return true;
  } catch {
    return false;
  }
}

/** The elements of nested arrays in C order, their shape, and the dtype they meet in. */
class Flattened {
  readonly values: Scalar[] = [];
  readonly shape: number[] = [];
  #dtype: DType | undefined;

  constructor(data: TensorData) {
    let at: TensorData = data;
    while (Array.isArray(at) || isNumbers(at)) {
      this.shape.push(at.length);
      if (at.length === 0) break;
      at = at[0] as TensorData;
    }
    this.#walk(data, 0);
  }

  get dtype(): DType {
    return this.#dtype ?? getDefaultDtype();
  }

  #meet(dtype: DType): void {
    this.#dtype = this.#dtype ? promoteTypes(this.#dtype, dtype) : dtype;
  }

  #walk(data: TensorData, axis: number): void {
    if (axis === this.shape.length) {
      this.#leaf(data);
      return;
    }
    const isList = Array.isArray(data) || isNumbers(data);
    if (!isList || data.length !== this.shape[axis]) {
      const got = isList ? String(data.length) : "not a sequence";
      throw new ValueError(
        `expected sequence of length ${String(this.shape[axis])} at dim ${String(axis)} (got ${got})`,
      );
    }
    if (isNumbers(data)) {
      if (axis !== this.shape.length - 1)
        throw new ValueError("rows differ in depth: a typed array is a last axis");
      this.#meet(hasDtype(data) ? dtypeOfArray(data) : int64);
      for (let i = 0; i < data.length; i++) this.values.push(data[i]!);
      return;
    }
    for (const item of data as readonly TensorData[]) this.#walk(item, axis + 1);
  }

  #leaf(data: TensorData): void {
    if (data instanceof Tensor) {
      this.#meet(data.dtype);
      this.values.push(data.item());
    } else if (typeof data === "number" || typeof data === "bigint" || typeof data === "boolean") {
      this.#meet(scalarDtype(data));
      this.values.push(data);
    } else if (Array.isArray(data) || isNumbers(data)) {
      throw new ValueError(`too many dimensions at axis ${String(this.shape.length)}: rows differ in depth`);
    } else {
      throw new TypeError(`tensor(): ${data === null ? "null" : typeof data} is not a number`);
    }
  }
}

/** A new leaf tensor with the given numbers. */
function build(data: TensorData, dtype: DType | null): Tensor {
  if (data instanceof Tensor) return data.to(deviceOfCall(), dtype).detach()._fresh();
  if (isNumbers(data)) return fromTyped(data, dtype);
  const flat = new Flattened(data);
  const type = dtype ?? flat.dtype;
  return fromData(encode(flat.values, type), flat.shape, type);
}

/** `build`, and the flag: whole numbers become floating where they are to have a gradient. */
function buildLeaf(data: TensorData, dtype: DType | null, requiresGrad: boolean): Tensor {
  const t = build(data, dtype);
  if (!requiresGrad) return t;
  // 1.0 is written 1: what is to have a gradient was meant to be floating.
  const isMeant = !dtype && t.dtype === int64 && !(data instanceof Tensor) && !isNumbers(data);
  return (isMeant ? build(data, getDefaultDtype()) : t).requiresGrad_();
}

export const tensor = op({
  signature:
    "tensor(any data, *, dtype? dtype=None, device? device=None, bool requires_grad=False, bool pin_memory=False) -> Tensor",
  doc: `A new tensor with the given numbers: nested arrays, a typed array, or one number. Integers give int64 (the default dtype with \`requiresGrad\`: JavaScript cannot tell 1.0 from 1), fractions the default dtype, booleans bool.\n\n${page("tensor")}`,
  call: (data, dtype, _device, requiresGrad) => buildLeaf(data as TensorData, dtype, requiresGrad),
});

export const newTensor = op({
  signature:
    "new_tensor(Tensor self, any data, dtype? dtype=None, device? device=None, bool requires_grad=False) -> Tensor",
  on: ["Tensor"],
  doc: "A new tensor with the given numbers, of this tensor's dtype unless said.\n\n[PyTorch](https://pytorch.org/docs/stable/generated/torch.Tensor.new_tensor.html)",
  call: (self, data, dtype, _device, requiresGrad) =>
    buildLeaf(data as TensorData, dtype ?? self.dtype, requiresGrad),
});

export const legacyNew = op(
  {
    signature: "new(Tensor self, any data) -> Tensor",
    on: ["Tensor"],
    doc: "PyTorch's old constructor: a tensor of this one's dtype of the given data, or, given sizes, one that is not filled. Better: `newTensor`, `newEmpty`.",
    call: (self, data) => {
      if (typeof data === "number") return filled([data], 0, self.dtype);
      if (!(data instanceof Tensor)) return buildLeaf(data as TensorData, self.dtype, false);
      if (data.dtype === self.dtype) return data._alias();
      throw new TypeError(`expected ${typeTitle(self.dtype)} (got ${typeTitle(data.dtype)})`);
    },
  },
  {
    signature: "new(Tensor self, int... size) -> Tensor",
    call: (self, size) => filled(size, 0, self.dtype),
  },
);

export const fromFile = op({
  signature:
    "from_file(str filename, bool? shared=None, int size=0, *, dtype? dtype=None, device? device=None, bool requires_grad=False) -> Tensor",
  doc: `The first \`size\` elements of a file of raw numbers, in this machine's byte order. Throws \`NotImplementedError\` for \`shared\`: what is written to the tensor does not reach the file.\n\n${page("from_file")}`,
  call: (filename, shared, size, dtype, _device, requiresGrad) => {
    if (shared)
      throw new NotImplementedError("from_file: a file that the tensor's writes reach (shared: true)");
    const type = dtype ?? getDefaultDtype();
    const bytes = readFileSync(filename);
    if (bytes.length < size * type.itemsize) {
      throw new RuntimeError(
        `${filename} has ${String(bytes.length)} bytes, ${String(size)} elements of ${String(type)} need ${String(size * type.itemsize)}`,
      );
    }
    const data = size === 0 ? encode([], type) : takeBytes(bytes, type, size, 0);
    const t = fromData(data, [size], type);
    return requiresGrad ? t.requiresGrad_() : t;
  },
});

/** An array with a shape, as libraries for arrays have them. */
interface ArrayObject {
  readonly data: Numbers;
  readonly shape: readonly number[];
  readonly stride?: readonly number[];
  readonly offset?: number;
}

const isArrayObject = (value: unknown): value is ArrayObject =>
  typeof value === "object" &&
  value !== null &&
  !(value instanceof Tensor) &&
  isNumbers((value as { data?: unknown }).data) &&
  Array.isArray((value as { shape?: unknown }).shape);

function fromArrayObject(array: ArrayObject): Tensor {
  const { data, shape, stride, offset = 0 } = array;
  const flat = stride || offset ? strideCopy(data, shape, stride, offset) : data;
  const count = shape.reduce((n, d) => n * d, 1);
  if (flat.length !== count) {
    throw new RuntimeError(
      `an array of ${String(flat.length)} elements does not have the shape [${shape.join(", ")}]`,
    );
  }
  return fromTyped(flat, null).reshape([...shape]);
}

/** Data as a tensor; a tensor of that dtype is given back as it is. */
function asTensorOf(data: unknown, dtype: DType | null): Tensor {
  if (data instanceof Tensor) return data.to(deviceOfCall(), dtype);
  if (isArrayObject(data)) {
    const t = fromArrayObject(data);
    return dtype ? castTo(t, dtype) : t;
  }
  return build(data as TensorData, dtype);
}

export const asTensor = op({
  signature: "as_tensor(any data, dtype? dtype=None, device? device=None) -> Tensor",
  doc: `The data as a tensor: a tensor of that dtype is given back as it is, anything else is copied.\n\n${page("as_tensor")}`,
  call: (data, dtype) => asTensorOf(data, dtype),
});

export const asarray = op({
  signature:
    "asarray(any obj, *, dtype? dtype=None, device? device=None, bool? copy=None, bool requires_grad=False) -> Tensor",
  doc: `The data as a tensor. \`copy: true\` makes a copy of a tensor too; \`copy: false\` throws \`ValueError\` where one is needed.\n\n${page("asarray")}`,
  call: (data, dtype, _device, copy, requiresGrad) => {
    let t = asTensorOf(data, dtype);
    if (t === data) {
      if (copy) t = t.clone();
      else if (t.requiresGrad && !requiresGrad) t = t.detach();
    } else if (copy === false) {
      throw new ValueError("asarray: unable to avoid copy: JavaScript's data are always copied into tensors");
    }
    return requiresGrad && !t.requiresGrad ? t.detach().requiresGrad_() : t;
  },
});

export const fromNumpy = op({
  signature: "from_numpy(any ndarray) -> Tensor",
  doc: `A tensor with the elements of a typed array, or of an object with \`data\` and \`shape\` (and \`stride\`, \`offset\`): a copy.\n\n${page("from_numpy")}`,
  call: (array) => {
    callIsOn(cpu);
    if (isArrayObject(array)) return fromArrayObject(array);
    if (isNumbers(array)) return fromTyped(array, null);
    throw new TypeError(
      `expected a typed array or an object with data and shape (got ${array === null ? "null" : typeof array})`,
    );
  },
});

export const frombuffer = op({
  signature:
    "frombuffer(any buffer, *, dtype? dtype=None, int count=-1, int offset=0, device? device=None, bool requires_grad=False) -> Tensor",
  doc: `A tensor of one axis from the bytes of an \`ArrayBuffer\` or a view of one: a copy.\n\n${page("frombuffer")}`,
  call: (buffer, dtype, count, offset, device, requiresGrad) => {
    if (device === null) callIsOn(cpu);
    if (!dtype) throw new TypeError("frombuffer() missing required option 'dtype'");
    const bytes = bytesOf(buffer);
    const data = takeBytes(bytes, dtype, count, offset);
    const t = fromData(data, [data.length], dtype);
    return requiresGrad ? t.requiresGrad_() : t;
  },
});

function bytesOf(buffer: unknown): Uint8Array {
  if (buffer instanceof ArrayBuffer || buffer instanceof SharedArrayBuffer) return new Uint8Array(buffer);
  if (ArrayBuffer.isView(buffer)) {
    return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  }
  throw new TypeError(
    `expected an ArrayBuffer or a view of one (got ${buffer === null ? "null" : typeof buffer})`,
  );
}

function takeBytes(bytes: Uint8Array, dtype: DType, count: number, offset: number): HostArray {
  const size = dtype.itemsize;
  if (bytes.length === 0 || count === 0) {
    throw new ValueError(
      `both buffer length (${String(bytes.length)}) and count (${String(count)}) must not be 0`,
    );
  }
  if (offset < 0 || offset >= bytes.length) {
    throw new ValueError(
      `offset (${String(offset)} bytes) must be non-negative and no greater than buffer length (${String(bytes.length)} bytes) minus 1`,
    );
  }
  if (count < 0 && (bytes.length - offset) % size !== 0) {
    throw new ValueError(
      `buffer length (${String(bytes.length - offset)} bytes) after offset (${String(offset)} bytes) must be a multiple of element size (${String(size)})`,
    );
  }
  const n = count < 0 ? (bytes.length - offset) / size : count;
  if (offset + n * size > bytes.length) {
    throw new ValueError(
      `requested buffer length (${String(n)} * ${String(size)} bytes) after offset (${String(offset)} bytes) must not be greater than actual buffer length (${String(bytes.length)} bytes)`,
    );
  }
  const copy = new Uint8Array(n * size);
  copy.set(bytes.subarray(offset, offset + n * size));
  if (dtype === bool) copy.forEach((v, i) => (copy[i] = v ? 1 : 0));
  return viewAs(dtype.name, copy.buffer);
}
