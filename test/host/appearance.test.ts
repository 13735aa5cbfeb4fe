import assert from "node:assert/strict";
import * as path from "node:path";
import { after, before, test } from "node:test";
import { startHost, type Host } from "./harness/host.js";
import { root } from "./harness/paths.js";
import { until } from "./harness/wait.js";
import { Workbench } from "./harness/workbench.js";

/** Pictures of every view in light, dark and high contrast, wide and narrow, for people to look at. */
const themes = { light: "Light Modern", dark: "Dark Modern", contrast: "Dark High Contrast" };
const widths = { wide: 1500, narrow: 800 };

let host: Host;
let workbench: Workbench;

before(async () => {
  host = await startHost();
  workbench = await Workbench.launch(host);
  await workbench.openFolder(path.join(root, "examples"));
  await workbench.openFile("lenet.ts");
  await workbench.clickCodeLens(/▶ Forward/, 60_000);
  await workbench.codeLens(/MACs · [\d.]+ m?s/, 60_000);
  await workbench.clickCodeLens(/Module tree/);
  await until("the tree", async () =>
    (await workbench.treeRows("Modules")).some((row) => row.includes("fc3")),
  );
});

after(async () => {
  await workbench.close();
  await host.close();
});

/** A webview must not scroll sideways: what does not fit is wrapped or shortened. */
async function assertFits(selector: string): Promise<void> {
  const frame = await workbench.webview(selector);
  const [wanted, there] = await frame.evaluate(() => [
    document.documentElement.scrollWidth,
    document.documentElement.clientWidth,
  ]);
  assert.ok(wanted! <= there! + 1, `${selector}: ${wanted} of ${there} pixels`);
}

const views = [
  {
    name: "modules",
    command: "Tensorscope: Open Modules as Table and Proportions",
    selector: '[role="tree"]',
  },
  { name: "calculator", command: "Tensorscope: Open Convolution Calculator", selector: "form.form" },
  { name: "curves", command: "Tensorscope: Open Training Curves", selector: ".cards" },
];

for (const [theme, label] of Object.entries(themes)) {
  test(`${theme}: editor, tree and views, wide and narrow`, () =>
    workbench.attempt(`appearance-${theme}`, async () => {
      await workbench.setViewport(widths.wide, 900);
      await workbench.setTheme(label);
      await workbench.screenshot(`${theme}-editor`);
      for (const { name, command, selector } of views) {
        await workbench.setViewport(widths.wide, 900);
        await workbench.runCommand(command);
        await workbench.webview(selector);
        for (const [width, pixels] of Object.entries(widths)) {
          await workbench.setViewport(pixels, 900);
          await assertFits(selector);
          await workbench.screenshot(`${theme}-${name}-${width}`);
        }
        await workbench.setViewport(widths.wide, 900);
        await workbench.runCommand("View: Close Editor");
      }
    }));
}
