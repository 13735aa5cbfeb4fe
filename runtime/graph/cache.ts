import { engine } from "../engine/client.js";
import type { OnnxSegment, Segment } from "../engine/protocol.js";
import { lowerPlan } from "./compile.js";
import type { Plan } from "./plan.js";
import { SessionTable, type CompiledSession } from "./sessions.js";

interface Entry {
  readonly program: number;
  /** Slots that later plans needed again: outputs from the next compilation on. */
  readonly learn: Set<number>;
  readonly outputs: number;
  readonly sessions: readonly CompiledSession[];
  readonly keyLength: number;
  lastUse: number;
}

/** How many structures stay compiled, and how long their keys may be together. */
const CAPACITY = 512;
const KEY_CAPACITY = 1 << 25;

/**
 * Compiled programs by the full structure of their plans, the least recently used given up first. A structure seen for
 * the first time is compiled quickly; when it comes back it is compiled with every optimisation, once.
 */
export class PlanCache {
  readonly #entries = new Map<string, Entry>();
  readonly #sessions = new SessionTable();
  #keyLength = 0;
  #nextProgram = 0;
  #uses = 0;
  #hits = 0;

  /** Slots this structure is known to be asked for later. */
  learned(key: string): ReadonlySet<number> {
    return this.#entries.get(key)?.learn ?? none;
  }

  lookup(plan: Plan): Entry {
    let entry = this.#entries.get(plan.key);
    if (!entry) {
      entry = this.#compile(plan, new Set(), "fast");
      this.#add(plan.key, entry);
    } else if (
      entry.outputs !== plan.outputs.length ||
      entry.sessions.some((s) => s.optimization === "fast")
    ) {
      const better = this.#compile(plan, entry.learn, "full");
      this.#remove(plan.key, entry);
      this.#add(plan.key, better);
      entry = better;
    } else {
      this.#hits++;
    }
    entry.lastUse = ++this.#uses;
    return entry;
  }

  #compile(plan: Plan, learn: Set<number>, optimization: OnnxSegment["optimization"]): Entry {
    const lowered = lowerPlan(plan);
    const sessions: CompiledSession[] = [];
    const segments = lowered.segments.map((s): Segment => {
      if (s.kind === "host") return s;
      const { segment, session } = this.#sessions.assign(s, optimization);
      sessions.push(session);
      return segment;
    });
    const program = ++this.#nextProgram;
    engine.post({ type: "program", program, code: { ...lowered, segments } });
    return { program, learn, outputs: plan.outputs.length, sessions, keyLength: plan.key.length, lastUse: 0 };
  }

  #add(key: string, entry: Entry): void {
    while (this.#entries.size >= CAPACITY || (this.#entries.size > 0 && this.#keyLength > KEY_CAPACITY)) {
      const [oldest] = [...this.#entries].reduce((a, b) => (a[1].lastUse <= b[1].lastUse ? a : b));
      this.#remove(oldest, this.#entries.get(oldest)!);
    }
    this.#entries.set(key, entry);
    this.#keyLength += entry.keyLength;
  }

  #remove(key: string, entry: Entry): void {
    this.#entries.delete(key);
    this.#keyLength -= entry.keyLength;
    for (const s of entry.sessions) this.#sessions.release(s);
    engine.post({ type: "release", program: entry.program });
  }

  stats(): { compiled: number; hits: number; plans: number } {
    return { compiled: this.#sessions.compiled, hits: this.#hits, plans: this.#entries.size };
  }
}

const none: ReadonlySet<number> = new Set();
