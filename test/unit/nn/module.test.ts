/** `nn.Module`: what it finds, keeps, loads, prints and copies. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { deepcopy, nn, torch, type Tensor } from "../../../runtime/index.js";

/** Two layers and a buffer, by class fields. */
class Net extends nn.Module {
  fc1 = new nn.Linear(2, 3);
  scale = new nn.Parameter(torch.ones([3]));
  fc2 = new nn.Linear(3, 1);
  constructor() {
    super();
    this.registerBuffer("seen", torch.zeros([1]));
    this.registerBuffer("cache", torch.zeros([2]), { persistent: false });
  }
  forward(x: Tensor): Tensor {
    return this.fc2(this.fc1(x).mul(this.scale));
  }
}

const names = (pairs: Iterable<[string, unknown]>): string[] => Array.from(pairs, ([name]) => name);

test("parameters come own ones first, then those of submodules, in order of declaration", () => {
  const net = new Net();
  assert.deepEqual(names(net.namedParameters()), [
    "scale",
    "fc1.weight",
    "fc1.bias",
    "fc2.weight",
    "fc2.bias",
  ]);
  assert.deepEqual(names(net.namedParameters({ recurse: false })), ["scale"]);
  assert.deepEqual(names(net.namedParameters("net")).at(-1), "net.fc2.bias");
  assert.deepEqual(names(net.namedBuffers()), ["seen", "cache"]);
  assert.deepEqual(names(net.namedChildren()), ["fc1", "fc2"]);
  assert.deepEqual(names(net.namedModules()), ["", "fc1", "fc2"]);
});

test("the state dict holds parameters, then persistent buffers, then submodules", () => {
  const state = new Net().stateDict();
  assert.deepEqual([...state.keys()], ["scale", "seen", "fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"]);
  assert.equal(state.get("scale")!.requiresGrad, false);
  assert.deepEqual([...new Net().stateDict({ prefix: "net." }).keys()][0], "net.scale");
  const net = new Net();
  assert.equal(net.stateDict({ keepVars: true }).get("scale"), net.scale);
});

test("fields assigned in the constructor register as declared ones do", () => {
  class Assigned extends nn.Module {
    declare fc: nn.Linear;
    declare name: string;
    constructor() {
      super();
      this.name = "a field of that name is free";
      this.fc = new nn.Linear(1, 1);
    }
    forward(x: Tensor): Tensor {
      return this.fc(x);
    }
  }
  const m = new Assigned();
  assert.deepEqual(names(m.namedParameters()), ["fc.weight", "fc.bias"]);
  assert.equal(m.name, "a field of that name is free");
  // Assign semantics, as older targets compile class fields to.
  const old = Object.assign(
    new (class extends nn.Module {
      forward(): void {}
    })(),
    { b: new nn.Linear(1, 1), a: new nn.ReLU() },
  );
  assert.deepEqual(names(old.namedModules()), ["", "b", "a"]);
});

test("a field that gets another module keeps its place; one that is deleted and set again comes last", () => {
  const seq = new nn.ModuleDict<nn.Module>({ a: new nn.ReLU(), b: new nn.ReLU() });
  seq.setAt("a", new nn.Tanh());
  assert.deepEqual(seq.keys(), ["a", "b"]);
  seq.deleteAt("a");
  seq.setAt("a", new nn.ReLU());
  assert.deepEqual(seq.keys(), ["b", "a"]);
});

test("training mode goes down; a field of that name may be declared", () => {
  const net = new Net();
  net.eval();
  assert.deepEqual(
    [...net.modules()].map((m) => m.training),
    [false, false, false],
  );
  net.fc1.train();
  assert.deepEqual(
    [...net.modules()].map((m) => m.training),
    [false, true, false],
  );
  class Frozen extends nn.Module {
    override training = false;
    forward(): void {}
  }
  assert.equal(new Frozen().training, false);
  assert.equal(new Frozen().train().training, true);
});

test("apply goes children first", () => {
  const order: string[] = [];
  new nn.Sequential(new nn.ReLU(), new nn.Tanh()).apply((m) => order.push(m._getName()));
  assert.deepEqual(order, ["ReLU", "Tanh", "Sequential"]);
});

