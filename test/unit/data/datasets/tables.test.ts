import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { gzipSync } from "node:zlib";
import { data, datasets, FileNotFoundError, KeyError, ValueError } from "../../../../runtime/index.js";
import { temporaryFolder, write } from "../files.js";
import { parquet } from "./parquetFile.js";

const folder = temporaryFolder();
const csv = (text: string | Uint8Array, options: datasets.CSVOptions = {}): datasets.CSV =>
  new datasets.CSV(write(folder, "t.csv", text), options);

suite("CSV", () => {
  test("rows are objects; numbers where a column has nothing else", () => {
    const set = csv('a,b,"c, d"\r\n1,x,1e3\r\n-2.5,"say ""hi""",\r\n');
    assert.deepEqual([set.length, set.columns], [2, ["a", "b", "c, d"]]);
    assert.deepEqual(set.at(0), { a: 1, b: "x", "c, d": 1000 });
    assert.deepEqual(set.at(-1), { a: -2.5, b: 'say "hi"', "c, d": NaN });
    assert.throws(() => set.at(2), /index 2 is out of bounds/);
  });

  test("quoted cells have line ends in them; empty lines and a byte order mark are nothing", () => {
    const set = csv('\uFEFFtext,n\n"two\nlines",1\n\nüñ,2');
    assert.deepEqual([...set.column("text")], ["two\nlines", "üñ"]);
    assert.deepEqual([...set.column("n")], [1, 2]);
  });

  test("other delimiters, no header, gzip, some columns only", () => {
    assert.deepEqual(csv(gzipSync("1\t2\n3\t4\n"), { delimiter: "\t", header: false }).at(1), { 0: 3, 1: 4 });
    assert.deepEqual(csv("1,2\n", { header: ["x", "y"], columns: ["y"] }).at(0), { y: 2 });
    assert.deepEqual([...csv("v\n1\n\n3\n").column("v")], [1, NaN, 3]);
    assert.equal(csv("v,w\n").length, 0);
  });

  test("tensors to learn with: texts become classes, whole numbers int64", () => {
    const set = csv("w,h,kind\n1,2,cat\n3,4,ant\n5,6,cat\n");
    const [x, y] = set.tensors("kind").tensors;
    assert.deepEqual(
      [x.tolist(), y.tolist(), y.dtype.name],
      [
        [
          [1, 2],
          [3, 4],
          [5, 6],
        ],
        [1n, 0n, 1n].map(Number),
        "int64",
      ],
    );
    assert.deepEqual(set.classes("kind"), ["ant", "cat"]);
    assert.equal(csv("x,y\n1,0.5\n").tensors("y").tensors[1].dtype.name, "float32");
    assert.throws(() => set.tensor(), /row 0 of the column "kind" holds "cat", which is no number/);
    const [batch] = new data.DataLoader(set, { batchSize: 2 });
    assert.deepEqual(
      [(batch as { kind: string[] }).kind, Object.keys(batch as object)],
      [
        ["cat", "ant"],
        ["w", "h", "kind"],
      ],
    );
  });

  test("what is wrong is said, with its line", () => {
    assert.throws(() => csv("a,b\n1,2\n1,2,3\n"), /line 3: 3 cells where the lines before have 2/);
    assert.throws(() => csv('a\n"x\ny'), /line 2: a quoted cell has no end/);
    assert.throws(() => csv("a,a\n1,2\n"), /two columns "a"/);
    assert.throws(() => csv(""), /is empty/);
    assert.throws(() => csv("a,b\n1,2\n", { header: ["x"] }), /has 2 columns, and header names 1/);
    assert.throws(() => csv("a\n1\n", { columns: ["b"] }), KeyError);
    assert.throws(() => csv("a\n1\n", { delimiter: ";;" }), ValueError);
    assert.throws(() => new datasets.CSV(`${folder}/none.csv`), FileNotFoundError);
    assert.throws(() => csv("a\n1\n", { delimeter: ";" } as object), /delimiter/);
  });
});

