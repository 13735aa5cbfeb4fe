/** Weight and spectral normalisation, by hooks and by parametrizations. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { deepcopy, nn, torch, type Tensor } from "../../../../runtime/index.js";
import { ask, noPython, same } from "../python.js";
import { ramp, report } from "./support.js";

const { utils } = nn;

suite("nn.utils.weightNorm, spectralNorm", { skip: noPython }, () => {
  const theirs = ask(`
from torch.nn.utils import weight_norm, remove_weight_norm, spectral_norm, remove_spectral_norm, parametrizations as P
def report(m, x, calls=1):
    losses = []
    for _ in range(calls):
        m.zero_grad()
        y = m(x)
        y = y[0] if isinstance(y, tuple) else y
        loss = y.pow(2).sum()
        loss.backward()
        losses.append(loss)
    state = m.state_dict()
    return {"losses": losses, "keys": list(state.keys()), "state": list(state.values()),
            "grads": {n: p.grad for n, p in m.named_parameters() if p.grad is not None}, "repr": str(m)}
@case("weight")
def _(): return report(weight_norm(nn.Linear(3, 4)), ramp(2, 3))
@case("weight, dim 1")
def _(): return report(weight_norm(nn.Conv2d(2, 3, 2), dim=1), ramp(1, 2, 3, 3))
@case("weight, whole")
def _(): return report(weight_norm(nn.Linear(3, 4), dim=None), ramp(2, 3))
@case("weight, recurrent")
def _(): return report(weight_norm(nn.GRU(2, 3), 'weight_hh_l0'), ramp(4, 1, 2))
@case("weight, removed")
def _():
    m = weight_norm(nn.Linear(3, 4)); m.weight_g.data *= 2
    return report(remove_weight_norm(m), ramp(2, 3))
@case("spectral")
def _(): return report(spectral_norm(nn.Linear(3, 4)), ramp(2, 3), 3)
@case("spectral, transposed")
def _(): return report(spectral_norm(nn.ConvTranspose2d(2, 3, 2), n_power_iterations=2), ramp(1, 2, 3, 3), 2)
@case("spectral, evaluating")
def _(): return report(spectral_norm(nn.Linear(3, 4)).eval(), ramp(2, 3), 2)
@case("spectral, removed")
def _():
    m = spectral_norm(nn.Linear(3, 4)); m(ramp(2, 3))
    return report(remove_spectral_norm(m), ramp(2, 3))
@case("spectral parametrization")
def _(): return report(P.spectral_norm(nn.Linear(3, 4)), ramp(2, 3), 3)
@case("spectral parametrization of a convolution")
def _(): return report(P.spectral_norm(nn.Conv2d(2, 3, 2), n_power_iterations=2, dim=1), ramp(1, 2, 3, 3), 2)
@case("spectral parametrization of a vector")
def _(): return report(P.spectral_norm(nn.Linear(3, 4), 'bias'), ramp(2, 3), 2)
`);
  const ours: Readonly<Record<string, () => unknown>> = {
    weight: () => report(utils.weightNorm(new nn.Linear(3, 4)), ramp(2, 3)),
    "weight, dim 1": () => report(utils.weightNorm(new nn.Conv2d(2, 3, 2), { dim: 1 }), ramp(1, 2, 3, 3)),
    "weight, whole": () => report(utils.weightNorm(new nn.Linear(3, 4), { dim: null }), ramp(2, 3)),
    "weight, recurrent": () => report(utils.weightNorm(new nn.GRU(2, 3), "weightHhL0"), ramp(4, 1, 2)),
    "weight, removed": () => {
      const m = utils.weightNorm(new nn.Linear(3, 4)) as nn.Linear & { weightG: Tensor };
      torch.noGrad(() => m.weightG.mul_(2));
      return report(utils.removeWeightNorm(m), ramp(2, 3));
    },
    spectral: () => report(utils.spectralNorm(new nn.Linear(3, 4)), ramp(2, 3), 3),
    "spectral, transposed": () =>
      report(
        utils.spectralNorm(new nn.ConvTranspose2d(2, 3, 2), { nPowerIterations: 2 }),
        ramp(1, 2, 3, 3),
        2,
      ),
    "spectral, evaluating": () => report(utils.spectralNorm(new nn.Linear(3, 4)).eval(), ramp(2, 3), 2),
    "spectral, removed": () => {
      const m = utils.spectralNorm(new nn.Linear(3, 4));
      m(ramp(2, 3));
      return report(utils.removeSpectralNorm(m), ramp(2, 3));
    },
    "spectral parametrization": () =>
      report(utils.parametrizations.spectralNorm(new nn.Linear(3, 4)), ramp(2, 3), 3),
    "spectral parametrization of a convolution": () =>
      report(
        utils.parametrizations.spectralNorm(new nn.Conv2d(2, 3, 2), { nPowerIterations: 2, dim: 1 }),
        ramp(1, 2, 3, 3),
        2,
      ),
    "spectral parametrization of a vector": () =>
      report(utils.parametrizations.spectralNorm(new nn.Linear(3, 4), "bias"), ramp(2, 3), 2),
  };
  for (const [name, run] of Object.entries(ours)) {
    test(name, () => {
      torch.manualSeed(0);
      same(run(), theirs[name]);
    });
  }
});

test("a normalised module is normalised once, and only what has a norm loses one", () => {
  const m = utils.weightNorm(new nn.Linear(2, 2));
  assert.throws(() => utils.weightNorm(m), { name: "RuntimeError" });
  assert.throws(() => utils.removeWeightNorm(m, "bias"), { name: "ValueError" });
  const s = utils.spectralNorm(new nn.Linear(2, 2));
  assert.throws(() => utils.spectralNorm(s), { name: "RuntimeError" });
  assert.throws(() => utils.removeSpectralNorm(new nn.Linear(2, 2)), { name: "ValueError" });
  assert.throws(() => utils.spectralNorm(new nn.Linear(2, 2), { nPowerIterations: 0 }), {
    name: "ValueError",
  });
  assert.throws(() => utils.spectralNorm(new nn.Linear(2, 2, { bias: false }), "bias"), {
    name: "ValueError",
  });
  assert.throws(() => utils.weightNorm(new nn.LazyLinear(2)), { name: "ValueError" });
});

test("a parameter of a user's class keeps its name: w_g and w_v", () => {
  class Scaled extends nn.Module {
    w = new nn.Parameter(torch.ones([2, 2]));
    forward(x: Tensor): Tensor {
      return torch.matmul(x, this.w);
    }
  }
  const m = utils.weightNorm(new Scaled(), "w");
  assert.deepEqual([...m.stateDict().keys()], ["w_g", "w_v"]);
  assert.equal(m(torch.ones(1, 2)).sum().item(), 4);
});

test("weightNorm as a parametrization computes what the hook does, and loads its state", () => {
  torch.manualSeed(0);
  const hooked = utils.weightNorm(new nn.Linear(3, 4));
  const m = utils.parametrizations.weightNorm(new nn.Linear(3, 4));
  assert.deepEqual(
    [...m.stateDict().keys()],
    ["bias", "parametrizations.weight.original0", "parametrizations.weight.original1"],
  );
  m.loadStateDict(hooked.stateDict());
  const x = ramp(2, 3);
  assert.ok(torch.allclose(m(x), hooked(x)));
  assert.deepEqual(m.parametrizations.at("weight").at(0).toString(), "_WeightNorm()");
});

test("a copy of a normalised module computes with parameters of its own", () => {
  const m = utils.parametrizations.spectralNorm(new nn.Linear(3, 4));
  const copy = deepcopy(m);
  torch.noGrad(() => m.parametrizations.at("weight").getParameter("original").zero_());
  assert.equal(m.weight.isnan().any().item(), true);
  assert.equal(copy.weight.isnan().any().item(), false);
  assert.equal(copy.constructor.name, "ParametrizedLinear");
});
