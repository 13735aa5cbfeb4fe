import assert from "node:assert/strict";
import { test } from "node:test";
import { F, nn, optim, planStats, torch, type Tensor } from "../../../runtime/index.js";

/** One training step is one run of one plan, and like steps compile once. */

interface Loop {
  readonly step: (i: number) => Tensor;
  readonly optimizer: optim.Adam;
}

/** Another width is another plan: each test has its own. */
function adamLoop(width: number, dropout = 0): Loop {
  torch.manualSeed(0);
  const model = new nn.Sequential(
    new nn.Linear(8, width),
    new nn.ReLU(),
    new nn.Dropout(dropout),
    new nn.Linear(width, 4),
  );
  const optimizer = new optim.Adam(model.parameters(), 0.01);
  const step = (): Tensor => {
    const x = torch.randn(32, 8);
    const y = torch.randint(0, 4, [32]);
    optimizer.zeroGrad();
    const loss = F.crossEntropy(model(x) as Tensor, y);
    loss.backward();
    optimizer.step();
    return loss;
  };
  return { step, optimizer };
}

/** Runs 100 steps; tells what was compiled and run in steps 1 and 2, and after them. */
function observe({ step }: Loop, after: (i: number, loss: Tensor) => void = () => undefined) {
  const begin = planStats();
  for (let i = 1; i <= 2; i++) after(i, step(i));
  const warm = planStats();
  for (let i = 3; i <= 100; i++) after(i, step(i));
  const end = planStats();
  return {
    plans: warm.plans - begin.plans,
    compiledLater: end.compiled - warm.compiled,
    plansLater: end.plans - warm.plans,
    runs: end.runs - begin.runs,
  };
}

const oneWholeStepPlan = { plans: 1, compiledLater: 0, plansLater: 0, runs: 100 };

test("100 Adam steps: one whole-step plan, one run a step, nothing compiled after step 2", () => {
  assert.deepEqual(observe(adamLoop(16)), oneWholeStepPlan);
});

test("the same with the loss read every tenth step: a read costs no run", () => {
  const losses: number[] = [];
  const seen = observe(adamLoop(17), (i, loss) => {
    if (i % 10 === 0) losses.push(loss.item());
  });
  assert.deepEqual(seen, oneWholeStepPlan);
  assert.equal(losses.length, 10);
  assert.ok(losses.every(Number.isFinite));
});

test("the same with a learning rate that changes every step, and dropout on", () => {
  const loop = adamLoop(18, 0.2);
  const seen = observe(loop, (i) => {
    loop.optimizer.paramGroups[0]!.lr = 0.01 / (1 + i);
  });
  assert.deepEqual(seen, oneWholeStepPlan);
});

test("a value read in the middle of a step is learned: the plan gives it from then on", () => {
  torch.manualSeed(0);
  const model = new nn.Linear(4, 4);
  const optimizer = new optim.SGD(model.parameters(), 0.1);
  const step = (): void => {
    optimizer.zeroGrad();
    const hidden = model(torch.ones(2, 4)).exp();
    const loss = hidden.mean();
    assert.ok(loss.item() > 0);
    loss.backward();
    optimizer.step();
  };
  for (let i = 0; i < 4; i++) step();
  const { compiled } = planStats();
  for (let i = 0; i < 20; i++) step();
  assert.equal(planStats().compiled, compiled);
});

test("ragged last batches stop compiling after their third size", () => {
  torch.manualSeed(0);
  const model = new nn.Sequential(
    new nn.Conv2d(1, 4, 3),
    new nn.BatchNorm2d(4),
    new nn.ReLU(),
    new nn.MaxPool2d(2),
    new nn.Flatten(),
    new nn.Linear(36, 3),
  );
  const optimizer = new optim.Adam(model.parameters(), 0.01);
  const step = (n: number): number => {
    optimizer.zeroGrad();
    const loss = F.crossEntropy(model(torch.randn(n, 1, 8, 8)) as Tensor, torch.randint(0, 3, [n]));
    loss.backward();
    optimizer.step();
    return loss.item();
  };
  for (const n of [16, 16, 7, 16, 11, 16]) step(n);
  const { compiled } = planStats();
  for (const n of [13, 5, 16, 9, 12, 7, 11, 13, 21]) assert.ok(Number.isFinite(step(n)));
  assert.equal(planStats().compiled, compiled);
});

test("growing sequences stop compiling after their third size, and give what sizes of their own give", () => {
  torch.manualSeed(0);
  const attention = new nn.TransformerEncoderLayer(8, 2, 16, { dropout: 0, batchFirst: true });
  const mean = (length: number): number => {
    const x = torch
      .arange(length * 8)
      .reshape(1, length, 8)
      .mul(0.01);
    return torch.noGrad(() => (attention(x) as Tensor).pow(2).mean().item());
  };
  // The first run computes the initial weights besides; an optimizer would have had that done.
  mean(3);
  // 8 and 16 are also sizes of the model: accidental equality must not make graphs of their own.
  const lengths = [3, 4, 5, 6, 7, 8, 9, 16, 17];
  const values = lengths.slice(0, 3).map(mean);
  const { compiled } = planStats();
  values.push(...lengths.slice(3).map(mean));
  assert.equal(planStats().compiled, compiled);
  // Sequences whose padding is cut off again: another structure, so compiled without the shared graph.
  lengths.forEach((length, i) => {
    const x = torch
      .arange(length * 8)
      .reshape(1, length, 8)
      .mul(0.01);
    const padded = torch.cat([x, torch.zeros(1, 0, 8)], 1);
    const own = torch.noGrad(() => (attention(padded) as Tensor).pow(2).mean().item());
    assert.ok(Math.abs(own - values[i]!) < 1e-6, `length ${length}: ${own} and ${values[i]!}`);
  });
});

test("growing sequences stop compiling after their third size in training too, dropout on", () => {
  torch.manualSeed(0);
  const embedding = new nn.Embedding(11, 8);
  const layer = new nn.TransformerEncoderLayer(8, 2, 16, { dropout: 0.1, batchFirst: true });
  const head = new nn.Linear(8, 11);
  const parameters = [...embedding.parameters(), ...layer.parameters(), ...head.parameters()];
  const optimizer = new optim.AdamW(parameters, 0.01);
  const step = (length: number): number => {
    const tokens = torch.randint(0, 11, [4, length + 1]);
    const input = tokens.at("...", torch.slice(0, length));
    const mask = torch.ones(length, length, { dtype: torch.bool }).triu(1);
    optimizer.zeroGrad();
    const scores = head(layer(embedding(input), { srcMask: mask }) as Tensor);
    const loss = F.crossEntropy(scores.flatten(0, 1), tokens.at("...", torch.slice(1, null)).flatten());
    loss.backward();
    nn.utils.clipGradNorm_(parameters, 1);
    optimizer.step();
    return loss.item();
  };
  for (const length of [3, 3, 4, 5]) step(length);
  const { compiled } = planStats();
  // 8, 11 and 16 are also sizes of the model.
  for (const length of [6, 7, 8, 9, 11, 13, 16, 17, 3, 30]) assert.ok(Number.isFinite(step(length)));
  assert.equal(planStats().compiled, compiled);
});

test("the cache is bounded: old structures are given up and their graphs released", () => {
  // Differing structures, not sizes: a chain of one more operation each.
  for (let n = 1; n <= 530; n++) {
    let x = torch.ones(1);
    for (let i = 0; i < n % 60; i++) x = i % 2 ? x.neg() : x.exp();
    for (let i = 0; i < n / 60; i++) x = x.abs();
    x.item();
  }
  assert.ok(planStats().plans <= 512);
});
