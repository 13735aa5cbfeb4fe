import assert from "node:assert/strict";
import { test } from "node:test";
import { F, nn, optim, planStats, torch, type Tensor } from "../../../runtime/index.js";

type AnyOptimizer = Pick<
  optim.Optimizer<object>,
  "zeroGrad" | "stateDict" | "loadStateDict" | "paramGroups" | "step"
>;

/** Every optimizer that takes its step from gradients alone. */
const optimizers: Readonly<Record<string, (params: Iterable<Tensor>) => AnyOptimizer>> = {
  SGD: (p) => new optim.SGD(p, 0.1, { momentum: 0.9, nesterov: true, weightDecay: 0.01 }),
  Adam: (p) => new optim.Adam(p, { amsgrad: true }),
  AdamW: (p) => new optim.AdamW(p),
  Adamax: (p) => new optim.Adamax(p),
  NAdam: (p) => new optim.NAdam(p),
  RAdam: (p) => new optim.RAdam(p),
  RMSprop: (p) => new optim.RMSprop(p, { centered: true, momentum: 0.9 }),
  Rprop: (p) => new optim.Rprop(p),
  Adagrad: (p) => new optim.Adagrad(p, { lrDecay: 0.01 }),
  Adadelta: (p) => new optim.Adadelta(p),
  ASGD: (p) => new optim.ASGD(p, { t0: 3 }),
  Adafactor: (p) => new optim.Adafactor(p),
  Muon: (p) => new optim.Muon(p),
};

function problem(make: (params: Iterable<Tensor>) => AnyOptimizer): {
  readonly layer: nn.Linear;
  readonly optimizer: AnyOptimizer;
  step(): void;
} {
  torch.manualSeed(0);
  const layer = new nn.Linear(4, 3, { bias: false });
  const optimizer = make(layer.parameters());
  const x = torch.randn(8, 4);
  const y = torch.randn(8, 3);
  return {
    layer,
    optimizer,
    step: () => {
      optimizer.zeroGrad();
      F.mseLoss(layer(x), y).backward();
      optimizer.step();
    },
  };
}

for (const [name, make] of Object.entries(optimizers)) {
  test(`${name}: step 1 and step 1000 are the same plan, whatever the learning rate`, () => {
    const { layer, optimizer, step } = problem(make);
    step();
    step();
    const { compiled } = planStats();
    for (let i = 0; i < 8; i++) {
      for (const group of optimizer.paramGroups as { lr?: number }[]) group.lr = 0.01 / (i + 1);
      step();
    }
    layer.weight.tolist();
    assert.equal(planStats().compiled, compiled);
  });

  test(`${name}: goes on from a saved state as if nothing had happened`, () => {
    const whole = problem(make);
    for (let i = 0; i < 6; i++) whole.step();
    const first = problem(make);
    for (let i = 0; i < 3; i++) first.step();
    const second = problem(make);
    second.layer.loadStateDict(first.layer.stateDict());
    second.optimizer.loadStateDict(first.optimizer.stateDict());
    for (let i = 0; i < 3; i++) second.step();
    assert.deepEqual(second.layer.weight.tolist(), whole.layer.weight.tolist());
  });
}

test("Adafactor keeps row and column means and bounds its first step", () => {
  const w = new nn.Parameter(torch.tensor([[3, 4]], { dtype: torch.float32 }));
  const optimizer = new optim.Adafactor([w], 0.01);
  w.grad = torch.tensor([[1, 2]], { dtype: torch.float32 });
  optimizer.step();
  // Means of squares: rows [2.5], columns [1, 4]; estimate (row × column) / mean(row) = [1, 4]; update g / √ = [1, 1].
  // Its root mean square is 1, the parameter's √12.5; ρ₁ = min(0.01, 1): p − √12.5 · 0.01.
  const size = Math.sqrt(12.5) * 0.01;
  assert.ok(torch.allclose(w, torch.tensor([[3 - size, 4 - size]]), { rtol: 1e-6 }));
  const { row_var, col_var, step } = optimizer.stateDict().state[0]! as Record<string, Tensor>;
  assert.deepEqual(row_var!.tolist(), [[2.5]]);
  assert.deepEqual(col_var!.tolist(), [[1, 4]]);
  assert.equal(step!.item(), 1);
});

test("Muon makes its step nearly orthogonal, whatever the size of the gradient", () => {
  torch.manualSeed(1);
  const w = new nn.Parameter(torch.zeros(6, 3));
  const optimizer = new optim.Muon([w], 1, { weightDecay: 0, nsSteps: 8 });
  w.grad = torch.randn(6, 3).mul(1e4);
  optimizer.step();
  // All singular values are about 1, times √(6 / 3): W ᵀW ≈ 2 I.
  const gram = w.detach().t().matmul(w.detach()).div(2).tolist() as number[][];
  gram.forEach((row, i) => {
    row.forEach((v, j) => {
      assert.ok(Math.abs(v - (i === j ? 1 : 0)) < 0.6, `gram[${String(i)}][${String(j)}] = ${String(v)}`);
    });
  });
  assert.throws(() => new optim.Muon([new nn.Parameter(torch.zeros(3))]), {
    name: "ValueError",
    message: /2D/,
  });
});

test("sparse gradients: SparseAdam moves the rows that were looked up, and refuses dense ones", () => {
  const table = new nn.Parameter(torch.ones(5, 2));
  const optimizer = new optim.SparseAdam([table], 0.1);
  const loss = (): Tensor => F.embedding(torch.tensor([1, 3, 1]), table, { sparse: true }).sum();
  loss().backward();
  // A second backward adds: still sparse.
  loss().backward();
  optimizer.step();
  const moved = (table.tolist() as number[][]).map(([v]) => v !== 1);
  assert.deepEqual(moved, [false, true, false, true, false]);
  table.grad = torch.ones(5, 2);
  assert.throws(() => {
    optimizer.step();
  }, /does not support dense gradients, please consider Adam instead/);
  table.grad = null;
  loss().backward();
  assert.throws(() => {
    new optim.Adam([table]).step();
  }, /Adam does not support sparse gradients/);
});

test("LBFGS reaches the minimum of Rosenbrock's valley with a line search", () => {
  const x = new nn.Parameter(torch.tensor([-1.2, 1], { dtype: torch.float64 }));
  const optimizer = new optim.LBFGS([x], {
    lineSearchFn: "strong_wolfe",
    maxIter: 100,
    toleranceChange: 1e-14,
  });
  const loss = optimizer.step(() => {
    optimizer.zeroGrad();
    const [a, b] = [x.select(0, 0), x.select(0, 1)];
    const value = a
      .neg()
      .add(1)
      .pow(2)
      .add(b.sub(a.pow(2)).pow(2).mul(100));
    value.backward();
    return value;
  });
  assert.ok(Math.abs(loss.item() - 24.2) < 1e-9, "the loss before the step");
  for (const v of x.tolist() as number[]) assert.ok(Math.abs(v - 1) < 1e-6);
});

test("what makes no sense is refused in PyTorch's words", () => {
  const p = new nn.Parameter(torch.zeros(2));
  assert.throws(() => new optim.Adam([p], { lr: -1 }), {
    name: "ValueError",
    message: "Invalid learning rate: -1.0",
  });
  assert.throws(() => new optim.SGD([p], 0.1, { nesterov: true }), /Nesterov momentum requires a momentum/);
  assert.throws(() => new optim.Adam([]), /empty parameter list/);
  assert.throws(() => new optim.SGD([p], 0.1, { differentiable: true }), { name: "NotImplementedError" });
});
