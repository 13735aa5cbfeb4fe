import assert from "node:assert/strict";
import { suite, test } from "node:test";
import {
  countFormulas,
  fieldsOf,
  initialFields,
  layerCode,
  parseFields,
  parsePair,
  sizeFormula,
  solve,
  stepNumbers,
} from "../../../webview/calculator/model.js";
import type { Fields } from "../../../webview/calculator/model.js";
import {
  amount,
  buildRows,
  byClass,
  filterRows,
  initiallyExpanded,
  ownAmount,
  visibleRows,
  walk,
} from "../../../webview/modules/model.js";
import type { Conv2dSettings, MaxPool2dSettings } from "../../../webview/shared/protocol.js";
import { gpt, lenet } from "../../webview/samples.js";

suite("module tree", () => {
  const root = buildRows(lenet);
  const ids = (rows: readonly { id: string }[]) => rows.map(({ id }) => id);

  test("rows in order, tensors before child modules, modules counted", () => {
    assert.deepEqual(ids([...walk(root)]).slice(0, 5), [
      "",
      "conv1",
      ":conv1.weight",
      ":conv1.bias",
      "conv2",
    ]);
    assert.equal(root.modules, 7);
    assert.equal([...walk(root)].length, 7 + 10);
    assert.equal(amount(root, "parameters"), 61_706);
    assert.equal(amount(root, "macs"), 416_520);
  });

  test("only expanded rows are seen", () => {
    assert.deepEqual(ids(visibleRows(root, new Set(), undefined)), [""]);
    assert.deepEqual(ids(visibleRows(root, new Set(["", "conv1"]), undefined)).slice(0, 5), [
      "",
      "conv1",
      ":conv1.weight",
      ":conv1.bias",
      "conv2",
    ]);
  });

  test("a large model opens as far as there is room", () => {
    const big = buildRows(gpt(12));
    const expanded = initiallyExpanded(big, 40);
    const shown = visibleRows(big, expanded, undefined);
    assert.ok(shown.length <= 40 && shown.length > 15, String(shown.length));
    assert.ok(expanded.has("blocks"));
  });

  test("the filter finds paths and classes and opens what leads there", () => {
    const big = buildRows(gpt(2));
    const filtered = filterRows(big, " QKV ")!;
    assert.deepEqual([...filtered.matches], ["blocks.0.attn.qkv", "blocks.1.attn.qkv"]);
    assert.deepEqual(ids(visibleRows(big, new Set(), filtered)), [
      "",
      "blocks",
      "blocks.0",
      "blocks.0.attn",
      "blocks.0.attn.qkv",
      "blocks.1",
      "blocks.1.attn",
      "blocks.1.attn.qkv",
    ]);
    assert.equal(filterRows(big, "layernorm")!.matches.size, 5);
    assert.equal(filterRows(big, "bias")!.matches.size, 2 * 6 + 1);
    assert.equal(filterRows(big, "  "), undefined);
    assert.equal(filterRows(big, "zzz")!.matches.size, 0);
  });

  test("own amounts add up to the whole", () => {
    for (const snapshot of [lenet, gpt()]) {
      for (const measure of ["parameters", "size", "macs"] as const) {
        let sum = 0;
        for (const { module, tensor } of walk(buildRows(snapshot))) {
          if (tensor === undefined) sum += ownAmount(module, measure);
        }
        assert.equal(sum, amount(buildRows(snapshot), measure), measure);
      }
    }
    assert.deepEqual(byClass(lenet.root, "parameters"), [
      { className: "Linear", amount: 59_134 },
      { className: "Conv2d", amount: 2572 },
    ]);
  });

  test("a tied weight counts once, a buffer is no parameter", () => {
    const model = gpt(1);
    const head = model.root.children.find(({ name }) => name === "head")!;
    assert.equal(head.totalParameters, 0);
    const mask = [...walk(buildRows(model))].find(({ id }) => id.endsWith("mask"))!;
    assert.equal(amount(mask, "parameters"), 0);
    assert.equal(amount(mask, "size"), 128 * 128 * 4);
  });
});

