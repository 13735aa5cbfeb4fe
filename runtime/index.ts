/** Tensorscope's library: PyTorch's API in TypeScript. */
export { torch, functional as F } from "./torch.js";
export * as nn from "./nn/index.js";
export * as optim from "./optim/index.js";
export { Tensor } from "./tensor/tensor.js";
export { DType } from "./tensor/dtype.js";
export { Device } from "./tensor/device.js";
export { deepcopy } from "./nn/deepcopy.js";
export * from "./errors.js";
export { setTracing, planStats } from "./graph/executor.js";
export { progress, setProgressSink } from "./data/progress.js";
export { report, setReportSink } from "./inspect/report.js";
export { Cancelled } from "./engine/cancel.js";
