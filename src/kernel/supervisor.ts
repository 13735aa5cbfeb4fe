/**
 * The extension host's side of the kernel. Knows nothing of VS Code, so tests and other editors can use it.
 *
 * The tracer is asked one thing at a time: a newer trace of a file replaces the one that waits or runs, whose answer
 * is dropped. The runner is never touched by edits.
 */
import { patience } from "./patience.js";
import { KernelProcess, type ProcessOptions } from "./process.js";
import { wireError } from "./wire.js";
import {
  KernelError,
  type CancelReply,
  type ForwardReply,
  type ForwardRequest,
  type KernelEvent,
  type KernelName,
  type ProcessState,
  type SnapshotReply,
  type StatusReply,
  type TraceReply,
  type TraceRequest,
  type TrainReply,
  type TrainRequest,
  type WireError,
} from "./protocol.js";

export interface SupervisorOptions {
  /** Where the kernel's entries are: `dist/kernel` of the extension or of a project's own install. */
  readonly entries: Readonly<Record<KernelName, string>>;
  readonly nodePath?: string | undefined;
  readonly cwd?: string | undefined;
  /** Extra environment of both processes. */
  readonly env?: Readonly<Record<string, string>>;
  /** Flags of Node, for both processes. */
  readonly execArgv?: readonly string[];
  /** Milliseconds one trace may evaluate; default 2000. */
  readonly traceBudget?: number;
  /** Milliseconds after which code that does not heed `cancel` loses its thread; default 1500. */
  readonly cancelGrace?: number;
}

interface Job {
  readonly request: TraceRequest;
  readonly resolve: (reply: TraceReply) => void;
  readonly reject: (error: KernelError) => void;
}

/**
 * Reading and bundling files comes on top of the evaluation's budget, which the tracer minds itself: these milliseconds
 * are for one that hangs. The first trace of a process starts the bundler, which a busy machine makes slow.
 */
const traceOverhead = 4000;
const firstOverhead = 20_000;
const answerTimeout = 5000;

type Listener = (event: KernelEvent) => void;

/** Starts, watches and asks the tracer and the runner. Both start when first needed. */
export class KernelSupervisor {
  readonly #tracer: KernelProcess;
  readonly #runner: KernelProcess;
  readonly #budget: number;
  readonly #grace: number;
  readonly #listeners = new Set<Listener>();
  readonly #states = new Map<KernelName, ProcessState>();
  /** Traces that wait, the latest per file. */
  readonly #queue = new Map<string, Job>();
  #tracing: Job | undefined;
  /** The tracer process that has answered a trace. */
  #tracedPid: number | undefined;
  /** What the runner works on, for messages when it dies. */
  #task: { readonly label: string; readonly run?: string; step?: number } | undefined;
  #lastModel: string | undefined;
  #disposed = false;

  constructor(options: SupervisorOptions) {
    this.#budget = options.traceBudget ?? 2000;
    this.#grace = options.cancelGrace ?? 1500;
    const shared = {
      nodePath: options.nodePath,
      cwd: options.cwd,
      ...(options.env === undefined ? {} : { env: options.env }),
      ...(options.execArgv === undefined ? {} : { execArgv: options.execArgv }),
    };
    const child = (name: KernelName, args: readonly string[]): KernelProcess => {
      const own: ProcessOptions = {
        ...shared,
        name,
        entry: options.entries[name],
        args,
        onEvent: (event) => this.#onEvent(event),
        onDeath: (error) => this.#onDeath(name, error),
        onRecycle: () => this.#restart(name),
      };
      return new KernelProcess(own);
    };
    this.#tracer = child("tracer", [`--budget=${this.#budget}`]);
    this.#runner = child("runner", [`--grace=${this.#grace}`]);
  }

