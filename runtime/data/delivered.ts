import { isPlainObject } from "../ops/bind.js";
import { cpu, getDefaultDevice, type Device } from "../tensor/device.js";
import { Tensor } from "../tensor/tensor.js";

/** A batch on the default device: what data sets and their transforms make is on the CPU. */
export function delivered<B>(batch: B): B {
  const device = getDefaultDevice();
  return device === cpu ? batch : (moved(batch, device) as B);
}

function moved(value: unknown, device: Device): unknown {
  if (value instanceof Tensor) return value.to(device);
  if (Array.isArray(value)) return value.map((v) => moved(v, device));
  if (value instanceof Map)
    return new Map([...value].map(([k, v]: [unknown, unknown]) => [k, moved(v, device)]));
  if (!isPlainObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, moved(v, device)]));
}
