import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { test } from "node:test";
import {
  formatNpy,
  formatNpz,
  loadNpy,
  loadNpz,
  parseNpy,
  parseNpz,
  saveNpy,
  saveNpz,
  torch,
  type Tensor,
} from "../../../runtime/index.js";
import { readZip } from "../../../runtime/io/zip.js";
import { writeZip } from "../../../runtime/io/zipWriter.js";
import { findOracle } from "../random/oracle.js";

type Told = [dtype: string, shape: number[], values: unknown[]];

interface Golden {
  readonly files: [bytes: string, told: Told][];
  readonly archives: [bytes: string, told: Record<string, Told>][];
  readonly refused: Record<string, string>;
}

const golden = JSON.parse(fs.readFileSync("test/oracle/golden/numpy.json", "utf8")) as Golden;
const bytesOf = (text: string): Buffer => Buffer.from(text, "base64");

function told(t: Tensor): Told {
  const flat = t.reshape(-1).tolist() as unknown[];
  const isInteger = !t.dtype.isFloatingPoint && t.dtype !== torch.bool;
  return [t.dtype.name, t.shape, isInteger ? flat.map(String) : flat];
}

const tellAll = (tensors: ReadonlyMap<string, Tensor>): Record<string, Told> =>
  Object.fromEntries([...tensors].map(([name, t]) => [name, told(t)]));

/** A folder of its own for a test. */
function withFolder(body: (folder: string) => void): void {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "tensorscope-numpy-"));
  try {
    body(folder);
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}

test("NumPy's files: every dtype, byte order, memory order and version", () => {
  for (const [file, expected] of golden.files) assert.deepEqual(told(parseNpy(bytesOf(file))), expected);
});

test("NumPy's archives, stored and deflated", () => {
  for (const [file, expected] of golden.archives)
    assert.deepEqual(tellAll(parseNpz(bytesOf(file))), expected);
});

test("what has no counterpart is refused by name; pickled objects are never loaded", () => {
  const refuse = (name: string, message: RegExp): void => {
    assert.throws(() => parseNpy(bytesOf(golden.refused[name]!)), message);
  };
  refuse("objects", /RuntimeError: this .npy file holds pickled Python objects, which are never loaded/);
  refuse("complex", /NotImplementedError: NumPy dtype '<c8' has no counterpart/);
  refuse("unsigned", /NotImplementedError: NumPy dtype '<u4'/);
  refuse("text", /NotImplementedError: NumPy dtype '<U1'/);
  refuse("structured", /NotImplementedError: structured NumPy arrays/);
});

const samples = (): Record<string, Tensor> => ({
  float64: torch.tensor(
    [
      [1, 2.5],
      [-0, Infinity],
    ],
    { dtype: torch.float64 },
  ),
  float32: torch.arange(6).reshape(1, 2, 3).div(4),
  float16: torch.tensor([1.5, NaN], { dtype: torch.float16 }),
  int64: torch.tensor([2n ** 62n, -1]),
  int32: torch.tensor([1, -2], { dtype: torch.int32 }),
  int16: torch.tensor([1, -2], { dtype: torch.int16 }),
  int8: torch.tensor([1, -2], { dtype: torch.int8 }),
  uint8: torch.tensor([1, 255], { dtype: torch.uint8 }),
  bool: torch.tensor([true, false]),
  scalar: torch.tensor(3),
  empty: torch.zeros(0, 4),
  transposed: torch.arange(6).reshape(2, 3).t(),
});

test("what is written is read back", () => {
  withFolder((folder) => {
    for (const [name, t] of Object.entries(samples())) {
      saveNpy(path.join(folder, name), t);
      assert.deepEqual(told(loadNpy(path.join(folder, name))), told(t), name);
    }
    for (const compressed of [false, true]) {
      const file = path.join(folder, "all.npz");
      saveNpz(file, samples(), { compressed });
      assert.deepEqual(tellAll(loadNpz(file)), tellAll(new Map(Object.entries(samples()))));
    }
    assert.deepEqual(
      fs.readdirSync(folder).filter((name) => name.endsWith(".tmp")),
      [],
    );
  });
  assert.throws(() => formatNpy(torch.ones(1).bfloat16()), /NotImplementedError: NumPy has no bfloat16/);
  const x = torch.ones(2, { requiresGrad: true });
  assert.deepEqual(told(parseNpy(formatNpy(x))), ["float32", [2], [1, 1]]);
});

test("NumPy reads what is written", (t) => {
  const python = findOracle();
  if (python === undefined) {
    assert.ok(!process.env["CI"], "CI has PyTorch 1.13");
    t.skip("no PyTorch 1.13 here");
    return;
  }
  withFolder((folder) => {
    const finite = Object.fromEntries(
      Object.entries(samples()).filter(([name]) => name !== "float16" && name !== "float64"),
    );
    for (const [name, value] of Object.entries(finite)) saveNpy(path.join(folder, `${name}.npy`), value);
    saveNpz(path.join(folder, "stored.npz"), finite);
    saveNpz(path.join(folder, "deflated.npz"), new Map(Object.entries(finite)), { compressed: true });
    const { stdout } = spawnSync(python, ["test/oracle/numpy_files.py", folder], { encoding: "utf8" });
    const seen = JSON.parse(stdout) as Record<string, unknown>;
    const expected = tellAll(new Map(Object.entries(finite)));
    assert.deepEqual(seen["stored.npz"], expected);
    assert.deepEqual(seen["deflated.npz"], expected);
    for (const [name, told] of Object.entries(expected)) assert.deepEqual(seen[`${name}.npy`], told);
  });
});

