/** Which values are on the engine thread, and when they come back from there. */
import type { BufferId, Feed } from "../engine/protocol.js";
import { newBuffer } from "./executor.js";
import type { Overwrite, StateStorage } from "./state.js";
import type { Value } from "./value.js";
import { isOnWebgpu } from "./webgpu.js";

/** Data up to this size travels with each run and is forgotten. */
const COPIED_BYTES = 64 * 1024;
/** Flushes after which a fed batch, or a superseded state, that nothing used is handed back by the engine thread. */
const KEEP = 2;
/** Flushes after which a state that nothing used is handed back: its model may be gone. */
const KEEP_IDLE = 64;

/**
 * Flushes for which old states stay on a device. From there nothing is handed back without a copy and a wait, and who
 * holds a result made of them is not known.
 */
const KEEP_ON_DEVICE = 2;
/** Old states on a device, of which something may be made again. */
const history: (Value | undefined)[] = [];
let historyCount = 0;

/** Resident values that are no state; the array never shrinks (see `engine/steady.ts`). */
const leaving: (Value | undefined)[] = [];
let leavingCount = 0;
let states: WeakRef<StateStorage>[] = [];
const listed = new WeakSet<StateStorage>();

export interface Fed {
  readonly leaf: Value;
  readonly feed: Feed;
}

/**
 * Feeds one value to the run `run`. A state that this run supersedes leaves its memory to later results, or is handed
 * back where something may still need it.
 */
export function feedLeaf(
  leaf: Value,
  superseded: boolean,
  flush: number,
  run: number,
  transfer: ArrayBuffer[],
): Fed {
  const { source, shape } = leaf;
  leaf.lastUse = flush;
  if (source.kind === "resident") {
    if (!superseded || leaf.isState) return { leaf, feed: { id: source.id, after: "keep", shape } };
    if (leaf.pinned && leaf.holders === 0 && isOnWebgpu(leaf)) {
      history[historyCount++] = leaf;
      return { leaf, feed: { id: source.id, after: "keep", shape } };
    }
    if (leaf.holders > 0 || leaf.pinned) {
      leaf.source = { kind: "arriving", id: source.id, run };
      return { leaf, feed: { id: source.id, after: "return", shape } };
    }
    leaf.source = { kind: "dropped" };
    return { leaf, feed: { id: source.id, after: "drop", shape } };
  }
  if (source.kind !== "host") throw new Error(`internal: a ${source.kind} value was to be fed`);
  const { data } = source;
  if (!leaf.isState && leaf.nbytes <= COPIED_BYTES) {
    return { leaf, feed: { data, id: null, after: "drop", shape } };
  }
  const id = newBuffer();
  transfer.push(data.buffer);
  noteResident(leaf, id, flush);
  return { leaf, feed: { data, id, after: "keep", shape } };
}

/** A value's bytes are, or will be, on the engine thread. */
export function noteResident(value: Value, id: BufferId, flush: number): void {
  value.source = { kind: "resident", id, run: 0 };
  value.lastUse = flush;
  if (!value.isState) leaving[leavingCount++] = value;
}

/** States that were overwritten and not fed to the run that did it: their old values go back. */
export function noteSuperseded(overwrites: readonly Overwrite[]): void {
  for (const { storage, before } of overwrites) {
    if (before) {
      if (before.holders === 0 && isOnWebgpu(before)) history[historyCount++] = before;
      else leaving[leavingCount++] = before;
    } else if (!listed.has(storage)) {
      listed.add(storage);
      states.push(new WeakRef(storage));
    }
  }
}

/** Ends the old states on devices that were not used for some flushes. */
export function dropHistory(flush: number, drop: (ids: readonly BufferId[]) => void): void {
  const ids: BufferId[] = [];
  let kept = 0;
  for (let i = 0; i < historyCount; i++) {
    const value = history[i]!;
    history[i] = undefined;
    // What became a state again is kept as one.
    if (value.source.kind !== "resident" || value.isState) continue;
    if (flush - value.lastUse < KEEP_ON_DEVICE) {
      history[kept++] = value;
      continue;
    }
    ids.push(value.source.id);
    value.source = { kind: "dropped" };
  }
  historyCount = kept;
  if (ids.length > 0) drop(ids);
}

/** Asks for what has not been used for a while; the garbage collector does the rest. */
export function evictIdle(
  flush: number,
  evict: (ids: readonly BufferId[], values: readonly Value[]) => void,
): void {
  // By its buffer, for two states may have one value: it can be asked for once.
  const taken = new Map<BufferId, Value>();
  const take = (value: Value): void => {
    if (value.source.kind === "resident") taken.set(value.source.id, value);
  };
  let kept = 0;
  for (let i = 0; i < leavingCount; i++) {
    const value = leaving[i]!;
    leaving[i] = undefined;
    if (value.source.kind !== "resident" || value.isState) continue;
    if (flush - value.lastUse < KEEP) leaving[kept++] = value;
    else take(value);
  }
  leavingCount = kept;
  if (flush % KEEP_IDLE === 0) {
    states = states.filter((ref) => {
      const value = ref.deref()?.value;
      if (value && flush - value.lastUse > KEEP_IDLE) take(value);
      return value !== undefined;
    });
  }
  if (taken.size > 0) evict([...taken.keys()], [...taken.values()]);
}
