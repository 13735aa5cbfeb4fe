/** Files that were made to do harm: each is refused in time, in little memory, and leaves nothing behind. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { test } from "node:test";

const corpus = path.resolve(
  process.env["TENSORSCOPE_CORPUS"] ?? path.join("..", "shared", "corpus", "open"),
  "serialization",
);
const library = new URL("../../../runtime/index.js", import.meta.url).href;

interface Outcome {
  readonly name: string;
  readonly refused: string | null;
  readonly milliseconds: number;
  /** How far the process has grown so far beyond what the library itself takes. */
  readonly megabytes: number;
  /** What stands in the process's folders. */
  readonly left: readonly string[];
}

/** Loads files, one after the other, in a process whose folders are all `home`. */
function loadAll(names: readonly string[], home: string): Outcome[] {
  const program = `
    import { readdirSync } from "node:fs";
    import { torch } from ${JSON.stringify(library)};
    const before = process.resourceUsage().maxRSS;
    for (const name of ${JSON.stringify(names)}) {
      const start = performance.now();
      let refused = null;
      try {
        torch.load(${JSON.stringify(`${corpus}/`)} + name);
      } catch (error) {
        refused = error.name + ": " + error.message;
      }
      const milliseconds = performance.now() - start;
      const megabytes = (process.resourceUsage().maxRSS - before) / 1024;
      console.log(JSON.stringify({ name, refused, milliseconds, megabytes, left: readdirSync(".") }));
    }
    process.exit();`;
  const { stdout, stderr, signal } = spawnSync(process.execPath, ["--input-type=module", "-e", program], {
    cwd: home,
    encoding: "utf8",
    timeout: 120_000,
    env: { ...process.env, HOME: home, TMPDIR: home, TEMP: home, TMP: home },
  });
  const outcomes = stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Outcome);
  assert.equal(
    outcomes.length,
    names.length,
    `ended at ${names[outcomes.length]!} by ${String(signal)}: ${stderr}`,
  );
  return outcomes;
}

const files = fs.existsSync(corpus)
  ? fs.readdirSync(corpus).filter((name) => name.startsWith("bad_") && name.endsWith(".pth"))
  : [];

/** What may be kept as the data it is, rather than refused. */
const harmless = new Set(["bad_proto_key.pth", "bad_billion_laughs.pth"]);

test("malicious files are refused by name and touch nothing", { skip: files.length === 0 }, (t) => {
  const home = fs.mkdtempSync(path.join(os.tmpdir(), "tensorscope-malicious-"));
  try {
    const outcomes = loadAll(files, home);
    for (const { name, refused, megabytes, left } of outcomes) {
      if (!harmless.has(name)) assert.match(refused ?? "loaded", /^(UnpicklingError|RuntimeError): ./, name);
      // Its kind says that it was foreseen; a slip of the reader would be another.
      assert.doesNotMatch(refused ?? "", /^(RangeError|TypeError|ReferenceError)/, name);
      assert.ok(megabytes < 200, `${name}: ${megabytes.toFixed(0)} MB`);
      assert.deepEqual(left, [], `${name} left something behind`);
    }
    const slowest = outcomes.reduce((a, b) => (a.milliseconds > b.milliseconds ? a : b));
    t.diagnostic(
      `${String(files.length)} files; slowest ${slowest.name}: ${slowest.milliseconds.toFixed(0)} ms; ` +
        `memory for all ${outcomes.at(-1)!.megabytes.toFixed(0)} MB`,
    );
  } finally {
    fs.rmSync(home, { recursive: true });
  }
});
