/** `nn.init` with PyTorch's numbers, and the utilities on gradients and parameters. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { nn, torch, type Tensor } from "../../../runtime/index.js";
import { ask, noPython, same } from "./python.js";

const { init } = nn;

const cases: readonly (readonly [python: string, ours: () => Tensor])[] = [
  ["nn.init.orthogonal_(torch.empty(5, 3))", () => init.orthogonal_(torch.empty(5, 3))],
  [
    "nn.init.orthogonal_(torch.empty(3, 2, 4), gain=2.)",
    () => init.orthogonal_(torch.empty(3, 2, 4), { gain: 2 }),
  ],
  [
    "nn.init.orthogonal_(torch.empty(4, 4, dtype=torch.float64))",
    () => init.orthogonal_(torch.empty([4, 4], { dtype: torch.float64 })),
  ],
  ["nn.init.sparse_(torch.empty(6, 4), 0.3)", () => init.sparse_(torch.empty(6, 4), 0.3)],
  [
    "nn.init.sparse_(torch.empty(5, 3), 0.5, std=0.2)",
    () => init.sparse_(torch.empty(5, 3), 0.5, { std: 0.2 }),
  ],
  ["nn.init.dirac_(torch.empty(4, 2, 3), 2)", () => init.dirac_(torch.empty(4, 2, 3), 2)],
  ["nn.init.dirac_(torch.empty(3, 2, 3, 4))", () => init.dirac_(torch.empty(3, 2, 3, 4))],
  ["nn.init.dirac_(torch.empty(2, 3, 3, 2, 3))", () => init.dirac_(torch.empty(2, 3, 3, 2, 3))],
  [
    "nn.init.trunc_normal_(torch.empty(20), 1., 2., 0., 3.)",
    () => init.truncNormal_(torch.empty(20), 1, 2, 0, 3),
  ],
  ["nn.init.eye_(torch.empty(3, 4))", () => init.eye_(torch.empty(3, 4))],
  ["nn.init.xavier_normal_(torch.empty(4, 5), 2.)", () => init.xavierNormal_(torch.empty(4, 5), 2)],
  [
    "nn.init.kaiming_normal_(torch.empty(4, 5, 3), mode='fan_out', nonlinearity='relu')",
    () => init.kaimingNormal_(torch.empty(4, 5, 3), { mode: "fan_out", nonlinearity: "relu" }),
  ],
];

const answers = ask(`
${cases.map(([python], i) => `case("${String(i)}")(lambda: ${python})`).join("\n")}
def clipped(*args, **o):
    m = nn.Linear(3, 2)
    m(ramp(4, 3, scale=4)).square().sum().backward()
    n = nn.utils.clip_grad_norm_(m.parameters(), *args, **o)
    return [n] + [p.grad for p in m.parameters()]
case("clip 2")(lambda: clipped(1.0))
case("clip inf")(lambda: clipped(0.5, float("inf")))
case("clip 3")(lambda: clipped(0.5, 3.0))
case("clip none")(lambda: clipped(1000.0))
`);

cases.forEach(([python, ours], i) => {
  test(python, { skip: noPython }, () => {
    torch.manualSeed(0);
    same(ours(), answers[String(i)], 1e-5);
  });
});

test("what init refuses", () => {
  const error = { name: "ValueError" };
  assert.throws(() => init.orthogonal_(torch.empty(3)), error);
  assert.throws(() => init.sparse_(torch.empty(3), 0.1), error);
  assert.throws(() => init.dirac_(torch.empty(3, 3)), error);
  assert.throws(() => init.dirac_(torch.empty(3, 3, 3), 2), error);
});

test("an orthogonal matrix of a singular draw's size 1 is ±1, and an empty one is left alone", () => {
  assert.equal(Math.abs(init.orthogonal_(torch.empty(1, 1)).item()), 1);
  assert.deepEqual(init.orthogonal_(torch.empty(0, 3)).shape, [0, 3]);
});

const settings = [
  ["clip 2", [1]],
  ["clip inf", [0.5, Infinity]],
  ["clip 3", [0.5, { normType: 3 }]],
  ["clip none", [1000]],
] as const;

for (const [name, args] of settings) {
  test(`clipGradNorm_: ${name}`, { skip: noPython }, () => {
    torch.manualSeed(0);
    const m = new nn.Linear(3, 2);
    const x = torch.tensor(Array.from({ length: 12 }, (_, i) => ((i * 37 + 11) % 64) - 31.5)).reshape(4, 3);
    m(x.float()).square().sum().backward();
    const norm = nn.utils.clipGradNorm_(m.parameters(), ...(args as unknown as [number]));
    same([norm, ...Array.from(m.parameters(), (p) => p.grad)], answers[name]);
  });
}

test("clipping refuses norms that are not finite when asked, and takes no gradients for 0", () => {
  const p = new nn.Parameter(torch.ones([2]));
  assert.equal(nn.utils.clipGradNorm_(p, 1).item(), 0);
  p.grad = torch.tensor([Infinity, 1]);
  assert.throws(() => nn.utils.clipGradNorm_(p, 1, { errorIfNonfinite: true }), { name: "RuntimeError" });
  p.grad = torch.tensor([3, -0.5]);
  nn.utils.clipGradValue_([p], 1);
  assert.deepEqual(p.grad.tolist(), [1, -0.5]);
});

test("parameters go into a vector and back", () => {
  const a = new nn.Linear(2, 3);
  const b = new nn.Linear(2, 3);
  const vector = nn.utils.parametersToVector(a.parameters());
  nn.utils.vectorToParameters(vector, b.parameters());
  assert.deepEqual(b.weight.tolist(), a.weight.tolist());
  assert.deepEqual(b.bias!.tolist(), a.bias!.tolist());
  assert.throws(() => nn.utils.vectorToParameters(vector.narrow(0, 0, 3), b.parameters()), {
    name: "RuntimeError",
  });
});
