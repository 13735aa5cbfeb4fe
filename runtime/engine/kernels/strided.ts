import { allocate, viewAs, type DTypeName, type HostArray } from "../../tensor/dtype.js";
import { floatRoom, floats, stored } from "./floats.js";
import type { HostKernel, KernelInput } from "./index.js";

/** Where the elements of a tensor lie in memory. */
interface Geometry {
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  readonly offset: number;
}

/** Places in memory of the elements in C order. */
function places({ shape, strides, offset }: Geometry): Int32Array {
  let at = Int32Array.of(offset);
  shape.forEach((size, axis) => {
    const step = strides[axis]!;
    const next = new Int32Array(at.length * size);
    for (let i = 0, k = 0; i < at.length; i++) for (let j = 0; j < size; j++) next[k++] = at[i]! + j * step;
    at = next;
  });
  return at;
}

function extent(...all: readonly Int32Array[]): number {
  let end = 0;
  for (const places of all) for (const p of places) end = Math.max(end, p + 1);
  return end;
}

interface MapAttrs {
  /** Of the input, whose shape is known. */
  readonly strides: readonly number[];
  readonly offset: number;
  readonly shape: readonly number[];
  readonly toStrides: readonly number[];
  readonly toOffset: number;
}

function geometries(x: KernelInput, attrs: unknown): [Int32Array, Int32Array] {
  const a = attrs as MapAttrs;
  return [
    places({ shape: x.shape, strides: a.strides, offset: a.offset }),
    places({ shape: a.shape, strides: a.toStrides, offset: a.toOffset }),
  ];
}

/** Arrays of one kind, so that elements can be moved without looking at what they are. */
type Cells = Record<number, number>;

/** The elements of one tensor seen through the geometry of another; 0 where there are none. */
const read: HostKernel = ([x], attrs) => {
  const [from, to] = geometries(x!, attrs);
  const memory = allocate(x!.dtype, extent(from, to)) as unknown as Cells;
  const data = x!.data as unknown as Cells;
  for (let i = 0; i < from.length; i++) memory[from[i]!] = data[i]!;
  const out = allocate(x!.dtype, to.length);
  for (let i = 0; i < to.length; i++) (out as unknown as Cells)[i] = memory[to[i]!]!;
  return [out];
};

/** As `read`, with the elements that meet at one place added up. */
const sum: HostKernel = ([x], attrs) => {
  const [from, to] = geometries(x!, attrs);
  const numbers = numberArrays(x!.dtype);
  const memory = numbers.room(extent(from, to)) as unknown as Cells;
  const data = numbers.load(x!) as unknown as Cells;
  for (let i = 0; i < from.length; i++) memory[from[i]!] = memory[from[i]!]! + data[i]!;
  const out = numbers.room(to.length);
  for (let i = 0; i < to.length; i++) (out as unknown as Cells)[i] = memory[to[i]!]!;
  return [numbers.store(out)];
};

/** The first input with the second written over it where the geometry of the second says. */
const write: HostKernel = ([x, value], attrs) => {
  const [from, to] = geometries(x!, attrs);
  const memory = allocate(x!.dtype, extent(from, to)) as unknown as Cells;
  const data = x!.data as unknown as Cells;
  for (let i = 0; i < from.length; i++) memory[from[i]!] = data[i]!;
  const written = value!.data as unknown as Cells;
  for (let i = 0; i < to.length; i++) memory[to[i]!] = written[i]!;
  const out = allocate(x!.dtype, from.length);
  for (let i = 0; i < from.length; i++) (out as unknown as Cells)[i] = memory[from[i]!]!;
  return [out];
};

/** The bytes as another dtype's elements. */
const bitcast: HostKernel = ([x], attrs) => {
  const { data } = x!;
  const bytes = data.slice().buffer as ArrayBuffer;
  return [viewAs((attrs as { dtype: DTypeName }).dtype, bytes)];
};

/** How to add elements of a dtype: half types as float32. */
function numberArrays(dtype: DTypeName): {
  room: (n: number) => HostArray;
  load: (x: KernelInput) => HostArray;
  store: (values: HostArray) => HostArray;
} {
  if (dtype === "float16" || dtype === "bfloat16") {
    return {
      room: (n) => floatRoom(dtype, n),
      load: floats,
      store: (values) => stored(values as Float32Array<ArrayBuffer>, dtype),
    };
  }
  return { room: (n) => allocate(dtype, n), load: (x) => x.data, store: (values) => values };
}

/** Tensors seen through strides that no other view gives. */
export const stridedKernels: Readonly<Record<string, HostKernel>> = {
  bitcast,
  "strided.read": read,
  "strided.sum": sum,
  "strided.write": write,
};
