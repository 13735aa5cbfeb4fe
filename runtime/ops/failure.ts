/** Which public calls an error came through, for those who explain it to people. */
import type { Signature } from "./schema.js";

/** A call that an error left: of an op, or of a module. */
export type FailedCall =
  | {
      readonly kind: "op";
      readonly name: string;
      readonly signatures: readonly Signature[];
      /** As they were given; the tensor of a method comes first. */
      readonly args: readonly unknown[];
    }
  | { readonly kind: "module"; readonly module: object; readonly args: readonly unknown[] };

let isNoting = false;
const paths = new WeakMap<object, FailedCall[]>();

/** Notes are kept on request only: they hold the tensors of the calls. */
export function setFailureNotes(on: boolean): void {
  isNoting = on;
}

/** Called on the way out, so the innermost call comes first. */
export function noteFailure(error: unknown, call: () => FailedCall): void {
  if (!isNoting || typeof error !== "object" || error === null) return;
  const path = paths.get(error);
  if (path === undefined) paths.set(error, [call()]);
  else path.push(call());
}

/** The calls an error came through, innermost first. */
export function failedCalls(error: unknown): readonly FailedCall[] {
  return typeof error === "object" && error !== null ? (paths.get(error) ?? []) : [];
}
