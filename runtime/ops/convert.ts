/** Conversions between dtypes and devices. */
import { carrier } from "../graph/primitive.js";
import type { DType } from "../tensor/dtype.js";
import {
  bfloat16,
  bool,
  dtypes,
  float16,
  float32,
  float64,
  int16,
  int32,
  int64,
  int8,
  uint8,
} from "../tensor/dtype.js";
import { Device, placed, type DeviceLike } from "../tensor/device.js";
import { formatStrides, preserveFormat, suggestedFormat, type MemoryFormat } from "../tensor/memoryFormat.js";
import { contiguousStrides, preservedStrides } from "../tensor/strides.js";
import type { Tensor } from "../tensor/tensor.js";
import { apply, setCastGrad } from "./apply.js";
import { op, primitive } from "./record.js";

/** Rounds, truncates or wraps to another dtype. d cast(x) = cast(dx). */
export const cast = primitive<{ dtype: DType }>({
  name: "_to_copy",
  infer: ([x], { dtype }) => ({ shape: x!.shape, dtype }),
  grad: (ctx, g) => [g.to(ctx.inputMeta(0).dtype)],
  layout: ([x], shape) => (x!.isContiguous() ? undefined : preservedStrides(shape, x!._strides)),
  lower: (b, [x], { dtype }) => {
    const to = carrier(dtype);
    // NaN and infinities have no integer value; a C cast gives the smallest, as does ONNX Runtime's.
    if (dtype === bool && x!.dtype !== "bool") return b.node("Cast", [x!], { to: dtypes.bool.onnx }, "bool");
    return b.cast(x!, to);
  },
});

/** `x` in another dtype; `x` itself when it has that one. */
export function castTo(x: Tensor, dtype: DType): Tensor {
  return x.dtype === dtype ? x : apply(cast, [x], { dtype });
}

/** The same elements on another device. The derivative goes back to where its input was: `castGrad` brings it there. */
const transfer = primitive<{ to: string }>({
  name: "transfer",
  gradName: "ToCopyBackward0",
  infer: ([x]) => ({ shape: x!.shape, dtype: x!.dtype }),
  device: ({ to: name }) => new Device(name),
  grad: (_, g) => [g],
  layout: ([x], shape) => (x!.isContiguous() ? undefined : preservedStrides(shape, x!._strides)),
  lower: (_, [x]) => x!,
  moves: true,
});

/** `x` on a device of which it is known to be there; `x` itself when it is there. */
export function movedTo(x: Tensor, device: Device): Tensor {
  return x.device === device ? x : apply(transfer, [x], { to: device.toString() });
}

setCastGrad((grad, like) => movedTo(castTo(grad, like.dtype), like.device));

function toImpl(
  self: Tensor,
  device: DeviceLike | null,
  dtype: DType | null,
  copy: boolean,
  format: MemoryFormat | null,
): Tensor {
  const place = device === null ? self.device : placed(device);
  const wanted = format ?? preserveFormat;
  const to = dtype ?? self.dtype;
  if (place !== self.device) {
    // The smaller way over: narrowed before, widened after.
    const first = to.itemsize < self.dtype.itemsize ? castTo(self, to) : self;
    return toImpl(movedTo(first, place), null, to, false, wanted);
  }
  const stays = wanted === preserveFormat || wanted === suggestedFormat(self._shape, self._strides);
  if (to === self.dtype && stays && !copy) return self;
  const strides = formatStrides(wanted, self._shape, self._strides) ?? contiguousStrides(self._shape);
  return to === self.dtype
    ? self.clone({ memoryFormat: wanted })
    : apply(cast, [self], { dtype: to }, strides);
}

export const to = op(
  {
    signature:
      "to(Tensor self, dtype dtype, bool non_blocking=False, bool copy=False, *, memory_format? memory_format=None) -> Tensor",
    on: ["Tensor"],
    doc: "Converts to a dtype or device; gives the tensor itself when nothing changes.\n\n[PyTorch](https://pytorch.org/docs/stable/generated/torch.Tensor.to.html)",
    call: (self, dtype, _, copy, format) => toImpl(self, null, dtype, copy, format),
  },
  {
    signature:
      "to(Tensor self, device? device=None, dtype? dtype=None, bool non_blocking=False, bool copy=False, *, memory_format? memory_format=None) -> Tensor",
    call: (self, device, dtype, _, copy, format) => toImpl(self, device, dtype, copy, format),
  },
  {
    signature:
      "to(Tensor self, Tensor other, bool non_blocking=False, bool copy=False, *, memory_format? memory_format=None) -> Tensor",
    call: (self, other, _, copy, format) => toImpl(self, other.device, other.dtype, copy, format),
  },
);

function conversion<const S extends string>(name: S, dtype: DType) {
  return op<`${S}(Tensor self, *, memory_format? memory_format=None) -> Tensor`>({
    signature: `${name}(Tensor self, *, memory_format? memory_format=None) -> Tensor`,
    on: ["Tensor"],
    doc: `Converts to \`${String(dtype)}\`.`,
    call: ((self: Tensor, format: MemoryFormat | null) => toImpl(self, null, dtype, false, format)) as never,
  });
}

export const double = conversion("double", float64);
export const float = conversion("float", float32);
export const half = conversion("half", float16);
export const bfloat16_ = conversion("bfloat16", bfloat16);
export const long = conversion("long", int64);
export const int = conversion("int", int32);
export const short = conversion("short", int16);
export const char = conversion("char", int8);
export const byte = conversion("byte", uint8);
export const bool_ = conversion("bool", bool);

export const typeAs = op({
  signature: "type_as(Tensor self, Tensor other) -> Tensor",
  on: ["Tensor"],
  doc: "Converts to the dtype of `other`, on its device.",
  call: (self, other) => self.to(other),
});
