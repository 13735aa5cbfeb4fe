/**
 * Every op that has a derivative, set beside PyTorch's: its values, its gradients, the gradients of those, and the name
 * that `gradFn` gives the step. The last test sees that no op is left out.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { F, torch, type Tensor } from "../../../runtime/index.js";
import { records } from "../../../runtime/ops/index.js";
import { agreesWithPyTorch, given, plain, shaped, type Argument, type Call, type Given } from "./oracle.js";

const { float64, int64, bool } = torch;
/** Numbers between -2.5 and 2.5, none twice nearby and none whole. */
const spread = (i: number): number => (((i * 7919 + 13) % 1009) - 504) / 201;
const x = (...shape: number[]): Given => shaped(shape, spread, float64);
/** Other numbers than those of `x`. */
const y = (...shape: number[]): Given => shaped(shape, (i) => spread(i + 371), float64);
const z = (...shape: number[]): Given => shaped(shape, (i) => spread(i + 822), float64);
/** Between 0.05 and 0.95. */
const unit = (...shape: number[]): Given => shaped(shape, (i) => 0.5 + 0.45 * (spread(i) / 2.51), float64);
const positive = (...shape: number[]): Given => shaped(shape, (i) => 0.3 + Math.abs(spread(i)), float64);
const aboveOne = (...shape: number[]): Given => shaped(shape, (i) => 1.2 + Math.abs(spread(i)), float64);
const places = (size: number, ...shape: number[]): Given => shaped(shape, (i) => (i * 5 + 1) % size, int64);
const mask = (...shape: number[]): Given => shaped(shape, (i) => Number(i % 3 !== 1), bool);
const m = x(2, 3);

const called: Call[] = [];
function agree(
  title: string,
  calls: readonly Call[],
  settings: { readonly seed?: number; readonly steps?: boolean } = {},
): void {
  called.push(...calls);
  agreesWithPyTorch(title, calls, { steps: true, ...settings, twice: true });
}
const each = (names: string, ...args: Argument[]): Call[] => names.split(" ").map((n): Call => [n, args]);
const functional = (names: string, ...args: Argument[]): Call[] =>
  names.split(" ").map((n): Call => [`nn.functional.${n}`, args]);

agree("functions of one number", [
  ...each(
    "abs neg positive sign sgn square exp exp2 expm1 sin cos tan sinh cosh tanh atan asinh erf erfc",
    m,
  ),
  ...each("sigmoid sinc relu selu celu ceil floor frac round trunc deg2rad rad2deg nan_to_num", m),
  ...each("conj_physical conj resolve_conj resolve_neg real special.erf special.expit special.sinc", m),
  ...each("log log2 log10 log1p sqrt rsqrt reciprocal", positive(2, 3)),
  ...each("acos asin atanh erfinv logit special.logit", unit(2, 3)),
  ...each("acosh", aboveOne(2, 3)),
  ["logit", [x(2, 3), 0.1]],
  ["round", [x(2, 3)], { decimals: 1 }],
  ["angle", [m]],
  ...each("Tensor.clone Tensor.contiguous Tensor.float Tensor.half Tensor.bfloat16 Tensor.double", m),
  ["Tensor.to", [m, torch.float32]],
  ["Tensor.type_as", [m, given([1])]],
  ...each("fill", m, 2),
  ...each("clamp", m, -1, 1),
  ["clamp", [m, x(3), aboveOne(2, 1)]],
  ["clamp_min", [m, -0.5]],
  ["clamp_max", [m, y(2, 3)]],
]);

agree("activations", [
  ...functional(
    "relu6 elu selu celu gelu mish silu softplus leaky_relu hardsigmoid hardswish hardtanh logsigmoid",
    m,
  ),
  ...functional("softsign tanhshrink softshrink hardshrink softmin sigmoid tanh", m),
  ["nn.functional.gelu", [m], { approximate: "tanh" }],
  ["nn.functional.elu", [m, 0.7]],
  ["nn.functional.softplus", [m, 3, 1]],
  ["nn.functional.leaky_relu", [m, 0.2]],
  ["nn.functional.glu", [x(2, 4)]],
  ["nn.functional.threshold", [m, 0.1, 3]],
  ["threshold", [m, 0.1, 3]],
  ["nn.functional.prelu", [x(2, 3, 2), given([0.1, 0.2, 0.3], float64)]],
  ["nn.functional.rrelu", [m]],
  ...each("softmax log_softmax", m, 1),
  ...functional("softmax log_softmax", m, 1),
  ["special.softmax", [m, 1]],
]);

