import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startHost, type Host } from "./harness/host.js";
import { until } from "./harness/wait.js";
import { Workbench } from "./harness/workbench.js";
import { makeWorkspace, type Workspace } from "./harness/workspace.js";

const source = `import { nn, type Tensor } from "tensorscope";

/** @input x float32[1, 4] */
export class Net extends nn.Module {
  fc = new nn.Linear(4, 2);

  forward(x: Tensor): Tensor {
    return this.fc(x);
  }
}
`;
/** A device that this system never has. */
const absent = process.platform === "darwin" ? "dml" : "coreml";

let host: Host;
let workbench: Workbench;
let workspace: Workspace;

before(async () => {
  workspace = makeWorkspace({ "net.ts": source });
  host = await startHost({ machineSettings: { "tensorscope.device": absent } });
  workbench = await Workbench.launch(host);
  await workbench.openFolder(workspace.folder);
  await workbench.openFile("net.ts");
});

after(async () => {
  await workbench.close();
  await host.close();
  workspace.remove();
});

const status = (pattern: RegExp): Promise<unknown> =>
  until(`a status item ${String(pattern)}`, async () =>
    (await workbench.statusBar()).some((text) => pattern.test(text)),
  );

test("the status item shows the chosen device, shapes need none, and a run says why there is none", () =>
  workbench.attempt("device", async () => {
    await status(new RegExp(`Tensorscope: ${absent}`));
    await workbench.clickCodeLens(/▶ Forward/, 60_000);
    await workbench.codeLens(new RegExp(`device '${absent}' is not available: `), 60_000);
    await workbench.screenshot("device-absent");
  }));

test("another device is chosen from the list, and the next run uses it", () =>
  workbench.attempt("choose-device", async () => {
    await workbench.runCommand("Tensorscope: Select Device");
    await workbench.pick("cpu");
    await status(/Tensorscope$/);
    await workbench.clickCodeLens(/▶ Forward/, 60_000);
    const lens = await workbench.codeLens(/\[1,2\] .* ms/, 60_000);
    assert.match(lens, /Forward/);
    await workbench.screenshot("device-chosen");
  }));
