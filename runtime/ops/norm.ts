/** Normalisations: batch, instance, layer, group. */
import { isGradEnabled, noGrad } from "../autograd/mode.js";
import { RuntimeError, ValueError } from "../errors.js";
import { numel, type Attrs } from "../graph/value.js";
import { float32 } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { applyAll, sameShape } from "./apply.js";
import { castTo } from "./convert.js";
import { filled } from "./create.js";
import { requireFloat } from "./elementwise.js";
import { page } from "./family.js";
import { op, primitive } from "./record.js";
import { meanDims, sumDims } from "./reduce.js";
import { named } from "./results.js";
import { expandTo } from "./view.js";

interface NormAttrs extends Attrs {
  /** Axes whose elements are normalised together. */
  readonly dims: readonly number[];
  readonly eps: number;
}

/**
 * x̂ = (x − mean) / √(var + eps) over `dims`; also the mean and ρ = 1/√(var + eps), with axes of size 1.
 * dx = (g − mean(g) − x̂ · mean(g x̂)) ρ, and from the statistics of n elements (g_mean − ρ² x̂ g_ρ) / n
 */
const standardize = primitive<NormAttrs>({
  name: "standardize",
  infer: ([x], { dims }) => {
    requireFloat("normalization", x!.dtype);
    const stat = { shape: x!.shape.map((d, i) => (dims.includes(i) ? 1 : d)), dtype: x!.dtype };
    return [{ shape: x!.shape, dtype: x!.dtype }, stat, stat];
  },
  grad: (ctx, _, [g, ofMean, ofRstd]) => {
    const { dims, eps } = ctx.attrs;
    // Differentiated again, the statistics must come from the input.
    const [xhat, rstd] = isGradEnabled()
      ? recompute(ctx.input(0), dims, eps)
      : [ctx.output(0), ctx.output(2)];
    const { shape } = ctx.inputMeta(0);
    const count = dims.reduce((n, d) => n * shape[d]!, 1);
    const terms = [
      g && rstd.mul(g.sub(meanDims(g, dims, true)).sub(xhat.mul(meanDims(g.mul(xhat), dims, true)))),
      ofMean && expandTo(ofMean.div(count), shape),
      ofRstd && xhat.mul(ofRstd.mul(rstd.square())).div(-count),
    ];
    return [terms.filter((t) => t != null).reduce((a, b) => a.add(b))];
  },
  lower: (b, [x], { dims, eps }) => {
    const axes = b.ints(dims);
    const trailing = dims.every((d, i) => d === x!.shape.length - dims.length + i);
    if (trailing && dims.length && numel(x!.shape) > 0) {
      const one = b.data(x!.dtype === "float64" ? Float64Array.of(1) : Float32Array.of(1), x!.dtype, [1]);
      const shape = dims.map((d) => x!.shape[d]!);
      const scale = b.node("Expand", [one, b.ints(shape)], undefined, x!.dtype);
      const [y, mean, rstd] = b.multi(
        "LayerNormalization",
        [x!, scale],
        3,
        { axis: dims[0]!, epsilon: { f: eps } },
        [x!.dtype, "float32", "float32"],
      );
      // Its statistics are float32 whatever the input.
      if (x!.dtype === "float32") return [y!, mean!, rstd!];
    }
    const mean = b.node("ReduceMean", [x!, axes], { keepdims: 1 });
    const centred = b.node("Sub", [x!, mean]);
    const variance = b.node("ReduceMean", [b.node("Mul", [centred, centred]), axes], { keepdims: 1 });
    const deviation = b.node("Sqrt", [b.node("Add", [variance, b.scalar(eps, x!.dtype)])]);
    const rstd = b.node("Reciprocal", [deviation]);
    return [b.node("Mul", [centred, rstd]), mean, rstd];
  },
});

function recompute(x: Tensor, dims: readonly number[], eps: number): [Tensor, Tensor] {
  const centred = x.sub(meanDims(x, dims, true));
  const rstd = meanDims(centred.mul(centred), dims, true).add(eps).rsqrt();
  return [centred.mul(rstd), rstd];
}

/** The half types are normalised in float32. */
const wide = (x: Tensor): Tensor => (x.dtype.itemsize === 2 ? castTo(x, float32) : x);