test("the elements start at a multiple of 64 bytes, as NumPy has it", () => {
  const bytes = formatNpy(torch.zeros(2, 3));
  assert.equal((bytes.length - 24) % 64, 0);
  assert.equal(
    Buffer.from(bytes).toString("latin1", 10, 69),
    "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }",
  );
});

/** A file with a header of one's own. */
function crafted(header: string, body = 0): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16LE(header.length);
  return Buffer.concat([
    Buffer.from("\x93NUMPY\x01\x00", "latin1"),
    length,
    Buffer.from(header),
    Buffer.alloc(body),
  ]);
}

test("damaged and hostile headers are refused with a reason", () => {
  const good = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }";
  assert.deepEqual(parseNpy(crafted(good, 8)).tolist(), [0, 0]);
  const cases: [Uint8Array, RegExp][] = [
    [Buffer.from("hello, world"), /not a .npy file/],
    [crafted(good, 7), /cut off: shape \(2\) of float32 needs 8 bytes, 7 are there/],
    [crafted(good).subarray(0, 20), /ends inside its header/],
    [crafted(good.replace("(2,)", "(4000000000, 4000000000)")), /is too large/],
    [crafted(good.replace("(2,)", "(1000000000,)")), /cut off/],
    [crafted(good.replace("(2,)", "(-1,)")), /shape must be a tuple of sizes/],
    [crafted(good.replace("(2,)", "(2.5,)")), /not a Python literal/],
    [crafted(good.replace("(2,)", "(2)*__import__('os').system('x')")), /not a Python literal/],
    [crafted(good.replace("'<f4'", "'<f9'")), /NotImplementedError/],
    [crafted(good.replace("False", "0")), /fortran_order must be True or False/],
    [crafted(good.replace("'shape'", "'form'")), /must have descr, fortran_order and shape/],
    [crafted("(".repeat(1000)), /not a Python literal/],
    [crafted("{}"), /must have descr/],
    [Buffer.concat([Buffer.from("\x93NUMPY\x09\x00", "latin1"), Buffer.alloc(8)]), /version 9 is not known/],
    [
      Buffer.concat([Buffer.from("\x93NUMPY\x02\x00\xff\xff\xff\x7f", "latin1"), Buffer.alloc(8)]),
      /is too large/,
    ],
  ];
  for (const [bytes, message] of cases) assert.throws(() => parseNpy(bytes), message);
});

test("archives: checksums, sizes and names are checked, and bounds hold before unpacking", () => {
  const archive = Buffer.from(formatNpz({ a: torch.zeros(1000) }, { compressed: true }));
  assert.throws(
    () => parseNpz(archive, { maxBytes: 100 }),
    /ValueError: the archive holds more than the 100 bytes/,
  );
  assert.throws(() => parseNpz(archive.subarray(0, archive.length - 5)), /not a zip archive/);
  const damaged = Buffer.from(archive);
  damaged[60]! ^= 0xff;
  assert.throws(() => parseNpz(damaged), /ValueError: 'a.npy' in the zip archive/);
  assert.throws(
    () => parseNpz(writeZip([["a.txt", Buffer.from("x")]], false)),
    /'a.txt' in the archive is not an array/,
  );
  assert.throws(
    () => parseNpz(writeZip([["a.npy", Buffer.from("x")]], false)),
    /ValueError: a: not a .npy file/,
  );
  const claims = Buffer.from(writeZip([["a", Buffer.alloc(10_000)]], true));
  // The directory says 10 bytes where 10 000 come out.
  claims.writeUInt32LE(10, claims.indexOf("PK\x01\x02", 0, "latin1") + 24);
  assert.throws(() => readZip(claims, 1000), /does not unpack/);
});

test("a file that is too large is not read, and a failed write leaves the old file", () => {
  withFolder((folder) => {
    const file = path.join(folder, "x.npy");
    saveNpy(file, torch.ones(4));
    assert.throws(
      () => loadNpy(file, { maxBytes: 10 }),
      /ValueError: .*x\.npy: the file has \d+ bytes, more than the 10 allowed/,
    );
    assert.throws(() => saveNpy(path.join(folder, "missing", "x.npy"), torch.ones(1)), /ENOENT/);
    fs.mkdirSync(path.join(folder, "taken"));
    fs.writeFileSync(path.join(folder, "taken", "y"), "");
    assert.throws(() => saveNpy(path.join(folder, "taken"), torch.ones(1)));
    assert.deepEqual(fs.readdirSync(folder).sort(), ["taken", "x.npy"]);
  });
});
