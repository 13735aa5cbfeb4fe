import assert from "node:assert/strict";
import { test } from "node:test";
import { NeedsDataError, planStats, setTracing, torch } from "../../../runtime/index.js";

/** Results whose size depends on the elements are computed at the call. */

test("nonzero gives the positions in C order", () => {
  const x = torch.tensor([
    [0, 3, 0],
    [-1, 0, NaN],
  ]);
  const found = torch.nonzero(x);
  assert.deepEqual(found.shape, [3, 2]);
  assert.deepEqual(found.tolist(), [
    [0, 1],
    [1, 0],
    [1, 2],
  ]);
  assert.equal(found.dtype, torch.int64);
});

test("nonzero of nothing, of a scalar and of half and integer dtypes", () => {
  assert.deepEqual(torch.nonzero(torch.zeros(2, 2)).shape, [0, 2]);
  assert.deepEqual(torch.nonzero(torch.tensor(5)).shape, [1, 0]);
  assert.deepEqual(torch.nonzero(torch.tensor([0, -0, 2]).half()).shape, [1, 1]);
  assert.deepEqual(torch.nonzero(torch.tensor([0, 7, 2]).to(torch.int64)).shape, [2, 1]);
  const byAxis = torch.where(torch.tensor([[true, false, true]]));
  assert.deepEqual(
    byAxis.map((t) => t.tolist()),
    [
      [0, 0],
      [0, 2],
    ],
  );
});

test("a mask reads with a gradient", () => {
  const x = torch.tensor([1.5, 1, 3, 4]).requiresGrad_();
  const y = x.mul(x);
  const kept = y.at(y.gt(3));
  assert.deepEqual(kept.shape, [2]);
  kept.sum().backward();
  assert.deepEqual(x.grad!.tolist(), [0, 0, 6, 8]);
});

test("other counts of the same structure need no other plan", () => {
  const count = (list: number[]): number[] => torch.nonzero(torch.tensor(list)).shape;
  count([1, 0, 0, 0]);
  count([1, 1, 0, 0]);
  const before = planStats().compiled;
  assert.deepEqual(count([1, 1, 1, 0]), [3, 1]);
  assert.deepEqual(count([1, 1, 1, 1]), [4, 1]);
  assert.equal(planStats().compiled, before);
});

test("while only shapes are computed, a size that depends on data says that it does", () => {
  setTracing(true);
  try {
    const x = torch.ones(3);
    assert.throws(() => torch.nonzero(x), NeedsDataError);
    assert.throws(() => x.at(x.gt(0)), NeedsDataError);
  } finally {
    setTracing(false);
  }
});