agree("functions of two numbers", [
  ...each("add sub mul maximum minimum fmax fmin copysign hypot logaddexp logaddexp2", m, y(3)),
  ...each("div true_divide atan2", m, y(2, 1)),
  ...each("add sub rsub mul div pow fmod remainder", m, 1.7),
  ["add", [m, y(3)], { alpha: 0.3 }],
  ["sub", [m, y(3)], { alpha: 0.3 }],
  ["rsub", [m, y(3)], { alpha: 0.3 }],
  ["div", [m, y(3)], { roundingMode: "floor" }],
  ["div", [m, y(3)], { roundingMode: "trunc" }],
  ["floor_divide", [plain(m), plain(y(3))]],
  ["fmod", [m, y(3)]],
  ["remainder", [m, y(3)]],
  ["pow", [positive(2, 3), y(3)]],
  ["pow", [m, 2]],
  ["pow", [m, 3]],
  ["pow", [m, 0]],
  ["pow", [2, m]],
  ["float_power", [positive(2, 3), y(3)]],
  ["xlogy", [m, positive(3)]],
  ["ldexp", [m, y(3)]],
  ["lerp", [m, y(3), 0.3]],
  ["lerp", [m, y(3), unit(2, 1)]],
  ["addcmul", [m, y(3), z(2, 1)], { value: 0.4 }],
  ["addcdiv", [m, y(3), positive(2, 1)], { value: 0.4 }],
  ...each("Tensor.__radd__ Tensor.__rsub__ Tensor.__rmul__ Tensor.__rdiv__ Tensor.__rtruediv__", m, 1.5),
  ["Tensor.__rpow__", [m, 1.5]],
  ["Tensor.__rmatmul__", [x(2, 3), y(4, 2)]],
  ["where", [mask(2, 3), m, y(3)]],
  ["Tensor.where", [m, mask(2, 3), y(3)]],
  ["masked_fill", [m, mask(3), 2.5]],
  ["masked_fill", [m, mask(3), given(2.5, float64)]],
  ["masked_scatter", [m, mask(2, 3), y(6)]],
  ["masked_select", [m, mask(2, 3)]],
]);

agree("reductions", [
  ...each("sum mean prod nansum nanmean amax amin max min std var norm", m),
  ...each("median nanmedian", x(5)),
  ...each("sum mean prod amax amin max min std var logsumexp median nanmedian nansum mode", m, 1),
  ["logsumexp", [m, [0, 1], true]],
  ["kthvalue", [m, 2]],
  ["std_mean", [m, 1]],
  ["var_mean", [m, 1]],
  ["var", [m, [0, 1]], { unbiased: false }],
  ["norm", [m, 1]],
  ["norm", [m, 3, 1]],
  ["norm", [m, Infinity, 1]],
  ["norm", [m, "fro", [0, 1]]],
  ["frobenius_norm", [m, [0, 1]]],
  ["renorm", [m, 2, 0, 1]],
  ["dist", [m, y(2, 3)]],
  ["dist", [m, y(2, 3), 3]],
  ["trace", [x(3, 4)]],
  ["Tensor.sum_to_size", [m, 1, 3]],
  ["cov", [x(3, 5)]],
  ["corrcoef", [x(3, 5)]],
]);

agree("scans, sorting and differences", [
  ...each("cumsum cumprod cummax cummin logcumsumexp", m, 1).slice(0, 4),
  ...each("sort msort", m),
  ["topk", [x(2, 5), 3]],
  ["diff", [m]],
  ["gradient", [x(4)]],
  ["trapezoid", [m, y(2, 3)]],
  ["cumulative_trapezoid", [m, y(2, 3)]],
  ["vander", [x(3), 4]],
]);

