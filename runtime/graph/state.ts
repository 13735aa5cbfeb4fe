/** What the executor notes of states: parameters, buffers, optimizer state. */
import type { Value } from "./value.js";

/** The storage of a state, as the executor sees it. */
export interface StateStorage {
  readonly value: Value;
  readonly isState: boolean;
  overwrite: Overwrite | null;
  revert(value: Value): void;
}

/** A state that was written since the last flush. */
export interface Overwrite {
  readonly storage: StateStorage;
  /** The last value that was computed or posted, to go back to; `null` for a state that had none. */
  before: Value | null;
}

/** A state written by a run that is under way. */
export interface Written extends Overwrite {
  readonly after: Value;
}

let pending: Overwrite[] = [];

/** States written since the last flush, in the order of their first write. */
export function pendingOverwrites(): readonly Overwrite[] {
  return pending;
}

/** Called when a storage becomes a state (`old` is undefined) or a state gets a new value. */
export function noteOverwrite(storage: StateStorage, old: Value | undefined): void {
  if (storage.overwrite) return;
  storage.overwrite = { storage, before: old ?? null };
  pending.push(storage.overwrite);
}

/** Starts anew after a flush took everything. */
export function takeOverwrites(): readonly Overwrite[] {
  const taken = pending;
  pending = [];
  for (const o of taken) o.storage.overwrite = null;
  return taken;
}

/**
 * Undoes what a failed run should have written: its states are again what they were before, unless they were
 * overwritten since. `later` are the runs after it.
 */
export function revertWritten(
  failed: readonly Written[],
  later: readonly { readonly written: readonly Written[] }[],
): void {
  for (const { storage, before, after } of failed) {
    if (!before) continue;
    const chained: Overwrite[] = [...later.flatMap((r) => r.written), ...pending];
    for (const o of chained) if (o.before === after) o.before = before;
    if (storage.value === after) storage.revert(before);
  }
}
