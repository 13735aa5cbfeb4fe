/**
 * What the user thread and the engine thread say to each other. One FIFO port, so program order is run order.
 *
 * A buffer has one owner at a time and moves by transfer. `BufferId`s name the buffers that are *resident* on the
 * engine thread; the user thread decides when one is kept, handed back or dropped. Residency is a cache: nothing here
 * depends on garbage collection.
 */
import type { DeviceType } from "../tensor/device.js";
import type { DTypeName, HostArray } from "../tensor/dtype.js";
import type { SessionStats } from "./session.js";
import type { Transfers } from "./webgpu.js";

/** Names a buffer resident on the engine thread. Never reused. */
export type BufferId = number;

/** A value that enters or leaves a program or a segment: a slot of the program's value table. */
export interface SlotType {
  readonly dtype: DTypeName;
  /** `null` marks an axis whose size is known only at run time. */
  readonly shape: readonly (number | null)[];
}

/** Names a compiled ONNX graph; programs may share one. Never reused. */
export type SessionId = number;

/** Runs an ONNX graph once; its inputs and outputs are named after slots: slot 3 is `v3`. */
export interface OnnxSegment {
  readonly kind: "onnx";
  readonly device: DeviceType;
  /** Outputs that stay on the device, all float32; the others come to this thread. */
  readonly staying: readonly number[];
  readonly session: SessionId;
  /**
   * A serialised ModelProto, in the first program that uses the session. float16 slots are float16 in the graph;
   * bfloat16 slots are float32 there (see the thread).
   */
  readonly model?: Uint8Array<ArrayBuffer>;
  readonly optimization: "fast" | "full";
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  /** What this program feeds besides slots: sizes, where the graph is shared by plans of different sizes. */
  readonly constants: readonly SegmentConstant[];
}

export interface SegmentConstant {
  readonly name: string;
  readonly dtype: DTypeName;
  readonly dims: readonly number[];
  readonly data: HostArray;
}

/** Runs the host kernel `kernel` of the kernel table (`engine/kernels/`), for what ONNX Runtime lacks. */
export interface HostSegment {
  readonly kind: "host";
  readonly kernel: string;
  /** Structured-clonable attributes, as recorded on the node. */
  readonly attrs: unknown;
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  /** The node this is, as ONNX nodes say it in their names: `n3`. */
  readonly node: number;
}

export type Segment = OnnxSegment | HostSegment;

/** A compiled plan: segments over a table of value slots. */
export interface Program {
  readonly slots: readonly SlotType[];
  /** Slots fed by the caller, in feed order. */
  readonly inputs: readonly number[];
  /** Slots given back to the caller, in output order. */
  readonly outputs: readonly number[];
  readonly segments: readonly Segment[];
}

/**
 * `after`: what happens to a buffer that is or becomes resident, once the run has succeeded: `keep` it, hand it back
 * (`return`), or `drop` it for later results to be written into. After a failed run it is kept.
 */
export type Feed =
  /** Already on the engine thread. */
  | { readonly id: BufferId; readonly after: "keep" | "return" | "drop"; readonly shape: readonly number[] }
  /** Comes along; without an id it is forgotten after the run. */
  | {
      readonly data: HostArray;
      readonly id: BufferId | null;
      readonly after: "keep" | "return" | "drop";
      readonly shape: readonly number[];
    };

/** Where an output goes: stays under `id`, and with `return` is handed back (transferred, so not resident any more). */
export interface Want {
  readonly id: BufferId;
  readonly return: boolean;
}

/** A request to the default or another random generator; see `runtime/random`. Structured-clonable. */
export interface DrawRequest {
  readonly generator: number;
  /** As `fillDraw` of `runtime/random` takes it. Tensor parameters are host arrays inside. */
  readonly draw: unknown;
  readonly outputs: readonly BufferId[];
}

export type ToEngine =
  | { readonly type: "program"; readonly program: number; readonly code: Program }
  | { readonly type: "release"; readonly program: number }
  | {
      readonly type: "run";
      readonly run: number;
      readonly program: number;
      readonly feeds: readonly Feed[];
      readonly wants: readonly Want[];
    }
  | { readonly type: "draw"; readonly run: number; readonly requests: readonly DrawRequest[] }
  /** Hand buffers back (transfer). */
  | { readonly type: "evict"; readonly run: number; readonly ids: readonly BufferId[] }
  | { readonly type: "drop"; readonly ids: readonly BufferId[] }
  /** Copy buffers to the user thread; they stay resident. */
  | { readonly type: "fetch"; readonly run: number; readonly ids: readonly BufferId[] }
  | { readonly type: "seed"; readonly generator: number; readonly seed: bigint }
  | { readonly type: "getState"; readonly run: number; readonly generator: number }
  | { readonly type: "setState"; readonly generator: number; readonly state: Uint8Array }
  | { readonly type: "stats"; readonly run: number };

export interface SentBuffer {
  readonly id: BufferId;
  readonly data: HostArray;
  /** Present when the program left a size open. */
  readonly shape?: readonly number[];
}

export interface FailedBuffer {
  readonly id: BufferId;
  readonly error: EngineFailure;
}

/**
 * The reply to the request numbered `run`. Every reply bumps the shared counter, after it was posted. Requests are
 * numbered from 1; number 0 says why the thread is about to end.
 */
export interface FromEngine {
  readonly run: number;
  /** Buffers handed back or copied by this request. */
  readonly buffers: readonly SentBuffer[];
  /** Buffers that `evict` or `fetch` could not give; the others came. `error` is the first one's. */
  readonly failed?: readonly FailedBuffer[];
  readonly error?: EngineFailure;
  readonly state?: Uint8Array;
  readonly stats?: EngineStats;
}

export interface EngineFailure {
  /** `message` as ONNX Runtime or the kernel gave it; `errorClass` is a PyTorch error name when a kernel chose one. */
  readonly message: string;
  readonly errorClass?: "RuntimeError" | "IndexError" | "ValueError" | "NotImplementedError";
  /** The plan's node that failed, where that is known. */
  readonly node?: number;
  /** An earlier request failed, and this one needed what that should have given. */
  readonly inherited?: boolean;
  /** The buffer that this request needed and that is not there. */
  readonly buffer?: BufferId;
}

export interface EngineStats extends SessionStats {
  readonly runs: number;
  readonly residentBuffers: number;
  readonly residentBytes: number;
  /** What went to the webgpu device and came from there. */
  readonly transfers: Transfers;
  readonly rss: number;
  readonly external: number;
}
