/** Tensors made from nothing, from numbers, or like another. */
import { isUserCode } from "./depth.js";
import { RuntimeError } from "../errors.js";
import { getDefaultDtype, type DType } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { page } from "./family.js";
import { encode, fromData, hostScalar } from "./leaf.js";
import { constant, operand, scalarDtype } from "./promote.js";
import { op } from "./record.js";
import type { Scalar } from "./schema.js";
import { expandTo } from "./view.js";

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

/** Requires a gradient where asked. */
export const marked = (t: Tensor, requiresGrad: boolean): Tensor => (requiresGrad ? t.requiresGrad_() : t);

/** What every factory takes after its own arguments. */
export const factoryTail =
  "*, Tensor? out=None, dtype? dtype=None, any layout=None, device? device=None, bool pin_memory=False, bool requires_grad=False";
export type FactoryTail =
  "*, Tensor? out=None, dtype? dtype=None, any layout=None, device? device=None, bool pin_memory=False, bool requires_grad=False";

export const eye = op({
  signature:
    `eye(int n, int? m=None, ${factoryTail}) -> Tensor` as `eye(int n, int? m=None, ${FactoryTail}) -> Tensor`,
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
