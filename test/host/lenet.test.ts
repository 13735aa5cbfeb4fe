import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { after, before, test } from "node:test";
import { startHost, type Host } from "./harness/host.js";
import { root } from "./harness/paths.js";
import { until } from "./harness/wait.js";
import { Workbench } from "./harness/workbench.js";

/**
 * The whole path of a person with examples/lenet.ts, in one window: each test goes on where the one
 * before stopped. The file is edited in the editor only and never saved.
 */
const examples = path.join(root, "examples");
const source = fs.readFileSync(path.join(examples, "lenet.ts"), "utf8");

/** The number of the line, from 1, that holds a text. */
function lineOf(text: string): number {
  const index = source.split("\n").findIndex((line) => line.includes(text));
  assert.notEqual(index, -1, `examples/lenet.ts has no ${text}`);
  return index + 1;
}

let host: Host;
let workbench: Workbench;

before(async () => {
  host = await startHost();
  workbench = await Workbench.launch(host);
  await workbench.openFolder(examples);
  await workbench.openFile("lenet.ts");
});

after(async () => {
  await workbench.close();
  await host.close();
  assert.equal(fs.readFileSync(path.join(examples, "lenet.ts"), "utf8"), source);
});

test("the lens offers to run the model, with the shapes known before it ran", () =>
  workbench.attempt("lens", async () => {
    const lens = await workbench.codeLens(/▶ Forward/, 60_000);
    assert.match(lens, /▶ Forward/);
    await workbench.codeLens(/\[1, ?1, ?28, ?28\] → \[1, ?10\].*61\.7 k params/, 60_000);
    assert.ok((await workbench.codeLenses()).some((text) => text === "Module tree"));
  }));

test("inlay hints show the shape after each statement of forward", () =>
  workbench.attempt("hints", async () => {
    const expected: [text: string, shape: RegExp][] = [
      ["this.pool(F.relu(this.conv1(x)))", /\[1, ?6, ?14, ?14\]/],
      ["this.pool(F.relu(this.conv2(x)))", /\[1, ?16, ?5, ?5\]/],
      ["torch.flatten(x, 1)", /\[1, ?400\]/],
      ["return this.fc3(x)", /\[1, ?10\]/],
    ];
    for (const [text, shape] of expected) {
      const line = lineOf(text);
      await until(`a hint ${shape} on line ${line}`, async () =>
        shape.test((await workbench.inlayHints()).get(line)?.join("") ?? ""),
      );
    }
    await workbench.screenshot("hints");
  }));

test("a click on Forward runs it: the lens tells shapes, parameters, MACs and the time", () =>
  workbench.attempt("forward", async () => {
    await workbench.clickCodeLens(/▶ Forward/);
    const lens = await workbench.codeLens(/\[1, ?10\].*params.*MACs.*\d\s?m?s/, 60_000);
    assert.match(lens, /\[1, ?1, ?28, ?28\] → \[1, ?10\]/);
    assert.match(lens, /61\.7 k params · 0\.42 M MACs/);
    await workbench.screenshot("forward");
  }));

test("a layer that does not fit is told on its line, and the message goes when it is mended", () =>
  workbench.attempt("diagnostic", async () => {
    const declared = lineOf("fc1 = new nn.Linear");
    const called = lineOf("this.fc1(x)");
    const line = source.split("\n")[declared - 1] ?? "";
    await workbench.replaceLine(declared, line.replace("16 * 5 * 5", "16 * 4 * 4"));
    const problem = await workbench.problem(/\b400\b[^]*\b256\b|\b256\b[^]*\b400\b/);
    assert.equal(problem.severity, "error");
    assert.equal(problem.line, called);
    assert.equal(problem.file, "lenet.ts");
    await workbench.screenshot("diagnostic");
    await workbench.replaceLine(declared, line);
    await until("the problem to go", async () =>
      (await workbench.problems()).every(({ message }) => !/256/.test(message)),
    );
    await workbench.runCommand("View: Hide Panel");
  }));

