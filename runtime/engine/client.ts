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
  #seen = 0;
  #settle: (reply: FromEngine) => void = () => undefined;
  readonly #inFlight = new Set<number>();
  #crash: string | undefined;

  /** Every reply goes through here, in order, before anyone waiting for it goes on. */
  onReply(handler: (reply: FromEngine) => void): void {
    this.#settle = handler;
  }

  post(message: ToEngine, transfer: readonly ArrayBuffer[] = []): void {
    checkCancelled();
    const port = (this.#port ??= this.#start());
    this.drain();
    if ("run" in message) {
      if (message.type === "run") while (this.#inFlight.size >= MAX_IN_FLIGHT) this.#pause();
      this.#inFlight.add(message.run);
    }
    port.postMessage(message, transfer as ArrayBuffer[]);
  }

  /** Blocks until the request's reply has come, and gives it. */
  wait(run: number): FromEngine {
    for (;;) {
      const reply = this.#receive();
      if (reply?.run === run) return reply;
      if (!reply) this.#pause();
    }
  }

  /** Takes in what has arrived, without waiting. */
  drain(): void {
    while (this.#receive());
  }

  #receive(): FromEngine | undefined {
    const message = this.#port && (receiveMessageOnPort(this.#port) as { message: FromEngine } | undefined);
    if (!message) return undefined;
    this.#seen++;
    this.#inFlight.delete(message.message.run);
    this.#settle(message.message);
    return message.message;
  }

  #pause(): void {
    if (this.#receive()) return;
    Atomics.wait(this.#signal, 0, this.#seen, SLICE);
    checkCancelled();
    if (Atomics.load(this.#signal, 1) !== 0 || this.#crash !== undefined) {
      if (this.#receive()) return;
      throw new RuntimeError(
        `The engine thread has stopped${this.#crash === undefined ? "" : `: ${this.#crash}`}.`,
      );
    }
  }

  #start(): MessagePort {
    const { port1, port2 } = new MessageChannel();
    const start: EngineStart = { port: port2, signal: this.#signal };
    const worker = new Worker(threadFile(), {
      workerData: start,
      transferList: [port2],
      execArgv: [],
      // The engine's messages go over its own port; its standard streams are the process's.
      stdout: false,
      stderr: false,
    });
    worker.on("error", (error) => {
      this.#crash = String(error);
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

  /** Ends the engine thread; the next request starts another. */
  async close(): Promise<void> {
    const worker = this.#worker;
    this.#port?.close();
    this.#port = undefined;
    this.#worker = undefined;
    this.#inFlight.clear();
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
