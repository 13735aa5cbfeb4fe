import assert from "node:assert/strict";
import { after, test } from "node:test";
import { Lines } from "../../../runtime/source/edits.js";
import type { TraceReply } from "../../../src/kernel/protocol.js";
import { applied } from "../../../src/kernel/trials.js";
import { Kernel, Project } from "./support.js";

const kernel = new Kernel({ traceBudget: 10_000 });
after(() => kernel.supervisor.dispose());

const head = `import { torch, nn, F, optim, type Tensor } from "tensorscope";\n`;

/** Diagnostics as `id «guilty text»`, and the text with the first fix of each applied one after the other. */
async function lint(source: string): Promise<{ found: string[]; mended: string; reply: TraceReply }> {
  using project = new Project({});
  const text = head + source;
  const file = project.write("model.ts", text);
  const reply = await kernel.trace(file);
  const lines = new Lines(text);
  const found = reply.diagnostics.map(
    ({ code, range }) => `${code} «${text.slice(lines.offset(range.start), lines.offset(range.end))}»`,
  );
  const [first] = reply.diagnostics;
  const mended = first?.fixes?.[0] === undefined ? text : applied(text, first.fixes[0].edits);
  project.write("model.ts", mended);
  const again = await kernel.trace(file);
  if (mended !== text) assert.deepEqual(again.diagnostics, [], mended);
  return { found, mended, reply };
}

test("plain-array: modules in arrays and objects, unless they are registered elsewhere", async () => {
  const model = (field: string, use: string): string => `/** @input x float32[N, 4] */
export class Net extends nn.Module {
  ${field}
  forward(x: Tensor) { ${use} return x; }
}
`;
  const list = await lint(model("layers = [new nn.Linear(4, 4)];", "for (const l of this.layers) x = l(x);"));
  assert.deepEqual(list.found, ["plain-array «[new nn.Linear(4, 4)]»"]);
  assert.match(list.mended, /layers = new nn\.ModuleList\(\[new nn\.Linear\(4, 4\)\]\);/);
  const registered = model("a = new nn.Linear(4, 4);\n  all = [this.a];", "x = this.all[0]!(x);");
  assert.deepEqual((await lint(registered)).found, []);
});

test("plain-tensor: neither parameter nor buffer", async () => {
  const model = (body: string): string => `/** @input x float32[N, 4] */
export class Net extends nn.Module {
${body}
  forward(x: Tensor) { return x.mul(this.scale); }
}
`;
  const field = await lint(model("  scale = torch.ones(4);"));
  assert.deepEqual(field.found, ["plain-tensor «torch.ones(4)»"]);
  assert.match(field.mended, /scale = new nn\.Parameter\(torch\.ones\(4\)\);/);
  const buffer = model(
    `  declare scale: Tensor;\n  constructor() { super(); this.registerBuffer("scale", torch.ones(4)); }`,
  );
  assert.deepEqual((await lint(buffer)).found, []);
});

test("softmax-cross-entropy: before the loss, in forward, at the end of a Sequential", async () => {
  const direct = await lint(`
export function loss(logits: Tensor, target: Tensor) {
  const p = F.softmax(logits, 1);
  return F.crossEntropy(p, target);
}
`);
  assert.deepEqual(direct.found, ["softmax-cross-entropy «F.softmax(logits, 1)»"]);
  assert.match(direct.mended, /const p = logits;/);
  const inForward = await lint(`/** @input x float32[N, 4] */
export class Net extends nn.Module {
  fc = new nn.Linear(4, 3);
  forward(x: Tensor) { return this.fc(x).softmax(1); }
}
export function step(x: Tensor, y: Tensor) {
  const model = new Net();
  const criterion = new nn.CrossEntropyLoss();
  return criterion(model(x), y);
}
`);
  assert.deepEqual(inForward.found, ["softmax-cross-entropy «this.fc(x).softmax(1)»"]);
  assert.match(inForward.mended, /return this\.fc\(x\);/);
  const last = await lint(`
export function step(x: Tensor, y: Tensor) {
  const model = new nn.Sequential(new nn.Linear(4, 3), new nn.Softmax(1));
  return F.crossEntropy(model(x), y);
}
`);
  assert.deepEqual(last.found, ["softmax-cross-entropy «new nn.Softmax(1)»"]);
  assert.match(last.mended, /new nn\.Sequential\(new nn\.Linear\(4, 3\)\);/);
});

const loop = (body: string): string => `
export function train(x: Tensor, y: Tensor) {
  const model = new nn.Sequential(new nn.Linear(4, 3), new nn.Dropout());
  const optimizer = new optim.SGD(model.parameters(), { lr: 0.1 });
  for (let epoch = 0; epoch < 3; epoch++) {
${body}
  }
}
`;

test("zero-grad: a loop that steps and never clears", async () => {
  const body = "    const loss = F.crossEntropy(model(x), y);\n    loss.backward();\n    optimizer.step();";
  const { found, mended } = await lint(loop(body));
  assert.deepEqual(found, ["zero-grad «loss.backward()»"]);
  assert.match(mended, / {4}optimizer\.zeroGrad\(\);\n {4}loss\.backward\(\);/);
  assert.deepEqual((await lint(loop(`    optimizer.zeroGrad();\n${body}`))).found, []);
});

test("eval-mode: eval() without train() in the loop, and a validation in training mode", async () => {
  const step =
    "    optimizer.zeroGrad();\n    F.crossEntropy(model(x), y).backward();\n    optimizer.step();\n";
  const stays = await lint(loop(`${step}    model.eval();\n    torch.noGrad(() => model(x));`));
  assert.deepEqual(stays.found, ["eval-mode «model.eval()»"]);
  assert.match(stays.mended, /model\.train\(\);\n {4}optimizer\.zeroGrad/);
  const never = await lint(loop(`${step}    torch.noGrad(() => model(x));`));
  assert.deepEqual(never.found, ["eval-mode «torch.noGrad(() => model(x))»"]);
  assert.match(never.mended, /model\.eval\(\);\n {4}torch\.noGrad\(\(\) => model\(x\)\); model\.train\(\);/);
});

test("a comment keeps a lint quiet, on its line or above it", async () => {
  const model = (field: string): string => `/** @input x float32[N, 4] */
export class Net extends nn.Module {
${field}
  forward(x: Tensor) { return this.layers[0]!(x); }
}
`;
  const field = "  layers = [new nn.Linear(4, 4)];";
  assert.deepEqual((await lint(model(`${field} // tensorscope-ignore plain-array`))).found, []);
  assert.deepEqual((await lint(model(`  // tensorscope-ignore: it is meant\n${field}`))).found, []);
  assert.equal((await lint(model(`${field} // tensorscope-ignore zero-grad`))).found.length, 1);
});
