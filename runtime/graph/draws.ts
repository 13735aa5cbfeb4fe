import { engine } from "../engine/client.js";
import type { DrawRequest } from "../engine/protocol.js";
import type { Draw } from "../random/distributions.js";
import { cpu } from "../tensor/device.js";
import { isTracing, newBuffer, newRun, noteDrawn } from "./executor.js";
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
  | { readonly kind: "state"; readonly generator: number; readonly state: Uint8Array };

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
  const run = newRun();
  engine.post({ type: "getState", run, generator });
  const reply = engine.wait(run);
  return reply.state!;
}

/** Posts the draws up to the one that makes `upTo`, or all of them. */
export function postDraws(upTo?: Value): void {
  const end = upTo ? queue.findIndex((e) => e.kind === "draw" && e.values.includes(upTo)) + 1 : queue.length;
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
        noteDrawn(v, id);
        return id;
      });
      requests.push({ generator: entry.generator, draw: entry.draw, outputs });
    } else {
      send();
      if (entry.kind === "seed") engine.post({ type: "seed", generator: entry.generator, seed: entry.seed });
      else engine.post({ type: "setState", generator: entry.generator, state: entry.state });
    }
  }
  send();
}
