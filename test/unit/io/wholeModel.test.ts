import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { test } from "node:test";
import { F, formatPth, nn, torch, type Tensor } from "../../../runtime/index.js";
import { findOracle } from "../random/oracle.js";

class Block extends nn.Module {
  fc = new nn.Linear(4, 4);
  activation = F.relu;
  readonly scale: number;
  constructor(scale: number) {
    super();
    this.scale = scale;
  }
  forward(x: Tensor): Tensor {
    return this.activation(this.fc(x)).mul(this.scale);
  }
}

class Net extends nn.Module {
  first = new Block(2);
  blocks = new nn.ModuleList([new Block(1), new Block(3)]);
  norm = new nn.BatchNorm1d(4);
  head = new nn.Linear(4, 4);
  labels = ["cat", "dog"];
  twice = (x: Tensor): Tensor => x.mul(2);
  constructor() {
    super();
    this.head.weight = this.first.fc.weight;
    this.registerBuffer("offset", torch.arange(4).to(torch.float32));
    this.registerBuffer("cache", torch.ones(2), { persistent: false });
  }
  declare offset: Tensor;
  declare cache: Tensor;
  forward(x: Tensor): Tensor {
    x = this.norm(this.first(x)).add(this.offset);
    for (const block of this.blocks) x = (block as Block)(x);
    return this.twice(this.head(x));
  }
}

function trained(): Net {
  torch.manualSeed(3);
  const net = new Net();
  net(torch.randn(5, 4)).sum().backward();
  net.labels = ["fox"];
  net.cache.fill_(9);
  net.first.fc.bias!.requiresGrad_(false);
  return net.eval();
}

const bytes = (net: nn.Module): Uint8Array => formatPth(net);

test("a whole model comes back: classes, settings, buffers, ties, mode", () => {
  const net = trained();
  const state = torch.getRngState();
  const again = torch.load<Net>(bytes(net), { classes: { Net, Block } });
  assert.ok(torch.equal(torch.getRngState(), state), "no random number is drawn");
  assert.ok(again instanceof Net);
  assert.equal(String(again), String(net));
  assert.deepEqual([again.training, again.labels, again.first.scale], [false, ["fox"], 2]);
  assert.equal(again.head.weight, again.first.fc.weight);
  assert.deepEqual(again.cache.tolist(), [9, 9]);
  assert.deepEqual(
    [...again.namedParameters()].map(([name, p]) => [name, p.requiresGrad]),
    [...net.namedParameters()].map(([name, p]) => [name, p.requiresGrad]),
  );
  const x = torch.randn(3, 4);
  assert.ok(torch.equal(again(x), net(x)));
  assert.deepEqual([...again.stateDict().keys()], [...net.stateDict().keys()]);
});

test("layers of the library need no classes, and may lie in other values", () => {
  const model = new nn.Sequential(
    new nn.Conv2d(1, 2, 3, { padding: 1, bias: false }),
    new nn.BatchNorm2d(2),
    new nn.ReLU(),
    new nn.LSTM(4, 3, { batchFirst: true }),
    new nn.MultiheadAttention(4, 2),
    new nn.TransformerEncoderLayer(4, 2),
    new nn.ModuleDict({ a: new nn.Embedding(3, 2), b: new nn.Dropout(0.3) }),
  );
  const { nets, epoch } = torch.load<{ nets: nn.Module[]; epoch: number }>(
    formatPth({ nets: [model, model], epoch: 3 }),
  );
  assert.equal(epoch, 3);
  assert.equal(nets[0], nets[1]);
  assert.equal(String(nets[0]), String(model));
  const [a, b] = [nets[0]!.stateDict(), model.stateDict()];
  assert.deepEqual([...a.keys()], [...b.keys()]);
  for (const [name, t] of b) assert.ok(torch.equal(t, a.get(name)!), name);
});

test("a class that is not given, or has changed, is told by name", () => {
  const file = bytes(trained());
  assert.throws(() => torch.load(file), {
    name: "UnpicklingError",
    message: /holds a Net, and files have no code.*classes: \{ Net \}/,
  });
  assert.throws(() => torch.load(file, { classes: { Net } }), /holds a Block/);
  const Other = {
    Net: class Net extends nn.Module {
      first = new nn.Linear(1, 1);
      extra = new nn.Linear(1, 1);
      forward(): void {}
    },
  };
  assert.throws(
    () => torch.load(file, { classes: { ...Other, Block } }),
    /twice of Net is a function|it has extra besides/,
  );
  assert.throws(() => torch.load(file, { weightsOnly: true, classes: { Net, Block } }), /only weights/);
});

test("a constructor that needs arguments: fields are enough, or a function says how", () => {
  class Scaled extends nn.Module {
    fc: nn.Linear;
    act?: (x: Tensor) => Tensor;
    constructor(size: number, act?: (x: Tensor) => Tensor) {
      super();
      this.fc = new nn.Linear(size, size);
      if (act) this.act = act;
    }
    forward(x: Tensor): Tensor {
      return this.fc(x);
    }
  }
  const plain = torch.load<Scaled>(bytes(new Scaled(3)), { classes: { Scaled } });
  assert.equal(plain.fc.inFeatures, 3);
  const own = bytes(new Scaled(3, (x) => x.neg()));
  assert.throws(
    () => torch.load(own, { classes: { Scaled } }),
    /act of Scaled is a function.*new Scaled\(…\)/,
  );
  const made = torch.load<Scaled>(own, { classes: { Scaled: () => new Scaled(3, (x) => x.neg()) } });
  assert.deepEqual(made.act!(torch.ones(1)).tolist(), [-1]);
});

test("hooks are code and are refused", () => {
  const model = new nn.Linear(2, 2);
  model.registerForwardHook(() => undefined);
  assert.throws(() => formatPth(model), { name: "NotImplementedError", message: /a Linear with hooks/ });
});

test("PyTorch opens a whole model as its state dict", { skip: findOracle() === undefined }, () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "tensorscope-model-"));
  try {
    const file = path.join(folder, "net.pth");
    const net = trained();
    torch.save(net, file);
    const script = "import sys, torch; s = torch.load(sys.argv[1]); print(type(s).__name__, *s)";
    const { stdout, stderr } = spawnSync(findOracle()!, ["-c", script, file], { encoding: "utf8" });
    assert.equal(stdout.trim(), `OrderedDict ${[...net.stateDict().keys()].join(" ")}`, stderr);
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
});