agree("shapes", [
  ...each("t flip_ flipud fliplr ravel rot90 adjoint".replace("flip_ ", ""), m),
  ["flip", [m, [0, 1]]],
  ["roll", [m, 1, 0]],
  ["movedim", [x(2, 3, 2), 0, 2]],
  ["permute", [x(2, 3, 2), [2, 0, 1]]],
  ["transpose", [m, 0, 1]],
  ["Tensor.view", [m, 3, 2]],
  ["reshape", [m, [3, 2]]],
  ["reshape", [shaped([2, 3], spread, float64, [1, 0]), [2, 3]]],
  ["flatten", [x(2, 3, 2), 1]],
  ["unflatten", [m, 1, [3, 1]].map((a) => a)],
  ["squeeze", [x(2, 1, 3)]],
  ["squeeze", [x(2, 1, 3), 1]],
  ["unsqueeze", [m, 1]],
  ["Tensor.expand", [x(2, 1), 2, 3]],
  ["Tensor.expand_as", [x(2, 1), plain(m)]],
  ["Tensor.view_as", [m, plain(x(3, 2))]],
  ["Tensor.reshape_as", [m, plain(x(3, 2))]],
  ["broadcast_to", [x(3), [2, 3]]],
  ["broadcast_tensors", [x(3), y(2, 1)]],
  ["Tensor.repeat", [m, 2, 1, 2]],
  ["tile", [m, [2, 2]]],
  ["repeat_interleave", [m, 2, 1]],
  ["repeat_interleave", [m, given([1, 2, 0], int64), 1]],
  ["narrow", [m, 1, 1, 2]],
  ["select", [m, 1, 2]],
  ["slice_scatter", [m, y(1, 3), 0, 0, 1]],
  ["select_scatter", [m, y(3), 0, 1]],
  ["diagonal_scatter", [m, y(2)]],
  ["as_strided_scatter", [plain(x(6)), y(2, 2), [2, 2], [2, 1]]],
  ["as_strided", [x(6), [2, 2], [2, 1], 1]],
  ["as_strided", [x(6), [2, 3], [1, 1]]],
  ["Tensor.unfold", [x(6), 0, 3, 2]],
  ["split", [m, 2, 1]],
  ["split", [m, [1, 2], 1]],
  ["split_with_sizes", [m, [1, 2], 1]],
  ["tensor_split", [m, 2, 1]],
  ["chunk", [m, 2, 1]],
  ["unbind", [m, 1]],
  ["hsplit", [x(2, 4), 2]],
  ["vsplit", [x(4, 2), 2]],
  ["dsplit", [x(2, 2, 4), 2]],
  ["unsafe_chunk", [m, 2, 1]],
  ["unsafe_split", [m, 2, 1]],
  ["unsafe_split_with_sizes", [m, [1, 2], 1]],
  ...each("atleast_1d atleast_2d atleast_3d", x(3)),
  ["diag", [x(3)]],
  ["diag", [x(3, 3), 1]],
  ["diag_embed", [m]],
  ["diagflat", [m]],
  ["diagonal", [x(3, 4), 1]],
  ...each("tril triu", x(3, 3)),
  ["constant_pad_nd", [m, [1, 2], 3]],
]);

agree(
  "views as copies",
  [
    ...each("alias_copy detach_copy t_copy squeeze_copy", m),
    ["as_strided_copy", [x(6), [2, 2], [2, 1]]],
    ["diagonal_copy", [x(3, 3)]],
    ["expand_copy", [x(2, 1), [2, 3]]],
    ["permute_copy", [m, [1, 0]]],
    ["select_copy", [m, 0, 1]],
    ["slice_copy", [m, 1, 0, 2, 1]],
    ["split_copy", [m, 2, 1]],
    ["split_with_sizes_copy", [m, [1, 2], 1]],
    ["transpose_copy", [m, 0, 1]],
    ["unbind_copy", [m]],
    ["unfold_copy", [x(6), 0, 3, 2]],
    ["unsqueeze_copy", [m, 0]],
    ["view_copy", [m, [3, 2]]],
  ],
  { steps: false },
);

agree("joining", [
  ...each("cat hstack vstack dstack column_stack stack", [m, y(2, 3)]),
  ["cat", [[m, y(2, 2)], 1]],
  ["block_diag", [m, y(2, 2)]],
  ["meshgrid", [x(2), y(3)], { indexing: "ij" }],
  ["cartesian_prod", [x(2), y(3)]],
  ["combinations", [x(4)]],
]);

agree("indexing", [
  ["gather", [m, 1, places(3, 2, 4)]],
  ["take", [m, places(6, 4)]],
  ["take_along_dim", [m, places(3, 2, 4), 1]],
  ["index_select", [m, 1, places(3, 4)]],
  ["index_add", [m, 1, places(3, 4), y(2, 4)], { alpha: 0.5 }],
  ["index_copy", [m, 1, given([2, 0], int64), y(2, 2)]],
  ["index_fill", [m, 1, given([2, 0], int64), 3]],
  ["index_fill", [m, 1, given([2, 0], int64), given(3, float64)]],
  ["index_put", [m, [given([0, 1, 1], int64), given([2, 0, 1], int64)], y(3)]],
  ["index_put", [m, [given([0, 1, 1], int64), given([2, 0, 0], int64)], y(3)], { accumulate: true }],
  ...["prod", "mean", "amax", "amin"].map((r): Call => [
    "index_reduce",
    [m, 1, given([2, 0, 2], int64), y(2, 3), r],
  ]),
  ["scatter", [m, 1, given([[2, 0]], int64), y(2, 3)]],
  ["scatter", [m, 1, given([[2, 0]], int64), 3]],
  ["scatter_add", [m, 1, given([[2, 0, 2]], int64), y(2, 3)]],
  ...["sum", "prod", "mean", "amax", "amin"].map((r): Call => [
    "scatter_reduce",
    [
      m,
      1,
      given(
        [
          [2, 0, 2],
          [1, 1, 0],
        ],
        int64,
      ),
      y(2, 3),
      r,
    ],
  ]),
  ["put", [m, given([0, 4], int64), y(2)]],
  ["put", [m, given([4, 4], int64), y(2), true]],
  [
    "nn.functional.embedding",
    [
      given(
        [
          [1, 0],
          [2, 2],
        ],
        int64,
      ),
      x(3, 4),
    ],
  ],
  [
    "embedding",
    [
      x(3, 4),
      given(
        [
          [1, 0],
          [2, 2],
        ],
        int64,
      ),
    ],
  ],
  ...["sum", "mean", "max"].map((mode): Call => [
    "nn.functional.embedding_bag",
    [
      given(
        [
          [1, 0],
          [2, 2],
        ],
        int64,
      ),
      x(3, 4),
    ],
    { mode },
  ]),
  ["embedding_bag", [x(3, 4), given([1, 0, 2], int64), given([0, 2], int64)]],
]);