test("to, double and half convert parameters, buffers and gradients in place, integers left alone", () => {
  const bn = new nn.BatchNorm1d(2);
  const weight = bn.weight!;
  bn(torch.randn(4, 2)).sum().backward();
  bn.double();
  assert.equal(bn.weight, weight);
  assert.equal(weight.dtype, torch.float64);
  assert.equal(weight.grad!.dtype, torch.float64);
  assert.equal(bn.runningMean!.dtype, torch.float64);
  assert.equal(bn.numBatchesTracked!.dtype, torch.int64);
  assert.equal(bn.half().weight!.dtype, torch.float16);
  assert.equal(bn.to(torch.tensor(1, { dtype: torch.float64 })).weight!.dtype, torch.float64);
  assert.equal(bn.to({ dtype: torch.float32 }).weight!.dtype, torch.float32);
  assert.equal(bn.to("cpu", torch.float64).weight!.dtype, torch.float64);
  assert.throws(() => bn.to(torch.int64), { name: "TypeError", message: /only accepts floating point/ });
});

test("zeroGrad drops gradients or zeroes them; requiresGrad_ stops recording", () => {
  const fc = new nn.Linear(2, 1);
  fc(torch.ones([1, 2]))
    .sum()
    .backward();
  fc.zeroGrad({ setToNone: false });
  assert.deepEqual(fc.weight.grad!.tolist(), [[0, 0]]);
  fc.zeroGrad();
  assert.equal(fc.weight.grad, null);
  assert.equal(fc.requiresGrad_(false)(torch.ones([1, 2])).requiresGrad, false);
});

test("loading copies values and reports what does not fit in PyTorch's words, changing nothing", () => {
  const net = new Net();
  const state = new Net().stateDict();
  net.loadStateDict(state);
  assert.deepEqual(net.fc1.weight.tolist(), state.get("fc1.weight")!.tolist());

  const before = net.scale.tolist();
  const bad = new Map(state);
  bad.set("scale", torch.zeros([4]));
  bad.delete("fc2.bias");
  bad.set("fc3.weight", torch.zeros([1]));
  assert.throws(() => net.loadStateDict(bad), {
    name: "RuntimeError",
    message:
      "Error(s) in loading state_dict for Net:\n" +
      '\tMissing key(s) in state_dict: "fc2.bias". \n' +
      '\tUnexpected key(s) in state_dict: "fc3.weight". \n' +
      "\tsize mismatch for scale: copying a param with shape torch.Size([4]) from checkpoint, " +
      "the shape in current model is torch.Size([3]).",
  });
  assert.deepEqual(net.scale.tolist(), before);
  assert.throws(() => net.loadStateDict(bad, { strict: false }), /size mismatch for scale/);
  bad.delete("scale");
  const report = net.loadStateDict(bad, false);
  assert.deepEqual(report, { missingKeys: ["scale", "fc2.bias"], unexpectedKeys: ["fc3.weight"] });
});

test("strict: false reports what is missing and what is too much", () => {
  const net = new nn.Linear(1, 1);
  const report = net.loadStateDict({ weight: torch.ones([1, 1]), extra: torch.ones([1]) }, { strict: false });
  assert.deepEqual(net.weight.tolist(), [[1]]);
  assert.deepEqual(report, { missingKeys: ["bias"], unexpectedKeys: ["extra"] });
});

test("assign takes the given tensors, dtype and all", () => {
  const fc = new nn.Linear(1, 1, { bias: false });
  fc.loadStateDict({ weight: torch.ones([1, 1], { dtype: torch.float64 }) }, { assign: true });
  assert.equal(fc.weight.dtype, torch.float64);
  assert.equal(fc.weight.requiresGrad, true);
});

