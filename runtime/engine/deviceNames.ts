/** What the system calls its graphics cards: ONNX Runtime does not say. */
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import type { DeviceType } from "../tensor/device.js";

const patience = 5000;

function output(command: string, ...args: string[]): string[] {
  const { stdout, status } = spawnSync(command, args, {
    encoding: "utf8",
    timeout: patience,
    windowsHide: true,
    stdio: ["ignore", "pipe", "ignore"],
  });
  if (status !== 0) return [];
  return stdout
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
}

function read(file: string): string {
  try {
    return fs.readFileSync(file, "utf8").trim();
  } catch {
    return "";
  }
}

function folders(parent: string): string[] {
  try {
    return fs.readdirSync(parent).map((name) => `${parent}/${name}`);
  } catch {
    return [];
  }
}

/** The NVIDIA cards, as their driver lists them. */
export function nvidiaNames(): string[] {
  if (process.platform !== "linux") return [];
  const said = output("nvidia-smi", "--query-gpu=name", "--format=csv,noheader");
  if (said.length > 0) return said;
  return folders("/proc/driver/nvidia/gpus").map((gpu) => {
    const model = /^Model:\s*(.+)$/m.exec(read(`${gpu}/information`));
    return model?.[1] ?? "NVIDIA";
  });
}

const makers: Readonly<Record<string, string>> = {
  "0x1002": "AMD",
  "0x10de": "NVIDIA",
  "0x8086": "Intel",
  "0x1af4": "virtio",
  "0x15ad": "VMware",
};

/** Display controllers on the PCI bus of a Linux machine. */
function pciNames(): string[] {
  return folders("/sys/bus/pci/devices")
    .filter((card) => read(`${card}/class`).startsWith("0x03"))
    .map((card) => {
      const vendor = read(`${card}/vendor`);
      return `${makers[vendor] ?? vendor} graphics (${read(`${card}/device`)})`;
    });
}

function cards(): string[] {
  if (process.platform === "darwin") {
    return output("system_profiler", "SPDisplaysDataType").flatMap((line) => {
      const model = /^Chipset Model: (.+)$/.exec(line);
      return model ? [model[1]!] : [];
    });
  }
  if (process.platform === "win32") {
    return output(
      "powershell",
      "-NoProfile",
      "-Command",
      "(Get-CimInstance Win32_VideoController | Where-Object Status -eq OK).Name",
    );
  }
  const named = nvidiaNames();
  return named.length > 0 ? named : pciNames();
}

/** The name of a device that works. */
export function nameOf(type: DeviceType, index: number): string {
  if (type === "cuda") return nvidiaNames()[index] ?? `CUDA device ${String(index)}`;
  if (type === "coreml") return "Apple Core ML";
  const found = cards();
  if (type === "dml") return found[index] ?? `DirectML adapter ${String(index)}`;
  // Which of several cards the driver chose is not told.
  return found.length > 0 ? found.join(" or ") : "software Vulkan (no graphics card was found)";
}