agree("products", [
  ...each("matmul mm", m, y(3, 2)),
  ["matmul", [x(2, 2, 3), y(3, 2)]],
  ["matmul", [x(3), y(3, 2)]],
  ["matmul", [x(2, 3), y(3)]],
  ["matmul", [x(3), y(3)]],
  ["bmm", [x(2, 2, 3), y(2, 3, 2)]],
  ["mv", [m, y(3)]],
  ...each("dot vdot", x(3), y(3)),
  ...each("outer", x(2), y(3)),
  ["inner", [m, y(2, 3)]],
  ["addmm", [z(2, 2), m, y(3, 2)], { beta: 0.5, alpha: 2 }],
  ["addmv", [z(2), m, y(3)], { beta: 0.5, alpha: 2 }],
  ["addr", [z(2, 3), x(2), y(3)], { beta: 0.5, alpha: 2 }],
  ["addbmm", [z(2, 2), x(2, 2, 3), y(2, 3, 2)]],
  ["baddbmm", [z(2, 2, 2), x(2, 2, 3), y(2, 3, 2)]],
  ["tensordot", [x(2, 3, 2), y(3, 2, 2)], { dims: 2 }],
  ["cross", [m, y(2, 3)]],
  ["cross", [m, y(2, 3)], { dim: 1 }],
  ["matrix_power", [x(3, 3), 3]],
  ["nn.functional.linear", [m, y(4, 3), z(4)]],
  ["nn.functional.linear", [x(2, 2, 3), y(4, 3)]],
  ["nn.functional.bilinear", [m, y(2, 4), x(2, 3, 4), z(2)]],
]);

agree("convolutions", [
  ["nn.functional.conv1d", [x(2, 2, 5), y(3, 2, 3), z(3)], { padding: 1 }],
  ["nn.functional.conv2d", [x(1, 2, 4, 4), y(2, 1, 2, 2), z(2)], { groups: 2, stride: 2 }],
  ["nn.functional.conv3d", [x(1, 1, 3, 3, 3), y(2, 1, 2, 2, 2)]],
  ["nn.functional.conv_transpose1d", [x(1, 2, 3), y(2, 2, 3), z(2)], { stride: 2 }],
  ["nn.functional.conv_transpose2d", [x(1, 2, 2, 2), y(2, 1, 2, 2)], { groups: 2 }],
  ["nn.functional.conv_transpose3d", [x(1, 1, 2, 2, 2), y(1, 1, 2, 2, 2)]],
  ["convolution", [x(1, 2, 5), y(3, 2, 3), z(3), [1], [0], [1], false, [0], 1]],
  ["nn.functional.conv_tbc", [x(4, 1, 2), y(3, 2, 2), z(2)]],
  ["nn.functional.fold", [x(1, 8, 4), 3, 2]],
  ["nn.functional.unfold", [x(1, 2, 3, 3), 2]],
]);

