import assert from "node:assert/strict";
import * as fs from "node:fs";
import { after, test } from "node:test";
import { KernelError, type TraceReply } from "../../../src/kernel/protocol.js";
import { hintsOf, Kernel, Project } from "./support.js";

const kernel = new Kernel({ traceBudget: 3000 });
after(() => kernel.supervisor.dispose());

const lenet = `import { torch, nn, F, type Tensor } from "tensorscope";

/** LeNet-5.
 *  @input x float32[N, 1, 28, 28] */
export class LeNet extends nn.Module {
  conv1 = new nn.Conv2d(1, 6, 5, { padding: 2 });
  conv2 = new nn.Conv2d(6, 16, 5);
  pool = new nn.MaxPool2d(2);
  fc1 = new nn.Linear(16 * 5 * 5, 120);
  fc2 = new nn.Linear(120, 84);
  fc3 = new nn.Linear(84, 10);

  forward(x: Tensor): Tensor {
    x = this.pool(F.relu(this.conv1(x)));
    x = this.pool(F.relu(this.conv2(x)));       // a comment
    x = torch.flatten(x, 1);
    return this.fc3(F.relu(this.fc2(F.relu(this.fc1(x)))));
  }
}
`;

test("shapes, figures and the module tree of a model", async () => {
  using project = new Project({ "model.ts": lenet });
  const file = project.path("model.ts");
  const reply = await kernel.trace(file);
  assert.deepEqual(reply.diagnostics, []);
  assert.deepEqual(hintsOf(reply), [
    "14:41 [N, 6, 14, 14]",
    "15:41 [N, 16, 5, 5]",
    "16:28 [N, 400]",
    "17:59 [N, 10]",
  ]);
  const [model] = reply.modules;
  assert.equal(model?.status, "traced");
  assert.equal(model.parameters, 61_706);
  // Per sample: conv1 6·28·28·25, conv2 16·10·10·150, then the three matrices.
  assert.equal(model.macs, 117_600 + 240_000 + 48_000 + 10_080 + 840);
  assert.deepEqual(
    [model.inputShapes, model.outputs].map(([value]) => value?.text),
    ["[N, 1, 28, 28]", "[N, 10]"],
  );
  assert.deepEqual(model.nameRange, { start: { line: 4, column: 13 }, end: { line: 4, column: 18 } });
  const root = model.snapshot!.root;
  assert.deepEqual(
    root.children.map(({ name, className, location }) => [name, className, location?.line, location?.column]),
    [
      ["conv1", "Conv2d", 5, 2],
      ["conv2", "Conv2d", 6, 2],
      ["pool", "MaxPool2d", 7, 2],
      ["fc1", "Linear", 8, 2],
      ["fc2", "Linear", 9, 2],
      ["fc3", "Linear", 10, 2],
    ],
  );
  assert.deepEqual(root.children[1]?.inputShapes, [["N", 6, 14, 14]]);
  assert.deepEqual(root.children[1]?.outputShapes, [["N", 16, 10, 10]]);
});

test("the rest of the file is not evaluated", async () => {
  using project = new Project({
    "model.ts": `import { nn, type Tensor } from "tensorscope";
import * as fs from "node:fs";
import { spawnSync } from "node:child_process";
import express from "express";
import "./setup.js";
fs.writeFileSync(new URL("written.txt", import.meta.url), "x");
spawnSync("touch", ["spawned.txt"]);
const app = express();
app.listen(80);
const data = JSON.parse(fs.readFileSync("missing.json", "utf8"));
/** @input x float32[2, 3] */
export class Net extends nn.Module {
  fc = new nn.Linear(3, 4);
  forward(x: Tensor) { return this.fc(x); }
}
export const server = app.start();
process.exit(1);
throw new Error("evaluated");
while (true) {}
`,
    "setup.ts": `import * as fs from "node:fs"; fs.writeFileSync("setup.txt", "x"); process.exit(2);`,
  });
  const reply = await kernel.trace(project.path("model.ts"));
  assert.deepEqual(reply.diagnostics, []);
  assert.deepEqual(hintsOf(reply), ["14:41 [2, 4]"]);
  assert.deepEqual(
    ["written.txt", "spawned.txt", "setup.txt"].filter((name) => project.exists(name)),
    [],
  );
});