suite("calculator", () => {
  const conv = parseFields(initialFields.Conv2d).settings as Conv2dSettings;
  const withFields = (change: Partial<Fields>, kind: Fields["kind"] = "Conv2d") =>
    parseFields({ ...initialFields[kind], ...change });

  test("pairs as people write them", () => {
    for (const text of ["3, 5", "3,5", "3 5", "(3, 5)", "[3, 5]", "3x5", " 3 × 5 "]) {
      assert.deepEqual(parsePair(text), [3, 5], text);
    }
    assert.deepEqual(parsePair("3"), [3, 3]);
    assert.deepEqual(parsePair("-1"), [-1, -1]);
    for (const text of ["", "a", "3,", "1,2,3", "1.5", "3 , x"])
      assert.equal(parsePair(text), undefined, text);
  });

  test("the form says which field is wrong", () => {
    assert.deepEqual(withFields({ height: "", kernelSize: "a" }).errors, {
      height: "notNumber",
      kernelSize: "notPair",
    });
    assert.equal(withFields({ groups: "1.5" }).settings, undefined);
    assert.deepEqual(withFields({ padding: "'Same'" }).errors, {});
    assert.equal((withFields({ padding: '"valid"' }).settings as Conv2dSettings).padding, "valid");
    assert.deepEqual(withFields({ padding: "same" }, "MaxPool2d").errors, { padding: "notPair" });
    assert.equal((withFields({ stride: " " }, "MaxPool2d").settings as MaxPool2dSettings).stride, null);
    // A field another layer has does not stand in the way.
    assert.deepEqual(withFields({ groups: "x", outChannels: "" }, "MaxPool2d").errors, {});
  });

  test("a layer goes into the form and comes out the same", () => {
    const layers = [
      conv,
      { ...conv, padding: "same", kernelSize: [3, 5], bias: false },
      withFields({}, "MaxPool2d").settings!,
      withFields({ stride: "1, 2", ceilMode: true }, "MaxPool2d").settings!,
    ] as const;
    for (const layer of layers) assert.deepEqual(parseFields(fieldsOf(layer)).settings, layer);
  });

  test("LeNet's first convolution", () => {
    const solution = solve(conv);
    assert.deepEqual(solution.output, [1, 6, 28, 28]);
    assert.equal(solution.parameters, 156);
    assert.equal(solution.macs, 117_600);
    assert.equal(layerCode(conv), "new nn.Conv2d(1, 6, 5, { padding: 2 })");
    assert.deepEqual(sizeFormula(solution.axes[0], "H"), {
      general: "⌊(H + 2·padding − dilation·(kernel − 1) − 1) / stride⌋ + 1",
      numbers: "⌊(28 + 2·2 − 1·(5 − 1) − 1) / 1⌋ + 1 = 28",
    });
    const { parameters, macs } = countFormulas(conv, solution, String);
    assert.equal(parameters.numbers, "6·1·5·5 + 6 = 156");
    assert.equal(macs.numbers, "1·6·28·28·1·5·5 = 117600");
  });

  test("every sum that is shown is true", () => {
    for (const change of [
      {},
      { stride: "2", dilation: "3" },
      { padding: "same", kernelSize: "4" },
      { height: "31", stride: "3" },
    ]) {
      const solution = solve(withFields(change).settings!);
      for (const [i, axis] of solution.axes.entries()) {
        const { numbers } = sizeFormula(axis, i === 0 ? "H" : "W");
        const [sum, result] = numbers.split(" = ");
        const code = sum!
          .replace("⌊", "Math.floor(")
          .replace("⌋", ")")
          .replaceAll("·", "*")
          .replaceAll("−", "-");
        assert.equal(Number(new Function(`return ${code}`)()), Number(result), numbers);
        assert.equal(axis.output, Number(result));
      }
    }
  });

  test("what is unread, what hangs over, what is dropped", () => {
    const strided = solve({ ...conv, stride: [2, 1], padding: [0, 0], kernelSize: [3, 3] });
    assert.deepEqual(
      strided.axes.map(({ unread }) => unread),
      [1, 0],
    );
    const pool = withFields({ height: "7", width: "8", ceilMode: true }, "MaxPool2d").settings!;
    assert.deepEqual(
      solve(pool).axes.map(({ beyond }) => beyond),
      [1, 0],
    );
    const dropping = withFields(
      { height: "5", width: "5", stride: "3", padding: "1", ceilMode: true },
      "MaxPool2d",
    ).settings!;
    const { axes, output } = solve(dropping);
    assert.deepEqual(output, [1, 6, 2, 2]);
    assert.ok(axes[0].dropped);
    assert.match(sizeFormula(axes[0], "H").numbers, /^⌈.*⌉ \+ 1 = 3 → 2$/);
  });

  test("code shows what differs from the defaults", () => {
    assert.equal(
      layerCode({ ...conv, kernelSize: [3, 5], stride: [2, 2], padding: "same", groups: 2, bias: false }),
      'new nn.Conv2d(1, 6, [3, 5], { stride: 2, padding: "same", groups: 2, bias: false })',
    );
    assert.equal(layerCode({ ...conv, padding: "valid" }), "new nn.Conv2d(1, 6, 5)");
    const pool = withFields({ stride: "2", ceilMode: true }, "MaxPool2d").settings!;
    assert.equal(layerCode(pool), "new nn.MaxPool2d(2, { ceilMode: true })");
    assert.equal(
      layerCode(withFields({ stride: "1", dilation: "2" }, "MaxPool2d").settings!),
      "new nn.MaxPool2d(2, { stride: 1, dilation: 2 })",
    );
  });

  test("arrow keys step every number", () => {
    assert.equal(stepNumbers("3", 1), "4");
    assert.equal(stepNumbers("3, 5", -1), "2, 4");
    assert.equal(stepNumbers("0", -1), "-1");
    assert.equal(stepNumbers("same", 1), "same");
  });
});
