import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { test } from "node:test";
import { nn, safetensors, torch, type Tensor } from "../../../runtime/index.js";

const { loadFile, loadModel, safeOpen, save, saveFile, saveModel } = safetensors;

function withFolder(body: (folder: string) => void): void {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "tensorscope-safetensors-"));
  try {
    body(folder);
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}

/** A file with the given head, as the format has it: its length, JSON, data. */
function file(head: unknown, data: Uint8Array = new Uint8Array(0)): Buffer {
  const json = Buffer.from(typeof head === "string" ? head : JSON.stringify(head));
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([size, json, data]);
}

test("a file as the format's page has it", () => {
  const data = Buffer.alloc(24);
  [1.5, -2, 0.25, 8].forEach((x, i) => data.writeFloatLE(x, 4 * i));
  data.writeBigInt64LE(-7n, 16);
  const bytes = file(
    {
      w: { dtype: "F32", shape: [2, 2], data_offsets: [0, 16] },
      __metadata__: { format: "pt" },
      n: { dtype: "I64", shape: [], data_offsets: [16, 24] },
    },
    data,
  );
  const tensors = loadFile(bytes);
  assert.deepEqual([...tensors.keys()], ["w", "n"]);
  assert.deepEqual(tensors.get("w")!.tolist(), [
    [1.5, -2],
    [0.25, 8],
  ]);
  assert.equal(tensors.get("n")!.item(), -7);
  assert.deepEqual([...safeOpen(bytes).metadata()], [["format", "pt"]]);
});

test("every dtype, strides and empty tensors come back, aligned and in the format's order", () => {
  const x = torch.arange(12).reshape(3, 4).sub(5);
  const kinds = [
    torch.float64,
    torch.float32,
    torch.float16,
    torch.bfloat16,
    torch.int64,
    torch.int32,
    torch.int16,
  ];
  const tensors: Record<string, Tensor> = {
    empty: torch.zeros(0, 3),
    scalar: torch.tensor(3),
    t: x.t().clone(),
  };
  for (const dtype of [...kinds, torch.int8, torch.uint8, torch.bool]) tensors[String(dtype)] = x.to(dtype);
  tensors["view"] = torch
    .arange(10)
    .to(torch.int16)
    .at(torch.slice(null, null, 3));
  const bytes = save(tensors, { metadata: { made: "here" } });
  const again = loadFile(bytes);
  assert.deepEqual(new Set(again.keys()), new Set(Object.keys(tensors)));
  for (const [name, t] of Object.entries(tensors)) {
    const found = again.get(name)!;
    assert.equal(found.dtype, t.dtype, name);
    assert.deepEqual(found.shape, t.shape, name);
    assert.deepEqual(Buffer.from(found.toBytes()), Buffer.from(t.toBytes()), name);
  }
});

test("rows are read without the rest of a tensor", () => {
  withFolder((folder) => {
    const at = path.join(folder, "m.safetensors");
    saveFile({ w: torch.arange(20).reshape(5, 4), s: torch.tensor(1) }, at);
    using opened = safeOpen(at);
    assert.deepEqual(opened.getSlice("w", 1, 3).tolist(), [
      [4, 5, 6, 7],
      [8, 9, 10, 11],
    ]);
    assert.deepEqual(opened.getSlice("w", 5).shape, [0, 4]);
    assert.throws(() => opened.getSlice("w", 2, 6), { name: "IndexError" });
    assert.throws(() => opened.getSlice("s", 0), { name: "IndexError" });
    assert.throws(() => opened.getTensor("v"), { name: "KeyError" });
  });
});

test("several files and their index", () => {
  withFolder((folder) => {
    const model = new nn.Sequential(new nn.Linear(8, 8), new nn.Linear(8, 8), new nn.Linear(8, 2));
    const at = path.join(folder, "model.safetensors");
    saveFile(model.stateDict(), at, { maxShardBytes: 300 });
    const index = path.join(folder, "model.safetensors.index.json");
    const files = fs.readdirSync(folder).sort();
    assert.equal(files[0], "model-00001-of-00003.safetensors");
    assert.equal(files.length, 4);
    const other = new nn.Sequential(new nn.Linear(8, 8), new nn.Linear(8, 8), new nn.Linear(8, 2));
    assert.deepEqual(other.loadStateDict(loadFile(index)), { missingKeys: [], unexpectedKeys: [] });
    assert.ok(torch.equal(other.stateDict().get("2.bias")!, model.stateDict().get("2.bias")!));
    fs.writeFileSync(index, JSON.stringify({ weight_map: { w: "../elsewhere.safetensors" } }));
    assert.throws(() => loadFile(index), /beside the index/);
  });
});

test("tied weights: refused where they would be doubled, once with saveModel", () => {
  withFolder((folder) => {
    const make = (): nn.Sequential => {
      const m = new nn.Sequential(new nn.Linear(3, 3), new nn.Linear(3, 3));
      (m.at(1) as nn.Linear).weight = (m.at(0) as nn.Linear).weight;
      return m;
    };
    const model = make();
    const at = path.join(folder, "tied.safetensors");
    assert.throws(() => saveFile(model.stateDict(), at), { name: "RuntimeError", message: /share memory/ });
    assert.deepEqual(fs.readdirSync(folder), []);
    saveModel(model, at);
    assert.deepEqual(
      [...safeOpen(at).metadata()],
      [
        ["1.weight", "0.weight"],
        ["format", "pt"],
      ],
    );
    const other = make();
    loadModel(other, at);
    assert.ok(torch.equal(other.stateDict().get("1.weight")!, model.stateDict().get("1.weight")!));
  });
});

test("hostile heads are refused with a reason", () => {
  const entry = (more: object): object => ({
    w: { dtype: "F32", shape: [1], data_offsets: [0, 4], ...more },
  });
  const data = new Uint8Array(4);
  const wrong: [Buffer, RegExp][] = [
    [Buffer.alloc(4), /too short/],
    [Buffer.from("ffffffffffffff7f00", "hex"), /longer than the file/],
    [file("{", data), /no JSON/],
    [file("[]", data), /no JSON object/],
    [file(entry({ shape: [-1] }), data), /no dtype and shape/],
    [file(entry({ shape: [2 ** 40] }), data), /needs/],
    [file(entry({ shape: "1" }), data), /no dtype and shape/],
    [file(entry({ dtype: "Q4" }), data), /there are none here/],
    [file(entry({ data_offsets: [4, 8] }), data), /gaps/],
    [file(entry({ data_offsets: [0] }), data), /where it is/],
    [file(entry({}), new Uint8Array(5)), /no tensor's/],
    [file({ ...entry({}), v: { dtype: "F32", shape: [1], data_offsets: [0, 4] } }, data), /overlap/],
    [file({ __metadata__: { a: 1 } }), /texts/],
  ];
  for (const [bytes, message] of wrong) assert.throws(() => loadFile(bytes), message);
});
