/**
 * Takes pictures of the webviews for looking at: `node out/test/webview/screenshots.js [view…]` writes
 * out/screenshots/<view>-<what>.png.
 */
import type { ModulesToHost, ModulesToWebview } from "../../webview/shared/protocol.js";
import { closeBrowser, openView } from "./harness.js";
import type { OpenOptions } from "./harness.js";
import { gpt, lenet } from "./samples.js";

const wanted = process.argv.slice(2);
const on = (view: string) => wanted.length === 0 || wanted.includes(view);
const problems: string[] = [];

async function modules(name: string, options: OpenOptions, big: boolean, act?: string): Promise<void> {
  const view = await openView<ModulesToWebview, ModulesToHost>("modules", options);
  if (act !== "empty") view.channel.send({ type: "snapshot", snapshot: big ? gpt() : lenet });
  await view.page.waitForTimeout(150);
  if (act === "filter") {
    await view.page.locator("vscode-text-field").click();
    await view.page.keyboard.type("attn");
  }
  if (act === "table") await view.page.getByRole("button", { name: "Show as table" }).click();
  if (act === "keys") {
    await view.page.getByRole("treeitem").first().focus();
    for (const key of ["ArrowDown", "ArrowDown", "ArrowRight"]) await view.page.keyboard.press(key);
  }
  await view.page.waitForTimeout(150);
  await view.screenshot(`modules-${name}`);
  problems.push(...view.problems);
  await view.close();
}

if (on("modules")) {
  await modules("dark", { theme: "dark", height: 480 }, false, "keys");
  await modules("light-gpt", { theme: "light", height: 800 }, true);
  await modules("hc", { theme: "hc-dark", height: 480 }, false, "keys");
  await modules("hc-light-filter", { theme: "hc-light" }, true, "filter");
  await modules("narrow-zh", { theme: "dark", width: 300, height: 560, locale: "zh-cn" }, false);
  await modules("table", { theme: "light", width: 1100 }, false, "table");
  await modules("empty", { theme: "light", width: 400, height: 300 }, false, "empty");
}

await closeBrowser();
for (const problem of problems) console.error(problem);
process.exitCode = problems.length === 0 ? 0 : 1;
