import assert from "node:assert/strict";
import { after, suite, test } from "node:test";
import type { CalculatorToHost, CalculatorToWebview } from "../../webview/shared/protocol.js";
import { closeBrowser, openView, skip } from "./harness.js";
import type { OpenOptions, OpenView } from "./harness.js";

type View = OpenView<CalculatorToWebview, CalculatorToHost>;

async function withView(options: OpenOptions, use: (view: View) => Promise<void>): Promise<void> {
  const view: View = await openView("calculator", options);
  try {
    await use(view);
    assert.deepEqual(view.problems, []);
  } finally {
    await view.close();
  }
}

const shape = (view: View) => view.page.locator(".shape").textContent();

async function type(view: View, field: string, text: string): Promise<void> {
  await view.page.locator(`[data-field="${field}"]`).click();
  await view.page.keyboard.press("ControlOrMeta+a");
  if (text === "") await view.page.keyboard.press("Delete");
  else await view.page.keyboard.type(text);
}

suite("calculator view", { skip }, () => {
  after(closeBrowser);

  test("calculates as one types, without any host data", () =>
    withView({}, async (view) => {
      assert.equal(await shape(view), "[1, 6, 28, 28]");
      assert.equal(await view.page.locator(".parameters").textContent(), "156");
      assert.equal(await view.page.locator(".macs").textContent(), "117,600");
      await type(view, "padding", "0");
      assert.equal(await shape(view), "[1, 6, 24, 24]");
      await type(view, "stride", "2, 3");
      assert.equal(await shape(view), "[1, 6, 12, 8]");
      assert.equal(
        await view.page.locator(".code").textContent(),
        "new nn.Conv2d(1, 6, 5, { stride: [2, 3] })",
      );
      await view.page.getByText("= ⌊(28 + 2·0 − 1·(5 − 1) − 1) / 2⌋ + 1 = 12").waitFor();
      await view.page.getByText("The last row of the padded input is never read.").waitFor();
      await type(view, "stride", "1");
      await type(view, "padding", "same");
      assert.equal(await shape(view), "[1, 6, 28, 28]");
    }));

  test("arrow keys step a field", () =>
    withView({}, async (view) => {
      await view.page.locator('[data-field="kernelSize"]').click();
      await view.page.keyboard.press("ArrowDown");
      await view.page.keyboard.press("ArrowDown");
      assert.equal(await shape(view), "[1, 6, 30, 30]");
      await view.page.keyboard.press("Shift+ArrowUp");
      assert.equal(await shape(view), "[1, 6, 20, 20]");
    }));

  test("what cannot be says so in PyTorch's words", () =>
    withView({}, async (view) => {
      await type(view, "height", "2");
      await type(view, "padding", "0");
      await view.page
        .getByText(
          "RuntimeError: Calculated padded input size per channel: (2 x 28). Kernel size: (5 x 5). " +
            "Kernel size can't be greater than actual input size",
        )
        .waitFor();
      assert.equal(await shape(view), "No output");
      assert.equal(await view.page.locator(".picture").isVisible(), false);
      await type(view, "height", "28");
      await type(view, "groups", "2");
      await view.page.getByText("ValueError: in_channels must be divisible by groups").waitFor();
    }));

  test("what is no number is marked at its field", () =>
    withView({}, async (view) => {
      await type(view, "width", "wide");
      await view.page.getByText("Write a whole number.").waitFor();
      assert.equal(await view.page.locator('[data-field="width"]').getAttribute("aria-invalid"), "true");
      await type(view, "width", "14");
      assert.equal(await shape(view), "[1, 6, 28, 14]");
      assert.equal(await view.page.locator('[data-field="width"]').getAttribute("aria-invalid"), null);
    }));

  test("max pooling, with ceil mode and an empty stride", () =>
    withView({}, async (view) => {
      await view.page.locator('vscode-radio[value="MaxPool2d"]').click();
      assert.equal(await shape(view), "[1, 1, 14, 14]");
      await type(view, "height", "7");
      assert.equal(await shape(view), "[1, 1, 3, 14]");
      await view.page.locator("vscode-checkbox", { hasText: "Ceil mode" }).click();
      assert.equal(await shape(view), "[1, 1, 4, 14]");
      assert.equal(await view.page.locator(".code").textContent(), "new nn.MaxPool2d(2, { ceilMode: true })");
      await view.page.getByText("the last window reaches over the edge").waitFor();
      await type(view, "padding", "2");
      await view.page
        .getByText("pad should be at most half of kernel size, but got pad=2 and kernel_size=2")
        .waitFor();
    }));

  test("the picture shows what an output cell reads, by pointer and by keys", () =>
    withView({ width: 1000, height: 900 }, async (view) => {
      view.channel.send({
        type: "configure",
        layer: {
          kind: "Conv2d",
          input: [1, 4, 9, 9],
          outChannels: 6,
          kernelSize: [3, 2],
          stride: [2, 1],
          padding: [1, 0],
          dilation: [2, 1],
          groups: 2,
          bias: false,
        },
      });
      await view.page.getByText("[1, 6, 4, 8]").waitFor();
      await view.page.locator("rect.tap").first().waitFor();
      assert.equal(await view.page.locator("rect.tap").count(), 6);
      const reads = () => view.page.locator("#picture-reads").textContent();
      assert.equal(await reads(), "Output cell (0, 0) reads rows -1 to 3 and columns 0 to 1 of the input");
      await view.page.locator(".picture-frame").focus();
      await view.page.keyboard.press("ArrowRight");
      await view.page.keyboard.press("ArrowDown");
      assert.equal(await reads(), "Output cell (1, 1) reads rows 1 to 5 and columns 1 to 2 of the input");
      await view.page.keyboard.press("End");
      await view.page.keyboard.press("PageDown");
      await view.page.keyboard.press("ArrowRight");
      assert.equal(await reads(), "Output cell (3, 7) reads rows 5 to 9 and columns 7 to 8 of the input");
      const box = (await view.page.locator("rect.output").boundingBox())!;
      await view.page.mouse.move(box.x + 2, box.y + box.height - 2);
      assert.match((await reads()) ?? "", /^Output cell \(3, 0\)/);
      const input = (await view.page.locator("rect.input").first().boundingBox())!;
      await view.page.mouse.move(input.x + input.width - 2, input.y + 2);
      assert.match((await reads()) ?? "", /^Output cell \(0, 7\)/);
    }));

  test("the window moves only when asked to, and stops again", () =>
    withView({ reducedMotion: true }, async (view) => {
      const reads = () => view.page.locator("#picture-reads").textContent();
      const before = await reads();
      await view.page.waitForTimeout(150);
      assert.equal(await reads(), before);
      await view.page.getByRole("button", { name: "Play" }).click();
      await view.page.waitForFunction(
        (text) => document.getElementById("picture-reads")?.textContent !== text,
        before,
      );
      await view.page.getByRole("button", { name: "Pause" }).click();
      const stopped = await reads();
      await view.page.waitForTimeout(150);
      assert.equal(await reads(), stopped);
    }));

  test("copies the code through the host; a failure is shown", () =>
    withView({}, async (view) => {
      let copied = "";
      view.channel.on("copyText", ({ text }) => {
        if (copied !== "") throw new Error("no clipboard");
        copied = text;
        return { copied: true };
      });
      const button = view.page.getByRole("button", { name: "Copy code" });
      await button.click();
      await view.page.locator("body > [role=status]", { hasText: "Copied" }).waitFor({ state: "attached" });
      assert.equal(copied, "new nn.Conv2d(1, 6, 5, { padding: 2 })");
      await button.click();
      await view.page.getByText("Copying failed: no clipboard").waitFor();
    }));

  test("what was typed survives a reload", async () => {
    let state: unknown;
    await withView({}, async (view) => {
      await type(view, "height", "32");
      await view.page.waitForTimeout(350);
      state = await view.state();
    });
    await withView({ state }, async (view) => assert.equal(await shape(view), "[1, 6, 32, 28]"));
  });

  test("large images and 300 pixels in Chinese fit", () =>
    withView({ width: 300, locale: "zh-cn", theme: "hc-light" }, async (view) => {
      await view.page.getByText("卷积核大小").waitFor();
      await type(view, "height", "224");
      await type(view, "width", "224");
      const wide = await view.page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(wide <= 300, `${wide} pixels`);
      const box = (await view.page.locator(".picture").boundingBox())!;
      assert.ok(box.x + box.width <= 300);
    }));
});
