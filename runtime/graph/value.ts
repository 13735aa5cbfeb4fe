import type { BufferId } from "../engine/protocol.js";
import type { DType, HostArray } from "../tensor/dtype.js";
import { cpu, type Device } from "../tensor/device.js";
import { numel } from "../tensor/strides.js";
import type { Primitive } from "./primitive.js";

export { numel };

/** Where a value is, or how to get it. */
export type Source =
  /** Recorded, not computed: output `index` of `node`. */
  | { readonly kind: "node"; readonly node: Node; readonly index: number }
  /** Its bytes are here, owned by this value. */
  | { readonly kind: "host"; readonly data: HostArray }
  /** Its bytes are on the engine thread under `id`, once `run` is through where that is not 0. */
  | { readonly kind: "resident"; readonly id: BufferId; readonly run: number }
  /** Its bytes come back with the reply to request `run`. */
  | { readonly kind: "arriving"; readonly id: BufferId; readonly run: number }
  /** A random draw, posted in program order when it or a later one is needed. */
  | { readonly kind: "draw" }
  /** Its memory was given to a later version of the same state; nothing can need it any more. */
  | { readonly kind: "dropped" }
  /** The run that should have computed it failed. */
  | { readonly kind: "failed"; readonly error: Error };

/**
 * A size that depends on the elements. `infer` gives it for results of operations like `nonzero`, which run at the call
 * (`computeNow`); by the time anyone else sees the value its sizes are known.
 */
export const OPEN = -1;

let lastSerial = 0;

/** The serial of the last value made. */
export function newestValue(): number {
  return lastSerial;
}

/**
 * One immutable array: a shape, a dtype and, at some time, bytes. Tensors are handles on values; views and in-place
 * operations make new values, so a graph over values is pure.
 */
export class Value {
  /** Changes once, and only where it is open: when the operation has run. */
  shape: readonly number[];
  readonly dtype: DType;
  readonly device: Device;
  readonly serial = ++lastSerial;
  source: Source;
  /** How many parameters, buffers or optimizer states it is the present value of. */
  states = 0;
  /** Whether a recorded node reads it. */
  used = false;
  /** Whether user code got it. */
  visible = false;
  /** Saved for backward, how many times. */
  saved = 0;
  /** Storages that it is the contents of, and recorded nodes that read it and have not run. */
  holders = 0;
  /** Something that was computed from it and not kept may be asked for: it is not to be dropped when superseded. */
  pinned = false;
  /** The flush that used it last while it was resident. */
  lastUse = 0;

  constructor(shape: readonly number[], dtype: DType, device: Device, source: Source) {
    this.shape = shape;
    this.dtype = dtype;
    this.device = device;
    this.source = source;
  }

  /** State stays on the engine thread between runs. */
  get isState(): boolean {
    return this.states > 0;
  }

  get numel(): number {
    return numel(this.shape);
  }

  get nbytes(): number {
    return this.numel * this.dtype.itemsize;
  }
}

/** Attributes of a node: structure, part of a plan's key. Undefined entries are left out. */
export type Attrs = Readonly<Record<string, Attr>>;
export type Attr = number | bigint | string | boolean | null | undefined | DType | readonly Attr[];

/**
 * One application of a primitive, recorded and not yet computed.
 *
 * What the executor may rely on as to devices: a node runs on `device`, and its results are there. Its inputs are there
 * too, with two exceptions: 0-d inputs on the CPU, and the input of a `transfer`, the only node whose device is not
 * that of its inputs. So a graph falls into parts of one device at its transfers and at single numbers. A value that is
 * `host` has its bytes on the user's thread whatever its device: they are still to be sent there. Draws are made on the
 * CPU and transferred, so that they are the same on every device.
 */
export class Node {
  readonly op: Primitive;
  readonly device: Device;
  readonly inputs: readonly Value[];
  readonly attrs: Attrs;
  readonly outputs: readonly Value[];
  /** Key of op, attributes and device, for the plan cache. */
  readonly key: string;
  /**
   * The plan that computed this node without giving its outputs, and the node's place there: when a later plan needs
   * them again, the first one learns to output them.
   */
  ran: { readonly learn: Set<number>; readonly at: number } | undefined;
  /** Whether a plan with this node was posted. */
  posted = false;
  /** Where it was recorded, for operations that values can make fail. */
  site: Error | undefined;

  constructor(op: Primitive, inputs: readonly Value[], attrs: Attrs, metas: readonly Meta[], device: Device) {
    this.op = op;
    this.device = device;
    this.inputs = inputs;
    this.attrs = attrs;
    this.key = nodeKey(device === cpu ? op.name : `${op.name}@${device.toString()}`, attrs);
    for (const v of inputs) {
      v.used = true;
      v.holders++;
    }
    this.outputs = metas.map(
      (m, index) => new Value(m.shape, m.dtype, device, { kind: "node", node: this, index }),
    );
  }
}

/** What is known of a value before it is computed. */
export interface Meta {
  readonly shape: readonly number[];
  readonly dtype: DType;
}

function nodeKey(name: string, attrs: Attrs): string {
  let key = name;
  for (const k in attrs) {
    const v = attrs[k];
    if (v !== undefined) key += `;${k}=${attrKey(v)}`;
  }
  return key;
}

function attrKey(v: Attr): string {
  if (typeof v === "object" && v !== null) {
    return Array.isArray(v) ? `[${v.map(attrKey).join(",")}]` : (v as DType).name;
  }
  // -0 and 0 are different constants.
  if (typeof v === "number") return Object.is(v, -0) ? "-0" : String(v);
  return typeof v === "string" ? JSON.stringify(v) : `${typeof v === "bigint" ? "n" : ""}${String(v)}`;
}
