/** Exceptions of traced code in the words of the protocol. */
import { IndexError, RuntimeError, ValueError } from "../../runtime/errors.js";
import { TraceTimeout } from "../../runtime/inspect/trace.js";
import { HardTimeout } from "./evaluate.js";
import { takeForeignReads } from "./foreign.js";
import type { DiagnosticCode, TraceStatus } from "./protocol.js";

/** What went wrong, in the words of the protocol. */
export interface Problem {
  readonly status: TraceStatus;
  readonly message: string;
}

export function classify(error: unknown): Problem & { readonly code: DiagnosticCode } {
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  if (error instanceof TraceTimeout || error instanceof HardTimeout) {
    return {
      status: "failed",
      code: "timeout",
      message: "Computing shapes took too long and was stopped here. Is there an endless loop?",
    };
  }
  if (name === "NeedsRunError" || name === "NeedsDataError")
    return { status: "needsRun", code: "needsRun", message };
  const ours = error instanceof RuntimeError || error instanceof ValueError || error instanceof IndexError;
  if (!ours && !(error instanceof TypeError)) {
    const text = name === "Error" ? message : `${name}: ${message}`;
    return { status: "failed", code: "error", message: text };
  }
  const foreign = takeForeignReads();
  if (error instanceof TypeError && foreign !== undefined) {
    return { status: "needsRun", code: "needsRun", message: `${foreign} is known only on ▶ (${message})` };
  }
  return { status: "failed", code: ours || isFromLibrary(error) ? "shape" : "error", message };
}

/** Whether the library itself threw: the innermost frame is not the user's. */
function isFromLibrary(error: Error): boolean {
  const frame = /^ {4}at .*$/m.exec(error.stack ?? "")?.[0];
  return frame !== undefined && !frame.includes("tensorscope-trace-");
}
