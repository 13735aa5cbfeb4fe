/** Type-checks every project and writes the library's declarations; closes with the counts. */
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { createRequire } from "node:module";

const tsc = createRequire(import.meta.url).resolve("typescript/bin/tsc");

const projects = [
  { config: "tsconfig.json", sources: ["runtime", "src"] },
  { config: "tsconfig.webview.json", sources: ["webview", "test/host"] },
  { config: "tsconfig.types.json", sources: ["runtime/index.ts"] },
];

let passed = 0;
let failed = 0;
for (const { config, sources } of projects) {
  if (!sources.some((file) => fs.existsSync(file))) continue;
  // What has not changed since the last check is not checked again.
  const known = ["--incremental", "--tsBuildInfoFile", `out/types/${config}.tsbuildinfo`];
  const { status } = spawnSync(process.execPath, [tsc, "-p", config, ...known], { stdio: "inherit" });
  if (status === 0) passed += 1;
  else failed += 1;
  console.log(`${status === 0 ? "ok" : "not ok"}: ${config}`);
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
