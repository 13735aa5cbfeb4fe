import { call, random, sameAsPyTorch } from "./pytorch.js";

const pad = (shape: readonly number[], amounts: readonly number[], mode: string) =>
  call("nn.functional.pad", [random(shape, { grad: true }), amounts], { mode });

const modes = ["reflect", "replicate", "circular"];

sameAsPyTorch("padding takes the tensor's own elements, on one to three axes", [
  ...modes.flatMap((mode) => [
    pad([2, 3, 5], [1, 2], mode),
    pad([2, 3, 5], [4, 0], mode),
    pad([1, 2, 4, 5], [2, 1, 3, 0], mode),
    pad([1, 2, 3, 4, 3], [1, 2, 0, 3, 2, 1], mode),
    pad([0, 2, 4], [1, 1], mode),
  ]),
  pad([2, 3], [2, 1], "reflect"),
  pad([2, 3], [7, 1], "replicate"),
]);

sameAsPyTorch("negative amounts cut: after mirroring, before wrapping around", [
  ...modes.flatMap((mode) => [
    pad([1, 1, 6], [-1, 4], mode),
    pad([1, 1, 6], [2, -1], mode),
    pad([1, 1, 6], [-2, -2], mode),
  ]),
  pad([1, 2, 5, 5], [-1, 2, 3, -2], "reflect"),
]);

sameAsPyTorch("padding refuses what PyTorch refuses", [
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
