import { randomUUID } from "node:crypto";
import * as fs from "node:fs";
import { ValueError } from "../errors.js";

/** A whole file. @throws ValueError when it has more than `maxBytes`. */
export function readBounded(path: string, maxBytes: number): Uint8Array {
  const { size } = fs.statSync(path);
  if (size > maxBytes) {
    throw new ValueError(
      `the file has ${String(size)} bytes, more than the ${String(maxBytes)} allowed (maxBytes)`,
    );
  }
  return fs.readFileSync(path);
}

/** Takes the next bytes of what is written. */
export type Append = (bytes: Uint8Array) => void;

/**
 * Writes beside the file and renames: whoever reads it sees the old contents or the new ones, whole. `write` hands over
 * the contents piece by piece; when it throws, nothing is left behind.
 */
export function writeAtomicallyBy(path: string, write: (append: Append) => void): void {
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    const file = fs.openSync(temporary, "wx");
    try {
      write((bytes) => {
        // One call writes less than 2 GiB.
        for (let at = 0; at < bytes.length;) {
          at += fs.writeSync(file, bytes, at, Math.min(bytes.length - at, 2 ** 30));
        }
      });
      fs.fsyncSync(file);
    } finally {
      fs.closeSync(file);
    }
    fs.renameSync(temporary, path);
  } catch (error) {
    fs.rmSync(temporary, { force: true });
    throw error;
  }
}

/** The same for contents that are at hand. */
export function writeAtomically(path: string, bytes: Uint8Array): void {
  writeAtomicallyBy(path, (append) => {
    append(bytes);
  });
}
