import assert from "node:assert/strict";
import { test } from "node:test";
import { torch } from "../../../runtime/index.js";
import { agreesWithPyTorch, given, plain, shaped } from "./oracle.js";

const { int64, int32, uint8, bool, float64, bfloat16 } = torch;
const tied = (i: number): number => ((i * 7919 + 13) % 23) % 5;
const spread = (i: number): number => (((i * 7919 + 13) % 1009) - 504) / 200;

agreesWithPyTorch("distinct elements and slices, where they are and how many", [
  ["unique", [shaped([30], tied)]],
  ["unique", [shaped([5, 6], tied, int64)], { returnInverse: true, returnCounts: true }],
  ["unique", [shaped([6, 2], (i) => i % 4, int64)], { dim: 0, returnInverse: true, returnCounts: true }],
  ["unique", [shaped([2, 3, 4], (i) => i % 3)], { dim: 1, returnCounts: true }],
  ["unique", [given([true, false, true])], { returnCounts: true }],
  ["unique", [given(3)], { returnInverse: true }],
  ["unique", [given(3)], { dim: 0 }],
  ["unique", [shaped([0, 2], tied)], { dim: 0 }],
  ["unique", [shaped([0, 2], tied)], { dim: 1 }],
  ["unique", [given([2n ** 62n + 1n, 2n ** 62n, 2n ** 62n + 1n], int64)], { returnCounts: true }],
  ["unique_consecutive", [given([1, 1, 2, 2, 1], int64)], { returnInverse: true, returnCounts: true }],
  ["unique_consecutive", [given([NaN, NaN, 1])]],
  ["unique_consecutive", [shaped([4, 3], (i) => Math.floor(i / 6))], { dim: 0, returnCounts: true }],
  ["unique_consecutive", [shaped([0, 2], tied)], { returnInverse: true }],
]);

agreesWithPyTorch("counts and histograms put the last edge into the last bin", [
  ["bincount", [given([1, 3, 1, 0], int64)]],
  ["bincount", [given([1, 3, 1, 0], uint8)], { minlength: 7 }],
  ["bincount", [given([1, 3, 1], int64), plain(given([0.5, 2, 1.25]))]],
  ["bincount", [given([1, 3, 1], int64), given([1, 2, 3], int64)]],
  ["bincount", [shaped([0], tied, int64)], { minlength: 2 }],
  ["bincount", [given([1, -1], int64)]],
  ["bincount", [given([1.5])]],
  ["bincount", [given([[1]], int64)]],
  ["histc", [plain(shaped([200], spread))]],
  ["histc", [plain(shaped([200], spread)), 7, -1, 1]],
  ["histc", [plain(given([1, 1, 1])), 4]],
  ["histc", [plain(shaped([400], () => 1, bfloat16)), 4]],
  ["histc", [plain(given([1, 2])), 0]],
  ["histc", [plain(given([1, 2])), 4, 3, 1]],
  ["histc", [plain(given([1, NaN])), 4]],
  ["histogram", [plain(shaped([200], spread)), 7]],
  ["histogram", [plain(shaped([200], spread, float64)), 7], { density: true }],
  [
    "histogram",
    [plain(shaped([200], spread)), 9],
    { range: [-1, 1.5], weight: plain(shaped([200], (i) => i)) },
  ],
  ["histogram", [plain(shaped([200], spread)), plain(given([-2, -1, 0.5, 2]))], { density: true }],
  ["histogram", [plain(shaped([0], spread)), 3]],
  ["histogram", [plain(given([1, 2])), 0]],
  ["histogram", [plain(given([1, 2])), plain(given([1, 2], float64))]],
]);

agreesWithPyTorch("elements by a mask, and elements repeated", [
  ["masked_select", [shaped([3, 4], spread), given([true, false, true, true])]],
  [
    "masked_select",
    [
      shaped([4], spread),
      given([
        [true, false, true, true],
        [false, false, false, true],
      ]),
    ],
  ],
  ["masked_select", [given(3), given(true)]],
  ["masked_select", [given([1, 2]), given([1, 0], int64)]],
  [
    "argwhere",
    [
      given(
        [
          [0, 2],
          [3, 0],
        ],
        int64,
      ),
    ],
  ],
  ["argwhere", [given(3)]],
  ["nonzero", [given([true, false, true], bool)]],
  ["repeat_interleave", [shaped([2, 3], spread), 2]],
  ["repeat_interleave", [shaped([2, 3], spread, float64, [1, 0]), 3, 1]],
  ["repeat_interleave", [shaped([2, 3], spread), given([2, 0, 1], int64), 1]],
  ["repeat_interleave", [shaped([2, 3], spread), given([2], int64), 1]],
  ["repeat_interleave", [shaped([2, 3], spread), given([2, 0, 1], int32), 1], { outputSize: 3 }],
  ["repeat_interleave", [given([2, 0, 1], int64)]],
  ["repeat_interleave", [shaped([2, 3], spread), given([2, 0], int64), 1]],
  ["repeat_interleave", [shaped([2, 3], spread), -1]],
  ["repeat_interleave", [given(3), 2]],
]);

