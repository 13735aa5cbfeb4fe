import assert from "node:assert/strict";
import { test } from "node:test";
import { torch, type Tensor } from "../../../runtime/index.js";

const told = (t: Tensor): unknown => [t.tolist(), t.dtype.name];

test("numbers in nested arrays meet in one dtype", () => {
  assert.deepEqual(
    told(
      torch.tensor([
        [1, 2],
        [3, 4],
      ]),
    ),
    [
      [
        [1, 2],
        [3, 4],
      ],
      "int64",
    ],
  );
  assert.deepEqual(told(torch.tensor([1, 2.5])), [[1, 2.5], "float32"]);
  assert.deepEqual(told(torch.tensor([true, false])), [[true, false], "bool"]);
  assert.deepEqual(told(torch.tensor([true, 2])), [[1, 2], "int64"]);
  assert.deepEqual(told(torch.tensor([torch.tensor(1.5, { dtype: torch.float64 }), 2])), [
    [1.5, 2],
    "float64",
  ]);
  assert.deepEqual(told(torch.tensor([])), [[], "float32"]);
  assert.deepEqual(told(torch.tensor(2n ** 62n)), [2n ** 62n, "int64"]);
  assert.deepEqual(told(torch.tensor([1, 2], { requiresGrad: true })), [[1, 2], "float32"]);
});

test("rows that do not fit are refused", () => {
  assert.throws(
    () => torch.tensor([[1, 2], [3]]),
    /ValueError: expected sequence of length 2 at dim 1 \(got 1\)/,
  );
  assert.throws(() => torch.tensor([1, [2]]), /ValueError: too many dimensions/);
  assert.throws(
    () => torch.tensor([[1], 2]),
    /expected sequence of length 1 at dim 1 \(got not a sequence\)/,
  );
  assert.throws(() => torch.tensor(["a"]), /TypeError.*string is not a number/);
});

test("typed arrays are copied, whole and with their dtype", () => {
  const numbers = new Float32Array([1, 2, 3]);
  const t = torch.tensor(numbers);
  numbers[0] = 9;
  assert.deepEqual(told(t), [[1, 2, 3], "float32"]);
  assert.deepEqual(told(torch.tensor(Buffer.from([1, 2, 3]))), [[1, 2, 3], "uint8"]);
  assert.deepEqual(told(torch.tensor(new BigInt64Array([1n, -1n]))), [[1, -1], "int64"]);
  assert.deepEqual(told(torch.tensor([new Int8Array([1, 2]), new Int8Array([3, 4])])), [
    [
      [1, 2],
      [3, 4],
    ],
    "int8",
  ]);
  assert.deepEqual(told(torch.tensor(new Uint16Array([1, 65535]), { dtype: torch.int32 })), [
    [1, 65535],
    "int32",
  ]);
  assert.throws(() => torch.tensor(new Uint16Array(1)), /TypeError: Uint16Array has no dtype of its own/);
});

test("asTensor and asarray give a tensor back; fromNumpy takes arrays with shapes", () => {
  const t = torch.ones(2);
  assert.equal(torch.asTensor(t), t);
  assert.equal(torch.asTensor(t, torch.float64).dtype, torch.float64);
  assert.equal(torch.asarray(t), t);
  assert.notEqual(torch.asarray(t, { copy: true }), t);
  assert.throws(() => torch.asarray([1], { copy: false }), /ValueError/);
  assert.equal(torch.asarray([1.5], { requiresGrad: true }).requiresGrad, true);
  assert.deepEqual(told(torch.fromNumpy(new Int16Array([1, 2]))), [[1, 2], "int16"]);
  const data = new Float64Array([0, 1, 2, 3, 4, 5]);
  assert.deepEqual(told(torch.fromNumpy({ data, shape: [2, 3] })), [
    [
      [0, 1, 2],
      [3, 4, 5],
    ],
    "float64",
  ]);
  assert.deepEqual(told(torch.fromNumpy({ data, shape: [3, 2], stride: [1, 3] })), [
    [
      [0, 3],
      [1, 4],
      [2, 5],
    ],
    "float64",
  ]);
  assert.deepEqual(told(torch.fromNumpy({ data, shape: [2], stride: [-1], offset: 5 })), [[5, 4], "float64"]);
  assert.throws(
    () => torch.fromNumpy({ data, shape: [4, 2] }),
    /an array of 6 elements does not have the shape \[4, 2\]/,
  );
  assert.throws(() => torch.fromNumpy({ data, shape: [4], stride: [2] }), /reaches beyond 6 elements/);
  assert.throws(() => torch.fromNumpy(3), /TypeError: expected a typed array/);
});

