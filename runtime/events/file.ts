import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { ValueError } from "../errors.js";
import { decodeEvent, encodeEvent, type Event } from "./event.js";
import { frameRecord, RecordReader } from "./records.js";

/** Whether a file's name is that of an event file, as TensorBoard looks for them. */
export const isEventFile = (name: string): boolean => name.includes("tfevents");

let files = 0;

export interface EventFileOptions {
  /** Seconds between two times that the file is forced to the disk. */
  readonly flushSecs?: number;
  readonly filenameSuffix?: string;
}

/**
 * Writes one event file. Every event goes to the file at once and in one piece, so whoever reads along sees it, and a
 * process that is killed leaves at most one record torn, the last; `flush` also waits for the disk.
 */
export class EventFileWriter {
  readonly path: string;
  readonly #file: number;
  readonly #flushSecs: number;
  #flushed = performance.now();
  #closed = false;

  constructor(folder: string, { flushSecs = 120, filenameSuffix = "" }: EventFileOptions = {}) {
    fs.mkdirSync(folder, { recursive: true });
    const seconds = String(Math.floor(Date.now() / 1000)).padStart(10, "0");
    // A host's name may hold what a file's may not.
    const host = os.hostname().replace(/[^\w.-]/g, "_");
    const name = `events.out.tfevents.${seconds}.${host}.${process.pid}.${files++}${filenameSuffix}`;
    this.path = path.join(folder, name);
    this.#flushSecs = flushSecs;
    this.#file = fs.openSync(this.path, "ax");
    this.add({ wallTime: Date.now() / 1000, fileVersion: "brain.Event:2" });
    this.flush();
  }

  /** @throws ValueError after `close`. */
  add(event: Event): void {
    if (this.#closed) throw new ValueError(`${this.path} is closed`);
    const record = frameRecord(encodeEvent(event));
    for (let at = 0; at < record.length;) at += fs.writeSync(this.#file, record, at);
    if (performance.now() - this.#flushed > this.#flushSecs * 1000) this.flush();
  }

  /** Returns when everything is on the disk. */
  flush(): void {
    if (this.#closed) return;
    fs.fsyncSync(this.#file);
    this.#flushed = performance.now();
  }

  close(): void {
    if (this.#closed) return;
    this.flush();
    this.#closed = true;
    fs.closeSync(this.#file);
  }
}

/** Bytes read of a file in one go. */
const chunk = 1 << 20;

/** Reads an event file, also one that is still written: each call of `read` gives what has come since the last. */
export class EventFileReader {
  readonly path: string;
  readonly #records = new RecordReader();
  #at = 0;
  #broken: Error | undefined;

  constructor(file: string) {
    this.path = file;
  }

  /** Bytes of the file that were read. */
  get offset(): number {
    return this.#at;
  }

  /** Why nothing more is read of the file, if it is damaged. */
  get problem(): Error | undefined {
    return this.#broken;
  }

  /** Bytes behind the last whole record: one that is being written, or was torn when its writer died. */
  get pending(): number {
    return this.#records.pending;
  }

  /**
   * The events that are new, at most about `maxBytes` of them. What is damaged ends the file, with `problem` saying why;
   * records before it count.
   */
  *read(maxBytes = Infinity): Generator<Event, void, undefined> {
    if (this.#broken !== undefined) return;
    const file = fs.openSync(this.path, "r");
    try {
      const buffer = new Uint8Array(chunk);
      for (const record of this.#records.push(new Uint8Array())) yield decodeEvent(record);
      for (let taken = 0; taken < maxBytes;) {
        const size = fs.readSync(file, buffer, 0, chunk, this.#at);
        if (size === 0) return;
        this.#at += size;
        taken += size;
        for (const record of this.#records.push(buffer.slice(0, size))) yield decodeEvent(record);
      }
    } catch (error) {
      if (!(error instanceof ValueError)) throw error;
      error.message = `${this.path}: ${error.message}`;
      this.#broken = error;
    } finally {
      fs.closeSync(file);
    }
  }
}

/**
 * All events of a file.
 * @throws ValueError where it is damaged. A last record that is cut off is no damage.
 */
export function* readEvents(file: string): Generator<Event, void, undefined> {
  const reader = new EventFileReader(file);
  yield* reader.read();
  if (reader.problem !== undefined) throw reader.problem;
}
