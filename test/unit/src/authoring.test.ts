import assert from "node:assert/strict";
import { test } from "node:test";
import { duration, figure, firstLine, short, shapes } from "../../../src/authoring/figures.js";
import { layerAt, layerSettings } from "../../../src/authoring/layerLiteral.js";
import { isModelSource, outline } from "../../../src/authoring/outline.js";
import { shiftRange, shiftPosition, shiftTrace, type Change } from "../../../src/authoring/shift.js";
import type { Range, TraceReply } from "../../../src/kernel/protocol.js";

const range = (a: number, b: number, c: number, d: number): Range => ({
  start: { line: a, column: b },
  end: { line: c, column: d },
});

test("counts, times and figures as lenses write them", () => {
  assert.deepEqual([61_706, 416_520, 850, 4_472_320, 1.1e9, 0].map(short), [
    "61.7 k",
    "0.42 M",
    "850",
    "4.47 M",
    "1.10 G",
    "0",
  ]);
  assert.deepEqual([0.256, 3.21, 42, 3400, 12_000, 125_000, 3_720_000].map(duration), [
    "0.26 ms",
    "3.2 ms",
    "42 ms",
    "3.4 s",
    "12 s",
    "2 min 05 s",
    "1 h 02 min",
  ]);
  assert.deepEqual([0.123456, 3, NaN, 1e-7, 123_456.7].map(figure), [
    "0.1235",
    "3",
    "NaN",
    "1.000e-7",
    "1.235e+5",
  ]);
  assert.equal(firstLine("one\ntwo"), "one");
  assert.equal(firstLine("abcdefgh", 5), "abcd…");
  const value = (shape: number[]) => ({ path: "", shape, dtype: "float32", text: "" });
  assert.equal(shapes([value([1, 2]), value([3]), value([]), value([4])]), "[1,2] [3] +2");
});

test("an outline finds models and training functions, and nothing in comments or strings", () => {
  const text = `import { nn } from "tensorscope";
// export class Commented extends nn.Module {}
const s = "export class Quoted extends nn.Module {}";
abstract class Base extends nn.Module {}
export class Net extends Base {}
class Later<T> extends nn.Module {}
export { Later as Public };
export class Plain {}
/** @train Fit it */
export async function fit() {}
export default class extends nn.Sequential {}
`;
  assert.deepEqual(
    outline(text).map(({ kind, name, title, nameRange }) => [kind, name, title, nameRange.start.line]),
    [
      ["module", "Net", undefined, 4],
      ["module", "Public", undefined, 5],
      ["train", "fit", "Fit it", 9],
      ["module", "default", undefined, 10],
    ],
  );
  assert.deepEqual(outline(text.replace("tensorscope", "elsewhere")), []);
  assert.ok(isModelSource(`const { nn } = require("tensorscope")`));
  assert.ok(!isModelSource(`// tensorscope is not imported`));
});

test("positions move with edits before them, and go with what is deleted", () => {
  const insert: Change = { range: range(1, 4, 1, 4), text: "ab\ncd" };
  assert.deepEqual(shiftPosition({ line: 1, column: 3 }, insert, "right"), { line: 1, column: 3 });
  assert.deepEqual(shiftPosition({ line: 1, column: 6 }, insert, "right"), { line: 2, column: 4 });
  assert.deepEqual(shiftPosition({ line: 2, column: 6 }, insert, "right"), { line: 3, column: 6 });
  assert.deepEqual(shiftPosition({ line: 1, column: 4 }, insert, "left"), { line: 1, column: 4 });
  const remove: Change = { range: range(1, 2, 3, 1), text: "" };
  assert.equal(shiftPosition({ line: 2, column: 0 }, remove, "right"), undefined);
  assert.deepEqual(shiftPosition({ line: 3, column: 5 }, remove, "right"), { line: 1, column: 6 });
  assert.equal(shiftRange(range(1, 5, 2, 3), remove), undefined);
  assert.deepEqual(shiftRange(range(3, 2, 3, 4), remove), range(1, 3, 1, 5));
});

test("a trace's places of the edited file move, those of others stay", () => {
  const hint = (file: string, line: number) => ({
    file,
    position: { line, column: 10 },
    range: range(line, 2, line, 10),
    text: "[1]",
    values: [],
    module: "Net",
    scope: "Net.forward",
    times: 1,
  });
  const trace: TraceReply = {
    file: "/a.ts",
    versions: {},
    dependencies: ["/a.ts", "/b.ts"],
    parsed: true,
    modules: [],
    trainings: [],
    hints: [hint("/a.ts", 2), hint("/a.ts", 5), hint("/b.ts", 5)],
    diagnostics: [{ file: "/a.ts", range: range(5, 2, 5, 9), message: "", severity: "error", code: "shape" }],
    milliseconds: 1,
  };
  const moved = shiftTrace(trace, "/a.ts", [
    { range: range(0, 0, 0, 0), text: "\n" },
    { range: range(3, 0, 4, 0), text: "" },
  ]);
  assert.deepEqual(
    moved.hints.map(({ file, position }) => [file, position.line]),
    [
      ["/a.ts", 5],
      ["/b.ts", 5],
    ],
  );
  assert.equal(moved.diagnostics[0]?.range.start.line, 5);
});

test("a layer's literal becomes the calculator's settings", () => {
  const text = `a = new nn.Conv2d(3, 16 * 2, [3, 5], { stride: 2, padding: "same", bias: false });
b = new nn.MaxPool2d(2, 1);
c = new nn.Conv2d(channels, 8, 3, 1, 1);`;
  const at = (needle: string) => layerAt(text, text.indexOf(needle))!;
  assert.deepEqual(layerSettings(at("16")), {
    kind: "Conv2d",
    input: [1, 3, 28, 28],
    outChannels: 32,
    kernelSize: [3, 5],
    stride: [2, 2],
    padding: "same",
    dilation: [1, 1],
    groups: 1,
    bias: false,
  });
  const pool = layerSettings(at("MaxPool2d"), [4, 6, 28, 28]);
  assert.deepEqual(
    [pool.kind, pool.input, pool.kernelSize, pool.stride],
    ["MaxPool2d", [4, 6, 28, 28], [2, 2], [1, 1]],
  );
  const unknown = layerSettings(at("channels"));
  assert.deepEqual(
    [unknown.input, unknown.padding],
    [
      [1, 1, 28, 28],
      [1, 1],
    ],
  );
  assert.equal(layerAt("const x = 1;", 3), undefined);
});
