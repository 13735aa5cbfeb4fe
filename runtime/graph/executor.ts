import { NeedsDataError, RuntimeError, IndexError, ValueError, NotImplementedError } from "../errors.js";
import { engine } from "../engine/client.js";
import type { BufferId, EngineFailure, Feed, FromEngine, Want } from "../engine/protocol.js";
import type { HostArray } from "../tensor/dtype.js";
import { postDraws } from "./draws.js";
import { PlanCache } from "./cache.js";
import { makePlan, type Plan } from "./plan.js";
import type { Node, Value } from "./value.js";

/** Pending results up to this size are computed along with a plan, so that looking at them later costs nothing. */
const SMALL_BYTES = 64 * 1024;
/** Runs after which a fed batch, or a superseded state, is handed back by the engine thread. */
const KEEP_BATCH = 2;
const KEEP_SUPERSEDED = 1;

const cache = new PlanCache();
let tracing = false;
let flushes = 0;
let nextRun = 0;
let nextBuffer = 0;

/** Values the engine will send, by request. */
const arrivals = new Map<number, Map<BufferId, Value>>();
/** Everything a request computes: fails with it. */
const computing = new Map<number, readonly Value[]>();
/** Resident values that are no (longer a) state, and the flush at which they are handed back. */
const leaving = new Map<Value, number>();
/** State with a pending value. */
const pendingState = new Set<{ readonly value: Value }>();
/** What user code got since the last flush and may look at. */
let visible: Value[] = [];
let moduleResults: Value[] = [];

/** Only shapes from here on: nothing is computed, reads throw `NeedsDataError`. */
export function setTracing(on: boolean): void {
  tracing = on;
}

export function isTracing(): boolean {
  return tracing;
}

export function newRun(): number {
  return ++nextRun;
}

export function newBuffer(): BufferId {
  return ++nextBuffer;
}

/** Called when a state storage gets a value; `old` is the one it supersedes. */
export function noteState(storage: { readonly value: Value }, old: Value | undefined): void {
  storage.value.isState = true;
  if (storage.value.source.kind === "node") pendingState.add(storage);
  if (!old) return;
  old.isState = false;
  if (old.source.kind === "resident") leaving.set(old, flushes + KEEP_SUPERSEDED);
}

/** A result that user code holds. */
export function noteVisible(value: Value): void {
  if (!tracing && value.source.kind === "node") visible.push(value);
}

/** A result of an outermost module call: worth keeping whatever its size. */
export function noteModuleResult(value: Value): void {
  if (!tracing && value.source.kind === "node") moduleResults.push(value);
}

/** Computes the pending state without waiting: the end of `optimizer.step()`. */
export function flushState(): void {
  if (tracing) return;
  run([]);
}

/** Computes a value and gives its elements, as a copy that the caller owns. Blocks. */
export function read(value: Value): HostArray {
  needData();
  if (value.source.kind === "node") run([value]);
  if (value.source.kind === "draw") postDraws(value);
  if (value.source.kind === "arriving") awaitRun(value.source.run);
  if (value.source.kind === "resident") return fetch(value, value.source.id);
  return hostData(value).slice() as HostArray;
}

/**
 * Runs what makes these values, whose shapes depend on the data, and settles the shapes. Blocks.
 * @throws NeedsDataError while tracing.
 */
export function computeNow(values: readonly Value[]): void {
  needData();
  run(values);
  for (const { source } of values) if (source.kind === "arriving") awaitRun(source.run);
  for (const { source } of values) if (source.kind === "failed") throw source.error;
}

function needData(): void {
  if (!tracing) return;
  throw new NeedsDataError(
    "This needs the values of a tensor, and only shapes are computed while tracing: ▶ Run.",
  );
}

/** The bytes of a value whose buffer is on this thread. Not to be changed or kept. */
function hostData(value: Value): HostArray {
  const source = value.source;
  if (source.kind === "failed") throw source.error;
  if (source.kind !== "host")
    throw new Error(`internal: a value is ${source.kind} where its bytes were expected`);
  return source.data;
}

