import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { MessageChannel, receiveMessageOnPort, Worker, type MessagePort } from "node:worker_threads";
import { RuntimeError } from "../errors.js";
import { checkCancelled } from "./cancel.js";
import type { EngineStats, FromEngine, ToEngine } from "./protocol.js";

/** Runs that may be under way before posting another one waits. */
const MAX_IN_FLIGHT = 4;
/** How long one wait lasts before cancelling and the worker's health are looked at, in milliseconds. */
const SLICE = 100;

export interface EngineStart {
  readonly port: MessagePort;
  /** [replies posted, 1 when the thread has ended]. */
  readonly signal: Int32Array;
}

/** The user thread's end of the engine: posts requests, collects replies, waits without yielding. */
class EngineClient {
  #port: MessagePort | undefined;
  #worker: Worker | undefined;
  #signal = new Int32Array(new SharedArrayBuffer(8));
  /** Replies taken in; wraps as the shared counter does. */
  #seen = 0;
  #settle: (reply: FromEngine) => void = () => undefined;
  /** Requests without a reply so far, and whether each is a run. */
  readonly #pending = new Map<number, boolean>();
  #runs = 0;
  #crash: string | undefined;

  /** Every reply goes through here, in order, before anyone waiting for it goes on. */
  onReply(handler: (reply: FromEngine) => void): void {
    this.#settle = handler;
  }

  /**
   * Waits until another run may be posted. Cancelling is noticed here and in `wait`, never in `post`: by then the
   * caller has written down where its buffers went.
   * @throws Cancelled
   */
  ready(): void {
    checkCancelled();
    this.drain();
    while (this.#runs >= MAX_IN_FLIGHT) this.#next(true);
  }

  post(message: ToEngine, transfer: readonly ArrayBuffer[] = []): void {
    const port = (this.#port ??= this.#start());
    this.drain();
    if ("run" in message) {
      const isRun = message.type === "run";
      if (isRun) while (this.#runs >= MAX_IN_FLIGHT) this.#next(false);
      this.#pending.set(message.run, isRun);
      if (isRun) this.#runs++;
    }
    port.postMessage(message, transfer as ArrayBuffer[]);
  }

  /**
   * Blocks until the request's reply has come, and gives it.
   * @throws Cancelled
   */
  wait(run: number): FromEngine {
    if (!this.#pending.has(run)) throw new Error(`internal: request ${String(run)} is not under way`);
    checkCancelled();
    for (;;) {
      const reply = this.#next(true);
      if (reply.run === run) return reply;
    }
  }

  /** Takes in what has arrived, without waiting. */
  drain(): void {
    while (this.#receive());
  }

  #receive(): FromEngine | undefined {
    const received = this.#port && (receiveMessageOnPort(this.#port) as { message: FromEngine } | undefined);
    if (!received) return undefined;
    const reply = received.message;
    this.#seen = (this.#seen + 1) | 0;
    if (reply.run === 0) this.#crash = reply.error?.message;
    if (this.#pending.get(reply.run)) this.#runs--;
    this.#pending.delete(reply.run);
    this.#settle(reply);
    return reply;
  }

  /** Blocks until there is a reply, and takes it in. */
  #next(cancellable: boolean): FromEngine {
    for (;;) {
      // Looked at first: what the thread said before it ended is on the port by then.
      const ended = Atomics.load(this.#signal, 1) !== 0 || this.#crash !== undefined;
      const reply = this.#receive();
      if (reply) return reply;
      if (ended) {
        const reason = this.#crash === undefined ? "." : `: ${this.#crash}`;
        throw new RuntimeError(`The engine thread has stopped${reason}`);
      }
      Atomics.wait(this.#signal, 0, this.#seen, SLICE);
      if (cancellable) checkCancelled();
    }
  }

  #start(): MessagePort {
    const { port1, port2 } = new MessageChannel();
    const start: EngineStart = { port: port2, signal: this.#signal };
    const worker = new Worker(threadFile(), {
      workerData: start,
      transferList: [port2],
      name: "tensorscope engine",
      execArgv: [],
      // The engine's messages go over its own port; its standard streams are the process's.
      stdout: false,
      stderr: false,
    });
    worker.on("error", (error) => {
      if (worker === this.#worker) this.#crash ??= String(error);
    });
    worker.unref();
    port1.unref();
    this.#worker = worker;
    return port1;
  }

  stats(run: number): EngineStats {
    this.post({ type: "stats", run });
    return this.wait(run).stats!;
  }

  /** Ends the engine thread and forgets what was on it; the next request starts another. */
  async close(): Promise<void> {
    const worker = this.#worker;
    this.#port?.close();
    this.#port = undefined;
    this.#worker = undefined;
    this.#pending.clear();
    this.#runs = 0;
    this.#crash = undefined;
    this.#signal = new Int32Array(new SharedArrayBuffer(8));
    this.#seen = 0;
    await worker?.terminate();
  }
}

/** The thread's file: beside this one in the development tree, a bundle of its own in the shipped library. */
function threadFile(): URL {
  for (const name of ["./thread.js", "./engine-thread.cjs"]) {
    const url = new URL(name, import.meta.url);
    if (existsSync(fileURLToPath(url))) return url;
  }
  throw new RuntimeError("The engine thread's file is missing beside the library.");
}

export const engine = new EngineClient();
