/** Whether fixes help is found out by tracing the edited text: only what makes the model come further is offered. */
import { promises as fs } from "node:fs";
import { performance } from "node:perf_hooks";
import { Lines } from "../../runtime/source/edits.js";
import type { Fix, SourceText, TextEdit, TraceDiagnostic, TraceReply } from "./protocol.js";

/** So many are offered for one diagnostic. */
const maxOffered = 3;
/** Once something helps, no more is looked for after so many milliseconds. */
const enough = 250;

/** The overlay with edits on top. */
export async function edited(
  overlay: readonly SourceText[],
  edits: readonly TextEdit[],
): Promise<readonly SourceText[]> {
  const texts = new Map(overlay.map((source) => [source.file, source]));
  for (const file of new Set(edits.map((edit) => edit.file))) {
    const known = texts.get(file);
    const text = known?.text ?? (await fs.readFile(file, "utf8"));
    texts.set(file, {
      file,
      version: known?.version ?? 0,
      text: applied(
        text,
        edits.filter((edit) => edit.file === file),
      ),
    });
  }
  return [...texts.values()];
}

/** A text with edits that do not overlap. */
export function applied(text: string, edits: readonly TextEdit[]): string {
  const lines = new Lines(text);
  const placed = edits
    .map(({ range, text: added }, i) => ({
      start: lines.offset(range.start),
      end: lines.offset(range.end),
      added,
      i,
    }))
    .sort((a, b) => b.start - a.start || b.i - a.i);
  return placed.reduce((all, { start, end, added }) => all.slice(0, start) + added + all.slice(end), text);
}

type Found = Pick<TraceReply, "modules" | "diagnostics">;

const complaints = ({ diagnostics }: Found): readonly TraceDiagnostic[] =>
  diagnostics.filter(({ severity }) => severity === "error" || severity === "warning");

/**
 * Those fixes after which there is less to complain about; failing that, those after which the model comes further
 * down in the file.
 * @param until on the clock of `performance.now()`: what could not be tried by then is not offered.
 */
export async function helpfulFixes(
  diagnostic: TraceDiagnostic,
  fixes: readonly Fix[],
  guesses: readonly Fix[],
  before: Found,
  overlay: readonly SourceText[],
  until: number,
  traceAgain: (overlay: readonly SourceText[]) => Promise<TraceReply>,
): Promise<Fix[]> {
  const start = performance.now();
  const cures: Fix[] = [];
  const steps: Fix[] = [];
  for (const [i, fix] of [...fixes, ...guesses].entries()) {
    const now = performance.now();
    if (i >= fixes.length && cures.length + steps.length > 0) break;
    if (cures.length >= maxOffered || now > until || (cures.length > 0 && now > start + enough)) break;
    const after = await traceAgain(await edited(overlay, fix.edits));
    if (!after.parsed) continue;
    if (complaints(after).length < complaints(before).length && !worse(before, after)) cures.push(fix);
    else if (comesFurther(diagnostic, after)) steps.push(fix);
  }
  return [...cures, ...steps].slice(0, maxOffered);
}

function worse(before: Found, after: Found): boolean {
  return before.modules.some(({ name, status }) => {
    const now = after.modules.find((module) => module.name === name);
    return status === "traced" && now?.status !== "traced";
  });
}

function comesFurther({ file, range, module }: TraceDiagnostic, after: Found): boolean {
  const same = complaints(after).filter((other) => other.module === module);
  return (
    same.length > 0 && same.every((other) => other.file === file && other.range.start.line > range.start.line)
  );
}
