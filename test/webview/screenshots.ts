/**
 * Takes pictures of the webviews for looking at: `node out/test/webview/screenshots.js [view…]` writes
 * out/screenshots/<view>-<what>.png.
 */
import type {
  CalculatorToHost,
  CalculatorToWebview,
  LayerSettings,
  CurvesToHost,
  CurvesToWebview,
  ModulesToHost,
  ModulesToWebview,
} from "../../webview/shared/protocol.js";
import { closeBrowser, openView } from "./harness.js";
import type { OpenOptions } from "./harness.js";
import { gpt, lenet, lossCurve } from "./samples.js";

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

async function curves(name: string, options: OpenOptions, runs: number, act?: string): Promise<void> {
  const view = await openView<CurvesToWebview, CurvesToHost>("curves", options);
  const { channel, page } = view;
  channel.send({ type: "reset" });
  for (let i = 0; i < runs; i++) {
    const run = runs === 1 ? "train" : `lr-${["0.1", "0.03", "0.01", "0.003", "0.001"][i % 5]}/seed-${i}`;
    const more = { seed: i + 3, rate: 0.02 / (1 + i) };
    channel.send({ type: "append", points: lossCurve(run, 500, more) });
    if (runs > 1) {
      const accuracy = lossCurve(run, 50, { ...more, tag: "accuracy/held-out", spikes: false });
      const points = accuracy.map((p) => ({ ...p, step: p.step * 10, value: 1 - Number(p.value) / 2.6 }));
      channel.send({ type: "append", points });
    }
  }
  if (act === "nan") {
    const wallTime = 1_790_000_070_000;
    const points = [500, 501, 502].map((step) => ({
      run: "train",
      tag: "loss",
      step,
      wallTime,
      value: "NaN" as const,
    }));
    channel.send({ type: "append", points });
    channel.send({
      type: "runState",
      run: "train",
      phase: "failed",
      step: 502,
      total: 1000,
      message: "the loss is NaN",
    });
  } else if (runs > 0) {
    const run = runs === 1 ? "train" : "lr-0.1/seed-0";
    channel.send({
      type: "runState",
      run,
      phase: "running",
      step: 500,
      total: 1200,
      stepsPerSecond: 34.21,
      eta: 20.5,
    });
  }
  await page.waitForTimeout(200);
  if (act === "hover") {
    const box = (await page.locator(".plot").first().boundingBox())!;
    await page.mouse.move(box.x + box.width * 0.45, box.y + 90);
  }
  if (act === "log") {
    await page.locator("vscode-checkbox", { hasText: "Log y" }).click();
    await page.locator("vscode-checkbox", { hasText: "Log x" }).click();
    await page.locator("vscode-radio", { hasText: "Relative" }).click();
  }
  if (act === "table") await page.locator("button", { hasText: "table" }).first().click();
  if (act === "regex") {
    await page.locator("vscode-text-field").click();
    await page.keyboard.type("lr-(0.1");
  }
  await page.waitForTimeout(200);
  await view.screenshot(`curves-${name}`);
  problems.push(...view.problems);
  await view.close();
}

if (on("curves")) {
  await curves("dark-one", { theme: "dark", height: 460 }, 1, "hover");
  await curves("light-many", { theme: "light", width: 1200, height: 600 }, 8, "hover");
  await curves("hc-log", { theme: "hc-dark", height: 520 }, 3, "log");
  await curves("narrow-zh", { theme: "light", width: 300, height: 720, locale: "zh-cn" }, 4, "hover");
  await curves("hc-light-regex", { theme: "hc-light", width: 700 }, 4, "regex");
  await curves("table-nan", { theme: "dark", height: 760 }, 1, "nan");
  await curves("table", { theme: "light", height: 760 }, 2, "table");
  await curves("empty", { theme: "dark", width: 400, height: 300 }, 0);
}

const lenetConv: LayerSettings = {
  kind: "Conv2d",
  input: [1, 1, 28, 28],
  outChannels: 6,
  kernelSize: [5, 5],
  stride: [1, 1],
  padding: [2, 2],
  dilation: [1, 1],
  groups: 1,
  bias: true,
};
const dilated: LayerSettings = {
  ...lenetConv,
  input: [8, 4, 9, 12],
  kernelSize: [3, 3],
  padding: [1, 2],
  stride: [2, 3],
  dilation: [2, 1],
  groups: 2,
  bias: false,
};
const pool: LayerSettings = {
  kind: "MaxPool2d",
  input: [1, 6, 7, 7],
  kernelSize: [2, 2],
  stride: [2, 2],
  padding: [0, 0],
  dilation: [1, 1],
  ceilMode: true,
};

async function calculator(
  name: string,
  options: OpenOptions,
  layer: LayerSettings,
  hover?: number,
): Promise<void> {
  const view = await openView<CalculatorToWebview, CalculatorToHost>("calculator", options);
  view.channel.send({ type: "configure", layer });
  await view.page.waitForTimeout(200);
  const output = view.page.locator("rect.output");
  if (hover !== undefined && (await output.count()) > 0) {
    const box = (await output.boundingBox())!;
    await view.page.mouse.move(box.x + box.width * hover, box.y + box.height * hover);
    await view.page.waitForTimeout(100);
  }
  await view.screenshot(`calculator-${name}`);
  problems.push(...view.problems);
  await view.close();
}

if (on("calculator")) {
  await calculator("dark-lenet", { theme: "dark", width: 1000, height: 800 }, lenetConv, 0.4);
  await calculator("light-dilated", { theme: "light", width: 900, height: 760 }, dilated, 0.6);
  await calculator("hc-pool", { theme: "hc-dark", height: 640 }, pool, 0.99);
  await calculator("narrow-zh", { theme: "dark", width: 300, height: 1200, locale: "zh-cn" }, dilated, 0.3);
  await calculator(
    "error",
    { theme: "light", height: 560 },
    { ...lenetConv, input: [1, 1, 2, 2], padding: [0, 0] },
  );
  const big = {
    ...lenetConv,
    input: [1, 3, 224, 224],
    outChannels: 64,
    kernelSize: [7, 7],
    stride: [2, 2],
    padding: [3, 3],
  } as const;
  await calculator("big", { theme: "hc-light", width: 900, height: 800 }, big, 0.5);
}

await closeBrowser();
for (const problem of problems) console.error(problem);
process.exitCode = problems.length === 0 ? 0 : 1;
