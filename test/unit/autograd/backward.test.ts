import assert from "node:assert/strict";
import { test } from "node:test";
import { torch, type Tensor } from "../../../runtime/index.js";

const leaf = (...values: number[]): Tensor => torch.tensor(values, { requiresGrad: true });
const list = (t: Tensor | null): unknown => t?.tolist() ?? null;

test("gradients of scalars, and of more with a gradient to begin with", () => {
  const x = leaf(1, 2, 3);
  x.mul(x).sum().backward();
  assert.deepEqual(list(x.grad), [2, 4, 6]);
  x.mul(2).backward(torch.tensor([1, 10, 100]));
  assert.deepEqual(list(x.grad), [4, 24, 206]);
  x.mul(2).backward({ gradient: torch.ones(3) });
  assert.deepEqual(list(x.grad), [6, 26, 208]);
  torch.autograd.backward([x.sum(), x.mul(2)], [null, torch.ones(3)]);
  assert.deepEqual(list(x.grad), [9, 29, 211]);
});

test("accumulating keeps the gradient's tensor, and never a tensor of the user's", () => {
  const x = leaf(1, 2);
  const given = torch.ones(2);
  x.view(2).backward(given);
  const grad = x.grad!;
  x.view(2).backward(given);
  assert.equal(x.grad, grad);
  assert.deepEqual(list(given), [1, 1]);
  grad.zero_();
  assert.deepEqual(list(given), [1, 1]);
});

test("only the inputs asked for get a gradient", () => {
  const [x, w] = [leaf(1, 2), leaf(3, 4)];
  const h = x.mul(w);
  h.mul(h)
    .sum()
    .backward({ inputs: [w, h] });
  assert.equal(x.grad, null);
  assert.deepEqual(list(w.grad), [6, 32]);
  assert.deepEqual(list(h.grad), [6, 16]);
  assert.throws(() => x.sum().backward({ inputs: [] }), /'inputs' argument to backward\(\) cannot be empty/);
});

test("grad returns and does not accumulate", () => {
  const [x, unused] = [leaf(2), leaf(1)];
  const y = x.pow(3).sum();
  assert.deepEqual(torch.autograd.grad(y, x, { retainGraph: true }).map(list), [[12]]);
  assert.deepEqual(torch.autograd.grad(y, [x, unused], { allowUnused: true }).map(list), [[12], null]);
  assert.equal(x.grad, null);
});

test("derivatives of higher order", () => {
  const x = leaf(2);
  let y = x.pow(4).sum();
  const orders: unknown[] = [];
  for (let i = 0; i < 4; i++) {
    y = torch.autograd.grad(y, x, { createGraph: true })[0]!.sum();
    orders.push(y.item());
  }
  assert.deepEqual(orders, [32, 48, 48, 24]);
  const z = leaf(3);
  z.pow(3).sum().backward({ createGraph: true });
  const first = z.grad!;
  assert.equal(first.requiresGrad, true);
  assert.deepEqual(torch.autograd.grad(first.sum(), z).map(list), [[18]]);
});

test("gradients in batches", () => {
  const x = leaf(1, 2);
  const [rows] = torch.autograd.grad(x.mul(x), x, { gradOutputs: torch.eye(2), isGradsBatched: true });
  assert.deepEqual(list(rows!), [
    [2, 0],
    [0, 4],
  ]);
});

test("a long chain does not recurse", () => {
  const x = leaf(1);
  let y = x;
  for (let i = 0; i < 20_000; i++) y = y.view(1);
  y.sum().backward();
  assert.deepEqual(list(x.grad), [1]);
  assert.deepEqual(torch.autograd.grad(y.sum(), x).map(list), [[1]]);
});

