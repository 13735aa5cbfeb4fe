import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { test } from "node:test";
import { Device, DType, formatPth, nn, optim, Tensor, torch } from "../../../runtime/index.js";
import { crc32 } from "../../../runtime/io/crc32.js";
import { findOracle } from "../random/oracle.js";

type Told = unknown;
type Golden = readonly [name: string, format: string, file: string, told: Told][];

const golden = JSON.parse(fs.readFileSync("test/oracle/golden/pth.json", "utf8")) as Golden;
const bytesOf = (text: string): Buffer => Buffer.from(text, "base64");

/** What is in a value, as test/oracle/pth.py tells it. */
function told(value: unknown, storages = new Map<number, number>()): Told {
  const inner = (v: unknown): Told => told(v, storages);
  if (value instanceof Tensor) {
    const { dtype, shape } = value;
    const pointer = value.untypedStorage().dataPtr();
    if (!storages.has(pointer)) storages.set(pointer, storages.size);
    return {
      tensor: String(dtype),
      shape,
      stride: value.stride(),
      offset: value.storageOffset(),
      storage: value.numel() > 0 ? storages.get(pointer) : null,
      size: value.untypedStorage().size(),
      requiresGrad: value.requiresGrad,
      parameter: value instanceof nn.Parameter,
      bytes: Buffer.from(value.toBytes()).toString("hex"),
    };
  }
  if (value instanceof Map) {
    const ordered = [...(value as Map<unknown, unknown>)].map(([k, v]) => [inner(k), inner(v)]);
    const { _metadata: metadata } = value as { readonly _metadata?: ReadonlyMap<string, unknown> };
    return metadata === undefined ? { ordered } : { ordered, metadata: Object.fromEntries(metadata) };
  }
  if (value instanceof Set) return { set: [...(value as Set<unknown>)].sort() };
  if (value instanceof Uint8Array) return { bytes: Buffer.from(value).toString("hex") };
  if (Array.isArray(value)) return { list: value.map(inner) };
  if (value instanceof DType || value instanceof Device) return { torch: String(value) };
  if (typeof value === "bigint") return { number: String(value) };
  if (typeof value === "number") {
    return {
      number: Object.is(value, -0) ? "0" : String(value).replace("Infinity", "inf").replace("NaN", "nan"),
    };
  }
  if (typeof value !== "object" || value === null) return value;
  if ("re" in value) return { complex: [value.re, (value as { im?: unknown }).im] };
  if ("step" in value && "start" in value)
    return { slice: [value.start, (value as { end?: unknown }).end, value.step] };
  if (value === torch.strided) return { torch: String(value) };
  const key = (k: string): unknown => (/^\d+$/.test(k) ? { number: k } : k);
  return { dict: Object.entries(value).map(([k, v]) => [key(k), inner(v)]) };
}

/** Empty tensors of any size lie nowhere, and numbers print in many ways. */
function normal(value: Told): Told {
  return JSON.parse(
    JSON.stringify(value, (_, v: unknown) => {
      if (typeof v !== "object" || v === null) return v;
      const { number, ...rest } = v as { number?: string };
      if (number !== undefined && Object.keys(rest).length === 0 && /[.e]/.test(number)) {
        return { number: String(Number(number)) };
      }
      if ("tensor" in v && (v as { bytes?: string }).bytes === "") return { ...v, stride: null, size: null };
      return v;
    }),
  ) as Told;
}

function withFolder(body: (folder: string) => void): void {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "tensorscope-pth-"));
  try {
    body(folder);
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}

/** What PyTorch finds in the files of a folder; the test is skipped without it. */
function show(files: readonly string[]): Told[] {
  const { stdout, stderr, status } = spawnSync(findOracle()!, ["test/oracle/pth.py", ...files], {
    encoding: "utf8",
    maxBuffer: 2 ** 28,
  });
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout) as Told[];
}

test("PyTorch's files of both formats: every dtype, views, ties, states of optimizers, plain values", () => {
  for (const [name, format, file, expected] of golden) {
    assert.deepEqual(normal(told(torch.load(bytesOf(file)))), normal(expected), `${name}, ${format}`);
  }
});

test("what is written is read back: nothing is lost on the way", () => {
  for (const [name, format, file, expected] of golden) {
    const again = torch.load(formatPth(torch.load(bytesOf(file))));
    assert.deepEqual(normal(told(again)), normal(expected), `${name}, ${format}`);
  }
});

test("PyTorch reads what is written, bit for bit", { skip: findOracle() === undefined }, () => {
  withFolder((folder) => {
    const zips = golden.filter(([, format]) => format === "zip");
    const files = zips.map(([name, , file]) => {
      const at = path.join(folder, `${name}.pth`);
      torch.save(torch.load(bytesOf(file)), at);
      return at;
    });
    const found = show(files);
    zips.forEach(([name, , , expected], i) => {
      // `dict` and `OrderedDict` are one where keys are neither plain names nor numbers; 1.0 is written 1.
      assert.deepEqual(normal(found[i]), normal(expected), name);
    });
  });
});

test("a state dict goes into a model of the same layers", () => {
  withFolder((folder) => {
    const model = new nn.Sequential(new nn.Linear(3, 4), new nn.BatchNorm1d(4));
    const file = path.join(folder, "m.pth");
    torch.save(model.stateDict(), file);
    const other = new nn.Sequential(new nn.Linear(3, 4), new nn.BatchNorm1d(4));
    assert.deepEqual(other.loadStateDict(torch.load(file)), { missingKeys: [], unexpectedKeys: [] });
    for (const [name, p] of model.stateDict()) assert.ok(torch.equal(p, other.stateDict().get(name)!), name);
    assert.deepEqual(fs.readdirSync(folder), ["m.pth"]);
  });
});

