/** @see https://pytorch.org/docs/stable/nn.html#utilities */
export { clipGradNorm_, clipGradValue_ } from "./clip.js";
export { fuseConvBnEval, fuseConvBnWeights, fuseLinearBnEval, fuseLinearBnWeights } from "./fusion.js";
export * as parametrizations from "./parametrizations.js";
export * as parametrize from "./parametrize.js";
export * as prune from "./prune.js";
export * as rnn from "./rnn.js";
export { skipInit } from "./skipInit.js";
export { removeSpectralNorm, spectralNorm } from "./spectralNorm.js";
export * as stateless from "./stateless.js";
export { parametersToVector, vectorToParameters } from "./vector.js";
export { removeWeightNorm, weightNorm } from "./weightNorm.js";
