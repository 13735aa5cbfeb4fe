/**
 * PyTorch's names of the steps of backward, where an op is made of others here or its step counts among those of several
 * overloads: `mean(dim)` is `MeanBackward1`, whatever computes it.
 */
import { Tensor } from "../tensor/tensor.js";

/** From the arguments in the order of the signature and the result; `undefined` leaves the name as it is. */
export type StepName = string | ((args: readonly unknown[], result: Tensor) => string | undefined);

const isTensor = (v: unknown): v is Tensor => v instanceof Tensor;
const rank = (v: unknown): number => (isTensor(v) ? v.ndim : 0);

/** `base` 0 for a number as the argument at `at`, 1 for a tensor. */
const byOther =
  (base: string, at = 1): StepName =>
  (args) =>
    `${base}Backward${isTensor(args[at]) ? "1" : "0"}`;
/** 0 over all elements, 1 along axes. */
const byDims =
  (base: string, at = 1): StepName =>
  (args) =>
    `${base}Backward${args[at] === null ? "0" : "1"}`;
/** 0 of values and indices along an axis, 1 of all elements. */
const byAxis =
  (base: string): StepName =>
  (args) =>
    isTensor(args[1]) ? undefined : args.length > 1 ? `${base}Backward0` : `${base}Backward1`;
const medianOf =
  (base: string): StepName =>
  (args) =>
    args.length > 1 ? `${base}Backward1` : `${base}Backward0`;
const rounded: StepName = (args) => `RoundBackward${args[1] === undefined || args[1] === 0 ? "0" : "1"}`;

/** Of numbers written in Python too, which reach PyTorch as tensors. */
const divided: StepName = ([, , mode]) => (typeof mode === "string" ? "DivBackward2" : "DivBackward0");

const powered: StepName = ([self, exponent]) =>
  !isTensor(self) ? "PowBackward2" : isTensor(exponent) ? "PowBackward1" : "PowBackward0";

const multiplied: StepName = ([a, b]) => {
  const [m, n] = [rank(a), rank(b)];
  if (m === 1 && n === 1) return "DotBackward0";
  if (m === 2 && n === 1) return "MvBackward0";
  if (m === 1 && n === 2) return "SqueezeBackward3";
  if (m === 2 && n === 2) return "MmBackward0";
  return m >= 3 ? "UnsafeViewBackward0" : undefined;
};

const reshaped: StepName = (_, result) =>
  result._isView() ? "ReshapeAliasBackward0" : "UnsafeViewBackward0";

const clamped: StepName = ([, min, max]) => `ClampBackward${isTensor(min) || isTensor(max) ? "0" : "1"}`;

/** Poolings over one axis are those over two with an axis taken away again. */
const squeezed = "SqueezeBackward1";

const padded: StepName = ([input, pad, mode]) => {
  if (mode !== "reflect" && mode !== "replicate") return undefined;
  const base = mode === "reflect" ? "ReflectionPad" : "ReplicationPad";
  return rank(input) >= (pad as readonly number[]).length / 2
    ? `${base}${String((pad as readonly number[]).length / 2)}DBackward0`
    : undefined;
};

const upsampled: StepName = (args) => {
  const [input] = args;
  const mode = args.find((a) => typeof a === "string");
  const d = String(rank(input) - 2);
  const antialias = args.at(-1) === true ? "Aa" : "";
  const kind = {
    nearest: `Nearest${d}D`,
    "nearest-exact": `NearestExact${d}D`,
    linear: "Linear1D",
    bilinear: `Bilinear2D${antialias}`,
    bicubic: `Bicubic2D${antialias}`,
    trilinear: "Trilinear3D",
  }[mode ?? "nearest"];
  if (mode === "area") return d === "1" ? squeezed : `AdaptiveAvgPool${d}DBackward0`;
  return kind && `Upsample${kind}Backward1`;
};

const sampled: StepName = ([input]) => `GridSampler${String(rank(input) - 2)}DBackward0`;

/** Losses that PyTorch has as one function, in whatever reduction. */
const wholeLosses = {
  mse_loss: "MseLoss",
  smooth_l1_loss: "SmoothL1Loss",
  huber_loss: "HuberLoss",
  soft_margin_loss: "SoftMarginLoss",
  binary_cross_entropy: "BinaryCrossEntropy",
  binary_cross_entropy_with_logits: "BinaryCrossEntropyWithLogits",
  multi_margin_loss: "MultiMarginLoss",
  multilabel_margin_loss: "MultilabelMarginLoss",
};

const likelihood: StepName = ([input]) => (rank(input) > 2 ? "NllLoss2DBackward0" : "NllLossBackward0");

