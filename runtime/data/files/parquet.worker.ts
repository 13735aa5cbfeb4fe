/** The thread that reads Parquet files. */
import { parquetMetadata, parquetScan, parquetSchema, type Compressors } from "hyparquet";
import { workerData } from "node:worker_threads";
import * as zlib from "node:zlib";
import { ValueError } from "../../errors.js";
import { serveBackground, type BackgroundStart } from "./background.js";
import type { ParquetMessage, ParquetTask } from "./parquet.js";

/** No part of a file may become larger. */
const maxPageBytes = 1 << 30;

type Unpack = (bytes: Uint8Array, options: { readonly maxOutputLength: number }) => Uint8Array;

/** Node's own unpackers; Zstandard is among them from 22.15 on. */
const zstd = (zlib as { readonly zstdDecompressSync?: Unpack }).zstdDecompressSync;

function unpackWith(unpack: Unpack): (bytes: Uint8Array, length: number) => Uint8Array {
  return (bytes, length) => {
    if (length > maxPageBytes) throw new Error(`a page unpacks to ${String(length)} bytes`);
    return unpack(bytes, { maxOutputLength: Math.max(1, length) });
  };
}

const compressors: Compressors = {
  GZIP: unpackWith(zlib.gunzipSync),
  BROTLI: unpackWith(zlib.brotliDecompressSync),
  ...(zstd === undefined ? {} : { ZSTD: unpackWith(zstd) }),
};

/** Numbers side by side, where all are numbers or missing. Whole numbers beyond 2⁵³ stay as they are. */
function packed(values: readonly unknown[]): Float64Array | readonly unknown[] {
  const out = new Float64Array(values.length);
  let numbers = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    const missing = value === null || value === undefined;
    const fits =
      typeof value === "number" || (typeof value === "bigint" && Number.isSafeInteger(Number(value)));
    if (!missing && !fits) return values;
    out[i] = missing ? NaN : Number(value);
    if (!missing) numbers++;
  }
  return numbers > 0 || values.length === 0 ? out : values;
}

async function read(
  { file, bytes, columns, maxCells }: ParquetTask,
  say: (message: ParquetMessage, transfer?: readonly ArrayBuffer[]) => void,
): Promise<void> {
  const buffer = bytes.buffer as ArrayBuffer;
  const metadata = parquetMetadata(buffer);
  const names = parquetSchema(metadata).children.map(({ element }) => element.name);
  const wanted = columns ?? names;
  const rows = metadata.row_groups.reduce((n, group) => n + Number(group.num_rows), 0);
  const unknown = wanted.find((name) => !names.includes(name));
  say({ names, rows });
  // The table says which are missing.
  if (unknown !== undefined) return;
  const cells = rows * wanted.length;
  if (!(rows >= 0 && cells <= maxCells)) {
    throw new ValueError(`${file} has ${String(cells)} cells to read, and ${String(maxCells)} are the most`);
  }
  for (const group of metadata.row_groups) {
    for (const { meta_data: column } of group.columns) {
      if (column !== undefined && Number(column.num_values) > maxCells) {
        throw new ValueError(`${file} has a column of ${String(column.num_values)} values`);
      }
      if (column?.codec === "ZSTD" && zstd === undefined) {
        throw new ValueError(
          `${file} is packed with Zstandard, which Node ${process.version} does not unpack`,
        );
      }
    }
  }
  const scan = await parquetScan({
    file: { byteLength: buffer.byteLength, slice: (start, end) => buffer.slice(start, end) },
    metadata,
    columns: [...wanted],
    compressors,
    useOffsetIndex: false,
  });
  for (const name of wanted) {
    const all: unknown[] = [];
    for (const range of scan.ranges) {
      for (const value of await scan.readColumn({ column: name, ...range })) all.push(value);
    }
    const values = packed(all);
    say({ name, values }, values instanceof Float64Array ? [values.buffer as ArrayBuffer] : []);
  }
}

void serveBackground<ParquetTask>(workerData as BackgroundStart, async (task, say) => {
  try {
    await read(task, say);
  } catch (error) {
    if (error instanceof ValueError) throw error;
    throw new ValueError(`${task.file} cannot be read as Parquet: ${(error as Error).message}`);
  }
});
