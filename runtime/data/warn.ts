const said = new Set<string>();

/** Tells once what Python's `warnings.warn` would tell. */
export function warn(message: string): void {
  if (said.has(message)) return;
  said.add(message);
  process.emitWarning(message);
}
