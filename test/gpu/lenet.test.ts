/** LeNet trains on webgpu: the CPU's losses, parameters that stay there, and nothing else that goes and comes. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { nn, optim, torch } from "../../runtime/index.js";
import { distance, engineStats, LeNet, numbers } from "./support.js";

const BATCH = 16;

/** A training loop, a step at a time. */
function training(device: string, optimizer: "SGD" | "AdamW"): { model: LeNet; step: () => number } {
  torch.manualSeed(0);
  const model = new LeNet().to(device);
  const descent =
    optimizer === "SGD"
      ? new optim.SGD(model.parameters(), 0.01, { momentum: 0.9 })
      : new optim.AdamW(model.parameters(), { lr: 1e-3 });
  const criterion = new nn.CrossEntropyLoss();
  const step = (): number => {
    const x = torch.randn(BATCH, 1, 28, 28).to(device);
    const y = torch.randint(0, 10, [BATCH]).to(device);
    descent.zeroGrad();
    const loss = criterion(model(x), y);
    loss.backward();
    descent.step();
    return loss.item();
  };
  return { model, step };
}

for (const optimizer of ["SGD", "AdamW"] as const) {
  test(`${optimizer}: losses and weights are the CPU's`, () => {
    const results = ["cpu", "webgpu"].map((device) => {
      const { model, step } = training(device, optimizer);
      const losses = Array.from({ length: 8 }, step);
      return { losses, weights: [...model.parameters()].flatMap(numbers) };
    });
    const [onCpu, onDevice] = [results[0]!, results[1]!];
    assert.ok(distance(onDevice.losses, onCpu.losses) < 1e-4, String(onDevice.losses));
    assert.ok(distance(onDevice.weights, onCpu.weights) < 1e-3);
  });
}

test("a step sends the inputs and its numbers, and brings the loss and the model's result", () => {
  const { step } = training("webgpu", "SGD");
  for (let i = 0; i < 4; i++) step();
  const before = engineStats();
  for (let i = 0; i < 5; i++) step();
  const after = engineStats();
  assert.equal(after.sessionsCreated, before.sessionsCreated, "nothing is compiled again");
  assert.equal(after.deviceTensors, before.deviceTensors, "nothing piles up");
  const each = (key: "uploads" | "uploadedBytes" | "downloads" | "downloadedBytes"): number =>
    (after.transfers[key] - before.transfers[key]) / 5;
  // The batch of images; the targets as indices and as two masks; learning rate, momentum, damping.
  assert.equal(each("uploads"), 7);
  assert.ok(each("uploadedBytes") - BATCH * 784 * 4 < 1024, String(each("uploadedBytes")));
  // The loss, and what the outermost module gave to user code.
  assert.equal(each("downloads"), 2);
  assert.equal(each("downloadedBytes"), 4 + BATCH * 10 * 4);
});

test("all arithmetic of floats is on the device: ONNX Runtime's own account", () => {
  const program = `
    const { nn, optim, torch } = await import(${JSON.stringify(new URL("../../runtime/index.js", import.meta.url).href)});
    const { LeNet } = await import(${JSON.stringify(new URL("./support.js", import.meta.url).href)});
    const model = new LeNet().to("webgpu");
    const descent = new optim.SGD(model.parameters(), 0.01, { momentum: 0.9 });
    const loss = new nn.CrossEntropyLoss()(model(torch.randn(4, 1, 28, 28).to("webgpu")), torch.tensor([1, 2, 3, 4]).to("webgpu"));
    loss.backward();
    descent.step();
    console.log(loss.item());`;
  const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", program], {
    encoding: "utf8",
    env: { ...process.env, TENSORSCOPE_LOG: "placement", NODE_TEST_CONTEXT: undefined },
  });
  assert.ok(Number(stdout) > 0, stderr);
  const nodes = [...stderr.matchAll(/^placement: (webgpu|cpu) (\d+) (\w+)$/gm)].map((m) => ({
    device: m[1]!,
    count: Number(m[2]),
    op: m[3]!,
  }));
  const count = (device: string, op: string): number =>
    nodes.filter((n) => n.device === device && n.op.includes(op)).reduce((sum, n) => sum + n.count, 0);
  for (const op of ["Conv", "ConvTranspose", "Gemm", "MatMul", "ReduceMax", "Relu"]) {
    assert.ok(count("webgpu", op) > 0, `${op} runs on the device\n${stderr}`);
    assert.equal(count("cpu", op), 0, `${op} does not run on the CPU`);
  }
  // Targets are whole numbers of 64 bits: the CPU's, two nodes inside the graph included.
  const onCpu = nodes.filter(({ device }) => device === "cpu").map(({ op }) => op);
  assert.deepEqual(onCpu, ["Less", "Where"]);
  const elsewhere = stderr.match(/^placement: (\w+): on the CPU.*$/gm) ?? [];
  assert.ok(
    elsewhere.every((line) => /int64|bool/.test(line)),
    elsewhere.join("\n"),
  );
});
