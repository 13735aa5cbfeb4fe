/** Tensors made from nothing, from numbers, or like another. */
import { isUserCode } from "./depth.js";
import { RuntimeError, ValueError } from "../errors.js";
import { bool, dtypeOfArray, getDefaultDtype, int64, type DType, type HostArray } from "../tensor/dtype.js";
import { Tensor } from "../tensor/tensor.js";
import { page } from "./family.js";
import { encode, fromData, hostScalar } from "./leaf.js";
import { constant, operand, scalarDtype } from "./promote.js";
import { op } from "./record.js";
import type { Scalar } from "./schema.js";
import { expandTo } from "./view.js";

/** What `torch.tensor` takes: a number, nested arrays of numbers, a typed array, or a tensor. */
export type TensorData = Scalar | HostArray | Tensor | readonly TensorData[];

/** A tensor of its own filled with a structural constant. */
export function filled(shape: readonly number[], value: Scalar, dtype: DType, requiresGrad = false): Tensor {
  const t = expandTo(constant(value, dtype), shape)._fresh();
  return requiresGrad ? t.requiresGrad_() : t;
}

const factoryDoc = (what: string, name: string): string =>
  `A tensor of \`size\` filled with ${what}.\n\n${page(name)}`;

export const zeros = op({
  signature:
    "zeros(int... size, *, Tensor? out=None, dtype? dtype=None, any layout=None, device? device=None, bool pin_memory=False, bool requires_grad=False) -> Tensor",
  doc: factoryDoc("zeros", "zeros"),
  call: (size, dtype, _layout, _device, _pin, requiresGrad) =>
    filled(size, 0, dtype ?? getDefaultDtype(), requiresGrad),
});

export const ones = op({
  signature:
    "ones(int... size, *, Tensor? out=None, dtype? dtype=None, any layout=None, device? device=None, bool pin_memory=False, bool requires_grad=False) -> Tensor",
  doc: factoryDoc("ones", "ones"),
  call: (size, dtype, _layout, _device, _pin, requiresGrad) =>
    filled(size, 1, dtype ?? getDefaultDtype(), requiresGrad),
});

export const full = op({
  signature:
    "full(int[] size, Scalar fill_value, *, Tensor? out=None, dtype? dtype=None, any layout=None, device? device=None, bool pin_memory=False, bool requires_grad=False) -> Tensor",
  doc: factoryDoc("`fillValue`", "full"),
  call: (size, value, dtype, _layout, _device, _pin, requiresGrad) => {
    const type = dtype ?? scalarDtype(value);
    const t = expandTo(isUserCode() ? hostScalar(value, type) : constant(value, type), size)._fresh();
    return requiresGrad ? t.requiresGrad_() : t;
  },
});

/** The elements of nested arrays in C order, and their shape. */
function flattenNested(data: TensorData): { readonly values: Scalar[]; readonly shape: number[] } {
  const shape: number[] = [];
  for (let d: TensorData = data; Array.isArray(d); d = d[0] as TensorData) {
    shape.push(d.length);
    if (d.length === 0) break;
  }
  const values: Scalar[] = [];
  const walk = (d: TensorData, axis: number): void => {
    if (axis === shape.length) {
      if (typeof d !== "number" && typeof d !== "bigint" && typeof d !== "boolean") {
        if (Array.isArray(d))
          throw new ValueError(`too many dimensions at axis ${String(axis)}: rows differ in depth`);
        if (d instanceof Tensor) return void values.push(d.item());
        throw new TypeError(`tensor(): ${typeof d} is not a number`);
      }
      values.push(d);
      return;
    }
    if (!Array.isArray(d) || d.length !== shape[axis]) {
      const got = Array.isArray(d) ? String(d.length) : "not a sequence";
      throw new ValueError(
        `expected sequence of length ${String(shape[axis])} at dim ${String(axis)} (got ${got})`,
      );
    }
    for (const item of d) walk(item as TensorData, axis + 1);
  };
  walk(data, 0);
  return { values, shape };
}

function inferDtype(values: readonly Scalar[]): DType {
  if (values.length === 0) return getDefaultDtype();
  if (values.every((v) => typeof v === "boolean")) return bool;
  if (values.every((v) => typeof v === "boolean" || typeof v === "bigint" || Number.isInteger(v)))
    return int64;
  return getDefaultDtype();
}

