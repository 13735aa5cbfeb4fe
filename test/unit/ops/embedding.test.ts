import { torch } from "../../../runtime/index.js";
import { agreesWithPyTorch, given, plain, shaped, type Argument, type Call, type Given } from "./oracle.js";

const weight = (dtype = torch.float64): Given => shaped([5, 3], (i) => 2 * Math.sin(1 + 1.7 * i), dtype);
const index = (list: Parameters<typeof given>[0], dtype = torch.int64): Given => plain(given(list, dtype));

const bag = (
  input: Given,
  offsets: Given | null,
  options: Readonly<Record<string, Argument>> = {},
  table = weight(),
): Call => ["nn.functional.embedding_bag", [input, table, offsets], options];

const modes = ["sum", "mean", "max"];

agreesWithPyTorch("embeddings over bags", [
  ...modes.flatMap((mode) => [
    bag(
      index([
        [1, 2],
        [3, 3],
      ]),
      null,
      { mode },
    ),
    bag(index([1, 2, 3, 1]), index([0, 2]), { mode }),
    bag(index([1, 2, 3, 1]), index([0, 0, 2, 4]), { mode }),
    bag(index([1, 2, 3]), index([0, 2, 3]), { mode, includeLastOffset: true }),
    bag(index([1, 2, 1, 4, 2]), index([0, 3, 3]), { mode, paddingIdx: 2 }),
    bag(index([1, 2, 1, 4, 2], torch.int32), index([0, 3, 3], torch.int32), { mode, paddingIdx: -1 }),
    bag(index([], torch.int64), index([0, 0]), { mode }),
    bag(index([1, 2, 3]), index([0, 2]), { mode }, plain(weight(torch.float16))),
  ]),
  ...["sum", "mean"].map((mode) => bag(index([1, 1, 1]), index([0, 2]), { mode, scaleGradByFreq: true })),
  bag(index([1, 2, 1, 4]), index([0, 3]), {
    mode: "sum",
    perSampleWeights: shaped([4], (i) => i - 1.5, torch.float64),
  }),
  bag(
    index([
      [1, 2],
      [3, 1],
    ]),
    null,
    {
      mode: "sum",
      perSampleWeights: shaped([2, 2], (i) => i - 1.5, torch.float64),
      paddingIdx: 2,
    },
  ),
  bag(index([1, 2, 3]), index([0, 2]), { maxNorm: 0.5 }, plain(weight())),
]);

agreesWithPyTorch("axes expanded to no elements", [
  ["sum", [shaped([0, 3], (i) => i, torch.float64), 0]],
  ["mul", [shaped([1, 3], (i) => i, torch.float64), shaped([0, 1], (i) => i, torch.float64)]],
]);

agreesWithPyTorch("bags refuse what PyTorch refuses", [
  bag(index([1, 2, 3]), null),
  bag(index([1, 2, 3]), index([1, 2])),
  bag(index([1, 2, 3]), index([0, 4])),
  bag(index([1, 2, 3]), index([[0, 2]])),
  bag(index([[1, 2]]), index([0, 2])),
  bag(index([[[1]]]), null),
  bag(index([1, 2, 3]), index([0, 2]), { perSampleWeights: weight() }),
  bag(index([1, 2]), index([0]), { perSampleWeights: plain(given([1, 2], torch.float64)) }),
  bag(index([1, 2]), index([0]), { mode: "median" }),
  bag(index([1, 7]), index([0]), { mode: "sum" }),
  bag(index([1, -1]), index([0]), { mode: "sum" }),
  bag(index([1, 2]), index([0]), { paddingIdx: 7 }),
  bag(index([1, 2]), index([0]), { mode: "max", scaleGradByFreq: true }),
  bag(index([1, 2]), index([0]), { mode: "max", sparse: true }),
  bag(index([1, 2], torch.int16), index([0], torch.int16)),
]);

agreesWithPyTorch("rows by index", [
  [
    "nn.functional.embedding",
    [
      index([
        [1, 2],
        [1, 4],
      ]),
      weight(),
    ],
    { paddingIdx: 2 },
  ],
  ["nn.functional.embedding", [index([1, 2, 1, 1]), weight()], { scaleGradByFreq: true, paddingIdx: -3 }],
  ["nn.functional.embedding", [index([1, 2, 1]), plain(weight())], { maxNorm: 0.5 }],
  ["nn.functional.embedding", [index([1, 2, 1]), plain(weight())], { maxNorm: 0.5, normType: 1 }],
  ["embedding", [weight(), index([1, 2, 1])], { paddingIdx: 1 }],
  ["embedding_renorm_", [plain(weight()), index([1, 2, 1]), 0.5, 3]],
  ["nn.functional.embedding", [index([1, 5]), weight()]],
  ["nn.functional.embedding", [index([1, -1]), weight()]],
  ["nn.functional.embedding", [index([1, 2], torch.int16), weight()]],
  ["nn.functional.embedding", [index([1]), shaped([3], (i) => i)]],
  ["nn.functional.embedding", [index([1]), weight()], { paddingIdx: 5 }],
]);

agreesWithPyTorch("classes as zeros and a one", [
  ["nn.functional.one_hot", [index([0, 2])]],
  [
    "nn.functional.one_hot",
    [
      index([
        [0, 2],
        [1, 1],
      ]),
      4,
    ],
  ],
  ["nn.functional.one_hot", [index(2)]],
  ["nn.functional.one_hot", [index([], torch.int64), 3]],
  ["nn.functional.one_hot", [index([], torch.int64)]],
  ["nn.functional.one_hot", [index([0, 2]), 2]],
  ["nn.functional.one_hot", [index([0, -1]), 5]],
  ["nn.functional.one_hot", [index([0, 1]), 0]],
  ["nn.functional.one_hot", [index([0, 1], torch.int32)]],
]);
