import type { Primitive } from "./primitive.js";
import { Node, type Attrs, type Meta, type Value } from "./value.js";
import { cpu } from "../tensor/device.js";

/** Called for every node recorded; the executor counts them and cuts loops that never read. */
let onRecord: ((node: Node) => void) | undefined;

export function setRecordHook(hook: (node: Node) => void): void {
  onRecord = hook;
}

/** Frames between a primitive and the user's line: the op, those it is made of, and modules around it. */
const SITE_FRAMES = 40;

/** Infers the results of a primitive and records it. Throws at once what the shapes and dtypes do not allow. */
export function record(op: Primitive, inputs: readonly Value[], attrs: Attrs): readonly Value[] {
  const inferred = op.infer(inputs, attrs);
  const metas: readonly Meta[] = Array.isArray(inferred) ? (inferred as readonly Meta[]) : [inferred as Meta];
  const node = new Node(op, inputs, attrs, metas, inputs.length ? inputs[0]!.device : cpu);
  // Where it was recorded is dear to know, so only operations that bad values can make fail ask.
  if (op.refuses) node.site = callSite();
  onRecord?.(node);
  return node.outputs;
}

function callSite(): Error {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = SITE_FRAMES;
  const site = new Error();
  Error.stackTraceLimit = limit;
  return site;
}
