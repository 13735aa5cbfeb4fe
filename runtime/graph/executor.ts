/** Runs what is recorded: cuts the graph at flushes, posts plans, keeps track of what is under way. */
import { NeedsDataError, RuntimeError } from "../errors.js";
import { engine } from "../engine/client.js";
import { Fifo } from "../engine/steady.js";
import type { BufferId, FromEngine, Want } from "../engine/protocol.js";
import type { HostArray } from "../tensor/dtype.js";
import { PlanCache } from "./cache.js";
import { LoopCut } from "./cut.js";
import { postDraws } from "./draws.js";
import { failureError } from "./failure.js";
import { makePlan, type Plan } from "./plan.js";
import { dropHistory, evictIdle, feedLeaf, noteSuperseded, type Fed } from "./residency.js";
import {
  noteOverwrite,
  pendingOverwrites,
  revertWritten,
  takeOverwrites,
  type Overwrite,
  type StateStorage,
  type Written,
} from "./state.js";
import type { Node, Value } from "./value.js";

/** Pending results up to this size are computed along with a plan, so that looking at them later costs nothing. */
const SMALL_BYTES = 64 * 1024;
const cache = new PlanCache();
const loop = new LoopCut();
let tracing = false;
let flushes = 0;
let nextRun = 0;
let nextBuffer = 0;

/** A failure may come from several runs back. */
const MAX_ATTEMPTS = 8;

/** A request whose reply has not come. */
interface UnderWay {
  readonly run: number;
  /** Values that come back with the reply. */
  readonly coming: ReadonlyMap<BufferId, Value>;
  readonly plan?: Plan;
  /** What the plan computes, and from where: so it is again when the run fails. */
  readonly computes: readonly { readonly value: Value; readonly node: Node; readonly index: number }[];
  /** Fed buffers that are resident no more after success. */
  readonly given: readonly Fed[];
  readonly written: readonly Written[];
}

/** In order: replies come in the order of the requests. */
const underWay = new Fifo<UnderWay>();
/** A failure that nobody was told yet. */
let unreported: Error | undefined;
const reported = new WeakSet<Error>();

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

export function flushCount(): number {
  return flushes;
}

export function newRun(): number {
  return ++nextRun;
}

export function newBuffer(): BufferId {
  return ++nextBuffer;
}

/** Called when a storage becomes a state, and when a state gets a value; `old` is the one it supersedes. */
export function noteState(storage: StateStorage, old: Value | undefined): void {
  // A tracer lives for days and never flushes: nothing may gather.
  if (!tracing) noteOverwrite(storage, old);
}

/** A result that user code holds. */
export function noteVisible(value: Value): void {
  if (tracing || value.source.kind !== "node" || value.visible) return;
  value.visible = true;
  visible.push(value);
}

/** A result of an outermost module call: worth keeping whatever its size. */
export function noteModuleResult(value: Value): void {
  if (!tracing && value.source.kind === "node") moduleResults.push(value);
}

/** Computes the pending state without waiting: the end of `optimizer.step()`. */
export function flushState(): void {
  if (tracing) return;
  run([]);
  report();
}

/** Computes a value and gives its elements, as a copy that the caller owns. Blocks. */
export function read(value: Value): HostArray {
  computeNow([value]);
  if (value.source.kind === "resident") return fetch(value, value.source.id);
  return hostData(value).slice() as HostArray;
}

/**
 * Makes values be there, on either thread, and settles shapes that depend on the data. Blocks.
 * @throws NeedsDataError while tracing.
 */
export function computeNow(values: readonly Value[]): void {
  if (tracing) {
    throw new NeedsDataError(
      "This needs the values of a tensor, and only shapes are computed while tracing: ▶ Run.",
    );
  }
  // A run that failed for something else that was in it leaves these values to another run.
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const pending = stillPending(values);
    if (attempt > 0 && pending.length === 0) return;
    if (pending.length > 0) run(pending);
    for (const value of values) {
      if (value.source.kind === "draw") postDraws(value);
      if (value.source.kind === "arriving" || value.source.kind === "resident") awaitRun(value.source.run);
      if (value.source.kind === "failed") throw told(value.source.error);
    }
    report();
  }
}

/** Throws a failure that nobody was told yet. */
function report(): void {
  if (unreported) throw told(unreported);
}

function told(error: Error): Error {
  if (unreported === error) unreported = undefined;
  if (reported.has(error)) return error;
  reported.add(error);
  unwind();
  return error;
}

/** After a failure was told, states are what they were before whatever needed the failed value, under way or recorded. */
function unwind(): void {
  for (const { run: number } of [...underWay]) awaitRun(number);
  const pending = stillPending(pendingOverwrites().map((o) => o.storage.value));
  if (pending.length > 0) failDependants(makePlan(pending));
}

