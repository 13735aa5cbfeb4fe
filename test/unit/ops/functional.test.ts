import { torch } from "../../../runtime/index.js";
import { agreesWithPyTorch, given, plain, shaped, type Given } from "./oracle.js";

const wave = (shape: readonly number[], step = 1.7, dtype = torch.float64): Given =>
  shaped(shape, (i) => 2 * Math.sin(1 + step * i), dtype);

agreesWithPyTorch(
  "normalised vectors, neighbouring channels, bilinear forms and convolution over time",
  [
    ["nn.functional.normalize", [wave([2, 3, 4])]],
    ["nn.functional.normalize", [wave([2, 3])], { p: 1, dim: 0 }],
    ["nn.functional.normalize", [plain(shaped([2, 3], () => 0, torch.float64))]],
    ["nn.functional.local_response_norm", [wave([2, 5, 4]), 2], { alpha: 0.5, beta: 0.6, k: 2 }],
    ["nn.functional.local_response_norm", [wave([2, 5, 3, 2]), 3]],
    ["nn.functional.bilinear", [wave([2, 3]), wave([2, 4], 2), wave([5, 3, 4], 3), wave([5], 4)]],
    ["nn.functional.bilinear", [wave([3]), wave([4], 2), wave([5, 3, 4], 3)]],
    ["nn.functional.conv_tbc", [wave([5, 2, 3]), wave([2, 3, 4], 2), wave([4], 3)], { pad: 1 }],
    [
      "nn.functional._scaled_dot_product_attention",
      [wave([2, 3, 4]), wave([2, 5, 4], 2), wave([2, 5, 4], 3)],
    ],
  ],
  { twice: true },
);

agreesWithPyTorch(
  "random samples are the same",
  [
    ["nn.functional.gumbel_softmax", [wave([3, 4])], { tau: 0.7 }],
    ["nn.functional.gumbel_softmax", [wave([3, 4])], { hard: true, dim: 0 }],
    ["nn.functional.rrelu", [wave([3, 7])], { training: true, lower: 0.1, upper: 0.9 }],
    ["nn.functional.dropout", [wave([20])]],
    ["nn.functional.alpha_dropout", [wave([20])], { training: true }],
    ["nn.functional.feature_alpha_dropout", [wave([2, 6, 3])], { training: true }],
  ],
  { seed: 5 },
);

agreesWithPyTorch("torch's own forms take the reduction as a number", [
  ["hinge_embedding_loss", [wave([4]), plain(given([1, -1, 1, -1]))]],
  ["margin_ranking_loss", [wave([4]), wave([4], 2), plain(given([1, -1, 1, -1])), 0.5, 2]],
  ["poisson_nll_loss", [wave([4]), plain(shaped([4], (i) => i, torch.float64)), true, true, 1e-8, 0]],
  ["triplet_margin_loss", [wave([2, 3]), wave([2, 3], 2), wave([2, 3], 3)]],
  ["group_norm", [wave([2, 4, 3]), 2, wave([4], 2), wave([4], 3)]],
  ["layer_norm", [wave([2, 4]), [4]]],
]);

agreesWithPyTorch("what these refuse", [
  ["nn.functional.normalize", [plain(given([[3, 4]]))]],
  ["nn.functional.local_response_norm", [wave([2, 3]), 2]],
  ["nn.functional.bilinear", [wave([2, 3]), wave([3, 4]), wave([5, 3, 4])]],
  ["nn.functional.bilinear", [wave([2, 3]), wave([4]), wave([5, 3, 4])]],
  ["nn.functional.conv_tbc", [wave([5, 3]), wave([2, 3, 4]), wave([4])]],
]);
