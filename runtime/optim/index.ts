/** Optimizers. @see https://pytorch.org/docs/stable/optim.html */
export {
  Optimizer,
  type OptimizerState,
  type ParamGroup,
  type ParamsLike,
  type ParamState,
} from "./optimizer.js";
export { SGD, type SGDOptions } from "./sgd.js";
export { Adam, AdamW, type AdamOptions, type AdamWOptions } from "./adam.js";
export {
  Adamax,
  NAdam,
  RAdam,
  type AdamaxOptions,
  type NAdamOptions,
  type RAdamOptions,
} from "./adaptive.js";
export {
  Adadelta,
  Adagrad,
  RMSprop,
  type AdadeltaOptions,
  type AdagradOptions,
  type RMSpropOptions,
} from "./rms.js";
export { Rprop, type RpropOptions } from "./rprop.js";
export { ASGD, type ASGDOptions } from "./asgd.js";
export { LBFGS, type LBFGSOptions } from "./lbfgs.js";
export { SparseAdam, type SparseAdamOptions } from "./sparseAdam.js";
export { Adafactor, Muon, type AdafactorOptions, type MuonOptions } from "./matrix.js";
export * as lrScheduler from "./lrScheduler/index.js";
export * as swaUtils from "./swaUtils.js";
