import assert from "node:assert/strict";
import { test } from "node:test";
import { example, quietly } from "./support.js";

interface TrainAutoencoder {
  trainAutoencoder(options: { epochs: number; trainSize: number; testSize: number }): { lost: number };
}

test("examples/train-autoencoder.ts keeps a third of the variance of unseen digits", async () => {
  const { trainAutoencoder } = await example<TrainAutoencoder>("train-autoencoder.ts");
  const { result, points } = quietly(() => trainAutoencoder({ epochs: 6, trainSize: 1_920, testSize: 300 }));
  assert.ok(result.lost < 2 / 3, `${(100 * result.lost).toFixed(1)} % lost`);
  const each = points.get("lost")!;
  assert.ok(each.at(-1)! < each[0]!, "it gets better from pass to pass");
});