/**
 * `standardize` of `[N, C, …]`. For the half types PyTorch stores the mean, the sum of squares, the variance and the
 * deviation in the dtype of the parameters or the input, and goes on from what is stored.
 */
function standardized(
  input: Tensor,
  weight: Tensor | null,
  dims: readonly number[],
  eps: number,
): [Tensor, Tensor, Tensor] {
  const x = wide(input);
  if (x === input) return applyAll(standardize, [x], { dims, eps }) as [Tensor, Tensor, Tensor];
  const type = weight?.dtype ?? input.dtype;
  const stored = (t: Tensor): Tensor => castTo(castTo(t, type), float32);
  const mean = meanDims(x, dims, true);
  const count = dims.reduce((n, d) => n * x._shape[d]!, 1);
  const squares = stored(sumDims(x.sub(mean).square(), dims, true));
  const rstd = stored(squares.div(count)).add(eps).rsqrt();
  return [x.sub(stored(mean)).mul(stored(rstd)), mean, rstd];
}

/** Per-channel tensors over `[N, C, …]`. */
function overChannels(t: Tensor, rank: number): Tensor {
  return t.reshape([1, -1, ...Array.from({ length: rank - 2 }, () => 1)]);
}

function affine(x: Tensor, weight: Tensor | null, bias: Tensor | null): Tensor {
  const scaled = weight ? x.mul(overChannels(weight, x.ndim)) : x;
  return bias ? scaled.add(overChannels(bias, x.ndim)) : scaled;
}

function checkChannels(input: Tensor, stats: Readonly<Record<string, Tensor | null>>): void {
  const channels = input._shape[1];
  for (const [name, t] of Object.entries(stats)) {
    if (t && t.numel() !== channels) {
      throw new RuntimeError(`${name} should contain ${String(channels)} elements not ${String(t.numel())}`);
    }
  }
}

/** running ← (1 − momentum) · running + momentum · batch, with the unbiased variance. */
function updateRunning(
  runningMean: Tensor | null,
  runningVar: Tensor | null,
  mean: Tensor,
  rstd: Tensor,
  momentum: number,
  eps: number,
  count: number,
): void {
  noGrad(() => {
    const blend = (running: Tensor | null, batch: Tensor): void => {
      running?.copy_(
        running.mul(1 - momentum).add(castTo(batch.detach().reshape(-1), running.dtype).mul(momentum)),
      );
    };
    blend(runningMean, mean);
    if (runningVar) {
      const variance = rstd.detach().square().reciprocal().sub(eps);
      blend(runningVar, variance.mul(count / (count - 1)));
    }
  });
}

/** Batch normalisation with the statistics that it used, or none when not in training. */
export function batchNormImpl(
  input: Tensor,
  runningMean: Tensor | null,
  runningVar: Tensor | null,
  weight: Tensor | null,
  bias: Tensor | null,
  training: boolean,
  momentum: number,
  eps: number,
): { out: Tensor; mean?: Tensor; rstd?: Tensor } {
  // Of nothing there is only what the parameters are.
  if (input.numel() === 0 && input.ndim < 2) {
    const scaled = weight ? input.mul(weight.select(0, 0)) : input.clone();
    return { out: bias ? scaled.add(bias.select(0, 0)) : scaled };
  }
  if (input.ndim < 2)
    throw new RuntimeError(`batch_norm: expected at least 2 axes, got [${input._shape.join(", ")}]`);
  checkChannels(input, { running_mean: runningMean, running_var: runningVar, weight, bias });
  if (!training) {
    if (!runningMean || !runningVar)
      throw new RuntimeError("running_mean and running_var must be defined in evaluation mode");
    const rstd = wide(runningVar).add(eps).rsqrt();
    const scale = overChannels(weight ? castTo(weight, rstd.dtype).mul(rstd) : rstd, input.ndim);
    const centred = wide(input).sub(overChannels(wide(runningMean), input.ndim));
    const out = centred.mul(scale);
    return { out: castTo(bias ? out.add(overChannels(bias, input.ndim)) : out, input.dtype) };
  }
  const count = input.numel() / input._shape[1]!;
  const dims = [...input._shape.keys()].filter((i) => i !== 1);
  const [xhat, mean, rstd] = standardized(input, weight, dims, eps);
  // An empty batch has no statistics.
  if (count > 0) updateRunning(runningMean, runningVar, mean, rstd, momentum, eps, count);
  return { out: castTo(affine(xhat, weight, bias), input.dtype), mean, rstd };
}

