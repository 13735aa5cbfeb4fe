import type * as ort from "onnxruntime-node";
import { decodeBfloat16, encodeBfloat16 } from "../tensor/half.js";
import { allocate, type HostArray } from "../tensor/dtype.js";
import { numel } from "../tensor/strides.js";
import { kernels, type KernelInput } from "./kernels/index.js";
import type { BufferPool } from "./pool.js";
import type { HostSegment, OnnxSegment, Program, SlotType } from "./protocol.js";
import { ortTensor, type Session } from "./session.js";
import { bytesOf, freeDevice, type Slot } from "./slot.js";
import { webgpuMemory } from "./webgpu.js";

export interface Output {
  readonly slot: Slot;
  /** Present when the program left a size open. */
  readonly shape?: readonly number[];
}

/** What a run does with a program's output. */
export interface Destination {
  /** It stays on this thread, so memory from the pool will do. */
  readonly stays: boolean;
}

/** The values of one run: slots filled so far, and the sizes known so far. */
interface Table {
  readonly slots: (Slot | undefined)[];
  readonly sizes: (readonly (number | null)[])[];
  /** Slots whose memory leaves this thread; all others may use the pool's. */
  readonly leaving: ReadonlySet<number>;
}

/** Where a run failed. */
export class NodeFailure extends Error {
  readonly node: number;
  constructor(cause: unknown, node: number) {
    super((cause as Error).message, { cause });
    this.node = node;
  }
}

/** Runs a compiled program. */
export class ProgramRunner {
  readonly #program: Program;
  readonly #sessions: ReadonlyMap<number, () => Promise<Session>>;
  readonly #pool: BufferPool;
  readonly #open: readonly boolean[];
  /** Feeds that are the same in every run, by segment. */
  readonly #constants: readonly Readonly<Record<string, ort.Tensor>>[];

  /** `sessions` gives the session of every ONNX segment, by its number. */
  constructor(program: Program, sessions: ReadonlyMap<number, () => Promise<Session>>, pool: BufferPool) {
    this.#program = program;
    this.#sessions = sessions;
    this.#pool = pool;
    this.#open = program.outputs.map((s) => program.slots[s]!.shape.includes(null));
    this.#constants = program.segments.map((segment) =>
      segment.kind === "onnx"
        ? Object.fromEntries(
            segment.constants.map(({ name, dtype, dims, data }) => [name, ortTensor(dtype, data, dims)]),
          )
        : {},
    );
  }

  async run(
    inputs: readonly Slot[],
    shapes: readonly (readonly number[])[],
    destinations: readonly Destination[],
  ): Promise<Output[]> {
    const { slots, segments, inputs: inputSlots, outputs } = this.#program;
    const table: Table = {
      slots: new Array<Slot | undefined>(slots.length),
      sizes: slots.map((s) => s.shape),
      leaving: new Set(outputs.filter((_, i) => !destinations[i]?.stays)),
    };
    inputSlots.forEach((slot, i) => {
      table.slots[slot] = inputs[i]!;
      table.sizes[slot] = shapes[i]!;
    });
    try {
      for (let i = 0; i < segments.length; i++) {
        const segment = segments[i]!;
        if (segment.kind === "host") await this.#runHost(segment, table);
        else if (segment.device === "webgpu") await this.#runOnDevice(i, segment, table);
        else await this.#runOnnx(i, segment, table);
      }
    } catch (e) {
      this.#freeDevice(table, []);
      throw e;
    }
    const results = outputs.map((s, i): Output => {
      const slot = table.slots[s]!;
      return this.#open[i] ? { slot, shape: known(table, s) } : { slot };
    });
    if (segments.length > 1) {
      this.#freeDevice(table, outputs);
      this.#reuse(table);
    }
    return results;
  }

  /** Gives back what segments left on the device, but for these slots. */
  #freeDevice({ slots }: Table, but: readonly number[]): void {
    for (const segment of this.#program.segments) {
      for (const s of segment.outputs) if (slots[s] && !but.includes(s)) freeDevice(slots[s]);
    }
  }

  /** What passed between segments and is no output is free again. */
  #reuse(table: Table): void {
    const { segments, inputs, outputs } = this.#program;
    const kept = new Set([...inputs, ...outputs].map((s) => table.slots[s]!.data?.buffer));
    for (const segment of segments) {
      for (const s of segment.outputs) {
        const buffer = table.slots[s]!.data?.buffer;
        if (!buffer || kept.has(buffer)) continue;
        kept.add(buffer);
        this.#pool.put(buffer);
      }
    }
  }

  async #runOnnx(at: number, segment: OnnxSegment, table: Table): Promise<void> {
    const { slots } = this.#program;
    const feeds: Record<string, ort.Tensor> = {};
    const constants = this.#constants[at]!;
    for (const name in constants) feeds[name] = constants[name]!;
    for (const s of segment.inputs) {
      const slot = table.slots[s]!;
      if (!slot.data) await bytesOf(slot);
      feeds[`v${String(s)}`] = feedTensor(slot, slots[s]!, known(table, s));
    }
    try {
      const session = await this.#sessions.get(segment.session)!();
      const room = session.fill && this.#room(segment, table);
      if (room) {
        session.fill(feeds, room);
        for (const s of segment.outputs) this.#store(s, room[`v${String(s)}`]!, table);
        return;
      }
      const results = await session.run(feeds);
      for (const s of segment.outputs) this.#store(s, results[`v${String(s)}`]!, table);
    } catch (e) {
      throw failureAtNode(e);
    }
  }

  async #runOnDevice(at: number, segment: OnnxSegment, table: Table): Promise<void> {
    const { slots } = this.#program;
    const feeds: Record<string, ort.Tensor> = { ...this.#constants[at] };
    for (const s of segment.inputs)
      feeds[`v${String(s)}`] = await deviceTensor(table.slots[s]!, slots[s]!, known(table, s));
    try {
      const session = await this.#sessions.get(segment.session)!();
      const results = await session.run(feeds);
      for (const s of segment.outputs) {
        const result = results[`v${String(s)}`]!;
        if (segment.staying.includes(s)) {
          table.sizes[s] = result.dims;
          table.slots[s] = { data: undefined, onDevice: session.hold(result) };
        } else {
          this.#store(s, result, table);
          webgpuMemory.noteDownload(table.slots[s]!.data!.byteLength);
        }
      }
    } catch (e) {
      throw failureAtNode(e);
    }
  }

  /** Memory for a segment's results; `undefined` where a size is not known yet. */
  #room(segment: OnnxSegment, table: Table): Record<string, ort.Tensor> | undefined {
    const room: Record<string, ort.Tensor> = {};
    for (const s of segment.outputs) {
      if (table.sizes[s]!.includes(null)) return undefined;
      const shape = known(table, s);
      const { dtype } = this.#program.slots[s]!;
      const count = numel(shape);
      // bfloat16 crosses as float32 and is narrowed afterwards.
      const data =
        dtype === "bfloat16"
          ? allocate("float32", count)
          : table.leaving.has(s)
            ? allocate(dtype, count)
            : this.#pool.take(dtype, count);
      room[`v${String(s)}`] = ortTensor(dtype, data, shape);
    }
    return room;
  }

  #store(s: number, result: ort.Tensor, table: Table): void {
    const slot = this.#program.slots[s]!;
    table.sizes[s] = result.dims;
    const data = storedForm(result, slot);
    table.slots[s] = slot.dtype === "bfloat16" ? { data } : { data, tensor: result };
  }

  async #runHost(segment: HostSegment, table: Table): Promise<void> {
    const { slots } = this.#program;
    try {
      for (const s of segment.inputs) if (!table.slots[s]!.data) await bytesOf(table.slots[s]!);
      const kernel = kernels[segment.kernel];
      if (!kernel) throw new Error(`no host kernel ${segment.kernel}`);
      const args = segment.inputs.map((s): KernelInput => ({
        data: table.slots[s]!.data!,
        dtype: slots[s]!.dtype,
        shape: known(table, s),
      }));
      const announced = segment.outputs.map((s) => ({
        dtype: slots[s]!.dtype,
        shape: table.sizes[s] as readonly number[],
      }));
      const results = kernel(args, segment.attrs, announced);
      segment.outputs.forEach((s, k) => {
        const result = results[k];
        if (result === undefined)
          throw new Error(`host kernel ${segment.kernel} gave no output ${String(k)}`);
        if ("shape" in result) table.sizes[s] = result.shape;
        table.slots[s] = { data: "shape" in result ? result.data : result };
      });
    } catch (e) {
      throw new NodeFailure(e, segment.node);
    }
  }
}

