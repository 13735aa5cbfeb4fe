import assert from "node:assert/strict";
import { test } from "node:test";
import { nn, optim, torch, F, Tensor } from "../../../runtime/index.js";
import { delivered } from "../../../runtime/data/delivered.js";
import { setTracing } from "../../../runtime/graph/executor.js";

/** Devices are labels as long as only shapes are computed: no hardware is asked for. */
function traced(body: () => void): void {
  setTracing(true);
  try {
    body();
  } finally {
    setTracing(false);
    torch.setDefaultDevice(null);
  }
}

test("a device has a type and perhaps a number; equal ones are the same object", () => {
  const cuda = torch.device("cuda:1");
  assert.deepEqual([cuda.type, cuda.index, String(cuda)], ["cuda", 1, "cuda:1"]);
  assert.equal(torch.device("webgpu").index, null);
  assert.equal(torch.device("webgpu"), torch.device("webgpu"));
  assert.equal(torch.device("cuda", 1), cuda);
  assert.equal(torch.device(1), cuda);
  assert.equal(torch.device(cuda), cuda);
  assert.notEqual(torch.device("cuda"), torch.device("cuda:0"));
  assert.equal(torch.device("cpu:0").index, 0);
});

test("names of no device are refused in PyTorch's words", () => {
  const refused = (make: () => unknown, message: RegExp): void => {
    assert.throws(make, { name: "RuntimeError", message });
  };
  refused(() => torch.device("foo"), /Expected one of cpu, webgpu, .* at start of device string: foo$/);
  refused(
    () => torch.device("mps"),
    /at start of device string: mps \(on a Mac that is 'webgpu' or 'coreml'\)/,
  );
  for (const s of ["cuda:", "cuda:x", "cpu:-1", "cuda:01", ":1", "cuda:0:1", ""]) {
    refused(() => torch.device(s), new RegExp(`Invalid device string: '${s}'`));
  }
  refused(() => torch.device("cuda:0", 0), /must not include an index because index was passed explicitly/);
  refused(() => torch.device("cuda", -1), /Device index must not be negative/);
  refused(() => torch.zeros(2, { device: "gpu" }), /at start of device string: gpu/);
});

test("tensors are on the CPU unless asked for elsewhere; tensors name the number of their device", () => {
  assert.equal(torch.zeros(2).device, torch.device("cpu"));
  assert.equal(torch.zeros(2, { device: "cpu:0" }).device, torch.device("cpu"));
  assert.equal(torch.zeros(2).to("cpu").device, torch.device("cpu"));
  traced(() => {
    assert.equal(torch.zeros(2, { device: "webgpu" }).device, torch.device("webgpu:0"));
    assert.equal(torch.zeros(2).to("cuda").device, torch.device("cuda:0"));
    assert.equal(torch.zeros(2).cuda(1).device, torch.device("cuda:1"));
    assert.equal(torch.zeros(2).to("dml").cpu().device, torch.device("cpu"));
  });
});

test("every factory takes a device", () => {
  traced(() => {
    const x = torch.zeros(2, 3);
    const on = { device: "webgpu" } as const;
    const made: Tensor[] = [
      torch.zeros(2, on),
      torch.ones([2], on),
      torch.full([2], 3, on),
      torch.empty([2], on),
      torch.emptyStrided([2], [1], on),
      torch.eye(2, on),
      torch.arange(3, on),
      torch.linspace(0, 1, 3, on),
      torch.logspace(0, 1, 3, on),
      torch.hannWindow(4, on),
      torch.trilIndices(2, 2, on),
      torch.scalarTensor(3, on),
      torch.tensor([1, 2], on),
      torch.tensor(x, on),
      torch.asTensor([1, 2], on),
      torch.asTensor(x, on),
      torch.asarray([1, 2], on),
      torch.frombuffer(new Uint8Array(8), { dtype: torch.float32, ...on }),
      torch.rand(2, on),
      torch.randn([2], on),
      torch.randint(5, [2], on),
      torch.randperm(4, on),
      torch.normal(0, 1, [2], on),
      torch.zerosLike(x, on),
      torch.onesLike(x, on),
      torch.emptyLike(x, on),
      torch.fullLike(x, 2, on),
      torch.randLike(x, on),
      torch.randnLike(x, on),
      torch.randintLike(x, 3, on),
      x.newZeros(2, on),
      x.newOnes(2, on),
      x.newEmpty(2, on),
      x.newFull([2], 1, on),
      x.newTensor([1], on),
    ];
    made.forEach((t, i) => {
      assert.equal(t.device, torch.device("webgpu:0"), `factory ${String(i)}`);
    });
  });
});