/** The bytes of a value whose buffer is on this thread. Not to be changed or kept. */
function hostData(value: Value): HostArray {
  const source = value.source;
  if (source.kind !== "host")
    throw new Error(`internal: a value is ${source.kind} where its bytes were expected`);
  return source.data;
}

function fetch(value: Value, id: BufferId): HostArray {
  const run = newRun();
  send({ run, coming: none, computes: [], given: [], written: [] });
  engine.post({ type: "fetch", run, ids: [id] });
  const reply = engine.wait(run);
  if (reply.error) throw fail(value, failureError(reply.error));
  return reply.buffers[0]!.data;
}

function fail(value: Value, error: Error): Error {
  value.source = { kind: "failed", error };
  return told(error);
}

const none: ReadonlyMap<BufferId, Value> = new Map();

function send(request: UnderWay): void {
  underWay.push(request);
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
  for (const { storage } of pendingOverwrites()) if (storage.isState) want(storage.value);
  for (const v of visible) if (isEnd(v)) want(v);
  moduleResults.forEach(want);
  visible = [];
  moduleResults = [];
  loop.restart();
  flushes++;
  const plan = planFor([...wanted].sort((a, b) => a.serial - b.serial));
  const overwrites = takeOverwrites();
  if (plan) post(plan, overwrites);
  else noteSuperseded(overwrites);
  dropHistory(flushes, (ids) => {
    engine.post({ type: "drop", ids });
  });
  evictIdle(flushes, (ids, values) => {
    const request = newRun();
    ids.forEach((id, i) => (values[i]!.source = { kind: "arriving", id, run: request }));
    const coming = new Map(ids.map((id, i) => [id, values[i]!]));
    send({ run: request, coming, computes: [], given: [], written: [] });
    engine.post({ type: "evict", run: request, ids });
  });
}

/**
 * Whether a value that user code holds is computed along: small ones that nothing else was made of, and single numbers.
 * An output cannot be fused with what follows it, and a limit on sizes in the middle of a graph would make plans of
 * different sizes differ in structure.
 */
function isEnd(v: Value): boolean {
  return v.used ? v.numel === 1 : v.nbytes <= SMALL_BYTES;
}

/** A plan whose leaves are all there. What depends on a failure fails with it, and is left out. */
function planFor(outputs: readonly Value[]): Plan | undefined {
  if (outputs.length === 0) return undefined;
  const plan = withLearned(makePlan(outputs));
  for (const leaf of plan.leaves) {
    if (leaf.source.kind === "draw") postDraws(leaf);
    if (leaf.source.kind === "arriving") awaitRun(leaf.source.run);
    if (leaf.source.kind === "dropped") leaf.source = { kind: "failed", error: overwritten() };
  }
  // A failed run puts what it should have computed back: then this plan has to reach further.
  if (plan.leaves.some((l) => l.source.kind === "node")) return planFor(stillPending(outputs));
  const failed = plan.leaves.find((l) => l.source.kind === "failed");
  if (!failed) return plan;
  failDependants(plan);
  return planFor(stillPending(outputs));
}

/** On a device, old weights are kept for a few steps only: see `residency.ts`. */
function overwritten(): Error {
  return new RuntimeError(
    "This result was not kept, and the parameters that it was computed from have been overwritten by later optimizer " +
      "steps. On a device, read an inner result within the next steps, or make a copy of it (x.detach().cpu()).",
  );
}

function stillPending(values: readonly Value[]): Value[] {
  return values.filter((v) => v.source.kind === "node");
}

