import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startHost, type Host } from "./harness/host.js";
import { makeWorkspace, type Workspace } from "./harness/workspace.js";
import { until } from "./harness/wait.js";
import { Workbench } from "./harness/workbench.js";

/** Leaves a file beside itself when anybody evaluates it. */
const model = `import { writeFileSync } from "node:fs";
import { nn, type Tensor } from "tensorscope";
writeFileSync(new URL("evaluated.txt", import.meta.url), "yes");

/** @input x float32[2, 4] */
export class Net extends nn.Module {
  fc = new nn.Linear(4, 3);

  forward(x: Tensor): Tensor {
    return this.fc(x);
  }
}
`;

let host: Host;
let workbench: Workbench;
let workspace: Workspace;

before(async () => {
  workspace = makeWorkspace({ "model.ts": model });
  host = await startHost({ trust: true });
  workbench = await Workbench.launch(host);
  await workbench.openFolder(workspace.folder);
  await workbench.openFile("model.ts");
});

after(async () => {
  await workbench.close();
  await host.close();
  workspace.remove();
});

test("in an untrusted folder the lens waits, and nothing is evaluated", () =>
  workbench.attempt("untrusted", async () => {
    assert.ok(await until("restricted mode", () => workbench.isRestricted()));
    await workbench.codeLens(/waits for workspace trust/);
    assert.equal((await workbench.inlayHints()).size, 0);
    assert.throws(() => workspace.read("evaluated.txt"), { code: "ENOENT" });
    await workbench.screenshot("untrusted");
  }));

test("the calculator works without trust: sizes follow what is typed", () =>
  workbench.attempt("calculator", async () => {
    await workbench.runCommand("Tensorscope: Open Convolution Calculator");
    const frame = await workbench.webview("form.form");
    const field = (label: string) => frame.getByRole("textbox", { name: label, exact: true });
    const shape = () => frame.locator(".shape").textContent();
    await field("Height (H)").fill("28");
    await field("Width (W)").fill("28");
    await field("Channels (C)").fill("1");
    await field("Out channels").fill("6");
    await field("Kernel size").fill("5");
    await field("Padding").fill("0");
    await field("Stride").fill("1");
    // floor((28 − 5) / 1) + 1
    await until("24 × 24", async () => /\b6, ?24, ?24\b/.test((await shape()) ?? ""));
    await field("Stride").fill("2");
    // floor((28 − 5) / 2) + 1
    await until("12 × 12", async () => /\b6, ?12, ?12\b/.test((await shape()) ?? ""));
    assert.equal(await frame.locator(".parameters").textContent(), "156");
    await workbench.screenshot("calculator");
  }));

test("trust makes the lens run, and tracing still leaves the file's other statements alone", () =>
  workbench.attempt("trusted", async () => {
    await workbench.trustFolder();
    await workbench.openFile("model.ts");
    await workbench.codeLens(/▶ Forward.*\[2, ?4\] → \[2, ?3\]/, 60_000);
    assert.throws(() => workspace.read("evaluated.txt"), { code: "ENOENT" });
  }));
