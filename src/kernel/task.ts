/** What the runner's main thread and the thread that runs user code say to each other. */
import type { ProgressState } from "../../runtime/data/progress.js";
import type { ReportedPoint } from "../../runtime/inspect/report.js";
import type { ConsoleEvent, ForwardReply, InputSpec, ModelSnapshot } from "./protocol.js";

/** The thread's start. */
export interface ThreadData {
  /** See `shared`. */
  readonly shared: Int32Array;
  /** The signal of the engine that the thread starts, to halt it by. */
  readonly engine: Int32Array;
}

/** Elements of the shared array. */
export const shared = {
  /** Non-zero: stop. */
  cancel: 0,
  /** Messages sent and not yet handled; the thread waits when there are too many. */
  backlog: 1,
  length: 2,
} as const;

interface TaskBase {
  readonly id: number;
  /** The bundle, and the name its stack frames have. */
  readonly code: string;
  readonly format: "cjs" | "esm";
  readonly script: string;
  readonly export: string;
  readonly seed: number | undefined;
  readonly device: string | undefined;
}

export interface ForwardTask extends TaskBase {
  readonly kind: "forward";
  /** In `forward`'s order; empty: propose. */
  readonly inputs: readonly (InputSpec | undefined)[];
  readonly required: readonly string[] | undefined;
  /** The model's, and the folder that files of inputs have to lie in. */
  readonly file: string;
  readonly workspace: string;
}

export interface TrainTask extends TaskBase {
  readonly kind: "train";
}

export type Task = ForwardTask | TrainTask;
export type ToThread = Task | { readonly kind: "snapshot"; readonly id: number };

/** What a task gives back. */
export interface TaskResults {
  readonly forward: ForwardReply;
  readonly train: { readonly returned: string; readonly milliseconds: number };
  readonly snapshot: ModelSnapshot | null;
}

export interface ThrownError {
  readonly name: string;
  readonly message: string;
  readonly stack?: string | undefined;
  readonly cancelled: boolean;
}

export type FromThread =
  | { readonly type: "print"; readonly level: ConsoleEvent["level"]; readonly text: string }
  | { readonly type: "progress"; readonly states: readonly ProgressState[] }
  | { readonly type: "points"; readonly points: readonly ReportedPoint[] }
  | { readonly type: "done"; readonly id: number; readonly result: TaskResults[keyof TaskResults] }
  | { readonly type: "failed"; readonly id: number; readonly error: ThrownError };
