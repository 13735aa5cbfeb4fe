import assert from "node:assert/strict";
import { after, suite, test } from "node:test";
import type {
  CurvePoint,
  CurvesToHost,
  CurvesToWebview,
  RunStateMessage,
} from "../../webview/shared/protocol.js";
import { closeBrowser, openView, skip } from "./harness.js";
import type { OpenOptions, OpenView } from "./harness.js";
import { lossCurve } from "./samples.js";

type View = OpenView<CurvesToWebview, CurvesToHost>;

async function withView(options: OpenOptions, use: (view: View) => Promise<void>): Promise<void> {
  const view: View = await openView("curves", options);
  try {
    await use(view);
    assert.deepEqual(view.problems, []);
  } finally {
    await view.close();
  }
}

const card = (view: View, tag: string) => view.page.locator(`.card[data-tag="${tag}"]`);
const running = (more: Partial<RunStateMessage> = {}): RunStateMessage => ({
  type: "runState",
  run: "train",
  phase: "running",
  step: 120,
  total: 500,
  stepsPerSecond: 34.21,
  eta: 11.1,
  ...more,
});
const line = (values: readonly number[], run = "train", tag = "loss"): CurvePoint[] =>
  values.map((value, step) => ({ run, tag, step, wallTime: 1e12 + step * 1000, value }));

/** How many pixels of the first chart's canvas are painted. */
const painted = (view: View) =>
  view.page
    .locator("canvas")
    .first()
    .evaluate((canvas: HTMLCanvasElement) => {
      const { data } = canvas.getContext("2d")!.getImageData(0, 0, canvas.width, canvas.height);
      let count = 0;
      for (let i = 3; i < data.length; i += 4) if (data[i]! > 0) count += 1;
      return count;
    });

const yTicks = (view: View) => view.page.locator(".axis.left .tick text").allTextContents();
const toggle = (view: View, text: string) => view.page.locator("vscode-checkbox", { hasText: text }).click();