const names: Readonly<Record<string, StepName>> = {
  ...Object.fromEntries(Object.entries(wholeLosses).map(([k, v]) => [k, `${v}Backward0`])),
  square: "PowBackward0",
  celu: "CeluBackward0",
  round: rounded,
  fill: "FillBackward0",
  clamp: clamped,
  clamp_min: ([, min]) => (isTensor(min) ? "ClampMinBackward1" : "ClampMinBackward0"),
  clamp_max: ([, max]) => (isTensor(max) ? "ClampMaxBackward1" : "ClampMaxBackward0"),
  glu: "GluBackward0",
  rrelu: "RreluWithNoiseBackward0",
  add: "AddBackward0",
  sub: "SubBackward0",
  rsub: ([, other]) => (isTensor(other) ? "RsubBackward0" : "RsubBackward1"),
  div: divided,
  fmod: byOther("Fmod"),
  remainder: byOther("Remainder"),
  pow: powered,
  float_power: powered,
  lerp: ([, , weight]) => (isTensor(weight) ? "LerpBackward1" : "LerpBackward0"),
  __rpow__: "PowBackward1",
  __rsub__: ([, other]) => (isTensor(other) ? "RsubBackward0" : "RsubBackward1"),
  masked_fill: ([, , value]) =>
    isTensor(value) && value.requiresGrad ? "MaskedFillBackward1" : "MaskedFillBackward0",
  masked_select: "MaskedSelectBackward0",
  mean: byDims("Mean"),
  sum: byDims("Sum"),
  prod: byDims("Prod"),
  nansum: "NansumBackward0",
  max: byAxis("Max"),
  min: byAxis("Min"),
  std: "StdBackward0",
  var: "VarBackward0",
  std_mean: "StdMeanBackward0",
  var_mean: "VarMeanBackward0",
  logsumexp: "LogsumexpBackward0",
  median: medianOf("Median"),
  nanmedian: medianOf("Nanmedian"),
  mode: "ModeBackward0",
  kthvalue: "KthvalueBackward0",
  norm: ([, p, dim]) => (p === "fro" && dim !== null ? "SqrtBackward0" : "NormBackward1"),
  frobenius_norm: "SqrtBackward0",
  pairwise_distance: "NormBackward1",
  cosine_similarity: "SumBackward1",
  trapezoid: "DivBackward1",
  cumulative_trapezoid: "DivBackward1",
  sum_to_size: "SumBackward1",
  renorm: "RenormBackward0",
  dist: "DistBackward0",
  trace: "TraceBackward0",
  cummax: "CummaxBackward0",
  cummin: "CumminBackward0",
  sort: "SortBackward0",
  msort: "SortBackward0",
  topk: "TopkBackward0",
  t: "TBackward0",
  transpose: "TransposeBackward0",
  adjoint: "TransposeBackward0",
  rot90: "Rot90Backward0",
  roll: "RollBackward0",
  reshape: reshaped,
  flatten: (args, result) =>
    result.gradFn === (args[0] as Tensor).gradFn ? undefined : reshaped(args, result),
  squeeze: (args) => (args.length > 1 && args[1] !== null ? "SqueezeBackward1" : "SqueezeBackward0"),
  unsqueeze: "UnsqueezeBackward0",
  select: "SelectBackward0",
  repeat: "RepeatBackward0",
  tile: "RepeatBackward0",
  repeat_interleave: "IndexSelectBackward0",
  select_scatter: "SelectScatterBackward0",
  split: ([, sizes]) => (Array.isArray(sizes) ? "SplitWithSizesBackward0" : "SplitBackward0"),
  split_with_sizes: "SplitWithSizesBackward0",
  unsafe_split: "UnsafeSplitBackward0",
  unsafe_split_with_sizes: "UnsafeSplitWithSizesBackward0",
  unsafe_chunk: "UnsafeSplitBackward0",
  diag: "DiagBackward0",
  diag_embed: "DiagEmbedBackward0",
  diagflat: "DiagBackward0",
  tril: "TrilBackward0",
  triu: "TriuBackward0",
  block_diag: "BlockDiagBackward0",
  combinations: "StackBackward0",
  stack: "StackBackward0",
  take: "TakeBackward0",
  index_copy: "IndexCopyBackward0",
  index_fill: ([, , , value]) => (isTensor(value) ? "IndexFillBackward1" : "IndexFillBackward0"),
  index_put: "IndexPutBackward0",
  index_reduce: "IndexReduceBackward0",
  scatter: ([, , , src]) => (isTensor(src) ? "ScatterBackward0" : "ScatterBackward1"),
  put: "PutBackward0",
  embedding_bag: "EmbeddingBagBackward0",
  matmul: multiplied,
  mm: "MmBackward0",
  bmm: "BmmBackward0",
  mv: "MvBackward0",
  dot: "DotBackward0",
  vdot: "VdotBackward0",
  outer: "MulBackward0",
  addmm: "AddmmBackward0",
  addmv: "AddmvBackward0",
  addr: "AddrBackward0",
  addbmm: "AddbmmBackward0",
  baddbmm: "BaddbmmBackward0",
  cross: "LinalgCrossBackward0",
  linear: ([input, weight, bias], result) => {
    if (!bias) return multiplied([input, weight], result);
    return { 2: "AddmmBackward0", 3: "ViewBackward0" }[rank(input)] ?? "AddBackward0";
  },
  conv_transpose1d: "ConvolutionBackward0",
  conv_transpose2d: "ConvolutionBackward0",
  conv_transpose3d: "ConvolutionBackward0",
  conv_tbc: "ConvTbcBackward0",
  "F.unfold": "Im2ColBackward0",
  fold: "Col2ImBackward0",
  avg_pool1d: squeezed,
  avg_pool2d: "AvgPool2DBackward0",
  avg_pool3d: "AvgPool3DBackward0",
  adaptive_avg_pool1d: squeezed,
  adaptive_avg_pool2d: "AdaptiveAvgPool2DBackward0",
  adaptive_avg_pool3d: "AdaptiveAvgPool3DBackward0",
  max_unpool1d: squeezed,
  max_unpool2d: "MaxUnpool2DBackward0",
  max_unpool3d: "MaxUnpool3DBackward0",
  ...Object.fromEntries(
    ["", "_with_indices"].flatMap((suffix) => [
      [`max_pool1d${suffix}`, squeezed],
      [`max_pool2d${suffix}`, "MaxPool2DWithIndicesBackward0"],
      [`max_pool3d${suffix}`, "MaxPool3DWithIndicesBackward0"],
      [`adaptive_max_pool1d${suffix}`, squeezed],
      [`adaptive_max_pool2d${suffix}`, "AdaptiveMaxPool2DBackward0"],
      [`adaptive_max_pool3d${suffix}`, "AdaptiveMaxPool3DBackward0"],
      [`fractional_max_pool2d${suffix}`, "FractionalMaxPool2DBackward0"],
      [`fractional_max_pool3d${suffix}`, "FractionalMaxPool3DBackward0"],
    ]),
  ),
  pad: padded,
  interpolate: upsampled,
  upsample: upsampled,
  upsample_nearest: ([input]) => upsampled([input, "nearest"], input as Tensor),
  upsample_bilinear: "UpsampleBilinear2DBackward1",
  grid_sample: sampled,
  grid_sampler: sampled,
  grid_sampler_2d: sampled,
  grid_sampler_3d: sampled,
  affine_grid: "AffineGridGeneratorBackward0",
  affine_grid_generator: "AffineGridGeneratorBackward0",
  pixel_shuffle: "PixelShuffleBackward0",
  pixel_unshuffle: "PixelUnshuffleBackward0",
  batch_norm: "NativeBatchNormBackward0",
  native_batch_norm: "NativeBatchNormBackward0",
  layer_norm: "NativeLayerNormBackward0",
  native_layer_norm: "NativeLayerNormBackward0",
  group_norm: "NativeGroupNormBackward0",
  native_group_norm: "NativeGroupNormBackward0",
  instance_norm: "ViewBackward0",
  nll_loss: likelihood,
  cross_entropy: (args) => {
    if (Number(args[7]) > 0) return undefined;
    const probabilities = isTensor(args[1]) && args[1].dtype.isFloatingPoint;
    return probabilities ? "DivBackward1" : likelihood(args, args[0] as Tensor);
  },
  pdist: "PdistBackward0",
  cdist: "CdistBackward0",
  dropout: "MulBackward0",
  dropout1d: "MulBackward0",
  dropout2d: "MulBackward0",
  dropout3d: "MulBackward0",
  feature_dropout: "MulBackward0",
  alpha_dropout: "AddBackward0",
  feature_alpha_dropout: "AddBackward0",
  native_dropout: "NativeDropoutBackward0",
  normal: "NormalBackward3",
  bernoulli: "BernoulliBackward0",
  poisson: "PoissonBackward0",
};

/** @internal The name that an op gives its steps. `F.unfold` and `Tensor.unfold` are two ops. */
export function stepOf(op: string, functional: boolean): StepName | undefined {
  const key = functional && Object.hasOwn(names, `F.${op}`) ? `F.${op}` : op;
  return Object.hasOwn(names, key) ? names[key] : undefined;
}
