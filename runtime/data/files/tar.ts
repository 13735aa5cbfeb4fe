import { ValueError } from "../../errors.js";

const block = 512;

/** A NUL-terminated text field. */
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("latin1").replace(/\0.*$/s, "");

/** An octal field. */
function octal(bytes: Uint8Array): number {
  const digits = text(bytes).trim();
  if (!/^[0-7]*$/.test(digits)) throw new ValueError("the archive is damaged: a size is no octal number");
  return parseInt(digits || "0", 8);
}

/**
 * The plain files of a tar archive that are asked for, by their names in it. Nothing is written anywhere, so names
 * cannot lead out of a folder.
 * @throws ValueError when the archive is cut off or damaged.
 */
export function readTar(archive: Uint8Array, wanted: (name: string) => boolean): Map<string, Uint8Array> {
  const found = new Map<string, Uint8Array>();
  for (let at = 0; at + block <= archive.length;) {
    const header = archive.subarray(at, at + block);
    if (header.every((byte) => byte === 0)) break;
    const sum = header.reduce((n, byte, i) => n + (i >= 148 && i < 156 ? 32 : byte), 0);
    if (sum !== octal(header.subarray(148, 156))) {
      throw new ValueError(`the archive is damaged: a header at ${String(at)} has a wrong checksum`);
    }
    const prefix = text(header.subarray(257, 263)) === "ustar" ? text(header.subarray(345, 500)) : "";
    const name = `${prefix === "" ? "" : `${prefix}/`}${text(header.subarray(0, 100))}`.replace(/^\.\//, "");
    const size = octal(header.subarray(124, 136));
    const start = at + block;
    if (start + size > archive.length) throw new ValueError(`the archive is cut off inside ${name}`);
    const type = header[156]!;
    if ((type === 0 || type === 48) && wanted(name)) found.set(name, archive.subarray(start, start + size));
    at = start + Math.ceil(size / block) * block;
  }
  return found;
}
