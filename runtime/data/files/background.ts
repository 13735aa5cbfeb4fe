/** Work that only goes on asynchronously (a download, a parser), done by a thread while the caller waits. */
import { MessageChannel, receiveMessageOnPort, Worker, type MessagePort } from "node:worker_threads";
import { checkCancelled } from "../../engine/cancel.js";
import { IndexError, RuntimeError, ValueError } from "../../errors.js";

/** What the thread is started with. */
export interface BackgroundStart {
  readonly task: unknown;
  readonly port: MessagePort;
  /** Counts the messages. */
  readonly signal: Int32Array;
}

type Message =
  | { readonly value: unknown }
  | { readonly error: { readonly name: string; readonly message: string } }
  | { readonly end: true };

/** Milliseconds between looks at whether the run was cancelled. */
const slice = 100;
const classes: Readonly<Record<string, new (message: string) => Error>> = {
  RuntimeError,
  ValueError,
  IndexError,
  TypeError,
};

/**
 * Starts a thread with `task` and gives its messages as they come, blocking in between. Leaving the loop ends it.
 * @throws what the thread throws; Cancelled.
 */
export function* inBackground<M>(thread: URL, task: unknown): Generator<M, void, undefined> {
  const { port1, port2 } = new MessageChannel();
  const signal = new Int32Array(new SharedArrayBuffer(4));
  const start: BackgroundStart = { task, port: port2, signal };
  const worker = new Worker(thread, { workerData: start, transferList: [port2], execArgv: [] });
  worker.unref();
  try {
    for (let seen = 0; ; seen++) {
      let received: { message: Message } | undefined;
      while ((received = receiveMessageOnPort(port1) as typeof received) === undefined) {
        Atomics.wait(signal, 0, seen, slice);
        checkCancelled();
      }
      const { message } = received;
      if ("end" in message) return;
      if ("error" in message) {
        throw new (classes[message.error.name] ?? RuntimeError)(message.error.message);
      }
      yield message.value as M;
    }
  } finally {
    port1.close();
    void worker.terminate();
  }
}

/** The thread's side: runs `body` on the task, and tells how it ended. */
export async function serveBackground<T>(
  { task, port, signal }: BackgroundStart,
  body: (task: T, say: (value: unknown, transfer?: readonly ArrayBuffer[]) => void) => Promise<void>,
): Promise<void> {
  const post = (message: Message, transfer: readonly ArrayBuffer[] = []): void => {
    port.postMessage(message, [...transfer]);
    Atomics.add(signal, 0, 1);
    Atomics.notify(signal, 0);
  };
  try {
    await body(task as T, (value, transfer) => post({ value }, transfer));
    post({ end: true });
  } catch (error) {
    const { name, message } = error instanceof Error ? error : new Error(String(error));
    post({ error: { name, message } });
  }
}