test("what is made like a tensor, or of tensors, is where they are", () => {
  traced(() => {
    const x = torch.rand(2, 3, { device: "webgpu" });
    const results = [
      x.add(1),
      x.mul(x),
      x.t(),
      x.sum(),
      x.view(3, 2),
      x.at(0),
      x.at(torch.tensor([1, 0])),
      x.at([1, 0]),
      x.argmax(1),
      x.gt(0),
      torch.cat([x, x]),
      torch.zerosLike(x),
      x.newZeros(4),
      torch.randLike(x),
      torch.bernoulli(x),
      F.dropout(x),
      F.softmax(x, 1),
      F.pad(x, [1, 1]),
      F.oneHot(x.argmax(1), 3),
      torch.where(x.gt(0), x, 0),
      x.clone().normal_(),
      x.clone().zero_(),
      x.clone().fill_(2),
      x.long(),
      torch.tensor(x),
    ];
    results.forEach((t, i) => {
      assert.equal(t.device, torch.device("webgpu:0"), `result ${String(i)}`);
    });
    assert.equal(x.getDevice(), 0);
    assert.equal(x.isCpu, false);
  });
});

test("operands on several devices are refused, but for single numbers on the CPU", () => {
  traced(() => {
    const here = torch.zeros(2);
    const there = torch.zeros(2, { device: "webgpu" });
    const mixed =
      /^Expected all tensors to be on the same device, but found at least two devices, .*webgpu:0/;
    const refused = (f: () => unknown): void => {
      assert.throws(f, { name: "RuntimeError", message: mixed });
    };
    refused(() => there.add(here));
    refused(() => here.add(there));
    refused(() => there.dot(here));
    refused(() => torch.cat([there, here]));
    refused(() =>
      torch
        .zeros(1)
        .add(torch.zeros(1, { device: "cuda" }).to("cuda:1").cpu())
        .add(there),
    );
    refused(() => here.add_(there));
    refused(() => torch.zeros([]).add_(torch.zeros([], { device: "webgpu" })));
    refused(() => torch.zeros([], { device: "webgpu" }).add(here));
    refused(() => torch.add(there, 1, { out: here }));
    refused(() => F.linear(there, torch.zeros(3, 2)));
    refused(() => new nn.Linear(2, 3)(there));
    assert.throws(
      () => here.at(torch.tensor([0], { device: "webgpu" })),
      /indices should be either on cpu or/,
    );
    assert.throws(() => (torch.zeros(2, { requiresGrad: true }).grad = there), /on a different device/);
    assert.equal(there.mul(torch.tensor(2)).device.type, "webgpu");
    assert.equal(torch.tensor(2).mul(there).device.type, "webgpu");
    assert.equal(torch.tensor(2).add(torch.tensor(2)).device.type, "cpu");
  });
});

test("copy_ and assignments go from device to device", () => {
  traced(() => {
    const there = torch.zeros(2, 3, { device: "webgpu" });
    there.copy_(torch.ones(2, 3));
    there.setAt([0], torch.ones(3));
    there.setAt([torch.tensor([1])], 5);
    there.fill_(torch.tensor(3));
    assert.equal(there.device.type, "webgpu");
    const here = torch.zeros(2, 3);
    here.copy_(there);
    assert.equal(here.device.type, "cpu");
  });
});

test("to takes a device, a dtype, both, or a tensor; what is there stays itself", () => {
  traced(() => {
    const x = torch.zeros(2);
    const y = x.to("webgpu", torch.float16);
    assert.deepEqual([String(y.device), y.dtype], ["webgpu:0", torch.float16]);
    const z = x.to({ device: "webgpu", dtype: torch.float64 });
    assert.deepEqual([String(z.device), z.dtype], ["webgpu:0", torch.float64]);
    assert.equal(x.to(y).device, y.device);
    assert.equal(x.to(y).dtype, torch.float16);
    assert.equal(x.to("cpu"), x);
    assert.equal(y.to("webgpu:0"), y);
    assert.notEqual(y.to("webgpu", { copy: true }), y);
  });
});

