import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { AssertionError, data, IndexError, torch, ValueError, type Tensor } from "../../../runtime/index.js";

class Squares extends data.Dataset<[number, number]> {
  readonly length = 5;
  at(index: number): [number, number] {
    return [index, index * index];
  }
}

class Count extends data.IterableDataset<number> {
  readonly #n: number;
  constructor(n: number) {
    super();
    this.#n = n;
  }
  override get length(): number {
    return this.#n;
  }
  *[Symbol.iterator](): Iterator<number> {
    for (let i = 0; i < this.#n; i++) yield i;
  }
}

suite("data sets", () => {
  test("TensorDataset cuts tensors along their first axis", () => {
    const set = new data.TensorDataset(torch.arange(6).view(3, 2), torch.tensor([7, 8, 9]));
    assert.equal(set.length, 3);
    const [x, y] = set.at(1);
    assert.deepEqual([x.tolist(), y.tolist()], [[2, 3], 8]);
    assert.throws(() => set.at(3), IndexError);
    assert.throws(() => new data.TensorDataset(torch.zeros(3), torch.zeros(4)), AssertionError);
  });

  test("Subset, ConcatDataset and StackDataset give the samples of others", () => {
    const squares = new Squares();
    assert.deepEqual([...new data.Subset(squares, [4, 0])], [[4, 16], [0, 0]]); // prettier-ignore
    const both = squares.add([["a", "b"]]);
    assert.equal(both.length, 6);
    assert.deepEqual([both.at(4), both.at(5), both.at(-1)], [[4, 16], ["a", "b"], ["a", "b"]]); // prettier-ignore
    assert.throws(() => both.at(6), IndexError);
    assert.throws(() => both.at(-7), ValueError);
    assert.throws(() => new data.ConcatDataset([]), AssertionError);
    assert.throws(() => new data.ConcatDataset([new Count(2) as never]), AssertionError);

    assert.deepEqual(new data.StackDataset(squares, ["a", "b", "c", "d", "e"]).at(2), [[2, 4], "c"]);
    assert.deepEqual(new data.StackDataset({ square: squares }).at(3), { square: [3, 9] });
    assert.throws(() => new data.StackDataset(squares, [1]), ValueError);
  });

  test("ChainDataset puts streams one behind another", () => {
    const chain = new Count(2).add(new Count(3));
    assert.deepEqual([...chain], [0, 1, 0, 1, 2]);
    assert.equal(chain.length, 5);
    assert.throws(() => [...new data.ChainDataset([[1] as never])], AssertionError);
  });

  test("randomSplit wants lengths that fit", () => {
    const set = new Squares();
    assert.throws(() => data.randomSplit(set, [2, 2]), ValueError);
    assert.throws(() => data.randomSplit(set, [1.5, -0.5]), ValueError);
    const [a, b] = data.randomSplit(set, [0.5, 0.5]);
    assert.deepEqual([a!.length, b!.length], [3, 2]);
    assert.deepEqual(
      [...a!.indices, ...b!.indices].sort((x, y) => x - y),
      [0, 1, 2, 3, 4],
    );
  });
});

suite("DataLoader", () => {
  const lists = (loader: Iterable<unknown>): unknown[] =>
    Array.from(loader, function list(batch): unknown {
      return Array.isArray(batch) ? batch.map(list) : (batch as Tensor).tolist();
    });

  test("batches of a data set of one's own, of an array, of tensors", () => {
    assert.deepEqual(lists(new data.DataLoader(new Squares(), { batchSize: 2 })), [
      [[0, 1], [0, 1]],
      [[2, 3], [4, 9]],
      [[4], [16]],
    ]); // prettier-ignore
    assert.deepEqual(lists(new data.DataLoader([1.5, 2, 3], 2, { dropLast: true })), [[1.5, 2]]);
    const tensors = new data.TensorDataset(
      torch.arange(4).view(4, 1).half(),
      torch.tensor([true, false, true, true]),
    );
    const [[x, y]] = [...new data.DataLoader(tensors, { batchSize: 4 })] as [[Tensor, Tensor]];
    assert.deepEqual([x.shape, x.dtype, y.dtype], [[4, 1], torch.float16, torch.bool]);
    assert.deepEqual(
      [x.tolist(), y.tolist()],
      [
        [[0], [1], [2], [3]],
        [true, false, true, true],
      ],
    );
  });

  test("batches of a TensorDataset follow what becomes of its tensors", () => {
    const x = torch.zeros(3);
    const loader = new data.DataLoader(new data.TensorDataset(x), { batchSize: 3 });
    assert.deepEqual(lists(loader), [[[0, 0, 0]]]);
    x.add_(1);
    assert.deepEqual(lists(loader), [[[1, 1, 1]]]);
    const w = torch.ones(3, { requiresGrad: true });
    const subset = new data.Subset(new data.TensorDataset(w.mul(2)), [2, 2, 0]);
    for (const [batch] of new data.DataLoader(subset, { batchSize: 3 })) batch!.sum().backward();
    assert.deepEqual(w.grad!.tolist(), [2, 0, 4]);
  });

  test("without batches, samples come one by one", () => {
    const loader = new data.DataLoader([new Float32Array([1, 2]), new Float32Array([3, 4])], {
      batchSize: null,
    });
    assert.deepEqual(lists(loader), [[1, 2], [3, 4]]); // prettier-ignore
    assert.equal(loader.length, 2);
  });

  test("streams", () => {
    const loader = new data.DataLoader(new Count(5), { batchSize: 2 });
    assert.deepEqual(lists(loader), [[0, 1], [2, 3], [4]]);
    assert.equal(loader.length, 3);
    assert.deepEqual(lists(new data.DataLoader(new Count(5), { batchSize: 2, dropLast: true })), [[0, 1], [2, 3]]); // prettier-ignore
    assert.throws(() => new data.DataLoader(new Count(5), { shuffle: true }), ValueError);
  });

  test("samplers and batch samplers of one's own", () => {
    assert.deepEqual(lists(new data.DataLoader([5, 6, 7], { sampler: [2, 0], batchSize: 2 })), [[7, 5]]);
    const loader = new data.DataLoader([5, 6, 7], { batchSampler: [[0], [1, 2]] });
    assert.deepEqual(lists(loader), [[5], [6, 7]]);
    assert.equal(loader.length, 2);
  });

  test("options that exclude each other", () => {
    const set = [1, 2, 3];
    for (const options of [
      { sampler: [1], shuffle: true },
      { batchSampler: [[1]], batchSize: 2 },
      { batchSize: null, dropLast: true },
      { batchSize: 0 },
      { numWorkers: -1 },
      { timeout: -1 },
    ]) {
      assert.throws(() => new data.DataLoader(set, options), ValueError, JSON.stringify(options));
    }
    assert.throws(() => new data.DataLoader(3 as never), TypeError);
    assert.throws(() => new data.DataLoader(set, { batchsize: 3 } as never), /batchSize/);
  });

  test("an error in a sample names its index and keeps its class", () => {
    class Broken extends Squares {
      override at(index: number): [number, number] {
        if (index === 3) throw new RangeError("no such file: 3.png");
        return super.at(index);
      }
    }
    const loader = new data.DataLoader(new Broken(), { batchSize: 2 });
    assert.throws(() => lists(loader), (error: Error) => {
      assert.ok(error instanceof RangeError);
      assert.match(error.message, /^no such file: 3\.png \(while reading sample 3 of the data set\)$/);
      assert.match(error.stack!, /sample 3/);
      return true;
    }); // prettier-ignore
    assert.throws(() => lists(new data.DataLoader([1, 2], { sampler: [2] })), /sample 2 in a data set of 2/);
  });
});

suite("defaultCollate", () => {
  test("whole numbers are int64, others float64, booleans bool; strings stay", () => {
    assert.equal(data.defaultCollate([1, 2]).dtype, torch.int64);
    assert.equal(data.defaultCollate([1, 2.5]).dtype, torch.float64);
    assert.equal(data.defaultCollate([true]).dtype, torch.bool);
    assert.equal(data.defaultCollate([2n ** 60n]).dtype, torch.int64);
    assert.deepEqual(data.defaultCollate(["a", "b"]), ["a", "b"]);
  });

  test("lists, objects and maps are gone into", () => {
    const { x, y } = data.defaultCollate([
      { x: torch.ones(2), y: [1, "a"] as [number, string] },
      { x: torch.zeros(2), y: [2, "b"] as [number, string] },
    ]);
    assert.deepEqual([x.tolist(), y[0].tolist(), y[1]], [[[1, 1], [0, 0]], [1, 2], ["a", "b"]]); // prettier-ignore
    const map = data.defaultCollate([new Map([["k", 1]]), new Map([["k", 2]])]);
    assert.deepEqual(map.get("k")!.tolist(), [1, 2]);
    assert.deepEqual(data.defaultCollate([new Int16Array([1, 2])]).tolist(), [[1, 2]]);
  });

  test("stacked tensors carry gradients", () => {
    const w = torch.ones(2, { requiresGrad: true });
    data
      .defaultCollate([w, torch.zeros(2)])
      .sum()
      .backward();
    assert.deepEqual(w.grad!.tolist(), [1, 1]);
  });

  test("what does not fit together is said", () => {
    assert.throws(() => data.defaultCollate([[1], [1, 2]]), /equal size/);
    assert.throws(() => data.defaultCollate([torch.zeros(2), torch.zeros(3)]), /stack/);
    assert.throws(() => data.defaultCollate([{ a: 1 }, { b: 1 }]), /"a"/);
    assert.throws(() => data.defaultCollate([new data.Image(new Uint8Array(4), 2, 2)]), /ToTensor/);
    assert.throws(() => data.defaultCollate([null]), TypeError);
  });
});
