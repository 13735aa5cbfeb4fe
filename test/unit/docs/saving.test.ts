/** The examples of docs/saving.md run. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { test } from "node:test";
import { transformSync } from "esbuild";

const library = new URL("../../../runtime/index.js", import.meta.url).href;
const page = fs.readFileSync("docs/saving.md", "utf8");
const blocks = [...page.matchAll(/^## (.*?)$[^]*?```ts\n([^]*?)```/gm)].map((m) => [m[1]!, m[2]!] as const);

test("the page has an example for each way", () => {
  assert.deepEqual(
    blocks.map(([title]) => title),
    ["Weights", "A run that goes on", "Whole models", "safetensors"],
  );
});

for (const [title, code] of blocks) {
  test(`${title}: the example runs`, () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "tensorscope-docs-"));
    try {
      const { code: script } = transformSync(code, { loader: "ts", format: "esm", target: "node20" });
      const file = path.join(folder, "example.mjs");
      fs.writeFileSync(
        file,
        `${script.replaceAll('"tensorscope"', JSON.stringify(library))}\nprocess.exit();\n`,
      );
      const { status, stderr } = spawnSync(process.execPath, [file], { cwd: folder, encoding: "utf8" });
      assert.equal(status, 0, stderr);
    } finally {
      fs.rmSync(folder, { recursive: true });
    }
  });
}
