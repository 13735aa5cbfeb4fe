import assert from "node:assert/strict";
import { after, test } from "node:test";
import { engine } from "../../../runtime/engine/client.js";
import { arriving, back, copied, keep, loadNode, newId, newRun, resident, run } from "./support.js";

after(() => engine.close());

test("memory stays flat over 20,000 runs without a pause", () => {
  const add = loadNode("Add", 2, "float32", [1024]);
  let state = newId();
  run(add, [arriving(new Float32Array(1024), state), copied(new Float32Array(1024))], [back()]);
  const samples: number[] = [];
  for (let i = 0; i < 20_000; i++) {
    const next = newId();
    // 4 KiB come, 4 KiB stay, 4 KiB go back, on every run.
    run(add, [resident(state, "return", [1024]), copied(new Float32Array(1024).fill(1))], [keep(next)]);
    state = next;
    if (i >= 5000 && i % 50 === 0) {
      const { rss, external } = engine.stats(newRun());
      samples.push(rss + external);
    }
  }
  assert.equal(engine.stats(newRun()).residentBuffers, 1);
  const slope = slopeOf(samples) / 50;
  assert.ok(slope < 1024, `${slope.toFixed(0)} bytes per run`);
});

/** Least-squares slope over 0, 1, 2 … */
function slopeOf(ys: readonly number[]): number {
  const mean = (v: readonly number[]): number => v.reduce((a, b) => a + b, 0) / v.length;
  const middle = (ys.length - 1) / 2;
  const average = mean(ys);
  const covariance = mean(ys.map((y, i) => (y - average) * (i - middle)));
  return covariance / mean(ys.map((_, i) => (i - middle) ** 2));
}