test("the native tree lists the modules with shapes and counts, and a click goes to the source", () =>
  workbench.attempt("tree", async () => {
    await workbench.clickCodeLens(/Module tree/);
    const rows = await until("the modules of LeNet", async () => {
      const found = await workbench.treeRows("Modules");
      return found.some((row) => row.includes("fc3")) && found;
    });
    const conv1 = rows.find((row) => row.includes("conv1")) ?? "";
    assert.match(conv1, /156/);
    await workbench.screenshot("tree");
    await workbench.page
      .locator('.monaco-list[aria-label^="Modules"] .monaco-list-row')
      .filter({ hasText: "fc2" })
      .first()
      .click();
    await until("the cursor on fc2", async () =>
      (await workbench.statusBar()).some((text) => text.includes(`Ln ${lineOf("fc2 = new nn.Linear")}`)),
    );
  }));

test("the module view shows proportions, and a row goes to the source", () =>
  workbench.attempt("modules", async () => {
    await workbench.runCommand("Tensorscope: Open Modules as Table and Proportions");
    const view = await workbench.webview('[role="tree"]');
    const fc1 = view.locator('[data-id="fc1"]');
    await fc1.waitFor();
    assert.match((await fc1.getAttribute("aria-label")) ?? "", /^fc1, Linear, .*78\.0 %$/);
    assert.match((await view.locator(".summary").textContent()) ?? "", /61,706 parameters/);
    await workbench.screenshot("modules");
    await view.locator('[data-id="conv2"]').click();
    await until("the cursor on conv2", async () =>
      (await workbench.statusBar()).some((text) => text.includes(`Ln ${lineOf("conv2 = new nn.Conv2d")}`)),
    );
    await workbench.openFile("lenet.ts");
    await workbench.goTo(lineOf("fc3 = new nn.Linear"));
    await until(
      "fc3 selected",
      async () => (await view.locator('[data-id="fc3"]').getAttribute("aria-selected")) === "true",
    );
  }));

test("the calculator opens on the layer under the cursor, with the input the trace saw there", () =>
  workbench.attempt("calculator-lenet", async () => {
    await workbench.openFile("lenet.ts");
    await workbench.goTo(lineOf("conv2 = new nn.Conv2d"), 20);
    await workbench.runCommand("Tensorscope: Open Convolution Calculator");
    const view = await workbench.webview("form.form");
    const shape = view.locator(".shape");
    await until("conv2's output", async () => /\[1, 16, 10, 10\]/.test((await shape.textContent()) ?? ""));
    await view.locator("vscode-radio", { hasText: "MaxPool2d" }).click();
    await until("a pooled size", async () => /\[1, \d+, 7, 7\]/.test((await shape.textContent()) ?? ""));
    await workbench.screenshot("calculator-lenet");
  }));

test("50 steps on the drawn digits: the curve grows, and Cancel ends the run", () =>
  workbench.attempt("digits", async () => {
    await workbench.runCommand("View: Close All Editors");
    await workbench.openFile("train-lenet.ts");
    await workbench.clickCodeLens(/▶ LeNet on digits/, 60_000);
    const curves = await workbench.webview(".cards", 60_000);
    const plot = curves.locator('.card[data-tag="loss"] .plot');
    const points = async () =>
      Number(
        /([\d,]+) points/.exec((await plot.getAttribute("aria-label")) ?? "")?.[1]?.replaceAll(",", "") ?? 0,
      );
    const some = await until("the first points", async () => (await points()) || undefined, 120_000);
    await until("50 points", async () => (await points()) >= Math.max(50, some + 1), 120_000);
    await workbench.codeLens(/Step \d+ of 157/);
    await workbench.screenshot("digits");
    await workbench.clickCodeLens(/^Cancel$/);
    await workbench.codeLens(/▶ LeNet on digits · cancelled at step \d+/, 60_000);
    // What was learned until then stands in the table behind the chart.
    await curves.getByText("Show as table").first().click();
    const losses = await curves
      .locator("tbody tr")
      .evaluateAll((rows) => rows.map((row) => Number(row.children[2]?.textContent ?? NaN)));
    assert.ok(losses.length >= 20, `${losses.length} rows`);
    await workbench.screenshot("digits-cancelled");
  }));
