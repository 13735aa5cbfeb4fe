import { torch } from "../../../runtime/index.js";
import { agreesWithPyTorch, given, plain, shaped, type Argument, type Call, type Given } from "./oracle.js";

const wave = (shape: readonly number[], dtype = torch.float64): Given =>
  shaped(shape, (i) => 2 * Math.sin(1 + 1.7 * i), dtype);
/** Places inside and outside, none of them on a border between elements. */
const places = (shape: readonly number[], dtype = torch.float64): Given =>
  shaped(shape, (i) => 1.6 * Math.sin(0.3 + 2.1 * i), dtype);

const paddings = ["zeros", "border", "reflection"];
const sample = (input: Given, grid: Given, options: Readonly<Record<string, Argument>>): Call => [
  "nn.functional.grid_sample",
  [input, grid],
  options,
];

agreesWithPyTorch(
  "sampling in every mode and padding",
  [true, false].flatMap((alignCorners) =>
    paddings.flatMap((paddingMode) => [
      ...["bilinear", "nearest", "bicubic"].map((mode) =>
        sample(wave([2, 3, 5, 4]), places([2, 3, 6, 2]), { mode, paddingMode, alignCorners }),
      ),
      ...["bilinear", "nearest"].map((mode) =>
        sample(wave([1, 2, 3, 5, 4]), places([1, 2, 3, 4, 3]), { mode, paddingMode, alignCorners }),
      ),
      sample(wave([1, 2, 1, 1]), places([1, 2, 2, 2]), { paddingMode, alignCorners }),
    ]),
  ),
);

agreesWithPyTorch(
  "the corners themselves, and single precision",
  [true, false].flatMap((alignCorners) =>
    paddings.flatMap((paddingMode) => [
      sample(
        wave([1, 1, 3, 3]),
        given(
          [
            [
              [
                [-1, -1],
                [1, 1],
                [0, 0],
                [-1, 1],
                [3, -3],
                [0.5, 2],
              ],
            ],
          ],
          torch.float64,
        ),
        { paddingMode, alignCorners },
      ),
      sample(wave([1, 2, 6, 5], torch.float32), places([1, 4, 4, 2], torch.float32), {
        paddingMode,
        alignCorners,
      }),
    ]),
  ),
);

agreesWithPyTorch("grids of affine transforms", [
  ...[true, false].flatMap((alignCorners): Call[] => [
    ["nn.functional.affine_grid", [wave([2, 2, 3]), [2, 3, 4, 5]], { alignCorners }],
    ["nn.functional.affine_grid", [wave([1, 2, 3]), [1, 3, 1, 5]], { alignCorners }],
    ["nn.functional.affine_grid", [wave([2, 3, 4]), [2, 1, 2, 3, 4]], { alignCorners }],
    ["affine_grid_generator", [wave([2, 2, 3]), [2, 3, 4, 5], alignCorners]],
  ]),
  ["grid_sampler", [wave([1, 1, 3, 3]), places([1, 2, 2, 2]), 2, 1, true]],
  ["grid_sampler_2d", [wave([1, 1, 3, 3]), places([1, 2, 2, 2]), 0, 2, false]],
  ["grid_sampler_3d", [wave([1, 1, 3, 3, 2]), places([1, 2, 2, 2, 3]), 0, 0, false]],
]);

agreesWithPyTorch("grids that do not fit", [
  sample(wave([1, 1, 3, 3]), places([1, 2, 2, 2]), { mode: "linear" }),
  sample(wave([1, 1, 3, 3]), places([1, 2, 2, 2]), { paddingMode: "wrap" }),
  sample(wave([1, 1, 3, 3]), places([2, 2, 2, 2]), {}),
  sample(wave([1, 1, 3, 3]), places([1, 2, 2, 3]), {}),
  sample(wave([1, 1, 3, 3]), places([1, 2, 2]), {}),
  sample(wave([1, 1, 3, 0]), places([1, 2, 2, 2]), {}),
  sample(wave([1, 1, 3, 3, 3]), places([1, 2, 2, 2, 3]), { mode: "bicubic" }),
  sample(wave([1, 1, 3, 3]), places([1, 2, 2, 2], torch.float32), {}),
  ["nn.functional.affine_grid", [plain(shaped([2, 2, 3], (i) => i, torch.int64)), [2, 3, 4, 5]]],
  ["nn.functional.affine_grid", [wave([2, 2, 3]), [2, 3, 4]]],
  ["nn.functional.affine_grid", [wave([2, 3, 4]), [2, 3, 4, 5]]],
  ["nn.functional.affine_grid", [wave([2, 2, 3]), [2, 3, 0, 5]]],
]);
