import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { suite, test } from "node:test";
import { data, datasets, IndexError, transforms, type Tensor } from "../../../../runtime/index.js";

const pictures = (set: Iterable<[data.Image, number]>): string[] =>
  Array.from(set, ([{ data }]) => Buffer.from(data).toString("latin1"));

suite("drawn digits", () => {
  test("grey pictures of 28 × 28 whose digits come equally often", () => {
    const set = new datasets.Digits({ size: 100 });
    const [image, digit] = set.at(37);
    assert.deepEqual([image.width, image.height, image.mode, digit], [28, 28, "L", 7]);
    assert.deepEqual([new datasets.Digits().length, new datasets.Digits(false).length], [10_000, 2_000]);
    assert.throws(() => set.at(100), IndexError);
    assert.deepEqual(set.at(-1), set.at(99));
  });

  test("ink is bright, paper is black, and there is room around", () => {
    for (const [{ data: pixels }, digit] of new datasets.Digits({ size: 200 })) {
      assert.ok(Math.max(...pixels) >= 190, `a pale ${digit}`);
      const inked = pixels.filter((p) => p > 127).length;
      assert.ok(inked >= 10 && inked <= 250, `${inked} pixels of ink for a ${digit}`);
      const edge = pixels.filter((_, i) => i % 28 === 0 || i % 28 === 27 || i < 28 || i >= 27 * 28);
      assert.ok(
        edge.every((p) => p === 0) || edge.filter((p) => p > 0).length < 16,
        `a ${digit} off the page`,
      );
    }
  });

  test("a seed draws the same pictures, whichever is asked for first", () => {
    const set = new datasets.Digits({ size: 50, seed: 3 });
    const last = set.at(49)[0];
    assert.deepEqual(pictures(set), pictures(new datasets.Digits({ size: 50, seed: 3 })));
    assert.equal(set.at(49)[0], last);
    assert.notDeepEqual(pictures(set), pictures(new datasets.Digits({ size: 50, seed: 4 })));
    const digest = createHash("sha256").update(
      pictures(new datasets.Digits({ size: 100 })).join(""),
      "latin1",
    );
    assert.equal(digest.digest("hex"), "0737f6022c14082d67198c3a47ff59cf129a59ca8a3f96649520313ba19f3c63");
  });

  test("pictures to train and to test with have nothing in common", () => {
    const train = new Set(pictures(new datasets.Digits({ size: 2000 })));
    assert.equal(train.size, 2000);
    assert.ok(pictures(new datasets.Digits({ train: false })).every((picture) => !train.has(picture)));
  });

  test("transforms make tensors of them, and a loader batches", () => {
    const set = new datasets.Digits({ train: false, transform: new transforms.ToTensor() });
    const loader = new data.DataLoader(set, { batchSize: 20 });
    const [[x, y]] = loader as Iterable<[Tensor, Tensor]>;
    assert.deepEqual(
      [x.shape, String(x.dtype), String(y.dtype)],
      [[20, 1, 28, 28], "torch.float32", "torch.int64"],
    );
    assert.deepEqual(y.tolist(), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert.ok(x.max().item() <= 1 && x.min().item() === 0);
  });
});
