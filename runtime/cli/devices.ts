/** `tensorscope devices`. */
import { deviceReport } from "../graph/devices.js";
import { availableParallelism } from "node:os";
import type { DeviceType } from "../tensor/device.js";
import { parseOptions, UsageError } from "./usage.js";

const copies = "every run copies its tensors there and back";
const remarks: Readonly<Record<DeviceType, string>> = {
  cpu: `always there; ${String(availableParallelism())} threads`,
  webgpu: "parameters and optimizer state stay there between steps",
  cuda: copies,
  dml: copies,
  coreml: copies,
};

/** One line of `tensorscope devices --json`. */
export interface DeviceLine {
  readonly device: DeviceType;
  readonly available: boolean;
  readonly name: string | null;
  /** Why it is not available, or what to know of it. */
  readonly remarks: string;
}

function lines(): DeviceLine[] {
  return (Object.keys(remarks) as DeviceType[]).map((device) => {
    const report = deviceReport(device);
    return report.available
      ? { device, available: true, name: report.name, remarks: remarks[device] }
      : { device, available: false, name: null, remarks: report.reason };
  });
}

/** What `tensorscope devices` does; gives the exit code. */
export function listDevices(args: readonly string[]): number {
  const { values, positionals } = parseOptions({
    args: [...args],
    allowPositionals: true,
    options: { json: { type: "boolean" } },
  });
  if (positionals.length > 0) throw new UsageError("devices takes no FILE");
  const found = lines();
  if (values.json === true) {
    console.log(JSON.stringify(found));
    return 0;
  }
  const rows = [
    ["device", "available", "name", "remarks"],
    ...found.map((l) => [l.device, l.available ? "yes" : "no", l.name ?? "-", l.remarks]),
  ];
  const widths = [0, 1, 2].map((i) => Math.max(...rows.map((row) => row[i]!.length)) + 2);
  for (const row of rows) {
    console.log(row.map((cell, i) => (i < widths.length ? cell.padEnd(widths[i]!) : cell)).join(""));
  }
  return 0;
}