export const nativeBatchNorm = op({
  signature:
    "native_batch_norm(Tensor input, Tensor? weight, Tensor? bias, Tensor? running_mean, Tensor? running_var, bool training, float momentum, float eps) -> (Tensor output, Tensor save_mean, Tensor save_invstd)",
  on: ["torch"],
  doc: "`F.batchNorm` that also gives the mean and 1/√(var + eps) of each channel; empty when not in training.",
  call: (input, weight, bias, runningMean, runningVar, training, momentum, eps) => {
    const { out, mean, rstd } = batchNormImpl(
      input,
      runningMean,
      runningVar,
      weight,
      bias,
      training,
      momentum,
      eps,
    );
    const statistic = (t: Tensor | undefined): Tensor =>
      t ? castTo(t.detach().reshape(-1), weight?.dtype ?? input.dtype) : filled([0], 0, input.dtype);
    return named({ output: out, saveMean: statistic(mean), saveInvstd: statistic(rstd) });
  },
});

export const batchNorm = op({
  signature:
    "batch_norm(Tensor input, Tensor? running_mean, Tensor? running_var, Tensor? weight=None, Tensor? bias=None, bool training=False, float momentum=0.1, float eps=1e-05) -> Tensor",
  on: ["F"],
  doc: `Normalises every channel of \`[N, C, …]\`: with the batch's mean and variance in training (and updates the running ones), else with the running ones.\n\n${page("nn.functional.batch_norm")}`,
  call: (input, runningMean, runningVar, weight, bias, training, momentum, eps) => {
    if (training && numel(input._shape.filter((_, i) => i !== 1)) === 1) {
      throw new ValueError(
        `Expected more than 1 value per channel when training, got input size torch.Size([${input._shape.join(", ")}])`,
      );
    }
    return batchNormImpl(input, runningMean, runningVar, weight, bias, training, momentum, eps).out;
  },
});

export const instanceNorm = op({
  signature:
    "instance_norm(Tensor input, Tensor? running_mean=None, Tensor? running_var=None, Tensor? weight=None, Tensor? bias=None, bool use_input_stats=True, float momentum=0.1, float eps=1e-05) -> Tensor",
  on: ["F"],
  doc: `Normalises every channel of every sample of \`[N, C, …]\` by itself.\n\n${page("nn.functional.instance_norm")}`,
  call: (input, runningMean, runningVar, weight, bias, useInputStats, momentum, eps) => {
    const [n, c, ...rest] = input._shape as number[];
    if (useInputStats && numel(rest) === 1) {
      throw new ValueError(
        `Expected more than 1 spatial element when training, got input size torch.Size([${input._shape.join(", ")}])`,
      );
    }
    if (!useInputStats)
      return batchNormImpl(input, runningMean, runningVar, weight, bias, false, momentum, eps).out;
    const dims = rest.map((_, i) => i + 2);
    const [xhat, mean, rstd] = standardized(input, weight, dims, eps);
    if (runningMean ?? runningVar) {
      noGrad(() => {
        const count = numel(rest);
        // The running statistics are the samples' averages.
        const variance = rstd
          .detach()
          .square()
          .reciprocal()
          .sub(eps)
          .mul(count / (count - 1));
        const average = (t: Tensor): Tensor => meanDims(t.detach().reshape(n!, c!), [0], false);
        runningMean?.copy_(runningMean.mul(1 - momentum).add(average(mean).mul(momentum)));
        runningVar?.copy_(runningVar.mul(1 - momentum).add(average(variance).mul(momentum)));
      });
    }
    return castTo(affine(xhat, weight, bias), input.dtype);
  },
});

function checkNormalized(
  input: Tensor,
  shape: readonly number[],
  weight: Tensor | null,
  bias: Tensor | null,
): void {
  const s = `[${shape.join(", ")}]`;
  if (shape.length < 1) {
    throw new RuntimeError(
      `Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one element, but got normalized_shape = ${s}`,
    );
  }
  for (const [name, t] of Object.entries({ weight, bias })) {
    if (t && !sameShape(t._shape, shape)) {
      throw new RuntimeError(
        `Expected ${name} to be of same shape as normalized_shape, but got ${name} of shape [${t._shape.join(", ")}] and normalized_shape = ${s}`,
      );
    }
  }
  const tail = input._shape.slice(input.ndim - shape.length);
  if (input.ndim < shape.length || !sameShape(tail, shape)) {
    throw new RuntimeError(
      `Given normalized_shape=${s}, expected input with shape [*, ${shape.join(", ")}], but got input of size[${input._shape.join(", ")}]`,
    );
  }
}

