import { torch } from "../../../runtime/index.js";
import { agreesWithPyTorch, given, plain, shaped, type Call } from "./oracle.js";

const { int64, float64, float16 } = torch;
const spread = (i: number): number => (((i * 7919 + 13) % 1009) - 504) / 200;
const zeroRow = given([
  [0, 0, 0],
  [3, -4, 0],
]);

agreesWithPyTorch("norms of every order, with a gradient that is 0 where the norm is", [
  ...[0, 0.5, 1, 1.5, 2, 3, Infinity, -Infinity].flatMap((p): Call[] => [
    ["norm", [shaped([3, 4], spread), p]],
    ["norm", [shaped([3, 4], spread, float64, [1, 0]), p, 0, true]],
    ["norm", [shaped([2, 3, 4], spread), p, [0, 2]]],
    ["norm", [given(-2.5), p]],
    ["dist", [shaped([3, 4], spread), shaped([4], (i) => i), p]],
  ]),
  ["norm", [zeroRow, 2, 1]],
  ["norm", [zeroRow, 3, 1]],
  ["norm", [zeroRow, 1, 1]],
  ["norm", [given([NaN, 1])]],
  ["norm", [shaped([3, 4], spread)]],
  ["norm", [shaped([3, 4], spread), "fro", [0, 1]]],
  ["norm", [shaped([3, 4], spread), "fro"], { dim: 1 }],
  ["norm", [shaped([3, 4], spread), 2], { dtype: float64 }],
  ["norm", [shaped([3, 4], spread), "fro"], { dtype: float64 }],
  ["norm", [shaped([3, 4], spread), "abc"]],
  ["norm", [given([1, 2], int64)]],
  ["norm", [shaped([2, 0], spread), 2]],
  ["norm", [shaped([2, 0], spread), Infinity]],
  ["norm", [shaped([2, 3, 4], spread), "fro", [0, 1, 2]]],
  ["norm", [given([1, 2, 3], float16), 2, 0]],
  ["frobenius_norm", [shaped([3, 4], spread), [0, 1], true]],
]);

agreesWithPyTorch("renorm scales down what is too long, and only that", [
  ["renorm", [shaped([3, 4], spread), 2, 0, 2]],
  ["renorm", [shaped([3, 4, 2], spread, float64), 1, 1, 5]],
  ["renorm", [plain(shaped([3, 4], spread, float16)), 2, 0, 2]],
  ["renorm", [shaped([3], spread), 2, 0, 2]],
  ["renorm", [shaped([3, 4], spread), 0, 0, 2]],
  ["renorm", [shaped([3, 4], spread), 2, 0, -1]],
]);

agreesWithPyTorch("covariances and correlations", [
  ["cov", [shaped([3, 6], spread)]],
  ["cov", [shaped([6], spread)], { correction: 0 }],
  ["cov", [shaped([3, 6], spread)], { fweights: given([1, 2, 0, 3, 1, 1], int64) }],
  ["cov", [shaped([3, 6], spread)], { aweights: given([1, 2, 0.5, 3, 1, 1]), correction: 2 }],
  [
    "cov",
    [shaped([3, 6], spread)],
    { fweights: given([1, 2, 0, 3, 1, 1], int64), aweights: given([1, 2, 0.5, 3, 1, 1]) },
  ],
  [
    "cov",
    [
      given(
        [
          [1, 2],
          [3, 5],
        ],
        int64,
      ),
    ],
  ],
  ["cov", [shaped([2, 0], spread)]],
  ["cov", [given([true, false])]],
  ["cov", [shaped([2, 2, 2], spread)]],
  ["cov", [shaped([2, 3], spread)], { fweights: given([1, -1, 2], int64) }],
  ["cov", [shaped([2, 3], spread)], { aweights: plain(given([0, 0, 0])), fweights: given([1, 2, 3], int64) }],
  ["corrcoef", [shaped([3, 6], spread)]],
  ["corrcoef", [shaped([6], spread)]],
  ["corrcoef", [shaped([1, 2, 3], spread)]],
]);

const sample = shaped([4, 7], spread);
const shares = plain(given([0, 0.1, 0.5, 0.77, 1]));
agreesWithPyTorch("quantiles by every interpolation", [
  ...["linear", "lower", "higher", "midpoint", "nearest"].flatMap((interpolation): Call[] => [
    ["quantile", [sample, shares], { interpolation }],
    ["quantile", [sample, shares, 0, true], { interpolation }],
    [
      "nanquantile",
      [
        given([
          [NaN, 1, 2, 4],
          [NaN, NaN, NaN, NaN],
        ]),
        shares,
        1,
      ],
      { interpolation },
    ],
  ]),
  ["quantile", [sample, 0.3, 1]],
  ["quantile", [sample, 0.3], { keepdim: true }],
  ["quantile", [sample, given([0.2, 0.6])]],
  [
    "quantile",
    [
      given([
        [NaN, 1, 2],
        [4, 5, 6],
      ]),
      0.5,
      1,
    ],
  ],
  ["quantile", [given(3), 0.5, 0]],
  ["quantile", [sample, 1.5]],
  ["quantile", [sample, plain(given([0.5, 2]))]],
  ["quantile", [given([1, 2], int64), 0.5]],
  ["quantile", [sample, plain(given([0.5], float64))]],
  ["quantile", [shaped([0], spread), 0.5]],
  ["quantile", [sample, 0.5], { interpolation: "best" }],
]);
