/** Loading in threads of their own: what comes is what comes without them. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { suite, test } from "node:test";
import { fileURLToPath } from "node:url";
import {
  AssertionError,
  data,
  datasets,
  torch,
  transforms,
  ValueError,
  type Tensor,
} from "../../../runtime/index.js";
import { pack, unpack } from "../../../runtime/data/portable.js";
import { temporaryFolder, write } from "./files.js";

const folder = temporaryFolder();
const cli = fileURLToPath(new URL("../../../runtime/cli/main.js", import.meta.url));

const lists = (loader: Iterable<unknown>): unknown[] =>
  Array.from(
    loader,
    (batch) =>
      JSON.parse(
        JSON.stringify(batch, (_, v: unknown) => (v instanceof torch.Tensor ? v.tolist() : v)),
        undefined,
      ) as unknown,
  );

/** Runs a program with the command line, and gives what it prints. */
function run(text: string): { out: string; err: string; code: number | null } {
  const file = write(
    folder,
    "program.ts",
    `import { data, torch, type Tensor } from "tensorscope";\n${text}`,
  );
  const { stdout, stderr, status } = spawnSync(process.execPath, [cli, "run", file], {
    encoding: "utf8",
    timeout: 60_000,
  });
  return { out: stdout, err: stderr, code: status };
}

suite("a loader with workers", () => {
  const rows = new data.TensorDataset(torch.arange(22).reshape([11, 2]), torch.arange(11));

  test("the same batches in the same order, pass after pass", () => {
    const both = [0, 2].map((numWorkers) => {
      torch.manualSeed(3);
      const loader = new data.DataLoader(new data.Subset(rows, [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]), {
        batchSize: 3,
        shuffle: true,
        numWorkers,
      });
      return [lists(loader), lists(loader), torch.rand(1).item()];
    });
    assert.deepEqual(both[1], both[0]);
    assert.equal((both[0]![0] as unknown[]).length, 4);
  });

  test("persistent workers, single samples, pictures with transforms, a pass that is left early", () => {
    const digits = new datasets.Digits({
      size: 6,
      transform: new transforms.Compose([
        new transforms.Resize(4),
        new transforms.ToTensor(),
        new transforms.Normalize(0.5, 0.5),
      ]),
    });
    const options = { batchSize: 2, numWorkers: 2, persistentWorkers: true, prefetchFactor: 1 };
    const loader = new data.DataLoader(digits, options);
    for (const [x] of loader as Iterable<[Tensor, Tensor]>) {
      assert.deepEqual(x.shape, [2, 1, 4, 4]);
      break;
    }
    const alone = lists(new data.DataLoader(digits, { batchSize: 2 }));
    assert.deepEqual([lists(loader), lists(loader)], [alone, alone]);
    const single = new data.DataLoader(rows, { batchSize: null, numWorkers: 1 });
    assert.deepEqual(lists(single), lists(new data.DataLoader(rows, { batchSize: null })));
  });

  test("a pass goes on where another loader had left it", () => {
    for (const persistentWorkers of [false, true]) {
      torch.manualSeed(5);
      const make = (): data.DataLoader<unknown, unknown> =>
        new data.DataLoader(rows as data.MapStyle<unknown>, {
          batchSize: 2,
          shuffle: true,
          numWorkers: 2,
          persistentWorkers,
        });
      const loader = make();
      lists(loader);
      const pass = loader[Symbol.iterator]();
      pass.next();
      pass.next();
      const [state, random] = [loader.stateDict(), torch.getRngState()];
      const rest = [...lists({ [Symbol.iterator]: () => pass }), ...lists(loader)];
      torch.setRngState(random);
      const other = make();
      other.loadStateDict(state);
      assert.deepEqual([...lists(other), ...lists(other)], rest);
    }
  });

  test("a worker's numbers are seeded by the base seed and its own number", () => {
    const noisy = new datasets.Digits({
      size: 4,
      transform: new transforms.Compose([new transforms.RandomRotation(90), new transforms.ToTensor()]),
    });
    const draw = (seed: number): unknown[] => {
      torch.manualSeed(seed);
      return lists(new data.DataLoader(noisy, { numWorkers: 2 }));
    };
    assert.deepEqual(draw(1), draw(1));
    assert.notDeepEqual(draw(1), draw(2));
  });

  test("an error names the index and the worker, and keeps its class", () => {
    const loader = new data.DataLoader(rows, { sampler: [1, 2, 99], numWorkers: 2 });
    assert.throws(
      () => lists(loader),
      (error: Error) => {
        assert.equal(error.name, "IndexError");
        assert.match(error.message, /sample 99 of the data set, in worker 0/);
        return true;
      },
    );
    assert.throws(() => new data.DataLoader(rows, { prefetchFactor: 4 }), ValueError);
    assert.throws(() => new data.DataLoader(rows, { persistentWorkers: true }), ValueError);
    assert.throws(() => new data.DataLoader(rows, { numWorkers: 1, prefetchFactor: 0 }), AssertionError);
  });

  test("what cannot cross is said before anything starts, with what to do", () => {
    const lambda = new datasets.Digits({ size: 2, transform: (image) => image.width });
    assert.throws(
      () => lists(new data.DataLoader(lambda, { numWorkers: 1 })),
      /cannot have loader\.dataset\.transform: they find functions only of a file that Tensorscope runs.*numWorkers: 0/,
    );
    class Own extends data.Dataset<number> {
      length = 3;
      at(index: number): number {
        return index;
      }
    }
    assert.throws(() => lists(new data.DataLoader(new Own(), { numWorkers: 1 })), /find the class Own only/);
  });
});