test("values are needed: a hint that says ▶, no error", async () => {
  using project = new Project({
    "item.ts": `import { nn, type Tensor } from "tensorscope";
/** @input x float32[4] */
export class Net extends nn.Module {
  forward(x: Tensor) {
    let y = x.add(1);
    if (y.sum().item() > 0) y = y.mul(2);
    return y;
  }
}
`,
    "file.ts": `import { nn, type Tensor } from "tensorscope";
import * as fs from "node:fs";
const sizes = JSON.parse(fs.readFileSync("sizes.json", "utf8"));
/** @input x float32[4] */
export class Net extends nn.Module {
  fc = new nn.Linear(4, sizes.hidden);
  forward(x: Tensor) { return this.fc(x); }
}
/** @input x float32[4] */
export class Fine extends nn.Module {
  forward(x: Tensor) { return x.add(1); }
}
`,
    "clock.ts": `import { nn, type Tensor } from "tensorscope";
/** @input x float32[4] */
export class Net extends nn.Module {
  forward(x: Tensor) {
    setTimeout(() => console.log("late"), 1);
    return x;
  }
}
`,
  });
  const item = await kernel.trace(project.path("item.ts"));
  assert.deepEqual(
    item.diagnostics.map(({ severity, code, range }) => [
      severity,
      code,
      range.start.line,
      range.start.column,
    ]),
    [["hint", "needsRun", 5, 8]],
  );
  assert.equal(item.modules[0]?.status, "needsRun");
  assert.deepEqual(hintsOf(item), ["5:21 [4]"]);

  const onFile = await kernel.trace(project.path("file.ts"));
  assert.deepEqual(
    onFile.modules.map(({ status, name }) => [name, status]),
    [
      ["Net", "needsRun"],
      ["Fine", "traced"],
    ],
  );
  assert.match(onFile.modules[0]!.message!, /sizes is known only on ▶: fs\.readFileSync/);

  const clock = await kernel.trace(project.path("clock.ts"));
  assert.match(clock.modules[0]!.message!, /setTimeout runs only on ▶/);
  assert.equal(clock.diagnostics[0]?.range.start.line, 4);
});

test("loops show first and last, only the branch taken shows, aliases and destructuring follow", async () => {
  using project = new Project({
    "model.ts": `import { torch, nn, type Tensor } from "tensorscope";
/** @input x float32[N, 4] */
export class Net extends nn.Module {
  forward(x: Tensor) {
    const alias = x;
    for (let i = 0; i < 3; i++) x = torch.cat([x, alias], 1);
    const [a, b] = torch.chunk(x, 2, 1);
    if (a.shape[1]! > 100) x = a;
    else x = b.reshape(-1);
    const both = { first: a, rest: [b, b] };
    const index = torch.argmax(both.first, 1), y = index.to(torch.float32);
    x.add_(1);
    return [y, index];
  }
}
`,
  });
  const reply = await kernel.trace(project.path("model.ts"));
  assert.deepEqual(reply.diagnostics, []);
  assert.deepEqual(hintsOf(reply), [
    "5:20 [N, 4]",
    "6:61 [N, 8] … [N, 16]",
    "7:12 [N, 8]",
    "7:15 [N, 8]",
    "9:27 [8N]",
    "10:44 (first: [N, 8], rest[0]: [N, 8], rest[1]: [N, 8])",
    "11:45 [N] int64",
    "11:74 [N] float32",
    "12:14 [8N]",
    "13:22 ([N], [N] int64)",
  ]);
  const loop = reply.hints.find(({ position }) => position.line === 5)!;
  assert.equal(loop.times, 3);
  assert.equal(loop.variable, "x");
  assert.equal(loop.scope, "Net.forward");
});

