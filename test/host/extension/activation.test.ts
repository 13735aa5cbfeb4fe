import assert from "node:assert/strict";
import * as vscode from "vscode";
import { test } from "../harness/extension-test.js";

test("the extension is there and activates", async () => {
  const extension = vscode.extensions.getExtension("tensorscope.tensorscope");
  assert.ok(extension, "tensorscope.tensorscope is not installed");
  await extension.activate();
  assert.equal(extension.isActive, true);
});