agree("pooling", [
  ["nn.functional.avg_pool1d", [x(1, 2, 5), 2]],
  ["nn.functional.avg_pool2d", [x(1, 2, 4, 4), 2], { padding: 1 }],
  ["nn.functional.avg_pool3d", [x(1, 1, 3, 3, 3), 2]],
  ["nn.functional.adaptive_avg_pool1d", [x(1, 2, 5), 3]],
  ["nn.functional.adaptive_avg_pool2d", [x(1, 2, 4, 5), [2, 3]]],
  ["nn.functional.adaptive_avg_pool3d", [x(1, 1, 3, 3, 3), 2]],
  ["nn.functional.lp_pool1d", [positive(1, 2, 5), 3, 2]],
  ["nn.functional.lp_pool2d", [positive(1, 2, 4, 4), 2, 2]],
  ["nn.functional.max_pool1d", [x(1, 2, 5), 2]],
  ["nn.functional.max_pool2d", [x(1, 2, 4, 4), 2]],
  ["nn.functional.max_pool3d", [x(1, 1, 3, 3, 3), 2]],
  ["nn.functional.max_pool1d_with_indices", [x(1, 2, 5), 2]],
  ["nn.functional.max_pool2d_with_indices", [x(1, 2, 4, 4), 2]],
  ["nn.functional.max_pool3d_with_indices", [x(1, 1, 3, 3, 3), 2]],
  ["nn.functional.adaptive_max_pool1d", [x(1, 2, 5), 3]],
  ["nn.functional.adaptive_max_pool2d", [x(1, 2, 4, 5), [2, 3]]],
  ["nn.functional.adaptive_max_pool3d", [x(1, 1, 3, 3, 3), 2]],
  ["nn.functional.adaptive_max_pool1d_with_indices", [x(1, 2, 5), 3]],
  ["nn.functional.adaptive_max_pool2d_with_indices", [x(1, 2, 4, 5), [2, 3]]],
  ["nn.functional.adaptive_max_pool3d_with_indices", [x(1, 1, 3, 3, 3), 2]],
  ["nn.functional.max_unpool1d", [x(1, 1, 2), given([[[1, 2]]], int64), 2]],
  ["nn.functional.max_unpool2d", [x(1, 1, 1, 2), given([[[[1, 6]]]], int64), 2]],
  ["nn.functional.max_unpool3d", [x(1, 1, 1, 1, 2), given([[[[[1, 6]]]]], int64), 2]],
  [
    "nn.functional.fractional_max_pool2d",
    [x(1, 2, 5, 5), 2],
    { outputSize: 3, _randomSamples: plain(unit(1, 2, 2)) },
  ],
  [
    "nn.functional.fractional_max_pool3d",
    [x(1, 1, 4, 4, 4), 2],
    { outputSize: 2, _randomSamples: plain(unit(1, 1, 3)) },
  ],
  [
    "nn.functional.fractional_max_pool2d_with_indices",
    [x(1, 2, 5, 5), 2],
    { outputSize: 3, _randomSamples: plain(unit(1, 2, 2)) },
  ],
  [
    "nn.functional.fractional_max_pool3d_with_indices",
    [x(1, 1, 4, 4, 4), 2],
    { outputSize: 2, _randomSamples: plain(unit(1, 1, 3)) },
  ],
]);

agree("padding and vision", [
  ["nn.functional.pad", [m, [1, 2]]],
  ...["reflect", "replicate"].map((mode): Call => ["nn.functional.pad", [x(1, 2, 4), [1, 2]], { mode }]),
  ...["reflect", "replicate"].map((mode): Call => [
    "nn.functional.pad",
    [x(1, 1, 3, 4), [1, 2, 1, 0]],
    { mode },
  ]),
  ["nn.functional.interpolate", [x(1, 2, 3)], { scaleFactor: 2 }],
  ["nn.functional.interpolate", [x(1, 2, 3)], { size: 5, mode: "linear" }],
  ["nn.functional.interpolate", [x(1, 1, 3, 3)], { size: [4, 5], mode: "nearest" }],
  ["nn.functional.interpolate", [x(1, 1, 3, 3)], { size: [4, 5], mode: "nearest-exact" }],
  ["nn.functional.interpolate", [x(1, 1, 3, 3)], { size: [4, 5], mode: "bilinear" }],
  ["nn.functional.interpolate", [x(1, 1, 4, 4)], { size: [2, 3], mode: "bilinear", antialias: true }],
  ["nn.functional.interpolate", [x(1, 1, 3, 3)], { size: [4, 5], mode: "bicubic", alignCorners: true }],
  ["nn.functional.interpolate", [x(1, 1, 2, 2, 2)], { size: [3, 3, 3], mode: "trilinear" }],
  ["nn.functional.interpolate", [x(1, 1, 3, 3)], { size: [2, 2], mode: "area" }],
  ["nn.functional.upsample", [x(1, 1, 3, 3)], { scaleFactor: 2 }],
  ["nn.functional.upsample_nearest", [x(1, 1, 3, 3)], { scaleFactor: 2 }],
  ["nn.functional.upsample_bilinear", [x(1, 1, 3, 3)], { scaleFactor: 2 }],
  ["nn.functional.grid_sample", [x(1, 1, 3, 3), unit(1, 2, 2, 2)], { alignCorners: false }],
  ["nn.functional.grid_sample", [x(1, 1, 3, 3), unit(1, 2, 2, 2)], { mode: "nearest", alignCorners: true }],
  ["nn.functional.grid_sample", [x(1, 1, 3, 3), unit(1, 2, 2, 2)], { mode: "bicubic", alignCorners: false }],
  ["nn.functional.grid_sample", [x(1, 1, 2, 2, 2), unit(1, 2, 1, 1, 3)], { alignCorners: false }],
  ["grid_sampler", [x(1, 1, 3, 3), unit(1, 2, 2, 2), 0, 0, false]],
  ["grid_sampler_2d", [x(1, 1, 3, 3), unit(1, 2, 2, 2), 0, 0, false]],
  ["grid_sampler_3d", [x(1, 1, 2, 2, 2), unit(1, 2, 1, 1, 3), 0, 0, false]],
  ["nn.functional.affine_grid", [x(1, 2, 3), [1, 1, 2, 2]], { alignCorners: false }],
  ["affine_grid_generator", [x(1, 2, 3), [1, 1, 2, 2], true]],
  ["nn.functional.pixel_shuffle", [x(1, 4, 2, 2), 2]],
  ["nn.functional.pixel_unshuffle", [x(1, 1, 4, 4), 2]],
]);

