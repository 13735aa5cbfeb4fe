import { engine } from "../engine/client.js";
import type { DrawRequest } from "../engine/protocol.js";
import type { Draw } from "../random/distributions.js";
import { cpu } from "../tensor/device.js";
import { flushCount, isTracing, newBuffer, newRun } from "./executor.js";
import { noteResident } from "./residency.js";
import { NeedsDataError, RuntimeError } from "../errors.js";
import { Value, type Meta } from "./value.js";

/**
 * Random draws in program order. They are posted when one of them is needed, together with all that came before, so
 * that the numbers are those of the program's order; draws that nobody needs yet cost no memory.
 */
type Entry =
  | {
      readonly kind: "draw";
      readonly generator: number;
      readonly draw: Draw;
      readonly values: readonly Value[];
    }
  | { readonly kind: "seed"; readonly generator: number; readonly seed: bigint }
  | { readonly kind: "state"; readonly generator: number; readonly state: Uint8Array }
  | { readonly kind: "mark"; readonly generator: number; readonly mark: StateMark };

/** A place in a generator's stream that may be asked for again; costs nothing where nothing is drawn after it. */
export interface StateMark {
  readonly generator: number;
  state: Uint8Array | undefined;
}

/** Draws that pile up unneeded are posted after this many. */
const QUEUE_LIMIT = 1 << 16;
let queue: Entry[] = [];

/** Queues a draw; the values stand for its results. */
export function queueDraw(generator: number, draw: Draw, metas: readonly Meta[]): readonly Value[] {
  const values = metas.map((m) => new Value(m.shape, m.dtype, cpu, { kind: "draw" }));
  // Nobody will read them: a tracer that lives for days must not gather them.
  if (isTracing()) return values;
  queue.push({ kind: "draw", generator, draw, values });
  if (queue.length > QUEUE_LIMIT) postDraws();
  return values;
}

export function queueSeed(generator: number, seed: bigint): void {
  if (!isTracing()) queue.push({ kind: "seed", generator, seed });
}

export function queueState(generator: number, state: Uint8Array): void {
  if (!isTracing()) queue.push({ kind: "state", generator, state });
}

/** The state of a generator after everything drawn so far. Blocks. */
export function generatorState(generator: number): Uint8Array {
  postDraws();
  return stateNow(generator);
}

function stateNow(generator: number): Uint8Array {
  if (isTracing()) {
    throw new NeedsDataError("This needs the state of a random generator, which only moves in a run: ▶ Run.");
  }
  const run = newRun();
  engine.post({ type: "getState", run, generator });
  const reply = engine.wait(run);
  if (reply.error) throw new RuntimeError(reply.error.message);
  return reply.state!;
}

/** Marks where a generator stands now. */
export function markState(generator: number): StateMark {
  const mark: StateMark = { generator, state: undefined };
  if (!isTracing()) queue.push({ kind: "mark", generator, mark });
  return mark;
}

/** Whether a generator was drawn from, seeded or set since a mark. */
export function hasMoved(mark: StateMark): boolean {
  if (mark.state) return true;
  const at = queue.findIndex((e) => e.kind === "mark" && e.mark === mark);
  return at >= 0 && queue.some((e, i) => i > at && e.kind !== "mark" && e.generator === mark.generator);
}

/** The state at a mark, or `undefined` when the generator has not moved since. Blocks when it has. */
export function stateAt(mark: StateMark): Uint8Array | undefined {
  if (!mark.state && hasMoved(mark)) post(queue.findIndex((e) => e.kind === "mark" && e.mark === mark) + 1);
  return mark.state;
}

/** Forgets a mark that nobody will ask for. */
export function dropMark(mark: StateMark): void {
  queue = queue.filter((e) => e.kind !== "mark" || e.mark !== mark);
}

/** Posts the draws up to the one that makes `upTo`, or all of them. */
export function postDraws(upTo?: Value): void {
  post(upTo ? queue.findIndex((e) => e.kind === "draw" && e.values.includes(upTo)) + 1 : queue.length);
}

function post(end: number): void {
  const due = queue.slice(0, end);
  queue = queue.slice(end);
  let requests: DrawRequest[] = [];
  const send = (): void => {
    if (requests.length) engine.post({ type: "draw", run: newRun(), requests });
    requests = [];
  };
  for (const entry of due) {
    if (entry.kind === "draw") {
      const outputs = entry.values.map((v) => {
        const id = newBuffer();
        noteResident(v, id, flushCount());
        return id;
      });
      requests.push({ generator: entry.generator, draw: entry.draw, outputs });
    } else {
      send();
      if (entry.kind === "seed") engine.post({ type: "seed", generator: entry.generator, seed: entry.seed });
      else if (entry.kind === "mark") entry.mark.state = stateNow(entry.generator);
      else engine.post({ type: "setState", generator: entry.generator, state: entry.state });
    }
  }
  send();
}
