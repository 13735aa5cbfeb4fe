import assert from "node:assert/strict";
import * as path from "node:path";
import { test } from "node:test";
import { locateKernel } from "../../../src/kernel/locate.js";
import { Project } from "./support.js";

test("a project's own install brings its own kernel, from any folder above; else the fallback serves", () => {
  using project = new Project({
    "own/node_modules/tensorscope/dist/kernel/tracer.cjs": "",
    "own/node_modules/tensorscope/dist/kernel/runner.cjs": "",
    "half/node_modules/tensorscope/dist/kernel/tracer.cjs": "",
    "extension/dist/kernel/tracer.cjs": "",
    "extension/dist/kernel/runner.cjs": "",
  });
  const fallback = project.path("extension/dist/kernel");
  const own = locateKernel(project.path("own/src/deep/model.ts"), fallback);
  assert.equal(own.own, true);
  assert.equal(own.root, project.path("own/node_modules/tensorscope"));
  assert.equal(own.entries.runner, path.join(own.root, "dist", "kernel", "runner.cjs"));
  for (const file of ["half/model.ts", "other/model.ts"]) {
    const found = locateKernel(project.path(file), fallback);
    assert.deepEqual([found.own, found.root], [false, project.path("extension")]);
  }
  assert.throws(() => locateKernel(project.path("a.ts"), project.path("nowhere")), /No kernel in/);
});