const stats = [plain(given([0.1, -0.2, 0.3], float64)), plain(given([1.1, 0.7, 0.9], float64))] as const;
agree("normalisations", [
  ["nn.functional.batch_norm", [x(4, 3), ...stats, y(3), z(3), true]],
  ["nn.functional.batch_norm", [x(4, 3), ...stats, y(3), z(3), false]],
  ["nn.functional.batch_norm", [x(2, 3, 2), null, null, null, null, true]],
  ["batch_norm", [x(4, 3), y(3), z(3), ...stats, true, 0.1, 1e-5, false]],
  ["native_batch_norm", [x(4, 3), y(3), z(3), ...stats, true, 0.1, 1e-5]],
  ["nn.functional.layer_norm", [x(2, 4), [4], y(4), z(4)]],
  ["layer_norm", [x(2, 4), [4]]],
  ["native_layer_norm", [x(2, 4), [4], y(4), z(4), 1e-5]],
  ["nn.functional.group_norm", [x(2, 4, 3), 2, y(4), z(4)]],
  ["group_norm", [x(2, 4, 3), 2, y(4), z(4)]],
  ["native_group_norm", [x(2, 4, 3), y(4), z(4), 2, 4, 3, 2, 1e-5]],
  ["nn.functional.instance_norm", [x(2, 3, 4), null, null, y(3), z(3)]],
  ["instance_norm", [x(2, 3, 4), y(3), z(3), null, null, true, 0.1, 1e-5, false]],
  ["nn.functional.local_response_norm", [x(1, 4, 3), 2]],
  ["nn.functional.normalize", [m]],
  ["nn.functional.normalize", [m, 3, 0]],
]);