const blocks = `import { nn, F, type Tensor } from "tensorscope";
export class Block extends nn.Module {
  fc: nn.Linear;
  constructor(inFeatures: number, outFeatures: number) {
    super();
    this.fc = new nn.Linear(inFeatures, outFeatures);
  }
  forward(x: Tensor) {
    return this.act(this.fc(x));
  }
  act(x: Tensor) {
    const y = F.relu(x);
    return y;
  }
}
`;
const stack = `import { nn, type Tensor } from "tensorscope";
import { Block } from "@lib/block";
/** @input x float32[N, 8] */
export class Stack extends nn.Module {
  body = new nn.Sequential(new Block(8, 16), new Block(16, 32));
  forward(x: Tensor) { return this.body(x); }
}
`;
const tsconfig = `{ "compilerOptions": { /* a comment */ "paths": { "@lib/*": ["./lib/*"] }, "verbatimModuleSyntax": true } }`;

test("classes in other files, called several times: one call is shown, and it can be chosen", async () => {
  using project = new Project({ "stack.ts": stack, "lib/block.ts": blocks, "tsconfig.json": tsconfig });
  const [file, lib] = [project.path("stack.ts"), project.path("lib/block.ts")];
  const first = await kernel.trace(file);
  assert.deepEqual(first.diagnostics, []);
  assert.deepEqual(first.dependencies, [file, lib]);
  assert.deepEqual(hintsOf(first, lib), ["9:32 [N, 16]", "12:24 [N, 16]", "13:13 [N, 16]"]);
  assert.deepEqual(first.hints.find((hint) => hint.file === lib)?.call, {
    className: "Block",
    path: "body.0",
    index: 0,
    paths: ["body.0", "body.1"],
  });
  const second = await kernel.trace(file, {}, { Block: 1 });
  assert.deepEqual(hintsOf(second, lib), ["9:32 [N, 32]", "12:24 [N, 32]", "13:13 [N, 32]"]);
  const { children } = second.modules[0]!.snapshot!.root.children[0]!;
  assert.deepEqual(
    children.map(({ location }) => [location?.line, location?.column]),
    [
      [4, 27],
      [4, 45],
    ],
  );
  assert.deepEqual(children[0]!.children[0]!.location, { file: lib, line: 5, column: 4 });

  const alone = await kernel.trace(lib);
  assert.equal(alone.modules[0]?.status, "notConstructible");
  assert.match(alone.modules[0].message!, /inFeatures, outFeatures/);
  assert.deepEqual(alone.diagnostics, []);
});

test("unsaved buffers count, and their versions come back", async () => {
  using project = new Project({ "stack.ts": stack, "lib/block.ts": blocks, "tsconfig.json": tsconfig });
  const [file, lib] = [project.path("stack.ts"), project.path("lib/block.ts")];
  const reply = await kernel.trace(file, {
    [file]: stack.replace("Block(8, 16), new Block(16, 32)", "Block(8, 20), new Block(4, 4)"),
    [lib]: blocks.replace("F.relu(x)", "F.relu(x).reshape(-1, 4)"),
  });
  assert.deepEqual(Object.keys(reply.versions), [file, lib]);
  assert.deepEqual(hintsOf(reply, lib).slice(1), ["12:39 [5N, 4]", "13:13 [5N, 4]"]);
  assert.equal(fs.readFileSync(file, "utf8"), stack);
});

