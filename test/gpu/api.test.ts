/** PyTorch's device API on a device that computes; what needs names only is in test/unit/tensor/device.test.ts. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import {
  data,
  F,
  formatPth,
  loadCheckpoint,
  nn,
  optim,
  saveCheckpoint,
  torch,
  type Tensor,
} from "../../runtime/index.js";

const device = "webgpu";
const cli = fileURLToPath(new URL("../../runtime/cli/main.js", import.meta.url));
const folder = fs.mkdtempSync(path.join(os.tmpdir(), "tensorscope-gpu-"));
after(() => fs.rmSync(folder, { recursive: true }));

test("webgpu is there, once, and has a name", () => {
  assert.equal(torch.webgpu.unavailableReason(), null);
  assert.equal(torch.webgpu.isAvailable(), true);
  assert.equal(torch.webgpu.deviceCount(), 1);
  assert.notEqual(torch.webgpu.getDeviceName(), "");
  assert.equal(torch.webgpu.currentDevice(), 0);
  assert.throws(() => torch.zeros(1, { device: "webgpu:1" }), /invalid device ordinal: 'webgpu:1'/);
});

test("values are read from there, printed with their device, and come back as they went", () => {
  const x = torch.tensor([1.5, -2, 3], { device });
  assert.deepEqual(x.tolist(), [1.5, -2, 3]);
  assert.equal(x.sum().item(), 2.5);
  assert.equal(String(x), "tensor([ 1.5000, -2.0000,  3.0000], device='webgpu:0')");
  for (const dtype of [torch.float64, torch.int64, torch.int32, torch.uint8, torch.bool, torch.float16]) {
    const here = torch.tensor([0, 1, 1]).to(dtype);
    const there = here.to(device);
    assert.deepEqual([there.dtype, String(there.device)], [dtype, "webgpu:0"]);
    assert.deepEqual(there.add(there).cpu().tolist(), here.add(here).tolist());
  }
});

test("a seed gives the same numbers there, and the stream goes on from where it is", () => {
  const draws = (where: string): unknown[] => {
    torch.manualSeed(5);
    const model = new nn.Linear(3, 2, { device: where });
    const dropped = F.dropout(torch.ones(20, { device: where }), 0.5);
    return [model.weight, model.bias!, dropped, torch.randperm(7, { device: where }), torch.rand(2)].map(
      (t) => t.tolist(),
    );
  };
  assert.deepEqual(draws(device), draws("cpu"));
});

test("gradients go through moves in both directions", () => {
  const w = torch.tensor([1, 2, 3], { dtype: torch.float32, requiresGrad: true });
  w.to(device).mul(w.to(device)).cpu().mul(2).sum().backward();
  assert.equal(String(w.grad!.device), "cpu");
  assert.deepEqual(w.grad!.tolist(), [4, 8, 12]);
});

test("a program that names no device trains on the default device as on the CPU", () => {
  const losses = (where: string): number[] => {
    torch.setDefaultDevice(where);
    try {
      torch.manualSeed(0);
      const set = new data.TensorDataset(
        torch.randn(12, 4, { device: "cpu" }),
        torch.arange(12, { device: "cpu" }).remainder(3),
      );
      const model = new nn.Sequential(new nn.Linear(4, 8), new nn.Tanh(), new nn.Linear(8, 3));
      const descent = new optim.Adam(model.parameters(), 0.05);
      const seen: number[] = [];
      for (let epoch = 0; epoch < 2; epoch++) {
        for (const [x, y] of new data.DataLoader(set, { batchSize: 4, shuffle: true })) {
          assert.equal(x.device, torch.getDefaultDevice());
          descent.zeroGrad();
          const loss = F.crossEntropy(model(x) as Tensor, y);
          loss.backward();
          descent.step();
          seen.push(loss.item());
        }
      }
      return seen;
    } finally {
      torch.setDefaultDevice(null);
    }
  };
  const [there, here] = [losses(device), losses("cpu")];
  there.forEach((loss, i) =>
    assert.ok(Math.abs(loss - here[i]!) < 1e-4, `${String(i)}: ${String(there)} ${String(here)}`),
  );
});

test("files are written from there as from the CPU, and read to there", () => {
  const w = torch.randn(3, { device });
  const file = formatPth({ w });
  assert.deepEqual(Buffer.from(file), Buffer.from(formatPth({ w: w.cpu() })));
  assert.equal(String(torch.load<{ w: Tensor }>(file).w.device), "cpu");
  const back = torch.load<{ w: Tensor }>(file, { mapLocation: device }).w;
  assert.equal(String(back.device), "webgpu:0");
  assert.deepEqual(back.tolist(), w.tolist());
});

test("a checkpoint goes on where its parts are", () => {
  const parts = (where: string): { model: nn.Linear; optimizer: optim.Adam } => {
    torch.manualSeed(0);
    const model = new nn.Linear(4, 2, { device: where });
    return { model, optimizer: new optim.Adam(model.parameters(), 0.1) };
  };
  const steps = ({ model, optimizer }: ReturnType<typeof parts>, count: number): number[] =>
    Array.from({ length: count }, (_, i) => {
      optimizer.zeroGrad();
      const loss = model(torch.ones(1, 4, { device: model.weight.device }).mul(i + 1))
        .square()
        .mean();
      loss.backward();
      optimizer.step();
      return loss.item();
    });
  const begun = parts("cpu");
  steps(begun, 3);
  const file = path.join(folder, "run.pth");
  saveCheckpoint(file, begun);
  const continued = parts(device);
  loadCheckpoint(file, continued);
  const [there, here] = [steps(continued, 5), steps(begun, 5)];
  there.forEach((loss, i) => assert.ok(Math.abs(loss - here[i]!) < 1e-4 * Math.max(1, here[i]!)));
  const [state] = continued.optimizer.state.values();
  assert.equal(String((state as { exp_avg: Tensor }).exp_avg.device), "webgpu:0");
});

test("tensorscope run --device puts a program there", () => {
  const file = path.join(folder, "where.ts");
  fs.writeFileSync(
    file,
    'import { nn, torch } from "tensorscope";\nconsole.log(String(new nn.Linear(2, 1)(torch.ones(1, 2)).device));',
  );
  const { stdout, stderr } = spawnSync(process.execPath, [cli, "run", file, "--device", device], {
    encoding: "utf8",
  });
  assert.equal(stdout, "webgpu:0\n", stderr);
});
