import assert from "node:assert/strict";
import { test } from "node:test";
import { metrics, torch } from "../../runtime/index.js";

const { accuracy, confusionMatrix, f1Score, EarlyStopping } = metrics;
const said = torch.tensor([0, 2, 1, 0, 0, 1]);
const right = torch.tensor([0, 1, 2, 0, 1, 2]);

test("accuracy takes classes or scores", () => {
  assert.equal(accuracy(said, right), 2 / 6);
  assert.equal(
    accuracy(
      torch.tensor([
        [0.1, 0.9],
        [0.8, 0.2],
      ]),
      torch.tensor([1, 1]),
    ),
    0.5,
  );
  assert.throws(() => accuracy(said, torch.tensor([1])), /6 predictions and 1 targets/);
});

test("the confusion matrix has the truth in rows; F1 is per class and in the mean", () => {
  assert.deepEqual(confusionMatrix(said, right).tolist(), [
    [2, 0, 0],
    [1, 0, 1],
    [0, 2, 0],
  ]);
  // Class 0: 2 · 2 / (2 + 3).
  assert.deepEqual(f1Score(said, right, { average: "none" }), [0.8, 0, 0]);
  assert.ok(Math.abs(f1Score(said, right) - 0.8 / 3) < 1e-15);
  assert.equal(f1Score(said, right, { average: "micro" }), 2 / 6);
  assert.throws(() => confusionMatrix(said, right, { numClasses: 2 }), { name: "IndexError" });
});

test("early stopping waits, forgives what is better, and goes on from its state", () => {
  const stopping = new EarlyStopping({ patience: 2, minDelta: 0.1 });
  assert.deepEqual(
    [1, 0.95, 0.5, 0.45].map((v) => stopping.step(v)),
    [false, false, false, false],
  );
  const resumed = new EarlyStopping({ patience: 2, minDelta: 0.1 });
  resumed.loadStateDict(stopping.stateDict());
  assert.equal(resumed.step(NaN), true);
});
