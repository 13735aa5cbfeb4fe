import { ValueError } from "../../errors.js";
import { readMaybeGzip } from "./limits.js";

/** Bytes with a shape, as IDX files hold them. */
export interface IdxArray {
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

const maxAxes = 8;

/**
 * Reads an IDX file of bytes, packed or not: two zeros, the type 8, the number of axes, their sizes (big-endian), the
 * bytes.
 * @throws ValueError when that is not what is in it.
 */
export function readIdx(file: string, axes: number): IdxArray {
  const bytes = readMaybeGzip(file);
  const wrong = (what: string): ValueError => new ValueError(`${file} is no IDX file of bytes: ${what}`);
  if (bytes.length < 4 || bytes[0] !== 0 || bytes[1] !== 0) throw wrong("it does not begin as one");
  if (bytes[2] !== 8) throw wrong(`its type is ${String(bytes[2])}, not 8`);
  const count = bytes[3]!;
  if (count !== axes || count > maxAxes) {
    throw wrong(`it has ${String(count)} axes where ${String(axes)} are expected`);
  }
  const start = 4 + 4 * count;
  if (bytes.length < start) throw wrong("it ends before its sizes do");
  const shape = Array.from({ length: count }, (_, i) => bytes.readUInt32BE(4 + 4 * i));
  const expected = shape.reduce((n, size) => n * size, 1);
  if (expected !== bytes.length - start) {
    throw wrong(
      `[${shape.join(", ")}] is ${String(expected)} bytes, and ${String(bytes.length - start)} follow`,
    );
  }
  return { shape, data: bytes.subarray(start) };
}
