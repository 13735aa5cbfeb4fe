/**
 * In a loop with neither a read nor a step the pending graph would grow for ever: it is cut after a whole number of
 * repetitions, so that every piece has the same structure and compiles once.
 */

/** About how many nodes make a piece. */
const CUT_AFTER = 2000;

export class LoopCut {
  #recorded = 0;
  #cutAt = CUT_AFTER;
  #recent: string[] = [];

  /** Starts anew: everything recorded so far was run. */
  restart(): void {
    this.#recorded = 0;
    this.#cutAt = CUT_AFTER;
    this.#recent = [];
  }

  /** Counts a node by its key; true when the graph is to be cut behind it. */
  isDue(key: string): boolean {
    this.#recorded++;
    if (this.#recorded <= CUT_AFTER) this.#recent.push(key);
    if (this.#recorded === CUT_AFTER) {
      const period = periodOf(this.#recent);
      this.#cutAt = period > 0 ? Math.ceil(CUT_AFTER / period) * period : 4 * CUT_AFTER;
      this.#recent = [];
    }
    return this.#recorded >= this.#cutAt;
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
