import assert from "node:assert/strict";
import { test } from "node:test";
import * as ort from "onnxruntime-node";
import { encodeModel, type OnnxModel, type OnnxNode } from "../../../runtime/graph/onnx/proto.js";
import { float32, int64, type HostArray } from "../../../runtime/tensor/dtype.js";

const options: ort.InferenceSession.SessionOptions = { logSeverityLevel: 4 };

/** Runs a model on one float32 vector `x`; gives its first output. */
async function evaluate(model: Partial<OnnxModel> & { nodes: readonly OnnxNode[] }, x: Float32Array) {
  const encoded = encodeModel({
    inputs: [{ name: "x", dtype: float32.onnx, shape: ["n"] }],
    outputs: [{ name: "y", dtype: float32.onnx }],
    initializers: [],
    ...model,
  });
  const session = await ort.InferenceSession.create(encoded, options);
  const results = await session.run({ x: new ort.Tensor(x, [x.length]) });
  await session.release();
  const y = results[session.outputNames[0]!]!;
  return { data: y.data as HostArray, dims: y.dims };
}

test("FLOAT and INT attributes", async () => {
  const nodes = [
    { op: "LeakyRelu", inputs: ["x"], outputs: ["a"], attrs: { alpha: { f: 0.25 } } },
    { op: "Softmax", inputs: ["a"], outputs: ["s"], attrs: { axis: -1 } },
    { op: "Mul", inputs: ["a", "s"], outputs: ["y"], attrs: { absent: undefined } },
  ];
  // leaky([-4, -4]) = [-1, -1]; the softmax over the last axis is 1/2.
  const y = await evaluate({ nodes }, Float32Array.of(-4, -4));
  assert.deepEqual(y.data, Float32Array.of(-0.5, -0.5));
});

test("INTS, STRING and tensor attributes, initializers, an input left out", async () => {
  const shape = { name: "shape", dtype: int64.onnx, dims: [2], data: BigInt64Array.of(2n, -1n) };
  const low = { dtype: float32.onnx, dims: [], data: Float32Array.of(0) };
  const nodes: OnnxNode[] = [
    { op: "Reshape", inputs: ["x", "shape"], outputs: ["m"] },
    { op: "Transpose", inputs: ["m"], outputs: ["t"], attrs: { perm: [1, 0] } },
    { op: "Einsum", inputs: ["t", "m"], outputs: ["e"], attrs: { equation: "ij,jk->ik" } },
    { op: "Constant", inputs: [], outputs: ["zero"], attrs: { value: { t: low } } },
    { op: "Constant", inputs: [], outputs: ["ones"], attrs: { value_floats: { fs: [1.5, 2.5] } } },
    { op: "Add", inputs: ["e", "ones"], outputs: ["added"] },
    { op: "Clip", inputs: ["added", "", "zero"], outputs: ["y"] },
  ];
  const y = await evaluate({ nodes, initializers: [shape] }, Float32Array.of(1, -2, 1, -3));
  // m = [[1, -2], [1, -3]], mᵀm = [[2, -5], [-5, 13]]; then + [1.5, 2.5] and at most 0.
  assert.deepEqual(y, { data: Float32Array.of(0, -2.5, -3.5, 0), dims: [2, 2] });
});

test("the domain com.microsoft", async () => {
  const nodes = [
    { op: "QuickGelu", domain: "com.microsoft", inputs: ["x"], outputs: ["y"], attrs: { alpha: { f: 0 } } },
  ];
  // x · σ(0 · x)
  assert.deepEqual((await evaluate({ nodes }, Float32Array.of(3))).data, Float32Array.of(1.5));
});

test("integers of 64 bits, and only integers", async () => {
  for (const value of [
    0,
    127,
    128,
    -1,
    -128,
    2 ** 31,
    -(2 ** 31),
    -(2 ** 40),
    2 ** 53 - 1,
    -(2n ** 63n),
    2n ** 63n - 1n,
  ]) {
    const nodes = [{ op: "Constant", inputs: [], outputs: ["y"], attrs: { value_int: value } }];
    const outputs = [{ name: "y", dtype: int64.onnx }];
    const y = await evaluate({ nodes, outputs }, Float32Array.of(0));
    assert.deepEqual(y.data, BigInt64Array.of(BigInt(value)));
  }
  for (const value of [1.5, NaN, [1, 2.5]]) {
    const nodes = [{ op: "Constant", inputs: [], outputs: ["y"], attrs: { value } }];
    assert.throws(
      () => encodeModel({ inputs: [], outputs: [], initializers: [], nodes }),
      /attribute value: .* is no integer/,
    );
  }
});

test("names of any length and alphabet", async () => {
  for (const name of ["n".repeat(127), "n".repeat(128), "n".repeat(20_000), "größe/重み"]) {
    const nodes = [
      { op: "Neg", inputs: ["x"], outputs: [name] },
      { op: "Neg", inputs: [name], outputs: ["y"] },
    ];
    assert.deepEqual((await evaluate({ nodes }, Float32Array.of(3))).data, Float32Array.of(3));
  }
});

test("a thousand nodes", async () => {
  const nodes = Array.from({ length: 1000 }, (_, i) => ({
    op: "Add",
    inputs: [i === 0 ? "x" : `v${i}`, "x"],
    outputs: [i === 999 ? "y" : `v${i + 1}`],
  }));
  assert.deepEqual((await evaluate({ nodes }, Float32Array.of(1, 2))).data, Float32Array.of(1001, 2002));
});
