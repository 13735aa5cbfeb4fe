import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { after, before, test } from "node:test";
import type { Frame } from "playwright-core";
import { startHost, type Host } from "./harness/host.js";
import { until } from "./harness/wait.js";
import { Workbench } from "./harness/workbench.js";
import { makeWorkspace, type Workspace } from "./harness/workspace.js";

/** Training functions that end well, badly and not at all, in one window: each test goes on where the one before stopped. */
const source = `import { existsSync } from "node:fs";
import { F, nn, optim, progress, report, torch, type Tensor } from "tensorscope";

/** Stops half way until the test has seen enough. */
function pause() {
  const clock = new Int32Array(new SharedArrayBuffer(4));
  while (!existsSync(new URL("go-on", import.meta.url))) Atomics.wait(clock, 0, 0, 50);
}

/** @input x float32[N, 1] */
export class Line extends nn.Module {
  fc = new nn.Linear(1, 1);

  forward(x: Tensor): Tensor {
    return this.fc(x);
  }
}

/** @train Fit a line */
export function fit(): string {
  torch.manualSeed(0);
  const model = new Line();
  const optimizer = new optim.SGD(model.parameters(), 0.05);
  const x = torch.linspace(-1, 1, 32).view(32, 1);
  const y = x.mul(3).add(1);
  for (const step of progress(400, { desc: "fitting" })) {
    optimizer.zeroGrad();
    const loss = F.mseLoss(model(x), y);
    loss.backward();
    optimizer.step();
    report("loss", loss, step);
    if (step === 199) pause();
  }
  console.log("slope", model.fc.weight.item());
  return "fitted";
}

/** @train Run for ever */
export function endless() {
  const x = torch.ones(3);
  for (let i = 0; ; i++) report("sum", x.sum().add(i));
}

/** @train Never heed anything */
export function deaf() {
  console.log("deaf begins");
  for (;;) {}
}

/** @train Leave */
export function leave() {
  process.exit(3);
}

/** @train Eat memory */
export function eat() {
  const all: number[][] = [];
  for (;;) all.push(new Array<number>(1e5).fill(Math.random()));
}

/** @train Stumble */
export function stumble() {
  return new Line()(torch.ones(2, 5));
}
`;
const lineOf = (text: string) => source.split("\n").findIndex((line) => line.includes(text)) + 1;

let host: Host;
let workbench: Workbench;
let workspace: Workspace;
let bin: string;
let curves: Frame;

before(async () => {
  workspace = makeWorkspace({ "line.ts": source });
  // A Node with little memory, so that running out of it takes a second and not the machine.
  bin = fs.mkdtempSync(path.join(os.tmpdir(), "tensorscope-node-"));
  const small = path.join(bin, "node");
  fs.writeFileSync(small, `#!/bin/sh\nexec "${process.execPath}" --max-old-space-size=150 "$@"\n`, {
    mode: 0o755,
  });
  host = await startHost({ machineSettings: { "tensorscope.nodePath": small } });
  workbench = await Workbench.launch(host, { width: 1600 });
  await workbench.openFolder(workspace.folder);
  await workbench.openFile("line.ts");
});

after(async () => {
  await workbench.close();
  await host.close();
  workspace.remove();
  fs.rmSync(bin, { recursive: true, force: true });
});

/** How many points the chart of a tag says it has. */
async function pointsOf(tag: string): Promise<number> {
  const label = await curves
    .locator(`.card[data-tag="${tag}"] .plot`)
    .getAttribute("aria-label", { timeout: 1000 });
  return Number(/([\d,]+) points/.exec(label ?? "")?.[1]?.replaceAll(",", "") ?? 0);
}

/** Runs what a lens stands for, when the kernel is free and the lens on the screen. */
async function start(title: string, line: string): Promise<void> {
  await workbench.openFile("line.ts");
  await workbench.goTo(lineOf(line));
  await workbench.clickCodeLens(new RegExp(`▶ ${title}`), 60_000);
}

