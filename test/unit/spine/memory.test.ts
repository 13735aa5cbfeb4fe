import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

/** Memory is flat in loops that never pause and in loops that do; the plan cache stays as it is. */

interface Seen {
  /** Resident and external memory in bytes, every 50 steps after the first 2000. */
  readonly samples: readonly number[];
  readonly compiled: number;
  readonly plans: number;
}

async function loop(steps: number, mode: "sync" | "await", readEvery = 0): Promise<Seen> {
  const file = fileURLToPath(new URL("./loops.js", import.meta.url));
  const args = [file, String(steps), mode, String(readEvery)];
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 300_000 });
  return JSON.parse(stdout) as Seen;
}

/** Least-squares slope in bytes per step. */
function slope({ samples }: Seen): number {
  const mean = (v: readonly number[]): number => v.reduce((a, b) => a + b, 0) / v.length;
  const middle = (samples.length - 1) / 2;
  const average = mean(samples);
  const covariance = mean(samples.map((y, i) => (y - average) * (i - middle)));
  return covariance / mean(samples.map((_, i) => (i - middle) ** 2)) / 50;
}

const cases = [
  [10_000, "sync", 0],
  [10_000, "sync", 10],
  [10_000, "await", 0],
] as const;

for (const [steps, mode, readEvery] of cases) {
  const name = `${steps} small steps, ${mode}${readEvery ? `, a read every ${readEvery}th` : ""}`;
  test(`${name}: less than 1 KB a step`, async () => {
    const seen = await loop(steps, mode, readEvery);
    assert.ok(slope(seen) < 1024, `${slope(seen).toFixed(0)} bytes a step`);
    assert.deepEqual([seen.compiled, seen.plans], [0, 0]);
  });
}
