/** Programs and requests for tests that speak to the engine thread directly. */
import { engine } from "../../../runtime/engine/client.js";
import type {
  BufferId,
  Feed,
  FromEngine,
  Program,
  Segment,
  SlotType,
  Want,
} from "../../../runtime/engine/protocol.js";
import { encodeModel, type OnnxNode } from "../../../runtime/graph/onnx/proto.js";
import { dtypes, type DTypeName, type HostArray } from "../../../runtime/tensor/dtype.js";

let lastRun = 0;
let lastId = 0;
let lastProgram = 0;
let lastSession = 0;

export const newRun = (): number => ++lastRun;
export const newId = (): BufferId => ++lastId;

export function slot(dtype: DTypeName, shape: SlotType["shape"]): SlotType {
  return { dtype, shape };
}

/** An ONNX segment between slots; bfloat16 slots are float32 in the graph. */
export function onnx(
  slots: readonly SlotType[],
  inputs: readonly number[],
  outputs: readonly number[],
  nodes: readonly OnnxNode[],
): Segment {
  const info = (s: number) => {
    const { dtype, shape } = slots[s]!;
    return { name: `v${s}`, dtype: dtypes[dtype === "bfloat16" ? "float32" : dtype].onnx, shape };
  };
  const model = encodeModel({
    inputs: inputs.map(info),
    outputs: outputs.map(info),
    initializers: [],
    nodes,
  });
  return compiled(model, inputs, outputs);
}

/** A segment with a session of its own. */
export function compiled(
  model: Uint8Array<ArrayBuffer>,
  inputs: readonly number[],
  outputs: readonly number[],
): Segment {
  const session = ++lastSession;
  return {
    kind: "onnx",
    device: "cpu",
    staying: [],
    session,
    model,
    optimization: "fast",
    inputs,
    outputs,
    constants: [],
  };
}

/** Loads a program and gives its number. */
export function load(code: Program): number {
  const program = ++lastProgram;
  engine.post({ type: "program", program, code });
  return program;
}

/** A program of one node `op` from like slots to one like slot. */
export function loadNode(op: string, inputs: number, dtype: DTypeName, shape: readonly number[]): number {
  const slots = Array.from({ length: inputs + 1 }, () => slot(dtype, shape));
  const from = Array.from({ length: inputs }, (_, i) => i);
  const node = { op, inputs: from.map((i) => `v${i}`), outputs: [`v${inputs}`] };
  return load({
    slots,
    inputs: from,
    outputs: [inputs],
    segments: [onnx(slots, from, [inputs], [node])],
  });
}

/** Feeds data that is copied and forgotten. */
export function copied(data: HostArray, shape: readonly number[] = [data.length]): Feed {
  return { data, id: null, after: "drop", shape };
}

export function resident(id: BufferId, after: "keep" | "return" | "drop", shape: readonly number[]): Feed {
  return { id, after, shape };
}

/** Feeds data under an id; whether it is transferred is up to the caller. */
export function arriving(
  data: HostArray,
  id: BufferId,
  after: "keep" | "return" | "drop" = "keep",
  shape: readonly number[] = [data.length],
): Feed {
  return { data, id, after, shape };
}

export const back = (): Want => ({ id: newId(), return: true });
export const keep = (id: BufferId): Want => ({ id, return: false });

export function post(program: number, feeds: readonly Feed[], wants: readonly Want[]): number {
  const run = newRun();
  engine.post({ type: "run", run, program, feeds, wants });
  return run;
}

/** Runs and waits. */
export function run(program: number, feeds: readonly Feed[], wants: readonly Want[]): FromEngine {
  return engine.wait(post(program, feeds, wants));
}

/** Runs, and gives the only result. */
export function result(program: number, ...feeds: readonly Feed[]): HostArray {
  const reply = run(program, feeds, [back()]);
  if (reply.error) throw new Error(reply.error.message);
  return reply.buffers[0]!.data;
}

export function request(type: "fetch" | "evict", ids: readonly BufferId[]): FromEngine {
  const number = newRun();
  engine.post({ type, run: number, ids });
  return engine.wait(number);
}