test("frombuffer reads bytes, within their bounds", () => {
  const { buffer } = new Float32Array([1, 2, 3, 4]);
  const { float32, float64, bool } = torch;
  assert.deepEqual(told(torch.frombuffer(buffer, { dtype: float32, count: 2, offset: 4 })), [
    [2, 3],
    "float32",
  ]);
  assert.deepEqual(told(torch.frombuffer(new Uint8Array([0, 2]), { dtype: bool })), [[false, true], "bool"]);
  assert.throws(
    () => torch.frombuffer(buffer, { dtype: float64, count: 3 }),
    /ValueError: requested buffer length \(3 \* 8 bytes\)/,
  );
  assert.throws(
    () => torch.frombuffer(buffer, { dtype: float64, offset: 4 }),
    /must be a multiple of element size \(8\)/,
  );
  assert.throws(() => torch.frombuffer(buffer, { dtype: float32, offset: 16 }), /offset \(16 bytes\)/);
  assert.throws(() => torch.frombuffer(new ArrayBuffer(0), { dtype: float32 }), /must not be 0/);
});

test("a tensor's rows, and Python's operators under their names", () => {
  const t = torch.tensor([
    [1, 2],
    [3, 4],
  ]);
  assert.deepEqual(
    [...t].map((row) => row.tolist()),
    [
      [1, 2],
      [3, 4],
    ],
  );
  assert.throws(() => [...torch.tensor(1)], /TypeError: iteration over a 0-d tensor/);
  const python = t as unknown as Record<string, (...args: unknown[]) => unknown>;
  assert.deepEqual((python["__add__"]!(1) as Tensor).tolist(), [
    [2, 3],
    [4, 5],
  ]);
  assert.deepEqual((python["__getitem__"]!([0, 1]) as Tensor).tolist(), 2);
  assert.equal(python["__len__"]!(), 2);
  assert.equal(python["__contains__"]!(3), true);
  python["__imul__"]!(2);
  assert.deepEqual(t.tolist(), [
    [2, 4],
    [6, 8],
  ]);
});

test("questions", () => {
  const t = torch.ones(2, 3);
  assert.deepEqual(
    [torch.isTensor(t), torch.isTensor(3), torch.isStorage(t.untypedStorage())],
    [true, false, true],
  );
  assert.deepEqual(
    [t.isFloatingPoint(), torch.isFloatingPoint(t.long()), t.isSigned(), t.byte().isSigned()],
    [true, false, true, false],
  );
  assert.deepEqual(
    [t.size(), t.size(-1), torch.numel(t), t.nelement(), t.ndimension(), t.elementSize()],
    [[2, 3], 3, 6, 6, 2, 4],
  );
  assert.deepEqual(
    [t.type(), t.type("torch.DoubleTensor").dtype, torch.typename(t), t.getDevice()],
    ["torch.FloatTensor", torch.float64, "torch.FloatTensor", -1],
  );
  assert.equal(torch.tensor(2).isNonzero(), true);
  assert.throws(() => t.isNonzero(), /Boolean value of Tensor with more than one value is ambiguous/);
  assert.throws(() => t.size(2), /IndexError/);
  assert.throws(() => t.type("torch.QuadTensor"), /ValueError: invalid type: 'torch.QuadTensor'/);
  assert.deepEqual(
    [
      torch.canCast(torch.float32, torch.int32),
      torch.canCast(torch.int64, torch.float16),
      torch.canCast(torch.uint8, torch.bool),
    ],
    [false, true, false],
  );
  assert.equal(torch.resultType(torch.tensor([1]), 1.5), torch.float32);
  assert.deepEqual([t.isCuda, String(t.layout), t.names], [false, "torch.strided", [null, null]]);
});

test("limits of dtypes", () => {
  const half = torch.finfo(torch.float16);
  assert.deepEqual(
    [half.bits, half.eps, half.max, half.min, half.tiny, half.resolution],
    [16, 0.0009765625, 65504, -65504, 6.103515625e-5, 1e-3],
  );
  assert.equal(torch.finfo().max, 3.4028234663852886e38);
  assert.equal(torch.finfo(torch.float64).max, Number.MAX_VALUE);
  assert.deepEqual(
    [torch.iinfo(torch.int64).max, torch.iinfo(torch.uint8).max, torch.iinfo(torch.int8).min],
    [2n ** 63n - 1n, 255, -128],
  );
  assert.throws(
    () => torch.finfo(torch.int32),
    /TypeError: torch.finfo\(\) requires a floating point input type/,
  );
  assert.throws(
    () => torch.iinfo(torch.float32),
    /TypeError: torch.iinfo\(\) requires an integer input type/,
  );
});

test("settings", () => {
  torch.useDeterministicAlgorithms(true, { warnOnly: true });
  assert.deepEqual([torch.areDeterministicAlgorithmsEnabled(), torch.getDeterministicDebugMode()], [true, 1]);
  torch.setDeterministicDebugMode("default");
  assert.equal(torch.areDeterministicAlgorithmsEnabled(), false);
  assert.throws(() => torch.setFloat32MatmulPrecision("low"), /low is not one of highest, high, medium/);
  torch.setDefaultTensorType("torch.DoubleTensor");
  assert.equal(torch.ones(1).dtype, torch.float64);
  torch.setDefaultTensorType(torch.float32);
  assert.throws(() => torch.setDefaultTensorType(torch.int64), /TypeError: only floating-point types/);
});
