import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Answer, Program } from "./program.js";

const script = fileURLToPath(new URL("../../../test/oracle/chains.py", import.meta.url));

/** What PyTorch gives for programs. */
export function askPyTorch(python: string, programs: readonly Program[]): readonly Answer[] {
  const { status, stdout, stderr } = spawnSync(python, [script], {
    input: JSON.stringify(programs),
    encoding: "utf8",
    maxBuffer: 1 << 30,
  });
  if (status !== 0) throw new Error(`PyTorch's side of the chains failed: ${stderr}`);
  return JSON.parse(stdout) as Answer[];
}