function fetch(value: Value, id: BufferId): HostArray {
  const request = newRun();
  engine.post({ type: "fetch", run: request, ids: [id] });
  computing.set(request, []);
  const reply = engine.wait(request);
  computing.delete(request);
  if (reply.error) {
    const error = failure(reply.error);
    value.source = { kind: "failed", error };
    throw error;
  }
  return reply.buffers[0]!.data;
}

/** Posts one plan that computes `asked`, the pending state, and the small results user code holds. */
function run(asked: readonly Value[]): void {
  // Cancelling throws here, before anything is written down.
  engine.ready();
  const wanted = new Set<Value>();
  const want = (v: Value): void => {
    if (v.source.kind === "node") wanted.add(v);
  };
  asked.forEach(want);
  for (const s of pendingState) if (s.value.isState) want(s.value);
  for (const v of visible) if (v.nbytes <= SMALL_BYTES) want(v);
  moduleResults.forEach(want);
  pendingState.clear();
  visible = [];
  moduleResults = [];
  recorded = 0;
  cutAt = CUT_AFTER;
  recent = [];
  flushes++;
  if (wanted.size === 0) return;
  const outputs = [...wanted].sort((a, b) => a.serial - b.serial);
  const plan = withLearned(makePlan(outputs));
  const entry = cache.lookup(plan);
  post(plan, entry.program, entry.learn);
  evict();
}

/** Adds the outputs that earlier runs of this structure turned out to need. */
function withLearned(plan: Plan): Plan {
  // A value that an earlier plan computed and threw away, and that something new needs: that plan gives it from now on.
  const relearn = (v: Value): void => {
    if (v.source.kind === "node" && v.source.node.ran)
      v.source.node.ran.learn.add(v.source.node.ran.at + v.source.index);
  };
  plan.outputs.forEach(relearn);
  for (const node of plan.nodes) if (!node.ran) node.inputs.forEach(relearn);
  const learned = cache.learned(plan.key);
  if (learned.size === 0) return plan;
  const outputs = [...plan.outputs];
  const have = new Set(outputs);
  for (const node of plan.nodes) {
    for (const v of node.outputs) if (learned.has(plan.slots.get(v)!) && !have.has(v)) outputs.push(v);
  }
  return { ...plan, outputs };
}

function post(plan: Plan, program: number, learn: Set<number>): void {
  // Every leaf is made available first: that may block, and must not interleave with the feeds' bookkeeping.
  for (const leaf of plan.leaves) {
    if (leaf.source.kind === "draw") postDraws(leaf);
    if (leaf.source.kind === "arriving") awaitRun(leaf.source.run);
    if (leaf.source.kind === "failed") throw leaf.source.error;
  }
  const request = newRun();
  const transfer: ArrayBuffer[] = [];
  const feeds = plan.leaves.map((leaf) => feed(leaf, transfer));
  const coming = new Map<BufferId, Value>();
  const wants = plan.outputs.map((v): Want => {
    const id = newBuffer();
    if (v.isState) {
      v.source = { kind: "resident", id };
      return { id, return: false };
    }
    coming.set(id, v);
    v.source = { kind: "arriving", id, run: request };
    return { id, return: true };
  });
  plan.nodes.forEach((n) => noteRan(n, plan, learn));
  arrivals.set(request, coming);
  computing.set(request, plan.outputs);
  engine.post({ type: "run", run: request, program, feeds, wants }, transfer);
}

function noteRan(node: Node, plan: Plan, learn: Set<number>): void {
  if (node.outputs.some((v) => v.source.kind === "node"))
    node.ran = { learn, at: plan.slots.get(node.outputs[0]!)! };
}

