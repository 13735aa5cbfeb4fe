import * as path from "node:path";
import { after, before, test } from "node:test";
import type { Frame } from "playwright-core";
import { SummaryWriter } from "../../runtime/index.js";
import { startHost, type Host } from "./harness/host.js";
import { until } from "./harness/wait.js";
import { Workbench } from "./harness/workbench.js";
import { makeWorkspace, type Workspace } from "./harness/workspace.js";

/** A folder of event files from other programs, one of them still being written. */
let host: Host;
let workbench: Workbench;
let workspace: Workspace;
let live: SummaryWriter;
let curves: Frame;

function write(writer: SummaryWriter, from: number, to: number, rate: number): void {
  for (let step = from; step < to; step++) {
    writer.addScalar("loss", Math.exp(-rate * step) + 0.05 * Math.sin(step), step);
    if (step % 10 === 0) writer.addScalar("accuracy/test", 1 - Math.exp(-rate * step), step);
  }
  writer.flush();
}

before(async () => {
  workspace = makeWorkspace({ "notes.txt": "two runs\n" });
  const ended = new SummaryWriter({ logDir: path.join(workspace.folder, "runs", "lr 0.1") });
  write(ended, 0, 100, 0.05);
  ended.close();
  live = new SummaryWriter({ logDir: path.join(workspace.folder, "runs", "lr 0.01") });
  write(live, 0, 40, 0.02);
  host = await startHost();
  workbench = await Workbench.launch(host, { width: 1500 });
  await workbench.openFolder(workspace.folder);
});

after(async () => {
  await workbench.close();
  await host.close();
  live.close();
  workspace.remove();
});

/** What the chart of a tag says of itself: `loss, 2 runs, 140 points, …`. */
const labelOf = async (tag: string): Promise<string> =>
  (await curves.locator(`.card[data-tag="${tag}"] .plot`).getAttribute("aria-label", { timeout: 1000 })) ??
  "";

test("a folder of event files opens from the explorer, and its runs stand side by side", () =>
  workbench.attempt("curves-folder", async () => {
    await workbench.openContextMenu("runs", "Open Curves Folder…");
    curves = await workbench.webview(".cards", 60_000);
    await until("140 points", async () => /\b140 points/.test(await labelOf("loss")));
    await until("14 points", async () => /\b14 points/.test(await labelOf("accuracy/test")));
    await curves.getByRole("checkbox", { name: "lr 0.01" }).waitFor();
    await curves.getByRole("checkbox", { name: "lr 0.1" }).waitFor();
    await workbench.screenshot("curves-folder");
  }));

test("a run that is still written grows while one looks", () =>
  workbench.attempt("curves-live", async () => {
    write(live, 40, 60, 0.02);
    await until("160 points", async () => /\b160 points/.test(await labelOf("loss")));
    await workbench.screenshot("curves-live");
  }));

test("runs are chosen by a pattern", () =>
  workbench.attempt("curves-filter", async () => {
    await curves.getByRole("textbox", { name: /Filter runs/ }).fill("0\\.1$");
    await until("one run", async () => /\b100 points/.test(await labelOf("loss")));
    await workbench.screenshot("curves-filter");
  }));
