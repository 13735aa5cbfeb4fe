import { NotImplementedError } from "../errors.js";
import type { HostSegment, SlotType } from "../engine/protocol.js";
import type { DeviceType } from "../tensor/device.js";
import { dtypes } from "../tensor/dtype.js";
import { Builder, type Ref } from "./builder.js";
import type { OnnxModel } from "./onnx/proto.js";
import type { Plan } from "./plan.js";
import { carrier, type Carrier } from "./primitive.js";
import { OPEN, type Node, type Value } from "./value.js";
import { notePlacement, unfit, WebgpuBuilder } from "./webgpu.js";

/** A plan in the engine's terms, its ONNX graphs not yet compiled. */
export interface Lowered {
  readonly slots: readonly SlotType[];
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  readonly segments: readonly (HostSegment | LoweredGraph)[];
}

/** One ONNX graph between slots. */
export interface LoweredGraph {
  readonly kind: "graph";
  readonly device: DeviceType;
  /** Outputs that stay on the device. */
  readonly staying: readonly number[];
  readonly model: OnnxModel;
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
}

/** Where a node runs: by ONNX Runtime on a device, or by a kernel of the library's. Stages take turns in this order. */
const places = ["cpu", "host", "webgpu", "cuda", "dml", "coreml"] as const;
type Place = (typeof places)[number];

/**
 * Lowers a plan to segments. Stages of nodes that ONNX Runtime computes on the CPU, of host kernels and of nodes on the
 * device take turns; each node goes into the earliest that its inputs allow. A stage of ONNX nodes is one graph.
 */
export function lowerPlan(plan: Plan): Lowered {
  const stages = assignStages(plan);
  const slotTypes: SlotType[] = [];
  for (const [value, slot] of plan.slots) {
    const shape = value.shape.map((d) => (d === OPEN ? null : d));
    slotTypes[slot] = { dtype: value.dtype.name, shape };
  }
  const staged: number[][] = [];
  plan.nodes.forEach((node, i) => (staged[stages.stageOf.get(node)!] ??= []).push(i));
  const segments: (HostSegment | LoweredGraph)[] = [];
  staged.forEach((nodes, stage) => {
    const place = placeOfStage(stage);
    if (place === "host") for (const i of nodes) segments.push(hostSegment(plan, i));
    else segments.push(lowerGraph(plan, nodes, stages, place));
  });
  return {
    slots: slotTypes,
    inputs: plan.leaves.map((v) => plan.slots.get(v)!),
    outputs: plan.outputs.map((v) => plan.slots.get(v)!),
    segments,
  };
}

interface Stages {
  readonly stageOf: ReadonlyMap<Node, number>;
  /** Values read by a later segment or given to the caller. */
  readonly crossing: ReadonlySet<Value>;
  /** Those of them that stay on the device when they are made there. */
  readonly staying: ReadonlySet<Value>;
}

function placeOfStage(stage: number): Place {
  return places[stage % places.length]!;
}

function assignStages(plan: Plan): Stages {
  const stageOf = new Map<Node, number>();
  const producer = new Map<Value, Node>();
  const crossing = new Set<Value>(plan.outputs);
  const staying = new Set<Value>(plan.outputs.filter((v) => v.isState));
  for (const node of plan.nodes) {
    const place = placeOf(node);
    let stage = 0;
    for (const input of node.inputs) {
      const from = producer.get(input);
      if (from) stage = Math.max(stage, stageOf.get(from)!);
    }
    while (placeOfStage(stage) !== place) stage++;
    stageOf.set(node, stage);
    for (const output of node.outputs) producer.set(output, node);
    for (const input of node.inputs) {
      const from = producer.get(input);
      if (!from || (place !== "host" && stageOf.get(from) === stage)) continue;
      crossing.add(input);
      if (place === "webgpu") staying.add(input);
    }
  }
  return { stageOf, crossing, staying };
}

/** A move between devices is the business of the engine: what is moved is no arithmetic. */
function deviceOf(node: Node): DeviceType {
  return node.device.type;
}

const placements = new Map<string, Place>();

