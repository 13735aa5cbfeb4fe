import assert from "node:assert/strict";
import { test } from "node:test";
import { torch, type Tensor } from "../../../runtime/index.js";

const leaf = (...values: number[]): Tensor => torch.tensor(values, { requiresGrad: true });

test("hooks run in order, may replace the gradient, and can be removed", () => {
  const x = leaf(1, 2);
  const y = x.mul(2);
  const log: [string, unknown][] = [];
  y.registerHook((g) => {
    log.push(["first", g.tolist()]);
    return g.mul(2);
  });
  y.retainGrad();
  const second = y.registerHook((g) => {
    log.push(["second", g.tolist()]);
    return g.mul(3);
  });
  x.registerHook((g) => g.mul(10));
  y.mul(y).sum().backward({ retainGraph: true });
  assert.deepEqual(log, [
    ["first", [4, 8]],
    ["second", [8, 16]],
  ]);
  assert.deepEqual(y.grad!.tolist(), [24, 48], "kept after every hook");
  assert.deepEqual(x.grad!.tolist(), [480, 960]);
  second.remove();
  log.length = 0;
  y.sum().backward();
  assert.deepEqual(log, [["first", [1, 1]]]);
});

test("grad's inputs get what the hooks made of it", () => {
  const x = leaf(1);
  x.registerHook((g) => g.mul(10));
  assert.deepEqual(torch.autograd.grad(x.mul(2).sum(), x)[0]!.tolist(), [20]);
});

test("what a hook returns must fit", () => {
  const hooked = (hook: (g: Tensor) => never): Tensor => {
    const x = leaf(1, 2);
    x.registerHook(hook);
    return x.mul(2).sum();
  };
  assert.throws(
    () => hooked((g) => g.sum() as never).backward(),
    /has changed the size of value: it was \[2\] and got \[\]/,
  );
  assert.throws(
    () => hooked((g) => g.double() as never).backward(),
    /has changed the type of value \(was torch.float32 got torch.float64\)/,
  );
  assert.throws(() => hooked(() => 3 as never).backward(), /TypeError.*returned a number/);
  assert.throws(
    () => torch.ones(2).registerHook(() => undefined),
    /cannot register a hook on a tensor that doesn't require gradient/,
  );
});

test("retainGrad keeps the gradient of the values as they are at last", () => {
  const x = leaf(1, 2);
  x.retainGrad();
  assert.equal(x.retainsGrad, false, "leaves have theirs anyway");
  const y = x.mul(2);
  assert.equal(y.retainsGrad, false);
  y.retainGrad();
  y.mul_(3);
  assert.equal(y.retainsGrad, true);
  y.sum().backward();
  assert.deepEqual(y.grad!.tolist(), [1, 1]);
  assert.throws(() => torch.ones(2).retainGrad(), /can't retain_grad on Tensor that has requiresGrad=false/);
});

test("nodes: names, where they lead, and hooks of their own", () => {
  const x = leaf(1, 2);
  const y = x.mul(2).add(1);
  const node = y.gradFn!;
  assert.equal(node.name(), "AddBackward0");
  const [product] = node.nextFunctions[0]!;
  assert.equal(String(product), "<MulBackward0>");
  assert.equal(product!.nextFunctions[0]![0]!.name(), "AccumulateGrad");
  const log: unknown[] = [];
  product!.registerPrehook(([g]) => {
    log.push(g!.tolist());
    return [g!.mul(10)];
  });
  const handle = product!.registerHook(([gx], [g]) => {
    log.push(gx!.tolist(), g!.tolist());
    return [gx!.add(1), null];
  });
  y.sum().backward({ retainGraph: true });
  assert.deepEqual(log, [
    [1, 1],
    [20, 20],
    [10, 10],
  ]);
  assert.deepEqual(x.grad!.tolist(), [21, 21]);
  handle.remove();
  y.sum().backward();
  assert.deepEqual(x.grad!.tolist(), [41, 41]);
});
