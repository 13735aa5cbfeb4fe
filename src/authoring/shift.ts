/** Moves what a trace said along with the edits made since, until the next trace is there. */
import type { Position, Range, TraceReply } from "../kernel/protocol.js";

/** An edit: the replaced range in the old text, and what stands there now. */
export interface Change {
  readonly range: Range;
  readonly text: string;
}

function compare(a: Position, b: Position): number {
  return a.line - b.line || a.column - b.column;
}

/**
 * Where a position is after an edit; undefined when the edit swallowed it. An insertion exactly there pushes it
 * along (`"right"`) or not (`"left"`).
 */
export function shiftPosition(at: Position, change: Change, side: "left" | "right"): Position | undefined {
  const { start, end } = change.range;
  if (compare(at, start) < 0 || (side === "left" && compare(at, start) === 0)) return at;
  if (compare(at, end) < 0) return compare(at, start) === 0 ? at : undefined;
  const lines = change.text.split("\n");
  const lastLength = lines.at(-1)!.length;
  return {
    line: at.line - end.line + start.line + lines.length - 1,
    column:
      at.line !== end.line
        ? at.column
        : at.column - end.column + lastLength + (lines.length === 1 ? start.column : 0),
  };
}

/** Where a range is after an edit; undefined when it is gone. */
export function shiftRange(range: Range, change: Change): Range | undefined {
  const start = shiftPosition(range.start, change, "right");
  const end = shiftPosition(range.end, change, "left");
  return start === undefined || end === undefined || compare(start, end) > 0 ? undefined : { start, end };
}

/** The trace with all its places of `file` moved by the edits, in their order; what lost its place is left out. */
export function shiftTrace(trace: TraceReply, file: string, changes: readonly Change[]): TraceReply {
  let shifted = trace;
  for (const change of changes) {
    const named = <T extends { readonly range: Range; readonly nameRange: Range }>(
      items: readonly T[],
    ): T[] =>
      items.flatMap((item) => {
        const nameRange = shiftRange(item.nameRange, change);
        if (nameRange === undefined) return [];
        return [{ ...item, nameRange, range: shiftRange(item.range, change) ?? nameRange }];
      });
    shifted = {
      ...shifted,
      modules: shifted.file === file ? named(shifted.modules) : shifted.modules,
      trainings: shifted.file === file ? named(shifted.trainings) : shifted.trainings,
      hints: shifted.hints.flatMap((hint) => {
        if (hint.file !== file) return [hint];
        const position = shiftPosition(hint.position, change, "left");
        const range = shiftRange(hint.range, change);
        return position === undefined || range === undefined ? [] : [{ ...hint, position, range }];
      }),
      diagnostics: shifted.diagnostics.flatMap((found) => {
        if (found.file !== file) return [found];
        const range = shiftRange(found.range, change);
        return range === undefined ? [] : [{ ...found, range }];
      }),
    };
  }
  return shifted;
}
