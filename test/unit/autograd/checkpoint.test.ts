import assert from "node:assert/strict";
import { test } from "node:test";
import { F, nn, torch, type Tensor } from "../../../runtime/index.js";

const { checkpoint, checkpointSequential } = torch.utils.checkpoint;

test("gradients are the same, parameters' included, and the function runs twice", () => {
  const layer = new nn.Linear(3, 3);
  const x = torch.randn(2, 3, { requiresGrad: true });
  let runs = 0;
  const block = (t: Tensor): Tensor => {
    runs++;
    return layer(t).tanh().mul(layer(t).sigmoid());
  };
  block(x).sum().backward();
  const grads = (): unknown[] => [x, layer.weight, layer.bias!].map((t) => t.grad!.tolist());
  const expected = grads();
  x.grad = null;
  layer.zeroGrad();
  runs = 0;
  const y = checkpoint(block, x);
  assert.equal(runs, 1);
  y.sum().backward();
  assert.equal(runs, 2);
  assert.deepEqual(grads(), expected);
});

test("random numbers come out the same again, and leave the stream where it was", () => {
  const x = torch.ones(200, { requiresGrad: true });
  torch.manualSeed(3);
  const y = checkpoint((t: Tensor) => F.dropout(t.exp().log(), 0.5), x);
  const next = torch.rand(2).tolist();
  const after = torch.getRngState().tolist();
  y.sum().backward();
  assert.deepEqual(x.grad!.ne(0).tolist(), y.detach().ne(0).tolist());
  assert.deepEqual(torch.getRngState().tolist(), after);
  torch.manualSeed(3);
  F.dropout(torch.ones(200), 0.5);
  assert.deepEqual(torch.rand(2).tolist(), next);
});

test("second derivatives, nested checkpoints, grad()", () => {
  const x = torch.tensor([1, 2], { requiresGrad: true, dtype: torch.float64 });
  const inner = (t: Tensor): Tensor => t.square().mul(t);
  const outer = (t: Tensor): Tensor => checkpoint(inner, t).mul(t);
  const [g] = torch.autograd.grad(checkpoint(outer, x).sum(), x, { createGraph: true });
  assert.deepEqual(g!.tolist(), [4, 32]);
  assert.deepEqual(torch.autograd.grad(g!.sum(), x)[0]!.tolist(), [12, 48]);
});

test("without gradients it is a plain call; a function that changes is refused", () => {
  assert.deepEqual(torch.noGrad(() => checkpoint((t: Tensor) => t.mul(2), torch.ones(1))).tolist(), [2]);
  let first = true;
  const fickle = (t: Tensor): Tensor => {
    const y = first ? t.exp().mul(t) : t.mul(t);
    first = false;
    return y;
  };
  const x = torch.ones(2, { requiresGrad: true });
  assert.throws(() => checkpoint(fickle, x).sum().backward(), /did something else when it was run again/);
  const h = torch.ones(2, { requiresGrad: true }).mul(1);
  const y = checkpoint((t: Tensor) => t.exp(), h);
  h.add_(1);
  assert.throws(() => y.sum().backward(), /modified by an inplace operation/);
});

test("layers one after the other, in groups", () => {
  const model = new nn.Sequential(new nn.Linear(2, 4), new nn.Tanh(), new nn.Linear(4, 4), new nn.Tanh());
  const x = torch.randn(3, 2);
  model(x).sum().backward();
  const expected = [...model.parameters()].map((p) => p.grad!.tolist());
  model.zeroGrad();
  checkpointSequential(model, 2, x, { useReentrant: false }).sum().backward();
  assert.deepEqual(
    [...model.parameters()].map((p) => p.grad!.tolist()),
    expected,
  );
  assert.throws(
    () => checkpointSequential(model, 5, x),
    /segments must be between 1 and the number of layers, 4, not 5/,
  );
});
