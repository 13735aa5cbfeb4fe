import assert from "node:assert/strict";
import { test } from "node:test";
import { example, quietly } from "./support.js";

interface TrainMLP {
  trainMLP(options: { epochs: number; trainSize: number; testSize: number }): { accuracy: number };
}

test("examples/train-mlp.ts names 90 % of unseen digits right after a tenth of the default's steps", async () => {
  const { trainMLP } = await example<TrainMLP>("train-mlp.ts");
  const { result, points } = quietly(() => trainMLP({ epochs: 4, trainSize: 1_000, testSize: 500 }));
  assert.ok(result.accuracy >= 0.9, `${(100 * result.accuracy).toFixed(2)} %`);
  // One cycle: it ends far below where it began.
  const rates = points.get("lr")!;
  assert.equal(rates.length, 4 * 16);
  assert.ok(rates.at(-1)! < rates[0]!);
});
