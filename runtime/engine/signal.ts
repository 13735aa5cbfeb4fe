/**
 * The words that the user thread and the engine thread share. Ending a thread that is inside ONNX Runtime's native code
 * aborts the process when that code comes back and cannot reach JavaScript any more; so whoever ends it asks it to
 * halt first.
 */

/** Places in the shared memory. */
export const place = {
  /** Replies posted, wrapping. */
  replies: 0,
  /** 1 when the thread has ended. */
  ended: 1,
  /** 1: nothing further is to be begun. */
  halt: 2,
  /** 1 while the thread is starting or at work. */
  busy: 3,
} as const;

export function newSignal(): Int32Array<SharedArrayBuffer> {
  return new Int32Array(new SharedArrayBuffer(4 * Object.keys(place).length));
}

/** How long a native run may take to come back. */
const LIMIT = 30_000;
const SLICE = 50;

function atWork(signal: Int32Array): boolean {
  return Atomics.load(signal, place.busy) !== 0 && Atomics.load(signal, place.ended) === 0;
}

/** Halts the engine and blocks until its thread may be ended. */
export function haltAndWait(signal: Int32Array): void {
  Atomics.store(signal, place.halt, 1);
  for (let waited = 0; atWork(signal) && waited < LIMIT; waited += SLICE) {
    Atomics.wait(signal, place.busy, 1, SLICE);
  }
}

/**
 * Halts the engine, for a thread that must not block.
 * @returns whether its thread may be ended.
 */
export async function halted(signal: Int32Array, limit: number): Promise<boolean> {
  Atomics.store(signal, place.halt, 1);
  for (let waited = 0; atWork(signal); waited += SLICE) {
    if (waited >= limit) return false;
    await new Promise((resolve) => setTimeout(resolve, SLICE));
  }
  return true;
}

/** On the engine thread: true when work may begin, which `endWork` has to end. */
export function beginWork(signal: Int32Array): boolean {
  Atomics.store(signal, place.busy, 1);
  if (Atomics.load(signal, place.halt) === 0) return true;
  endWork(signal);
  return false;
}

export function endWork(signal: Int32Array): void {
  Atomics.store(signal, place.busy, 0);
  Atomics.notify(signal, place.busy);
}
