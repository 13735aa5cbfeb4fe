/**
 * Installs what is missing, builds, runs every suite and closes with the counts of all of them.
 *
 *   npm test
 *   npm test -- --only unit,host [--filter PATTERN]
 */
import { spawn } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { parseArgs } from "node:util";
import {
  build,
  ensureDependencies,
  ensureSystemPackages,
  fail,
  findChromium,
  findOracle,
  isCI,
  root,
} from "./lib/setup.mjs";

const { values } = parseArgs({
  options: { only: { type: "string" }, filter: { type: "string" }, help: { type: "boolean", short: "h" } },
});

function testFiles(folder) {
  if (!fs.existsSync(folder)) return [];
  return fs.readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const file = path.join(folder, entry.name);
    if (entry.isDirectory()) return testFiles(file);
    return entry.name.endsWith(".test.js") ? [file] : [];
  });
}

const matches = (file) => values.filter === undefined || new RegExp(values.filter).test(file);
const hostFolder = path.join("out", "test", "host");
const inHost = (file) => file.startsWith(hostFolder);
/** These need a graphics driver, which scripts/test-gpu.mjs sees to. */
const onGpu = (file) => file.startsWith(path.join("out", "test", "gpu") + path.sep);
/** These run inside the extension host: test/host/extension.test.ts sees to them. */
const inExtension = (file) => file.startsWith(path.join(hostFolder, "extension") + path.sep);

/** `node --test` over files, two at a time unless said otherwise. */
function nodeTests(files, concurrency = 2) {
  return [
    "--enable-source-maps",
    "--test",
    `--test-concurrency=${concurrency}`,
    "--test-reporter=./scripts/lib/reporter.mjs",
    "--test-reporter-destination=stdout",
    ...files.filter(matches),
  ];
}

/** The last `N passed, N failed[, N skipped]` line that a suite prints. */
function closingCounts(output) {
  const all = [...output.matchAll(/^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$/gm)];
  const last = all.at(-1);
  if (last === undefined) return undefined;
  return { passed: Number(last[1]), failed: Number(last[2]), skipped: Number(last[3] ?? 0) };
}

/**
 * The suites. `needs` are the groups of system packages; `missing` says why the suite, or a part of
 * it, cannot run here: that counts as one skip, and as one failure under CI. `command` gives the
 * arguments of Node, or nothing when there is nothing to run; `counts` reads the output.
 */
const suites = [
  {
    name: "types",
    command: () => ["scripts/types.mjs"],
    counts: closingCounts,
  },
  {
    name: "lint",
    command: () => ["scripts/lint.mjs"],
    counts: closingCounts,
  },
  {
    name: "unit",
    needs: ["oracle", "browser"],
    missing: () =>
      findOracle() === undefined ? "no Python with PyTorch: nothing is compared live" : undefined,
    runsWhenMissing: true,
    command: () =>
      nodeTests(testFiles(path.join("out", "test")).filter((file) => !inHost(file) && !onGpu(file))),
    counts: closingCounts,
  },
  {
    name: "conformance",
    command: () => ["scripts/conformance.mjs", "--check-floor"],
    counts: closingCounts,
  },
  {
    name: "gpu",
    missing: () =>
      process.platform === "linux" && process.arch === "x64"
        ? undefined
        : "software Vulkan is set up on Linux x64",
    // Elsewhere nothing is amiss, under CI neither.
    optional: true,
    command: () => [
      "scripts/test-gpu.mjs",
      ...(values.filter === undefined ? [] : ["--filter", values.filter]),
    ],
    counts: closingCounts,
  },
  {
    name: "host",
    needs: ["browser", "host"],
    missing: async () => {
      if (findChromium() === undefined) return "no Chromium";
      const { installHost } = await import("./lib/host.mjs");
      return (await installHost()) ? undefined : "no browser host";
    },
    prepare: ["scripts/prepare-host.mjs"],
    command: () =>
      nodeTests(
        testFiles(hostFolder).filter((file) => !inExtension(file)),
        1,
      ),
    counts: closingCounts,
  },
];

