/** Normalisations as `torch` has them: by position, some with their statistics. */
import { RuntimeError } from "../errors.js";
import { batchNorm, batchNormImpl, groupNorm, groupNormOf, instanceNorm, layerNorm } from "./norm.js";
import { castTo } from "./convert.js";
import { op } from "./record.js";
import { named } from "./results.js";
import type { Tensor } from "../tensor/tensor.js";

const behind = (name: string): string => `The function behind \`F.${name}\`.`;

export const torchBatchNorm = op({
  signature:
    "batch_norm(Tensor input, Tensor? weight, Tensor? bias, Tensor? running_mean, Tensor? running_var, bool training, float momentum, float eps, bool cudnn_enabled) -> Tensor",
  on: ["torch"],
  doc: behind("batchNorm"),
  call: (input, weight, bias, runningMean, runningVar, training, momentum, eps) =>
    batchNorm(input, runningMean, runningVar, { weight, bias, training, momentum, eps }),
});

export const torchInstanceNorm = op({
  signature:
    "instance_norm(Tensor input, Tensor? weight, Tensor? bias, Tensor? running_mean, Tensor? running_var, bool use_input_stats, float momentum, float eps, bool cudnn_enabled) -> Tensor",
  on: ["torch"],
  doc: behind("instanceNorm"),
  call: (input, weight, bias, runningMean, runningVar, useInputStats, momentum, eps) => {
    if (!useInputStats && (!runningMean || !runningVar)) {
      throw new RuntimeError(
        "Expected running_mean and running_var to be defined when use_input_stats is false",
      );
    }
    return instanceNorm(input, { runningMean, runningVar, weight, bias, useInputStats, momentum, eps });
  },
});

export const torchLayerNorm = op({
  signature:
    "layer_norm(Tensor input, int[] normalized_shape, Tensor? weight=None, Tensor? bias=None, float eps=1e-05, bool cudnn_enable=True) -> Tensor",
  on: ["torch"],
  doc: behind("layerNorm"),
  call: (input, shape, weight, bias, eps) => layerNorm(input, shape, { weight, bias, eps }),
});

export const torchGroupNorm = op({
  signature:
    "group_norm(Tensor input, int num_groups, Tensor? weight=None, Tensor? bias=None, float eps=1e-05, bool cudnn_enabled=True) -> Tensor",
  on: ["torch"],
  doc: behind("groupNorm"),
  call: (input, groups, weight, bias, eps) => groupNorm(input, groups, { weight, bias, eps }),
});

export const nativeGroupNorm = op({
  signature:
    "native_group_norm(Tensor input, Tensor? weight, Tensor? bias, int N, int C, int HxW, int group, float eps) -> (Tensor output, Tensor mean, Tensor rstd)",
  on: ["torch"],
  doc: "`F.groupNorm` of an input of `N · C · HxW` elements that also gives the mean and 1/√(var + eps) of each group.",
  call: (input, weight, bias, n, c, field, groups, eps) => {
    const [output, mean, rstd] = groupNormOf(input, weight, bias, [n, c, field], groups, eps);
    return named({ output, mean, rstd });
  },
});

export const batchNormUpdateStats = op({
  signature:
    "batch_norm_update_stats(Tensor input, Tensor? running_mean, Tensor? running_var, float momentum) -> (Tensor mean, Tensor var)",
  on: ["torch"],
  doc: "The mean and the biased variance of each channel; the running ones are updated, with the unbiased variance.",
  call: (input, runningMean, runningVar, momentum) => {
    const { mean, rstd } = batchNormImpl(input, runningMean, runningVar, null, null, true, momentum, 0);
    if (!mean || !rstd) throw new RuntimeError("batch_norm_update_stats: expected at least 2 axes");
    const flat = (t: Tensor): Tensor => castTo(t.detach().reshape(-1), input.dtype);
    return named({ mean: flat(mean), var: flat(rstd.square().reciprocal()) });
  },
});
