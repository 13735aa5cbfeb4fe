import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { suite, test } from "node:test";
import { gzipSync } from "node:zlib";
import { datasets, IndexError, RuntimeError, ValueError } from "../../../../runtime/index.js";
import { readTar } from "../../../../runtime/data/files/tar.js";
import { idx, tar, temporaryFolder, write } from "../files.js";

suite("MNIST's format", () => {
  const folder = temporaryFolder();
  const images = idx([2, 2, 3], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  const labels = idx([2], [7, 1]);
  const raw = (root: string, kind: string): string => path.join(folder, root, kind, "raw");

  function put(root: string, changed: { images?: Uint8Array; labels?: Uint8Array }): string {
    write(raw(root, "MNIST"), "t10k-images-idx3-ubyte", changed.images ?? images);
    write(raw(root, "MNIST"), "t10k-labels-idx1-ubyte", changed.labels ?? labels);
    return path.join(folder, root);
  }

  test("pictures and labels, packed or not", () => {
    write(raw("a", "FashionMNIST"), "train-images-idx3-ubyte.gz", gzipSync(images));
    write(raw("a", "FashionMNIST"), "train-labels-idx1-ubyte", labels);
    const set = new datasets.FashionMNIST(path.join(folder, "a"));
    const [image, label] = set.at(1);
    assert.deepEqual([image.width, image.height, [...image.data], label], [3, 2, [7, 8, 9, 10, 11, 12], 1]);
    assert.deepEqual([set.length, set.classes[7]], [2, "Sneaker"]);
    assert.throws(() => set.at(2), IndexError);
    assert.throws(() => new datasets.KMNIST(path.join(folder, "a")), RuntimeError);
  });

  test("damaged files are refused", () => {
    for (const [what, message] of [
      [{ images: images.subarray(0, 20) }, /12 bytes, and 4 follow/],
      [{ images: images.subarray(0, 9) }, /ends before its sizes/],
      [{ images: Buffer.from("hello") }, /does not begin as one/],
      [{ images: idx([2, 6], Array(12).fill(0)) }, /2 axes where 3/],
      [{ images: idx([2, 2, 3], Array(12).fill(0), 13) }, /type is 13/],
      [{ images: idx([2 ** 31, 2 ** 31, 4], []) }, /IDX/],
      [{ labels: idx([3], [1, 2, 3]) }, /2 pictures and .* 3 labels/],
      [{ labels: idx([2], [1, 10]) }, /label 10 at 1/],
      [{ images: gzipSync(images).subarray(0, 30) }, /cannot be unpacked/],
    ] as const) {
      const root = put(fs.mkdtempSync(path.join(folder, "x")).slice(folder.length), what);
      assert.throws(
        () => new datasets.MNIST(root, { train: false }),
        (error: unknown) => error instanceof ValueError && message.test(error.message),
        String(message),
      );
    }
  });
});

suite("CIFAR's format", () => {
  const folder = temporaryFolder();
  const planes = Array.from(
    { length: 3072 },
    (_, i) => (i < 1024 ? 10 : i < 2048 ? 20 : 30) + (i % 1024 === 33 ? 1 : 0),
  );

  test("records of one label, or of a coarse and a fine one", () => {
    write(folder, "cifar-10-batches-bin/data_batch_1.bin", Uint8Array.from([3, ...planes]));
    write(folder, "cifar-10-batches-bin/data_batch_2.bin", Uint8Array.from([4, ...planes, 5, ...planes]));
    const ten = new datasets.CIFAR10(folder);
    assert.deepEqual([...ten.targets], [3, 4, 5]);
    const [image, label] = ten.at(2);
    assert.deepEqual([image.mode, image.width, image.height, label], ["RGB", 32, 32, 5]);
    assert.deepEqual(
      [...image.data.subarray(0, 3), ...image.data.subarray(99, 102)],
      [10, 20, 30, 11, 21, 31],
    );
    write(folder, "cifar-100-binary/test.bin", Uint8Array.from([19, 99, ...planes]));
    write(folder, "cifar-100-binary/fine_label_names.txt", "apple\nfish\n");
    const hundred = new datasets.CIFAR100(folder, { train: false });
    assert.deepEqual([hundred.at(0)[1], hundred.classes.length, hundred.classes[1]], [99, 100, "fish"]);
  });

  test("damaged files are refused", () => {
    write(folder, "bad/cifar-10-batches-bin/test_batch.bin", Uint8Array.from(planes));
    assert.throws(() => new datasets.CIFAR10(path.join(folder, "bad"), false), /no whole number of records/);
    write(folder, "bad/cifar-10-batches-bin/test_batch.bin", Uint8Array.from([10, ...planes]));
    assert.throws(() => new datasets.CIFAR10(path.join(folder, "bad"), false), /label 10/);
    assert.throws(() => new datasets.CIFAR10(path.join(folder, "none")), /download: true/);
  });
});

test("tar archives that are cut off or damaged are refused", () => {
  const archive = tar({ "a.txt": Buffer.from("one"), "b.txt": Buffer.alloc(2000, 1) });
  assert.deepEqual([...readTar(archive, (name) => name === "b.txt").keys()], ["b.txt"]);
  assert.throws(() => readTar(archive.subarray(0, 2000), () => true), /cut off inside b\.txt/);
  const damaged = Buffer.from(archive);
  damaged[0] = 90;
  assert.throws(() => readTar(damaged, () => true), /wrong checksum/);
});
