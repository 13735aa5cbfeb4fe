/** Questions about tensors and dtypes, and the settings of the library. */
import { setAnomaly } from "../autograd/anomaly.js";
import { RuntimeError, ValueError } from "../errors.js";
import { bool, dtypes, setDefaultDtype, type DType, type DTypeName } from "../tensor/dtype.js";
import { setPrintOptions } from "../tensor/printing.js";
import { StorageHandle } from "../tensor/storageHandle.js";
import { Tensor } from "../tensor/tensor.js";
import { typeString } from "../tensor/typenames.js";
import { isShownAlways, showAlways } from "../warnings.js";
import { sameShape } from "./apply.js";
import { typeName } from "./bind.js";
import { castTo } from "./convert.js";
import { wrapDim } from "./dims.js";
import { page } from "./family.js";
import { resultType as meetingType } from "./promote.js";
import { op, type OpFunction } from "./record.js";

const method = (name: string): string =>
  `[PyTorch](https://pytorch.org/docs/stable/generated/torch.Tensor.${name}.html)`;

export const isTensor = op({
  signature: "is_tensor(any obj) -> bool",
  doc: `Whether it is a tensor.\n\n${page("is_tensor")}`,
  call: (obj) => obj instanceof Tensor,
});

export const isStorage = op({
  signature: "is_storage(any obj) -> bool",
  doc: `Whether it is a tensor's storage.\n\n${page("is_storage")}`,
  call: (obj) => obj instanceof StorageHandle,
});

type Question<N extends string> = OpFunction<`${N}(Tensor input) -> bool`>;

function question<const N extends string>(
  name: N,
  what: string,
  call: (input: Tensor) => boolean,
): Question<N> {
  return op({
    signature: `${name}(Tensor input) -> bool` as string,
    on: ["torch", "Tensor"],
    doc: `Whether ${what}.\n\n${page(name)}`,
    call: call as never,
  }) as Question<N>;
}

export const isFloatingPoint = question(
  "is_floating_point",
  "the dtype is a floating one",
  (x) => x.dtype.isFloatingPoint,
);
export const isSigned = question("is_signed", "the dtype has negative numbers", (x) => x.dtype.isSigned);
export const isComplex = question("is_complex", "the dtype is complex: none is here", () => false);
export const isConj = question("is_conj", "the tensor waits to be conjugated: never", () => false);
export const isNeg = question("is_neg", "the tensor waits to be negated: never", () => false);
export const isDistributed = question(
  "is_distributed",
  "the tensor is a distributed one: never",
  () => false,
);
export const isInference = question(
  "is_inference",
  "the tensor was made in inference mode",
  (x) => x._storage.inference,
);
export const isNonzero = question("is_nonzero", "the one element is not zero; reads it", (x) => {
  if (x.numel() === 0) throw new RuntimeError("Boolean value of Tensor with no values is ambiguous");
  if (x.numel() > 1) {
    throw new RuntimeError(
      `Boolean value of Tensor with more than one value is ambiguous: its shape is [${x._shape.join(", ")}]`,
    );
  }
  return Boolean(x.item());
});

export const isSameSize = op({
  signature: "is_same_size(Tensor input, Tensor other) -> bool",
  doc: "Whether two tensors have the same shape.",
  call: (input, other) => sameShape(input._shape, other._shape),
});

export const numelOf = op({
  signature: "numel(Tensor input) -> int",
  on: ["torch"],
  doc: `The number of elements.\n\n${page("numel")}`,
  call: (input) => input.numel(),
});

export const nelement = op({
  signature: "nelement(Tensor self) -> int",
  on: ["Tensor"],
  doc: `The number of elements.\n\n${method("nelement")}`,
  call: (self) => self.numel(),
});

export const ndimension = op({
  signature: "ndimension(Tensor self) -> int",
  on: ["Tensor"],
  doc: `The number of axes.\n\n${method("ndimension")}`,
  call: (self) => self.ndim,
});

export const size = op(
  {
    signature: "size(Tensor self) -> int[]",
    on: ["Tensor"],
    doc: `The sizes of the axes, or of one.\n\n${method("size")}`,
    call: (self) => self.shape,
  },
  {
    signature: "size(Tensor self, int dim) -> int",
    call: (self, dim) => self._shape[wrapDim(dim, self.ndim)] ?? 1,
  },
);

export const elementSize = op({
  signature: "element_size(Tensor self) -> int",
  on: ["Tensor"],
  doc: `Bytes of one element.\n\n${method("element_size")}`,
  call: (self) => self.dtype.itemsize,
});

export const getDevice = op({
  signature: "get_device(Tensor input) -> int",
  doc: `The index of the device; -1 on the CPU.\n\n${method("get_device")}`,
  call: (input) => (input.device.type === "cpu" ? -1 : (input.device.index ?? 0)),
});

