import type * as ort from "onnxruntime-node";
import { decodeBfloat16, encodeBfloat16 } from "../tensor/half.js";
import { allocate, type HostArray } from "../tensor/dtype.js";
import { kernels, type KernelInput } from "./kernels/index.js";
import type { OnnxSegment, Program, SlotType } from "./protocol.js";
import { createSession, ortTensor, type Session } from "./session.js";

/** A buffer on the engine thread, and its ONNX Runtime tensor once one was made. */
export interface Slot {
  readonly data: HostArray;
  tensor?: ort.Tensor;
}

/** Runs a compiled program; its sessions are created on the first run. */
export class ProgramRunner {
  readonly #program: Program;
  readonly #sessions: (Session | undefined)[];

  constructor(program: Program) {
    this.#program = program;
    this.#sessions = program.segments.map(() => undefined);
  }

  async run(inputs: readonly Slot[], shapes: readonly (readonly number[])[]): Promise<HostArray[]> {
    const { slots, segments, inputs: inputSlots, outputs } = this.#program;
    const table: (Slot | undefined)[] = new Array<Slot | undefined>(slots.length);
    const sizes: (readonly number[])[] = slots.map((s) => s.shape as readonly number[]);
    inputSlots.forEach((slot, i) => {
      table[slot] = inputs[i]!;
      sizes[slot] = shapes[i]!;
    });
    for (let i = 0; i < segments.length; i++) {
      const segment = segments[i]!;
      if (segment.kind === "onnx") {
        await this.#runOnnx(i, segment, table, sizes);
        continue;
      }
      const kernel = kernels[segment.kernel];
      if (!kernel) throw new Error(`no host kernel ${segment.kernel}`);
      const args = segment.inputs.map((s): KernelInput => ({
        data: table[s]!.data,
        dtype: slots[s]!.dtype,
        shape: sizes[s]!,
      }));
      const results = kernel(
        args,
        segment.attrs,
        segment.outputs.map((s) => ({ dtype: slots[s]!.dtype, shape: sizes[s]! })),
      );
      segment.outputs.forEach((s, k) => (table[s] = { data: results[k]! }));
    }
    return outputs.map((s) => table[s]!.data);
  }

  async #runOnnx(
    at: number,
    segment: OnnxSegment,
    table: (Slot | undefined)[],
    sizes: (readonly number[])[],
  ): Promise<void> {
    const { slots, optimization } = this.#program;
    const session = (this.#sessions[at] ??= await createSession(segment.model, optimization));
    const feeds: Record<string, ort.Tensor> = {};
    for (const s of segment.inputs) feeds[`v${String(s)}`] = feedTensor(table[s]!, slots[s]!, sizes[s]!);
    const results = await session.run(feeds);
    for (const s of segment.outputs) {
      const result = results[`v${String(s)}`]!;
      sizes[s] = result.dims;
      table[s] = { data: storedForm(result, slots[s]!) };
    }
  }

  async release(): Promise<void> {
    for (const session of this.#sessions) await session?.release();
  }
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
