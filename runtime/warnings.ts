/** Warnings with PyTorch's meaning: the call goes on. Each message is shown once in a process. */
const shown = new Set<string>();

export function warn(message: string): void {
  if (shown.has(message)) return;
  shown.add(message);
  console.warn(`UserWarning: ${message}`);
}
