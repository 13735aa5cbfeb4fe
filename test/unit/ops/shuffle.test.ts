import { torch } from "../../../runtime/index.js";
import { agreesWithPyTorch, plain, shaped, type Call, type Given } from "./oracle.js";

const wave = (shape: readonly number[]): Given =>
  shaped(shape, (i) => 2 * Math.sin(1 + 1.7 * i), torch.float64);

agreesWithPyTorch(
  "sliding blocks as columns, and back",
  [
    ["nn.functional.unfold", [wave([2, 3, 5, 6]), 2]],
    [
      "nn.functional.unfold",
      [wave([3, 5, 6]), [3, 2]],
      { dilation: [1, 2], padding: [2, 1], stride: [2, 3] },
    ],
    ["nn.functional.unfold", [wave([0, 3, 5, 6]), 3]],
    ["nn.functional.fold", [wave([2, 12, 20]), [5, 6], 2]],
    [
      "nn.functional.fold",
      [wave([18, 8]), [5, 6], [3, 2]],
      { dilation: [1, 2], padding: [2, 1], stride: [2, 3] },
    ],
  ] as Call[],
  { twice: true },
);

agreesWithPyTorch("pixels and channels shuffled", [
  ["nn.functional.pixel_shuffle", [wave([2, 8, 3, 2]), 2]],
  ["nn.functional.pixel_shuffle", [wave([2, 2, 9, 1, 2]), 3]],
  ["nn.functional.pixel_unshuffle", [wave([3, 4, 6]), 2]],
  ["nn.functional.pixel_unshuffle", [plain(shaped([2, 3, 4, 6], (i) => i, torch.int16)), 2]],
  ["nn.functional.channel_shuffle", [plain(wave([2, 6, 3])), 3]],
  ["channel_shuffle", [plain(wave([1, 6, 2, 2, 2])), 2]],
]);

agreesWithPyTorch("blocks and shuffles refuse what PyTorch refuses", [
  ["nn.functional.unfold", [wave([2, 3, 5, 6]), 7]],
  ["nn.functional.unfold", [wave([2, 0, 5, 6]), 2]],
  ["nn.functional.unfold", [wave([2, 3, 5, 6]), 2], { stride: 0 }],
  ["nn.functional.unfold", [wave([2, 3, 5, 6]), 2], { padding: -1 }],
  ["nn.functional.unfold", [plain(shaped([1, 1, 3, 3], (i) => i, torch.int64)), 2]],
  ["nn.functional.fold", [wave([2, 13, 20]), [5, 6], 2]],
  ["nn.functional.fold", [wave([2, 12, 21]), [5, 6], 2]],
  ["nn.functional.fold", [wave([2, 12, 20]), [1, 6], 2]],
  ["nn.functional.fold", [wave([2, 3, 12, 20]), [5, 6], 2]],
  ["nn.functional.pixel_shuffle", [wave([2, 7, 3, 2]), 2]],
  ["nn.functional.pixel_shuffle", [wave([4, 3]), 2]],
  ["nn.functional.pixel_shuffle", [wave([2, 8, 3, 2]), 0]],
  ["nn.functional.pixel_unshuffle", [wave([2, 3, 3, 2]), 2]],
  ["nn.functional.channel_shuffle", [wave([2, 7, 3]), 3]],
  ["nn.functional.channel_shuffle", [wave([2, 6]), 3]],
]);
