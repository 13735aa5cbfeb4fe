import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import { before, suite, test } from "node:test";
import { datasets, type nn } from "../../../runtime/index.js";
import { findOracle } from "../random/oracle.js";
import { example, quietly } from "./support.js";

interface TrainLeNet {
  trainLeNet(options: { epochs: number; trainSize: number; testSize: number }): {
    model: nn.Module;
    accuracy: number;
  };
}

/** Pictures: 30 batches of 64. */
const size = 1920;

/** The digits as test/oracle/train-lenet.py reads them: the pictures, then the labels. */
function digitBytes(): Buffer {
  const samples = [...new datasets.Digits({ size })];
  return Buffer.concat([
    ...samples.map(([{ data }]) => data),
    Uint8Array.from(samples, ([, digit]) => digit),
  ]);
}

function compare(losses: readonly number[], expected: readonly number[]): void {
  assert.equal(expected.length, 30);
  expected.forEach((loss, step) => {
    const error = Math.abs(losses[step]! - loss) / loss;
    assert.ok(error < 1e-4, `step ${step}: ${losses[step]} where PyTorch has ${loss}`);
  });
}

suite("examples/train-lenet.ts", () => {
  let losses: readonly number[];
  let accuracy: number;

  before(async () => {
    const { trainLeNet } = await example<TrainLeNet>("train-lenet.ts");
    const { result, points } = quietly(() => trainLeNet({ epochs: 6, trainSize: size, testSize: 500 }));
    ({ accuracy } = result);
    losses = points.get("loss")!;
  });

  test("the first 30 losses are PyTorch's, for the same seed", () => {
    const file = new URL("../../../../test/oracle/golden/train-lenet.json", import.meta.url);
    const golden = JSON.parse(fs.readFileSync(file, "utf8")) as { readonly losses: readonly number[] };
    compare(losses, golden.losses);
  });

  const python = findOracle();
  test("those of the PyTorch that is here", { skip: python === undefined && "no PyTorch 1.13" }, () => {
    const { status, stdout, stderr } = spawnSync(python!, ["test/oracle/train-lenet.py"], {
      input: digitBytes(),
      encoding: "utf8",
    });
    assert.equal(status, 0, stderr);
    compare(losses, (JSON.parse(stdout) as { readonly losses: readonly number[] }).losses);
  });

  test("97 % of unseen digits are named right, though it has seen a fifth of the default's", () => {
    assert.ok(accuracy >= 0.97, `${(100 * accuracy).toFixed(2)} %`);
  });
});
