import * as fs from "node:fs";
import * as zlib from "node:zlib";
import { FileNotFoundError, ValueError } from "../../errors.js";

const gibi = 1 << 30;

/** A file's bytes. @throws FileNotFoundError; ValueError when it is larger than `maxBytes`, 1 GiB unless said. */
export function readLimited(file: string, maxBytes = gibi): Buffer {
  const found = fs.statSync(file, { throwIfNoEntry: false });
  if (found === undefined) throw new FileNotFoundError(`there is no file ${file}`);
  if (!found.isFile()) throw new ValueError(`${file} is no file`);
  if (found.size > maxBytes) {
    throw new ValueError(
      `${file} has ${String(found.size)} bytes, and ${String(maxBytes)} are the most read`,
    );
  }
  return fs.readFileSync(file);
}

/** A file's bytes, unpacked where it is gzip. @throws ValueError when it is damaged or unpacks to too much. */
export function readMaybeGzip(file: string, maxBytes = gibi): Buffer {
  const bytes = readLimited(file, maxBytes);
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  try {
    return zlib.gunzipSync(bytes, { maxOutputLength: maxBytes });
  } catch (error) {
    throw new ValueError(`${file} cannot be unpacked: ${(error as Error).message}`);
  }
}
