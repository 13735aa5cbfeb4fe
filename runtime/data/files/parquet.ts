import { readLimited } from "./limits.js";
import { inBackground } from "./background.js";

/** What is asked of the thread that reads Parquet files. */
export interface ParquetTask {
  readonly file: string;
  readonly bytes: Uint8Array;
  /** The columns to read; all unless given. */
  readonly columns: readonly string[] | null;
  readonly maxCells: number;
}

/** The thread's messages: the names first, then the columns in their order. */
export type ParquetMessage =
  | { readonly names: readonly string[]; readonly rows: number }
  | { readonly name: string; readonly values: Float64Array | readonly unknown[] };

export interface ParquetTable {
  readonly names: readonly string[];
  readonly rows: number;
  readonly columns: ReadonlyMap<string, Float64Array | readonly unknown[]>;
}

/** A hundred million cells fit in memory; what claims more is refused before it is read. */
const maxCells = 1 << 27;

/**
 * Reads columns of a Parquet file. Numbers and missing numbers (NaN) come as such, all else in lists.
 * @throws FileNotFoundError; ValueError when the file is damaged, too large, or packed in a way that is not read.
 */
export function readParquet(file: string, columns: readonly string[] | null): ParquetTable {
  const bytes = new Uint8Array(readLimited(file));
  const task: ParquetTask = { file, bytes, columns, maxCells };
  let head: { readonly names: readonly string[]; readonly rows: number } = { names: [], rows: 0 };
  const read = new Map<string, Float64Array | readonly unknown[]>();
  const url = new URL("./parquet.worker.js", import.meta.url);
  for (const message of inBackground<ParquetMessage>(url, task)) {
    if ("names" in message) head = message;
    else read.set(message.name, message.values);
  }
  return { ...head, columns: read };
}
