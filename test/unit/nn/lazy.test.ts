/** Layers that learn their sizes from the first call. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { deepcopy, nn, torch } from "../../../runtime/index.js";

test("a lazy layer becomes the ordinary one at its first call", () => {
  const fc = new nn.LazyLinear(3);
  assert.equal(String(fc), "LazyLinear(in_features=0, out_features=3, bias=True)");
  assert.ok(fc.weight instanceof nn.UninitializedParameter);
  assert.throws(() => fc.weight.shape, { name: "RuntimeError", message: /uninitialized parameter/ });
  const { weight } = fc;
  assert.deepEqual(fc(torch.ones([2, 5])).shape, [2, 3]);
  assert.equal(String(fc), "Linear(in_features=5, out_features=3, bias=True)");
  assert.equal(fc.weight, weight);
  assert.equal(weight.requiresGrad, true);
  fc(torch.ones([2, 5]))
    .sum()
    .backward();
  assert.deepEqual(weight.grad!.shape, [3, 5]);
});

test("its values are those an ordinary layer draws", () => {
  torch.manualSeed(1);
  const fc = new nn.LazyConv2d(4, 3);
  fc(torch.zeros([1, 2, 5, 5]));
  torch.manualSeed(1);
  assert.deepEqual(fc.weight.tolist(), new nn.Conv2d(2, 4, 3).weight.tolist());
});

test("a state dict gives it its sizes", () => {
  const fc = new nn.LazyBatchNorm1d();
  const state = new nn.BatchNorm1d(4).stateDict();
  fc.loadStateDict(state);
  assert.deepEqual(fc.weight!.shape, [4]);
  assert.deepEqual(fc(torch.randn(3, 4)).shape, [3, 4]);
  const [a, b] = [new nn.LazyLinear(2), new nn.LazyLinear(2)];
  a.loadStateDict(b.stateDict());
  assert.throws(() => new nn.Linear(3, 2).loadStateDict(b.stateDict()), { name: "RuntimeError" });
});

test("dtype and copies hold before the first call", () => {
  const fc = new nn.LazyLinear(2).double();
  const copy = deepcopy(fc);
  assert.deepEqual(copy(torch.ones([1, 3], { dtype: torch.float64 })).dtype, torch.float64);
  assert.ok(fc.hasUninitializedParams());
});

test("inputs of the wrong rank are refused and leave the layer lazy", () => {
  const conv = new nn.LazyConv1d(2, 3, { groups: 2 });
  assert.throws(() => conv(torch.ones([2, 2, 5, 5])), { name: "RuntimeError", message: /LazyConv1d/ });
  assert.throws(() => conv(torch.ones([1, 3, 5])), { name: "ValueError", message: /divisible by groups/ });
  assert.equal(conv.inChannels, 0);
  assert.deepEqual(conv(torch.ones([1, 4, 5])).shape, [1, 2, 3]);
});
