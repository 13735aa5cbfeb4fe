/** The engine thread: owns ONNX Runtime, the resident buffers and the random generators. */
import { workerData } from "node:worker_threads";
import type { EngineStart } from "./client.js";
import type { FromEngine, ToEngine } from "./protocol.js";
import { beginWork, endWork, place } from "./signal.js";

const { port, signal } = workerData as EngineStart;

function reply(message: FromEngine, transfer: ArrayBuffer[]): void {
  port.postMessage(message, transfer);
  Atomics.add(signal, place.replies, 1);
  Atomics.notify(signal, place.replies);
}

/** The user thread may be blocked, so the reason has to be on the port before the end is signalled. */
function crash(error: unknown): void {
  const message = error instanceof Error ? error.message : String(error);
  reply({ run: 0, buffers: [], error: { message } }, []);
  process.exit(1);
}

process.on("uncaughtException", crash);
process.on("exit", () => {
  Atomics.store(signal, place.ended, 1);
  Atomics.notify(signal, place.replies);
  endWork(signal);
});

async function serve(): Promise<void> {
  // Loaded late: where ONNX Runtime has no library for this platform, that has to be said, not waited for.
  const { Engine } = await import("./engine.js");
  const engine = new Engine();
  endWork(signal);
  const queue: ToEngine[] = [];
  let busy = false;
  const work = async (): Promise<void> => {
    busy = true;
    for (let m = queue.shift(); m && beginWork(signal); m = queue.shift()) {
      await engine.handle(m, reply);
      endWork(signal);
    }
    busy = false;
  };
  port.on("message", (m: ToEngine) => {
    queue.push(m);
    if (!busy) work().catch(crash);
  });
}

serve().catch(crash);
