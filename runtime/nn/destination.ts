/** Where `Module.to` moves and converts. */
import type { DeviceLike } from "../tensor/device.js";
import type { DType } from "../tensor/dtype.js";
import { Tensor } from "../tensor/tensor.js";
import { bound } from "./arguments.js";

const toDtype = "to(dtype dtype, bool non_blocking=False, *, any memory_format=None) -> any";
const toLike = "to(Tensor tensor, bool non_blocking=False, *, any memory_format=None) -> any";
const toDevice =
  "to(device? device=None, dtype? dtype=None, bool non_blocking=False, *, any memory_format=None) -> any";

/** Device and dtype of a call of `to`: those of a tensor, a dtype, or a device and a dtype. */
export function destination(args: readonly unknown[]): {
  device: DeviceLike | null;
  dtype: DType | null;
} {
  const [first] = args;
  if (first instanceof Tensor) {
    const { tensor } = bound(toLike, args);
    return { device: tensor.device, dtype: tensor.dtype };
  }
  if (first !== null && typeof first === "object" && "isFloatingPoint" in first) {
    return { device: null, dtype: bound(toDtype, args).dtype };
  }
  return bound(toDevice, args);
}
