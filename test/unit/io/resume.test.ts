/** A checkpoint begun on one side goes on on the other: the same next ten losses. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { test } from "node:test";
import { loadCheckpoint, nn, optim, saveCheckpoint, torch, type Tensor } from "../../../runtime/index.js";
import { findOracle } from "../random/oracle.js";

type Losses = Readonly<Record<string, readonly number[]>>;

const optimizers: Readonly<Record<string, (p: nn.Parameter[]) => optim.Optimizer<object>>> = {
  SGD: (p) => new optim.SGD(p, 0.05, { momentum: 0.9, nesterov: true, weightDecay: 0.01 }),
  Adam: (p) => new optim.Adam(p, 0.02, { amsgrad: true }),
  AdamW: (p) => new optim.AdamW([{ params: p.slice(0, 2) }, { params: p.slice(2), lr: 0.01 }], 0.02),
  RMSprop: (p) => new optim.RMSprop(p, 0.01, { centered: true, momentum: 0.5 }),
  Adagrad: (p) => new optim.Adagrad(p, 0.05),
  Adadelta: (p) => new optim.Adadelta(p, 0.5),
  Adamax: (p) => new optim.Adamax(p, 0.02),
  NAdam: (p) => new optim.NAdam(p, 0.02),
  RAdam: (p) => new optim.RAdam(p, 0.02),
  Rprop: (p) => new optim.Rprop(p, 0.01),
  ASGD: (p) => new optim.ASGD(p, 0.05),
};

function numbers(rows: number, columns: number, phase: number): Tensor {
  const flat = Array.from({ length: rows * columns }, (_, i) => ((37 * i + 11 * phase) % 64) - 31.5);
  return torch.tensor(flat).div(32).reshape([rows, columns]);
}

function start(name: string): {
  parts: Parameters<typeof saveCheckpoint>[1];
  steps: (first: number, count: number) => number[];
} {
  const model = new nn.Sequential(new nn.Linear(4, 8), new nn.Tanh(), new nn.Linear(8, 2));
  torch.noGrad(() => {
    [...model.parameters()].forEach((p, i) =>
      p.copy_(
        numbers(1, p.numel(), i + 1)
          .reshape(p.shape)
          .mul(0.5),
      ),
    );
  });
  const optimizer = optimizers[name]!([...model.parameters()]);
  const scheduler = new optim.lrScheduler.StepLR(optimizer as optim.Optimizer, 3, 0.7);
  return {
    parts: { model, optimizer, scheduler },
    steps: (first, count) =>
      Array.from({ length: count }, (_, i) => {
        optimizer.zeroGrad();
        const loss = (model(numbers(6, 4, first + i)) as Tensor)
          .sub(numbers(6, 2, first + i + 1))
          .square()
          .mean();
        loss.backward();
        optimizer.step();
        scheduler.step();
        return loss.item();
      }),
  };
}

function python(mode: string, folder: string): Losses {
  const { stdout, stderr, status } = spawnSync(findOracle()!, ["test/oracle/resume.py", mode, folder], {
    encoding: "utf8",
  });
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout) as Losses;
}

/** float32 sums in another order: a few units in the last place of what a loss is made of. */
function assertNear(actual: readonly number[], expected: readonly number[], name: string): void {
  assert.equal(actual.length, expected.length);
  actual.forEach((x, i) => {
    assert.ok(
      Math.abs(x - expected[i]!) <= 2e-6 + 2e-5 * Math.abs(expected[i]!),
      `${name}, loss ${String(i)}: ${String(x)} for ${String(expected[i])}`,
    );
  });
}

const options = { skip: findOracle() === undefined };

test("a checkpoint of PyTorch goes on here, and one of ours there, whatever the optimizer", options, () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "tensorscope-resume-"));
  try {
    const theirs = python("start", folder);
    for (const [name, losses] of Object.entries(theirs)) {
      const { parts, steps } = start(name);
      loadCheckpoint(path.join(folder, `${name}.pth`), parts);
      assertNear(steps(5, 10), losses, `${name}, from PyTorch`);
    }
    const ours = Object.fromEntries(
      Object.keys(optimizers).map((name) => {
        const { parts, steps } = start(name);
        steps(0, 5);
        saveCheckpoint(path.join(folder, `${name}.pth`), parts);
        return [name, steps(5, 10)];
      }),
    );
    for (const [name, losses] of Object.entries(python("go", folder))) {
      assertNear(losses, ours[name]!, `${name}, from here`);
    }
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
});
