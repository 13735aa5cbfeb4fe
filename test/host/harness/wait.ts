/** Repeats `probe` until it gives something other than undefined or false; its last error is told. */
export async function until<T>(
  what: string,
  probe: () => Promise<T | undefined | false> | T | undefined | false,
  timeoutMs = 30_000,
): Promise<T> {
  const end = Date.now() + timeoutMs;
  let last: unknown;
  for (;;) {
    try {
      const value = await probe();
      if (value !== undefined && value !== false) return value;
      last = undefined;
    } catch (error) {
      last = error;
    }
    if (Date.now() > end) {
      const reason = last instanceof Error ? `: ${last.message}` : "";
      throw new Error(`Waited ${timeoutMs / 1000} s for ${what}${reason}`, { cause: last });
    }
    await new Promise((done) => setTimeout(done, 100));
  }
}