test("a view that is saved brings its whole storage, and loaded views still share it", () => {
  const base = torch.zeros(4, 3);
  const { row, all } = torch.load<{ row: Tensor; all: Tensor }>(formatPth({ row: base.at(1), all: base }));
  row.fill_(7);
  assert.deepEqual(all.tolist(), [
    [0, 0, 0],
    [7, 7, 7],
    [0, 0, 0],
    [0, 0, 0],
  ]);
});

test("a checkpoint of an optimizer keeps whole-number keys", () => {
  const model = new nn.Linear(2, 2);
  const optimizer = new optim.Adam(model.parameters());
  model(torch.ones(1, 2)).sum().backward();
  optimizer.step();
  const state = torch.load<ReturnType<typeof optimizer.stateDict>>(formatPth(optimizer.stateDict()));
  assert.deepEqual(Object.keys(state.state), ["0", "1"]);
  optimizer.loadStateDict(state);
});

test("what has no form is named with its place, and nothing is written", () => {
  withFolder((folder) => {
    const file = path.join(folder, "x.pth");
    assert.throws(() => torch.save({ a: { b: [1, () => 1] } }, file), {
      name: "TypeError",
      message: /no form for a function at a\.b\.1/,
    });
    assert.throws(() => torch.save({ a: new Float32Array(2) }, file), /Float32Array at a \(torch\.tensor/);
    const loop: unknown[] = [];
    loop.push(loop);
    assert.throws(() => torch.save(loop, file), /contains itself/);
    const x = torch.ones(2);
    assert.throws(() => torch.save([x, x.view(torch.int32)], file), {
      name: "RuntimeError",
      message: /different types/,
    });
    assert.throws(() => torch.save(new nn.LazyLinear(3).stateDict(), file), /no size yet/);
    assert.deepEqual(fs.readdirSync(folder), []);
  });
});

test("devices that are not there are named, and mapLocation sends their tensors elsewhere", () => {
  const onCuda = Buffer.from(formatPth({ w: torch.ones(2) }));
  // The location is a text of three letters; one of the same length takes its place, with its checksum.
  const cuda = replaceStored(onCuda, "cpu", "dml");
  assert.throws(() => torch.load(cuda), { name: "RuntimeError", message: /on dml .*mapLocation: "cpu"/ });
  for (const map of [
    "cpu",
    torch.device("cpu"),
    { dml: "cpu" },
    new Map([["dml", "cpu"]]),
    () => "cpu",
  ] as const) {
    const { w } = torch.load<{ w: Tensor }>(cuda, { mapLocation: map });
    assert.deepEqual(w.tolist(), [1, 1]);
  }
  assert.deepEqual(torch.load<{ w: Tensor }>(cuda, "cpu").w.tolist(), [1, 1]);
  const absent = process.platform === "darwin" ? "dml" : "coreml";
  assert.throws(
    () => torch.load(onCuda, { mapLocation: absent }),
    new RegExp(`on ${absent} \\(mapLocation says so\\), which is not available.*(macOS|Windows)`),
  );
});

/** An archive with one text of the pickle exchanged for another of the same length. */
function replaceStored(archive: Buffer, from: string, to: string): Uint8Array {
  const copy = Buffer.from(archive);
  const at = copy.indexOf(from);
  copy.write(to, at, "latin1");
  const start = copy.indexOf(Buffer.from([0x80, 2]));
  const end = copy.indexOf("PK\x03\x04", start, "latin1");
  const crc = crc32(copy.subarray(start, end));
  copy.writeUInt32LE(crc, 14);
  copy.writeUInt32LE(crc, copy.indexOf("PK\x01\x02", 0, "latin1") + 16);
  return copy;
}

test("files that are cut off, changed or something else are refused with a reason and the file's name", () => {
  const whole = Buffer.from(formatPth({ w: torch.arange(10) }));
  for (const length of [0, 1, 10, whole.length - 30, whole.length - 1]) {
    assert.throws(() => torch.load(whole.subarray(0, length)), { name: "UnpicklingError" }, String(length));
  }
  const changed = Buffer.from(whole);
  changed[changed.indexOf("archive/data/0") + 100]! ^= 1;
  assert.throws(() => torch.load(changed), /does not match its size and checksum/);
  withFolder((folder) => {
    const file = path.join(folder, "notes.pth");
    fs.writeFileSync(file, "these are notes");
    assert.throws(() => torch.load(file), {
      name: "UnpicklingError",
      message: /notes\.pth: not a file of torch\.save/,
    });
    assert.throws(() => torch.load(path.join(folder, "none.pth")), { code: "ENOENT" });
  });
});

test("a whole Python module gives its state and the tree of its classes, never code", () => {
  const folder = process.env["TENSORSCOPE_CORPUS"] ?? path.join("..", "shared", "corpus", "open");
  const file = path.join(folder, "serialization", "module_sequential.zip.pth");
  if (!fs.existsSync(file)) return;
  const module = torch.load<{ stateDict(): Map<string, Tensor>; className: string; training: boolean }>(file);
  assert.equal(module.className, "torch.nn.modules.container.Sequential");
  assert.match(String(module), /\(0\): Linear\(in_features=4, out_features=3, bias=True\)/);
  assert.equal(module.stateDict().size, 9);
  assert.throws(() => torch.load(file, { weightsOnly: true }), /only weights are to be loaded/);
});
