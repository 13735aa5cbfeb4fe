import { torch } from "../../../runtime/index.js";
import { agreesWithPyTorch, given, plain, shaped } from "./oracle.js";

const { int64, uint8, bool, float64 } = torch;
const spread = (i: number): number => (((i * 7919 + 13) % 1009) - 504) / 200;

agreesWithPyTorch("differences of neighbours", [
  ["diff", [shaped([3, 5], spread)]],
  ["diff", [shaped([3, 5], spread), 2, 0]],
  ["diff", [shaped([3, 5], spread), 7]],
  ["diff", [shaped([3, 5], spread), 0], { prepend: shaped([3, 1], spread) }],
  ["diff", [shaped([3, 5], spread)], { prepend: shaped([3, 2], spread), append: shaped([3, 1], spread) }],
  ["diff", [given([true, false, false, true])]],
  ["diff", [given([3, 1, 2], uint8)]],
  ["diff", [shaped([0], spread)]],
  ["diff", [given(3)]],
  ["diff", [given([1, 2]), -1]],
  ["diff", [shaped([3, 5], spread)], { prepend: shaped([3], spread) }],
  ["diff", [shaped([3, 5], spread)], { prepend: shaped([2, 1], spread) }],
]);

agreesWithPyTorch("gradients on even and uneven grids", [
  ["gradient", [shaped([4, 5], spread)]],
  ["gradient", [shaped([4, 5], spread)], { spacing: 0.5, edgeOrder: 2 }],
  ["gradient", [shaped([4, 5], spread)], { spacing: [2, 3], edgeOrder: 2 }],
  ["gradient", [shaped([4, 5], spread)], { dim: 1 }],
  ["gradient", [shaped([4, 5], spread)], { dim: [1, 0], spacing: [1, 0.25] }],
  [
    "gradient",
    [shaped([5, 4], spread, float64)],
    { spacing: [given([0, 1, 3, 4, 8], float64), given([0, 1, 2, 5], float64)] },
  ],
  ["gradient", [shaped([5], spread, float64)], { spacing: [given([0, 1, 3, 4, 8], float64)], edgeOrder: 2 }],
  ["gradient", [shaped([5], (i) => i * i, int64)]],
  ["gradient", [shaped([5], (i) => i, uint8)]],
  ["gradient", [shaped([4, 1], spread)]],
  ["gradient", [shaped([4, 5], spread)], { edgeOrder: 3 }],
  ["gradient", [shaped([4, 5], spread)], { spacing: [1, 2, 3] }],
]);

agreesWithPyTorch("integrals by trapezoids", [
  ["trapezoid", [shaped([3, 5], spread)]],
  ["trapezoid", [shaped([3, 5], spread)], { dx: 0.5, dim: 0 }],
  ["trapezoid", [shaped([3, 5], spread), given([0, 1, 3, 4, 8])]],
  ["trapezoid", [shaped([3, 5], spread), shaped([3, 5], (i) => i * i)], { dim: 0 }],
  ["trapz", [shaped([2, 3, 5], spread), shaped([3, 5], (i) => i * i)]],
  ["trapezoid", [given([1, 2, 4], int64)]],
  ["trapezoid", [shaped([2, 0], spread)]],
  ["trapezoid", [given(3)]],
  ["trapezoid", [given([true, false], bool)]],
  ["trapezoid", [shaped([5], spread), plain(given([0, 1]))]],
  ["cumulative_trapezoid", [shaped([3, 5], spread)]],
  ["cumulative_trapezoid", [given([1, 2, 4], int64)], { dx: 2 }],
  ["cumulative_trapezoid", [shaped([3, 5], spread), given([0, 1, 3, 4, 8])]],
]);