suite("curves view", { skip }, () => {
  after(closeBrowser);

  test("draws points as they come, one chart per tag", () =>
    withView({}, async (view) => {
      await view.page.getByText("No points yet").waitFor();
      view.channel.send({ type: "append", points: line([3, 2, 1]) });
      await card(view, "loss").waitFor();
      assert.equal(await card(view, "loss").locator(".latest").textContent(), "1");
      const before = await painted(view);
      assert.ok(before > 100, `${before} pixels`);
      view.channel.send({ type: "append", points: lossCurve("train", 400, { tag: "accuracy/held-out" }) });
      await card(view, "accuracy/held-out").waitFor();
      assert.match(
        (await card(view, "accuracy/held-out").locator(".plot").getAttribute("aria-label")) ?? "",
        /1 curve, 400 points/,
      );
      view.channel.send({ type: "reset" });
      await view.page.getByText("No points yet").waitFor();
      assert.equal(await view.page.locator(".card").count(), 0);
    }));

  test("the crosshair's table has every run, smoothed and as measured", () =>
    withView({}, async (view) => {
      view.channel.send({ type: "append", points: line([4, 4, 4, 4, 4], "a") });
      view.channel.send({ type: "append", points: line([0, 1, 2, 3, 4], "b") });
      await card(view, "loss").waitFor();
      const plot = card(view, "loss").locator(".plot");
      await plot.focus();
      await view.page.keyboard.press("End");
      const body = plot.locator(".tooltip tbody tr");
      await body.first().waitFor();
      const texts = await body.evaluateAll((trs) =>
        trs.map((tr) => [...tr.children].map((td) => td.textContent)),
      );
      // 0.6 smoothing of 0…4: Σ 0.4·0.6^(4−i)·i / (1 − 0.6⁵).
      const expected =
        [0, 1, 2, 3, 4].reduce((sum, x, i) => sum + 0.4 * 0.6 ** (4 - i) * x, 0) / (1 - 0.6 ** 5);
      assert.deepEqual(texts, [
        ["a", "4", "4", "4", "4 s"],
        ["b", String(Number(expected.toPrecision(4))), "4", "4", "4 s"],
      ]);
      await view.page.keyboard.press("ArrowLeft");
      assert.match((await view.page.locator("body > [role=status]").textContent()) ?? "", /\(Step 3\)/);
      await view.page.keyboard.press("Escape");
      await plot.locator(".tooltip").waitFor({ state: "hidden" });
    }));

  test("a logarithmic axis, and what it cannot show is said", () =>
    withView({}, async (view) => {
      view.channel.send({ type: "append", points: line([1000, 100, 10, 1, 0.1, 0]) });
      await card(view, "loss").waitFor();
      await toggle(view, "Log y");
      await card(view, "loss").getByText("1 values ≤ 0").waitFor();
      const ticks = await yTicks(view);
      assert.ok(
        ["0.1", "10", "1000"].every((tick) => ticks.includes(tick)) || ticks.includes("100"),
        String(ticks),
      );
      assert.ok(!ticks.includes("500") || ticks.includes("5"), String(ticks));
    }));

  test("an outlier does not flatten the curve unless asked to", () =>
    withView({}, async (view) => {
      const values = Array.from({ length: 300 }, (_, i) => 1 + Math.sin(i / 20));
      values[150] = 1e6;
      view.channel.send({ type: "append", points: line(values) });
      await card(view, "loss").getByText("1 outside the range").waitFor();
      const highest = async () =>
        Math.max(...(await yTicks(view)).map((text) => Number(text.replace("−", "-"))));
      assert.ok((await highest()) < 100);
      await toggle(view, "Clip outliers");
      await view.page.waitForFunction(
        () => !document.querySelector(".notes")?.textContent?.includes("outside"),
      );
      assert.ok((await highest()) > 1e5);
    }));

  test("a constant is a line in the middle, not magnified noise", () =>
    withView({}, async (view) => {
      const values = Array.from({ length: 200 }, () => 0.1 + 0.2 - 0.2);
      view.channel.send({ type: "append", points: line(values) });
      await card(view, "loss").waitFor();
      const ticks = (await yTicks(view)).map(Number);
      assert.ok(Math.max(...ticks) - Math.min(...ticks) > 0.01, String(ticks));
    }));

  test("runs are chosen by check box and by regular expression", () =>
    withView({}, async (view) => {
      for (const run of ["adam-1", "adam-2", "sgd"])
        view.channel.send({ type: "append", points: line([2, 1], run) });
      await view.page.getByRole("checkbox", { name: "Show sgd" }).waitFor();
      const label = () => card(view, "loss").locator(".plot").getAttribute("aria-label");
      await view.page.getByRole("checkbox", { name: "Show sgd" }).click();
      await view.page.waitForTimeout(60);
      assert.match((await label()) ?? "", /2 curves, 4 points/);
      await view.page.locator("vscode-text-field").click();
      await view.page.keyboard.type("-1$");
      await view.page.waitForTimeout(60);
      assert.match((await label()) ?? "", /1 curve, 2 points/);
      assert.equal(await view.page.getByRole("checkbox", { name: "Show adam-2" }).count(), 0);
      await view.page.keyboard.type("(");
      await view.page.getByText("Not a regular expression").waitFor();
      assert.match((await label()) ?? "", /2 curves/);
    }));

  test("status: step, rate, time left; Cancel says which run, once", () =>
    withView({}, async (view) => {
      view.channel.send(running());
      await view.page.getByText("Step 120 of 500 · 34.2 steps/s · 11 s left").waitFor();
      assert.equal(await view.page.getByRole("progressbar").getAttribute("aria-valuenow"), "120");
      await view.page.getByRole("button", { name: "Cancel" }).click();
      view.channel.send(running({ step: 121 }));
      await view.page.getByText("Step 121 of 500").waitFor();
      await view.page.getByRole("button", { name: "Cancel" }).click({ force: true });
      const cancels = view.received.filter(({ type }) => type === "cancel");
      assert.deepEqual(cancels, [{ type: "cancel", run: "train" }]);
      view.channel.send(running({ phase: "cancelled", step: 122 }));
      await view.page.getByText("Cancelled").first().waitFor();
      assert.equal(await view.page.getByRole("button", { name: "Cancel" }).count(), 0);
    }));

  test("exports what is visible; a failure is shown, not swallowed", () =>
    withView({}, async (view) => {
      let csv: { fileName: string; text: string } | undefined;
      view.channel.on("saveText", ({ fileName, text }) => {
        if (csv !== undefined) throw new Error("disk full");
        csv = { fileName, text };
        return { saved: true };
      });
      view.channel.send({ type: "append", points: line([2, 1]) });
      await card(view, "loss").waitFor();
      const button = view.page.getByRole("button", { name: "Export CSV" });
      await button.click();
      await view.page.locator("body > [role=status]", { hasText: "Saved" }).waitFor({ state: "attached" });
      assert.equal(csv?.fileName, "curves.csv");
      assert.equal(csv.text.split("\r\n").length, 4);
      assert.match(csv.text, /^train,loss,1,.*,1,1,/m);
      await button.click();
      await view.page.getByText("Export failed: disk full").waitFor();
    }));

  test("a table stands behind the chart", () =>
    withView({}, async (view) => {
      view.channel.send({ type: "append", points: lossCurve("train", 1000, { spikes: false }) });
      await card(view, "loss").getByText("Show as table").click();
      await view.page.getByText("200 of 1,000 points").waitFor();
      const first = view.page.locator("tbody tr").first();
      assert.equal(await first.locator("td").first().textContent(), "0");
      const last = view.page.locator("tbody tr").last();
      assert.equal(await last.locator("td").first().textContent(), "999");
    }));

  test("zoom by dragging, back by a button", () =>
    withView({}, async (view) => {
      view.channel.send({ type: "append", points: lossCurve("train", 1000) });
      await card(view, "loss").waitFor();
      const box = (await card(view, "loss").locator(".plot").boundingBox())!;
      await view.page.mouse.move(box.x + box.width * 0.5, box.y + 50);
      await view.page.mouse.down();
      await view.page.mouse.move(box.x + box.width * 0.7, box.y + 60, { steps: 4 });
      await view.page.mouse.up();
      const reset = view.page.getByRole("button", { name: "Reset zoom" });
      await reset.waitFor();
      const ticks = async () =>
        (await view.page.locator(".axis.bottom .tick text").allTextContents()).map(Number);
      assert.ok(
        Math.min(...(await ticks())) >= 400 && Math.max(...(await ticks())) <= 720,
        String(await ticks()),
      );
      await reset.click();
      await reset.waitFor({ state: "hidden" });
      assert.equal(Math.min(...(await ticks())), 0);
    }));

  test("200 000 points stay quick to draw", () =>
    withView({}, async (view) => {
      // Made in the page: sending them there is not what is measured.
      await view.page.evaluate(() => {
        for (let part = 0; part < 20; part++) {
          const points = Array.from({ length: 10_000 }, (_, i) => {
            const step = part * 10_000 + i;
            return { run: "train", tag: "loss", step, wallTime: 1e12 + step, value: Math.sin(step / 5000) };
          });
          window.postMessage({ tensorscope: "message", message: { type: "append", points } });
        }
      });
      await view.page.waitForFunction(() =>
        document.querySelector(".plot")?.getAttribute("aria-label")?.includes("200,000 points"),
      );
      const elapsed = await view.page.evaluate(async () => {
        const slider = document.querySelector<HTMLInputElement>(".slider input")!;
        const start = performance.now();
        for (const value of ["0.9", "0.5", "0.95"]) {
          slider.value = value;
          slider.dispatchEvent(new Event("input"));
          await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
        }
        return performance.now() - start;
      });
      assert.ok(elapsed < 4000, `${elapsed} ms for three redraws`);
    }));

  test("settings, hidden runs and points survive a reload", async () => {
    let state: unknown;
    await withView({}, async (view) => {
      view.channel.send({ type: "append", points: [...line([3, 2, 1], "a"), ...line([5, 4], "b")] });
      await view.page.getByRole("checkbox", { name: "Show b" }).click();
      await toggle(view, "Log y");
      await view.page.evaluate(() => {
        Object.defineProperty(document, "visibilityState", { value: "hidden" });
        document.dispatchEvent(new Event("visibilitychange"));
      });
      state = await view.state();
    });
    await withView({ state }, async (view) => {
      await view.page.getByText("From the last session").waitFor();
      assert.match(
        (await card(view, "loss").locator(".plot").getAttribute("aria-label")) ?? "",
        /1 curve, 3 points/,
      );
      const logY = view.page.locator("vscode-checkbox", { hasText: "Log y" });
      assert.equal(await logY.getAttribute("aria-checked"), "true");
      view.channel.send({ type: "reset" });
      view.channel.send({ type: "append", points: line([9], "a") });
      await view.page.getByText("From the last session").waitFor({ state: "hidden" });
      assert.match((await card(view, "loss").locator(".plot").getAttribute("aria-label")) ?? "", /1 points/);
    });
  });

  test("colours follow the theme while it is open", () =>
    withView({ theme: "light" }, async (view) => {
      view.channel.send({ type: "append", points: line([3, 2, 1]) });
      await card(view, "loss").waitFor();
      const ink = () => view.page.locator(".axis.left .tick text").first().getAttribute("fill");
      const light = await ink();
      await view.setTheme("hc-dark");
      await view.page.waitForTimeout(100);
      assert.notEqual(await ink(), light);
    }));

  test("NaN breaks the line and is counted; Chinese at 300 pixels fits", () =>
    withView({ locale: "zh-cn", width: 300 }, async (view) => {
      const points = line([3, 2, 1]).map((point, i) =>
        i === 1 ? { ...point, value: "NaN" as const } : point,
      );
      view.channel.send({ type: "append", points });
      view.channel.send(running());
      await view.page.getByText("1 个非有限值").waitFor();
      await view.page.getByText("第 120 / 500 步").waitFor();
      const wide = await view.page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(wide <= 300, `${wide} pixels`);
    }));
});
