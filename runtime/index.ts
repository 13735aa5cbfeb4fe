/** Tensorscope's library: PyTorch's API in TypeScript. */
export { torch } from "./library.js";
export { functional as F } from "./torch.js";
export * as nn from "./nn/index.js";
import "./nn/library.js";
export * as optim from "./optim/index.js";
export { Tensor } from "./tensor/tensor.js";
export { DType } from "./tensor/dtype.js";
export { Device, type DeviceLike } from "./tensor/device.js";
export type { FunctionContext, FunctionCtx, RemovableHandle } from "./autograd/index.js";
export { deepcopy } from "./nn/deepcopy.js";
export { formatNpy, formatNpz, loadNpy, loadNpz, parseNpy, parseNpz, saveNpy, saveNpz } from "./io/numpy.js";
export {
  loadCheckpoint,
  saveCheckpoint,
  type CheckpointExtra,
  type CheckpointParts,
  type Stateful,
} from "./io/checkpoint.js";
export { formatPth, type SaveOptions } from "./io/pth/save.js";
export type { LoadOptions } from "./io/pth/load.js";
export { PickledModule } from "./io/pth/pickledModule.js";
export { Complex } from "./io/pickle/values.js";
export { openTensors } from "./io/convert.js";
export type { TensorFile, TensorInfo } from "./io/tensorFile.js";
export * as safetensors from "./io/safetensors/index.js";
export { SummaryWriter } from "./io/summary/writer.js";
export { decodeEvent, type Event as SummaryEvent, type SummaryValue } from "./events/event.js";
export { readEvents } from "./events/file.js";
export * from "./errors.js";
export { setTracing, planStats } from "./graph/executor.js";
export * as data from "./data/index.js";
export * as datasets from "./data/datasets/index.js";
export * as metrics from "./metrics.js";
export * as transforms from "./data/transforms/index.js";
export { progress, setProgressSink } from "./data/progress.js";
export { report, setReportSink } from "./inspect/report.js";
export { Cancelled } from "./engine/cancel.js";

declare global {
  interface ImportMeta {
    /** Whether this file is the one that was started, rather than imported by another or read for its shapes. */
    main: boolean;
  }
}
