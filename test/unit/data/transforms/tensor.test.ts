import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { data, torch, transforms, ValueError } from "../../../../runtime/index.js";

suite("transforms of tensors", () => {
  test("ToTensor puts channels first and divides by 255", () => {
    const image = new data.Image(Uint8Array.of(0, 51, 255, 102, 153, 204), 2, 1, "RGB");
    const t = new transforms.ToTensor()(image);
    assert.deepEqual(t.shape, [3, 1, 2]);
    assert.deepEqual(
      t.tolist(),
      [[[0, 0.4]], [[0.2, 0.6]], [[1, 0.8]]].map((c) => c.map((r) => r.map(Math.fround))),
    );
    assert.throws(() => new transforms.ToTensor()(t as never), TypeError);
  });

  test("Normalize is the same for numbers at hand and for recorded ones", () => {
    const normalize = new transforms.Normalize([0.5, 0.1, 0.2], [0.5, 0.3, 0.7]);
    const x = torch.tensor(Float32Array.from({ length: 24 }, (_, i) => Math.sin(i))).view(2, 3, 2, 2);
    const host = torch.tensor(x.tolist() as number[][]);
    assert.deepEqual(normalize(host).tolist(), normalize(x.add(0)).tolist());
    assert.deepEqual(new transforms.Normalize(0.5, 0.5)(torch.ones(3, 1, 1)).tolist(), [[[1]], [[1]], [[1]]]);
    assert.throws(() => new transforms.Normalize([0.5], [0]), ValueError);
    assert.throws(() => normalize(torch.zeros(2, 2, 2)), /3 means for 2 channels/);
    assert.throws(() => normalize(torch.zeros(2, 2)), ValueError);
  });

  test("Compose and Lambda", () => {
    const both = new transforms.Compose([
      new transforms.Lambda((s: string) => s.length),
      (n: number) => n + 1,
    ]);
    assert.equal(both("abc"), 4);
    assert.ok(both instanceof transforms.Compose && both instanceof transforms.Transform);
  });
});
