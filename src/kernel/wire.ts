import type { ErrorReason, WireError } from "./protocol.js";

/** The exit code of a process that asks to be replaced. */
export const recycleCode = 75;

export function wireError(reason: ErrorReason, message: string, name = "KernelError"): WireError {
  return { name, message, reason };
}