const names = suites.map(({ name }) => name);
const wanted = values.only?.split(",").map((name) => name.trim()) ?? names;
if (values.help === true) fail(`npm test -- [--only ${names.join(",")}] [--filter PATTERN]`);
for (const name of wanted) {
  if (!names.includes(name)) fail(`No such suite: ${name}. There are ${names.join(", ")}.`);
}

const children = new Set();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.on(signal, () => {
    for (const child of children) child.kill("SIGTERM");
    process.exit(130);
  });
}

/** Runs Node, shows its output as it comes and gives it back. */
function capture(args, limit = 30 * 60_000) {
  return new Promise((resolve) => {
    const env = {
      ...process.env,
      FORCE_COLOR: undefined,
      NODE_TEST_CONTEXT: undefined,
      TENSORSCOPE_BUILT: "1",
    };
    const child = spawn(process.execPath, args, { cwd: root, stdio: ["ignore", "pipe", "inherit"], env });
    children.add(child);
    const timer = setTimeout(() => {
      console.log(`Stopped after ${limit / 60_000} minutes.`);
      child.kill("SIGTERM");
    }, limit);
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text) => {
      output += text;
      process.stdout.write(text);
    });
    child.on("close", (code) => {
      clearTimeout(timer);
      children.delete(child);
      resolve({ status: code ?? 1, output });
    });
  });
}

async function runSuite(suite) {
  const missing = await suite.missing?.();
  const lacking = { passed: 0, failed: 0, skipped: 0 };
  if (missing !== undefined) {
    const fails = isCI && suite.optional !== true;
    lacking[fails ? "failed" : "skipped"] = 1;
    console.log(`  ${fails ? "FAILED" : "skipped"}: ${missing}`);
    if (suite.runsWhenMissing !== true) return lacking;
  }
  if (suite.prepare !== undefined) {
    const { status } = await capture(suite.prepare);
    if (status !== 0) return { ...lacking, failed: lacking.failed + 1 };
  }
  const command = suite.command();
  if (command === undefined) return lacking;
  const { status, output } = await capture(command);
  const counts = suite.counts(output) ?? { passed: 0, failed: 0, skipped: 0 };
  // A suite that dies without saying which test failed has failed all the same.
  if (status !== 0 && counts.failed === 0) counts.failed = 1;
  return {
    passed: counts.passed,
    failed: counts.failed + lacking.failed,
    skipped: counts.skipped + lacking.skipped,
  };
}

process.chdir(root);
await ensureDependencies();
const chosen = suites.filter(({ name }) => wanted.includes(name));
await ensureSystemPackages(...new Set(chosen.flatMap(({ needs = [] }) => needs)));
await build();

const started = Date.now();
const results = [];
for (const suite of chosen) {
  const from = Date.now();
  console.log(`\n== ${suite.name}`);
  results.push({ name: suite.name, ...(await runSuite(suite)), seconds: (Date.now() - from) / 1000 });
}

const sum = (key) => results.reduce((total, result) => total + result[key], 0);
const pad = (text, width) => String(text).padStart(width);
console.log(
  `\n${"suite".padEnd(14)}${pad("passed", 8)}${pad("failed", 8)}${pad("skipped", 9)}${pad("seconds", 9)}`,
);
for (const { name, passed, failed, skipped, seconds } of results) {
  console.log(
    `${name.padEnd(14)}${pad(passed, 8)}${pad(failed, 8)}${pad(skipped, 9)}${pad(seconds.toFixed(0), 9)}`,
  );
}
console.log(`${"".padEnd(39)}${pad(((Date.now() - started) / 1000).toFixed(0), 9)}\n`);
const skipped = sum("skipped");
console.log(`${sum("passed")} passed, ${sum("failed")} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
process.exitCode = sum("failed") === 0 && sum("passed") > 0 ? 0 : 1;
