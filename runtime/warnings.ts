/** Warnings with PyTorch's meaning: the call goes on. Each message is shown once in a process, unless asked otherwise. */
const shown = new Set<string>();
let always = false;

export function showAlways(on: boolean): void {
  always = on;
}

export const isShownAlways = (): boolean => always;

/** Takes warnings instead of the console: the tracer puts them where they belong. */
let sink: ((message: string) => void) | undefined;

export function setWarningSink(take: typeof sink): void {
  sink = take;
}

export function warn(message: string): void {
  if (sink !== undefined) return sink(message);
  if (shown.has(message) && !always) return;
  shown.add(message);
  console.warn(`UserWarning: ${message}`);
}