test("a click on the lens trains: progress in the lens, a curve that grows, and the outcome", () =>
  workbench.attempt("train", async () => {
    await start("Fit a line", "function fit");
    await workbench.codeLens(/Step \d+ of 400/);
    curves = await workbench.webview(".cards", 60_000);
    // The losses of the last steps before the pause may be under way on the engine's thread.
    await until("half of the points", async () => (await pointsOf("loss")) >= 150);
    await workbench.screenshot("training");
    workspace.write("go-on", "");
    await workbench.codeLens(/▶ Fit a line · done in .*fitted/, 60_000);
    await until("all points", async () => (await pointsOf("loss")) === 400);
    await workbench.screenshot("trained");
  }));

test("the curves smooth, have logarithmic axes and tell the values under the mouse", () =>
  workbench.attempt("curves", async () => {
    const card = curves.locator('.card[data-tag="loss"]');
    const plot = card.locator(".plot");
    const ticks = () => card.locator(".axis.left .tick text").allTextContents();
    const linear = await ticks();
    await curves.locator("vscode-checkbox", { hasText: "Log y" }).click();
    await until("another axis", async () => (await ticks()).join() !== linear.join());
    await plot.hover({ position: { x: 200, y: 60 } });
    const cells = plot.locator(".tooltip tbody tr td");
    await cells.first().waitFor();
    const [run = "", smoothed = "", value = "", step = ""] = await cells.allTextContents();
    assert.match(run, /fit/);
    assert.ok(Number(step) > 0 && Number(step) < 400, step);
    // A falling curve's average lags behind it.
    assert.ok(Number(smoothed) > Number(value) && Number(value) > 0, `${smoothed} ${value}`);
    await workbench.screenshot("curves-log");
    await curves.getByRole("slider").focus();
    await workbench.page.keyboard.press("Home");
    await plot.hover({ position: { x: 210, y: 60 } });
    // Without smoothing there is one value to tell.
    await until("the values themselves", async () => {
      const heads = await plot.locator(".tooltip thead th").allTextContents();
      return !heads.includes("Smoothed") && heads.includes("Value");
    });
  }));

test("a run is cancelled from its lens, and the curve keeps what there was", () =>
  workbench.attempt("cancel", async () => {
    await start("Run for ever", "function endless");
    await until("points", async () => (await pointsOf("sum")) > 0, 60_000);
    await workbench.screenshot("cancel");
    await workbench.clickCodeLens(/^Cancel$/);
    await workbench.codeLens(/▶ Run for ever · cancelled at step \d+/);
    const points = await pointsOf("sum");
    assert.ok(points > 0);
  }));

test("an endless loop that computes nothing is cancelled from the curves view", () =>
  workbench.attempt("deaf", async () => {
    await start("Never heed anything", "function deaf");
    await workbench.codeLens(/Starting…/);
    await curves.getByRole("button", { name: /Cancel deaf/ }).click();
    await workbench.openFile("line.ts");
    await workbench.codeLens(/▶ Never heed anything · cancelled/);
  }));

test("process.exit and an exhausted memory are survived, and it is said what was lost", () =>
  workbench.attempt("faults", async () => {
    await start("Leave", "function leave");
    await workbench.notification(/leave: The code called process\.exit\(3\).*weights are lost/);
    await workbench.codeLens(/process\.exit\(3\)/);
    await start("Eat memory", "function eat");
    await workbench.notification(/eat: .*ran out of memory/);
    await workbench.screenshot("out-of-memory");
    await start("Fit a line", "function fit");
    await workbench.codeLens(/▶ Fit a line · done in .*fitted/, 60_000);
  }));

test("an exception is told on its line, and Go to Line goes there", () =>
  workbench.attempt("stumble", async () => {
    await start("Stumble", "function stumble");
    await workbench.clickNotification(/stumble: .*2x5/, "Go to Line");
    const line = lineOf("return this.fc(x)");
    await until("the cursor there", async () =>
      (await workbench.statusBar()).some((text) => text.includes(`Ln ${line}`)),
    );
    assert.equal((await workbench.problem(/2x5/)).line, line);
  }));