test("a shape error stands at the guilty call, with the hints before it", async () => {
  using project = new Project({ "stack.ts": stack, "lib/block.ts": blocks, "tsconfig.json": tsconfig });
  const file = project.path("model.ts");
  const broken = lenet.replace("16 * 5 * 5", "256");
  const reply = await kernel.trace(file, { [file]: broken });
  const [error] = reply.diagnostics;
  assert.equal(reply.diagnostics.length, 1);
  const line = broken.split("\n")[16]!;
  assert.equal(line.slice(error!.range.start.column, error!.range.end.column), "this.fc1(x)");
  assert.deepEqual(
    [error?.code, error?.severity, error?.range.start.line, error?.module],
    ["shape", "error", 16, "LeNet"],
  );
  assert.match(error!.message, /400.*256|256.*400/);
  assert.equal(reply.modules[0]?.status, "failed");
  assert.equal(reply.modules[0].parameters, 61_706 - 144 * 120);
  assert.deepEqual(hintsOf(reply), ["14:41 [N, 6, 14, 14]", "15:41 [N, 16, 5, 5]", "16:28 [N, 400]"]);

  // In the file where it happens, not where it is called from.
  const stackFile = project.path("stack.ts");
  const inLib = await kernel.trace(stackFile, {
    [stackFile]: stack.replace("Block(16, 32)", "Block(17, 32)"),
  });
  assert.deepEqual(
    inLib.diagnostics.map((diagnostic) => [diagnostic.file, diagnostic.range.start]),
    [[project.path("lib/block.ts"), { line: 8, column: 20 }]],
  );

  // In a constructor.
  const wrong = lenet.replace("new nn.Linear(120, 84)", 'new nn.Linear(120, JSON.parse("}"))');
  const inField = await kernel.trace(file, { [file]: wrong });
  assert.match(inField.diagnostics[0]!.message, /SyntaxError: .*JSON/);
  assert.equal(inField.diagnostics[0]!.code, "error");
  assert.deepEqual(inField.diagnostics[0]!.range.start, { line: 9, column: 27 });
});

test("an endless loop costs the budget and a clear message at its line", async () => {
  using project = new Project({});
  const file = project.path("model.ts");
  const looping = lenet.replace("x = torch.flatten(x, 1);", "while (true) x = x.add(1);");
  using short = new Kernel({ traceBudget: 500 });
  const reply = await short.trace(file, { [file]: looping });
  assert.deepEqual(
    reply.diagnostics.map(({ code, range }) => [code, range.start.line]),
    [["timeout", 15]],
  );
  const pid = short.supervisor.pids.tracer;
  assert.equal((await short.trace(file, { [file]: lenet })).modules[0]?.status, "traced");
  assert.equal(short.supervisor.pids.tracer, pid, "the tracer stopped the code itself and lives on");

  // What only the outside can stop: the process is replaced, and the next trace finds it warm.
  const stuck = lenet.replace("x = torch.flatten(x, 1);", `/^(a+)+$/.test("a".repeat(40) + "b");`);
  const outcome = await short.trace(file, { [file]: stuck });
  assert.equal(outcome.diagnostics[0]?.code, "timeout");
  assert.equal(outcome.diagnostics[0].range.start.line, 15);
  assert.equal((await short.trace(file, { [file]: lenet })).modules[0]?.status, "traced");
  assert.notEqual(short.supervisor.pids.tracer, pid);

  // In a constructor, before anything is recorded.
  const early = lenet.replace("  forward(", "  constructor() { super(); for (;;) {} }\n  forward(");
  const inConstructor = await short.trace(file, { [file]: early });
  assert.deepEqual(
    inConstructor.diagnostics.map(({ code, range }) => [code, range.start.line]),
    [["timeout", 12]],
  );
});

test("code that blocks the process is killed, and says so", async () => {
  using project = new Project({});
  const file = project.path("model.ts");
  using short = new Kernel({ traceBudget: 300 });
  await short.trace(file, { [file]: lenet });
  const pid = short.supervisor.pids.tracer;
  process.kill(pid!, "SIGSTOP");
  await assert.rejects(short.trace(file, { [file]: `${lenet}\n` }), (error) => {
    assert.ok(error instanceof KernelError);
    assert.equal(error.reason, "timeout");
    assert.match(error.message, /longer than 0.3 s/);
    return true;
  });
  assert.equal((await short.trace(file, { [file]: lenet })).modules[0]?.status, "traced");
  assert.notEqual(short.supervisor.pids.tracer, pid);
  assert.ok(short.of("state").some(({ state, message }) => state === "stopped" && message !== undefined));
});

