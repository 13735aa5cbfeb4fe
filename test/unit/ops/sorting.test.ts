import { torch } from "../../../runtime/index.js";
import { agreesWithPyTorch, given, plain, shaped, type Call } from "./oracle.js";

/** Numbers with many ties, from a congruence. */
const tied = (i: number): number => ((i * 7919 + 13) % 23) % 5;
const spread = (i: number): number => ((i * 7919 + 13) % 1009) / 7;
const withNan = [2, NaN, -Infinity, 2, Infinity, NaN, -0, 0, 1];

const { int64, uint8, bool, float16, bfloat16, float64 } = torch;

agreesWithPyTorch("sort puts NaN last, keeps ties where it is stable, and takes any axis and layout", [
  ["sort", [given(withNan)]],
  ["sort", [given(withNan)], { descending: true }],
  ["sort", [given(withNan)], { stable: true, descending: true }],
  ["sort", [given(withNan)], { stable: true }],
  ["sort", [shaped([300], tied)]],
  ["sort", [shaped([300], tied)], { stable: true, descending: true }],
  ["sort", [shaped([4, 5, 6], tied)], { dim: 1 }],
  ["sort", [shaped([4, 5, 6], tied, float64, [2, 0, 1])], { dim: -2, descending: true }],
  ["sort", [given([2n ** 62n, 2n ** 62n + 1n, -(2n ** 63n), 2n ** 63n - 1n], int64)], { descending: true }],
  ["sort", [given([2n ** 62n + 1n, 2n ** 62n, -(2n ** 63n), 2n ** 62n], int64)], { stable: true }],
  ["sort", [shaped([40], tied, bool)]],
  ["sort", [shaped([3, 40], tied, uint8)], { descending: true }],
  ["sort", [shaped([40], spread, float16)]],
  ["sort", [given(3.5)]],
  ["sort", [shaped([0], spread)]],
  ["sort", [shaped([2, 0, 3], spread)], { dim: 1 }],
  ["sort", [given([1, 2])], { dim: 1 }],
  ["argsort", [shaped([5, 9], tied)], { dim: 0, stable: true }],
  ["argsort", [shaped([5, 9], tied)], { dim: 0 }],
  ["msort", [shaped([5, 9], tied, float64)]],
]);

const sizes = [1, 2, 3, 5, 17, 64, 130, 200];
agreesWithPyTorch("topk picks the same one of equal elements, whatever the way to it", [
  ...sizes.flatMap((k): Call[] => [
    ["topk", [shaped([2, 200], tied), k]],
    ["topk", [shaped([2, 200], tied), k], { largest: false }],
    ["topk", [shaped([200, 3], tied, int64), k, 0]],
  ]),
  ["topk", [given(withNan), 4]],
  ["topk", [given(withNan), 4], { largest: false }],
  ["topk", [shaped([3, 4], spread, bfloat16, [1, 0]), 2, 0, true, false]],
  ["topk", [given(3), 1]],
  ["topk", [given([3, 4]), 0]],
  ["topk", [given([3, 4]), 3]],
  ["topk", [given([3, 4]), -1]],
  ["topk", [given([true, false]), 1]],
]);

agreesWithPyTorch("the k-th value, median and mode, with the index that PyTorch gives among ties", [
  ...sizes.map((k): Call => ["kthvalue", [shaped([3, 200], tied), k]]),
  ["kthvalue", [given(withNan), 8]],
  ["kthvalue", [shaped([4, 5], tied, float64, [1, 0]), 3, 0, true]],
  ["kthvalue", [given([1, 2]), 0]],
  ["kthvalue", [given([1, 2]), 3]],
  ["kthvalue", [shaped([0, 3], spread), 1, 0]],
  ["kthvalue", [shaped([0, 3], spread), 1, 1]],
  ["median", [given(withNan)]],
  ["median", [given(withNan), 0]],
  ["nanmedian", [given(withNan)]],
  ["nanmedian", [given(withNan), 0, true]],
  ["nanmedian", [given([NaN, NaN]), 0]],
  ["nanmedian", [given([NaN, NaN])]],
  ["median", [shaped([4, 100], tied)]],
  ["median", [shaped([4, 100], tied), 1]],
  ["median", [shaped([4, 101], tied, int64), 0]],
  ["median", [shaped([4, 3, 5], tied, float64, [1, 2, 0]), -2, true]],
  ["median", [shaped([0], spread)]],
  ["median", [shaped([0, 3], spread), 0]],
  ["median", [shaped([0, 3], spread), 1]],
  ["median", [given([true, false])]],
  ["mode", [shaped([4, 100], tied)]],
  ["mode", [shaped([4, 100], tied), 0, true]],
  ["mode", [shaped([4, 100], tied, uint8)]],
  ["mode", [given(2)]],
  ["mode", [shaped([0, 3], spread), 0]],
]);

const edges = plain(given([1, 3, 3, 5]));
agreesWithPyTorch("searches on the left and on the right of equal elements", [
  ["searchsorted", [edges, plain(given([0, 1, 2, 3, 4, 5, 6, NaN]))]],
  ["searchsorted", [edges, plain(given([0, 1, 2, 3, 4, 5, 6, NaN]))], { right: true }],
  ["searchsorted", [edges, 3], { side: "right", outInt32: true }],
  ["searchsorted", [given([1, 3, 5], int64), 3.5]],
  ["searchsorted", [given([1, 3, 5], uint8), given([3.5], float64)]],
  ["searchsorted", [given([5, 1, 3], int64), 3], { sorter: given([1, 2, 0], int64) }],
  ["searchsorted", [shaped([2, 3], (i) => i), shaped([2, 2], (i) => i + 1)]],
  ["searchsorted", [given([2n ** 62n, 2n ** 62n + 1n], int64), given([2n ** 62n + 1n], int64)]],
  ["searchsorted", [shaped([0, 3], tied), shaped([0, 2], tied)]],
  ["searchsorted", [shaped([2, 3], (i) => i), shaped([3, 2], (i) => i)]],
  ["searchsorted", [shaped([2, 3], (i) => i), 1]],
  ["searchsorted", [edges, 1], { side: "middle" }],
  ["searchsorted", [edges, 1], { side: "left", right: true }],
  ["searchsorted", [edges, 1], { sorter: given([0, 1], int64) }],
  ["searchsorted", [given([false, true]), given([true])]],
  ["bucketize", [shaped([3, 4], spread), edges], { right: true }],
  ["bucketize", [4, edges]],
  ["bucketize", [given([4]), given([[1, 2]])]],
]);