test("tied weights are one parameter with two names", () => {
  class Tied extends nn.Module {
    embed = new nn.Embedding(4, 3);
    head = new nn.Linear(3, 4, { bias: false });
    constructor() {
      super();
      this.head.weight = this.embed.weight;
    }
    forward(i: Tensor): Tensor {
      return this.head(this.embed(i));
    }
  }
  const m = new Tied();
  assert.deepEqual(names(m.namedParameters()), ["embed.weight"]);
  assert.deepEqual(names(m.namedParameters({ removeDuplicate: false })), ["embed.weight", "head.weight"]);
  assert.deepEqual([...m.stateDict().keys()], ["embed.weight", "head.weight"]);
  const copy = deepcopy(m);
  assert.equal(copy.embed.weight, copy.head.weight);
  assert.notEqual(copy.embed.weight, m.embed.weight);
});

test("deepcopy copies fields, buffers, mode and hooks; neither side sees the other's writes", () => {
  const net = new Net();
  net.eval();
  let calls = 0;
  net.registerForwardHook(() => void calls++);
  const copy = deepcopy(net);
  assert.ok(copy instanceof Net);
  assert.equal(copy.training, false);
  assert.deepEqual([...copy.stateDict().keys()], [...net.stateDict().keys()]);
  torch.noGrad(() => copy.scale.fill_(7));
  (copy as unknown as { seen: Tensor }).seen.fill_(3);
  assert.deepEqual(net.scale.tolist(), [1, 1, 1]);
  assert.deepEqual((net as unknown as { seen: Tensor }).seen.tolist(), [0]);
  assert.equal(copy.scale.requiresGrad, true);
  copy(torch.ones([1, 2]));
  assert.equal(calls, 1);
  copy(torch.ones([1, 2]))
    .sum()
    .backward();
  assert.equal(net.scale.grad, null);
  assert.ok(copy.scale.grad);
});

test("deepcopy refuses tensors that are not leaves", () => {
  const m = Object.assign(new nn.ReLU(), { kept: new nn.Linear(1, 1)(torch.ones([1])) });
  assert.throws(() => deepcopy(m), { name: "RuntimeError", message: /graph leaves/ });
});

test("forward hooks see and replace arguments and results, in order", () => {
  const relu = new nn.ReLU();
  const order: string[] = [];
  relu.registerForwardPreHook((_, [x]) => {
    order.push("pre");
    return (x as Tensor).add(1);
  });
  relu.registerForwardHook((_, [x], y) => {
    order.push(`hook ${String((x as Tensor).item())} ${String((y as Tensor).item())}`);
    return (y as Tensor).mul(10);
  });
  relu.registerForwardHook(() => void order.push("first"), { prepend: true });
  assert.equal(relu(torch.tensor(1)).item(), 20);
  assert.deepEqual(order, ["pre", "first", "hook 2 2"]);
});

test("a removed hook is not called; one with alwaysCall also when forward throws", () => {
  const relu = new nn.ReLU();
  let calls = 0;
  const handle = relu.registerForwardHook(() => void calls++);
  relu(torch.ones([1]));
  handle.remove();
  relu(torch.ones([1]));
  assert.equal(calls, 1);
  const fc = new nn.Linear(2, 2);
  fc.registerForwardHook(() => void calls++, { alwaysCall: true });
  assert.throws(() => fc(torch.ones([3])));
  assert.equal(calls, 2);
});

test("full backward hooks see gradients of inputs and outputs, and may replace them", () => {
  const fc = new nn.Linear(2, 1, { bias: false });
  torch.noGrad(() => fc.weight.copy_(torch.tensor([[2, 3]])));
  const seen: unknown[] = [];
  fc.registerFullBackwardPreHook((_, [g]) => {
    seen.push(["pre", g!.tolist()]);
    return [g!.mul(10)];
  });
  fc.registerFullBackwardHook((_, [gi], [go]) => {
    seen.push(["hook", gi!.tolist(), go!.tolist()]);
    return [gi!.mul(0)];
  });
  const x = torch.tensor([[1, 1]], { dtype: torch.float32, requiresGrad: true });
  fc(x).sum().backward();
  assert.deepEqual(seen, [
    ["pre", [[1]]],
    ["hook", [[20, 30]], [[10]]],
  ]);
  assert.deepEqual(x.grad!.tolist(), [[0, 0]]);
  assert.deepEqual(fc.weight.grad!.tolist(), [[10, 10]]);
});

