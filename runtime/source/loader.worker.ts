/**
 * The threads that load for a `DataLoader`. The first starts the workers and sees when one ends, which the thread that
 * waits for their batches cannot; a worker loads the user's program where the data set needs it and answers tasks.
 */
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { fetchFrom, type Fetch, type FetchOptions } from "../data/fetch.js";
import { pack, unpack } from "../data/portable.js";
import { setWorkerInfo } from "../data/workerInfo.js";
import {
  shared,
  type FromWorker,
  type Gone,
  type PoolStart,
  type ThrownInWorker,
  type ToWorker,
  type WorkerParts,
  type WorkerSetup,
  type WorkerStart,
} from "../data/workers.js";
import * as library from "../index.js";
import { workerKey } from "./key.js";
import { load } from "./load.js";

/** Milliseconds that a worker has to end by itself. */
const patience = 5000;

function tell(signal: Int32Array): void {
  Atomics.add(signal, shared.messages, 1);
  Atomics.notify(signal, shared.messages);
}

function startWorkers({ ports, notices, signal }: PoolStart): void {
  const workers = ports.map((port, id) => {
    const start: WorkerStart = { port, signal };
    const worker = new Worker(new URL(import.meta.url), {
      workerData: start,
      transferList: [port],
      name: `tensorscope data ${String(id)}`,
      execArgv: [],
    });
    let reason: string | undefined;
    worker.on("error", (error) => {
      reason = error.message;
    });
    worker.on("exit", (code) => {
      notices.postMessage({ worker: id, reason: reason ?? `exit code ${String(code)}` } satisfies Gone);
      tell(signal);
    });
    return worker;
  });
  // The loader closes its end when it is done.
  notices.on("close", () => {
    setTimeout(() => workers.forEach((worker) => void worker.terminate()), patience).unref();
  });
  notices.unref();
}

function thrown(error: unknown): ThrownInWorker {
  if (!(error instanceof Error)) return { name: "Error", message: String(error), stack: undefined };
  const { name, message, stack } = error;
  return { name, message, stack };
}

async function setUp({ id, numWorkers, seed, program, parts }: WorkerSetup): Promise<FetchOptions> {
  Object.defineProperty(globalThis, workerKey, { value: true });
  setWorkerInfo({ id, numWorkers, seed, dataset: undefined });
  library.torch.manualSeed(seed);
  if (program !== undefined) await load(program, library);
  // What the program did when it was loaded does not count.
  library.torch.manualSeed(seed);
  const { dataset, collateFn, workerInitFn, dropLast } = unpack(parts) as WorkerParts;
  setWorkerInfo({ id, numWorkers, seed, dataset });
  if (workerInitFn !== null) (workerInitFn as (id: number) => void)(id);
  return { dataset, collateFn, dropLast, where: `, in worker ${String(id)}` } as FetchOptions;
}

function work({ port, signal }: WorkerStart): void {
  const post = (message: FromWorker, transfer: readonly ArrayBuffer[] = []): void => {
    port.postMessage(message, [...transfer]);
    tell(signal);
  };
  // A worker's own streams go through threads that do not yield.
  for (const [stream, fd] of [
    [process.stdout, 1],
    [process.stderr, 2],
  ] as const) {
    stream.write = ((chunk: unknown, encoding?: unknown, done?: unknown): boolean => {
      post({ print: fd, text: chunk instanceof Uint8Array ? Buffer.from(chunk).toString() : String(chunk) });
      const callback = typeof encoding === "function" ? encoding : done;
      if (typeof callback === "function") (callback as () => void)();
      return true;
    }) as typeof stream.write;
  }
  let options: FetchOptions | undefined;
  let current: { readonly pass: number; readonly fetch: Fetch } | undefined;

  function answer({ task, pass, wanted }: Extract<ToWorker, { readonly task: number }>): void {
    if (options === undefined) return;
    try {
      if (current?.pass !== pass) {
        current?.fetch.close();
        current = { pass, fetch: fetchFrom(options) };
      }
      const got = current.fetch.next(wanted);
      const transfer: ArrayBuffer[] = [];
      const result = got && pack(got.value, "a batch", transfer);
      post({ task, pass, result }, transfer);
    } catch (error) {
      post({ task, pass, result: thrown(error) });
    }
  }

  let ready: Promise<void> = Promise.resolve();
  port.on("message", (message: ToWorker) => {
    ready = ready.then(async () => {
      if (Atomics.load(signal, shared.stop) !== 0) return;
      if ("task" in message) return answer(message);
      try {
        options = await setUp(message.setup);
      } catch (error) {
        post({ failed: thrown(error) });
      }
    });
  });
  // Whatever the program has started must not keep the thread.
  port.on("close", () => process.exit(0));
}

if (!isMainThread && parentPort !== null) {
  if ("ports" in (workerData as object)) startWorkers(workerData as PoolStart);
  else work(workerData as WorkerStart);
}
