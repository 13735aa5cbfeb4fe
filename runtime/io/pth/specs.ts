/** Tensors of a file before their bytes are read: geometry over storages. */
import { NotImplementedError, UnpicklingError } from "../../errors.js";
import {
  bfloat16,
  bool,
  float16,
  float32,
  float64,
  int16,
  int32,
  int64,
  int8,
  uint8,
  type DType,
} from "../../tensor/dtype.js";
import { describe } from "../pickle/unpickler.js";
import { Global } from "../pickle/values.js";

/** Python's classes of storages. */
export const storageTypes: ReadonlyMap<string, DType> = new Map([
  ["DoubleStorage", float64],
  ["FloatStorage", float32],
  ["HalfStorage", float16],
  ["BFloat16Storage", bfloat16],
  ["LongStorage", int64],
  ["IntStorage", int32],
  ["ShortStorage", int16],
  ["CharStorage", int8],
  ["ByteStorage", uint8],
  ["BoolStorage", bool],
]);

const foreignTypes: Readonly<Record<string, string>> = {
  ComplexFloatStorage: "torch.complex64",
  ComplexDoubleStorage: "torch.complex128",
  QInt8Storage: "torch.qint8",
  QUInt8Storage: "torch.quint8",
  QInt32Storage: "torch.qint32",
  QUInt4x2Storage: "torch.quint4x2",
  QUInt2x4Storage: "torch.quint2x4",
};

/** Memory that tensors of the file share, not read yet. */
export interface StorageSpec {
  /** Names it in the file. */
  readonly key: string;
  /** Nothing for memory without a type: tensors bring one. */
  readonly dtype: DType | null;
  /** Elements, or bytes without a type. */
  readonly numel: number;
  /** `cpu`, `cuda:0`, … */
  readonly location: string;
}

export class TensorSpec {
  readonly storage: StorageSpec;
  readonly dtype: DType;
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  readonly requiresGrad: boolean;

  constructor(
    storage: StorageSpec,
    dtype: DType,
    offset: number,
    shape: readonly number[],
    strides: readonly number[],
    requiresGrad: boolean,
  ) {
    this.storage = storage;
    this.dtype = dtype;
    this.offset = offset;
    this.shape = shape;
    this.strides = strides;
    this.requiresGrad = requiresGrad;
  }
}

export class ParameterSpec {
  readonly data: TensorSpec;
  readonly requiresGrad: boolean;

  constructor(data: TensorSpec, requiresGrad: boolean) {
    this.data = data;
    this.requiresGrad = requiresGrad;
  }
}

/** A storage as it is pickled, or a part of one, as files before PyTorch 0.4 have it. */
export interface StorageView {
  readonly storage: StorageSpec;
  readonly offset: number;
  readonly numel: number;
}

const isCount = (value: unknown): value is number =>
  typeof value === "number" && Number.isSafeInteger(value) && value >= 0;

function count(value: unknown, what: string): number {
  if (isCount(value)) return value;
  throw new UnpicklingError(`${what} is ${String(value)}: it should be a number of elements`);
}

/** The dtype of a storage's class. @throws NotImplementedError for those that there are no tensors of. */
function dtypeOf(type: unknown): DType | null {
  if (!(type instanceof Global)) throw new UnpicklingError("a storage without a class");
  const { name } = type;
  if (/^(torch|torch\.storage)$/.test(type.module)) {
    if (/^(_?Untyped|_Typed|Typed)Storage$/.test(name)) return null;
    const dtype = storageTypes.get(name);
    if (dtype) return dtype;
    const foreign = foreignTypes[name];
    if (foreign)
      throw new NotImplementedError(`the file has a tensor of ${foreign}, and there are none here`);
  }
  throw new UnpicklingError(`the file has a storage of class ${type.toString()}, which is refused`);
}

/** Storages by their keys, as `persistent_id`s name them. */
export class StorageTable {
  readonly specs = new Map<string, StorageSpec>();

  /** @throws UnpicklingError for what is no reference to a storage. */
  resolve(id: unknown): StorageView | Global {
    if (!Array.isArray(id)) throw new UnpicklingError("the file refers to something that is no storage");
    const [kind, type, key, location, numel, view] = id as unknown[];
    // A class with its source, as files before 1.6 have it: the source is text that nobody reads.
    if (kind === "module" && type instanceof Global) return type;
    if (kind !== "storage" || typeof key !== "string" || typeof location !== "string") {
      throw new UnpicklingError(`the file refers to ${describe(kind)}, which is no storage`);
    }
    // A key is part of the name of an entry.
    if (!/^[\w.-]{1,64}$/.test(key) || key.includes("..")) {
      throw new UnpicklingError(`the storage key ${JSON.stringify(key.slice(0, 80))} is no plain name`);
    }
    const made = { key, dtype: dtypeOf(type), numel: count(numel, `the size of storage ${key}`), location };
    let storage = this.specs.get(key);
    if (storage && (storage.dtype !== made.dtype || storage.numel !== made.numel)) {
      throw new UnpicklingError(`storage ${key} is described in two ways`);
    }
    if (!storage) this.specs.set(key, (storage = made));
    if (view === undefined || view === null) return { storage, offset: 0, numel: storage.numel };
    const [, offset, size] = (Array.isArray(view) ? view : []) as unknown[];
    const part = {
      storage,
      offset: count(offset, `the offset of a view of storage ${key}`),
      numel: count(size, `the size of a view of storage ${key}`),
    };
    if (part.offset + part.numel > storage.numel) {
      throw new UnpicklingError(`a view of storage ${key} reaches beyond it`);
    }
    return part;
  }
}

const deepestRank = 64;

function sizes(value: unknown, what: string): number[] {
  if (!Array.isArray(value) || value.length > deepestRank || !value.every(isCount)) {
    throw new UnpicklingError(`a tensor's ${what} should be whole numbers that are not negative`);
  }
  return [...(value as number[])];
}

/** A tensor over a storage. @throws UnpicklingError when it would reach beyond it. */
export function tensorSpec(
  memory: unknown,
  at: unknown,
  size: unknown,
  stride: unknown,
  requiresGrad: unknown,
  type?: DType,
): TensorSpec {
  const view = memory as Partial<StorageView> | null;
  if (typeof view !== "object" || view?.storage === undefined) {
    throw new UnpicklingError("a tensor without a storage");
  }
  const { storage, offset: from, numel } = view as StorageView;
  const dtype = type ?? storage.dtype;
  if (!dtype) throw new UnpicklingError(`a tensor over storage ${storage.key}, which has no type`);
  const shape = sizes(size, "sizes");
  const strides = sizes(stride, "strides");
  const offset = count(at, "a tensor's offset");
  if (shape.length !== strides.length) {
    throw new UnpicklingError(
      `a tensor with ${String(shape.length)} sizes and ${String(strides.length)} strides`,
    );
  }
  const elements = shape.reduce((n, d) => n * d, 1);
  if (!Number.isSafeInteger(elements))
    throw new UnpicklingError("a tensor of more elements than can be counted");
  const end = elements === 0 ? 0 : shape.reduce((n, d, i) => n + (d - 1) * strides[i]!, offset) + 1;
  const available = storage.dtype ? numel : Math.floor(numel / dtype.itemsize);
  if (end > available || offset > available) {
    throw new UnpicklingError(
      `a tensor of shape [${shape.join(", ")}], strides [${strides.join(", ")}] and offset ${String(offset)} reaches ` +
        `beyond its storage of ${String(available)} elements`,
    );
  }
  return new TensorSpec(storage, dtype, from + offset, shape, strides, requiresGrad === true);
}
