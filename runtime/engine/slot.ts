import type * as ort from "onnxruntime-node";
import type { HostArray } from "../tensor/dtype.js";
import type { DeviceTensor } from "./session.js";
import { webgpuMemory } from "./webgpu.js";

/** A buffer on the engine thread or on its device, or on both. */
export interface Slot {
  /** Absent while the value is on the device alone. */
  data: HostArray | undefined;
  /** ONNX Runtime's tensor over `data`, once one was made. */
  tensor?: ort.Tensor;
  /** The value on the device. Owned by the slot: `freeDevice` gives it back. */
  onDevice?: DeviceTensor;
  /** How many runs on the device it was sent along with. */
  sent?: number;
}

/** The slot's bytes on this thread. */
export async function bytesOf(slot: Slot): Promise<HostArray> {
  return (slot.data ??= await webgpuMemory.download(slot.onDevice!));
}

/** Ends the slot's place on the device; it is used no more, or has its bytes on this thread. */
export function freeDevice(slot: Slot): void {
  slot.onDevice?.free();
  delete slot.onDevice;
}
