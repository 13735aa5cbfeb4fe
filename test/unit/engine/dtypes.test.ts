import assert from "node:assert/strict";
import { after, test } from "node:test";
import { engine } from "../../../runtime/engine/client.js";
import { allocate, dtypes, type DTypeName, type HostArray } from "../../../runtime/tensor/dtype.js";
import {
  decodeBfloat16,
  decodeFloat16,
  encodeBfloat16,
  encodeFloat16,
} from "../../../runtime/tensor/half.js";
import { copied, load, loadNode, onnx, result, slot } from "./support.js";

after(() => engine.close());

/** A program of one Cast. */
function cast(from: DTypeName, to: DTypeName, shape: readonly (number | null)[] = [null]): number {
  const slots = [slot(from, shape), slot(to, shape)];
  const node = { op: "Cast", inputs: ["v0"], outputs: ["v1"], attrs: { to: dtypes[to].onnx } };
  return load({ slots, inputs: [0], outputs: [1], segments: [onnx(slots, [0], [1], [node])] });
}

const samples: Readonly<Record<DTypeName, HostArray>> = {
  float64: Float64Array.of(1 / 3, -0, Infinity),
  float32: Float32Array.of(1 / 3, -0, NaN),
  float16: encodeFloat16(Float32Array.of(1 / 3, -0, 65504)),
  bfloat16: encodeBfloat16(Float32Array.of(1 / 3, -0, 3e38)),
  int64: BigInt64Array.of(-(2n ** 63n), 2n ** 53n + 1n, -1n),
  int32: Int32Array.of(-(2 ** 31), 7, -1),
  int16: Int16Array.of(-32768, 7, -1),
  int8: Int8Array.of(-128, 7, -1),
  uint8: Uint8Array.of(0, 7, 255),
  bool: Uint8Array.of(0, 1, 1),
};

for (const name of Object.keys(samples) as DTypeName[]) {
  test(`${name} passes a graph unchanged: vector, scalar, empty`, () => {
    const identity = (shape: readonly number[]): number => loadNode("Identity", 1, name, shape);
    assert.deepEqual(result(identity([3]), copied(samples[name])), samples[name]);
    assert.deepEqual(
      result(identity([]), copied(samples[name].slice(0, 1) as HostArray, [])),
      samples[name].slice(0, 1),
    );
    assert.deepEqual(result(identity([2, 0]), copied(allocate(name, 0), [2, 0])), allocate(name, 0));
  });
}

test("bfloat16 is computed in float32 and rounded once, to nearest even", () => {
  const add = loadNode("Add", 2, "bfloat16", [3]);
  // 1 + 2^-8 lies half-way between 1 and 1 + 2^-7; 1 + 2^-7 + 2^-8 half-way above an odd mantissa.
  const x = encodeBfloat16(Float32Array.of(1, 1 + 2 ** -7, 1));
  const y = encodeBfloat16(Float32Array.of(2 ** -8, 2 ** -8, 2 ** -7));
  assert.deepEqual(
    result(add, copied(x), copied(y)),
    encodeBfloat16(Float32Array.of(1, 1 + 2 ** -6, 1 + 2 ** -7)),
  );
});

/** Bit patterns all over float32, many of them half-way between two neighbours of a half type. */
function patterns(count: number): Float32Array<ArrayBuffer> {
  const bits = new Uint32Array(count);
  let state = 12345;
  for (let i = 0; i < count; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    bits[i] = [state, (state & 0xffff0000) | 0x8000, (state & 0xffffe000) | 0x1000][i % 3]!;
  }
  return new Float32Array(bits.buffer);
}

test("ONNX Runtime's Cast to float16 rounds as our own conversion does", () => {
  const x = patterns(1 << 16);
  const got = result(cast("float32", "float16"), copied(x)) as Uint16Array;
  // NaNs may differ in their payload.
  assert.deepEqual(decodeFloat16(got), decodeFloat16(encodeFloat16(x)));
});

test("ONNX Runtime's Cast to bfloat16 rounds to nearest even", () => {
  const slots = [slot("float32", [null]), slot("float32", [null])];
  const nodes = [
    { op: "Cast", inputs: ["v0"], outputs: ["b"], attrs: { to: dtypes.bfloat16.onnx } },
    { op: "Cast", inputs: ["b"], outputs: ["v1"], attrs: { to: dtypes.float32.onnx } },
  ];
  const program = load({ slots, inputs: [0], outputs: [1], segments: [onnx(slots, [0], [1], nodes)] });
  const x = patterns(1 << 16);
  // As numbers: NaNs may differ in their payload.
  assert.deepEqual(
    Array.from(result(program, copied(x)), Number),
    Array.from(decodeBfloat16(encodeBfloat16(x))),
  );
});

test("integer casts wrap, float to int8 too while the value fits int32", () => {
  assert.deepEqual(
    result(cast("int64", "int8"), copied(BigInt64Array.of(128n, 256n, -129n, 2n ** 40n + 5n))),
    Int8Array.of(-128, 0, 127, 5),
  );
  assert.deepEqual(
    result(cast("float32", "int8"), copied(Float32Array.of(1.9, -1.9, 200, -129, 1e6))),
    Int8Array.of(1, -1, -56, 127, 64),
  );
});
