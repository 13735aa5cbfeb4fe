/** From specs to tensors: reads a storage when its first tensor is asked for, once. */
import { RuntimeError, UnpicklingError } from "../../errors.js";
import { Value } from "../../graph/value.js";
import { Parameter } from "../../nn/parameter.js";
import { fromData } from "../../ops/leaf.js";
import { stridedView } from "../../ops/strided.js";
import { Device, placed } from "../../tensor/device.js";
import { allocate, viewAs } from "../../tensor/dtype.js";
import { contiguousStrides, numel } from "../../tensor/strides.js";
import { Tensor } from "../../tensor/tensor.js";
import { deviceNamed } from "./globals.js";
import type { ParameterSpec, StorageSpec, TensorSpec } from "./specs.js";

/** Where to put what a file has: a device for all, one for each of the file's, or a function that chooses. */
export type MapLocation =
  | string
  | Device
  | Readonly<Record<string, string | Device>>
  | ReadonlyMap<string, string | Device>
  | ((location: string) => string | Device | null | undefined);

/** The bytes of a storage, in memory of their own. */
export type ReadStorage = (spec: StorageSpec, nbytes: number) => Uint8Array<ArrayBuffer>;

function wanted(location: string, map: MapLocation | null | undefined): string | Device {
  if (map === null || map === undefined) return location;
  if (typeof map === "string" || map instanceof Device) return map;
  if (typeof map === "function") return map(location) ?? location;
  const found =
    map instanceof Map
      ? (map as Map<string, string | Device>).get(location)
      : Object.entries(map).find(([k]) => k === location)?.[1];
  return found ?? location;
}

/**
 * The device that a storage of the file goes to.
 * @throws RuntimeError for one that is not there.
 */
export function placeOf(location: string, map: MapLocation | null | undefined): Device {
  const place = wanted(location, map);
  const device = place instanceof Device ? place : deviceNamed(place);
  try {
    return placed(device);
  } catch (error) {
    const mapped =
      map === null || map === undefined ? "the file's tensors were there" : "mapLocation says so";
    throw new RuntimeError(
      `Attempting to deserialize object on ${device.toString()} (${mapped}), which is not available. ` +
        `Use torch.load(file, { mapLocation: "cpu" }) to load it on the CPU. (${(error as Error).message})`,
    );
  }
}

function swapBytes(bytes: Uint8Array<ArrayBuffer>, size: number): void {
  const buffer = Buffer.from(bytes.buffer);
  if (size === 2) buffer.swap16();
  else if (size === 4) buffer.swap32();
  else if (size === 8) buffer.swap64();
}

export class StorageReader {
  readonly #read: ReadStorage;
  readonly #map: MapLocation | null | undefined;
  readonly #bigEndian: boolean;
  /** By storage key: a tensor over the whole of it, in the type it was first asked for in. */
  readonly #bases = new Map<string, Tensor>();

  constructor(read: ReadStorage, map: MapLocation | null | undefined, bigEndian = false) {
    this.#read = read;
    this.#map = map;
    this.#bigEndian = bigEndian;
  }

  /** A new tensor; tensors over one storage share it. */
  tensor(spec: TensorSpec): Tensor {
    const { shape, strides, offset } = spec;
    const isWhole = offset === 0 && isDense(shape, strides) && numel(shape) === elementsOf(spec);
    let base = this.#bases.get(spec.storage.key);
    if (!base) {
      base = this.#load(spec, isWhole ? shape : [elementsOf(spec)]);
      this.#bases.set(spec.storage.key, base);
    }
    if (base.dtype !== spec.dtype) {
      throw new UnpicklingError(
        `storage ${spec.storage.key} is used as ${base.dtype.toString()} and as ${spec.dtype.toString()}`,
      );
    }
    const layout = { strides, offset };
    let t: Tensor;
    if (isWhole && sameSizes(base._shape, shape)) t = new Tensor(base._value, base._storage, [], layout);
    else if (numel(shape) === 0) t = emptyLike(spec, base.device);
    else t = stridedView(base, shape, layout)._alias();
    return spec.requiresGrad ? t.requiresGrad_() : t;
  }

  parameter(spec: ParameterSpec): Parameter {
    const t = this.tensor(spec.data);
    // Not `new Parameter(t)`: it would have a storage of its own, and weights may be tied.
    const made = new Parameter(fromData(allocate(t.dtype.name, 0), [0], t.dtype), false);
    made._become(t);
    made._storage.markState();
    return spec.requiresGrad ? made.requiresGrad_() : made;
  }

  /** Lets go of the storages: tensors that are made later share with each other, not with earlier ones. */
  forget(): void {
    this.#bases.clear();
  }

  #load(spec: TensorSpec, shape: readonly number[]): Tensor {
    const { storage, dtype } = spec;
    const device = placeOf(storage.location, this.#map);
    const nbytes = storage.dtype ? storage.numel * dtype.itemsize : storage.numel;
    const bytes = this.#read(storage, nbytes);
    if (this.#bigEndian) swapBytes(bytes, dtype.itemsize);
    if (dtype.name === "bool") for (let i = 0; i < bytes.length; i++) if (bytes[i]! > 1) bytes[i] = 1;
    const whole = elementsOf(spec) * dtype.itemsize;
    const data = viewAs(dtype.name, bytes.buffer, 0, whole / dtype.itemsize);
    return fromData(data, shape, dtype, device);
  }
}

const elementsOf = ({ storage, dtype }: TensorSpec): number =>
  storage.dtype ? storage.numel : Math.floor(storage.numel / dtype.itemsize);

const sameSizes = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((d, i) => d === b[i]);

/** Whether the elements lie in C order. Strides of axes of one element say nothing. */
function isDense(shape: readonly number[], strides: readonly number[]): boolean {
  const wanted = contiguousStrides(shape);
  return shape.every((d, i) => d === 1 || strides[i] === wanted[i]);
}

/** Tensors without elements share nothing. */
const emptyLike = ({ dtype, shape, strides }: TensorSpec, device: Device): Tensor =>
  new Tensor(
    new Value(shape, dtype, device, { kind: "host", data: allocate(dtype.name, 0) }),
    undefined,
    [],
    {
      strides,
      offset: 0,
    },
  );
