/** Every entry of docs/differences.md, held to what is done: the title of each test is the entry's heading. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { delivered } from "../../runtime/data/delivered.js";
import { setTracing } from "../../runtime/graph/executor.js";
import { deepcopy, F, formatPth, nn, optim, torch, type Tensor } from "../../runtime/index.js";

const entries: string[] = [];
function entry(title: string, body: () => void): void {
  entries.push(title);
  test(title, body);
}
const NotANumber = Number.NaN;
const leaf = (...values: number[]): Tensor =>
  torch.tensor(values, { dtype: torch.float32, requiresGrad: true });

entry("Whole numbers are integers", () => {
  assert.equal(torch.tensor([1.0, 2.0]).dtype, torch.int64);
  assert.equal(torch.full([2], 3.0).dtype, torch.int64);
  assert.equal(torch.tensor([1, 2]).mul(2.0).dtype, torch.int64);
  assert.equal(torch.tensor([1, 2.5]).dtype, torch.float32);
  assert.deepEqual(torch.linspace(0, 3, 1.0).shape, [1]);
  assert.equal((torch.utils.data.defaultCollate([1.0, 2.0]) as Tensor).dtype, torch.int64);
});

entry("Whole numbers that require a gradient are floating", () => {
  assert.equal(torch.tensor([1, 2], { requiresGrad: true }).dtype, torch.float32);
  assert.throws(() => torch.ones(2, { dtype: torch.int64, requiresGrad: true }), /only Tensors of floating/i);
});

entry("Operators are methods, and a tensor is true", () => {
  const x = torch.zeros(1);
  assert.throws(() => (x as unknown as number) + 1, TypeError);
  assert.ok(x);
  assert.notEqual(x, torch.zeros(1));
});

entry("Shapes are arrays", () => {
  assert.ok(Array.isArray(torch.ones(2, 3).shape));
  assert.equal(
    String(new nn.Unflatten(1, torch.ones(2, 2).shape)),
    "Unflatten(dim=1, unflattened_size=(2, 2))",
  );
});

entry("Where several numbers are listed, an array will do", () => {
  assert.deepEqual(torch.blockDiag([torch.ones(1, 1), torch.ones(2, 2)]).shape, [3, 3]);
  assert.deepEqual(F.adaptiveAvgPool2d(torch.ones(1, 1, 5, 5), [2]).shape, [1, 1, 2, 2]);
});

entry("Large integers are bigints", () => {
  assert.equal(torch.tensor(5).item(), 5);
  assert.equal(torch.tensor(9007199254740993n).item(), 9007199254740993n);
});

entry("Typed arrays are copied", () => {
  const numbers = new Float32Array([1, 2]);
  const x = torch.fromNumpy(numbers);
  numbers[0] = 5;
  assert.deepEqual(x.tolist(), [1, 2]);
});

entry("Modes belong to the async call", async () => {
  const other = (async () => {
    await Promise.resolve();
    return torch.isGradEnabled();
  })();
  const inside = await torch.noGrad(async () => {
    await Promise.resolve();
    return torch.isGradEnabled();
  });
  assert.deepEqual([inside, await other], [false, true]);
});

entry("Private fields are not copied", () => {
  class Counter extends nn.Module {
    #count = 0;
    plain = 1;
    count(): number {
      return ++this.#count;
    }
    forward(x: Tensor): Tensor {
      return x;
    }
  }
  const copy = deepcopy(new Counter());
  assert.equal(copy.plain, 1);
  assert.throws(() => copy.count(), TypeError);
});

entry("Hooks run before gradients are taken", () => {
  const x = leaf(1, 1);
  const y = x.mul(2);
  y.registerHook((g) => g.mul(10));
  assert.deepEqual(torch.autograd.grad(y.sum(), [y])[0]!.tolist(), [10, 10]);
});

entry("Checkpoints have one way", () => {
  const run = (useReentrant: boolean): unknown => {
    const x = leaf(1, 2);
    const y = torch.utils.checkpoint.checkpoint((t: Tensor) => t.square(), x, { useReentrant });
    return torch.autograd.grad(y.sum(), [x])[0]!.tolist();
  };
  assert.deepEqual(run(true), [2, 4]);
  assert.deepEqual(run(false), [2, 4]);
});

entry("Inference tensors may be kept for backward", () => {
  const constant = torch.inferenceMode(() => torch.ones(2));
  const x = leaf(1, 2);
  x.mul(constant).sum().backward();
  assert.deepEqual(x.grad!.tolist(), [1, 1]);
});

entry("Only what is needed is kept for backward", () => {
  const x = leaf(1, 2);
  const y = x.mul(1);
  const mean = y.mean(0);
  y.add_(1);
  mean.backward();
  assert.deepEqual(x.grad!.tolist(), [0.5, 0.5]);
});

entry("More is differentiable", () => {
  const x = leaf(1, 2);
  torch.aminmax(x).max.backward();
  torch.narrowCopy(x, 0, 0, 1).sum().backward();
  F.channelShuffle(x.reshape(1, 2, 1, 1), 2)
    .sum()
    .backward();
  assert.deepEqual(x.grad!.tolist(), [2, 2]);
});

entry("Gradients of embeddings are dense", () => {
  const weight = new nn.Parameter(torch.ones(3, 2));
  F.embedding(torch.tensor([1]), weight, { sparse: true })
    .sum()
    .backward();
  assert.equal(weight.grad!.isSparse, false);
  new optim.SparseAdam([weight]).step();
  const touched = weight.detach().ne(1).any(1).tolist();
  assert.deepEqual(touched, [false, true, false]);
});

entry("A part of an expanded tensor cannot be written", () => {
  const x = torch.ones(1).expand(3);
  assert.throws(() => x.maskedFill_(torch.tensor([true, false, false]), 2), /single memory location/);
});

entry("asStridedScatter has its gradient", () => {
  const x = torch.ones(6, { requiresGrad: true });
  torch.asStridedScatter(x, torch.zeros(2, 2), [2, 2], [2, 1]).sum().backward();
  assert.deepEqual(x.grad!.tolist(), [0, 0, 0, 0, 1, 1]);
});

entry("sliceCopy steps by one", () => {
  assert.deepEqual(torch.sliceCopy(torch.ones(2, 3), 1, 0, 2).shape, [2, 2]);
});

entry("Some steps have other names", () => {
  const einsum = torch.einsum("ij,jk->ik", torch.ones(2, 2, { requiresGrad: true }), torch.ones(2, 2));
  assert.equal(einsum.gradFn!.name(), "PermuteBackward0");
});

entry("Max pooling passes NaN by", () => {
  const x = torch.tensor([[[1, NotANumber, 3, 4.5]]]);
  assert.deepEqual(F.maxPool1d(x, 2).tolist(), [[[1, 4.5]]]);
  assert.ok(Number.isNaN(x.max().item()));
});

entry("NaN is in no bin", () => {
  assert.deepEqual(
    torch.histc(torch.tensor([NotANumber, 1.5, 2.5]), { bins: 2, min: 1, max: 3 }).tolist(),
    [1, 1],
  );
});

entry("unique is always sorted", () => {
  assert.deepEqual(torch.unique(torch.tensor([3, 1, 2, 1]), { sorted: false }).tolist(), [1, 2, 3]);
});

entry("Half precision sums in float32", () => {
  const x = torch.tensor([1, 2, 4], { dtype: torch.bfloat16 });
  // The exact numbers, rounded once; PyTorch's are rounded on the way: -1.0625, -0.2656, 1.3359.
  assert.deepEqual(F.layerNorm(x, [3]).tolist(), F.layerNorm(x.float(), [3]).bfloat16().tolist());
});

entry("Half precision is there for every operation", () => {
  assert.deepEqual(torch.relu(torch.tensor([-1, 2], { dtype: torch.float16 })).tolist(), [0, 2]);
  assert.equal(torch.prod(torch.tensor([2, 4], { dtype: torch.bfloat16 })).item(), 8);
});

entry("SyncBatchNorm evaluates on the CPU", () => {
  const layer = new nn.SyncBatchNorm(2);
  assert.throws(() => layer.forward(torch.ones(3, 2)), /expected input tensor to be on GPU/);
  layer.eval();
  assert.deepEqual(layer.forward(torch.ones(3, 2)).shape, [3, 2]);
});

entry("Equal devices are one object", () => {
  assert.equal(torch.device("webgpu"), torch.device("webgpu"));
  assert.throws(() => torch.device("meta"), /at start of device string: meta/);
});

/** On any device, of which only the name is needed. */
function traced(body: () => void): void {
  setTracing(true);
  try {
    body();
  } finally {
    setTracing(false);
    torch.setDefaultDevice(null);
  }
}

