/** Tensors whose elements are given: the leaves of graphs. */
import { Value } from "../graph/value.js";
import type { Device } from "../tensor/device.js";
import { allocate, bool, type DType, type HostArray } from "../tensor/dtype.js";
import { encodeBfloat16, encodeFloat16 } from "../tensor/half.js";
import { Tensor } from "../tensor/tensor.js";
import { deviceOfCall } from "./depth.js";
import type { Scalar } from "./schema.js";

/** A tensor that owns `data`, in C order, without a copy. The bytes go to its device when it is used there. */
export function fromData(
  data: HostArray,
  shape: readonly number[],
  dtype: DType,
  device: Device = deviceOfCall(),
): Tensor {
  return new Tensor(new Value(shape, dtype, device, { kind: "host", data }));
}

/** A 0-d tensor of one number. */
export function hostScalar(value: Scalar, dtype: DType, device?: Device): Tensor {
  return fromData(encode([value], dtype), [], dtype, device);
}

/** Numbers as a dtype stores them; integers wrap, floats round. */
export function encode(values: readonly Scalar[] | ArrayLike<number>, dtype: DType): HostArray {
  const n = values.length;
  if (dtype.name === "float16" || dtype.name === "bfloat16") {
    const f = new Float32Array(n);
    for (let i = 0; i < n; i++) f[i] = Number(values[i]);
    return dtype.name === "float16" ? encodeFloat16(f) : encodeBfloat16(f);
  }
  const out = allocate(dtype.name, n);
  if (out instanceof BigInt64Array) {
    for (let i = 0; i < n; i++) out[i] = toBigInt(values[i]!);
  } else if (dtype === bool) {
    for (let i = 0; i < n; i++) out[i] = values[i] ? 1 : 0;
  } else if (dtype.isFloatingPoint) {
    for (let i = 0; i < n; i++) out[i] = Number(values[i]);
  } else {
    for (let i = 0; i < n; i++) out[i] = Number(BigInt.asIntN(64, toBigInt(values[i]!)) & 0xffffffffn);
  }
  return out;
}

const INT64_MIN = -(2n ** 63n);

/** As a C cast does: fractions are cut off; NaN and infinities give the smallest integer. */
function toBigInt(v: Scalar): bigint {
  if (typeof v === "bigint") return BigInt.asIntN(64, v);
  const n = Number(v);
  return Number.isFinite(n) ? BigInt.asIntN(64, BigInt(Math.trunc(n))) : INT64_MIN;
}
