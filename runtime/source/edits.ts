/** Changes to a text by position, with the way back: where in the original does a place of the result come from? */
import type { Position, Range } from "./text.js";

interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
  /** Orders insertions at one place. */
  readonly serial: number;
}

/** Collects insertions and replacements on one text; replacements must not overlap. */
export class Edits {
  readonly #edits: Edit[] = [];

  insert(at: number, text: string): void {
    this.replace(at, at, text);
  }

  replace(start: number, end: number, text: string): void {
    this.#edits.push({ start, end, text, serial: this.#edits.length });
  }

  /** Insertions before those already made at this place. */
  insertFirst(at: number, text: string): void {
    this.#edits.push({ start: at, end: at, text, serial: -1 - this.#edits.length });
  }

  apply(text: string): EditedText {
    const edits = this.#edits.toSorted((a, b) => a.start - b.start || a.end - b.end || a.serial - b.serial);
    const pieces: string[] = [];
    const starts: number[] = [];
    const origins: number[] = [];
    let from = 0;
    let length = 0;
    const keep = (piece: string, origin: number): void => {
      if (piece === "") return;
      starts.push(length);
      origins.push(origin);
      pieces.push(piece);
      length += piece.length;
    };
    for (const edit of edits) {
      keep(text.slice(from, edit.start), from);
      // What was put in counts as the place it was put at.
      keep(edit.text, -edit.start - 1);
      from = Math.max(from, edit.end);
    }
    keep(text.slice(from), from);
    return { text: pieces.join(""), origin: (offset) => origin(starts, origins, offset) };
  }
}

export interface EditedText {
  readonly text: string;
  /** Offset in the original of an offset in the result. */
  origin(offset: number): number;
}

function origin(starts: readonly number[], origins: readonly number[], offset: number): number {
  let low = 0;
  let high = starts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (starts[middle]! <= offset) low = middle;
    else high = middle - 1;
  }
  const from = origins[low] ?? 0;
  return from < 0 ? -from - 1 : from + offset - (starts[low] ?? 0);
}

/** Converts between offsets and zero-based lines and columns of one text. */
export class Lines {
  readonly #starts: number[] = [0];
  readonly #length: number;

  constructor(text: string) {
    this.#length = text.length;
    for (let i = 0; i < text.length; i++) {
      const char = text.charCodeAt(i);
      // \r\n counts once, at its \n.
      if (char === 10 || (char === 13 && text.charCodeAt(i + 1) !== 10)) this.#starts.push(i + 1);
    }
  }

  position(offset: number): Position {
    const at = Math.max(0, Math.min(offset, this.#length));
    let low = 0;
    let high = this.#starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#starts[middle]! <= at) low = middle;
      else high = middle - 1;
    }
    return { line: low, column: at - this.#starts[low]! };
  }

  offset({ line, column }: Position): number {
    const start = this.#starts[Math.min(line, this.#starts.length - 1)]!;
    return Math.min(start + column, this.#length);
  }

  range(start: number, end: number): Range {
    return { start: this.position(start), end: this.position(end) };
  }
}