function layerNormImpl(
  input: Tensor,
  shape: readonly number[],
  weight: Tensor | null,
  bias: Tensor | null,
  eps: number,
): Tensor[] {
  checkNormalized(input, shape, weight, bias);
  const dims = shape.map((_, i) => input.ndim - shape.length + i);
  const [xhat, mean, rstd] = applyAll(standardize, [wide(input)], { dims, eps }) as [Tensor, Tensor, Tensor];
  const scaled = weight ? xhat.mul(weight) : xhat;
  return [
    castTo(bias ? scaled.add(bias) : scaled, input.dtype),
    castTo(mean.detach(), input.dtype),
    castTo(rstd.detach(), input.dtype),
  ];
}

export const layerNorm = op({
  signature:
    "layer_norm(Tensor input, int[] normalized_shape, Tensor? weight=None, Tensor? bias=None, float eps=1e-05) -> Tensor",
  on: ["F"],
  doc: `Normalises over the last axes, \`normalizedShape\`: (x − mean) / √(var + eps) · weight + bias.\n\n${page("nn.functional.layer_norm")}`,
  call: (input, shape, weight, bias, eps) => layerNormImpl(input, shape, weight, bias, eps)[0]!,
});

export const nativeLayerNorm = op({
  signature:
    "native_layer_norm(Tensor input, int[] normalized_shape, Tensor? weight, Tensor? bias, float eps) -> (Tensor output, Tensor mean, Tensor rstd)",
  on: ["torch"],
  doc: "`F.layerNorm` that also gives the mean and 1/√(var + eps).",
  call: (input, shape, weight, bias, eps) => {
    const [output, mean, rstd] = layerNormImpl(input, shape, weight, bias, eps) as [Tensor, Tensor, Tensor];
    return named({ output, mean, rstd });
  },
});

/** The input as `[n, c, field]` with the channels of every sample normalised group by group; mean and rstd `[n, groups]`. */
export function groupNormOf(
  input: Tensor,
  weight: Tensor | null,
  bias: Tensor | null,
  [n, c, field]: readonly [number, number, number],
  groups: number,
  eps: number,
): [Tensor, Tensor, Tensor] {
  if (groups <= 0) throw new RuntimeError(`Expected num groups to be greater than 0, got ${String(groups)}`);
  if (c % groups !== 0) {
    throw new RuntimeError(
      `Expected number of channels in input to be divisible by num_groups, but got input of shape [${input._shape.join(", ")}] and num_groups=${String(groups)}`,
    );
  }
  for (const [name, t] of Object.entries({ weight, bias })) {
    if (t && t.numel() !== c) {
      throw new RuntimeError(`${name} should contain ${String(c)} elements not ${String(t.numel())}`);
    }
  }
  const grouped = wide(input).reshape(n, groups, (c / groups) * field);
  const [xhat, mean, rstd] = applyAll(standardize, [grouped], { dims: [2], eps }) as [Tensor, Tensor, Tensor];
  const out = affine(xhat.reshape(n, c, field), weight, bias).reshape(input.shape);
  const statistic = (t: Tensor): Tensor => castTo(t.reshape(n, groups), input.dtype);
  return [castTo(out, input.dtype), statistic(mean), statistic(rstd)];
}

export const groupNorm = op({
  signature:
    "group_norm(Tensor input, int num_groups, Tensor? weight=None, Tensor? bias=None, float eps=1e-05) -> Tensor",
  on: ["F"],
  doc: `Normalises groups of channels of every sample of \`[N, C, …]\`.\n\n${page("nn.functional.group_norm")}`,
  call: (input, groups, weight, bias, eps) => {
    const [n, c, ...rest] = input._shape as [number, number, ...number[]];
    return groupNormOf(input, weight, bias, [n, c, numel(rest)], groups, eps)[0];
  },
});
