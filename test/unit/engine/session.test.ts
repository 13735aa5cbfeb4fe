import assert from "node:assert/strict";
import { test } from "node:test";
import { createSession, KNOWN_VERSION, ortTensor, sessionEntry } from "../../../runtime/engine/session.js";
import { encodeModel } from "../../../runtime/graph/onnx/proto.js";
import { float32 } from "../../../runtime/tensor/dtype.js";
import { createRequire } from "node:module";

const model = encodeModel({
  inputs: [{ name: "x", dtype: float32.onnx, shape: ["n"] }],
  outputs: [
    { name: "y", dtype: float32.onnx },
    { name: "z", dtype: float32.onnx },
  ],
  initializers: [],
  nodes: [
    { op: "Exp", inputs: ["x"], outputs: ["y"] },
    { op: "ReduceSum", inputs: ["y"], outputs: ["z"], attrs: { keepdims: 0 } },
  ],
});

test("the native session is that of the installed version", () => {
  const require = createRequire(import.meta.url);
  const { version } = require("onnxruntime-node/package.json") as { version: string };
  // A new version: read its dist/binding.js again before this constant follows.
  assert.equal(version, KNOWN_VERSION);
  assert.equal(sessionEntry, "native");
});

test("both entries give the same results and refuse the same feeds", async () => {
  const x = Float32Array.of(0, 1, -1);
  const results = [];
  for (const entry of ["native", "public"] as const) {
    const session = await createSession(model, "full", { device: "cpu" }, entry);
    const out = await session.run({ x: ortTensor("float32", x, [3]) });
    results.push(Object.entries(out).map(([name, t]) => [name, t.type, [...t.dims], t.data]));
    await assert.rejects(
      async () => session.run({ x: ortTensor("int32", Int32Array.of(1), [1]) }),
      /data type/i,
    );
    await assert.rejects(async () => session.run({}), /'x' is missing/);
    await session.release();
  }
  assert.deepEqual(results[0], results[1]);
});

test("results are written into given memory without a copy", async () => {
  const session = await createSession(model, "full", { device: "cpu" }, "native");
  const y = new Float32Array(3);
  const z = new Float32Array(1);
  const room = { y: ortTensor("float32", y, [3]), z: ortTensor("float32", z, []) };
  session.fill!({ x: ortTensor("float32", Float32Array.of(0, 0, 0), [3]) }, room);
  assert.deepEqual(y, Float32Array.of(1, 1, 1));
  assert.deepEqual(z, Float32Array.of(3));
  assert.throws(() => session.fill!({ x: room.y }, { y: room.y }), /no room for output 'z'/);
  assert.throws(() => session.fill!({ x: ortTensor("int32", Int32Array.of(1), [1]) }, room), /data type/i);
  await session.release();
});
