import { patience } from "../../../src/kernel/patience.js";

export { patience };

/** Repeats `probe` until it gives something other than undefined or false; its last error is told. */
export async function until<T>(
  what: string,
  probe: () => Promise<T | undefined | false> | T | undefined | false,
  timeoutMs = 30_000,
): Promise<T> {
  const start = Date.now();
  let last: unknown;
  for (;;) {
    try {
      const value = await probe();
      if (value !== undefined && value !== false) return value;
      last = undefined;
    } catch (error) {
      last = error;
    }
    const waited = Date.now() - start;
    if (waited > timeoutMs * patience()) {
      const reason = last instanceof Error ? `: ${last.message}` : "";
      throw new Error(`Waited ${Math.round(waited / 1000)} s for ${what}${reason}`, { cause: last });
    }
    await new Promise((done) => setTimeout(done, 100));
  }
}
