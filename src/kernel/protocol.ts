/**
 * What the extension host and the kernel processes say to each other. Pure: types, and the few names both sides share.
 *
 * Two processes, one wire (Node's fork IPC, structured clone). The **tracer** answers `trace`: shapes while people
 * type, nothing computed. The **runner** answers the rest: `forward`, `train`, `cancel`, `snapshot`, `status`. Either
 * first says `hello` with the version of this protocol; a host that speaks another one refuses it by name. `shutdown`
 * ends a process politely.
 *
 * Every request is answered once, by a reply or by an error. Events come at any time and are never answered.
 */
import type {
  ModelSnapshot,
  SnapshotDim,
  SnapshotShape,
  SourceLocation,
} from "../../runtime/inspect/snapshot.js";

import type {
  DiagnosticCode,
  Fix,
  InputSpec,
  LintId,
  Phrase,
  Position,
  Range,
  SourceText,
  TextEdit,
  TraceDiagnostic,
  TrainingFunction,
} from "../../runtime/source/text.js";

export type { ModelSnapshot, SnapshotDim, SnapshotShape, SourceLocation };
export type {
  DiagnosticCode,
  Fix,
  InputSpec,
  LintId,
  Phrase,
  Position,
  Range,
  SourceText,
  TextEdit,
  TraceDiagnostic,
  TrainingFunction,
};

/** Raised when an old host and a new kernel would misunderstand each other. */
export const protocolVersion = 1;

export type KernelName = "tracer" | "runner";

// trace

export interface TraceRequest {
  readonly type: "trace";
  /** The file whose exports are traced. */
  readonly file: string;
  /** Every dirty document, and `file` itself if it is open; other files are read from disk. */
  readonly overlay: readonly SourceText[];
  /** For classes that are called several times: which call the hints show, by class name; default 0. */
  readonly calls?: Readonly<Record<string, number>>;
}

export interface TraceReply {
  readonly file: string;
  /** Versions of the overlaid documents this trace used. */
  readonly versions: Readonly<Record<string, number>>;
  /** All project files the result depends on, `file` first. */
  readonly dependencies: readonly string[];
  /** False when `file` (or a file it imports) does not parse: `modules` and `hints` are empty, keep the last ones. */
  readonly parsed: boolean;
  /** Exported `Module` classes in source order. */
  readonly modules: readonly TracedModule[];
  /** Exported functions with `@train` in their doc comment, in source order. */
  readonly trainings: readonly TrainingFunction[];
  /** All hints of all modules; at most one per position. */
  readonly hints: readonly ShapeHint[];
  readonly diagnostics: readonly TraceDiagnostic[];
  readonly milliseconds: number;
}

export type TraceStatus =
  /** Shapes to the end. */
  | "traced"
  /** Went on until it met values; the rest needs ▶ Run. */
  | "needsRun"
  /** A diagnostic says what went wrong. */
  | "failed"
  /** No `@input` tag, and none could be proposed. */
  | "noInput"
  /** The constructor has required parameters: only traced as part of another model. */
  | "notConstructible";

export interface TracedModule {
  /** Name it is exported under; `default` for a default export. */
  readonly name: string;
  readonly className: string;
  /** The whole class declaration. */
  readonly range: Range;
  /** The identifier in it, where a lens and a diagnostic go; for an anonymous class the keyword `class`. */
  readonly nameRange: Range;
  readonly status: TraceStatus;
  /** One sentence for a lens or hover when `status` is not `traced`. */
  readonly message?: string;
  /** The `@input` tags, or the proposed inputs. */
  readonly inputs: readonly InputSpec[];
  /** No tag was written: the edit writes the proposed `@input` tags into the doc comment. */
  readonly inputEdit?: TextEdit;
  /** Shapes that went in, as text with symbols kept: `[N, 1, 28, 28]`; in `forward`'s order. */
  readonly inputShapes: readonly ValueShape[];
  /** What came out: one entry for a tensor, several for an array or object of tensors. */
  readonly outputs: readonly ValueShape[];
  readonly parameters?: number;
  readonly trainableParameters?: number;
  readonly macs?: number;
  readonly snapshot?: ModelSnapshot;
}

/** The shape of one tensor inside a value. */
export interface ValueShape {
  /** Where in the value: `""` for the value itself, `[0]`, `logits`. */
  readonly path: string;
  readonly shape: SnapshotShape;
  readonly dtype: string;
  /** `[N, 10]`. */
  readonly text: string;
}

