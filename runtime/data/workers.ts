/** Threads that load: batches are asked of them ahead of time and taken in order. */
import { MessageChannel, receiveMessageOnPort, Worker, type MessagePort } from "node:worker_threads";
import { checkCancelled } from "../engine/cancel.js";
import * as errors from "../errors.js";
import { pack, unpack, type Packed } from "./portable.js";
import { currentProgram, type Program } from "./program.js";
import { getWorkerInfo } from "./workerInfo.js";
import type { Wanted } from "./fetch.js";

/** What a worker is told first. */
export interface WorkerSetup {
  readonly id: number;
  readonly numWorkers: number;
  readonly seed: bigint;
  readonly program: Program | undefined;
  /** A `WorkerParts`. */
  readonly parts: Packed;
}

export interface WorkerParts {
  readonly dataset: unknown;
  readonly collateFn: unknown;
  readonly workerInitFn: unknown;
  readonly dropLast: boolean;
}

export type ToWorker =
  { readonly setup: WorkerSetup } | { readonly task: number; readonly pass: number; readonly wanted: Wanted };

export interface ThrownInWorker {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
}

export type FromWorker =
  | { readonly print: 1 | 2; readonly text: string }
  | { readonly failed: ThrownInWorker }
  | { readonly task: number; readonly pass: number; readonly result: Packed | ThrownInWorker | undefined };

/** The thread that starts the workers and sees them end. */
export interface PoolStart {
  readonly ports: readonly MessagePort[];
  /** Says which worker has ended, and why. */
  readonly notices: MessagePort;
  readonly signal: Int32Array;
}
export interface WorkerStart {
  readonly port: MessagePort;
  readonly signal: Int32Array;
}
export interface Gone {
  readonly worker: number;
  readonly reason: string;
}

/** Elements of the shared array. */
export const shared = { messages: 0, stop: 1, length: 2 } as const;

/** Milliseconds between looks at whether the run was cancelled. */
const slice = 100;

export interface PoolOptions extends WorkerParts {
  readonly numWorkers: number;
  readonly baseSeed: bigint;
}

/** The workers of a loader. */
export class WorkerPool {
  readonly size: number;
  readonly #ports: MessagePort[] = [];
  readonly #notices: MessagePort;
  readonly #signal = new Int32Array(new SharedArrayBuffer(shared.length * Int32Array.BYTES_PER_ELEMENT));
  readonly #gone = new Map<number, string>();
  #closed = false;