/** `torch.FloatTensor` and the like, and plain dtypes by name. */
function dtypeNamed(name: string): DType {
  const short = name.replace(/^torch\./, "");
  const found = Object.hasOwn(dtypes, short)
    ? dtypes[short as DTypeName]
    : Object.values(dtypes).find((d) => typeString(d) === name);
  if (!found) throw new ValueError(`invalid type: '${name}'`);
  return found;
}

export const type = op(
  {
    signature: "type(Tensor self) -> str",
    on: ["Tensor"],
    doc: `The type's name, \`torch.FloatTensor\`; with a dtype or such a name, the tensor converted to it.\n\n${method("type")}`,
    call: (self) => typeString(self.dtype),
  },
  {
    signature: "type(Tensor self, dtype dtype, bool non_blocking=False) -> Tensor",
    call: (self, dtype) => castTo(self, dtype),
  },
  {
    signature: "type(Tensor self, str dtype, bool non_blocking=False) -> Tensor",
    call: (self, dtype) => castTo(self, dtypeNamed(dtype)),
  },
);

export const typename = op({
  signature: "typename(any obj) -> str",
  doc: `The name of a value's type: \`torch.FloatTensor\` for tensors.\n\n${page("typename")}`,
  call: (obj) => (obj instanceof Tensor ? typeString(obj.dtype) : typeName(obj)),
});

/** Whether a dtype can be converted without losing its kind: floating to integral, and anything to bool, cannot. */
export const canCast = op({
  signature: "can_cast(dtype from, dtype to) -> bool",
  doc: `Whether type promotion allows converting \`from\` to \`to\`.\n\n${page("can_cast")}`,
  call: (from, to) => {
    if (from.isFloatingPoint && !to.isFloatingPoint) return false;
    return from === bool || to !== bool;
  },
});

export const resultType = op({
  signature: "result_type(Tensor|Scalar tensor1, Tensor|Scalar tensor2) -> dtype",
  on: ["torch"],
  doc: `The dtype that an operation on two operands would have.\n\n${page("result_type")}`,
  call: (a, b) => meetingType(a, b),
});

export const setPrintoptions = op({
  signature:
    "set_printoptions(int? precision=None, float? threshold=None, int? edgeitems=None, int? linewidth=None, str? profile=None, bool? sci_mode=None) -> None",
  doc: `How tensors are printed: digits, the number of elements from which on they are summarised, entries at the ends, characters in a line, a profile (\`default\`, \`short\`, \`full\`), exponents.\n\n${page("set_printoptions")}`,
  call: (precision, threshold, edgeitems, linewidth, profile, sciMode) => {
    setPrintOptions({ precision, threshold, edgeitems, linewidth, profile, sciMode });
  },
});

export const setDefaultTensorType = op(
  {
    signature: "set_default_tensor_type(dtype t) -> None",
    doc: `Sets the default floating dtype.\n\n${page("set_default_tensor_type")}`,
    call: (t) => {
      setDefault(t);
    },
  },
  {
    signature: "set_default_tensor_type(str t) -> None",
    call: (t) => {
      setDefault(dtypeNamed(t));
    },
  },
);

function setDefault(dtype: DType): void {
  if (!dtype.isFloatingPoint) {
    throw new TypeError(`only floating-point types are supported as the default type, not ${String(dtype)}`);
  }
  setDefaultDtype(dtype);
}

export const setAnomalyEnabled = op({
  signature: "set_anomaly_enabled(bool enabled, bool check_nan=True) -> None",
  doc: "Turns anomaly detection on or off: see `torch.autograd.setDetectAnomaly`.",
  call: (enabled, checkNaN) => {
    setAnomaly({ enabled, checkNaN });
  },
});

const modes = ["default", "warn", "error"] as const;
let deterministic: (typeof modes)[number] = "default";

export const useDeterministicAlgorithms = op({
  signature: "use_deterministic_algorithms(bool mode, *, bool warn_only=False) -> None",
  doc: `Asks for algorithms that give the same result each time. All of those here do.\n\n${page("use_deterministic_algorithms")}`,
  call: (mode, warnOnly) => {
    deterministic = mode ? (warnOnly ? "warn" : "error") : "default";
  },
});

export const areDeterministicAlgorithmsEnabled = op({
  signature: "are_deterministic_algorithms_enabled() -> bool",
  doc: `What \`useDeterministicAlgorithms\` was given.\n\n${page("are_deterministic_algorithms_enabled")}`,
  call: () => deterministic !== "default",
});

export const isDeterministicAlgorithmsWarnOnlyEnabled = op({
  signature: "is_deterministic_algorithms_warn_only_enabled() -> bool",
  doc: `Whether \`useDeterministicAlgorithms\` was given \`warnOnly\`.\n\n${page("is_deterministic_algorithms_warn_only_enabled")}`,
  call: () => deterministic === "warn",
});