agreesWithPyTorch("choices of elements, and sums to what broadcasts", [
  ["combinations", [shaped([4], spread)]],
  ["combinations", [shaped([4], spread)], { r: 3, withReplacement: true }],
  ["combinations", [given([1, 2], int64), 3]],
  ["combinations", [given([1, 2], int64), 0]],
  ["combinations", [given([[1, 2]], int64)]],
  ["combinations", [given([1, 2], int64), -1]],
  ["Tensor.sum_to_size", [shaped([2, 3, 4], spread), [3, 1]]],
  ["Tensor.sum_to_size", [shaped([2, 3], spread), [2, 3]]],
  ["Tensor.sum_to_size", [given(3, uint8), []]],
  ["Tensor.sum_to_size", [shaped([2, 3], spread), [3, 3]]],
  ["broadcast_shapes", [[3, 1], [2, 1, 4], 4]],
]);

agreesWithPyTorch(
  "binomial numbers, by waiting times and by rejection",
  [
    ["binomial", [plain(shaped([40], (i) => i)), plain(shaped([40], (i) => i / 40))]],
    [
      "binomial",
      [plain(shaped([40], (i) => 50 * i, float64)), plain(shaped([40], (i) => (i % 11) / 10, float64))],
    ],
    ["binomial", [shaped([3], () => 5), shaped([3], () => 0.25)]],
    ["binomial", [plain(shaped([3], () => 5)), plain(shaped([3], () => 0.25, float64))]],
  ],
  { seed: 3 },
);

agreesWithPyTorch("numbers in steps, of every dtype", [
  ["arange", [2, 11, 3]],
  ["arange", [0.5, 7, 0.7]],
  ["arange", [5], { dtype: uint8 }],
  ["arange", [9007199254740993n, 9007199254740996n]],
  ["arange", [1, 5, -1]],
  ["arange", [1, 5, 0]],
  ["arange", [3, 3]],
  ["range", [1, 4, 0.5]],
  ["linspace", [4.3, 1, 50], { dtype: torch.int8 }],
  ["linspace", [1, 100, 70], { dtype: int64 }],
  ["linspace", [-3, 10, 33]],
  ["linspace", [1, 2, 1]],
  ["linspace", [1, 2, 0]],
  ["linspace", [1, 2, -1]],
  ["logspace", [0, 3, 7]],
  ["logspace", [0, 3, 7], { dtype: int32 }],
  ["logspace", [-2, 3, 6, 2], { dtype: float64 }],
  ["logspace", [1, 2, 1]],
  ["tril_indices", [3, 4, -1]],
  ["triu_indices", [4, 3, 1], { dtype: int32 }],
  ["hann_window", [8]],
  ["hamming_window", [7, false]],
  ["blackman_window", [9], { dtype: float64 }],
  ["bartlett_window", [6, false]],
  ["bartlett_window", [7]],
  ["kaiser_window", [10, true, 8.5]],
  ["hann_window", [1]],
  ["hann_window", [-1]],
  ["fill", [shaped([2, 3], spread), 2.5]],
  ["fill", [shaped([2, 3], spread), given(1.5)]],
  ["fill", [given([1, 2], int32), 2.75]],
]);

test("results go into `out`, which is resized and keeps its dtype", () => {
  const out = torch.zeros(1, { dtype: torch.float64 });
  assert.equal(torch.linspace(0, 1, 3, { out }), out);
  assert.deepEqual(out.tolist(), [0, 0.5, 1]);
  const [values, indices] = [torch.empty(0), torch.empty(0, { dtype: torch.int64 })];
  const result = torch.sort(torch.tensor([3, 1, 2.5]), { out: [values, indices] });
  assert.equal(result.values, values);
  assert.deepEqual(values.tolist(), [1, 2.5, 3]);
  assert.deepEqual(indices.tolist(), [1, 2, 0]);
  const x = torch.tensor([1.5, 2.5]);
  assert.throws(() => torch.sort(x, { out: [torch.empty(0, { dtype: torch.float64 }), indices] }), /dtype/);
  const whole = torch.empty(0, { dtype: torch.int64 });
  assert.deepEqual(torch.sum(x, { dim: 0, out: whole }).tolist(), 3);
  assert.throws(() => torch.sum(x, { dim: 0, dtype: torch.float32, out: whole }), /dtype/);
});

test("NaN is in no bin of a histogram", () => {
  const x = torch.tensor([NaN, 1, 2]);
  assert.deepEqual(torch.histc(x, 3, 0, 3).tolist(), [0, 1, 1]);
  assert.deepEqual(torch.histogram(x, 3, { range: [0, 3] }).hist.tolist(), [0, 1, 1]);
});

test("empty tensors have the strides that are asked for", () => {
  assert.deepEqual(torch.emptyStrided([2, 3], [1, 2]).stride(), [1, 2]);
  const x = torch.tensor([1, 2.5], { dtype: torch.float64 }).newEmptyStrided([2, 2], [1, 2]);
  assert.deepEqual(x.shape, [2, 2]);
  assert.equal(x.dtype, torch.float64);
});
