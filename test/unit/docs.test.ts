/** Programs in the documentation are programs. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { temporaryFolder, write } from "./data/files.js";

const cli = fileURLToPath(new URL("../../runtime/cli/main.js", import.meta.url));

test("docs/training.md: its blocks are one program that trains", () => {
  const text = readFileSync("docs/training.md", "utf8");
  const program = [...text.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, block]) => block).join("\n");
  const file = write(temporaryFolder(), "training.ts", program);
  const { stdout, stderr, status } = spawnSync(process.execPath, [cli, "run", file], { encoding: "utf8" });
  assert.equal(status, 0, stderr);
  assert.equal(stdout, "8 true\n");
});
