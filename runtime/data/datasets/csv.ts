/** Tables in text: comma-separated values. @see https://www.rfc-editor.org/rfc/rfc4180 */
import { ValueError } from "../../errors.js";
import { bound } from "../../ops/arguments.js";
import { readMaybeGzip } from "../files/limits.js";
import { TableDataset, type ColumnValues, type Row, type TableOptions } from "./table.js";

export interface CSVOptions<X = Row> extends TableOptions<X> {
  /** Between cells: a comma unless given; `"\t"` for TSV. */
  readonly delimiter?: string;
  /** Whether the first line names the columns; the names themselves where it does not. */
  readonly header?: boolean | readonly string[];
}

const signature =
  "CSV(str file, *, any columns=None, any transform=None, str delimiter=',', any header=True) -> any";

const quote = 0x22;
const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const maxColumns = 1 << 16;

/** Where the cells of a file are: cell i is from `starts[i]` to `ends[i]`. */
interface Cells {
  readonly starts: Uint32Array;
  readonly ends: Uint32Array;
  readonly width: number;
  readonly rows: number;
}

/** A list of numbers that grows. */
class Offsets {
  values = new Uint32Array(1024);
  length = 0;

  push(value: number): void {
    if (this.length === this.values.length) {
      const larger = new Uint32Array(2 * this.length);
      larger.set(this.values);
      this.values = larger;
    }
    this.values[this.length++] = value;
  }
}

/** Finds the cells. @throws ValueError for rows of different lengths and quotes without an end. */
function scan(bytes: Buffer, delimiter: number, file: string): Cells {
  const starts = new Offsets();
  const ends = new Offsets();
  let width = 0;
  let rows = 0;
  let line = 1;
  // A byte order mark is no text.
  let at = bytes.subarray(0, 3).equals(Buffer.from([0xef, 0xbb, 0xbf])) ? 3 : 0;
  while (at < bytes.length) {
    const rowLine = line;
    const first = starts.length;
    for (let more = true; more;) {
      const start = at;
      if (bytes[at] === quote) {
        for (at++; ; at++) {
          if (at >= bytes.length) {
            throw new ValueError(`${file}, line ${String(rowLine)}: a quoted cell has no end`);
          }
          if (bytes[at] === lineFeed) line++;
          if (bytes[at] !== quote) continue;
          if (bytes[at + 1] !== quote) break;
          at++;
        }
        at++;
      }
      while (at < bytes.length && bytes[at] !== delimiter && bytes[at] !== lineFeed) at++;
      const ended = at >= bytes.length || bytes[at] === lineFeed;
      starts.push(start);
      ends.push(ended && at > start && bytes[at - 1] === carriageReturn ? at - 1 : at);
      more = !ended;
      at++;
    }
    line++;
    const found = starts.length - first;
    // A line with nothing on it is no row, unless rows have one cell, and then it is one that is missing.
    if (found === 1 && starts.values[first] === ends.values[first] && width !== 1) {
      starts.length = ends.length = first;
      continue;
    }
    if (rows === 0) width = found;
    if (width > maxColumns) {
      throw new ValueError(
        `${file} has ${String(width)} columns, and ${String(maxColumns)} are the most read`,
      );
    }
    if (found !== width) {
      throw new ValueError(
        `${file}, line ${String(rowLine)}: ${String(found)} cells where the lines before have ${String(width)}`,
      );
    }
    rows++;
  }
  return { starts: starts.values, ends: ends.values, width, rows };
}

/** What Python's `float` takes, but for underscores, and what pandas takes for a number. */
const numeral = /^\s*[+-]?(\d+\.?\d*([eE][+-]?\d+)?|\.\d+([eE][+-]?\d+)?|inf(inity)?|nan)\s*$/i;

function numberOf(text: string): number | undefined {
  if (!numeral.test(text)) return undefined;
  const plain = Number(text);
  if (!Number.isNaN(plain)) return plain;
  return /nan/i.test(text) ? NaN : text.includes("-") ? -Infinity : Infinity;
}

/**
 * A file of comma-separated values, in UTF-8, packed with gzip or not. Sample i is row i as an object of cells by the
 * columns' names: a column in which every cell is a number, or empty, gives numbers (NaN for empty cells), any other
 * gives texts. `tensors("species")` makes tensors to learn with.
 *
 *     const iris = new datasets.CSV("iris.csv");
 *     const loader = new data.DataLoader(iris.tensors("species"), { batchSize: 16, shuffle: true });
 *
 * @throws FileNotFoundError; ValueError, naming the line, when the file is no such table.
 */
export class CSV<X = Row> extends TableDataset<X> {
  constructor(file: string, options: CSVOptions<X> = {}) {
    const o = bound(signature, [file, options]) as unknown as Required<CSVOptions<X>>;
    const { delimiter, header } = o;
    if (delimiter.length !== 1 || delimiter.charCodeAt(0) > 127 || '"\r\n'.includes(delimiter)) {
      throw new ValueError(`delimiter must be one ASCII character, not ${JSON.stringify(delimiter)}`);
    }
    const bytes = readMaybeGzip(file);
    const { starts, ends, width, rows } = scan(bytes, delimiter.charCodeAt(0), file);
    const named = header === true;
    if (rows === 0 && !Array.isArray(header)) throw new ValueError(`${file} is empty`);
    const cell = (row: number, column: number): string => {
      const i = row * width + column;
      const [start, end] = [starts[i]!, ends[i]!];
      if (bytes[start] !== quote) return bytes.toString("utf8", start, end);
      const text = bytes.toString("utf8", start, end);
      const close = text.lastIndexOf('"');
      return text.slice(1, close).replaceAll('""', '"') + text.slice(close + 1);
    };
    const names = Array.isArray(header)
      ? (header as string[])
      : Array.from({ length: width }, (_, c) => (named ? cell(0, c) : String(c)));
    if (rows > 0 && names.length !== width) {
      throw new ValueError(`${file} has ${String(width)} columns, and header names ${String(names.length)}`);
    }
    const twice = names.find((name, i) => names.indexOf(name) !== i);
    if (twice !== undefined) throw new ValueError(`${file} has two columns ${JSON.stringify(twice)}`);
    const skip = named ? 1 : 0;
    const read = (name: string): ColumnValues => {
      const column = names.indexOf(name);
      const numbers = new Float64Array(Math.max(0, rows - skip));
      let filled = false;
      for (let r = 0; r < numbers.length; r++) {
        const text = cell(r + skip, column);
        const value = text === "" ? NaN : numberOf(text);
        if (value === undefined) return Array.from(numbers, (_, i) => cell(i + skip, column));
        filled ||= text !== "";
        numbers[r] = value;
      }
      return filled ? numbers : Array.from(numbers, () => "");
    };
    super(file, names, Math.max(0, rows - skip), read, o);
  }
}
