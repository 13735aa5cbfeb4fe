import type { Primitive } from "./primitive.js";
import { Node, type Attrs, type Meta, type Value } from "./value.js";
import { cpu } from "../tensor/device.js";

/** Called for every node recorded; the executor counts them and cuts loops that never read. */
let onRecord: ((node: Node) => void) | undefined;

export function setRecordHook(hook: (node: Node) => void): void {
  onRecord = hook;
}

/** Infers the results of a primitive and records it. Throws at once what the shapes and dtypes do not allow. */
export function record(op: Primitive, inputs: readonly Value[], attrs: Attrs): readonly Value[] {
  const inferred = op.infer(inputs, attrs);
  const metas: readonly Meta[] = Array.isArray(inferred) ? (inferred as readonly Meta[]) : [inferred as Meta];
  const node = new Node(op, inputs, attrs, metas, inputs.length ? inputs[0]!.device : cpu);
  onRecord?.(node);
  return node.outputs;
}