test("a backward hook is called where no input wants a gradient", () => {
  const fc = new nn.Linear(1, 1);
  let given: unknown;
  fc.registerFullBackwardHook((_, gradInput) => void (given = gradInput));
  fc(torch.ones([1, 1]))
    .sum()
    .backward();
  assert.deepEqual(given, [null]);
});

test("state-dict hooks before and after taking and loading", () => {
  const fc = new nn.Linear(1, 1, { bias: false });
  fc.registerStateDictPostHook((_, state, prefix) => void state.set(`${prefix}version`, torch.ones([1])));
  const state = fc.stateDict();
  assert.deepEqual([...state.keys()], ["weight", "version"]);
  fc.registerLoadStateDictPreHook((_, s, prefix) => void s.delete(`${prefix}version`));
  let missing: string[] = [];
  fc.registerLoadStateDictPostHook((_, { missingKeys }) => {
    missing = missingKeys.splice(0);
  });
  fc.loadStateDict(state);
  assert.deepEqual(missing, []);
  fc.loadStateDict({});
  assert.deepEqual(missing, ["weight"]);
});

test("extra state goes along", () => {
  class Counter extends nn.Module {
    count = 0;
    override getExtraState(): unknown {
      return { count: this.count };
    }
    override setExtraState(state: unknown): void {
      this.count = (state as { count: number }).count;
    }
    forward(): void {}
  }
  const m = new Counter();
  m.count = 3;
  const other = new Counter();
  other.loadStateDict(m.stateDict());
  assert.equal(other.count, 3);
});

test("names that are taken, empty or dotted are refused", () => {
  const m = new nn.Linear(1, 1);
  const key = { name: "KeyError" };
  assert.throws(() => m.registerBuffer("weight", null), {
    ...key,
    message: "attribute 'weight' already exists",
  });
  assert.throws(() => m.registerBuffer("a.b", null), { ...key, message: 'buffer name can\'t contain "."' });
  assert.throws(() => m.addModule("", new nn.ReLU()), {
    ...key,
    message: 'module name can\'t be empty string ""',
  });
  assert.throws(() => m.addModule("forward", new nn.ReLU()), key);
  assert.throws(() => m.registerBuffer("b", 3 as never), { name: "TypeError" });
  m.registerBuffer("b", torch.ones([1]));
  assert.throws(() => ((m as unknown as { b: unknown }).b = 3), { name: "TypeError" });
  m.addModule("later", null);
  m.addModule("later", new nn.ReLU());
});

test("paths lead to submodules, parameters and buffers", () => {
  const net = new nn.Sequential(new nn.Sequential(new nn.BatchNorm1d(2)));
  assert.equal(net.getSubmodule(""), net);
  assert.ok(net.getSubmodule("0.0") instanceof nn.BatchNorm1d);
  assert.equal(net.getParameter("0.0.weight").numel(), 2);
  assert.equal(net.getBuffer("0.0.running_mean").numel(), 2);
  assert.throws(() => net.getSubmodule("0.1"), {
    name: "AttributeError",
    message: "Sequential has no attribute `1`",
  });
  assert.throws(() => net.getBuffer("0.0.weight"), { name: "AttributeError" });
});

test("a module without forward says so", () => {
  const Bare = nn.Module as unknown as new () => nn.Module;
  assert.throws(() => (new Bare() as unknown as () => void)(), {
    name: "NotImplementedError",
    message: 'Module [Module] is missing the required "forward" function',
  });
});

test("printed as PyTorch prints", () => {
  const m = new nn.Sequential(
    new nn.Sequential(new nn.Conv2d(1, 2, 3), new nn.ReLU()),
    new nn.ModuleDict({ a: new nn.Linear(2, 1) }),
  );
  m.addModule("none", null);
  assert.equal(
    String(m),
    `Sequential(
  (0): Sequential(
    (0): Conv2d(1, 2, kernel_size=(3, 3), stride=(1, 1))
    (1): ReLU()
  )
  (1): ModuleDict(
    (a): Linear(in_features=2, out_features=1, bias=True)
  )
  (none): None
)`,
  );
  assert.equal(String(new Net()).split("\n")[0], "Net(");
});
