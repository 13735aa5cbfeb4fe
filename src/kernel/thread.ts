/** The runner's main-thread view of the thread that runs user code: one task at a time, cancelled if need be by force. */
import { Worker } from "node:worker_threads";
import { halted, newSignal } from "../../runtime/engine/signal.js";
import { KernelError } from "./protocol.js";
import { wireError } from "./wire.js";
import {
  shared,
  type ForwardTask,
  type FromThread,
  type TaskResults,
  type ThreadData,
  type ThrownError,
  type ToThread,
  type TrainTask,
} from "./task.js";

/** Everything the thread says beside its answers. */
export type Say = Exclude<FromThread, { readonly type: "done" | "failed" }>;

interface Waiting {
  readonly resolve: (result: never) => void;
  readonly reject: (error: Error) => void;
}

/** User code threw; not yet mapped to its sources. */
export class UserError extends Error {
  readonly thrown: ThrownError;

  constructor(thrown: ThrownError) {
    super(thrown.message);
    this.name = thrown.name;
    this.thrown = thrown;
  }
}

/** How long `terminate` may take; native code cannot be interrupted. */
const terminateLimit = 2000;

export class UserThread {
  readonly #onSay: (message: Say) => Promise<void>;
  #worker: Worker | undefined;
  #memory = new Int32Array(new SharedArrayBuffer(4 * shared.length));
  #engine = newSignal();
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 1;
  /** Ends the wait of a `cancel`. */
  #settled: (() => void) | undefined;

  /** @param onSay resolves when the message has been passed on. */
  constructor(onSay: (message: Say) => Promise<void>) {
    this.#onSay = onSay;
  }

  get busy(): boolean {
    return this.#waiting.size > 0;
  }

  /** Whether a thread is there that may hold a model. */
  get alive(): boolean {
    return this.#worker !== undefined;
  }

  run(task: Omit<ForwardTask, "id">): Promise<TaskResults["forward"]>;
  run(task: Omit<TrainTask, "id">): Promise<TaskResults["train"]>;
  run(task: { readonly kind: "snapshot" }): Promise<TaskResults["snapshot"]>;
  run(task: object): Promise<unknown> {
    const worker = (this.#worker ??= this.#start());
    const id = this.#nextId++;
    if (!this.busy) Atomics.store(this.#memory, shared.cancel, 0);
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (result: never) => void, reject });
      worker.postMessage({ ...task, id } as unknown as ToThread);
    });
  }

  /**
   * Stops what runs.
   * @returns `stuck` when even ending the thread did not work: only the process's end will.
   */
  async cancel(grace: number): Promise<"idle" | "cancelled" | "terminated" | "stuck"> {
    const worker = this.#worker;
    if (worker === undefined || !this.busy) return "idle";
    Atomics.store(this.#memory, shared.cancel, 1);
    Atomics.notify(this.#memory, shared.backlog);
    const inTime = await new Promise<boolean>((resolve) => {
      const timer = setTimeout(() => resolve(false), grace);
      this.#settled = () => {
        clearTimeout(timer);
        resolve(true);
      };
    });
    this.#settled = undefined;
    if (inTime) return "cancelled";
    // Its exit is expected and says nothing.
    worker.removeAllListeners("exit");
    worker.removeAllListeners("error");
    worker.on("error", () => undefined);
    // The engine's thread ends with this one, and must not be inside native code then.
    const ended =
      (await halted(this.#engine, terminateLimit)) &&
      (await Promise.race([
        worker.terminate().then(() => true),
        new Promise<boolean>((resolve) => setTimeout(() => resolve(false), terminateLimit)),
      ]));
    this.#drop(
      new KernelError(
        wireError(
          "cancelled",
          "The run did not heed the cancellation, so its thread was ended. Its weights are lost.",
        ),
      ),
    );
    return ended ? "terminated" : "stuck";
  }

  #drop(error: Error): void {
    this.#worker = undefined;
    this.#memory = new Int32Array(new SharedArrayBuffer(4 * shared.length));
    this.#engine = newSignal();
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject } of waiting) reject(error);
    this.#settled?.();
  }

  #start(): Worker {
    const memory = this.#memory;
    const worker = new Worker(new URL("./user.worker.js", import.meta.url), {
      workerData: { shared: memory, engine: this.#engine } satisfies ThreadData,
      stdout: false,
      stderr: false,
    });
    worker.on("message", (message: FromThread) => {
      const handled = (): void => {
        Atomics.sub(memory, shared.backlog, 1);
        Atomics.notify(memory, shared.backlog);
      };
      if (worker !== this.#worker) return;
      // What the editor has not taken yet counts as backlog too.
      void Promise.resolve(this.#receive(message)).then(handled, handled);
    });
    worker.on("error", (error: Error & { readonly code?: string }) => {
      if (worker !== this.#worker) return;
      const outOfMemory = error.code === "ERR_WORKER_OUT_OF_MEMORY";
      const message = outOfMemory
        ? "The code ran out of memory. Its model and weights are lost."
        : `An error that nobody caught ended the code: ${error.message}`;
      this.#drop(
        outOfMemory
          ? new KernelError(wireError("died", message))
          : new UserError({ ...error, message, name: error.name, stack: error.stack, cancelled: false }),
      );
    });
    worker.on("exit", (code) => {
      if (worker !== this.#worker) return;
      const message = `The code called process.exit(${code}). Its model and weights are lost.`;
      this.#drop(new KernelError(wireError("died", message)));
    });
    return worker;
  }

  #receive(message: FromThread): Promise<void> | undefined {
    if (message.type !== "done" && message.type !== "failed") return this.#onSay(message);
    const waiting = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    if (message.type === "done") waiting?.resolve(message.result as never);
    else waiting?.reject(new UserError(message.error));
    if (!this.busy) this.#settled?.();
    return undefined;
  }
}
