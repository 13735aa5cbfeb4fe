import type * as ort from "onnxruntime-node";
import { decodeBfloat16, encodeBfloat16 } from "../tensor/half.js";
import { allocate, type HostArray } from "../tensor/dtype.js";
import { kernels, type KernelInput } from "./kernels/index.js";
import type { HostSegment, OnnxSegment, Program, SlotType } from "./protocol.js";
import { createSession, ortTensor, type Session } from "./session.js";

/** A buffer on the engine thread, and its ONNX Runtime tensor once one was made. */
export interface Slot {
  readonly data: HostArray;
  tensor?: ort.Tensor;
}

export interface Output {
  readonly data: HostArray;
  /** Present when the program left a size open. */
  readonly shape?: readonly number[];
}

/** The values of one run: slots filled so far, and the sizes known so far. */
interface Table {
  readonly slots: (Slot | undefined)[];
  readonly sizes: (readonly (number | null)[])[];
}

/** Runs a compiled program; its sessions are created on the first run. */
export class ProgramRunner {
  readonly #program: Program;
  readonly #sessions: (Session | undefined)[];
  readonly #open: readonly boolean[];
  #segment = 0;

  constructor(program: Program) {
    this.#program = program;
    this.#sessions = program.segments.map(() => undefined);
    this.#open = program.outputs.map((s) => program.slots[s]!.shape.includes(null));
  }

  /** The segment that the last run reached. */
  get segment(): number {
    return this.#segment;
  }

  async run(inputs: readonly Slot[], shapes: readonly (readonly number[])[]): Promise<Output[]> {
    const { slots, segments, inputs: inputSlots, outputs } = this.#program;
    const table: Table = {
      slots: new Array<Slot | undefined>(slots.length),
      sizes: slots.map((s) => s.shape),
    };
    inputSlots.forEach((slot, i) => {
      table.slots[slot] = inputs[i]!;
      table.sizes[slot] = shapes[i]!;
    });
    for (let i = 0; i < segments.length; i++) {
      const segment = segments[i]!;
      this.#segment = i;
      if (segment.kind === "onnx") await this.#runOnnx(i, segment, table);
      else this.#runHost(segment, table);
    }
    return outputs.map((s, i): Output => {
      const { data } = table.slots[s]!;
      return this.#open[i] ? { data, shape: known(table, s) } : { data };
    });
  }

  async #runOnnx(at: number, segment: OnnxSegment, table: Table): Promise<void> {
    const { slots, optimization } = this.#program;
    const session = (this.#sessions[at] ??= await createSession(segment.model, optimization));
    const feeds: Record<string, ort.Tensor> = {};
    for (const s of segment.inputs)
      feeds[`v${String(s)}`] = feedTensor(table.slots[s]!, slots[s]!, known(table, s));
    const results = await session.run(feeds);
    for (const s of segment.outputs) {
      const result = results[`v${String(s)}`]!;
      table.sizes[s] = result.dims;
      table.slots[s] = { data: storedForm(result, slots[s]!) };
    }
  }

  #runHost(segment: HostSegment, table: Table): void {
    const { slots } = this.#program;
    const kernel = kernels[segment.kernel];
    if (!kernel) throw new Error(`no host kernel ${segment.kernel}`);
    const args = segment.inputs.map((s): KernelInput => ({
      data: table.slots[s]!.data,
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
      if (result === undefined) throw new Error(`host kernel ${segment.kernel} gave no output ${String(k)}`);
      if ("shape" in result) table.sizes[s] = result.shape;
      table.slots[s] = { data: "shape" in result ? result.data : result };
    });
  }

  async release(): Promise<void> {
    for (const session of this.#sessions) await session?.release();
  }
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
  const data = dtype === "bfloat16" ? decodeBfloat16(slot.data as Uint16Array) : slot.data;
  return (slot.tensor = ortTensor(dtype, data, shape));
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
