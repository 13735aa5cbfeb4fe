import assert from "node:assert/strict";
import { test } from "node:test";
import { example, quietly } from "./support.js";

interface Looks {
  ink: number;
  edge: number;
  spread: number;
}
interface TrainDCGAN {
  trainDCGAN(options: { epochs: number; trainSize: number; channels: number }): { real: Looks; drawn: Looks };
}

test("examples/train-dcgan.ts comes to draw in the middle, on black, and not always the same", async () => {
  const { trainDCGAN } = await example<TrainDCGAN>("train-dcgan.ts");
  const { result, points } = quietly(() => trainDCGAN({ epochs: 3, trainSize: 1_920, channels: 16 }));
  const { real, drawn } = result;
  // Untrained it gives grey all over: ink and edge 0.5, spread near 0.
  assert.ok(drawn.ink < 0.4 && drawn.ink > real.ink / 2, `ink ${drawn.ink}, of real ones ${real.ink}`);
  assert.ok(drawn.edge < 0.35 && drawn.edge < drawn.ink, `${drawn.edge} of ink at the edge`);
  assert.ok(drawn.spread > 0.3 * real.spread, `spread ${drawn.spread}, of real ones ${real.spread}`);
  assert.equal(points.get("loss/generator")!.length, 90);
});