suite("Parquet", () => {
  const columns = [
    { name: "n", kind: "INT32", values: [1, null, -3] },
    { name: "x", kind: "DOUBLE", values: [0.5, 1.5, 2.5] },
    { name: "big", kind: "INT64", values: [1n, 2n, 2n ** 60n] },
    { name: "ok", kind: "BOOLEAN", values: [true, false, true] },
    { name: "text", kind: "BYTE_ARRAY", values: ["b", "ä", null] },
  ] as const;

  for (const codec of ["UNCOMPRESSED", "GZIP"] as const) {
    test(`rows of a file whose pages are ${codec}`, () => {
      const set = new datasets.Parquet(write(folder, "t.parquet", parquet(columns, codec)));
      assert.deepEqual([set.length, set.columns], [3, ["n", "x", "big", "ok", "text"]]);
      assert.deepEqual(set.at(0), { n: 1, x: 0.5, big: 1n, ok: true, text: "b" });
      assert.deepEqual(set.at(1), { n: NaN, x: 1.5, big: 2n, ok: false, text: "ä" });
      assert.equal(set.at(2)["text"], null);
    });
  }

  test("only the columns asked for; tensors", () => {
    const file = write(folder, "t.parquet", parquet(columns));
    const set = new datasets.Parquet(file, { columns: ["x", "ok"] });
    assert.deepEqual(set.at(1), { x: 1.5, ok: false });
    const [x, y] = set.tensors("ok").tensors;
    assert.deepEqual(
      [x.tolist(), y.tolist()],
      [
        [[0.5], [1.5], [2.5]],
        [1, 0, 1],
      ],
    );
    assert.throws(() => new datasets.Parquet(file, { columns: ["z"] }), KeyError);
  });

  test("damaged files and what claims too much are refused", () => {
    const good = parquet(columns);
    const bad: [Buffer, RegExp][] = [
      [Buffer.from("hello"), /cannot be read as Parquet/],
      [good.subarray(0, good.length - 20), /cannot be read as Parquet/],
      [Buffer.concat([good.subarray(0, 30), good.subarray(60)]), /cannot be read|has \d+ values/],
      [parquet(columns, "UNCOMPRESSED", { rows: 2 ** 40 }), /cells to read/],
      [parquet(columns, "LZO"), /LZO/],
    ];
    for (const [bytes, message] of bad) {
      const file = write(folder, "bad.parquet", bytes);
      assert.throws(
        () => new datasets.Parquet(file).at(0),
        (error: unknown) => error instanceof ValueError && message.test(error.message),
        String(message),
      );
    }
    assert.throws(() => new datasets.Parquet(`${folder}/none`), FileNotFoundError);
  });
});

suite("text", () => {
  test("lines", () => {
    const file = write(folder, "t.txt", "one\r\ntwo\n\nfour\n");
    assert.deepEqual([...new datasets.TextLineDataset(file)], ["one", "two", "", "four"]);
    assert.equal(new datasets.TextLineDataset(file, { transform: (line) => line.length }).at(3), 4);
    assert.throws(
      () => new datasets.TextLineDataset(write(folder, "bad.txt", Uint8Array.of(0xff, 0xfe))),
      /UTF-8/,
    );
  });

  test("characters and those that follow them", () => {
    const set = datasets.CharDataset.open(write(folder, "t.txt", "hello 😀"), 3);
    assert.deepEqual([set.chars, set.vocabSize, set.length], [[" ", "e", "h", "l", "o", "😀"], 6, 4]);
    const [x, y] = set.at(3);
    assert.deepEqual([set.decode(x), set.decode(y), x.dtype.name], ["lo ", "o 😀", "int64"]);
    const [[xs, ys]] = new data.DataLoader(set, { batchSize: 4 }) as Iterable<[typeof x, typeof y]>;
    assert.deepEqual([xs.shape, ys.at(0).tolist()], [[4, 3], set.encode("ell").tolist()]);
    assert.throws(() => set.encode("x"), /"x" is not among/);
    assert.throws(() => new datasets.CharDataset("ab", 2), /no block of 2/);
    assert.equal(new datasets.CharDataset("hole", 2, { chars: set.chars }).vocabSize, 6);
  });
});