agree("losses", [
  ...functional("mse_loss l1_loss smooth_l1_loss huber_loss", m, y(2, 3)),
  ...functional("mse_loss smooth_l1_loss", m, y(2, 3), null, null, "none"),
  ...functional(
    "soft_margin_loss",
    m,
    plain(
      given(
        [
          [1, -1, 1],
          [-1, 1, 1],
        ],
        float64,
      ),
    ),
  ),
  ...functional(
    "hinge_embedding_loss",
    m,
    plain(
      given(
        [
          [1, -1, 1],
          [-1, 1, 1],
        ],
        float64,
      ),
    ),
  ),
  [
    "hinge_embedding_loss",
    [
      m,
      plain(
        given(
          [
            [1, -1, 1],
            [-1, 1, 1],
          ],
          float64,
        ),
      ),
    ],
  ],
  ["nn.functional.margin_ranking_loss", [x(3), y(3), plain(given([1, -1, 1], float64))]],
  ["margin_ranking_loss", [x(3), y(3), plain(given([1, -1, 1], float64))]],
  ["nn.functional.kl_div", [m, unit(2, 3)], { reduction: "batchmean" }],
  ["nn.functional.kl_div", [m, y(2, 3)], { logTarget: true }],
  ["kl_div", [m, unit(2, 3)]],
  ["nn.functional.poisson_nll_loss", [m, plain(positive(2, 3))], { full: true }],
  ["poisson_nll_loss", [m, positive(2, 3), true, false, 1e-8, 1]],
  ["nn.functional.gaussian_nll_loss", [m, y(2, 3), positive(2, 3)]],
  ["nn.functional.binary_cross_entropy", [unit(2, 3), plain(shaped([2, 3], (i) => 0.9 - 0.13 * i, float64))]],
  ["nn.functional.binary_cross_entropy_with_logits", [m, unit(2, 3)], { posWeight: plain(positive(3)) }],
  ["binary_cross_entropy_with_logits", [m, unit(2, 3)]],
  ["nn.functional.nll_loss", [m, given([2, 0], int64), plain(positive(3))]],
  [
    "nn.functional.nll_loss",
    [
      x(2, 3, 2),
      given(
        [
          [2, 0],
          [1, 1],
        ],
        int64,
      ),
    ],
  ],
  ["nn.functional.cross_entropy", [m, given([2, 0], int64)]],
  [
    "nn.functional.cross_entropy",
    [m, given([2, 0], int64)],
    { labelSmoothing: 0.1, weight: plain(positive(3)) },
  ],
  ["nn.functional.cross_entropy", [m, unit(2, 3)]],
  ["nn.functional.multi_margin_loss", [m, given([2, 0], int64)]],
  [
    "nn.functional.multilabel_margin_loss",
    [
      m,
      given(
        [
          [2, 0, -1],
          [1, -1, 0],
        ],
        int64,
      ),
    ],
  ],
  [
    "nn.functional.multilabel_soft_margin_loss",
    [
      m,
      plain(
        given(
          [
            [1, 0, 1],
            [0, 1, 1],
          ],
          float64,
        ),
      ),
    ],
  ],
  ["nn.functional.cosine_embedding_loss", [m, y(2, 3), given([1, -1], int64)]],
  ["cosine_embedding_loss", [m, y(2, 3), given([1, -1], int64)]],
  ["nn.functional.triplet_margin_loss", [m, y(2, 3), z(2, 3)]],
  ["triplet_margin_loss", [m, y(2, 3), z(2, 3)]],
  ["nn.functional.triplet_margin_with_distance_loss", [m, y(2, 3), z(2, 3)]],
  [
    "nn.functional.ctc_loss",
    [
      x(4, 2, 3),
      given(
        [
          [1, 2],
          [2, 2],
        ],
        int64,
      ),
      given([4, 4], int64),
      given([2, 1], int64),
    ],
  ],
  [
    "ctc_loss",
    [
      x(4, 2, 3),
      given(
        [
          [1, 2],
          [2, 2],
        ],
        int64,
      ),
      given([4, 4], int64),
      given([2, 1], int64),
    ],
  ],
  ["nn.functional.cosine_similarity", [m, y(2, 3)]],
  ["nn.functional.pairwise_distance", [m, y(2, 3)]],
  ["nn.functional.pdist", [x(3, 4)]],
  ["cdist", [x(3, 4), y(2, 4)]],
  ["cdist", [x(3, 4), y(2, 4), 1]],
  ["cdist", [x(3, 4), y(2, 4), 3]],
]);

const gates = (n: number): Given[] => [x(n, 3), y(n, 2), z(n), x(n)];
const layers = (n: number): Argument[] => [gates(n), true, 1, 0, false, false, false];
agree("recurrent steps", [
  ["gru_cell", [m, y(2, 2), ...gates(6)]],
  ["lstm_cell", [m, [y(2, 2), z(2, 2)], ...gates(8)]],
  ["rnn_relu_cell", [m, y(2, 2), ...gates(2)]],
  ["rnn_tanh_cell", [m, y(2, 2), ...gates(2)]],
]);

agree("attention", [["nn.functional._scaled_dot_product_attention", [x(1, 2, 3), y(1, 4, 3), z(1, 4, 3)]]]);

/** Their last step is another here: PyTorch comes to the same numbers by other ways. */
agree(
  "of other steps",
  [
    ["fake_quantize_per_tensor_affine", [x(2, 3), 0.3, 1, -4, 5]],
    [
      "fake_quantize_per_channel_affine",
      [x(2, 3), plain(given([0.3, 0.2])), given([0, 1], torch.int32), 0, -4, 5],
    ],
    ["aminmax", [m], { dim: 1 }],
    ["norm_except_dim", [m, 2, 1]],
    ["narrow_copy", [m, 1, 1, 2]],
    ["chain_matmul", [m, y(3, 2), z(2, 2)]],
    ["einsum", ["ij,jk->ik", m, y(3, 2)]],
    ["einsum", ["bij,bj->bi", x(2, 2, 3), y(2, 3)]],
    ["kron", [x(2, 2), y(1, 2)]],
    ["matmul", [x(2, 3), y(2, 3, 2)]],
    ["nn.functional.channel_shuffle", [x(1, 4, 2, 2), 2]],
    ["nn.functional.native_channel_shuffle", [x(1, 4, 2, 2), 2]],
    ["quantile", [m, 0.4, 1]],
    ["nanquantile", [m, 0.4]],
    ["quantile", [m, plain(given([0.2, 0.7], float64)), 1]],
    ["nn.functional.pad", [x(1, 2, 4), [1, 2]], { mode: "circular" }],
    ["nn.functional.pad", [x(1, 1, 3, 4), [1, 2, 1, 0]], { mode: "circular" }],
    ["gru", [x(2, 1, 3), y(1, 1, 2), ...layers(6)]],
    ["lstm", [x(2, 1, 3), [y(1, 1, 2), z(1, 1, 2)], ...layers(8)]],
    ["rnn_relu", [x(2, 1, 3), y(1, 1, 2), ...layers(2)]],
    ["rnn_tanh", [x(2, 1, 3), y(1, 1, 2), ...layers(2)]],
  ],
  { steps: false },
);

