import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { MessageChannel, receiveMessageOnPort, Worker, type MessagePort } from "node:worker_threads";
import { RuntimeError } from "../errors.js";
import { checkCancelled } from "./cancel.js";
import { haltAndWait, newSignal, place } from "./signal.js";
import { Fifo } from "./steady.js";
import type { EngineStats, FromEngine, ToEngine } from "./protocol.js";

/** Runs that may be under way before posting another one waits. */
const MAX_IN_FLIGHT = 4;
/** How long one wait lasts before cancelling and the worker's health are looked at, in milliseconds. */
const SLICE = 100;

export interface EngineStart {
  readonly port: MessagePort;
  readonly signal: Int32Array;
}

interface Pending {
  readonly run: number;
  readonly isRun: boolean;
}

/** The user thread's end of the engine: posts requests, collects replies, waits without yielding. */
class EngineClient {
  #port: MessagePort | undefined;
  #worker: Worker | undefined;
  #signal: Int32Array = newSignal();
  /** Replies taken in; wraps as the shared counter does. */
  #seen = 0;
  #settle: (reply: FromEngine) => void = () => undefined;
  /** Requests without a reply so far, in order: that is the order of the replies. */
  readonly #pending = new Fifo<Pending>();
  #runs = 0;
  #crash: string | undefined;
  #haltsAtExit = false;

  /** Takes memory from `newSignal` that another thread can halt the engine by. Before the first request. */
  shareSignal(signal: Int32Array): void {
    this.#signal = signal;
  }

  /** Every reply goes through here, in order, before anyone waiting for it goes on. The handler must not wait. */
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
      this.#pending.push({ run: message.run, isRun });
      if (isRun) this.#runs++;
    }
    port.postMessage(message, transfer as ArrayBuffer[]);
  }

  /**
   * Blocks until the request's reply has come, and gives it.
   * @throws Cancelled
   */
  wait(run: number): FromEngine {
    checkCancelled();
    for (;;) {
      if (![...this.#pending].some((p) => p.run === run))
        throw new Error(`internal: request ${String(run)} is not under way`);
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
    if (this.#pending.peek()?.run === reply.run && this.#pending.shift()!.isRun) this.#runs--;
    this.#settle(reply);
    return reply;
  }

  /** Blocks until there is a reply, and takes it in. */
  #next(cancellable: boolean): FromEngine {
    for (;;) {
      // Looked at first: what the thread said before it ended is on the port by then.
      const ended = Atomics.load(this.#signal, place.ended) !== 0 || this.#crash !== undefined;
      const reply = this.#receive();
      if (reply) return reply;
      if (ended) {
        const reason = this.#crash === undefined ? "." : `: ${this.#crash}`;
        throw new RuntimeError(`The engine thread has stopped${reason}`);
      }
      Atomics.wait(this.#signal, place.replies, this.#seen, SLICE);
      if (cancellable) checkCancelled();
    }
  }

  #start(): MessagePort {
    const { port1, port2 } = new MessageChannel();
    const signal = this.#signal;
    // Busy until it has started: its native parts must not be interrupted while they load.
    Atomics.store(signal, place.busy, 1);
    const start: EngineStart = { port: port2, signal };
    const worker = new Worker(threadFile(), {
      workerData: start,
      transferList: [port2],
      name: "tensorscope engine",
      execArgv: [],
      // The engine's messages go over its own port; its standard streams are the process's.
      // Its JavaScript objects are few and short-lived; memory for them is not to grow after hours.
      resourceLimits: { maxYoungGenerationSizeMb: 6 },
      stdout: false,
      stderr: false,
    });
    worker.on("error", (error) => {
      if (worker === this.#worker) this.#crash ??= String(error);
    });
    worker.unref();
    port1.unref();
    if (!this.#haltsAtExit) {
      this.#haltsAtExit = true;
      process.on("exit", () => {
        if (this.#worker) haltAndWait(this.#signal);
      });
    }
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
    if (worker) haltAndWait(this.#signal);
    this.#port?.close();
    this.#port = undefined;
    this.#worker = undefined;
    this.#pending.takeAll();
    this.#runs = 0;
    this.#crash = undefined;
    this.#signal = newSignal();
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
