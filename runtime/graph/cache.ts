import { engine } from "../engine/client.js";
import { compile } from "./compile.js";
import type { Plan } from "./plan.js";

interface Entry {
  program: number;
  /** Slots that later plans needed again: outputs from the next compilation on. */
  readonly learn: Set<number>;
  compiledWith: number;
  full: boolean;
}

/** How many structures stay compiled. */
const CAPACITY = 512;

/**
 * Compiled programs by the full structure of their plans, least recently used last to stay. A structure seen for the
 * first time is compiled quickly; when it comes back it is compiled with every optimisation, once.
 */
export class PlanCache {
  readonly #entries = new Map<string, Entry>();
  #nextProgram = 0;
  #compiled = 0;
  #hits = 0;

  /** Slots this structure is known to be asked for later. */
  learned(key: string): ReadonlySet<number> {
    return this.#entries.get(key)?.learn ?? none;
  }

  lookup(plan: Plan): Entry {
    let entry = this.#entries.get(plan.key);
    if (!entry) {
      entry = {
        program: this.#send(plan, "fast"),
        learn: new Set(),
        compiledWith: plan.outputs.length,
        full: false,
      };
      this.#evict();
    } else if (!entry.full || entry.compiledWith !== plan.outputs.length) {
      engine.post({ type: "release", program: entry.program });
      entry.program = this.#send(plan, "full");
      entry.full = true;
      entry.compiledWith = plan.outputs.length;
    } else {
      this.#hits++;
    }
    this.#entries.delete(plan.key);
    this.#entries.set(plan.key, entry);
    return entry;
  }

  #send(plan: Plan, optimization: "fast" | "full"): number {
    const program = ++this.#nextProgram;
    this.#compiled++;
    engine.post({ type: "program", program, code: compile(plan, optimization) });
    return program;
  }

  #evict(): void {
    for (const [key, entry] of this.#entries) {
      if (this.#entries.size < CAPACITY) return;
      this.#entries.delete(key);
      engine.post({ type: "release", program: entry.program });
    }
  }

  stats(): { compiled: number; hits: number; plans: number } {
    return { compiled: this.#compiled, hits: this.#hits, plans: this.#entries.size };
  }
}

const none: ReadonlySet<number> = new Set();
