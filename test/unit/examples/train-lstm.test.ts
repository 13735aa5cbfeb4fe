import assert from "node:assert/strict";
import { test } from "node:test";
import { example, quietly } from "./support.js";

interface TrainLSTM {
  trainLSTM(options: { epochs: number; trainSize: number; testSize: number }): { accuracy: number };
}

test("examples/train-lstm.ts names two thirds of unseen digits right, read row by row", async () => {
  const { trainLSTM } = await example<TrainLSTM>("train-lstm.ts");
  const { result } = quietly(() => trainLSTM({ epochs: 4, trainSize: 1_920, testSize: 500 }));
  assert.ok(result.accuracy >= 2 / 3, `${(100 * result.accuracy).toFixed(2)} %`);
});
