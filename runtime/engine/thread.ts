/** The engine thread: owns ONNX Runtime, the resident buffers and the random generators. */
import { workerData, type MessagePort } from "node:worker_threads";
import type { EngineStart } from "./client.js";
import type { FromEngine, ToEngine } from "./protocol.js";
import { Engine } from "./engine.js";

const { port, signal } = workerData as EngineStart;
const engine = new Engine();
const queue: ToEngine[] = [];
let busy = false;

function reply(message: FromEngine, transfer: ArrayBuffer[]): void {
  (port as MessagePort).postMessage(message, transfer);
  Atomics.add(signal, 0, 1);
  Atomics.notify(signal, 0);
}

async function work(): Promise<void> {
  busy = true;
  for (let m = queue.shift(); m; m = queue.shift()) await engine.handle(m, reply);
  busy = false;
}

port.on("message", (m: ToEngine) => {
  queue.push(m);
  if (!busy) void work();
});

process.on("exit", () => {
  Atomics.store(signal, 1, 1);
  Atomics.notify(signal, 0);
});
