/** Where tensors live: PyTorch's `torch.device`. */
import { RuntimeError } from "../errors.js";

const deviceTypes = ["cpu", "webgpu", "cuda", "dml", "coreml"] as const;
export type DeviceType = (typeof deviceTypes)[number];

/** A device by object, by name (`"webgpu"`, `"cuda:1"`), or a CUDA device by number. */
export type DeviceLike = Device | string | number;

/** What people write who have PyTorch's names in hand. */
const elsewhere: Readonly<Record<string, string>> = {
  mps: "on a Mac that is 'webgpu' or 'coreml'",
  gpu: "that is 'webgpu', or 'cuda' on Linux",
  xla: "there is no XLA here",
  vulkan: "that is 'webgpu'",
  directml: "that is 'dml'",
  privateuseone: "on Windows that is 'webgpu' or 'dml'",
  meta: "shapes are known without values on every device here, so there is no 'meta'",
};

const made = new Map<string, Device>();

/**
 * A kind of device and, where it is given, the number of one. Equal devices are the same object, so `===` compares them
 * as `==` does in PyTorch: `torch.device("webgpu")` is another than `torch.device("webgpu:0")`, which is where a tensor
 * sent to either of them is.
 * @see https://pytorch.org/docs/stable/tensor_attributes.html#torch-device
 */
export class Device {
  readonly type: DeviceType;
  readonly index: number | null;

  /**
   * @param device `"cpu"`, `"webgpu"`, `"cuda"`, `"dml"` or `"coreml"`, with a number behind a colon or as `index`; a
   * number alone is a CUDA device's.
   * @throws RuntimeError for other names, and for a number given twice or not whole.
   */
  constructor(device: DeviceLike, index?: number | null) {
    const [type, at] = parsed(device, index ?? null);
    this.type = type;
    this.index = at;
    const name = this.toString();
    const known = made.get(name);
    if (known) return known;
    made.set(name, Object.freeze(this));
  }

  toString(): string {
    return this.index === null ? this.type : `${this.type}:${String(this.index)}`;
  }

  /** How a tensor that is sent there names its device: `cpu`, `webgpu:0`. */
  get place(): Device {
    if (this.type === "cpu") return cpu;
    return this.index === null ? new Device(this.type, 0) : this;
  }
}

function parsed(device: DeviceLike, index: number | null): [DeviceType, number | null] {
  if (device instanceof Device) {
    if (index !== null && device.index !== null) throw twice(device.toString());
    return [device.type, checked(index) ?? device.index];
  }
  if (typeof device === "number") return ["cuda", checked(device)];
  const colon = device.indexOf(":");
  const type = colon < 0 ? device : device.slice(0, colon);
  const rest = colon < 0 ? null : device.slice(colon + 1);
  if (type === "" || (rest !== null && !/^(0|[1-9]\d*)$/.test(rest))) {
    throw new RuntimeError(`Invalid device string: '${device}'`);
  }
  if (!(deviceTypes as readonly string[]).includes(type)) {
    const hint = Object.hasOwn(elsewhere, type) ? ` (${elsewhere[type]!})` : "";
    throw new RuntimeError(
      `Expected one of ${deviceTypes.join(", ")} device type at start of device string: ${type}${hint}`,
    );
  }
  if (rest !== null && index !== null) throw twice(device);
  return [type as DeviceType, rest === null ? checked(index) : Number(rest)];
}

function checked(index: number | null): number | null {
  if (index === null || (Number.isInteger(index) && index >= 0)) return index;
  throw new RuntimeError(
    index < 0
      ? "Device index must not be negative"
      : `Device index must be a whole number, not ${String(index)}`,
  );
}

const twice = (device: string): RuntimeError =>
  new RuntimeError(`type (string) must not include an index because index was passed explicitly: ${device}`);

export const cpu = new Device("cpu");

let defaultDevice = cpu;

/** Refuses a device that is not there; set by the one who can look. Not called for the CPU. */
let requireDevice: ((device: Device) => void) | undefined;
export function setDeviceCheck(check: (device: Device) => void): void {
  requireDevice = check;
}

/**
 * The device of a tensor that is asked to be on `device`.
 * @throws RuntimeError for names of no device, and, with the reason, for devices that are not there.
 */
export function placed(device: DeviceLike): Device {
  const { place } = new Device(device);
  if (place !== cpu) requireDevice?.(place);
  return place;
}

/** Where factories put tensors that are not told where. */
export function getDefaultDevice(): Device {
  return defaultDevice;
}

/**
 * Sets where factories and layers put tensors that are not told where; `null` is the CPU again. What exists is not
 * moved, and what JavaScript's data is wrapped in (`fromNumpy`, data sets) stays on the CPU.
 * @throws RuntimeError for a device that is not there.
 * @see https://pytorch.org/docs/stable/generated/torch.set_default_device.html
 */
export function setDefaultDevice(device: DeviceLike | null): void {
  defaultDevice = device === null ? cpu : placed(device);
}

/** The devices of two tensors that should have one, as PyTorch words it. */
export function differentDevices(a: Device, b: Device, where: string): RuntimeError {
  return new RuntimeError(
    `Expected all tensors to be on the same device, but found at least two devices, ${String(a)} and ${String(b)}! ` +
      `(when checking arguments of ${where}; move one with x.to("${String(a)}"))`,
  );
}