  constructor({ numWorkers, baseSeed, ...parts }: PoolOptions) {
    if (getWorkerInfo() !== null) {
      throw new errors.RuntimeError(
        "The workers of a DataLoader cannot have workers of their own. They load the program to find its classes: " +
          "write `if (import.meta.main)` before what starts the training, so that it does not start in them too",
      );
    }
    // What cannot cross is said before any thread is started. Each worker has a copy of its own.
    const packed = pack(parts, "loader");
    this.size = numWorkers;
    const theirs: MessagePort[] = [];
    for (let id = 0; id < numWorkers; id++) {
      const { port1, port2 } = new MessageChannel();
      const setup: WorkerSetup = {
        id,
        numWorkers,
        seed: BigInt.asIntN(64, baseSeed + BigInt(id)),
        program: packed.needsProgram ? currentProgram() : undefined,
        parts: packed,
      };
      port1.postMessage({ setup } satisfies ToWorker);
      this.#ports.push(port1);
      theirs.push(port2);
    }
    const { port1, port2 } = new MessageChannel();
    this.#notices = port1;
    const start: PoolStart = { ports: theirs, notices: port2, signal: this.#signal };
    new Worker(new URL("../source/loader.worker.js", import.meta.url), {
      workerData: start,
      transferList: [...theirs, port2],
      name: "tensorscope data",
      execArgv: [],
    }).unref();
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  send(worker: number, message: ToWorker): void {
    this.#ports[worker]!.postMessage(message);
  }

  /**
   * Waits for the next messages and hands them on.
   * @throws RuntimeError when nothing comes in time, or the worker waited for has ended; Cancelled.
   */
  receive(waitedFor: number, timeout: number, handle: (message: FromWorker) => void): void {
    const deadline = timeout > 0 ? performance.now() + timeout * 1000 : Infinity;
    for (;;) {
      const seen = Atomics.load(this.#signal, shared.messages);
      for (let gone; (gone = receiveMessageOnPort(this.#notices) as { message: Gone } | undefined);) {
        this.#gone.set(gone.message.worker, gone.message.reason);
      }
      let any = false;
      for (const port of this.#ports) {
        for (let got; (got = receiveMessageOnPort(port) as { message: FromWorker } | undefined);) {
          any = true;
          handle(got.message);
        }
      }
      if (any) return;
      const reason = this.#gone.get(waitedFor);
      if (reason !== undefined) {
        throw new errors.RuntimeError(
          `DataLoader worker ${String(waitedFor)} exited unexpectedly: ${reason}`,
        );
      }
      checkCancelled();
      const left = deadline - performance.now();
      if (left <= 0) throw new errors.RuntimeError(`DataLoader timed out after ${String(timeout)} seconds`);
      Atomics.wait(this.#signal, shared.messages, seen, Math.min(slice, left));
    }
  }

  /** Lets the workers end when they are through with what they are at. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    Atomics.store(this.#signal, shared.stop, 1);
    for (const port of this.#ports) port.close();
    this.#notices.close();
  }
}

interface Task {
  readonly id: number;
  readonly worker: number;
  result?: { readonly got: Packed | ThrownInWorker | undefined };
}

const builtIn: Readonly<Record<string, unknown>> = {
  Error,
  TypeError,
  RangeError,
  SyntaxError,
  ReferenceError,
  EvalError,
  URIError,
};

/** The error of a worker, in its class where that is known, with the stack it had there. */
function rethrown({ name, message, stack }: ThrownInWorker): Error {
  const known = (errors as Readonly<Record<string, unknown>>)[name] ?? builtIn[name];
  const error =
    typeof known === "function"
      ? new (known as new (message: string) => Error)(message)
      : Object.assign(new errors.RuntimeError(message), { name });
  if (stack !== undefined) error.stack = stack;
  return error;
}

export interface PassOptions {
  readonly pool: WorkerPool;
  readonly pass: number;
  readonly order: Iterable<Wanted>;
  readonly prefetch: number;
  readonly timeout: number;
  /** Called at the end, whichever way it comes. */
  readonly ended: () => void;
}

/** One pass over the data: asks ahead, gives in order. */
export class WorkerPass<B> implements IterableIterator<B> {
  readonly #o: PassOptions;
  readonly #order: Iterator<Wanted>;
  /** Sent and not yet given, in order. */
  readonly #tasks: Task[] = [];
  /** Workers whose streams go on. */
  readonly #active: Set<number>;
  #next = 0;
  #turn = 0;
  #all = false;
  #over = false;

  constructor(options: PassOptions) {
    this.#o = options;
    this.#order = options.order[Symbol.iterator]();
    this.#active = new Set(Array.from({ length: options.pool.size }, (_, i) => i));
    this.#guard(() => this.#ask());
  }

  [Symbol.iterator](): this {
    return this;
  }

  next(): IteratorResult<B> {
    if (this.#over) return { done: true, value: undefined };
    return this.#guard(() => this.#take());
  }

  return(): IteratorResult<B> {
    this.#end();
    return { done: true, value: undefined };
  }

  /** What goes wrong ends the pass. */
  #guard<T>(body: () => T): T {
    try {
      return body();
    } catch (error) {
      this.#end();
      throw error;
    }
  }

  #end(): void {
    if (this.#over) return;
    this.#over = true;
    this.#order.return?.();
    this.#o.ended();
  }

  /** Asks for batches until enough are under way. */
  #ask(): void {
    const { pool, prefetch, pass } = this.#o;
    while (!this.#all && this.#active.size > 0 && this.#tasks.length < prefetch * pool.size) {
      const { done, value } = this.#order.next();
      if (done === true) {
        this.#all = true;
        return;
      }
      while (!this.#active.has(this.#turn)) this.#turn = (this.#turn + 1) % pool.size;
      const task: Task = { id: this.#next++, worker: this.#turn };
      this.#turn = (this.#turn + 1) % pool.size;
      this.#tasks.push(task);
      pool.send(task.worker, { task: task.id, pass, wanted: value });
    }
  }

  #take(): IteratorResult<B> {
    for (;;) {
      const [first] = this.#tasks;
      if (first === undefined) {
        this.#end();
        return { done: true, value: undefined };
      }
      if (first.result === undefined && this.#active.has(first.worker)) {
        this.#o.pool.receive(first.worker, this.#o.timeout, (message) => this.#hear(message));
        continue;
      }
      this.#tasks.shift();
      this.#ask();
      const got = first.result?.got;
      if (got === undefined) continue;
      if ("message" in got) throw rethrown(got);
      return { done: false, value: unpack(got) as B };
    }
  }

  #hear(message: FromWorker): void {
    if ("print" in message) {
      (message.print === 1 ? process.stdout : process.stderr).write(message.text);
      return;
    }
    if ("failed" in message) throw rethrown(message.failed);
    // What an earlier pass had asked for and not taken.
    if (message.pass !== this.#o.pass) return;
    const task = this.#tasks.find(({ id }) => id === message.task);
    if (task === undefined) return;
    task.result = { got: message.result };
    if (message.result === undefined) this.#active.delete(task.worker);
  }
}