/** `torch.tensor(data)`: copies numbers into a new leaf tensor. */
export const tensor = op({
  signature:
    "tensor(any data, *, dtype? dtype=None, device? device=None, bool requires_grad=False, bool pin_memory=False) -> Tensor",
  doc: `A new tensor with the given numbers: nested arrays, a typed array, or one number. Integers give int64 (the default dtype with \`requiresGrad\`: JavaScript cannot tell 1.0 from 1), fractions the default dtype, booleans bool.\n\n${page("tensor")}`,
  call: (data, dtype, _device, requiresGrad) => {
    if (!requiresGrad) return build(data as TensorData, dtype);
    const t = build(data as TensorData, dtype);
    // 1.0 is written 1: what is to have a gradient was meant to be floating.
    const isMeant = !dtype && t.dtype === int64 && !(data instanceof Tensor) && !ArrayBuffer.isView(data);
    return (isMeant ? build(data as TensorData, getDefaultDtype()) : t).requiresGrad_();
  },
});

function build(data: TensorData, dtype: DType | null): Tensor {
  if (data instanceof Tensor) return new Tensor((dtype ? data.to(dtype) : data).detach()._value);
  if (ArrayBuffer.isView(data)) {
    const type = dtypeOfArray(data as HostArray);
    const copy = (data as HostArray).slice() as HostArray;
    if (!dtype || dtype === type) return fromData(copy, [copy.length], type);
    return fromData(encode(copy as ArrayLike<number>, dtype), [copy.length], dtype);
  }
  const { values, shape } = flattenNested(data);
  const type = dtype ?? inferDtype(values);
  return fromData(encode(values, type), shape, type);
}

export const empty = op({
  signature:
    "empty(int... size, *, memory_format? memory_format=None, Tensor? out=None, dtype? dtype=None, any layout=None, device? device=None, bool pin_memory=False, bool requires_grad=False) -> Tensor",
  doc: `A tensor of \`size\` to be filled; it holds zeros.\n\n${page("empty")}`,
  call: (size, _memory, dtype, _layout, _device, _pin, requiresGrad) =>
    filled(size, 0, dtype ?? getDefaultDtype(), requiresGrad),
});

const likeTail =
  "dtype? dtype=None, any layout=None, device? device=None, bool pin_memory=False, bool requires_grad=False, memory_format? memory_format=None";

function like<const N extends string>(name: N, what: string, value: number) {
  return op({
    signature:
      `${name}(Tensor input, *, ${likeTail}) -> Tensor` as "like(Tensor input, *, dtype? dtype=None, any layout=None, device? device=None, bool pin_memory=False, bool requires_grad=False, memory_format? memory_format=None) -> Tensor",
    on: ["torch"],
    doc: `A tensor of ${what} in the shape and dtype of \`input\`.\n\n${page(name)}`,
    call: (input, dtype, _layout, _device, _pin, requiresGrad) =>
      filled(input._shape, value, dtype ?? input.dtype, requiresGrad),
  });
}

export const zerosLike = like("zeros_like", "zeros", 0);
export const onesLike = like("ones_like", "ones", 1);
export const emptyLike = like("empty_like", "zeros, to be filled,", 0);

export const fullLike = op({
  signature:
    "full_like(Tensor input, Scalar fill_value, *, memory_format? memory_format=None, dtype? dtype=None, any layout=None, device? device=None, bool pin_memory=False, bool requires_grad=False) -> Tensor",
  on: ["torch"],
  doc: `A tensor of one number in the shape and dtype of \`input\`.\n\n${page("full_like")}`,
  call: (input, value, _memory, dtype, _layout, _device, _pin, requiresGrad) => {
    const t = expandTo(operand(value, dtype ?? input.dtype), input._shape)._fresh();
    return requiresGrad ? t.requiresGrad_() : t;
  },
});

function newFilled(name: string, value: number, what: string) {
  return op({
    signature:
      `${name}(Tensor self, int... size, *, dtype? dtype=None, any layout=None, device? device=None, bool pin_memory=False, bool requires_grad=False) -> Tensor` as "new_zeros(Tensor self, int... size, *, dtype? dtype=None, any layout=None, device? device=None, bool pin_memory=False, bool requires_grad=False) -> Tensor",
    on: ["Tensor"],
    doc: `A tensor of ${what} with the dtype of this one.`,
    call: (self, size, dtype, _layout, _device, _pin, requiresGrad) =>
      filled(size, value, dtype ?? self.dtype, requiresGrad),
  });
}

export const newZeros = newFilled("new_zeros", 0, "zeros");
export const newOnes = newFilled("new_ones", 1, "ones");
export const newEmpty = newFilled("new_empty", 0, "zeros, to be filled,");

export const newFull = op({
  signature:
    "new_full(Tensor self, int[] size, Scalar fill_value, *, dtype? dtype=None, any layout=None, device? device=None, bool pin_memory=False, bool requires_grad=False) -> Tensor",
  on: ["Tensor"],
  doc: "A tensor of one number with the dtype of this one.",
  call: (self, size, value, dtype, _layout, _device, _pin, requiresGrad) => {
    const t = expandTo(operand(value, dtype ?? self.dtype), size)._fresh();
    return requiresGrad ? t.requiresGrad_() : t;
  },
});

