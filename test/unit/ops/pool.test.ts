import { torch } from "../../../runtime/index.js";
import { agreesWithPyTorch, given, plain, shaped, type Argument, type Call } from "./oracle.js";

const wave = (shape: readonly number[], dtype = torch.float64): Argument =>
  shaped(shape, (i) => 2 * Math.sin(1 + 1.7 * i * i), dtype);
const positive = (shape: readonly number[]): Argument =>
  shaped(shape, (i) => 1.5 + Math.sin(1 + 1.7 * i), torch.float64);

const sized = (nd: number, shapes: readonly (readonly number[])[], sizes: readonly Argument[]): Call[] =>
  ["avg", "max"].flatMap((kind) =>
    shapes.flatMap((shape) =>
      sizes.map((size): Call => [`nn.functional.adaptive_${kind}_pool${String(nd)}d`, [wave(shape), size]]),
    ),
  );

agreesWithPyTorch(
  "adaptive pools give any size",
  [
    ...sized(
      1,
      [
        [2, 3, 7],
        [3, 8],
      ],
      [1, 3, 4, 7, 10],
    ),
    ...sized(
      2,
      [
        [2, 3, 7, 6],
        [3, 4, 4],
      ],
      [2, [3, 5], [null, 3], [7, 1]],
    ),
    ...sized(3, [[1, 2, 4, 5, 3]], [2, [3, 5, 1], [null, 2, null]]),
  ],
  { twice: true },
);

agreesWithPyTorch("max pools give the index of the first of equals", [
  ...["adaptive_max_pool1d", "max_pool1d"].map((name): Call => [
    `nn.functional.${name}`,
    [given([[[1, 3, 3, 2, 4, 5, -Infinity, -Infinity, -Infinity]]], torch.float64), 3],
    { returnIndices: true },
  ]),
  [
    "nn.functional.adaptive_max_pool1d",
    [given([[[1, 3, 3, 2, NaN, 5, NaN]]], torch.float64), 3],
    { returnIndices: true },
  ],
  ["nn.functional.adaptive_max_pool2d_with_indices", [wave([2, 3, 7, 6]), [3, 4]]],
]);

agreesWithPyTorch(
  "power averages",
  [
    ["nn.functional.lp_pool1d", [positive([2, 3, 9]), 2, 3]],
    ["nn.functional.lp_pool1d", [positive([3, 9]), 3, 2], { stride: 1 }],
    ["nn.functional.lp_pool2d", [positive([2, 3, 7, 6]), 1.5, [2, 3]], { stride: [2, 1], ceilMode: true }],
    ["nn.functional.lp_pool2d", [wave([2, 3, 4, 6]), 3, 2]],
  ],
  { twice: true },
);

const indices = (shape: readonly number[], fill: (i: number) => number): Argument =>
  plain(shaped(shape, fill, torch.int64));

agreesWithPyTorch(
  "unpooling puts elements back",
  [
    ["nn.functional.max_unpool1d", [wave([2, 3, 4]), indices([2, 3, 4], (i) => 2 * (i % 4)), 2]],
    [
      "nn.functional.max_unpool1d",
      [wave([3, 4]), indices([3, 4], (i) => 2 * (i % 4)), 2],
      { outputSize: [9] },
    ],
    [
      "nn.functional.max_unpool2d",
      [wave([1, 2, 2, 3]), indices([1, 2, 2, 3], (i) => 5 * (i % 6)), [3, 2]],
      { stride: [2, 3], padding: [1, 0], outputSize: [1, 2, 4, 8] },
    ],
    ["nn.functional.max_unpool3d", [wave([1, 2, 1, 2, 2]), indices([1, 2, 1, 2, 2], (i) => 7 * (i % 4)), 2]],
  ],
  { twice: true },
);

