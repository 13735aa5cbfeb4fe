import { torch } from "../../../runtime/index.js";
import { agreesWithPyTorch, shaped, type Call } from "./oracle.js";

const pad = (shape: readonly number[], amounts: readonly number[], mode: string): Call => [
  "nn.functional.pad",
  [shaped(shape, (i) => Math.sin(i), torch.float64), amounts],
  { mode },
];

const modes = ["reflect", "replicate", "circular"];

agreesWithPyTorch(
  "padding takes the tensor's own elements, on one to three axes",
  [
    ...modes.flatMap((mode) => [
      pad([2, 3, 5], [1, 2], mode),
      pad([2, 3, 5], [4, 0], mode),
      pad([1, 2, 4, 5], [2, 1, 3, 0], mode),
      pad([1, 2, 3, 4, 3], [1, 2, 0, 3, 2, 1], mode),
      pad([0, 2, 4], [1, 1], mode),
    ]),
    pad([2, 3], [2, 1], "reflect"),
    pad([2, 3], [7, 1], "replicate"),
  ],
  { twice: true },
);

agreesWithPyTorch("negative amounts cut: after mirroring, before wrapping around", [
  ...modes.flatMap((mode) => [
    pad([1, 1, 6], [-1, 4], mode),
    pad([1, 1, 6], [2, -1], mode),
    pad([1, 1, 6], [-2, -2], mode),
  ]),
  pad([1, 2, 5, 5], [-1, 2, 3, -2], "reflect"),
]);

agreesWithPyTorch("padding refuses what PyTorch refuses", [
  pad([1, 1, 6], [6, 0], "reflect"),
  pad([1, 1, 6], [7, 0], "circular"),
  pad([2, 3], [1, 1], "circular"),
  pad([2, 3, 4, 4], [1, 1], "replicate"),
  pad([2, 0, 4], [1, 1], "reflect"),
  pad([2, 2, 0], [1, 1], "circular"),
  pad([1, 1, 6], [1, 1, 1], "reflect"),
  pad([1, 1, 6], [1, 1], "mirror"),
  pad([1, 1, 6], [-3, -3], "reflect"),
  pad([1, 1, 6], [-3, -3], "replicate"),
  pad([1, 1, 6], [-3, -4], "circular"),
  pad([1, 1, 6], [1, 1, 1], "constant"),
]);
