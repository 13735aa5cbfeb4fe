import { isAnomalyCheckNanEnabled, isAnomalyEnabled } from "./autograd/anomaly.js";
import { checkpoint, checkpointSequential } from "./autograd/checkpoint.js";
import { autograd, func } from "./autograd/index.js";
import {
  enableGrad,
  inferenceMode,
  isGradEnabled,
  isInferenceModeEnabled,
  noGrad,
  setGradEnabled,
} from "./autograd/mode.js";
import type {
  FFunctions,
  FftFunctions,
  InitFunctions,
  LinalgFunctions,
  SpecialFunctions,
  TorchFunctions,
} from "./generated/functions.js";
import { backends, checkDevice } from "./graph/devices.js";
import { flushState, noteModuleResult, noteRecorded, noteState, noteVisible } from "./graph/executor.js";
import { setRecordHook } from "./graph/record.js";
import { setFlushHook, setModuleResultHook, setResultHook } from "./ops/depth.js";
import { absentConstant, fillAbsent } from "./ops/absent.js";
import { installMethods, namespace } from "./ops/install.js";
import * as dtype from "./tensor/dtype.js";
import {
  Device,
  getDefaultDevice,
  setDefaultDevice,
  setDeviceCheck,
  type DeviceLike,
} from "./tensor/device.js";
import { channelsLast, channelsLast3d, contiguousFormat, preserveFormat } from "./tensor/memoryFormat.js";
import { Slice } from "./tensor/slice.js";
import "./tensor/reading.js";
import "./tensor/printing.js";
import "./tensor/quantized-printing.js";
import * as quantized from "./tensor/quantized.js";
import { finfo, iinfo } from "./tensor/limits.js";
import { strided } from "./tensor/properties.js";
import { setStateHook, Tensor } from "./tensor/tensor.js";
import { commonShape } from "./ops/mesh.js";
import { fromData } from "./ops/leaf.js";
import { defaultGenerator, Generator } from "./tensor/generator.js";
import { random } from "./tensor/random.js";

installMethods();
setRecordHook(noteRecorded);
setStateHook(noteState);
setDeviceCheck(checkDevice);
setFlushHook(flushState);
setModuleResultHook((t) => {
  noteModuleResult(t._value);
});
setResultHook(function note(result: unknown): void {
  if (result instanceof Tensor) noteVisible(result._value);
  else if (typeof result === "object" && result !== null && Symbol.iterator in result) {
    for (const r of result as Iterable<unknown>) if (r instanceof Tensor) noteVisible(r._value);
  }
});

const linalg = namespace("linalg") as unknown as LinalgFunctions;
const special = namespace("special") as unknown as SpecialFunctions;
const fft = namespace("fft") as unknown as FftFunctions;
const masked = {};
const sparse = {};

const deviceName = (device: DeviceLike | { readonly type: string }): DeviceLike =>
  typeof device === "object" && !(device instanceof Device) ? device.type : device;

const own = {
  Tensor,
  linalg,
  special,
  fft,
  /** @internal */
  masked,
  /** @internal */
  sparse,
  float64: dtype.float64,
  double: dtype.float64,
  float32: dtype.float32,
  float: dtype.float32,
  float16: dtype.float16,
  half: dtype.float16,
  bfloat16: dtype.bfloat16,
  int64: dtype.int64,
  long: dtype.int64,
  int32: dtype.int32,
  int: dtype.int32,
  int16: dtype.int16,
  short: dtype.int16,
  int8: dtype.int8,
  uint8: dtype.uint8,
  bool: dtype.bool,
  quint8: quantized.quint8,
  qint8: quantized.qint8,
  qint32: quantized.qint32,
  perTensorAffine: quantized.perTensorAffine,
  perTensorSymmetric: quantized.perTensorSymmetric,
  perChannelAffine: quantized.perChannelAffine,
  perChannelSymmetric: quantized.perChannelSymmetric,
  strided,
  contiguousFormat,
  channelsLast,
  channelsLast3d,
  preserveFormat,
  inf: Infinity,
  nan: NaN,
  pi: Math.PI,
  e: Math.E,
  getDefaultDtype: dtype.getDefaultDtype,
  setDefaultDtype: dtype.setDefaultDtype,
  promoteTypes: dtype.promoteTypes,
  finfo,
  iinfo,
  /** A device by name, `torch.device("webgpu")`, `torch.device("cuda:1")`; equal ones are the same object. */
  device: (device: DeviceLike | { readonly type: string }, index: number | null = null): Device =>
    new Device(deviceName(device), index),
  getDefaultDevice,
  setDefaultDevice,
  cuda: backends.cuda,
  webgpu: backends.webgpu,
  dml: backends.dml,
  coreml: backends.coreml,
  version: backends.version,
  Generator,
  defaultGenerator,
  manualSeed: random.manualSeed,
  seed: random.seed,
  initialSeed: random.initialSeed,
  getRngState: random.getRngState,
  setRngState: random.setRngState,
  random,
  noGrad,
  enableGrad,
  setGradEnabled,
  isGradEnabled,
  inferenceMode,
  isInferenceModeEnabled,
  isAnomalyEnabled,
  isAnomalyCheckNanEnabled,
  autograd,
  func,
  utils: { checkpoint: { checkpoint, checkpointSequential } },
  broadcastShapes: commonShape,
  slice: (start: number | null, end: number | null = null, step: number | null = null): Slice =>
    new Slice(start, end, step),
  /** @internal A contiguous tensor over little-endian bytes. */
  _fromBytes(bytes: Uint8Array, type: dtype.DType, shape: readonly number[]): Tensor {
    // A Buffer's own slice would share its memory.
    const data = dtype.viewAs(type.name, new Uint8Array(bytes).buffer);
    return fromData(data, [...shape], type);
  },
};

/**
 * The functions of PyTorch's `torch` module, by the calling rule: its names in camelCase, its argument order, options
 * in one trailing object.
 * @see https://pytorch.org/docs/stable/torch.html
 */
export const torch = Object.assign(namespace("torch"), own) as unknown as typeof own & TorchFunctions;

/** @internal */
export const functional = namespace("F") as unknown as FFunctions;
/** @internal */
export const initFunctions = namespace("init") as unknown as InitFunctions;

fillAbsent(Tensor.prototype, "Tensor");
fillAbsent(torch, "torch");
fillAbsent(functional, "nn.functional");
fillAbsent(linalg, "linalg");
fillAbsent(special, "special");
fillAbsent(fft, "fft");
fillAbsent(masked, "masked");
fillAbsent(sparse, "sparse");
// Read as an option, an undefined dtype would be the default one.
for (const name of ["complex32", "complex64", "complex128", "chalf", "cfloat", "cdouble"]) {
  absentConstant(torch, name, `torch.${name}`, "there are no complex numbers yet");
}
for (const name of ["quint4x2", "quint2x4"]) {
  absentConstant(torch, name, `torch.${name}`, "quantized tensors have 8 or 32 bits");
}
