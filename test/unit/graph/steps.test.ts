import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { F, nn, optim, planStats, setTracing, torch, type Tensor } from "../../../runtime/index.js";

/** The spine's promises: one step is one run of one plan, program order decides values, memory stays flat. */

function mlp(dropout = 0): { readonly model: nn.Module; forward(x: Tensor): Tensor } {
  torch.manualSeed(0);
  const model = new nn.Sequential(
    new nn.Linear(8, 16),
    new nn.ReLU(),
    new nn.Dropout(dropout),
    new nn.Linear(16, 3),
  );
  return { model, forward: (x) => model(x) as Tensor };
}

for (const every of [Infinity, 10]) {
  const reads = every === Infinity ? "never read" : `read every ${String(every)}th time`;
  test(`100 Adam steps, ${reads}: a step is one run, and nothing is compiled after step 2`, () => {
    const { model, forward } = mlp();
    const optimizer = new optim.Adam(model.parameters(), 1e-3);
    const batches = Array.from({ length: 4 }, () => [torch.randn(5, 8), torch.randint(3, [5])] as const);
    let after2 = { compiled: 0, runs: 0 };
    const losses: number[] = [];
    for (let step = 1; step <= 100; step++) {
      const [x, y] = batches[step % 4]!;
      optimizer.zeroGrad();
      const loss = F.crossEntropy(forward(x), y);
      loss.backward();
      optimizer.step();
      if (step % every === 0) losses.push(loss.item());
      if (step === 2) after2 = planStats();
    }
    const { compiled, runs } = planStats();
    assert.equal(compiled, after2.compiled, "plans compiled after step 2");
    assert.equal(runs - after2.runs, 98, "runs of 98 steps");
    assert.ok(losses.every(Number.isFinite));
  });
}

test("a learning rate that changes and dropout are inputs of the same plan", () => {
  const { model, forward } = mlp(0.5);
  const optimizer = new optim.SGD(model.parameters(), 0.1, { momentum: 0.9 });
  const scheduler = new optim.lrScheduler.CosineAnnealingLR(optimizer, 50);
  const x = torch.randn(5, 8);
  const y = torch.randn(5, 3);
  let compiled = 0;
  for (let step = 1; step <= 40; step++) {
    optimizer.zeroGrad();
    F.mseLoss(forward(x), y).backward();
    optimizer.step();
    scheduler.step();
    if (step === 2) ({ compiled } = planStats());
  }
  assert.equal(planStats().compiled, compiled);
});

test("program order decides values, whenever they are computed", () => {
  const w = new nn.Parameter(torch.ones(3));
  const before = w.mul(2);
  torch.noGrad(() => {
    w.add_(1);
  });
  const after = w.mul(2);
  torch.noGrad(() => {
    w.zero_();
  });
  assert.deepEqual(w.tolist(), [0, 0, 0]);
  assert.deepEqual(after.tolist(), [4, 4, 4]);
  assert.deepEqual(before.tolist(), [2, 2, 2]);
});

test("a value that depends on old weights survives the step that replaces them", () => {
  const w = new nn.Parameter(torch.ones(2));
  const optimizer = new optim.SGD([w], 1);
  const pending = w.detach().mul(10);
  w.sum().backward();
  optimizer.step();
  optimizer.step();
  assert.deepEqual(w.tolist(), [-1, -1]);
  assert.deepEqual(pending.tolist(), [10, 10]);
});

test("tracing shapes touches no parameter data: a model of 40 GB costs nothing", () => {
  setTracing(true);
  try {
    const before = process.memoryUsage();
    const big = new nn.Linear(100_000, 100_000);
    const y = big(torch.empty(2, 100_000));
    assert.deepEqual(y.shape, [2, 100_000]);
    const now = process.memoryUsage();
    assert.ok(now.rss - before.rss < 100e6 && now.external - before.external < 1e6);
    assert.throws(() => y.sum().item(), { name: "NeedsDataError" });
  } finally {
    setTracing(false);
  }
});

test("an error of shapes is thrown by the call, at the user's line", () => {
  const layer = new nn.Linear(4, 2);
  assert.throws(
    () => layer(torch.ones(1, 3)),
    (error: Error) => {
      assert.equal(error.name, "RuntimeError");
      assert.match(error.message, /1.*3|3.*4/);
      assert.match(error.stack ?? "", /steps\.test\.[tj]s/);
      return true;
    },
  );
});

/** Bytes a step by which resident and external memory grow after step 2000, in a process of its own. */
async function slope(steps: number): Promise<number> {
  const library = new URL("../../../runtime/index.js", import.meta.url).href;
  const program = `
    import { F, nn, optim, torch } from ${JSON.stringify(library)};
    const model = new nn.Linear(8, 8);
    const optimizer = new optim.Adam(model.parameters(), 1e-3);
    const x = torch.randn(4, 8), y = torch.randn(4, 8);
    const samples = [];
    for (let step = 1; step <= ${String(steps)}; step++) {
      optimizer.zeroGrad();
      const loss = F.mseLoss(model(x), y);
      loss.backward();
      optimizer.step();
      if (step % 100 === 0) {
        loss.item();
        const { rss, external } = process.memoryUsage();
        if (step >= 2000) samples.push([step, rss + external]);
      }
      if (step % 10 === 0) await new Promise((go) => setImmediate(go));
    }
    console.log(JSON.stringify(samples));
    process.exit(0);`;
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", program], {
    cwd: fileURLToPath(new URL("../../..", import.meta.url)),
    maxBuffer: 1 << 20,
  });
  const samples = JSON.parse(stdout) as [number, number][];
  const mean = (at: 0 | 1): number => samples.reduce((sum, s) => sum + s[at], 0) / samples.length;
  const [mx, my] = [mean(0), mean(1)];
  const covariance = samples.reduce((sum, [x, y]) => sum + (x - mx) * (y - my), 0);
  return covariance / samples.reduce((sum, [x]) => sum + (x - mx) ** 2, 0);
}

test("10 000 small steps in a loop that awaits leave memory flat", async () => {
  const bytes = await slope(10_000);
  assert.ok(bytes < 1024, `${bytes.toFixed(0)} bytes a step`);
});
