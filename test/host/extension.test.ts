import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { test, type TestContext } from "node:test";
import type { ExtensionTestResult } from "./harness/extension-test.js";
import { bundleExtensionTests, runInBrowserHost, runInDesktop } from "./harness/extension-tests.js";
import { root } from "./harness/paths.js";
import { makeWorkspace } from "./harness/workspace.js";

const desktop = process.env["VSCODE_PATH"];
const download = process.env["TENSORSCOPE_DOWNLOAD_VSCODE"] !== undefined;
const examples = path.join(root, "examples");

async function report(t: TestContext, results: readonly ExtensionTestResult[]): Promise<void> {
  assert.notEqual(results.length, 0, "no extension test ran");
  for (const { name, error } of results) {
    await t.test(name, () => {
      if (error !== undefined) assert.fail(error);
    });
  }
}

async function inWorkspace(body: (folder: string) => Promise<void>): Promise<void> {
  const workspace = makeWorkspace({}, fs.existsSync(examples) ? [examples] : []);
  try {
    await body(workspace.folder);
  } finally {
    workspace.remove();
  }
}

test("inside the extension host of the browser host", async (t) => {
  const tests = await bundleExtensionTests();
  await inWorkspace(async (folder) => report(t, await runInBrowserHost(tests, folder)));
});

if (desktop !== undefined || download) {
  test("inside the extension host of desktop VS Code", async (t) => {
    const tests = await bundleExtensionTests();
    await inWorkspace(async (folder) => report(t, await runInDesktop(tests, folder, desktop)));
  });
}