agree(
  "with random numbers",
  [
    ...functional("dropout", m, 0.4),
    ...functional("alpha_dropout", m, 0.4, true),
    ...functional("dropout1d dropout2d dropout3d", x(2, 3, 2, 2), 0.4).slice(1, 2),
    ["nn.functional.dropout1d", [x(2, 3, 2), 0.4]],
    ["nn.functional.dropout3d", [x(2, 3, 2, 2, 1), 0.4]],
    ["nn.functional.feature_alpha_dropout", [x(2, 3, 2), 0.4, true]],
    ["native_dropout", [m, 0.4, true]],
    ...each("dropout alpha_dropout", m, 0.4, true),
    ...each("feature_dropout feature_alpha_dropout", x(2, 3, 2), 0.4, true),
    ["nn.functional.rrelu", [m, 0.1, 0.4, true]],
    ["rrelu", [m, 0.1, 0.4, true]],
    ["nn.functional.gumbel_softmax", [m]],
    ["normal", [m, positive(2, 3)]],
    ["bernoulli", [unit(2, 3)]],
    ["poisson", [positive(2, 3)]],
  ],
  { seed: 5 },
);

/** Whole families without a derivative, or that change the tensor itself: other tests are theirs. */
const apart = new Set([
  "callbacks",
  "create",
  "data",
  "emptyStrided",
  "logic",
  "memory",
  "nonzero",
  "quantize",
  "queries",
  "random",
  "search",
  "sequence",
  "unique",
  "windows",
]);
/** And single ops. */
const without = new Set(
  [
    "eq ge gt le lt ne logical_and logical_not logical_or logical_xor gcd lcm nextafter heaviside signbit",
    "isfinite isinf isnan isneginf isposinf isreal count_nonzero argmax argmin argsort argwhere all any",
    "bool byte char int long short imag bincount histc histogram one_hot batch_norm_update_stats",
    "__rand__ __rfloordiv__ __rlshift__ __rmod__ __ror__ __rrshift__ __rxor__",
    // In place, or a value that is not a tensor.
    "copy_ fill_ zero_ fill_diagonal_ addbmm_ float_power_ embedding_renorm_ slice",
    // For float32 only: test/unit/nn/quantized.test.ts has them.
    "fake_quantize_per_tensor_affine fake_quantize_per_channel_affine",
    // Newer than PyTorch 1.13: checked by finite differences below.
    "scaled_dot_product_attention rms_norm multi_head_attention_forward",
  ].flatMap((line) => line.split(" ")),
);

test("no op with a derivative is left out", () => {
  const seen = new Set(called.map(([name]) => name.replace(/^(nn\.functional|special|linalg|Tensor)\./, "")));
  const missing = records.filter(
    ({ family, record }) => !apart.has(family) && !seen.has(record.name) && !without.has(record.name),
  );
  assert.deepEqual(
    missing.map(({ record }) => record.name),
    [],
  );
});

const leaf = (...shape: number[]): Tensor =>
  torch
    ._fromBytes(x(...shape).bytes, float64, shape)
    .detach()
    .requiresGrad_();

test("ops that PyTorch 1.13 has not, or not in one call, against finite differences, twice", () => {
  const { gradcheck, gradgradcheck } = torch.autograd;
  const functions: Record<string, [(...t: (Tensor | undefined)[]) => Tensor, Tensor[]]> = {
    attention: [
      (q, k, v) => F.scaledDotProductAttention(q!, k!, v!, { isCausal: true }),
      [leaf(1, 2, 3), leaf(1, 2, 3), leaf(1, 2, 3)],
    ],
    rmsNorm: [(a, w) => F.rmsNorm(a!, [3], w!), [leaf(2, 3), leaf(3)]],
  };
  for (const [name, [f, inputs]] of Object.entries(functions)) {
    assert.ok(gradcheck(f, inputs), name);
    assert.ok(gradgradcheck(f, inputs, inputs[0]!.detach()), name);
  }
});

test("float64 keeps its digits when a graph comes back and is compiled whole", () => {
  const run = (): unknown =>
    F.scaledDotProductAttention(leaf(1, 2, 3), leaf(1, 2, 3), leaf(1, 2, 3))
      .detach()
      .tolist();
  const first = run();
  for (let i = 0; i < 3; i++) {
    assert.ok(
      torch.allclose(torch.tensor(run(), { dtype: float64 }), torch.tensor(first, { dtype: float64 }), {
        rtol: 1e-14,
        atol: 1e-15,
      }),
    );
  }
});