/** Where a node runs: asked of the lowering once per operation, attributes and input types. */
function placeOf(node: Node): Place {
  const op = node.op;
  if (!op.host && !op.lower)
    throw new NotImplementedError(`${op.name} has neither a lowering nor a host kernel`);
  if (!op.lower) return "host";
  const device = deviceOf(node);
  if (!op.host && device !== "webgpu") return device;
  const key = `${node.key}|${node.inputs.map((v) => `${v.dtype.name}:${v.shape.join("x")}`).join()}`;
  let place = placements.get(key);
  if (place === undefined) {
    if (device === "webgpu") place = tryOnWebgpu(node);
    else place = lowers(node, new Builder()) ? device : "host";
    if (placements.size > 10_000) placements.clear();
    placements.set(key, place);
  }
  return place;
}

function lowers(node: Node, b: Builder): boolean {
  const refs = node.inputs.map((v, i): Ref => ({
    name: `i${String(i)}`,
    dtype: carrier(v.dtype),
    shape: v.shape,
  }));
  return node.op.lower!(b, refs, node.attrs, node.outputs) !== undefined;
}

/** What the device cannot do, or would do by sending everything back and forth, is done on the CPU from the outset. */
function tryOnWebgpu(node: Node): Place {
  const b = new WebgpuBuilder();
  const reason = unfit(node) ?? (lowers(node, b) ? b.refusal : "want of a lowering");
  if (reason === undefined) return "webgpu";
  const place = !node.op.host || lowers(node, new Builder()) ? "cpu" : "host";
  notePlacement(
    `${node.op.name}: on the ${place === "cpu" ? "CPU" : "CPU, by a kernel of the library's"}, for ${reason}`,
  );
  return place;
}

function hostSegment(plan: Plan, at: number): HostSegment {
  const node = plan.nodes[at]!;
  return {
    kind: "host",
    kernel: node.op.host!,
    attrs: plainAttrs(node),
    inputs: node.inputs.map((v) => plan.slots.get(v)!),
    outputs: node.outputs.map((v) => plan.slots.get(v)!),
    node: at,
  };
}

/** Attributes as the engine thread can receive them: dtypes by name. */
function plainAttrs(node: Node): unknown {
  const out: Record<string, unknown> = {};
  for (const [k, v] of Object.entries(node.attrs)) {
    out[k] =
      typeof v === "object" && v !== null && !Array.isArray(v) ? String((v as { name: string }).name) : v;
  }
  return out;
}