suite("a loader with workers in a program", () => {
  const squares = `
    function square(x: number): number { return x * x; }
    class Squares extends data.Dataset<[number, number]> {
      private offset = torch.tensor([10]);
      constructor(readonly length: number) { super(); }
      at(index: number): [number, number] {
        if (index === 7) throw new RangeError("no seven");
        return [square(index) + this.offset.item(), data.getWorkerInfo()?.id ?? -1];
      }
    }`;

  test("classes and functions of its own, an init function, printing; it comes to its end", () => {
    const { out, err, code } = run(`${squares}
      function greet(id: number): void { if (id === 1) console.log("worker", id); }
      const together = (samples: [number, number][]): string => samples.map(String).join(" ");
      if (import.meta.main) {
        const loader = new data.DataLoader(new Squares(5), { batchSize: 2, numWorkers: 2, workerInitFn: greet, collateFn: together });
        for (const batch of loader) console.log(batch);
        console.log(data.getWorkerInfo());
        const kept = new data.DataLoader(new Squares(4), { numWorkers: 1, persistentWorkers: true });
        for (const [x] of kept) console.log((x as Tensor).item());
      }`);
    assert.equal(code, 0, err);
    const printed = out.split("\n");
    assert.ok(printed.includes("worker 1"));
    assert.deepEqual(
      printed.filter((line) => line !== "worker 1"),
      ["10,0 11,0", "14,1 19,1", "26,0", "null", "10", "11", "14", "19", ""],
    );
  });

  test("workers draw PyTorch 1.13.1's numbers, and leave the default generator where PyTorch does", () => {
    const { out, err } = run(`
      class R extends data.Dataset<number> { length = 4; at(): number { return torch.rand(1).item(); } }
      if (import.meta.main) {
        torch.manualSeed(7);
        for (const persistentWorkers of [false, true]) {
          const loader = new data.DataLoader(new R(), { batchSize: 2, numWorkers: 2, shuffle: true, persistentWorkers });
          for (let pass = 0; pass < 2; pass++) {
            console.log([...loader].flatMap((b) => b.tolist() as number[]).map((x) => x.toFixed(6)).join(" "));
          }
        }
        console.log(torch.rand(1).item().toFixed(6));
      }`);
    assert.deepEqual(
      out.trim().split("\n"),
      [
        "0.116625 0.134144 0.314840 0.280845",
        "0.496107 0.826191 0.053286 0.658846",
        "0.796544 0.699883 0.389345 0.690793",
        "0.147808 0.034733 0.907490 0.912290",
        "0.445090",
      ],
      err,
    );
  });

  test("an error in a worker points at the line of the file", () => {
    const { err, code } = run(`${squares}
      if (import.meta.main) for (const _ of new data.DataLoader(new Squares(9), { numWorkers: 2 })) continue;`);
    assert.equal(code, 1);
    assert.match(err, /RangeError: no seven \(while reading sample 7 of the data set, in worker 1\)/);
    assert.match(err, /program\.ts:8/);
  });

  test("streams: each worker gives its share, in turn; one that is short drops out", () => {
    const { out, err } = run(`
      class Stream extends data.IterableDataset<number> {
        *[Symbol.iterator](): Iterator<number> {
          const { id, numWorkers } = data.getWorkerInfo() ?? { id: 0, numWorkers: 1 };
          for (let i = id; i < 7; i += numWorkers) yield i;
        }
      }
      if (import.meta.main) for (const batch of new data.DataLoader(new Stream(), { batchSize: 2, numWorkers: 3 })) console.log(JSON.stringify(batch.tolist()));`);
    // PyTorch's order for the same stream.
    assert.deepEqual(out.trim().split("\n"), ["[0,3]", "[1,4]", "[2,5]", "[6]"], err);
  });

  test("a worker that ends, a program that starts in its workers, classes that cannot be had", () => {
    const cases: [string, RegExp][] = [
      [
        "class D extends data.Dataset<number> { length = 1; at(): number { process.exit(3); } }\nif (import.meta.main) [...new data.DataLoader(new D(), { numWorkers: 1 })];",
        /worker 0 exited unexpectedly: exit code 3/,
      ],
      [
        "class D extends data.Dataset<number> { length = 1; at(): number { return 1; } }\n[...new data.DataLoader(new D(), { numWorkers: 1 })];",
        /write `if \(import\.meta\.main\)`/,
      ],
      [
        "class D extends data.Dataset<number> { #n = 1; length = 1; at(): number { return this.#n; } }\nif (import.meta.main) [...new data.DataLoader(new D(), { numWorkers: 1 })];",
        /can read #n\. Write "private n" instead.*workerArguments/,
      ],
      [
        "function f() { class D extends data.Dataset<number> { length = 1; at(): number { return 1; } } return new D(); }\nif (import.meta.main) [...new data.DataLoader(f(), { numWorkers: 1 })];",
        /class D is not at the top level/,
      ],
      [
        "class D extends data.Dataset<number> { length = 1; at(): number { for (;;); } }\nif (import.meta.main) [...new data.DataLoader(new D(), { numWorkers: 1, timeout: 0.5 })];",
        /timed out after 0\.5 seconds/,
      ],
    ];
    for (const [text, message] of cases) {
      const { err, code } = run(text);
      assert.match(err, message);
      assert.equal(code, 1);
    }
  });

  test("top-level await, and classes of two files with one name", () => {
    write(
      folder,
      "other.ts",
      `import { data } from "tensorscope";\nexport class D extends data.Dataset<number> { length = 2; at(i: number): number { return 100 + i; } }`,
    );
    const { out, err } = run(`import { D as Other } from "./other";
      class D extends data.Dataset<number> { length = 2; at(i: number): number { return i; } }
      await Promise.resolve();
      if (import.meta.main) for (const batch of new data.DataLoader(new D().add(new Other()), { numWorkers: 2 })) console.log(batch.item());`);
    assert.deepEqual(out.trim().split("\n"), ["0", "1", "100", "101"], err);
  });
});