  /** Hears all events of both processes; returns the function that ends it. */
  onEvent(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Starts the tracer ahead of its first trace. */
  async warm(): Promise<void> {
    await this.#tracer.start();
  }

  /**
   * Traces the exports of a file.
   * @throws KernelError with reason `superseded` when a newer trace of the same file was asked for meanwhile;
   * `timeout` when it took too long (the tracer is then replaced).
   */
  trace(request: TraceRequest): Promise<TraceReply> {
    if (this.#disposed) return Promise.reject(disposed());
    return new Promise((resolve, reject) => {
      this.#queue.get(request.file)?.reject(superseded());
      if (this.#tracing?.request.file === request.file) this.#tracing.reject(superseded());
      this.#queue.set(request.file, { request, resolve, reject });
      void this.#nextTrace();
    });
  }

  async #nextTrace(): Promise<void> {
    if (this.#tracing !== undefined) return;
    const [first] = this.#queue;
    if (first === undefined) return;
    const [file, job] = first;
    this.#queue.delete(file);
    this.#tracing = job;
    try {
      this.#setState("tracer", "busy");
      const { pid } = await this.#tracer.start();
      job.resolve(
        await this.#tracer.request(job.request, {
          timeout: patience() * (this.#budget + (this.#tracedPid === pid ? traceOverhead : firstOverhead)),
          timeoutMessage:
            `Computing shapes took longer than ${this.#budget / 1000} s and was stopped. ` +
            `Is there an endless loop in a constructor or in forward?`,
        }),
      );
      this.#tracedPid = pid;
      this.#setState("tracer", "ready");
    } catch (error) {
      const known =
        error instanceof KernelError ? error : new KernelError(wireError("internal", String(error)));
      job.reject(known);
      if (known.reason === "timeout") {
        this.#setState("tracer", "stopped", known.message);
        this.#restart("tracer");
      } else if (known.reason !== "died") this.#setState("tracer", "ready");
    } finally {
      this.#tracing = undefined;
      if (!this.#disposed) void this.#nextTrace();
    }
  }

  /** Builds a model and runs `forward` once on inputs drawn from its `@input` tags. */
  forward(request: Omit<ForwardRequest, "type">): Promise<ForwardReply> {
    return this.#work(`the forward pass of ${request.export}`, undefined, () =>
      this.#runner.request({ type: "forward", ...request }),
    );
  }

  /** Calls a training function; `runState` and `points` events tell how it goes. */
  train(request: Omit<TrainRequest, "type">): Promise<TrainReply> {
    return this.#work(`the run ${request.export}`, request.run, () =>
      this.#runner.request({ type: "train", ...request }),
    );
  }

  async #work<T>(label: string, run: string | undefined, ask: () => Promise<T>): Promise<T> {
    if (this.#task !== undefined) {
      throw new KernelError(
        wireError("busy", `The kernel is busy with ${this.#task.label}: cancel it or wait`),
      );
    }
    this.#task = { label, ...(run === undefined ? {} : { run }) };
    this.#setState("runner", "busy");
    try {
      const reply = await ask();
      this.#setState("runner", "ready");
      return reply;
    } catch (error) {
      // Code may die alone: its thread is replaced inside the process.
      if (this.#runner.hello !== undefined) this.#setState("runner", "ready");
      throw error;
    } finally {
      this.#task = undefined;
    }
  }

  /** Stops what the runner does: first by a flag, then by ending the thread, at last the process. */
  async cancel(run?: string): Promise<CancelReply> {
    if (this.#runner.hello === undefined) return { how: "idle" };
    const lost = this.#describeLoss();
    try {
      return await this.#runner.request(
        { type: "cancel", ...(run === undefined ? {} : { run }) },
        { timeout: this.#grace + answerTimeout, timeoutMessage: `Cancelled by ending the process.${lost}` },
      );
    } catch (error) {
      if (error instanceof KernelError && error.reason === "timeout") {
        this.#setState("runner", "stopped", error.message);
        return { how: "terminated" };
      }
      throw error;
    }
  }

  /** The model of the last forward pass or training run, as it is now. */
  async snapshot(): Promise<SnapshotReply> {
    if (this.#runner.hello === undefined) return null;
    return this.#runner.request({ type: "snapshot" }, { timeout: answerTimeout });
  }

  /** What the runner is doing; answers while user code runs. */
  status(): Promise<StatusReply> {
    return this.#runner.request({ type: "status" }, { timeout: answerTimeout });
  }

  state(kernel: KernelName): ProcessState {
    return this.#states.get(kernel) ?? "stopped";
  }

  /** Process ids, for tests and the status item. */
  get pids(): Readonly<Record<KernelName, number | undefined>> {
    return { tracer: this.#tracer.pid, runner: this.#runner.pid };
  }

  /** Ends both processes and starts them anew when next needed. What the runner held is lost. */
  restart(): void {
    const lost = this.#describeLoss();
    for (const [name, child] of [
      ["tracer", this.#tracer],
      ["runner", this.#runner],
    ] as const) {
      if (child.pid === undefined) continue;
      child.kill(wireError("died", `The kernel was restarted.${lost}`));
      this.#setState(name, "stopped");
    }
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    for (const job of this.#queue.values()) job.reject(disposed());
    this.#queue.clear();
    this.#tracer.dispose();
    this.#runner.dispose();
    this.#listeners.clear();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #setState(kernel: KernelName, state: ProcessState, message?: string): void {
    if (this.#disposed || (this.#states.get(kernel) === state && message === undefined)) return;
    this.#states.set(kernel, state);
    this.#emit({ type: "state", kernel, state, ...(message === undefined ? {} : { message }) });
  }

  #emit(event: KernelEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  #onEvent(event: KernelEvent): void {
    if (this.#disposed) return;
    if (event.type === "hello") {
      // A process started for a request is busy already.
      const busy = event.kernel === "tracer" ? this.#tracing : this.#task;
      this.#setState(event.kernel, busy === undefined ? "ready" : "busy");
    } else if (event.type === "runState") {
      if (this.#task !== undefined && event.step !== undefined) this.#task.step = event.step;
    } else if (event.type === "model") this.#lastModel = event.export;
    this.#emit(event);
  }

  /** A sentence that says what goes when the runner's process ends. */
  #describeLoss(): string {
    const step = this.#task?.step;
    const parts = [
      ...(this.#task === undefined
        ? []
        : [this.#task.label + (step === undefined ? "" : ` (at step ${step})`)]),
      ...(this.#lastModel === undefined ? [] : [`the weights of ${this.#lastModel}`]),
    ];
    return parts.length === 0 ? "" : ` Lost: ${parts.join(" and ")}.`;
  }

  #onDeath(name: KernelName, error: WireError): void {
    const lost = name === "runner" ? this.#describeLoss() : "";
    const child = name === "tracer" ? this.#tracer : this.#runner;
    const again = child.worthRestarting ? " A new one is started." : "";
    const run = name === "runner" ? this.#task?.run : undefined;
    if (run !== undefined) {
      this.#emit({ type: "runState", run, phase: "failed", message: `${error.message}.${lost}` });
    }
    if (name === "runner") this.#lastModel = undefined;
    this.#setState(name, "stopped", `${error.message}.${lost}${again}`);
    if (child.worthRestarting) this.#restart(name);
  }

  /** A fresh process, so that the next request finds it warm. */
  #restart(name: KernelName): void {
    if (this.#disposed) return;
    this.#setState(name, "starting");
    const child = name === "tracer" ? this.#tracer : this.#runner;
    // Its death while starting is reported by onDeath.
    child.start().catch(() => undefined);
  }
}

function superseded(): KernelError {
  return new KernelError(wireError("superseded", "A newer version of the file is being traced"));
}

function disposed(): KernelError {
  return new KernelError(wireError("disposed", "The kernel was shut down"));
}
