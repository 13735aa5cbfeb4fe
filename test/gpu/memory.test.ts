/** Memory of the device: nothing piles up, and what was overwritten is told by name. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { nn, optim, torch, type Tensor } from "../../runtime/index.js";
import { distance, engineStats, numbers } from "./support.js";

test("1000 steps: as many tensors on the device as after 20, and memory is flat", () => {
  const model = new nn.Sequential(new nn.Linear(64, 128), new nn.Tanh(), new nn.Linear(128, 8)).to("webgpu");
  const descent = new optim.AdamW(model.parameters(), { lr: 1e-3 });
  const step = (): void => {
    descent.zeroGrad();
    model(torch.randn(16, 64).to("webgpu")).pow(2).mean().backward();
    descent.step();
  };
  const run = (n: number): ReturnType<typeof engineStats> => {
    for (let i = 0; i < n; i++) step();
    return engineStats();
  };
  const early = run(20);
  const middle = run(480);
  const late = run(500);
  assert.equal(middle.deviceTensors, early.deviceTensors);
  assert.equal(late.deviceTensors, early.deviceTensors);
  assert.equal(late.sessionsCreated, early.sessionsCreated);
  assert.ok(late.rss - middle.rss < 16e6, `${String((late.rss - middle.rss) / 1e6)} MB in 500 steps`);
});

test("a model in use stays on the device without training, and leaves it when it is moved back", () => {
  const model = new nn.Linear(256, 256).to("webgpu");
  const x = torch.randn(4, 256).to("webgpu");
  torch.noGrad(() => model(x).sum().item());
  torch.noGrad(() => model(x).sum().item());
  const before = engineStats().transfers.uploadedBytes;
  for (let i = 0; i < 3; i++) torch.noGrad(() => model(x).sum().item());
  assert.ok(engineStats().transfers.uploadedBytes - before < 256 * 256 * 4, "the weight is not sent again");
  const there = numbers(model.weight);
  model.to("cpu");
  assert.deepEqual(numbers(model.weight), there);
  assert.equal(model.weight.device.type, "cpu");
});

test("an inner result is there in the next step, and refused by name when its weights are long gone", () => {
  const layer = new nn.Linear(300, 300).to("webgpu");
  const descent = new optim.SGD(layer.parameters(), 0.1);
  const inner: Tensor[] = [];
  const expected: number[][] = [];
  const step = (): void => {
    const x = torch.randn(100, 300).to("webgpu");
    const h = layer(x).tanh();
    inner.push(h);
    expected.push(
      numbers(torch.tanh(x.cpu().matmul(layer.weight.detach().cpu().t()).add(layer.bias!.detach().cpu()))),
    );
    descent.zeroGrad();
    h.pow(2).mean().backward();
    descent.step();
  };
  step();
  assert.ok(distance(numbers(inner[0]!), expected[0]!) < 1e-5);
  const copy = layer.weight.detach().clone();
  const weights = numbers(layer.weight);
  for (let i = 0; i < 8; i++) step();
  assert.deepEqual(numbers(copy), weights, "a copy outlives what it was made of");
  const read = (): unknown => numbers(inner[1]!);
  try {
    assert.ok(distance(read() as number[], expected[1]!) < 1e-5);
  } catch (error) {
    assert.match((error as Error).message, /overwritten by later optimizer steps/);
  }
});
