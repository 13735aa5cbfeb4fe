import { spawnSync } from "node:child_process";

/** A Python that has PyTorch 1.13, Debian's own first. */
export function findOracle(): string | undefined {
  for (const python of [process.env.TENSORSCOPE_PYTHON, "/usr/bin/python3", "python3"]) {
    if (python === undefined || python === "") continue;
    const probe = spawnSync(python, ["-c", "import torch; print(torch.__version__)"], { encoding: "utf8" });
    if (probe.status === 0 && probe.stdout.startsWith("1.13")) return python;
  }
  return undefined;
}
