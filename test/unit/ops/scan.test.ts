import { torch } from "../../../runtime/index.js";
import { agreesWithPyTorch, given, shaped } from "./oracle.js";

const { int64, int8, uint8, bool, float64, bfloat16 } = torch;
const spread = (i: number): number => (((i * 7919 + 13) % 1009) - 504) / 200;
const withNan = [2, NaN, 1, 3, NaN, 5];
const withZeros = [
  [2, 0, 3, 0.5],
  [0, 0, 1, 2],
  [1, 2, 3, 4],
];

agreesWithPyTorch("running sums, on any axis and layout, in the dtype that is asked for", [
  ["cumsum", [shaped([3, 4], spread), 1]],
  ["cumsum", [shaped([3, 4], spread, float64, [1, 0]), -1]],
  ["cumsum", [shaped([1000], (i) => 1 + i * 1e-4), 0]],
  ["cumsum", [given([100, 100], int8), 0]],
  ["cumsum", [given([100, 100], int8), 0], { dtype: int8 }],
  ["cumsum", [given([true, true]), 0]],
  ["cumsum", [given([2n ** 62n, 2n ** 62n], int64), 0]],
  ["cumsum", [shaped([0, 3], spread), 0]],
  ["cumsum", [given(3), 0]],
  ["cumsum", [given([3]), 1]],
]);

agreesWithPyTorch("running products and their gradient, with zeros among the factors", [
  ["cumprod", [given(withZeros), 1]],
  ["cumprod", [given(withZeros, float64), 0]],
  ["cumprod", [shaped([3, 4, 2], spread, float64, [2, 0, 1]), 1]],
  ["cumprod", [given([100, 100, 100], int8), 0], { dtype: int8 }],
  ["cumprod", [given([3n ** 20n, 3n ** 20n, 3n], int64), 0]],
  ["cumprod", [given([1.5, 2.5, 3.25], bfloat16), 0]],
  ["cumprod", [given([true, false]), 0]],
  ["cumprod", [shaped([0, 3], spread), 0]],
  ["cumprod", [shaped([2, 0], spread), 1]],
  ["cumprod", [given(3), -1]],
  ["vander", [given([1.5, 2, 3])]],
  ["vander", [given([1, 2, 3], int8), 2], { increasing: true }],
  ["vander", [given([1, 2, 3]), 0]],
  ["vander", [given([[1]])]],
]);

agreesWithPyTorch("running extremes keep the last of equal elements, and NaN", [
  ["cummax", [given(withNan), 0]],
  ["cummin", [given(withNan), 0]],
  [
    "cummax",
    [
      given([
        [1, 3, 3],
        [2, 3, 1],
      ]),
      1,
    ],
  ],
  [
    "cummin",
    [
      given([
        [1, 3, 3],
        [2, 3, 1],
      ]),
      0,
    ],
  ],
  ["cummax", [given([3, 1, 3], uint8), 0]],
  ["cummin", [given([true, false, false], bool), 0]],
  ["cummax", [shaped([2, 3, 2], spread, float64, [1, 2, 0]), -1]],
  ["cummax", [given(2), 0]],
  ["cummax", [shaped([0], spread), 0]],
  ["cummax", [given([1]), 2]],
]);
