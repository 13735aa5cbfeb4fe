/** CRC-32, the checksum of zip archives. @see https://www.w3.org/TR/png/#D-CRCAppendix */
import * as zlib from "node:zlib";

const table = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1;
  return c;
});

/** Node has its own since 20.15. */
const native = (zlib as { crc32?: (data: Uint8Array, value?: number) => number }).crc32;

/** The checksum of bytes; that of what came before goes in to go on from there. */
export function crc32(bytes: Uint8Array, before = 0): number {
  if (native) return native(bytes, before);
  let c = before ^ 0xffffffff;
  for (const b of bytes) c = table[(c ^ b) & 0xff]! ^ (c >>> 8);
  return (c ^ 0xffffffff) >>> 0;
}