function lowerGraph(
  plan: Plan,
  nodes: readonly number[],
  { crossing, staying }: Stages,
  device: DeviceType,
): LoweredGraph {
  const b = device === "webgpu" ? new WebgpuBuilder() : new Builder();
  const refs = new Map<Value, Ref>();
  /** Values in their stored dtype, which `Ref.dtype` does not tell. */
  const storedRefs = new Map<Value, Ref>();
  const inputs: Value[] = [];
  const outputs: { value: Value; ref: Ref }[] = [];
  const slotName = (v: Value): string => `v${String(plan.slots.get(v))}`;
  /** A value that comes from outside, as it lies in its slot. */
  const leafOf = (v: Value): Ref => {
    let stored = storedRefs.get(v);
    if (!stored) {
      inputs.push(v);
      stored = { name: slotName(v), dtype: carrier(v.dtype), shape: v.shape };
      storedRefs.set(v, stored);
    }
    return stored;
  };
  const refOf = (v: Value): Ref => {
    let ref = refs.get(v);
    if (!ref) {
      // bfloat16 crosses a segment's border as float32; the engine thread converts.
      const stored = leafOf(v);
      const borderIsCarrier = v.dtype.name === stored.dtype || v.dtype.name === "bfloat16";
      ref = borderIsCarrier
        ? stored
        : b.node("Cast", [stored], { to: dtypes[stored.dtype].onnx }, stored.dtype, v.shape);
      refs.set(v, ref);
    }
    return ref;
  };
  const storedOf = (v: Value): Ref => {
    const ref = refs.get(v);
    if (!ref || storedRefs.has(v)) return leafOf(v);
    const stored =
      v.dtype.name === ref.dtype
        ? ref
        : b.node("Cast", [ref], { to: dtypes[v.dtype.name].onnx }, ref.dtype, v.shape);
    storedRefs.set(v, stored);
    return stored;
  };
  for (const at of nodes) {
    const node = plan.nodes[at]!;
    b.enter(`n${String(at)}`);
    const ins = node.inputs.map(node.op.stored ? storedOf : refOf);
    const lowered = nothing(b, node) ?? node.op.lower!(b, ins, node.attrs, node.outputs);
    if (lowered === undefined) {
      throw new NotImplementedError(
        `${node.op.name} is not implemented for ${node.inputs.map((v) => v.dtype.name).join(", ")}`,
      );
    }
    const results = Array.isArray(lowered) ? (lowered as readonly Ref[]) : [lowered as Ref];
    node.outputs.forEach((value, i) => {
      let ref: Ref = { ...results[i]!, shape: value.shape };
      if (node.op.stored) {
        storedRefs.set(value, ref);
        if (crossing.has(value)) outputs.push({ value, ref: { ...ref, dtype: value.dtype.name as Carrier } });
        return;
      }
      const want = carrier(value.dtype);
      if (ref.dtype !== want) ref = b.cast(ref, want);
      if (!node.op.moves) ref = b.round(ref, value.dtype.name);
      refs.set(value, { ...ref, shape: value.shape });
      if (crossing.has(value)) outputs.push({ value, ref });
    });
  }
  nameOutputs(b, inputs.map(slotName), outputs, slotName);
  const model = {
    inputs: inputs.map((v) => ({ name: slotName(v), dtype: borderType(v), shape: v.shape })),
    outputs: outputs.map(({ value }) => ({ name: slotName(value), dtype: borderType(value) })),
    initializers: b.initializers,
    nodes: b.nodes,
  };
  const stays = ({ value }: { readonly value: Value }): boolean =>
    device === "webgpu" && staying.has(value) && value.dtype.name === "float32" && value.numel > 0;
  return {
    kind: "graph",
    device,
    staying: outputs.filter(stays).map(({ value }) => plan.slots.get(value)!),
    model,
    inputs: inputs.map((v) => plan.slots.get(v)!),
    outputs: outputs.map(({ value }) => plan.slots.get(value)!),
  };
}

/**
 * Results without elements are constants: ONNX Runtime's optimizer drops an Expand to no elements, and some of its
 * kernels refuse empty inputs.
 */
function nothing(b: Builder, node: Node): readonly Ref[] | undefined {
  if (node.outputs.some((v) => v.numel !== 0)) return undefined;
  return node.outputs.map((v) => b.tensor([], carrier(v.dtype), v.shape));
}

function borderType(v: Value): number {
  return v.dtype.name === "bfloat16" ? dtypes.float32.onnx : v.dtype.onnx;
}

/**
 * Gives the results their slots' names where they are made: an Identity node costs a copy. Results that are inputs,
 * constants or named already get one.
 */
function nameOutputs(
  b: Builder,
  inputNames: readonly string[],
  outputs: readonly { readonly value: Value; readonly ref: Ref }[],
  slotName: (v: Value) => string,
): void {
  const fixed = new Set([...inputNames, ...b.initializers.map((i) => i.name)]);
  const renamed = new Map<string, string>();
  for (const { value, ref } of outputs) {
    const name = slotName(value);
    if (value.dtype.name !== ref.dtype && value.dtype.name !== "bfloat16") {
      b.nodes.push({ op: "Cast", inputs: [ref.name], outputs: [name], attrs: { to: value.dtype.onnx } });
    } else if (fixed.has(ref.name) || renamed.has(ref.name)) {
      b.nodes.push({ op: "Identity", inputs: [ref.name], outputs: [name], attrs: undefined });
    } else {
      renamed.set(ref.name, name);
    }
  }
  if (renamed.size === 0) return;
  const rename = (n: string): string => renamed.get(n) ?? n;
  b.nodes.forEach((n, i) => {
    b.nodes[i] = { ...n, inputs: n.inputs.map(rename), outputs: n.outputs.map(rename) };
  });
}
