/**
 * The webgpu device, on software Vulkan where the machine has no driver of its own choice: test/gpu, and a sample of
 * PyTorch's cases where the corpus is there.
 *
 *   npm run test:gpu [-- --filter PATTERN]
 *
 * REQUIRE_GPU=1, or CI, makes a missing driver a failure. VK_DRIVER_FILES chooses a driver: a graphics card's, say.
 */
import { spawn } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { parseArgs } from "node:util";
import { build, ensureDependencies, isCI, root } from "./lib/setup.mjs";
import { softwareVulkan } from "./lib/vulkan.mjs";

const { values } = parseArgs({ options: { filter: { type: "string" } } });
const required = isCI || !["", "0", undefined].includes(process.env.REQUIRE_GPU);
/** Families whose cases compute in float32. */
const families = [
  "ops_float32",
  "modules",
  "modules_extra",
  "modules_legacy",
  "criteria",
  "functional_legacy",
];
const total = { passed: 0, failed: 0, skipped: 0 };

/** Runs Node, shows its output as it comes and adds its closing counts. */
function counted(args, env) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, {
      cwd: root,
      stdio: ["ignore", "pipe", "inherit"],
      env: { ...process.env, NODE_TEST_CONTEXT: undefined, ...env },
    });
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text) => {
      output += text;
      process.stdout.write(text);
    });
    child.on("close", (code) => {
      const counts = [...output.matchAll(/^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$/gm)].at(-1);
      const [passed, failed, skipped] = (counts?.slice(1) ?? []).map((n) => Number(n ?? 0));
      total.passed += passed ?? 0;
      total.failed += code !== 0 && !failed ? 1 : (failed ?? 0);
      total.skipped += skipped ?? 0;
      resolve();
    });
  });
}

process.chdir(root);
if (process.env.TENSORSCOPE_BUILT === undefined) {
  await ensureDependencies();
  await build("--out-only");
}
const vulkan = await softwareVulkan();
if (vulkan.missing !== undefined) {
  console.log(`  ${required ? "FAILED" : "skipped"}: ${vulkan.missing}`);
  total[required ? "failed" : "skipped"] = 1;
} else {
  const folder = path.join("out", "test", "gpu");
  const files = fs
    .readdirSync(folder)
    .filter((name) => name.endsWith(".test.js"))
    .map((name) => path.join(folder, name))
    .filter((file) => values.filter === undefined || new RegExp(values.filter).test(file));
  const reporter = ["--test-reporter=./scripts/lib/reporter.mjs", "--test-reporter-destination=stdout"];
  if (files.length > 0) {
    await counted(
      ["--enable-source-maps", "--test", "--test-concurrency=1", ...reporter, ...files],
      vulkan.env,
    );
  }
  if (values.filter === undefined) {
    const options = ["--device", "webgpu", "--family", families.join(), "--sample", "300", "--least", "95"];
    await counted(["scripts/conformance.mjs", ...options], {
      ...vulkan.env,
      TENSORSCOPE_BUILT: "1",
    });
  }
}
const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : "";
console.log(`${total.passed} passed, ${total.failed} failed${skipped}`);
process.exitCode = total.failed === 0 ? 0 : 1;
