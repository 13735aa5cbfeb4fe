import assert from "node:assert/strict";
import { after, suite, test } from "node:test";
import type { ModulesToHost, ModulesToWebview, RevealMessage } from "../../webview/shared/protocol.js";
import { closeBrowser, openView, skip } from "./harness.js";
import type { OpenOptions, OpenView } from "./harness.js";
import { gpt, lenet } from "./samples.js";

type View = OpenView<ModulesToWebview, ModulesToHost>;

async function withView(options: OpenOptions, use: (view: View) => Promise<void>): Promise<void> {
  const view: View = await openView("modules", options);
  try {
    await use(view);
    assert.deepEqual(view.problems, []);
  } finally {
    await view.close();
  }
}

const rows = (view: View) => view.page.getByRole("treeitem");
const row = (view: View, id: string) => view.page.locator(`[data-id="${id}"]`);
const reveals = (view: View) =>
  view.received.filter((message): message is RevealMessage => message.type === "reveal");
const focusedRow = (view: View) =>
  view.page.evaluate(() => (document.activeElement as HTMLElement | null)?.dataset["id"]);

suite("module view", { skip }, () => {
  after(closeBrowser);

  test("asks for its data and says so while there is none", () =>
    withView({}, async (view) => {
      assert.equal(view.received[0]?.type, "ready");
      assert.match((await view.page.locator(".empty").textContent()) ?? "", /No model yet/);
      view.channel.send({ type: "snapshot", snapshot: null, problem: "SyntaxError: line 3" });
      await view.page.getByText("SyntaxError: line 3").waitFor();
    }));

  test("shows a model with its figures", () =>
    withView({}, async (view) => {
      view.channel.send({ type: "snapshot", snapshot: lenet });
      await row(view, "fc1").waitFor();
      assert.equal(await rows(view).count(), 7);
      const header = (await view.page.locator(".summary").textContent()) ?? "";
      assert.match(header, /LeNet/);
      assert.match(header, /61,706 parameters \(all trainable\)/);
      assert.match(header, /417 k MACs/);
      assert.match((await row(view, "fc1").getAttribute("aria-label")) ?? "", /^fc1, Linear, .*78\.0 %$/);
      assert.equal(await row(view, "fc1").locator(".share").textContent(), "78.0 %");
      assert.match((await view.page.locator(".totals").textContent()) ?? "", /6 modules.*61,706 parameters/);
    }));

  test("the strip is to scale and picks modules", () =>
    withView({ width: 1000 }, async (view) => {
      view.channel.send({ type: "snapshot", snapshot: lenet });
      const block = view.page.locator('.block[data-path="fc1"] rect');
      const box = await block.boundingBox();
      const whole = await view.page.locator(".strip svg").boundingBox();
      assert.ok(Math.abs(box!.width / whole!.width - 48_120 / 61_706) < 0.01);
      await block.click();
      assert.equal(await row(view, "fc1").getAttribute("aria-selected"), "true");
      assert.deepEqual(reveals(view).at(-1), {
        type: "reveal",
        path: "fc1",
        location: { file: "/project/model.ts", line: 8, column: 2 },
      });
    }));

  test("works by keyboard as trees do", () =>
    withView({}, async (view) => {
      view.channel.send({ type: "snapshot", snapshot: lenet });
      await rows(view).first().focus();
      const press = (key: string) => view.page.keyboard.press(key);
      await press("ArrowDown");
      assert.equal(await focusedRow(view), "conv1");
      await press("ArrowRight");
      assert.equal(await row(view, "conv1").getAttribute("aria-expanded"), "true");
      await press("ArrowRight");
      assert.equal(await focusedRow(view), ":conv1.weight");
      await press("ArrowLeft");
      assert.equal(await focusedRow(view), "conv1");
      await press("ArrowLeft");
      assert.equal(await row(view, "conv1").getAttribute("aria-expanded"), "false");
      await press("End");
      assert.equal(await focusedRow(view), "fc3");
      await press("p");
      assert.equal(await focusedRow(view), "pool");
      await press("Enter");
      assert.equal(reveals(view).at(-1)?.path, "pool");
      // One tab stop in the whole tree.
      assert.equal(await view.page.locator('.tree [tabindex="0"]').count(), 1);
    }));

  test("filters, and says how many match", () =>
    withView({}, async (view) => {
      view.channel.send({ type: "snapshot", snapshot: gpt(2) });
      await row(view, "tokens").waitFor();
      await view.page.locator("vscode-text-field").click();
      await view.page.keyboard.type("qkv");
      await row(view, "blocks.1.attn.qkv").waitFor();
      assert.equal(await rows(view).count(), 8);
      await view.page.getByText("2 matching").first().waitFor();
      await view.page.keyboard.type("zzz");
      await view.page.getByText("Nothing matches “qkvzzz”.").first().waitFor();
    }));

  test("follows the selection made elsewhere, opening what leads there", () =>
    withView({}, async (view) => {
      view.channel.send({ type: "snapshot", snapshot: gpt(8) });
      view.channel.send({ type: "select", path: "blocks.7.mlp.2" });
      await row(view, "blocks.7.mlp.2").waitFor();
      assert.equal(await row(view, "blocks.7.mlp.2").getAttribute("aria-selected"), "true");
    }));

  test("marks frozen and shared tensors, and buffers", () =>
    withView({ width: 1200 }, async (view) => {
      view.channel.send({ type: "snapshot", snapshot: gpt(1) });
      await view.page.getByText("Expand all").click();
      await row(view, ":head.weight").getByText("shared with tokens.weight").waitFor();
      await row(view, ":positions.weight").getByText("frozen").waitFor();
      await row(view, ":blocks.0.attn.mask").getByText("buffer float32").waitFor();
    }));

  test("has a table of the same numbers", () =>
    withView({}, async (view) => {
      view.channel.send({ type: "snapshot", snapshot: lenet });
      await view.page.getByText("Show as table").click();
      const cells = await view.page
        .locator("tbody tr", { hasText: "fc2.weight" })
        .locator("td")
        .allTextContents();
      assert.deepEqual(cells.slice(0, 6), [
        "parameter float32",
        "",
        "[84, 120]",
        "10,080",
        "10,080",
        "39.4 KiB",
      ]);
      assert.equal(await view.page.locator("tbody tr").count(), 17);
    }));

  test("keeps the last model while the file is broken, and its state over a reload", async () => {
    let state: unknown;
    await withView({}, async (view) => {
      view.channel.send({ type: "snapshot", snapshot: lenet });
      await row(view, "conv2").locator(".twisty").click();
      view.channel.send({ type: "snapshot", snapshot: null, problem: "broken" });
      await view.page.getByText("broken").waitFor();
      assert.equal(await row(view, "conv2").count(), 1);
      assert.equal(reveals(view).length, 0);
      await view.page.waitForTimeout(350);
      state = await view.state();
    });
    await withView({ state }, async (view) => {
      await row(view, ":conv2.weight").waitFor();
      assert.equal(await row(view, "conv2").getAttribute("aria-expanded"), "true");
    });
  });

  test("speaks Chinese when the host does, and fits 300 pixels", () =>
    withView({ locale: "zh-cn", width: 300 }, async (view) => {
      view.channel.send({ type: "snapshot", snapshot: lenet });
      await view.page.getByText("全部展开").waitFor();
      assert.equal(await view.page.evaluate(() => document.documentElement.lang), "zh-CN");
      const wide = await view.page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(wide <= 300, `${wide} pixels`);
    }));
});
