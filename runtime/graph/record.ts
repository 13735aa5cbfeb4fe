import type { Primitive } from "./primitive.js";
import { Node, type Attrs, type Meta, type Value } from "./value.js";
import { cpu, type Device } from "../tensor/device.js";

/** Called for every node recorded; the executor counts them and cuts loops that never read. */
let onRecord: ((node: Node) => void) | undefined;

export function setRecordHook(hook: (node: Node) => void): void {
  onRecord = hook;
}

/** Frames between a primitive and the user's line: the op, those it is made of, and modules around it. */
const SITE_FRAMES = 40;

/**
 * The device that inputs have in common: single numbers on the CPU go with any. Whether there is one is checked where
 * there are tensors to name (`ops/apply.ts`).
 */
export function commonDevice(inputs: readonly Value[]): Device {
  for (const { device, shape } of inputs) if (device !== cpu || shape.length > 0) return device;
  return cpu;
}

/**
 * Infers the results of a primitive and records it. Throws at once what the shapes and dtypes do not allow.
 * @param device where what has no inputs is made
 */
export function record(
  op: Primitive,
  inputs: readonly Value[],
  attrs: Attrs,
  device: Device = commonDevice(inputs),
): readonly Value[] {
  const inferred = op.infer(inputs, attrs);
  const metas: readonly Meta[] = Array.isArray(inferred) ? (inferred as readonly Meta[]) : [inferred as Meta];
  const node = new Node(op, inputs, attrs, metas, op.device?.(attrs) ?? device);
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
