import { NotImplementedError } from "../errors.js";
import type { HostSegment, SlotType } from "../engine/protocol.js";
import { dtypes } from "../tensor/dtype.js";
import { Builder, type Ref } from "./builder.js";
import type { OnnxModel } from "./onnx/proto.js";
import type { Plan } from "./plan.js";
import { carrier, type Carrier } from "./primitive.js";
import { OPEN, type Node, type Value } from "./value.js";

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
  readonly model: OnnxModel;
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
}

/**
 * Lowers a plan to segments. Nodes that ONNX Runtime computes go to even stages, host kernels to odd ones, each as
 * early as its inputs allow; a stage of ONNX nodes is one graph.
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
    if (stage % 2 === 0) segments.push(lowerGraph(plan, nodes, stages));
    else for (const i of nodes) segments.push(hostSegment(plan, i));
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
}

function assignStages(plan: Plan): Stages {
  const stageOf = new Map<Node, number>();
  const producer = new Map<Value, Node>();
  const crossing = new Set<Value>(plan.outputs);
  for (const node of plan.nodes) {
    const onHost = runsOnHost(node);
    let stage = onHost ? 1 : 0;
    for (const input of node.inputs) {
      const from = producer.get(input);
      if (!from) continue;
      const s = stageOf.get(from)!;
      stage = Math.max(stage, s % 2 === (onHost ? 1 : 0) ? s : s + 1);
    }
    stageOf.set(node, stage);
    for (const output of node.outputs) producer.set(output, node);
    for (const input of node.inputs) {
      const from = producer.get(input);
      if (from && (onHost || stageOf.get(from) !== stage)) crossing.add(input);
    }
  }
  return { stageOf, crossing };
}

const hostDecision = new Map<string, boolean>();

/** Whether a node needs its host kernel: asked of the lowering once per operation, attributes and input types. */
function runsOnHost(node: Node): boolean {
  const op = node.op;
  if (!op.host) {
    if (!op.lower) throw new NotImplementedError(`${op.name} has neither a lowering nor a host kernel`);
    return false;
  }
  if (!op.lower) return true;
  const key = `${node.key}|${node.inputs.map((v) => `${v.dtype.name}:${v.shape.join("x")}`).join()}`;
  let host = hostDecision.get(key);
  if (host === undefined) {
    const b = new Builder();
    const refs = node.inputs.map((v, i): Ref => ({
      name: `i${String(i)}`,
      dtype: carrier(v.dtype),
      shape: v.shape,
    }));
    host = op.lower(b, refs, node.attrs, node.outputs) === undefined;
    if (hostDecision.size > 10_000) hostDecision.clear();
    hostDecision.set(key, host);
  }
  return host;
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

function lowerGraph(plan: Plan, nodes: readonly number[], { crossing }: Stages): LoweredGraph {
  const b = new Builder();
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
  return {
    kind: "graph",
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