function failDependants(plan: Plan): void {
  for (const node of plan.nodes) {
    const source = node.inputs.find((i) => i.source.kind === "failed")?.source;
    if (source?.kind === "failed") for (const o of node.outputs) o.source = source;
  }
  for (const { storage, before } of pendingOverwrites()) {
    if (storage.value.source.kind !== "failed") continue;
    const { error } = storage.value.source;
    if (!reported.has(error)) unreported = error;
    if (before) storage.revert(before);
  }
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

function post(plan: Plan, overwrites: readonly Overwrite[]): void {
  const { program, learn } = cache.lookup(plan);
  const request = newRun();
  const computes = plan.outputs.map((value) => {
    const source = value.source as Extract<Value["source"], { kind: "node" }>;
    return { value, node: source.node, index: source.index };
  });
  const coming = new Map<BufferId, Value>();
  const wants = plan.outputs.map((v): Want => {
    const id = newBuffer();
    if (v.isState) {
      v.source = { kind: "resident", id, run: request };
      v.lastUse = flushes;
      return { id, return: false };
    }
    coming.set(id, v);
    v.source = { kind: "arriving", id, run: request };
    return { id, return: true };
  });
  plan.nodes.forEach((n) => noteRan(n, plan, learn));
  if (plan.nodes.some(mayBeAskedFor)) for (const leaf of plan.leaves) leaf.pinned = true;
  const superseded = new Set(overwrites.map((o) => o.before));
  const transfer: ArrayBuffer[] = [];
  const given: Fed[] = [];
  const feeds = plan.leaves.map((leaf) => {
    const fed = feedLeaf(leaf, superseded.has(leaf), flushes, request, transfer);
    if (fed.feed.after !== "keep" && fed.feed.id !== null) given.push(fed);
    if (fed.feed.after === "return") coming.set(fed.feed.id!, leaf);
    return fed.feed;
  });
  noteSuperseded(overwrites);
  const written = overwrites.map(({ storage, before }): Written => ({
    storage,
    before,
    after: storage.value,
  }));
  send({ run: request, coming, plan, computes, given, written });
  engine.post({ type: "run", run: request, program, feeds, wants }, transfer);
}

function noteRan(node: Node, plan: Plan, learn: Set<number>): void {
  if (!node.posted) for (const input of node.inputs) input.holders--;
  node.posted = true;
  if (node.outputs.some((v) => v.source.kind === "node"))
    node.ran = { learn, at: plan.slots.get(node.outputs[0]!)! };
}

/** Whether a plan threw a result away that user code or a backward to come has in hand. */
function mayBeAskedFor(node: Node): boolean {
  return node.outputs.some((v) => v.source.kind === "node" && (v.visible || v.saved > 0));
}

function awaitRun(request: number): void {
  for (const { run } of underWay) {
    if (run !== request) continue;
    engine.wait(request);
    return;
  }
}

function settle(reply: FromEngine): void {
  // Draws and statistics are not written down.
  if (underWay.peek()?.run !== reply.run) return;
  const request = underWay.shift()!;
  if (reply.error && request.plan) undo(request, reply.error);
  for (const { id, data, shape } of reply.buffers) {
    const value = request.coming.get(id);
    if (!value) continue;
    value.source = { kind: "host", data };
    if (shape) value.shape = shape;
  }
  for (const { id, error } of reply.failed ?? []) {
    const value = request.coming.get(id);
    // To be told when it is read: nothing here may wait, as replies after this one would pass the caller by.
    if (value) value.source = { kind: "failed", error: failureError(error) };
  }
}

/** A failed run changes nothing: its results are still to be computed, its states are what they were. */
function undo({ plan, computes, given, written }: UnderWay, error: NonNullable<FromEngine["error"]>): void {
  for (const { value, node, index } of computes) value.source = { kind: "node", node, index };
  for (const { leaf, feed } of given) {
    // What an earlier run that failed should have given is to be computed again, and is nowhere.
    if (leaf.source.kind === "node" || leaf.source.kind === "failed") continue;
    leaf.source = { kind: "resident", id: feed.id!, run: 0 };
  }
  revertWritten(written, [...underWay]);
  if (error.inherited) {
    // What failed before is put back already; a draw that failed is no node that could be.
    const leaf = plan!.leaves.find((l) => l.source.kind === "resident" && l.source.id === error.buffer);
    if (!leaf) return;
    unreported = failureError(error);
    leaf.source = { kind: "failed", error: unreported };
    return;
  }
  const guilty = error.node === undefined ? undefined : plan!.nodes[error.node];
  unreported = failureError(error, guilty);
  const source = { kind: "failed", error: unreported } as const;
  for (const v of guilty ? guilty.outputs : computes.map((c) => c.value)) v.source = source;
}

engine.onReply(settle);

/** `TENSORSCOPE_EAGER=1`: every operation runs at its call, for debugging. */
const eager = process.env["TENSORSCOPE_EAGER"] === "1";

/** Counts recorded nodes, and cuts loops that never read. */
export function noteRecorded(node: Node): void {
  if (tracing) return;
  if (eager) computeNow(node.outputs);
  // What the user may go on with: the ends of the graph, and what this node is made of.
  else if (loop.isDue(node.key)) run([...node.inputs, ...visible.filter((v) => !v.used), ...node.outputs]);
}

/** Counters of the plan cache, for tests and the status item. */
export interface PlanStats {
  /** ONNX graphs compiled so far. */
  readonly compiled: number;
  /** Runs whose plan was there, ready. */
  readonly hits: number;
  /** Structures that are compiled now. */
  readonly plans: number;
  readonly runs: number;
}

export function planStats(): PlanStats {
  return { ...cache.stats(), runs: flushes };
}
