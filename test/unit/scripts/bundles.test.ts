import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { test } from "node:test";

// `npm test` builds dist/ first; a loop over out/ alone may have an old one.
const options = { skip: process.env["TENSORSCOPE_BUILT"] === undefined && "dist/ is built by npm test" };

function evaluate(type: "module" | "commonjs", code: string): unknown {
  const { status, stdout, stderr } = spawnSync(process.execPath, [`--input-type=${type}`, "--eval", code], {
    encoding: "utf8",
  });
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout);
}

test("import and require give one and the same library", options, () => {
  const same = evaluate(
    "module",
    `import { createRequire } from "node:module";
     import * as esm from "tensorscope";
     const cjs = createRequire(process.cwd() + "/x.js")("tensorscope");
     const names = Object.keys(cjs);
     console.log(JSON.stringify({ count: names.length, other: names.filter((name) => esm[name] !== cjs[name]) }));`,
  );
  assert.deepEqual({ ...(same as object), count: 0 }, { count: 0, other: [] });
  assert.ok((same as { count: number }).count > 3);
});

test("requiring the library starts no thread and leaves the process free to end", options, () => {
  const handles = evaluate(
    "commonjs",
    `require("tensorscope"); console.log(JSON.stringify(process.getActiveResourcesInfo().filter((name) => name !== "TTYWrap" && name !== "PipeWrap")));`,
  );
  assert.deepEqual(handles, []);
});

test("command line and kernel take the library from its bundle, not a copy of it", options, () => {
  const kernels = fs.existsSync("dist/kernel")
    ? fs.readdirSync("dist/kernel").map((name) => path.join("dist", "kernel", name))
    : [];
  const users = ["dist/cli.cjs", ...kernels].filter((file) => file.endsWith(".cjs") && fs.existsSync(file));
  for (const file of users) {
    // esbuild heads each module of a bundle with its path. runtime/source reads model files: it is no part of the
    // library's bundle, keeps nothing, and would bring the TypeScript compiler into every program.
    const copied = fs
      .readFileSync(file, "utf8")
      .split("\n")
      .filter((line) => /^\s*\/\/ runtime\/(?!cli\/|source\/)/.test(line));
    assert.deepEqual(copied, [], file);
  }
});