test("a syntax error is reported at its place; nothing else is claimed", async () => {
  using project = new Project({ "stack.ts": stack, "lib/block.ts": blocks, "tsconfig.json": tsconfig });
  const file = project.path("model.ts");
  const reply = await kernel.trace(file, {
    [file]: lenet.replace("torch.flatten(x, 1)", "torch.flatten(x, "),
  });
  assert.equal(reply.parsed, false);
  assert.deepEqual([reply.modules, reply.hints], [[], []]);
  assert.equal(reply.diagnostics[0]?.code, "syntax");
  assert.equal(reply.diagnostics[0].range.start.line, 15);
  const lib = project.path("lib/block.ts");
  const inImport = await kernel.trace(project.path("stack.ts"), {
    [lib]: blocks.replace("super();", "super("),
  });
  assert.equal(inImport.parsed, false);
  assert.equal(inImport.diagnostics[0]?.file, lib);
  const missing = await kernel.trace(file, {
    [file]: lenet.replace("\n", `\nimport { z } from "./z.js";\n`).replace("flatten(x, 1)", "flatten(x, z)"),
  });
  assert.deepEqual(
    missing.diagnostics.map(({ code, range }) => [code, range.start.line, range.start.column]),
    [["unresolved", 1, 18]],
  );
});

test("without an @input one is proposed, as an edit that works", async () => {
  using project = new Project({});
  const file = project.path("model.ts");
  const apply = (text: string, { inputEdit }: TraceReply["modules"][number]): string => {
    const lines = text.split("\n");
    const offset = ({ line, column }: { line: number; column: number }): number =>
      lines.slice(0, line).reduce((sum, row) => sum + row.length + 1, 0) + column;
    const { range, text: added } = inputEdit!;
    return text.slice(0, offset(range.start)) + added + text.slice(offset(range.end));
  };
  for (const comment of ["", "/** LeNet-5. */\n", "/**\n * LeNet-5.\n */\n"]) {
    const bare = lenet.replace(/\/\*\*[^]*?\*\/\n/, comment);
    const [model] = (await kernel.trace(file, { [file]: bare })).modules;
    assert.deepEqual([model?.status, model?.inputs[0]?.text], ["traced", "x float32[N, 1, 28, 28]"]);
    const edited = apply(bare, model!);
    const [again] = (await kernel.trace(file, { [file]: edited })).modules;
    assert.equal(again?.inputEdit, undefined, edited);
    assert.equal(again?.inputs[0]?.text, "x float32[N, 1, 28, 28]");
  }
  const two = `import { nn, type Tensor } from "tensorscope";
export class Net extends nn.Module {
  forward(a: Tensor, b: Tensor, c?: Tensor) { return a.add(b); }
}
`;
  const [none] = (await kernel.trace(file, { [file]: two })).modules;
  assert.equal(none?.status, "noInput");
  const tagged = two.replace(
    "export",
    "/** @input b float32[3]\n * @input a [N, 3]\n * @input d [1] */\nexport",
  );
  const reply = await kernel.trace(file, { [file]: tagged });
  assert.deepEqual(
    reply.diagnostics.map(({ code, message, range }) => [code, message, range.start]),
    [["input", "forward has no parameter d, only a, b, c", { line: 3, column: 10 }]],
  );
  const good = await kernel.trace(file, { [file]: tagged.replace("d [1]", "c [1]") });
  assert.deepEqual(hintsOf(good), ["6:62 [N, 3]"]);
});

test("training functions are listed, console output comes out, and newer traces replace older ones", async () => {
  using project = new Project({});
  const file = project.path("model.ts");
  const text = `${lenet}
/** @train Train on digits */
export function train(): void { throw new Error("not called"); }
`.replace("x = torch.flatten(x, 1);", `x = torch.flatten(x, 1); console.log("seen", x.shape[1]);`);
  const older = kernel.trace(file, { [file]: lenet });
  const reply = await Promise.all([
    assert.rejects(older, (error) => error instanceof KernelError && error.reason === "superseded"),
    kernel.trace(file, { [file]: text }),
  ]).then(([, newer]) => newer);
  assert.deepEqual(
    reply.trainings.map(({ name, title, nameRange }) => [name, title, nameRange.start.line]),
    [["train", "Train on digits", 21]],
  );
  assert.ok(
    kernel.of("console").some(({ kernel: from, text: line }) => from === "tracer" && line === "seen 400"),
  );
});
