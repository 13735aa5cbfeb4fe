import { torch } from "../../../runtime/index.js";
import { agreesWithPyTorch, plain, shaped, type Argument, type Call } from "./oracle.js";

const wave = (shape: readonly number[], dtype = torch.float64): Argument =>
  shaped(shape, (i) => 2 * Math.sin(1 + 1.7 * i), dtype);

const resize = (shape: readonly number[], options: Readonly<Record<string, Argument>>): Call => [
  "nn.functional.interpolate",
  [wave(shape)],
  options,
];

const modesOf: readonly (readonly [
  shape: readonly number[],
  modes: readonly string[],
  sizes: readonly (readonly number[])[],
])[] = [
  [
    [2, 3, 7],
    ["nearest", "nearest-exact", "area", "linear"],
    [[3], [7], [16], [1]],
  ],
  [
    [1, 2, 5, 4],
    ["nearest", "nearest-exact", "area", "bilinear", "bicubic"],
    [
      [3, 9],
      [8, 2],
      [1, 1],
      [5, 11],
    ],
  ],
  [
    [1, 1, 3, 4, 2],
    ["nearest", "nearest-exact", "area", "trilinear"],
    [
      [4, 2, 5],
      [1, 7, 1],
    ],
  ],
];

agreesWithPyTorch(
  "every mode to larger and smaller sizes, twice differentiable",
  modesOf.flatMap(([shape, modes, sizes]) =>
    modes.flatMap((mode) => sizes.map((size) => resize(shape, { mode, size }))),
  ),
  { twice: true },
);

agreesWithPyTorch("corners aligned", [
  ...[
    [3, 9],
    [8, 2],
    [1, 1],
  ].flatMap((size) =>
    ["bilinear", "bicubic"].map((mode) => resize([1, 2, 5, 4], { mode, size, alignCorners: true })),
  ),
  resize([2, 3, 7], { mode: "linear", size: 13, alignCorners: true }),
  resize([1, 1, 3, 4, 2], { mode: "trilinear", size: [4, 2, 5], alignCorners: true }),
]);

agreesWithPyTorch("antialiasing widens the filter when shrinking", [
  ...[
    [2, 3],
    [9, 9],
    [5, 2],
    [3, 17],
  ].flatMap((size) =>
    ["bilinear", "bicubic"].flatMap((mode) => [
      resize([1, 2, 7, 8], { mode, size, antialias: true }),
      resize([1, 2, 7, 8], { mode, size, antialias: true, alignCorners: true }),
    ]),
  ),
]);

agreesWithPyTorch("factors place the samples, unless they are recomputed from the sizes", [
  ...[0.6, 1.3, 2, 2.5].flatMap((scaleFactor) => [
    ...["nearest", "nearest-exact", "area", "linear"].map((mode) => resize([1, 2, 7], { mode, scaleFactor })),
    ...["nearest", "linear"].map((mode) =>
      resize([1, 2, 7], { mode, scaleFactor, recomputeScaleFactor: true }),
    ),
    ...["bilinear", "bicubic"].map((mode) => resize([1, 2, 5, 7], { mode, scaleFactor })),
  ]),
  resize([1, 2, 5, 7], { mode: "bilinear", scaleFactor: [0.7, 2.2] }),
  resize([1, 2, 5, 7], { mode: "bilinear", scaleFactor: [0.7, 2.2], antialias: true }),
]);

agreesWithPyTorch("nearest neighbours are chosen in float32", [
  ...[
    [10, 3],
    [49, 22],
    [100, 33],
    [1000, 31],
  ].map(([from, to]): Call => [
    "nn.functional.interpolate",
    [wave([1, 1, from!], torch.float32)],
    { size: to!, mode: "nearest" },
  ]),
  ...[1.1, 1.7, 0.3].map((scaleFactor): Call => [
    "nn.functional.interpolate",
    [wave([1, 1, 97], torch.float32)],
    { scaleFactor, mode: "nearest-exact" },
  ]),
  [
    "nn.functional.interpolate",
    [plain(shaped([1, 2, 4, 4], (i) => i * 7, torch.uint8))],
    { size: [3, 6], mode: "nearest" },
  ],
]);

agreesWithPyTorch("the deprecated names", [
  ["nn.functional.upsample", [wave([1, 2, 3, 3])], { scaleFactor: 2, mode: "bilinear" }],
  ["nn.functional.upsample_nearest", [wave([1, 2, 3])], { size: 5 }],
  ["nn.functional.upsample_bilinear", [wave([1, 2, 3, 3])], { size: [5, 4] }],
]);

agreesWithPyTorch("what cannot be resized", [
  resize([1, 2, 3], {}),
  resize([1, 2, 3], { size: 4, scaleFactor: 2 }),
  resize([1, 2, 3], { size: [4, 4] }),
  resize([1, 2, 3, 3], { scaleFactor: [1, 2, 3] }),
  resize([1, 2, 3], { size: 4, recomputeScaleFactor: true }),
  resize([1, 2, 3], { size: 4, alignCorners: true }),
  resize([1, 2, 3], { size: 4, mode: "bilinear" }),
  resize([1, 2, 3, 3], { size: 4, mode: "linear" }),
  resize([1, 2, 3], { size: 4, mode: "bicubic" }),
  resize([1, 2, 3], { size: 4, mode: "cubic" }),
  resize([1, 2, 3], { size: 4, mode: "linear", antialias: true }),
  resize([1, 2], { size: 4 }),
  resize([1, 2, 3], { size: 0 }),
  resize([1, 0, 3], { size: 2 }),
  resize([1, 2, 3], { scaleFactor: 0.2 }),
  ["nn.functional.interpolate", [plain(shaped([1, 2, 3], (i) => i, torch.int64))], { size: 5 }],
]);