export const setDeterministicDebugMode = op({
  signature: "set_deterministic_debug_mode(int|str debug_mode) -> None",
  doc: `0 or "default", 1 or "warn", 2 or "error".\n\n${page("set_deterministic_debug_mode")}`,
  call: (mode) => {
    const found = typeof mode === "number" ? modes[mode] : modes.find((m) => m === mode);
    if (!found) {
      throw new RuntimeError(
        `invalid value of debug_mode, expected one of 'default', 'warn', 'error' or 0, 1, 2, but got ${String(mode)}`,
      );
    }
    deterministic = found;
  },
});

export const getDeterministicDebugMode = op({
  signature: "get_deterministic_debug_mode() -> int",
  doc: `0, 1 or 2, as \`setDeterministicDebugMode\` numbers them.\n\n${page("get_deterministic_debug_mode")}`,
  call: () => modes.indexOf(deterministic),
});

export const setWarnAlways = op({
  signature: "set_warn_always(bool b) -> None",
  doc: `Whether a warning is shown each time, not only the first.\n\n${page("set_warn_always")}`,
  call: showAlways,
});

export const isWarnAlwaysEnabled = op({
  signature: "is_warn_always_enabled() -> bool",
  doc: `Whether a warning is shown each time.\n\n${page("is_warn_always_enabled")}`,
  call: isShownAlways,
});

const precisions = ["highest", "high", "medium"];
let matmulPrecision = "highest";

export const setFloat32MatmulPrecision = op({
  signature: "set_float32_matmul_precision(str precision) -> None",
  doc: `"highest", "high" or "medium": a permission, which the CPU makes no use of.\n\n${page("set_float32_matmul_precision")}`,
  call: (precision) => {
    if (!precisions.includes(precision)) {
      throw new RuntimeError(`${precision} is not one of ${precisions.join(", ")}`);
    }
    matmulPrecision = precision;
  },
});

export const getFloat32MatmulPrecision = op({
  signature: "get_float32_matmul_precision() -> str",
  doc: `What \`setFloat32MatmulPrecision\` was given.\n\n${page("get_float32_matmul_precision")}`,
  call: () => matmulPrecision,
});

export const setFlushDenormal = op({
  signature: "set_flush_denormal(bool mode) -> bool",
  doc: `Denormal numbers are never flushed to zero: gives false, as PyTorch does where it cannot.\n\n${page("set_flush_denormal")}`,
  call: () => false,
});

export const isAutocastEnabled = op({
  signature: "is_autocast_enabled() -> bool",
  doc: "Whether autocast is on for a GPU: never.",
  call: () => false,
});

export const isAutocastCpuEnabled = op({
  signature: "is_autocast_cpu_enabled() -> bool",
  doc: "Whether autocast is on for the CPU: never.",
  call: () => false,
});

export const isVulkanAvailable = op({
  signature: "is_vulkan_available() -> bool",
  doc: "Whether PyTorch's Vulkan backend is there: never.",
  call: () => false,
});

export const cpuOf = op({
  signature: "cpu(Tensor self, *, memory_format? memory_format=None) -> Tensor",
  on: ["Tensor"],
  doc: `The tensor on the CPU.\n\n${method("cpu")}`,
  call: (self) => self.to("cpu"),
});

export const cuda = op({
  signature:
    "cuda(Tensor self, device? device=None, bool non_blocking=False, *, memory_format? memory_format=None) -> Tensor",
  on: ["Tensor"],
  doc: `The tensor on a CUDA device.\n\n${method("cuda")}`,
  call: (self, device) => self.to(device ?? "cuda"),
});

export const isShared = op({
  signature: "is_shared(Tensor self) -> bool",
  on: ["Tensor"],
  doc: `Whether other processes see the tensor's memory: never.\n\n${method("is_shared")}`,
  call: () => false,
});

export const isPinned = op({
  signature: "is_pinned(Tensor self, device? device=None) -> bool",
  on: ["Tensor"],
  doc: `Whether the tensor lies in page-locked memory: never.\n\n${method("is_pinned")}`,
  call: () => false,
});

export const pinMemory = op({
  signature: "pin_memory(Tensor self, device? device=None) -> Tensor",
  on: ["Tensor"],
  doc: `Page-locked memory is for CUDA devices, and there is none.\n\n${method("pin_memory")}`,
  call: () => {
    throw new RuntimeError("Cannot pin memory: no CUDA device is available");
  },
});

export const toDense = op({
  signature: "to_dense(Tensor self, dtype? dtype=None) -> Tensor",
  on: ["Tensor"],
  doc: `The tensor itself: all are dense.\n\n${method("to_dense")}`,
  call: (self, dtype) => (dtype ? castTo(self, dtype) : self),
});

export const hasNames = op({
  signature: "has_names(Tensor self) -> bool",
  on: ["Tensor"],
  doc: "Whether the axes have names: never.",
  call: () => false,
});