/** The shape of a tensor at one place in the source. */
export interface ShapeHint {
  readonly file: string;
  /** Where the hint goes: after the statement (or the declared name), before its semicolon's end of line. */
  readonly position: Position;
  /** The statement or the name. */
  readonly range: Range;
  /** What is shown: `[1, 6, 14, 14]`, with the dtype where it changes: `[1, 28] int64`. */
  readonly text: string;
  readonly values: readonly ValueShape[];
  /** The assigned or declared name, when there is one. */
  readonly variable?: string;
  /** Export whose trace this came from. */
  readonly module: string;
  /** Class and method: `LeNet.forward`. */
  readonly scope: string;
  /** In a loop: values of the last iteration, when they differ from the first one's. */
  readonly last?: readonly ValueShape[];
  /** How often the statement ran in the call that is shown. */
  readonly times: number;
  /** When the class was called several times: which call is shown. */
  readonly call?: ModuleCall;
}

export interface ModuleCall {
  readonly className: string;
  /** Module path of the shown call: `layer1.0`. */
  readonly path: string;
  /** Zero-based. */
  readonly index: number;
  /** Paths of all calls, in order of calling. */
  readonly paths: readonly string[];
}

// forward

export interface ForwardRequest {
  readonly type: "forward";
  readonly file: string;
  readonly overlay: readonly SourceText[];
  /** Export name of the class. */
  readonly export: string;
  /** Texts as after `@input`, instead of the tags; symbolic sizes count as 1. */
  readonly inputs?: readonly string[];
  /** Folder that files of inputs (`= digit.png`) have to lie in; default that of `file`. */
  readonly workspace?: string;
  /** Seeds parameters and inputs; default 0. */
  readonly seed?: number;
  /** The default device: where parameters and inputs are put; the CPU unless said. */
  readonly device?: string;
}

export interface ForwardReply {
  readonly export: string;
  readonly className: string;
  readonly inputs: readonly TensorSummary[];
  readonly outputs: readonly TensorSummary[];
  readonly parameters: number;
  readonly trainableParameters: number;
  readonly macs?: number;
  readonly snapshot: ModelSnapshot;
  /** Construction, with initial values. */
  readonly constructMilliseconds: number;
  /** The forward pass the first time, compiling included. */
  readonly firstMilliseconds: number;
  /** The forward pass once more, values read. */
  readonly milliseconds: number;
}

/** A tensor in figures. Statistics are absent for empty tensors. */
export interface TensorSummary extends ValueShape {
  readonly min?: number;
  readonly max?: number;
  readonly mean?: number;
  readonly std?: number;
  /** Elements that are NaN or infinite. */
  readonly nonFinite: number;
  /** Elements per equal bin from `min` to `max`, over the finite ones. */
  readonly histogram?: readonly number[];
  /** The first values, at most 16. */
  readonly head: readonly number[];
}

// train

export interface TrainRequest {
  readonly type: "train";
  readonly file: string;
  readonly overlay: readonly SourceText[];
  /** Export name of the training function. */
  readonly export: string;
  /** Names the run in events; chosen by the host, unique. */
  readonly run: string;
  readonly seed?: number;
  /** The default device: where tensors, layers and batches are put; the CPU unless said. */
  readonly device?: string;
}

export interface TrainReply {
  readonly run: string;
  /** What the function returned, printed. */
  readonly returned: string;
  readonly milliseconds: number;
}

export interface CancelRequest {
  readonly type: "cancel";
  /** Default: whatever runs. */
  readonly run?: string;
}

export interface CancelReply {
  /** How it ended: nothing ran, the code stopped by itself, or its thread was ended. */
  readonly how: "idle" | "cancelled" | "terminated";
}

export interface SnapshotRequest {
  readonly type: "snapshot";
}

/** The model of the last `forward`, or null. */
export type SnapshotReply = ModelSnapshot | null;

export interface StatusRequest {
  readonly type: "status";
}

export interface StatusReply {
  readonly pid: number;
  readonly node: string;
  /** Version of the tensorscope library in use. */
  readonly library: string;
  /** What runs now. */
  readonly task?: {
    readonly kind: "forward" | "train";
    readonly file: string;
    readonly export: string;
    readonly run?: string;
    /** Milliseconds since 1970. */
    readonly since: number;
  };
  /** Bytes of memory held by the process. */
  readonly memory: number;
}

export interface ShutdownRequest {
  readonly type: "shutdown";
}