suite("values across threads", () => {
  const through = <T>(value: T): T => unpack(structuredClone(pack(value, "it"))) as T;

  test("plain values, circles, sharing, views", () => {
    const shared = { n: 1n, at: new Date(5), nothing: undefined };
    const value = {
      list: [shared, shared, [1, "a"]],
      map: new Map([["k", new Set([1])]]),
      bytes: Buffer.from("abc"),
      self: null as unknown,
    };
    value.self = value;
    const there = through(value);
    assert.deepEqual(there.list, value.list);
    assert.equal(there.list[0], there.list[1]);
    assert.equal(there.self, there);
    assert.ok(Buffer.isBuffer(there.bytes));
    assert.deepEqual([there.map.get("k")!.has(1), there.bytes.toString()], [true, "abc"]);
    const view = through(new Float32Array(1000).subarray(3, 5));
    assert.deepEqual([view.length, view.buffer.byteLength], [2, 8]);
  });

  test("tensors, dtypes, data sets and transforms of the library", () => {
    const t = through(torch.tensor([[1, 2]], { dtype: torch.int16, requiresGrad: false }));
    assert.deepEqual([t.tolist(), t.dtype], [[[1, 2]], torch.int16]);
    assert.equal(through(torch.float64), torch.float64);
    assert.ok(through(torch.ones(2, { requiresGrad: true })).requiresGrad);
    const csv = through(new datasets.CSV(write(folder, "a.csv", "a,b\n1,x\n2,y\n")));
    assert.deepEqual([csv.at(1), csv.length], [{ a: 2, b: "y" }, 2]);
    const text = through(new datasets.CharDataset("hello", 2));
    assert.equal(text.decode(text.at(1)[0]), "el");
    const crop = through(new transforms.RandomResizedCrop(3));
    assert.equal(crop(new data.Image(new Uint8Array(64), 8, 8)).width, 3);
    assert.throws(() => pack({ s: Symbol() }, "it"), /cannot have it\.s: symbols/);
  });
});
