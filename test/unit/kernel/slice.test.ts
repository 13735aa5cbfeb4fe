import assert from "node:assert/strict";
import { test } from "node:test";
import ts from "typescript";
import { Edits, Lines } from "../../../runtime/source/edits.js";
import { instrument, Sites } from "../../../src/kernel/instrument.js";
import { slice, writeSlice } from "../../../src/kernel/slice.js";
import {
  classCandidates,
  docTags,
  parse,
  syntaxErrors,
  trainingFunctions,
} from "../../../runtime/source/syntax.js";

function sliced(text: string, ...wanted: string[]): { text: string; imports: Record<string, string[]> } {
  const file = parse("/model.ts", text);
  const part = slice(file, new Set(wanted));
  const edits = new Edits();
  writeSlice(file, part, edits, "probe");
  const imports = Object.fromEntries([...part.imports].map(([from, { names }]) => [from, [...names].sort()]));
  return { text: edits.apply(text).text, imports };
}

test("edits know where every character came from", () => {
  const text = "abc def";
  const edits = new Edits();
  edits.insert(4, "<");
  edits.insertFirst(4, "!");
  edits.replace(1, 3, "");
  const result = edits.apply(text);
  assert.equal(result.text, "a !<def");
  assert.deepEqual(
    [0, 1, 2, 3, 4, 6].map((at) => result.origin(at)),
    [0, 3, 4, 4, 4, 6],
  );
  const lines = new Lines("ab\r\nc\rd\n");
  assert.deepEqual(lines.position(4), { line: 1, column: 0 });
  assert.deepEqual(lines.position(6), { line: 2, column: 0 });
  assert.deepEqual(lines.position(99), { line: 3, column: 0 });
  assert.equal(lines.offset({ line: 2, column: 1 }), 7);
});

test("a slice keeps the model and what it reaches, and drops the rest", () => {
  const { text, imports } = sliced(
    `import { nn } from "tensorscope";
import fs, { readFileSync as read } from "node:fs";
import { helper, unused } from "./helper.js";
import * as data from "./data.js";
import type { Config } from "./config.js";
const size = 8;
const loader = data.load();
startServer();
function scale(x: number) { return helper(x) * size; }
function startServer() { read("x"); }
export class Net extends nn.Module { a = scale(2); forward(x: Config) { return x; } }
Net.prototype.name = "net";
if (process.argv.length > 5) train();
export function train() { fs.rmSync("everything"); loader.next(); }
`,
    "Net",
  );
  assert.match(text, /const size = 8/);
  assert.match(text, /function scale/);
  assert.match(text, /Net\.prototype\.name = "net"/);
  assert.match(text, /import \{helper\} from "\.\/helper\.js"/);
  assert.doesNotMatch(text, /startServer|loader|rmSync|process|readFileSync|unused|data\.js/);
  assert.equal(text.split("\n").length, 15, "lines stay where they are");
  assert.deepEqual(imports, { tensorscope: ["nn"], "./helper.js": ["helper"] });
});

test("a slice narrows what is exported again, and follows re-exports", () => {
  const { text, imports } = sliced(
    `class A {}\nclass B {}\nexport { A, B as C };\nexport { X, Y } from "./x.js";\nexport * from "./rest.js";\n`,
    "A",
    "Y",
  );
  assert.match(text, /export \{A\};/);
  assert.match(text, /export \{Y\} from/);
  assert.doesNotMatch(text, /class B/);
  assert.deepEqual(imports, { "./x.js": ["Y"], "./rest.js": ["A", "Y"] });
});

test("initialisers are guarded, awaited ones wait for a run, plain ones stay", () => {
  const { text } = sliced(
    `const a = load();\nconst b = await fetch("x");\nconst c = () => 1;\nexport const d = [a, b, c];\n`,
    "d",
  );
  assert.match(text, /const a = probe\.guard\("a",\(\)=>\(load\(\)\)\);/);
  assert.match(text, /const b = probe\.later\("b"\);/);
  assert.match(text, /const c = \(\) => 1;/);
});

test("candidates are exported classes that extend something, trainings carry @train", () => {
  const file = parse(
    "/model.ts",
    `class Plain extends Base {}
export class A extends nn.Module {}
export abstract class B extends nn.Module {}
export class NotOne {}
export const C = class extends A {};
export default class extends A {}
class D extends A {}
export { D as Dee, D };
/** Learns.
 *  @train Train on digits  */
export async function fit() {}
/** @train */
export const go = () => {};
/** @train */
function hidden() {}
`,
  );
  assert.deepEqual(
    classCandidates(file).map(({ name }) => name),
    ["A", "C", "default", "Dee"],
  );
  const trainings = trainingFunctions(file);
  assert.deepEqual(
    trainings.map(({ name, title, nameRange }) => [name, title, nameRange.start]),
    [
      ["fit", "Train on digits", { line: 10, column: 22 }],
      ["go", "", { line: 12, column: 13 }],
    ],
  );
});

