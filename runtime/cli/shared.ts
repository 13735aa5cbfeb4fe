/** What the command line and the thread that runs the file say to each other. */
/** An exception in a form that crosses threads. */
export interface Thrown {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  readonly cause?: Thrown;
}

export function thrown(error: unknown): Thrown {
  if (!(error instanceof Error)) return { name: "Error", message: String(error), stack: undefined };
  const { name, message, stack, cause } = error;
  return { name, message, stack, ...(cause === undefined ? {} : { cause: thrown(cause) }) };
}

/** What the thread is started with. */
export interface RunData {
  readonly file: string;
  readonly code: string;
  readonly format: "cjs" | "esm";
  readonly script: string;
  /** The default device. */
  readonly device: string | null;
  /** See `shared`. */
  readonly memory: Int32Array;
  readonly terminals: { readonly stdout: boolean; readonly stderr: boolean };
}

/** Elements of the shared array. */
export const shared = {
  /** Non-zero: stop. */
  cancel: 0,
  /** Width of the terminal. */
  columns: 1,
  length: 2,
} as const;

/** What the thread says once. */
export type FromRun =
  | { readonly type: "failed"; readonly error: Thrown }
  | { readonly type: "cancelled" }
  /** The device is not there; the file was not run. */
  | { readonly type: "refused"; readonly message: string }
  /** The file's own code is through. Silent: it has printed nothing. */
  | { readonly type: "done"; readonly silent: boolean };
