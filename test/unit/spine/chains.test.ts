/** Random chains of operations, views and in-place updates, held against PyTorch: `npm run chains` runs more of them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { differences } from "../../chains/compare.js";
import { generate } from "../../chains/generate.js";
import { askPyTorch } from "../../chains/oracle.js";
import { findOracle } from "../random/oracle.js";

/** Seeds that once showed a difference, and the first hundreds. */
const seeds = [10815, ...Array.from({ length: 200 }, (_, i) => i + 1)];

const python = findOracle();
const skip = python === undefined && "there is no PyTorch 1.13 to compare with";

test("random chains give what PyTorch gives", { skip: process.env.CI ? false : skip }, () => {
  const made = seeds.map((seed) => generate(seed));
  const answers = askPyTorch(
    python!,
    made.map(({ program }) => program),
  );
  const found = made.flatMap(({ program, ours }, i) =>
    differences(program, ours, answers[i]!).map((line) => `seed ${String(program.seed)}: ${line}`),
  );
  assert.deepEqual(found, []);
});

test("a seed makes one program", () => {
  assert.deepEqual(generate(7).program, generate(7).program);
  assert.notDeepEqual(generate(7).program, generate(8).program);
});
