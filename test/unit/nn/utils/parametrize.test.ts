/** Parametrizations, pruning, fusion and calls with other parameters, beside PyTorch. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { nn, torch, type Tensor } from "../../../../runtime/index.js";
import { ask, noPython, same } from "../python.js";
import { ramp, report } from "./support.js";

const { utils } = nn;
const { parametrizations: P, parametrize, prune } = utils;

class Symmetric extends nn.Module {
  forward(x: Tensor): Tensor {
    return x.triu().add(x.triu(1).t());
  }
  rightInverse(x: Tensor): Tensor {
    return x.triu();
  }
}

suite("nn.utils", { skip: noPython }, () => {
  const theirs = ask(`
from torch.nn.utils import parametrize, parametrizations as P, prune, fusion, stateless
def report(m, x, calls=1):
    losses = []
    for _ in range(calls):
        m.zero_grad()
        loss = m(x).pow(2).sum()
        loss.backward()
        losses.append(loss)
    state = m.state_dict()
    return {"losses": losses, "keys": list(state.keys()), "state": list(state.values()),
            "grads": {n: p.grad for n, p in m.named_parameters() if p.grad is not None}, "repr": str(m)}
class Symmetric(nn.Module):
    def forward(self, x): return x.triu() + x.triu(1).T
    def right_inverse(self, x): return x.triu()
@case("symmetric")
def _():
    m = nn.Linear(3, 3); parametrize.register_parametrization(m, "weight", Symmetric())
    return report(m, ramp(2, 3))
@case("assigned")
def _():
    m = nn.Linear(3, 3); parametrize.register_parametrization(m, "weight", Symmetric())
    w = ramp(3, 3); m.weight = w + w.T
    return report(m, ramp(2, 3))
@case("removed")
def _():
    m = nn.Linear(3, 3); parametrize.register_parametrization(m, "weight", Symmetric())
    return report(parametrize.remove_parametrizations(m, "weight"), ramp(2, 3))
def moved(m, x):
    with torch.no_grad():
        for n, p in m.named_parameters():
            if "original" in n: p.add_(ramp(*p.shape).tril(-1))
    return report(m, x)
for how in ["matrix_exp", "cayley"]:
    case("orthogonal " + how)(lambda: moved(P.orthogonal(nn.Linear(3, 3), orthogonal_map=how), ramp(2, 3)))
@case("orthogonal householder")
def _(): return moved(P.orthogonal(nn.Linear(3, 4), use_trivialization=False), ramp(2, 3))
@case("l1")
def _(): return report(prune.l1_unstructured(nn.Linear(3, 4), "weight", 0.5), ramp(2, 3))
@case("random")
def _(): return report(prune.random_unstructured(nn.Linear(3, 4), "weight", 5), ramp(2, 3))
@case("ln, then l1")
def _():
    m = prune.ln_structured(nn.Linear(3, 4), "weight", 1, 2, 0)
    return report(prune.l1_unstructured(m, "weight", 2), ramp(2, 3))
@case("random structured, removed")
def _():
    m = prune.random_structured(nn.Linear(3, 4), "weight", 1, 1)
    return report(prune.remove(m, "weight"), ramp(2, 3))
@case("global")
def _():
    m = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))
    prune.global_unstructured([(m[0], "weight"), (m[1], "weight")], prune.L1Unstructured, amount=0.4)
    return report(m, ramp(2, 3))
@case("conv and bn")
def _():
    c, b = nn.Conv2d(2, 3, 2).eval(), nn.BatchNorm2d(3).eval()
    b.running_mean.copy_(ramp(3)); b.running_var.add_(0.5)
    return report(fusion.fuse_conv_bn_eval(c, b), ramp(1, 2, 3, 3))
@case("linear and bn")
def _():
    c, b = nn.Linear(3, 4).eval(), nn.BatchNorm1d(4).eval()
    b.running_mean.copy_(ramp(4)); b.running_var.add_(0.5)
    return report(fusion.fuse_linear_bn_eval(c, b), ramp(2, 3))
`);
  const symmetric = () => parametrize.registerParametrization(new nn.Linear(3, 3), "weight", new Symmetric());
  const moved = (m: nn.Module, x: Tensor): unknown => {
    torch.noGrad(() => {
      for (const [n, p] of m.namedParameters()) if (n.includes("original")) p.add_(ramp(...p.shape).tril(-1));
    });
    return report(m, x);
  };
  const ours: Readonly<Record<string, () => unknown>> = {
    symmetric: () => report(symmetric(), ramp(2, 3)),
    assigned: () => {
      const m = symmetric();
      const w = ramp(3, 3);
      Object.assign(m, { weight: w.add(w.t()) });
      return report(m, ramp(2, 3));
    },
    removed: () => report(parametrize.removeParametrizations(symmetric(), "weight"), ramp(2, 3)),
    "orthogonal matrix_exp": () => moved(P.orthogonal(new nn.Linear(3, 3)), ramp(2, 3)),
    "orthogonal cayley": () =>
      moved(P.orthogonal(new nn.Linear(3, 3), { orthogonalMap: "cayley" }), ramp(2, 3)),
    "orthogonal householder": () =>
      moved(P.orthogonal(new nn.Linear(3, 4), { useTrivialization: false }), ramp(2, 3)),
    l1: () => report(prune.l1Unstructured(new nn.Linear(3, 4), "weight", 0.5), ramp(2, 3)),
    random: () => report(prune.randomUnstructured(new nn.Linear(3, 4), "weight", 5), ramp(2, 3)),
    "ln, then l1": () => {
      const m = prune.lnStructured(new nn.Linear(3, 4), "weight", 1, 2, 0);
      return report(prune.l1Unstructured(m, "weight", 2), ramp(2, 3));
    },
    "random structured, removed": () => {
      const m = prune.randomStructured(new nn.Linear(3, 4), "weight", 1, 1);
      return report(prune.remove(m, "weight"), ramp(2, 3));
    },
    global: () => {
      const [a, b] = [new nn.Linear(3, 4), new nn.Linear(4, 2)];
      const pairs = [[a, "weight"] as const, [b, "weight"] as const];
      prune.globalUnstructured(pairs, prune.L1Unstructured, { amount: 0.4 });
      return report(new nn.Sequential(a, b), ramp(2, 3));
    },
    "conv and bn": () => {
      const [c, b] = [new nn.Conv2d(2, 3, 2).eval(), new nn.BatchNorm2d(3).eval()];
      b.runningMean!.copy_(ramp(3));
      b.runningVar!.add_(0.5);
      return report(utils.fuseConvBnEval(c, b), ramp(1, 2, 3, 3));
    },
    "linear and bn": () => {
      const [c, b] = [new nn.Linear(3, 4).eval(), new nn.BatchNorm1d(4).eval()];
      b.runningMean!.copy_(ramp(4));
      b.runningVar!.add_(0.5);
      return report(utils.fuseLinearBnEval(c, b), ramp(2, 3));
    },
  };
  for (const [name, run] of Object.entries(ours)) {
    test(name, () => {
      torch.manualSeed(0);
      same(run(), theirs[name]);
    });
  }
});

test("functionalCall uses the tensors given, once, and gradients go to them", () => {
  const m = new nn.Linear(2, 1);
  const weight = torch.ones([1, 2]).requiresGrad_();
  const own = m.weight;
  const y = torch.func.functionalCall(m, { weight, bias: torch.zeros(1) }, [torch.ones(1, 2)]);
  assert.equal(y.item(), 2);
  y.sum().backward();
  assert.deepEqual(weight.grad!.tolist(), [[1, 1]]);
  assert.equal(m.weight, own);
  assert.throws(() => torch.func.functionalCall(m, { weight }, [weight], { strict: true }), {
    name: "RuntimeError",
  });
});

test("skipInit draws nothing", () => {
  torch.manualSeed(0);
  const first = torch.rand(1).item();
  torch.manualSeed(0);
  utils.skipInit(nn.Linear, 3, 4);
  assert.equal(torch.rand(1).item(), first);
  assert.throws(() => utils.skipInit(Map as never), { name: "RuntimeError" });
});

test("inside cached a parametrized tensor is computed once", () => {
  const m = parametrize.registerParametrization(new nn.Linear(2, 2), "weight", new Symmetric());
  assert.notEqual(m.weight, m.weight);
  parametrize.cached(() => {
    assert.equal(m.weight, m.weight);
  });
  assert.notEqual(m.weight, m.weight);
});

test("what cannot be parametrized or unpruned is refused", () => {
  const m = new nn.Linear(2, 2);
  assert.throws(() => parametrize.registerParametrization(m, "none", new Symmetric()), {
    name: "ValueError",
  });
  assert.throws(() => parametrize.removeParametrizations(m, "weight"), { name: "ValueError" });
  assert.throws(() => prune.remove(m, "weight"), { name: "ValueError" });
  assert.throws(() => prune.l1Unstructured(m, "weight", 1.5), { name: "ValueError" });
  assert.throws(() => prune.lnStructured(m, "bias", 1, 2, 0), { name: "ValueError" });
  assert.equal(prune.isPruned(m), false);
  assert.equal(prune.isPruned(prune.identity(new nn.Sequential(m).at(0), "weight")), true);
});
