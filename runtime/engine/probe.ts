/** Whether a device is there, and if not, why: asked of a process of its own, once. */
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { createRequire } from "node:module";
import { cpus } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { DeviceType } from "../tensor/device.js";
import { nameOf, nvidiaNames } from "./deviceNames.js";

/** Milliseconds: a first start of CUDA or of a driver's shader compiler takes seconds. */
const patience = 30_000;

/** What is known of a device. */
export type DeviceReport =
  | { readonly available: true; readonly name: string; readonly count: number }
  | { readonly available: false; readonly reason: string };

const known = new Map<string, DeviceReport>();

/** Looks for a device; blocks the first time it is asked, for about half a second. */
export function probe(type: DeviceType, index = 0): DeviceReport {
  if (type === "cpu") return { available: true, name: cpus()[0]?.model ?? process.arch, count: 1 };
  const key = `${type}:${String(index)}`;
  let report = known.get(key);
  if (!report) known.set(key, (report = look(type, index)));
  return report;
}

/** The folder of ONNX Runtime's libraries for this machine. */
function libraries(): string {
  const entry = createRequire(import.meta.url).resolve("onnxruntime-node");
  return join(dirname(entry), "..", "bin", "napi-v6", process.platform, process.arch);
}

/** Whether ONNX Runtime's CUDA libraries are installed beside it. */
export function hasCudaLibraries(): boolean {
  try {
    return fs.existsSync(join(libraries(), "libonnxruntime_providers_cuda.so"));
  } catch {
    return false;
  }
}

/** The version of the ONNX Runtime that computes, or `null` where none is installed. */
export function onnxruntimeVersion(): string | null {
  try {
    const entry = createRequire(import.meta.url).resolve("onnxruntime-node");
    const text = fs.readFileSync(join(dirname(entry), "..", "package.json"), "utf8");
    return (JSON.parse(text) as { version: string }).version;
  } catch {
    return null;
  }
}

/** What can be said without looking. */
function impossible(type: DeviceType): string | undefined {
  const { platform, arch } = process;
  if (type === "coreml" && platform !== "darwin") return "Core ML is a part of macOS";
  if (type === "dml" && platform !== "win32") return "DirectML is a part of Windows";
  if (type !== "cuda") return undefined;
  if (platform !== "linux" || arch !== "x64") {
    return `ONNX Runtime's package has CUDA for Linux on x64 only, and this is ${platform} on ${arch}`;
  }
  return hasCudaLibraries()
    ? undefined
    : "ONNX Runtime's CUDA libraries are not installed. With CUDA 12 and cuDNN 9 on the machine, run: ONNXRUNTIME_NODE_INSTALL=cuda12 npm rebuild onnxruntime-node";
}

function look(type: DeviceType, index: number): DeviceReport {
  const never = impossible(type);
  if (never !== undefined) return { available: false, reason: never };
  const { NODE_OPTIONS: _, ...env } = process.env;
  const { stdout, stderr, status, signal, error } = spawnSync(
    process.execPath,
    [fileURLToPath(new URL("./probe.worker.js", import.meta.url)), type, String(index)],
    {
      encoding: "utf8",
      timeout: patience,
      killSignal: "SIGKILL",
      windowsHide: true,
      stdio: ["ignore", "pipe", "pipe"],
      // In VS Code, Node is Electron's.
      env: { ...env, ELECTRON_RUN_AS_NODE: "1" },
    },
  );
  const answer = /^probe:(.*)$/m.exec(stdout)?.[1];
  if (answer === "ok") return { available: true, name: nameOf(type, index), count: countOf(type) };
  if (answer !== undefined)
    return { available: false, reason: inWords(type, JSON.parse(answer) as string, stderr) };
  if ((error as NodeJS.ErrnoException | undefined)?.code === "ETIMEDOUT") {
    return {
      available: false,
      reason: `the driver did not answer within ${String(patience / 1000)} seconds`,
    };
  }
  if (error)
    return { available: false, reason: `the process that looks for it did not start: ${error.message}` };
  const how = signal ? `was ended by ${signal}` : `ended with exit code ${String(status)}`;
  const last = stderr.trim().split("\n").at(-1) ?? "";
  return { available: false, reason: `the process that looked for it ${how}${last ? `: ${last}` : ""}` };
}

const countOf = (type: DeviceType): number => (type === "cuda" ? Math.max(1, nvidiaNames().length) : 1);

/** ONNX Runtime's message without its places in C++, and what to do about the common ones. */
function inWords(type: DeviceType, message: string, stderr: string): string {
  if (type === "webgpu" && message.includes("No supported adapters")) {
    return process.platform === "linux"
      ? "no graphics driver that serves: there is none for Vulkan, or it is too old"
      : "no graphics driver that serves";
  }
  const library = /Failed to load library (\S+) with error: (.*)/.exec(stderr);
  const plain = message
    .replace(/^\/\S+?:\d+ .*? was false\. /s, "")
    .replace(/\s+/g, " ")
    .trim();
  return library ? `${plain} (${library[2]!})` : plain;
}
