import type { Node, Value } from "./value.js";
import { isOnWebgpu } from "./webgpu.js";

/** A recorded graph in canonical form: what must run, in order, from which leaves to which outputs. */
export interface Plan {
  /** In an order that respects dependencies; deterministic, so that like steps give like plans. */
  readonly nodes: readonly Node[];
  /** Values that are fed, in order of first use. */
  readonly leaves: readonly Value[];
  readonly outputs: readonly Value[];
  /** Slot of every leaf and node output. */
  readonly slots: ReadonlyMap<Value, number>;
  /** The full structure, compared whole: leaves' dtypes and shapes, nodes with their inputs, outputs. */
  readonly key: string;
}

function typeKey(v: Value): string {
  return `${v.dtype.name}:${v.shape.join("x")}`;
}

/** Walks from the wanted values to what is already there. `outputs` must be pending values, each once. */
export function makePlan(outputs: readonly Value[]): Plan {
  const nodes: Node[] = [];
  const leaves: Value[] = [];
  const slots = new Map<Value, number>();
  const seen = new Set<Node>();
  const stack: (Value | Node)[] = [];
  const parts: string[] = [];
  let next = 0;
  for (let i = outputs.length - 1; i >= 0; i--) stack.push(outputs[i]!);
  while (stack.length) {
    const top = stack.pop()!;
    if (!("shape" in top)) {
      // All inputs of this node have slots now.
      let line = top.key;
      for (const input of top.inputs) line += ` ${String(slots.get(input))}`;
      parts.push(line);
      nodes.push(top);
      for (const o of top.outputs) slots.set(o, next++);
      continue;
    }
    if (slots.has(top)) continue;
    const source = top.source;
    if (source.kind !== "node") {
      slots.set(top, next++);
      leaves.push(top);
      parts.push(typeKey(top));
      continue;
    }
    const node = source.node;
    if (seen.has(node)) continue;
    seen.add(node);
    stack.push(node);
    for (let i = node.inputs.length - 1; i >= 0; i--) {
      const input = node.inputs[i]!;
      if (!slots.has(input)) stack.push(input);
    }
  }
  // Where a result of the device is to be left is part of its graph.
  const outputKey = (o: Value): string =>
    `${String(slots.get(o))}${o.isState && isOnWebgpu(o) ? " stays" : ""}`;
  parts.push(`> ${outputs.map(outputKey).join(" ")}`);
  return { nodes, leaves, outputs, slots, key: parts.join("\n") };
}
