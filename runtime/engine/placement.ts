/** `TENSORSCOPE_LOG=placement`: which nodes of a device's graphs ran there and which on the CPU, by ONNX Runtime's profile. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const logsPlacement = process.env["TENSORSCOPE_LOG"]?.split(",").includes("placement") === true;

/** Not the console: a thread that never yields prints only its first line. */
export function logPlacement(line: string): void {
  if (logsPlacement) writeSync(2, `placement: ${line}\n`);
}

/** A folder for the profile of one session. */
export function profileFolder(): string {
  return mkdtempSync(join(tmpdir(), "tensorscope-profile-"));
}

interface ProfileEvent {
  readonly cat?: string;
  readonly args?: { readonly op_name?: string; readonly provider?: string };
}

/** Says what a profile tells, `webgpu 3 Conv` a line, and removes its folder. */
export function reportProfile(folder: string): void {
  const counts = new Map<string, number>();
  for (const file of readdirSync(folder)) {
    const events = JSON.parse(readFileSync(join(folder, file), "utf8")) as ProfileEvent[];
    for (const { cat, args } of events) {
      if (cat !== "Node" || !args?.op_name || !args.provider) continue;
      const device = args.provider.replace(/ExecutionProvider$/, "").toLowerCase();
      const key = `${device}|${args.op_name}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
  }
  rmSync(folder, { recursive: true, force: true });
  for (const [key, count] of [...counts].sort()) {
    const [device, op] = key.split("|");
    logPlacement(`${device!} ${String(count)} ${op!}`);
  }
}