/** start, start + step, … before end, computed as PyTorch does: in double for floats, exactly for integers. */
function range(start: Scalar, end: Scalar, step: Scalar, given: DType | null): Tensor {
  const numbers = [start, end, step];
  const dtype =
    given ??
    (numbers.every((v) => typeof v === "bigint" || Number.isInteger(Number(v))) ? int64 : getDefaultDtype());
  const [a, b, s] = numbers.map(Number) as [number, number, number];
  if (s === 0) throw new RuntimeError("step must be nonzero");
  if (!Number.isFinite(a) || !Number.isFinite(b))
    throw new RuntimeError(`unsupported range: ${String(a)} -> ${String(b)}`);
  if ((s > 0 && b < a) || (s < 0 && b > a)) {
    throw new RuntimeError("upper bound and larger bound inconsistent with step sign");
  }
  const n = Math.ceil((b - a) / s);
  const values = new Float64Array(n);
  for (let i = 0; i < n; i++) values[i] = a + i * s;
  return fromData(encode(values, dtype), [n], dtype);
}

const rangeTail =
  "*, Tensor? out=None, dtype? dtype=None, any layout=None, device? device=None, bool pin_memory=False, bool requires_grad=False";
type RangeTail =
  "*, Tensor? out=None, dtype? dtype=None, any layout=None, device? device=None, bool pin_memory=False, bool requires_grad=False";

export const arange = op(
  {
    signature:
      `arange(Scalar start, Scalar end, Scalar step, ${rangeTail}) -> Tensor` as `arange(Scalar start, Scalar end, Scalar step, ${RangeTail}) -> Tensor`,
    doc: `Numbers from \`start\` (0) in steps of \`step\` (1), before \`end\`.\n\n${page("arange")}`,
    call: (start, end, step, dtype, _l, _d, _p, requiresGrad) =>
      marked(range(start, end, step, dtype), requiresGrad),
  },
  {
    signature:
      `arange(Scalar start, Scalar end, ${rangeTail}) -> Tensor` as `arange(Scalar start, Scalar end, ${RangeTail}) -> Tensor`,
    call: (start, end, dtype, _l, _d, _p, requiresGrad) => marked(range(start, end, 1, dtype), requiresGrad),
  },
  {
    signature: `arange(Scalar end, ${rangeTail}) -> Tensor` as `arange(Scalar end, ${RangeTail}) -> Tensor`,
    call: (end, dtype, _l, _d, _p, requiresGrad) => marked(range(0, end, 1, dtype), requiresGrad),
  },
);

const marked = (t: Tensor, requiresGrad: boolean): Tensor => (requiresGrad ? t.requiresGrad_() : t);

export const linspace = op({
  signature:
    `linspace(Scalar start, Scalar end, int steps, ${rangeTail}) -> Tensor` as `linspace(Scalar start, Scalar end, int steps, ${RangeTail}) -> Tensor`,
  doc: `\`steps\` numbers evenly spaced from \`start\` to \`end\`, both included.\n\n${page("linspace")}`,
  call: (start, end, steps, dtype, _l, _d, _p, requiresGrad) => {
    if (steps < 0) throw new RuntimeError("number of steps must be non-negative");
    const type = dtype ?? getDefaultDtype();
    const [a, b] = [Number(start), Number(end)];
    const values = new Float64Array(steps);
    // From both ends towards the middle, as PyTorch: the last one is exactly `end`.
    const round = type.name === "float64" || !type.isFloatingPoint ? (x: number): number => x : Math.fround;
    const step = round((b - a) / (steps - 1));
    for (let i = 0; i < steps; i++) values[i] = i < steps / 2 ? a + step * i : b - step * (steps - 1 - i);
    if (steps === 1) values[0] = a;
    return marked(fromData(encode(values, type), [steps], type), requiresGrad);
  },
});

export const eye = op({
  signature:
    `eye(int n, int? m=None, ${rangeTail}) -> Tensor` as `eye(int n, int? m=None, ${RangeTail}) -> Tensor`,
  doc: `Ones on the diagonal, zeros elsewhere.\n\n${page("eye")}`,
  call: (n, m, dtype, _l, _d, _p, requiresGrad) => {
    const columns = m ?? n;
    if (n < 0 || columns < 0) throw new RuntimeError(`n must be greater or equal to 0, got ${String(n)}`);
    const type = dtype ?? getDefaultDtype();
    const values = new Float64Array(n * columns);
    for (let i = 0; i < Math.min(n, columns); i++) values[i * columns + i] = 1;
    return marked(fromData(encode(values, type), [n, columns], type), requiresGrad);
  },
});
