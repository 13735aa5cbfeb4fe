/** @see https://pytorch.org/docs/stable/nn.html#utilities */
export { clipGradNorm_, clipGradValue_ } from "./clip.js";
export * as rnn from "./rnn.js";
export { parametersToVector, vectorToParameters } from "./vector.js";