function feed(leaf: Value, transfer: ArrayBuffer[]): Feed {
  const source = leaf.source;
  if (source.kind === "resident") {
    if (!leaf.isState) leaving.set(leaf, flushes + KEEP_BATCH);
    return { id: source.id, after: "keep", shape: leaf.shape };
  }
  const data = hostData(leaf);
  if (!leaf.isState && leaf.nbytes <= SMALL_BYTES)
    return { data, id: null, after: "drop", shape: leaf.shape };
  const id = newBuffer();
  transfer.push(data.buffer);
  leaf.source = { kind: "resident", id };
  if (!leaf.isState) leaving.set(leaf, flushes + KEEP_BATCH);
  return { data, id, after: "keep", shape: leaf.shape };
}

/** Asks the engine thread to hand back what has not been fed for a while; the garbage collector does the rest. */
function evict(): void {
  const ids: BufferId[] = [];
  const coming = new Map<BufferId, Value>();
  let request = 0;
  for (const [value, due] of leaving) {
    if (due > flushes) continue;
    leaving.delete(value);
    if (value.source.kind !== "resident" || value.isState) continue;
    request ||= newRun();
    const id = value.source.id;
    ids.push(id);
    coming.set(id, value);
    value.source = { kind: "arriving", id, run: request };
  }
  if (ids.length === 0) return;
  arrivals.set(request, coming);
  computing.set(request, []);
  engine.post({ type: "evict", run: request, ids });
}

/** @internal Announces that a draw's results will be resident under these ids. */
export function noteDrawn(value: Value, id: BufferId): void {
  value.source = { kind: "resident", id };
  if (!value.isState) leaving.set(value, flushes + KEEP_BATCH);
}

function awaitRun(request: number): void {
  if (arrivals.has(request)) engine.wait(request);
}

function settle(reply: FromEngine): void {
  const coming = arrivals.get(reply.run);
  arrivals.delete(reply.run);
  const outputs = computing.get(reply.run) ?? [];
  computing.delete(reply.run);
  if (reply.error) {
    const error = failure(reply.error);
    for (const v of outputs) v.source = { kind: "failed", error };
  }
  if (!coming) return;
  for (const { id, data, shape } of reply.buffers) {
    const value = coming.get(id);
    if (!value) continue;
    value.source = { kind: "host", data };
    if (shape) value.shape = shape;
  }
  for (const { id, error } of reply.failed ?? []) {
    const value = coming.get(id);
    if (value) value.source = { kind: "failed", error: failure(error) };
  }
}

engine.onReply(settle);

const failureClasses = { RuntimeError, IndexError, ValueError, NotImplementedError } as const;

function failure(f: EngineFailure): Error {
  return new failureClasses[f.errorClass ?? "RuntimeError"](f.message);
}

/** Nodes recorded since the last flush. */
let recorded = 0;
/** A loop that neither reads nor steps is cut after about this many nodes. */
const CUT_AFTER = 2000;
let cutAt = CUT_AFTER;
let recent: string[] = [];

/**
 * Counts recorded nodes. In a loop with neither a read nor a step the pending graph would grow for ever: it is cut
 * after a whole number of repetitions, so that every piece has the same structure and compiles once.
 */
export function noteRecorded(node: Node): void {
  if (tracing) return;
  recorded++;
  if (recorded <= CUT_AFTER) recent.push(node.key);
  if (recorded === CUT_AFTER) {
    const period = periodOf(recent);
    cutAt = period > 0 ? Math.ceil(CUT_AFTER / period) * period : 4 * CUT_AFTER;
    recent = [];
  }
  if (recorded >= cutAt) {
    // What the user may go on with: the ends of the graph, and what this node is made of.
    run([...node.inputs, ...visible.filter((v) => !v.used), ...node.outputs]);
  }
}

/** Length of the repeating unit that the last half of the list is made of; 0 when there is none. */
function periodOf(keys: readonly string[]): number {
  const n = keys.length;
  const half = n >> 1;
  outer: for (let p = 1; p <= half; p++) {
    for (let i = n - half; i < n; i++) if (keys[i] !== keys[i - p]) continue outer;
    return p;
  }
  return 0;
}

/** Counters of the plan cache, for tests and the status item. */
export function planStats(): { compiled: number; hits: number; plans: number; runs: number } {
  return { ...cache.stats(), runs: flushes };
}
