/** The functions that a file may call: what makes tensors and plain values. Everything else is refused by its name. */
import { NotImplementedError, UnpicklingError } from "../../errors.js";
import { Device, type DeviceType } from "../../tensor/device.js";
import { dtypes, type DType } from "../../tensor/dtype.js";
import { channelsLast, channelsLast3d, contiguousFormat, preserveFormat } from "../../tensor/memoryFormat.js";
import { strided } from "../../tensor/properties.js";
import { Slice } from "../../tensor/slice.js";
import { describe } from "../pickle/unpickler.js";
import { Complex, Dict, Global, Instance } from "../pickle/values.js";
import { ParameterSpec, tensorSpec, TensorSpec } from "./specs.js";

type Args = readonly unknown[];

const aliases: Readonly<Record<string, string>> = {
  double: "float64",
  float: "float32",
  half: "float16",
  long: "int64",
  int: "int32",
  short: "int16",
};

const constants: Readonly<Record<string, unknown>> = {
  contiguous_format: contiguousFormat,
  preserve_format: preserveFormat,
  channels_last: channelsLast,
  channels_last_3d: channelsLast3d,
  strided,
};

/** The constant of `torch` that a name stands for, or nothing. */
export function constantOf({ module, name }: Global): unknown {
  if (module !== "torch") return undefined;
  return dtypeNamed(name) ?? (Object.hasOwn(constants, name) ? constants[name] : undefined);
}

function dtypeNamed(name: string): DType | undefined {
  const full = Object.hasOwn(aliases, name) ? aliases[name]! : name;
  return Object.hasOwn(dtypes, full) ? dtypes[full as keyof typeof dtypes] : undefined;
}

const list = (value: unknown): readonly unknown[] => {
  if (value === undefined) return [];
  if (Array.isArray(value)) return value as unknown[];
  if (value instanceof Set) return [...(value as Set<unknown>)];
  throw new UnpicklingError(`${describe(value)} where the file should have a list`);
};

/** `dict()`, `dict(other)`, `OrderedDict([(key, value), …])`. */
function dict(ordered: boolean, given: unknown): Dict {
  const made = new Dict(ordered);
  if (given instanceof Dict) for (const [k, v] of given.entries) made.set(k, v);
  else
    for (const pair of list(given)) {
      const [k, v] = list(pair);
      made.set(k, v);
    }
  return made;
}

const real = (value: unknown): number => {
  if (typeof value === "number") return value;
  throw new UnpicklingError(`${describe(value)} where the file should have a number`);
};

function parameter(data: unknown, requiresGrad: unknown): ParameterSpec {
  if (!(data instanceof TensorSpec)) throw new UnpicklingError(`a parameter made of ${describe(data)}`);
  return new ParameterSpec(data, requiresGrad === true);
}

/** `_codecs.encode(text, "latin1")`: how bytes are written where there are none. */
function latin1(text: unknown, codec: unknown): Uint8Array {
  if (typeof text !== "string" || codec !== "latin1") {
    throw new UnpicklingError(`the file calls _codecs.encode with the codec ${describe(codec)}: refused`);
  }
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 255) throw new UnpicklingError("bytes of the file that are no bytes");
    bytes[i] = code;
  }
  return bytes;
}

function bytes([value, codec]: Args): Uint8Array {
  if (value === undefined) return new Uint8Array(0);
  if (value instanceof Uint8Array) return value;
  if (typeof value === "string" && codec !== undefined) return latin1(value, "latin1");
  return new Uint8Array(list(value).map(real));
}

const deviceTypes = /^(cpu|webgpu|cuda|dml|coreml)$/;

/** A device by PyTorch's name; those that there are none of are refused. */
export function deviceNamed(name: unknown, index: unknown = undefined): Device {
  const [type, number] = typeof name === "string" ? name.split(":", 2) : [];
  if (type === undefined || !deviceTypes.test(type)) {
    throw new UnpicklingError(`the file has the device ${describe(name)}, and there is none of that kind`);
  }
  const at = number === undefined ? index : Number(number);
  return new Device(type as DeviceType, typeof at === "number" ? at : null);
}

function layout(name: unknown): unknown {
  if (name === "torch.strided") return strided;
  throw new NotImplementedError(`the file has the layout ${describe(name)}; there are only strided tensors`);
}

