/** Which devices there are: the check behind every device that is asked for, and `torch.webgpu`, `torch.cuda` … */
import { hasCudaLibraries, onnxruntimeVersion, probe, type DeviceReport } from "../engine/probe.js";
import { NotImplementedError, RuntimeError } from "../errors.js";
import { Device, type DeviceLike, type DeviceType } from "../tensor/device.js";
import { libraryVersion } from "../version.js";
import { isTracing } from "./executor.js";

/** What is known of a device. */
export function deviceReport(type: DeviceType, index = 0): DeviceReport {
  // Shapes are the same everywhere, and a tracer neither waits nor starts processes.
  if (isTracing()) return { available: false, reason: "devices are looked for in a run only" };
  return probe(type, index);
}

/** @throws RuntimeError, with the reason, for a device that is not there. Shapes are traced on any. */
export function checkDevice(device: Device): void {
  if (isTracing()) return;
  const { type, index } = device;
  const first = probe(type);
  if (!first.available) throw new RuntimeError(`device '${type}' is not available: ${first.reason}`);
  if (index !== null && index >= first.count) {
    const many = first.count === 1 ? "is one" : `are ${String(first.count)}`;
    throw new RuntimeError(
      `invalid device ordinal: '${String(device)}', and there ${many}, '${type}:0' first`,
    );
  }
  // A plan says which kind of device a part of it runs on, and ONNX Runtime takes the first.
  if (index !== null && index > 0) {
    throw new NotImplementedError(
      `device '${String(device)}': only the first device of a kind is computed on, '${type}:0'`,
    );
  }
}

/** What `torch.webgpu`, `torch.cuda`, `torch.dml` and `torch.coreml` have. */
export interface Backend {
  /** Whether tensors can be sent there. Looks the first time it is asked, in a process of its own. */
  isAvailable(): boolean;
  /** Why `isAvailable()` is false; `null` where it is true. */
  unavailableReason(): string | null;
  /** How many there are; 0 where none is available. */
  deviceCount(): number;
  /**
   * What the system calls the device.
   * @throws RuntimeError where it is not available.
   */
  getDeviceName(device?: DeviceLike | null): string;
  /**
   * The number of the device that a name without one means: 0.
   * @throws RuntimeError where none is available.
   */
  currentDevice(): number;
}

function backend(type: DeviceType): Backend {
  const reason = (): string | null => {
    const report = deviceReport(type);
    return report.available ? null : report.reason;
  };
  return {
    isAvailable: () => reason() === null,
    unavailableReason: reason,
    deviceCount: () => {
      const report = deviceReport(type);
      return report.available ? report.count : 0;
    },
    getDeviceName: (device) => {
      const given = typeof device === "number" ? new Device(type, device) : new Device(device ?? type);
      if (given.type !== type) throw new RuntimeError(`Expected a ${type} device, but got: ${String(given)}`);
      checkDevice(given.place);
      const report = deviceReport(type, given.index ?? 0);
      if (!report.available) throw new RuntimeError(`device '${type}' is not available: ${report.reason}`);
      return report.name;
    },
    currentDevice: () => {
      checkDevice(new Device(type, 0));
      return 0;
    },
  };
}

/** NVIDIA's cards, on Linux. @see https://pytorch.org/docs/stable/cuda.html */
const cuda = {
  ...backend("cuda"),
  /** Nothing: random numbers are drawn on the CPU for every device, and `torch.manualSeed` seeds them. */
  manualSeed: (seed: number | bigint): void => void seed,
  /** Nothing, as `manualSeed`. */
  manualSeedAll: (seed: number | bigint): void => void seed,
  /** Nothing: no memory is kept there between runs. */
  emptyCache: (): void => undefined,
};

/** Graphics cards by way of Vulkan, Metal or Direct3D 12. */
const webgpu = backend("webgpu");
/** DirectML, on Windows. */
const dml = backend("dml");
/** Apple's Core ML, on macOS. */
const coreml = backend("coreml");

/** Versions of what computes. */
const version = {
  get tensorscope(): string {
    return libraryVersion();
  },
  /** `null` where it is not installed. */
  get onnxruntime(): string | null {
    return onnxruntimeVersion();
  },
  /** The CUDA that ONNX Runtime's libraries are for, where they are installed; a card is asked for by `torch.cuda`. */
  get cuda(): string | null {
    return hasCudaLibraries() ? "12" : null;
  },
};

export const backends = { cuda, webgpu, dml, coreml, version };