entry("Random numbers are the CPU's on every device", () => {
  assert.throws(() => new torch.Generator("cuda"), /drawn on the CPU for every device/);
  const before = torch.getRngState();
  torch.cuda.manualSeed(1);
  assert.ok(torch.getRngState().equal(before));
});

entry("Batches go to the default device", () => {
  traced(() => {
    torch.setDefaultDevice("webgpu");
    const batch = delivered([torch.zeros(2, { device: "cpu" })]);
    assert.equal(String(batch[0]!.device), "webgpu:0");
  });
});

entry("Files name the CPU", () => {
  const file = Buffer.from(formatPth({ w: torch.ones(3) }));
  assert.ok(file.includes("cpu"));
  assert.equal(String(torch.load<{ w: Tensor }>(file).w.device), "cpu");
});

entry("Pruning one is pruning one", () => {
  const { weight } = nn.utils.prune.l1Unstructured(new nn.Linear(2, 2), "weight", 1.0);
  assert.equal(weight.eq(0).sum().item(), 1);
});

entry("A mask of another shape is a ValueError", () => {
  const layer = new nn.Linear(2, 2);
  assert.throws(
    () => nn.utils.prune.customFromMask(layer, "weight", torch.ones(3, 3)),
    /ValueError|mask has shape/,
  );
});

entry("Wrong values are told when values are wanted", () => {
  const at = torch.tensor([2.5]).mul(2).long();
  const picked = torch.ones(3).at(at);
  assert.deepEqual(picked.shape, [1]);
  assert.throws(
    () => picked.tolist(),
    (error: Error) => error.name === "IndexError",
  );
});

test("the document has these entries and no others", () => {
  const text = readFileSync("docs/differences.md", "utf8");
  const headings = [...text.matchAll(/^### (.*)$/gm)].map((m) => m[1]);
  assert.deepEqual(headings, entries);
});
