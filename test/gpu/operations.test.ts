/** Operations that ONNX Runtime's WebGPU provider gets wrong as they are, or does not have: the CPU's values and gradients. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { F, nn, torch, type Tensor } from "../../runtime/index.js";
import { distance, numbers } from "./support.js";

/** Values and gradients of a function of some inputs on both devices. */
function same(name: string, inputs: () => Tensor[], f: (...inputs: Tensor[]) => Tensor, bound = 1e-5): void {
  test(name, () => {
    const [onCpu, onDevice] = ["cpu", "webgpu"].map((device) => {
      torch.manualSeed(1);
      const given = inputs().map((t) => {
        const there = t.to(device);
        return t.dtype.isFloatingPoint ? there.requiresGrad_() : there;
      });
      const out = f(...given);
      assert.equal(out.device.type, device);
      out.mul(torch.arange(out.numel(), { device }).remainder(7).reshape(out.shape)).sum().backward();
      return [out, ...given.flatMap((t) => t.grad ?? [])].map(numbers);
    });
    onCpu!.forEach((expected, i) => {
      const d = distance(onDevice![i]!, expected);
      assert.ok(d < bound, `${i === 0 ? "result" : `gradient ${String(i - 1)}`} differs by ${String(d)}`);
    });
  });
}

for (const channels of [1, 2, 3, 5, 6, 8, 9, 15]) {
  for (const out of [4, 6]) {
    same(
      `convolution of ${String(channels)} channels to ${String(out)}`,
      () => [torch.randn(2, channels, 7, 8), torch.randn(out, channels, 3, 3), torch.randn(out)],
      (x, w, b) => F.conv2d(x!, w!, b!, { padding: 1 }),
    );
  }
}
same(
  "convolution in groups, with stride and dilation",
  () => [torch.randn(2, 12, 9, 9), torch.randn(8, 6, 3, 3)],
  (x, w) => F.conv2d(x!, w!, { groups: 2, stride: 2, dilation: 2, padding: 2 }),
);
same(
  "transposed convolution",
  () => [torch.randn(2, 6, 5, 5), torch.randn(6, 5, 3, 3)],
  (x, w) => F.convTranspose2d(x!, w!, { stride: 2, padding: 1, outputPadding: 1 }),
);
same(
  "reflected padding",
  () => [torch.randn(1, 2, 5, 6)],
  (x) => F.pad(x!, [3, 2, 1, 4], { mode: "reflect" }),
);
same(
  "flip",
  () => [torch.randn(3, 4, 5)],
  (x) => x!.flip(0, 2),
);
same(
  "batch norm in training",
  () => [torch.randn(4, 3, 5, 5), torch.rand(3), torch.randn(3)],
  (x, w, b) => F.batchNorm(x!, null, null, { weight: w!, bias: b!, training: true }),
);
same(
  "a sum and its layer norm, whose statistics backward needs",
  () => [torch.randn(2, 5, 8), torch.randn(2, 5, 8), torch.rand(8), torch.randn(8)],
  (x, y, w, b) => F.layerNorm(x!.add(y!), [8], { weight: w!, bias: b! }),
);
same(
  "overlapping max pool",
  () => [torch.randn(2, 3, 9, 9)],
  (x) => F.maxPool2d(x!, 3, { stride: 2, padding: 1 }),
);
same(
  "log softmax",
  () => [torch.randn(6, 11)],
  (x) => F.logSoftmax(x!, 1),
);
same(
  "gelu and its kin",
  () => [torch.randn(50)],
  (x) => F.gelu(x!).add(F.selu(x!)).add(F.celu(x!)).add(F.silu(x!)),
);
same(
  "embedding with repeated rows",
  () => [torch.randn(7, 4), torch.tensor([1, 3, 1, 6, 0, 1])],
  (w, i) => F.embedding(i!, w!),
);
same(
  "sort and cumulative sums",
  () => [torch.randn(4, 9)],
  (x) => x!.sort(1).values.cumsum(1),
);

test("what goes to the device comes back as it was, whatever its dtype", () => {
  for (const dtype of [
    torch.float32,
    torch.float64,
    torch.float16,
    torch.int64,
    torch.int32,
    torch.uint8,
    torch.bool,
  ]) {
    const t = torch.tensor(
      [
        [0, 1, 2],
        [3, 0, 5],
      ],
      { dtype },
    );
    const there = t.to("webgpu");
    assert.equal(String(there.device), "webgpu:0");
    assert.deepEqual(there.cpu().tolist(), t.tolist());
    assert.deepEqual(there.add(there).tolist(), t.add(t).tolist());
  }
});

test("recurrent and attention layers", () => {
  for (const make of [
    () => new nn.LSTM(5, 6, { batchFirst: true }),
    () => new nn.GRU(5, 6, { bidirectional: true }),
  ]) {
    const [a, b] = ["cpu", "webgpu"].map((device) => {
      torch.manualSeed(2);
      const layer = make().to(device) as unknown as (x: Tensor) => [Tensor, unknown];
      return numbers(layer(torch.randn(3, 4, 5).to(device))[0]);
    });
    assert.ok(distance(b!, a!) < 1e-5);
  }
});