test("a move is recorded for backward, and gradients come home", () => {
  traced(() => {
    const w = torch.ones(3, { requiresGrad: true });
    const scale = torch.tensor(2, { dtype: torch.float32, requiresGrad: true });
    const y = w.to("webgpu");
    assert.equal(y.gradFn?.name(), "ToCopyBackward0");
    y.mul(scale).sum().backward();
    assert.equal(w.grad!.device.type, "cpu");
    assert.equal(scale.grad!.device.type, "cpu");
    const leaf = torch.ones(3, { requiresGrad: true, device: "webgpu" });
    leaf.exp().prod().backward();
    assert.equal(leaf.grad!.device.type, "webgpu");
  });
});

test("modules, their gradients and optimizer state move and stay where their parameters are", () => {
  traced(() => {
    const model = new nn.Sequential(
      new nn.Conv2d(1, 2, 3, { device: "webgpu" }),
      new nn.BatchNorm2d(2, { device: "webgpu" }),
      new nn.Flatten(),
      new nn.Linear(2 * 4 * 4, 3, { device: "webgpu" }),
    );
    const everything = (): Tensor[] => [...model.parameters(), ...model.buffers()];
    for (const t of everything()) assert.equal(String(t.device), "webgpu:0");
    const loss = F.crossEntropy(
      model(torch.randn(5, 1, 6, 6, { device: "webgpu" })) as Tensor,
      torch.randint(3, [5], { device: "webgpu" }),
    );
    loss.backward();
    const optimizer = new optim.Adam(model.parameters());
    optimizer.step();
    for (const p of model.parameters()) {
      assert.equal(String(p.grad!.device), "webgpu:0");
      for (const v of Object.values(optimizer.state.get(p)!)) {
        if (v instanceof Tensor) assert.equal(String(v.device), "webgpu:0");
      }
    }
    const [first] = model.parameters();
    model.to("cuda");
    assert.equal([...model.parameters()][0], first);
    for (const t of everything()) assert.equal(String(t.device), "cuda:0");
    for (const p of model.parameters()) assert.equal(String(p.grad!.device), "cuda:0");
    assert.ok(first instanceof nn.Parameter);
    model.cpu();
    for (const t of everything()) assert.equal(String(t.device), "cpu");
  });
});

test("layers that make tensors inside make them where their input is", () => {
  traced(() => {
    const device = "webgpu";
    const x = torch.randn(5, 2, 8, { device });
    const layers: [nn.Module, unknown[]][] = [
      [new nn.LSTM(8, 4, { device }), [x]],
      [new nn.GRU(8, 4, 2, { dropout: 0.1, device }), [x]],
      [new nn.MultiheadAttention(8, 2, { device }), [x, x, x]],
      [new nn.TransformerEncoderLayer(8, 2, { device }), [x]],
      [new nn.RNN(8, 4, { device, bidirectional: true }), [x]],
      [new nn.LSTMCell(8, 4, { device }), [x.select(1, 0)]],
      [new nn.GRUCell(8, 4, { device }), [x.select(1, 0)]],
      [new nn.RNNCell(8, 4, { device }), [x.select(1, 0)]],
      [new nn.TransformerDecoderLayer(8, 2, { device }), [x, x]],
      [new nn.Transformer(8, 2, 1, 1, 16, { device }), [x, x]],
      [new nn.RMSNorm(8, { device }), [x]],
      [new nn.ConvTranspose1d(2, 3, 3, { device }), [x]],
      [new nn.InstanceNorm1d(2, { affine: true, trackRunningStats: true, device }), [x]],
      [new nn.EmbeddingBag(10, 3, { device }), [torch.randint(10, [2, 4], { device })]],
      [new nn.LocalResponseNorm(2), [x]],
      [new nn.Dropout(), [x]],
      [new nn.MaxPool1d(2), [x]],
      [new nn.AvgPool1d(2), [x]],
      [new nn.AdaptiveAvgPool1d(3), [x]],
      [new nn.Upsample({ scaleFactor: 2 }), [x]],
      [new nn.LayerNorm(8, { device }), [x]],
      [new nn.GroupNorm(1, 2, { device }), [x]],
      [new nn.Embedding(10, 3, { device }), [torch.randint(10, [4], { device })]],
      [new nn.Bilinear(8, 8, 2, { device }), [x, x]],
      [new nn.PReLU(1, { device }), [x]],
    ];
    for (const [layer, args] of layers) {
      const result = (layer as unknown as (...a: unknown[]) => unknown)(...args);
      const first = (result instanceof Tensor ? result : (result as Tensor[])[0])!;
      assert.equal(String(first.device), "webgpu:0", layer.constructor.name);
    }
    const lazy = new nn.LazyLinear(3, { device });
    (lazy as unknown as (x: Tensor) => Tensor)(x);
    assert.equal(String(lazy.weight.device), "webgpu:0");
  });
});

