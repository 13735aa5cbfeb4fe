/** Warnings with PyTorch's meaning: the call goes on. Each message is shown once in a process, unless asked otherwise. */
const shown = new Set<string>();
let always = false;

export function showAlways(on: boolean): void {
  always = on;
}

export const isShownAlways = (): boolean => always;

export function warn(message: string): void {
  if (shown.has(message) && !always) return;
  shown.add(message);
  console.warn(`UserWarning: ${message}`);
}
