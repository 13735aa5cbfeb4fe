/**
 * Checks of values inside ONNX graphs. A check that fails makes ONNX Runtime report the node it stands at by name; the
 * name says what to throw.
 */
export type GuardError = "RuntimeError" | "IndexError" | "ValueError";

/** What follows the name of the node. */
export function guardName(error: GuardError, message: string): string {
  return `guard ${error} ${message} guard`;
}

/** The error of the guard that a failed run names. */
export function guardFailure(
  report: string,
): { readonly errorClass: GuardError; readonly message: string } | undefined {
  const match = /Name:'\S* guard (\w+) (.*?) guard'/s.exec(report);
  return match ? { errorClass: match[1] as GuardError, message: match[2]! } : undefined;
}