test("what PyTorch refuses is refused in its words", () => {
  const x = leaf(1, 2);
  const cases: [() => unknown, RegExp][] = [
    [
      () => torch.ones(2).sum().backward(),
      /RuntimeError: element 0 of tensors does not require grad and does not have a gradFn/,
    ],
    [() => x.mul(x).backward(), /grad can be implicitly created only for scalar outputs.*\[2\]/],
    [
      () => x.mul(x).backward(torch.ones(3)),
      /Mismatch in shape: grad_output\[0\] has a shape of \[3\] and output\[0\] has a shape of \[2\]/,
    ],
    [() => torch.autograd.backward([x.mul(1), x.mul(2)], [torch.ones(2)]), /got 2 tensors and 1 gradients/],
    [
      () => torch.autograd.grad(x.sum(), torch.ones(2)),
      /One of the differentiated Tensors does not require grad/,
    ],
    [() => torch.autograd.grad(x.sum(), leaf(1)), /not have been used in the graph. Set allowUnused: true/],
    [() => torch.autograd.grad(x.sum(), []), /ValueError: grad requires non-empty inputs/],
    [() => x.mul(2).requiresGrad_(false), /you can only change requires_grad flags of leaf variables/],
    [
      () => torch.ones(2, { dtype: torch.int64 }).requiresGrad_(),
      /only Tensors of floating point dtype can require gradients/,
    ],
    [() => x.add_(1), /a leaf Variable that requires grad is being used in an in-place operation/],
    [
      () => x.view(2, 1).add_(1),
      /a view of a leaf Variable that requires grad is being used in an in-place operation/,
    ],
  ];
  for (const [call, message] of cases) assert.throws(call, message);
});

test("backward runs once, unless the graph is kept or nothing was saved", () => {
  const x = leaf(1, 2);
  const square = x.mul(x).sum();
  square.backward({ retainGraph: true });
  square.backward();
  assert.throws(() => square.backward(), /Trying to backward through the graph a second time/);
  const sum = x.add(1).sum();
  sum.backward();
  sum.backward();
  assert.deepEqual(list(x.grad), [6, 10]);
});

test("a needed value that was changed in place is noticed", () => {
  const a = torch.ones(2, 2, { requiresGrad: true });
  const output = a.exp();
  output.add_(1);
  assert.throws(
    () => output.sum().backward(),
    /modified by an inplace operation: \[torch.FloatTensor \[2, 2\]\], which is output 0 of ExpBackward0, is at version 1; expected version 0/,
  );
  const written = a.mul(1).exp_();
  written.add_(1);
  assert.throws(
    () => written.sum().backward(),
    /which is output 0 of ExpBackward0, is at version 2; expected version 1/,
  );
  const input = torch.ones(2, 2);
  const product = a.mul(input);
  input.view(-1).add_(1);
  assert.throws(
    () => product.sum().backward(),
    /\[torch.FloatTensor \[2, 2\]\] is at version 1; expected version 0/,
  );
});

test("an in-place operation may need the values it overwrites", () => {
  const [x, w] = [leaf(1, 2), leaf(3, 4)];
  const h = x.mul(2);
  h.mul_(w).pow_(2);
  h.sum().backward();
  assert.deepEqual(list(w.grad), [24, 128]);
  assert.deepEqual(list(x.grad), [72, 256]);
});

test("writes through data go unnoticed", () => {
  const x = leaf(1, 2);
  const y = x.mul(x).sum();
  x.data.add_(1);
  x.data.view(2, 1).mul_(2);
  assert.deepEqual(list(x), [4, 6]);
  assert.equal(x._version, 0);
  y.backward();
  assert.deepEqual(list(x.grad), [8, 12]);
  x.data = torch.zeros(3);
  assert.deepEqual([list(x), x.requiresGrad], [[0, 0, 0], true]);
});

test("views: several at once, or made without gradients, are not written with them", () => {
  const x = leaf(1, 2);
  const h = x.mul(1);
  const view = torch.noGrad(() => h.view(2, 1));
  assert.throws(() => view.add_(1), /A view was created in no_grad mode and is being modified inplace/);
  const [first] = h.chunk(2);
  assert.throws(
    () => first!.add_(1),
    /is a view and is being modified inplace. This view is the output of a function that returns multiple views/,
  );
  const [plain] = torch.ones(2).chunk(2);
  plain!.add_(1);
  assert.throws(() => plain!.mul_(x.select(0, 0)), /multiple views/);
  assert.throws(() => h.view(2, 1).detach_(), /Can't detach views in-place/);
  h.detach_();
  assert.deepEqual([h.requiresGrad, h.isLeaf], [false, true]);
});

test("a write over what backward needs is refused where the gradient leads nowhere, too", () => {
  const h = torch.ones(2, { requiresGrad: true }).mul(1);
  const view = torch.noGrad(() => h.view(2, 1));
  const y = view.tanh();
  y.abs_();
  assert.throws(() => y.sum().backward(), /output 0 of TanhBackward0, is at version 1; expected version 0/);
});
