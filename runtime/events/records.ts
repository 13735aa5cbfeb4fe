/**
 * Records of an event file, one behind the other: length (uint64), its checksum, the bytes, their checksum; all
 * little-endian, checksums masked CRC-32C.
 * @see https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details
 */
import { ValueError } from "../errors.js";
import { maskedCrc32c } from "./crc32c.js";

const head = 12;
const tail = 4;

/** No record of a summary is larger; a damaged length could ask for anything. */
export const maxRecord = 256 * 2 ** 20;

/** A record's bytes as they lie in a file. */
export function frameRecord(payload: Uint8Array): Uint8Array {
  const out = new Uint8Array(head + payload.length + tail);
  const view = new DataView(out.buffer);
  view.setBigUint64(0, BigInt(payload.length), true);
  view.setUint32(8, maskedCrc32c(out.subarray(0, 8)), true);
  out.set(payload, head);
  view.setUint32(head + payload.length, maskedCrc32c(payload), true);
  return out;
}

/**
 * Takes a file's bytes as they come and gives the records that are whole. What is there of the last one waits for its
 * rest: the file may still be written, or its writer was killed in the middle.
 */
export class RecordReader {
  #waiting: Uint8Array = new Uint8Array();

  /** Bytes of a record that is not whole yet. */
  get pending(): number {
    return this.#waiting.length;
  }

  /** @throws ValueError when a checksum does not fit: from there on nothing can be read. */
  *push(bytes: Uint8Array): Generator<Uint8Array, void, undefined> {
    let all = bytes;
    if (this.#waiting.length > 0) {
      all = new Uint8Array(this.#waiting.length + bytes.length);
      all.set(this.#waiting);
      all.set(bytes, this.#waiting.length);
    }
    const view = new DataView(all.buffer, all.byteOffset, all.byteLength);
    let at = 0;
    while (at + head <= all.length) {
      const length = view.getBigUint64(at, true);
      if (maskedCrc32c(all.subarray(at, at + 8)) !== view.getUint32(at + 8, true)) {
        throw new ValueError(
          "a record's length does not have its checksum: this is no event file, or it is damaged",
        );
      }
      if (length > maxRecord) throw new ValueError(`a record of ${String(length)} bytes is not read`);
      const end = at + head + Number(length);
      if (end + tail > all.length) break;
      const payload = all.subarray(at + head, end);
      if (maskedCrc32c(payload) !== view.getUint32(end, true)) {
        throw new ValueError("a record does not have its checksum: the event file is damaged");
      }
      at = end + tail;
      // Whoever stops listening here finds the rest next time.
      this.#waiting = all.subarray(at);
      yield payload;
    }
    this.#waiting = all.slice(at);
  }
}
