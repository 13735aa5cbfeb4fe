/** Optimizers. @see https://pytorch.org/docs/stable/optim.html */
export { Optimizer, type OptimizerState, type ParamGroup, type ParamsLike } from "./optimizer.js";
export { SGD, type SGDOptions } from "./sgd.js";
export { Adam, AdamW, type AdamOptions } from "./adam.js";
