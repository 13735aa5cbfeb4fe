/**
 * Builds, trains every example with its defaults, and closes with their results.
 *
 *   npm run examples [-- NAME ...]      such as: npm run examples -- lenet gpt
 */
import { spawn } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { parseArgs } from "node:util";
import { build, ensureDependencies, fail, root } from "./lib/setup.mjs";

const { positionals } = parseArgs({ allowPositionals: true });
const folder = path.join(root, "examples");
const all = fs
  .readdirSync(folder)
  .flatMap((file) => /^train-(.+)\.ts$/.exec(file)?.[1] ?? [])
  .sort();
for (const name of positionals)
  if (!all.includes(name)) fail(`No such example: ${name}. There are ${all.join(", ")}.`);

/** Trains one; gives its exit status and the last line it printed, which is its result. */
function train(name) {
  return new Promise((resolve) => {
    const cli = path.join("out", "runtime", "cli", "main.js");
    const file = path.join("examples", `train-${name}.ts`);
    const child = spawn(process.execPath, [cli, "run", file], {
      cwd: root,
      stdio: ["ignore", "pipe", "inherit"],
    });
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text) => {
      output += text;
      process.stdout.write(text);
    });
    child.on("close", (status) => resolve({ status, result: output.trimEnd().split("\n").at(-1) }));
  });
}

await ensureDependencies();
await build("--out-only");
const results = [];
for (const name of positionals.length > 0 ? positionals : all) {
  console.log(`\n${name}`);
  const begin = Date.now();
  const { status, result } = await train(name);
  const seconds = ((Date.now() - begin) / 1000).toFixed(0);
  if (status !== 0) process.exitCode = 1;
  results.push(
    `${name.padEnd(12)} ${seconds.padStart(4)} s  ${status === 0 ? result : `failed with status ${status}`}`,
  );
}
console.log(`\n${results.join("\n")}`);
