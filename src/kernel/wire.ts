import type { ErrorReason, WireError } from "./protocol.js";

export function wireError(reason: ErrorReason, message: string, name = "KernelError"): WireError {
  return { name, message, reason };
}