/** The error of a run with the plan's node that its message is about, where it names one. */
function failureAtNode(error: unknown): unknown {
  const node = nodeIn((error as Error).message);
  return node === undefined ? error : new NodeFailure(error, node);
}

/** The plan's node that a message of ONNX Runtime is about. */
function nodeIn(message: string): number | undefined {
  const match = /(?:name:? ?'|node:? ?\(?)n(\d+)\b/i.exec(message);
  return match ? Number(match[1]) : undefined;
}

/** The shape of a slot's value, which by now has no open size. */
function known({ sizes }: Table, slot: number): readonly number[] {
  const shape = sizes[slot]!;
  if (shape.includes(null)) throw new Error(`the shape of value v${String(slot)} was never settled`);
  return shape as readonly number[];
}

function feedTensor(slot: Slot, { dtype }: SlotType, shape: readonly number[]): ort.Tensor {
  const cached = slot.tensor;
  if (cached?.dims.length === shape.length && cached.dims.every((d, i) => d === shape[i])) return cached;
  const data = dtype === "bfloat16" ? decodeBfloat16(slot.data as Uint16Array) : slot.data!;
  return (slot.tensor = ortTensor(dtype, data, shape));
}

/**
 * A value for the device. What is used there once goes along with the run; what is used again is sent and stays, for
 * as long as its slot.
 */
async function deviceTensor(slot: Slot, type: SlotType, shape: readonly number[]): Promise<ort.Tensor> {
  if (slot.onDevice) return slot.onDevice.tensor;
  const tensor = feedTensor(slot, type, shape);
  slot.sent = (slot.sent ?? 0) + 1;
  if (slot.sent > 1 && type.dtype === "float32" && tensor.size > 0) {
    return (slot.onDevice = await webgpuMemory.upload(tensor)).tensor;
  }
  webgpuMemory.noteUpload(slot.data!.byteLength);
  return tensor;
}

function storedForm(result: ort.Tensor, { dtype }: SlotType): HostArray {
  const data = result.data as HostArray;
  if (dtype === "bfloat16") return encodeBfloat16(data as Float32Array<ArrayBuffer>);
  if (dtype === "float16" && !(data instanceof Uint16Array)) {
    const bits = data as unknown as { buffer: ArrayBuffer; byteOffset: number; length: number };
    return new Uint16Array(bits.buffer, bits.byteOffset, bits.length);
  }
  if (result.size === 0) return allocate(dtype, 0);
  return data;
}
