import assert from "node:assert/strict";
import { test } from "node:test";
import { F, nn, optim, planStats, torch } from "../../../runtime/index.js";

const { lrScheduler, swaUtils } = optim;

function sgd(lr = 0.1): optim.SGD {
  return new optim.SGD([new nn.Parameter(torch.zeros(1))], lr, { momentum: 0.9 });
}

test("a scheduler goes on from a saved state", () => {
  const make = (o: optim.SGD): optim.lrScheduler.LRScheduler =>
    new lrScheduler.OneCycleLR(o, 0.5, { totalSteps: 12 });
  const whole = sgd();
  const all = make(whole);
  for (let i = 0; i < 10; i++) {
    whole.step();
    all.step();
  }
  const first = sgd();
  const one = make(first);
  for (let i = 0; i < 4; i++) {
    first.step();
    one.step();
  }
  const second = sgd();
  const two = make(second);
  second.loadStateDict(first.stateDict());
  two.loadStateDict(one.stateDict());
  for (let i = 0; i < 6; i++) {
    second.step();
    two.step();
  }
  assert.deepEqual(two.getLastLr(), all.getLastLr());
  assert.equal(second.paramGroups[0]!.momentum, whole.paramGroups[0]!.momentum);
});

test("PyTorch's names are the options' names: TMax, T0, TMult", () => {
  const o = sgd(1);
  const s = new lrScheduler.CosineAnnealingWarmRestarts(o, 2, { TMult: 2 });
  const rates = [o.paramGroups[0]!.lr];
  for (let i = 0; i < 6; i++) {
    o.step();
    s.step();
    rates.push(Number(o.paramGroups[0]!.lr.toFixed(3)));
  }
  assert.deepEqual(rates, [1, 0.5, 1, 0.854, 0.5, 0.146, 1]);
  assert.equal(s.stateDict()["T_mult"], 2);
});

test("one step too many of OneCycleLR is an error", () => {
  const o = sgd();
  const s = new lrScheduler.OneCycleLR(o, 0.5, { totalSteps: 2 });
  o.step();
  s.step();
  s.step();
  assert.throws(() => {
    s.step();
  }, /Tried to step 4 times. The specified number of total steps is 2/);
});

test("ReduceLROnPlateau takes a loss as it is", () => {
  const o = sgd();
  const s = new lrScheduler.ReduceLROnPlateau(o, { patience: 1 });
  for (const loss of [1, 1, 1]) s.step(torch.tensor(loss));
  assert.ok(Math.abs(o.paramGroups[0]!.lr - 0.01) < 1e-12);
});

test("schedules want an optimizer, and one rate for each group", () => {
  assert.throws(() => new lrScheduler.ExponentialLR({} as never, 0.9), {
    name: "TypeError",
    message: /not an Optimizer/,
  });
  assert.throws(
    () => new lrScheduler.LambdaLR(sgd(), [() => 1, () => 2]),
    /Expected 1 lr_lambdas, but got 2/,
  );
});

test("weight averaging: the average of the weights seen, without a read or a new plan", () => {
  torch.manualSeed(0);
  const model = new nn.Sequential(new nn.Linear(2, 2), new nn.BatchNorm1d(2));
  const averaged = new swaUtils.AveragedModel(model);
  const weight = (model.getSubmodule("0") as nn.Linear).weight;
  const seen: number[] = [];
  let compiled = 0;
  for (let i = 1; i <= 5; i++) {
    weight.detach().fill_(i);
    averaged.updateParameters(model);
    seen.push(i);
    (averaged.module.getSubmodule("0") as nn.Linear).weight.tolist();
    if (i === 3) ({ compiled } = planStats());
  }
  assert.equal(planStats().compiled, compiled);
  const mean = seen.reduce((a, b) => a + b) / seen.length;
  const [[value]] = (averaged.module.getSubmodule("0") as nn.Linear).weight.tolist() as [[number]];
  assert.ok(Math.abs(value - mean) < 1e-6);
  assert.equal(averaged.nAveraged.item(), 5);
  assert.ok([...averaged.stateDict().keys()].includes("n_averaged"));

  const x = torch.randn(16, 2);
  swaUtils.updateBn([x], averaged);
  const norm = averaged.module.getSubmodule("1") as nn.BatchNorm1d;
  const expected = (averaged.module.getSubmodule("0") as nn.Linear)(x).mean(0);
  assert.ok(torch.allclose(norm.runningMean!, expected, { atol: 1e-6 }));
  assert.equal(F.mseLoss(averaged(x), averaged(x)).item(), 0);
});