test("doc tags keep their place, whatever the comment's form", () => {
  const text = "/** One. @input no\n *  @input x [1]\r\n * @input y [2] */\nclass A {}\n";
  const tags = docTags(parse("/a.ts", text).tree.statements[0]!);
  assert.deepEqual(
    tags.map(({ tag, text: rest, start }) => [tag, rest, text.slice(start, start + 1)]),
    [
      ["input", "x [1]", "x"],
      ["input", "y [2]", "y"],
    ],
  );
  const oneLine = docTags(parse("/a.ts", "/** @input x float32[1] */ class A {}").tree.statements[0]!);
  assert.deepEqual(
    oneLine.map(({ text: rest }) => rest),
    ["x float32[1]"],
  );
});

test("syntax errors have exact ranges", () => {
  const [error] = syntaxErrors(parse("/a.ts", "class A {\n  forward(x {\n}\n"));
  assert.deepEqual(error?.range.start, { line: 1, column: 12 });
  assert.equal(error?.code, "syntax");
});

/** Instruments, runs, and returns what was reported: `source text = value`. */
function reported(text: string, call: string): { seen: string[]; result: unknown } {
  const file = parse("/model.ts", text);
  const sites = new Sites();
  const edits = new Edits();
  instrument(file, new Set(file.tree.statements), sites, edits, "probe");
  const { text: code } = edits.apply(text);
  const js = ts.transpileModule(code, { compilerOptions: { target: ts.ScriptTarget.ES2022 } }).outputText;
  const seen: string[] = [];
  const stack: number[] = [];
  const probe = {
    at: () => undefined,
    enter: (fn: number) => stack.push(fn),
    leave: () => stack.pop(),
    value: (site: number, value: unknown) => {
      const { start, end, fn } = sites.values[site]!;
      if (stack.at(-1) === fn) seen.push(`${text.slice(start, end)} = ${JSON.stringify(value)}`);
      return value;
    },
  };
  const run = new Function("probe", `${js.replace(/^export /gm, "")}\nreturn ${call};`) as (
    p: object,
  ) => unknown;
  const result = run(probe);
  assert.deepEqual(stack, [], "every call was left");
  return { seen, result };
}

test("instrumented code does what it did, and reports assignments, declarations and returns", () => {
  const { seen, result } = reported(
    `function f(x: number) {
  let y = x + 1
  y = y * 2;
  const [a, { b: c }] = [y, { b: 5 }] as const
  ;[y] = [c]
  if (a > 3) y = a; else y = 0
  for (let i = 0; i < 2; i++) y = y + i
  for (const item of [7, 8]) { item; }
  out: while (true) { if (y > 0) break out; }
  return y as number
}`,
    "f(1)",
  );
  assert.equal(result, 5);
  assert.deepEqual(seen, [
    "let y = x + 1 = 2",
    "y = y * 2; = 4",
    "a = 4",
    "c = 5",
    "y = 5",
    "y = a; = 4",
    "y = y + i = 4",
    "y = y + i = 5",
    "item = 7",
    "item = 8",
    "return y as number = 5",
  ]);
});

test("methods, helpers, inner functions and exceptions keep the stack of calls right", () => {
  const { seen, result } = reported(
    `class A {
  scale = 3;
  get twice() { return this.scale * 2; }
  helper(x: number) { const g = (v: number) => { return v + 1; }; return g(x); }
  fails(): number { throw new Error("no"); }
  forward(x: number) {
    try { return this.fails() } catch { x = this.helper(x) }
    let z; this.scale = x;
    do z = this.twice; while (z < 0)
    switch (z) { case 4: z = 10; default: z = z + 1 }
    return z;
  }
  act = (x: number) => { const z = x + this.scale; return z; };
  *gen() { yield 1; return 2; }
}`,
    "[new A().forward(1), ...new A().gen(), new A().act(1)]",
  );
  assert.deepEqual(result, [11, 1, 4]);
  assert.deepEqual(seen, [
    "return v + 1; = 2",
    "return g(x); = 2",
    "x = this.helper(x) = 2",
    "this.scale = x; = 2",
    "return this.scale * 2; = 4",
    "z = this.twice; = 4",
    "z = z + 1 = 11",
    "return z; = 11",
    "const z = x + this.scale; = 4",
    "return z; = 4",
  ]);
});
