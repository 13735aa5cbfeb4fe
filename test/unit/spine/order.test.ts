import assert from "node:assert/strict";
import { test } from "node:test";
import { nn, optim, torch, type Tensor } from "../../../runtime/index.js";

/** Program order decides values, though everything is computed later and elsewhere. */

const list = (t: Tensor): unknown => t.tolist();

test("what was read before an in-place write keeps the old value, views see the new one", () => {
  const x = torch.tensor([1, 2, 3]);
  const doubled = x.mul(2);
  const view = x.view(3, 1);
  x.add_(10);
  assert.deepEqual(list(doubled), [2, 4, 6]);
  assert.deepEqual(list(view), [[11], [12], [13]]);
  view.mul_(2);
  assert.deepEqual(list(x), [22, 24, 26]);
});

test("a state overwritten while something depends on its old value: that something is not recomputed with the new", () => {
  const p = new nn.Parameter(torch.ones(3));
  const optimizer = new optim.SGD([p], 1);
  const before = torch.noGrad(() => p.mul(10));
  const large = torch.noGrad(() => p.mul(torch.ones(40_000, 1)));
  for (let i = 0; i < 5; i++) {
    optimizer.zeroGrad();
    p.sum().backward();
    optimizer.step();
  }
  assert.deepEqual(list(p), [-4, -4, -4]);
  assert.deepEqual(list(before), [10, 10, 10]);
  // Too large to be computed along with a step: the old weights have to be there still.
  assert.deepEqual(list(large.at(39_999)), [1, 1, 1]);
});

test("activations of every step can be read after the last", () => {
  torch.manualSeed(0);
  const weight = new nn.Parameter(torch.ones(200, 200));
  const optimizer = new optim.SGD([weight], 0.5);
  const kept: Tensor[] = [];
  for (let i = 0; i < 6; i++) {
    optimizer.zeroGrad();
    const hidden = torch.ones(100, 200).matmul(weight).relu();
    kept.push(hidden);
    hidden.mean().backward();
    optimizer.step();
  }
  // Each step takes 1 / 200 · 0.5 from every weight: d mean / d w = 1 / 200.
  kept.forEach((h, i) => {
    const expected = 200 * (1 - (i * 0.5) / 200);
    assert.ok(Math.abs(h.at(0, 0).item() - expected) < 1e-3, `step ${i}: ${h.at(0, 0).item()}`);
  });
});

test("a kept graph runs backward again after the weights it does not need have changed", () => {
  const bias = new nn.Parameter(torch.zeros(2));
  const optimizer = new optim.SGD([bias], 1);
  const y = bias.add(torch.tensor([1, 2]));
  const loss = y.mul(y).sum();
  loss.backward({ retainGraph: true });
  optimizer.step();
  assert.deepEqual(list(bias), [-2, -4]);
  optimizer.zeroGrad();
  loss.backward();
  assert.deepEqual(list(bias.grad!), [2, 4]);
});

test("a snapshot by deepcopy, and one by clone, stay what they were", () => {
  const model = new nn.Linear(2, 1, { bias: false });
  torch.noGrad(() => model.weight.fill_(3));
  const optimizer = new optim.SGD(model.parameters(), 1);
  const state = new Map([...model.stateDict()].map(([k, v]) => [k, v.clone()]));
  for (let i = 0; i < 4; i++) {
    optimizer.zeroGrad();
    model(torch.ones(1, 2)).sum().backward();
    optimizer.step();
  }
  assert.deepEqual(list(model.weight), [[-1, -1]]);
  model.loadStateDict(state);
  assert.deepEqual(list(model.weight), [[3, 3]]);
});

test("a batch that is changed after it was used does not change what was made of it", () => {
  const batch = torch.zeros(20_000);
  const sums: Tensor[] = [];
  for (let i = 0; i < 5; i++) {
    sums.push(batch.sum());
    batch.add_(1);
  }
  assert.deepEqual(
    sums.map((s) => s.item()),
    [0, 20_000, 40_000, 60_000, 80_000],
  );
});

test("random draws are in program order whatever is read first", () => {
  torch.manualSeed(1);
  const first = torch.rand(3);
  const second = torch.rand(3);
  const b = list(second);
  const a = list(first);
  torch.manualSeed(1);
  assert.deepEqual(list(torch.rand(3)), a);
  assert.deepEqual(list(torch.rand(3)), b);
});

test("two parameters of one value that rest while other things are computed are there afterwards", () => {
  const layer = new nn.Linear(2, 2);
  const tied = new nn.Parameter(layer.weight.data);
  const other = new nn.Parameter(layer.weight.data);
  const before = list(layer.weight);
  const output = layer(torch.ones(1, 2)).matmul(tied).matmul(other);
  const expected = list(output);
  // States that nothing used for this many runs are handed back by the engine thread.
  for (let i = 0; i < 200; i++) torch.randn(3).sum().item();
  assert.deepEqual([list(layer.weight), list(tied), list(other)], [before, before, before]);
  assert.deepEqual(list(layer(torch.ones(1, 2)).matmul(tied).matmul(other)), expected);
});
