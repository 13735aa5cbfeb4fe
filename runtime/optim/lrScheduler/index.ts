/** Learning rate schedules. @see https://pytorch.org/docs/stable/optim.html#how-to-adjust-learning-rate */
export { LRScheduler, type Scheduled, type SchedulerState } from "./base.js";
export {
  ConstantLR,
  ExponentialLR,
  LambdaLR,
  LinearLR,
  MultiplicativeLR,
  MultiStepLR,
  PolynomialLR,
  StepLR,
  type LRLambda,
} from "./factors.js";
export { CosineAnnealingLR, CosineAnnealingWarmRestarts } from "./cosine.js";
export { CyclicLR, OneCycleLR } from "./cyclic.js";
export { ChainedScheduler, SequentialLR } from "./compose.js";
export { ReduceLROnPlateau } from "./plateau.js";
