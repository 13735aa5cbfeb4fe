/** Normalisations as `torch` has them: by position, some with their statistics. */
import { RuntimeError } from "../errors.js";
import { batchNorm, groupNorm, instanceNorm, layerNorm } from "./norm.js";
import { op } from "./record.js";

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