export type TracerRequest = TraceRequest | ShutdownRequest;
export type RunnerRequest =
  ForwardRequest | TrainRequest | CancelRequest | SnapshotRequest | StatusRequest | ShutdownRequest;
export type KernelRequest = TracerRequest | RunnerRequest;

/** Reply types by request type. */
export interface Replies {
  readonly trace: TraceReply;
  readonly forward: ForwardReply;
  readonly train: TrainReply;
  readonly cancel: CancelReply;
  readonly snapshot: SnapshotReply;
  readonly status: StatusReply;
  readonly shutdown: null;
}
export type ReplyTo<R extends KernelRequest> = Replies[R["type"]];

// Events

/** First message of either process. */
export interface HelloEvent {
  readonly type: "hello";
  readonly kernel: KernelName;
  readonly protocol: number;
  readonly library: string;
  readonly pid: number;
  readonly node: string;
}

/** Something user code (or the process) printed. */
export interface ConsoleEvent {
  readonly type: "console";
  readonly kernel: KernelName;
  readonly run?: string;
  readonly level: "log" | "info" | "warn" | "error" | "debug";
  /** Without the final line break. */
  readonly text: string;
}

export type RunPhase = "starting" | "running" | "cancelling" | "done" | "cancelled" | "failed";

/** How a training run goes; the same fields as the curves view's `runState`. */
export interface RunStateEvent {
  readonly type: "runState";
  readonly run: string;
  readonly phase: RunPhase;
  /** Steps finished. */
  readonly step?: number;
  readonly total?: number;
  readonly stepsPerSecond?: number;
  /** Seconds left. */
  readonly eta?: number;
  /** What the loop is called, and for the last phase why it ended. */
  readonly message?: string;
}

/** A point of a training curve. Values may be NaN or infinite: the wire is structured clone. */
export interface Point {
  readonly run: string;
  readonly tag: string;
  readonly step: number;
  /** Milliseconds since 1970. */
  readonly wallTime: number;
  readonly value: number;
}

export interface PointsEvent {
  readonly type: "points";
  readonly run: string;
  readonly points: readonly Point[];
}

/** The model that a forward pass or a training run works on, when it is known or has changed. */
export interface ModelEvent {
  readonly type: "model";
  readonly file: string;
  readonly export: string;
  readonly snapshot: ModelSnapshot;
}

export type ProcessState = "starting" | "ready" | "busy" | "stopped";

/** Emitted by the supervisor, not by the processes. */
export interface StateEvent {
  readonly type: "state";
  readonly kernel: KernelName;
  readonly state: ProcessState;
  /** Why, when a process ended that should not have; says what was lost. */
  readonly message?: string;
}

export type KernelEvent = HelloEvent | ConsoleEvent | RunStateEvent | PointsEvent | ModelEvent | StateEvent;

// The wire

/** A thrown error as it travels. */
export interface WireError {
  readonly name: string;
  readonly message: string;
  readonly stack?: string;
  readonly reason: ErrorReason;
  /** The line of the user's code, mapped. */
  readonly location?: SourceLocation;
}

export type ErrorReason =
  /** The user's code threw. */
  | "user"
  /** It does not parse, or a module is not found. */
  | "build"
  /** No answer in time; the process was replaced. */
  | "timeout"
  /** The process ended: `process.exit`, out of memory, a native crash. */
  | "died"
  /** A newer request for the same file replaced this one. */
  | "superseded"
  | "cancelled"
  /** The supervisor was disposed of. */
  | "disposed"
  /** The runner has something else to do. */
  | "busy"
  /** Another version of this protocol, or a request it does not know. */
  | "protocol"
  | "internal";

export type ToKernel = { readonly id: number; readonly request: KernelRequest };
export type FromKernel =
  /** `last`: the process ends now and wants no more requests. */
  | { readonly id: number; readonly reply: unknown; readonly last?: boolean }
  | { readonly id: number; readonly error: WireError; readonly last?: boolean }
  | { readonly event: KernelEvent };

/** A request that failed; `reason` says which way. */
export class KernelError extends Error {
  readonly reason: ErrorReason;
  readonly location: SourceLocation | undefined;
  /** Stack in the kernel, mapped to the user's files. */
  readonly remoteStack: string | undefined;

  constructor(error: WireError) {
    super(error.message);
    this.name = error.name;
    this.reason = error.reason;
    this.location = error.location;
    this.remoteStack = error.stack;
  }
}