test("derivatives, packed sequences and lengths are where their tensors are", () => {
  traced(() => {
    const x = torch.randn(3, { device: "webgpu" });
    const [, tangent] = torch.autograd.functional.jvp((t: Tensor) => t.pow(3), x, x);
    assert.equal(String((tangent as Tensor).device), "webgpu:0");
    const gradient = torch.func.grad((t: Tensor) => t.mul(2).sum())(x) as Tensor;
    assert.equal(String(gradient.device), "webgpu:0");
    const [first, second] = [
      torch.randn(3, 4, { device: "webgpu" }),
      torch.randn(2, 4, { device: "webgpu" }),
    ];
    const packed = nn.utils.rnn.packPaddedSequence(nn.utils.rnn.padSequence([first, second]), [3, 2]);
    assert.deepEqual(
      [packed.data, packed.batchSizes].map((t) => String(t.device)),
      ["webgpu:0", "cpu"],
    );
    assert.equal(String(packed.cpu().data.device), "cpu");
    const loss = F.ctcLoss(
      F.logSoftmax(torch.randn(5, 2, 4, { device: "webgpu" }), 2),
      torch.ones(2, 2, { dtype: torch.int64, device: "webgpu" }),
      torch.tensor([5, 5]),
      torch.tensor([2, 2]),
      { reduction: "none" },
    );
    assert.equal(String(loss.device), "webgpu:0");
  });
});

test("the default device is for factories and layers, not for what exists or comes from JavaScript", () => {
  traced(() => {
    assert.equal(torch.getDefaultDevice(), torch.device("cpu"));
    torch.setDefaultDevice("webgpu");
    assert.equal(torch.getDefaultDevice(), torch.device("webgpu:0"));
    assert.equal(torch.zeros(2).device.type, "webgpu");
    assert.equal(torch.tensor([1]).device.type, "webgpu");
    assert.equal(torch.rand(2).device.type, "webgpu");
    assert.equal(new nn.Linear(2, 3).weight.device.type, "webgpu");
    assert.equal(torch.zeros(2, { device: "cpu" }).device.type, "cpu");
    assert.equal(torch.zerosLike(torch.zeros(2, { device: "cpu" })).device.type, "cpu");
    assert.equal(torch.zeros(2, { device: "cpu" }).add(1).device.type, "cpu");
    assert.equal(torch.fromNumpy(new Float32Array(2)).device.type, "cpu");
    torch.setDefaultDevice(null);
    assert.equal(torch.zeros(2).device.type, "cpu");
  });
});

test("a DataLoader's batches go to the default device", () => {
  traced(() => {
    const batch = { x: torch.zeros(2, 3), names: ["a", "b"], more: [torch.ones(2)] };
    assert.equal(delivered(batch), batch);
    torch.setDefaultDevice("webgpu");
    const there = delivered(batch);
    assert.deepEqual(
      [there.x, there.more[0]!].map((t) => String(t.device)),
      ["webgpu:0", "webgpu:0"],
    );
    assert.deepEqual(there.names, ["a", "b"]);
  });
});

test("a generator is of the CPU", () => {
  assert.equal(new torch.Generator({ device: "cpu" }).device, torch.device("cpu"));
  assert.throws(
    () => new torch.Generator("webgpu"),
    /Device type webgpu is not supported for torch.Generator/,
  );
});
