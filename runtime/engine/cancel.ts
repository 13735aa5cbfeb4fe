/** Cancelling code that never yields: a shared flag, looked at wherever the library waits or flushes. */

/** Thrown in user code when the run was cancelled. */
export class Cancelled extends Error {
  override name = "Cancelled";
  constructor() {
    super("The run was cancelled.");
  }
}

let flag: Int32Array | undefined;

/** Cancels when element 0 of the array, over shared memory, becomes non-zero. */
export function setCancelFlag(shared: Int32Array | undefined): void {
  flag = shared;
}

/** @throws Cancelled */
export function checkCancelled(): void {
  if (flag && Atomics.load(flag, 0) !== 0) throw new Cancelled();
}