const fractional = (
  name: string,
  shape: readonly number[],
  options: Readonly<Record<string, Argument>>,
): Call => [
  `nn.functional.${name}`,
  [wave(shape, options["single"] ? torch.float32 : torch.float64), 2],
  { ...Object.fromEntries(Object.entries(options).filter(([k]) => k !== "single")), returnIndices: true },
];

agreesWithPyTorch(
  "fractional pools draw what PyTorch draws",
  [
    fractional("fractional_max_pool2d", [2, 3, 9, 8], { outputSize: [4, 5] }),
    fractional("fractional_max_pool2d", [3, 9, 8], { outputRatio: [0.5, 0.7], single: true }),
    fractional("fractional_max_pool2d", [2, 3, 9, 8], { outputSize: [1, 7] }),
    fractional("fractional_max_pool3d", [2, 2, 5, 6, 7], { outputSize: [3, 2, 4] }),
    fractional("fractional_max_pool3d", [2, 5, 6, 7], { outputRatio: 0.6, single: true }),
    fractional("fractional_max_pool2d", [1, 2, 6, 6], {
      outputSize: 3,
      _randomSamples: plain(shaped([1, 2, 2], (i) => (i + 0.5) / 5, torch.float64)),
    }),
  ],
  { seed: 7 },
);

agreesWithPyTorch("pools refuse what PyTorch refuses", [
  ["nn.functional.adaptive_max_pool1d", [wave([2, 3, 0]), 2]],
  ["nn.functional.adaptive_max_pool2d", [wave([2, 3]), 2]],
  ["nn.functional.adaptive_avg_pool2d", [wave([2, 3, 4, 4]), [2, 2, 2]]],
  ["nn.functional.adaptive_avg_pool1d", [wave([2, 3, 4]), -1]],
  ["nn.functional.adaptive_avg_pool1d", [indices([2, 3, 4], (i) => i), 2]],
  ["nn.functional.max_unpool1d", [wave([2, 3, 4]), indices([2, 3, 4], (i) => 2 * (i % 5)), 2]],
  ["nn.functional.max_unpool1d", [wave([2, 3, 4]), indices([2, 3, 4], (i) => (i % 5) - 1), 2]],
  ["nn.functional.max_unpool1d", [wave([2, 3, 4]), indices([2, 3, 3], (i) => i % 5), 2]],
  ["nn.functional.max_unpool1d", [wave([2, 3, 4]), wave([2, 3, 4]), 2]],
  ["nn.functional.max_unpool1d", [wave([2, 3, 4]), indices([2, 3, 4], () => 0), 2], { outputSize: [11] }],
  ["nn.functional.max_unpool1d", [wave([2, 3, 4]), indices([2, 3, 4], () => 0), 2], { outputSize: [8, 8] }],
  ["nn.functional.fractional_max_pool2d", [wave([1, 2, 4, 4]), 2]],
  ["nn.functional.fractional_max_pool2d", [wave([1, 2, 4, 4]), 2], { outputSize: 4 }],
]);

const waves = (shape: readonly number[]): Argument => wave(shape, torch.float32);
/** Many equal elements: the gradient goes to the first of the largest in each block. */
const ties = (shape: readonly number[]): Argument => shaped(shape, (i) => (i * i) % 3, torch.float32);

agreesWithPyTorch(
  "max pools over blocks that tile the planes, and over such as do not",
  [
    ...[2, 3].map((k): Call => ["nn.functional.max_pool2d", [waves([2, 3, 6, 12]), k]]),
    ["nn.functional.max_pool2d", [ties([2, 2, 4, 6]), 2]],
    ["nn.functional.max_pool2d", [ties([3, 4, 4]), 4]],
    ["nn.functional.max_pool2d", [waves([2, 3, 7, 5]), 2]],
    ["nn.functional.max_pool2d", [waves([1, 2, 6, 6]), [2, 3]]],
    ["nn.functional.max_pool2d", [waves([1, 2, 6, 6]), 2, 1]],
  ],
  { twice: true },
);