/** A tensor with attributes of its own, or of a class: of the plain ones. */
function fromType([callee, type, args]: Args): unknown {
  const known =
    type instanceof Global &&
    /^torch(\._tensor)?\.Tensor$|^torch\.nn\.parameter\.Parameter$/.test(type.toString());
  if (!known || !(callee instanceof Global)) {
    throw new UnpicklingError(`the file has a tensor of class ${describe(type)}, which is refused`);
  }
  return callGlobal(callee, list(args));
}

const missing = (what: string) => (): never => {
  throw new NotImplementedError(`the file has ${what}, and there are none here`);
};

const functions: Readonly<Record<string, (args: Args) => unknown>> = {
  "torch._utils._rebuild_tensor": ([s, o, size, stride]) => tensorSpec(s, o, size, stride, false),
  "torch._utils._rebuild_tensor_v2": ([s, o, size, stride, grad]) => tensorSpec(s, o, size, stride, grad),
  "torch._utils._rebuild_tensor_v3": ([s, o, size, stride, grad, , type]) => {
    const dtype = type instanceof Global ? dtypeNamed(type.name) : undefined;
    if (!dtype)
      throw new NotImplementedError(`the file has a tensor of ${describe(type)}, and there are none here`);
    return tensorSpec(s, o, size, stride, grad, dtype);
  },
  "torch._utils._rebuild_parameter": ([data, grad]) => parameter(data, grad),
  "torch._utils._rebuild_parameter_with_state": ([data, grad]) => parameter(data, grad),
  "torch._tensor._rebuild_from_type": fromType,
  "torch._tensor._rebuild_from_type_v2": fromType,
  "torch._utils._rebuild_qtensor": missing("a quantized tensor"),
  "torch._utils._rebuild_sparse_tensor": missing("a sparse tensor"),
  "torch._utils._rebuild_sparse_csr_tensor": missing("a sparse tensor"),
  "torch._utils._rebuild_nested_tensor": missing("a nested tensor"),
  "torch._utils._rebuild_meta_tensor_no_storage": missing("a tensor without values (device meta)"),
  "torch._utils._rebuild_device_tensor_from_numpy": missing("a tensor of another device"),
  "torch.nn.parameter.UninitializedParameter": missing("a parameter whose size is not known yet"),
  "torch.Size": ([sizes]) => list(sizes).map(real),
  "torch.device": ([type, index]) => deviceNamed(type, index),
  "torch.serialization._get_layout": ([name]) => layout(name),
  "collections.OrderedDict": ([given]) => dict(true, given),
  "collections.defaultdict": ([, given]) => dict(false, given),
  "collections.Counter": ([given]) => dict(false, given),
  "collections.deque": ([given]) => [...list(given)],
  "builtins.dict": ([given]) => dict(false, given),
  "builtins.list": ([given]) => [...list(given)],
  "builtins.tuple": ([given]) => [...list(given)],
  "builtins.set": ([given]) => new Set(list(given)),
  "builtins.frozenset": ([given]) => new Set(list(given)),
  "builtins.bytes": bytes,
  "builtins.bytearray": bytes,
  "builtins.complex": ([re, im]) => new Complex(real(re), real(im)),
  "builtins.slice": ([start, end, step]) => new Slice(bound(start), bound(end), bound(step)),
  "_codecs.encode": ([text, codec]) => latin1(text, codec),
  "copyreg._reconstructor": ([type, base, state]) => {
    if (!(type instanceof Global) || String(base) !== "__builtin__.object" || state !== null) {
      throw new UnpicklingError(`the file has an object of class ${describe(type)}, which is refused`);
    }
    return new Instance(type);
  },
};

const bound = (value: unknown): number | null => (value === null ? null : real(value));

/** Python 2's names. */
const renamed: Readonly<Record<string, string>> = { __builtin__: "builtins", copy_reg: "copyreg" };

/** What a call gives. @throws UnpicklingError for a function that is not on the list. */
export function callGlobal(callee: Global, args: Args): unknown {
  const name = `${renamed[callee.module] ?? callee.module}.${callee.name}`;
  if (!Object.hasOwn(functions, name)) {
    throw new UnpicklingError(
      `the file calls ${callee.toString()}: code of files is never run, and it is refused`,
    );
  }
  return functions[name]!(args);
}
