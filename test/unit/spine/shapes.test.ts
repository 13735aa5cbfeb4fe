import assert from "node:assert/strict";
import { test } from "node:test";
import {
  nn,
  NeedsDataError,
  optim,
  planStats,
  setTracing,
  torch,
  type Tensor,
} from "../../../runtime/index.js";

/** Shape tracing touches no parameter data: nothing is drawn, allocated or run. */

function traced<T>(body: () => T): T {
  setTracing(true);
  try {
    return body();
  } finally {
    setTracing(false);
  }
}

const MB = 2 ** 20;

test("a model of 10 GB traces in the memory of its nodes", () => {
  const before = process.memoryUsage();
  const runs = planStats().runs;
  const shape = traced(() => {
    // 160 layers of 4096 × 4096 float32: 64 MB each.
    const layers = Array.from({ length: 160 }, () => new nn.Linear(4096, 4096));
    const model = new nn.Sequential(...layers);
    const bytes = [...model.parameters()].reduce((n, p) => n + p.numel() * 4, 0);
    assert.ok(bytes > 10e9);
    return (model(torch.zeros(2, 4096)) as Tensor).shape;
  });
  const after = process.memoryUsage();
  assert.deepEqual(shape, [2, 4096]);
  assert.equal(planStats().runs, runs);
  assert.ok(after.arrayBuffers - before.arrayBuffers < MB, `${after.arrayBuffers - before.arrayBuffers}`);
  assert.ok(after.external - before.external < MB, `${after.external - before.external}`);
});

test("backward and gradients' shapes trace too", () => {
  traced(() => {
    const model = new nn.Linear(1000, 1000);
    const optimizer = new optim.SGD(model.parameters(), 0.1);
    model(torch.zeros(4, 1000)).sum().backward();
    assert.deepEqual(model.weight.grad!.shape, [1000, 1000]);
    optimizer.step();
  });
  assert.equal(typeof planStats().runs, "number");
});

test("a read says that it needs a run", () => {
  traced(() => assert.throws(() => torch.ones(1).item(), NeedsDataError));
  assert.equal(torch.ones(1).item(), 1);
});

test("a tracer that traces for days gathers nothing", () => {
  const heap = (): number => process.memoryUsage().heapUsed;
  const trace = (): void =>
    traced(() => {
      const model = new nn.Sequential(new nn.Linear(64, 64), new nn.Dropout(0.5), new nn.Linear(64, 64));
      (model(torch.randn(8, 64)) as Tensor).sum().backward();
      for (const p of model.parameters()) torch.noGrad(() => p.add_(1));
    });
  for (let i = 0; i < 300; i++) trace();
  const start = heap();
  for (let i = 0; i < 3000; i++) trace();
  assert.ok(heap() - start < 40 * MB, `${(heap() - start) / MB} MB more`);
});
