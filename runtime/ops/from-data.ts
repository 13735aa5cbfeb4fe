/** Tensors from what is there already, and empty ones of a given layout. */
import { ValueError } from "../errors.js";
import { getDefaultDtype, viewAs, type DType } from "../tensor/dtype.js";
import { numel } from "../tensor/strides.js";
import { Tensor } from "../tensor/tensor.js";
import { castTo } from "./convert.js";
import { filled, marked, tensor } from "./create.js";
import { page } from "./family.js";
import { fromData } from "./leaf.js";
import { op } from "./record.js";
import { reach, stridedView } from "./strided.js";

const made = (data: unknown, dtype: DType | null): Tensor => tensor(data, dtype ? { dtype } : {});

export const asTensor = op({
  signature: "as_tensor(any data, dtype? dtype=None, device? device=None) -> Tensor",
  on: ["torch"],
  doc: `The tensor itself, converted where asked, with its history; or a new one from numbers.\n\n${page("as_tensor")}`,
  call: (data, dtype) => (data instanceof Tensor ? castTo(data, dtype ?? data.dtype) : made(data, dtype)),
});

export const asarray = op({
  signature:
    "asarray(any obj, *, dtype? dtype=None, device? device=None, bool? copy=None, bool requires_grad=False) -> Tensor",
  on: ["torch"],
  doc: `A tensor of \`obj\`: itself where it is one and nothing changes, unless \`copy\`.\n\n${page("asarray")}`,
  call: (obj, dtype, _, copy, requiresGrad) => {
    if (!(obj instanceof Tensor)) {
      if (copy === false) throw new ValueError("can't alias an object that is no tensor: numbers are copied");
      return marked(made(obj, dtype), requiresGrad);
    }
    const same = dtype === null || dtype === obj.dtype;
    if (copy === false && !same) {
      throw new ValueError(
        `can't alias tensor with dtype '${String(obj.dtype)}' into dtype '${String(dtype)}'`,
      );
    }
    const converted = castTo(obj, dtype ?? obj.dtype);
    const result = copy === true && same ? converted.clone() : converted;
    return requiresGrad ? (result.requiresGrad ? result : result.requiresGrad_()) : result.detach();
  },
});

export const fromNumpy = op({
  signature: "from_numpy(any ndarray) -> Tensor",
  on: ["torch"],
  doc: `A tensor of a typed array's elements, \`[n]\`. They are copied: later changes to the array are not seen.\n\n${page("from_numpy")}`,
  call: (array) => {
    if (!ArrayBuffer.isView(array)) throw new TypeError("from_numpy(): expected a typed array");
    return made(array, null);
  },
});

export const frombuffer = op({
  signature:
    "frombuffer(any buffer, *, dtype dtype, int count=-1, int offset=0, device? device=None, bool requires_grad=False) -> Tensor",
  on: ["torch"],
  doc: `A tensor of \`count\` elements (all, when -1) of the little-endian bytes of a buffer, from byte \`offset\`. They are copied.\n\n${page("frombuffer")}`,
  call: (buffer, dtype, count, offset, _, requiresGrad) => {
    const bytes = bytesOf(buffer);
    if (bytes.length === 0) throw new ValueError("both buffer length (0) and count (-1) must not be 0");
    if (offset < 0 || offset >= bytes.length) {
      throw new ValueError(
        `offset (${String(offset)} bytes) must be non-negative and no greater than buffer length (${String(bytes.length)} bytes) - 1`,
      );
    }
    const left = bytes.length - offset;
    if (count === 0 || count < -1) throw new ValueError(`count must be -1 or positive, not ${String(count)}`);
    if (count < 0 && left % dtype.itemsize !== 0) {
      throw new ValueError(
        `buffer length (${String(left)} bytes) after offset (${String(offset)} bytes) must be a multiple of element size (${String(dtype.itemsize)})`,
      );
    }
    const n = count < 0 ? left / dtype.itemsize : count;
    if (n * dtype.itemsize > left) {
      throw new ValueError(
        `requested buffer length (${String(n)} * ${String(dtype.itemsize)} bytes) after offset (${String(offset)} bytes) must not be greater than actual buffer length (${String(bytes.length)} bytes)`,
      );
    }
    const part = bytes.slice(offset, offset + n * dtype.itemsize);
    return marked(fromData(viewAs(dtype.name, part.buffer), [n], dtype), requiresGrad);
  },
});

function bytesOf(buffer: unknown): Uint8Array {
  if (buffer instanceof ArrayBuffer) return new Uint8Array(buffer);
  if (ArrayBuffer.isView(buffer)) return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  throw new TypeError("frombuffer(): expected an ArrayBuffer or a view of one");
}

export const newTensor = op({
  signature:
    "new_tensor(Tensor self, any data, *, dtype? dtype=None, device? device=None, bool requires_grad=False) -> Tensor",
  on: ["Tensor"],
  doc: `A new tensor of the given numbers with the dtype of this one.\n\n${page("Tensor.new_tensor")}`,
  call: (self, data, dtype, _, requiresGrad) => marked(made(data, dtype ?? self.dtype), requiresGrad),
});

/** Memory as far as the strides reach, seen through them. */
function emptyStrided(size: readonly number[], stride: readonly number[], dtype: DType): Tensor {
  const layout = { strides: stride, offset: 0 };
  const memory = size.length === stride.length && numel(size) > 0 ? reach(size, layout) : 0;
  return stridedView(filled([memory], 0, dtype), size, layout);
}

const stridedTail =
  "*, dtype? dtype=None, any layout=None, device? device=None, bool pin_memory=False, bool requires_grad=False";
type StridedTail =
  "*, dtype? dtype=None, any layout=None, device? device=None, bool pin_memory=False, bool requires_grad=False";

export const emptyStrided_ = op({
  signature:
    `empty_strided(int[] size, int[] stride, ${stridedTail}) -> Tensor` as `empty_strided(int[] size, int[] stride, ${StridedTail}) -> Tensor`,
  doc: `A tensor of this size and these strides, to be filled; it holds zeros.\n\n${page("empty_strided")}`,
  call: (size, stride, dtype, _l, _d, _p, requiresGrad) =>
    marked(emptyStrided(size, stride, dtype ?? getDefaultDtype()), requiresGrad),
});

export const newEmptyStrided = op({
  signature:
    `new_empty_strided(Tensor self, int[] size, int[] stride, ${stridedTail}) -> Tensor` as `new_empty_strided(Tensor self, int[] size, int[] stride, ${StridedTail}) -> Tensor`,
  on: ["Tensor"],
  doc: "A tensor of this size and these strides with the dtype of this one, to be filled; it holds zeros.",
  call: (self, size, stride, dtype, _l, _d, _p, requiresGrad) =>
    marked(emptyStrided(size, stride, dtype ?? self.dtype), requiresGrad),
});
