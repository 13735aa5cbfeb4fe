/** The examples of docs/devices.md run, with a graphics card and without. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { temporaryFolder, write } from "../data/files.js";

const cli = fileURLToPath(new URL("../../../runtime/cli/main.js", import.meta.url));
const page = readFileSync("docs/devices.md", "utf8");
const blocks = [...page.matchAll(/^## (.*?)$[^]*?```ts\n([^]*?)```/gm)].map((m) => [m[1]!, m[2]!] as const);

const expected: Readonly<Record<string, RegExp>> = {
  "Training on a graphics card": /^.+\n(cpu|webgpu:0)\n$/,
  "The default device": /^true true\ntrue true\n$/,
  Files: /^$/,
};

test("the page has an example for each way", () => {
  assert.deepEqual(
    blocks.map(([title]) => title),
    Object.keys(expected),
  );
});

for (const [title, code] of blocks) {
  test(`${title}: the example runs`, () => {
    const folder = temporaryFolder();
    const { stdout, stderr, status } = spawnSync(
      process.execPath,
      [cli, "run", write(folder, "example.ts", code)],
      {
        cwd: folder,
        encoding: "utf8",
      },
    );
    assert.equal(status, 0, stderr);
    assert.match(stdout, expected[title]!);
  });
}
