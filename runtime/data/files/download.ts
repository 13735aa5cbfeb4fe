import * as fs from "node:fs";
import * as path from "node:path";
import { createHash } from "node:crypto";
import { ValueError } from "../../errors.js";
import { progress } from "../progress.js";
import { inBackground } from "./background.js";

/** A file somewhere on the net. */
export interface Remote {
  /** Where it is; the next one is tried when one fails. */
  readonly urls: readonly string[];
  /** MD5 of its bytes, in hexadecimal. */
  readonly md5?: string | undefined;
  /** It must not be larger, in bytes; 4 GiB unless said. */
  readonly maxBytes?: number;
}

export interface DownloadTask extends Remote {
  readonly file: string;
  readonly maxBytes: number;
}

/** How far a download is, in bytes. */
export interface Downloaded {
  readonly received: number;
  readonly total: number | undefined;
}

const mebi = 1 << 20;
const fourGibi = 4 * 1024 * mebi;

/** Whether a file is there and, where a checksum is known, whole. */
export function isWhole(file: string, md5: string | undefined): boolean {
  if (!fs.existsSync(file)) return false;
  return md5 === undefined || createHash("md5").update(fs.readFileSync(file)).digest("hex") === md5;
}

/**
 * Fetches a file unless it is there, whole. Shows progress; a download that was broken off goes on where it stopped;
 * what does not have the checksum is thrown away.
 * @throws RuntimeError when it is not to be had.
 */
export function download({ urls, md5, maxBytes = fourGibi }: Remote, file: string): void {
  for (const url of urls) {
    if (!/^https?:\/\//.test(url))
      throw new ValueError(`only http and https are downloaded from, not ${url}`);
  }
  if (isWhole(file, md5)) return;
  fs.mkdirSync(path.dirname(file), { recursive: true });
  const task: DownloadTask = { urls, md5, maxBytes, file };
  const steps = inBackground<Downloaded>(new URL("./download.worker.js", import.meta.url), task);
  // The size is known with the first message, and the loop shows it from its start.
  const first = steps.next();
  if (first.done === true) return;
  const { total } = first.value;
  let shown = 0;
  function* mebibytes(): Generator<number> {
    for (const { received } of steps) while (shown + 1 <= received / mebi) yield ++shown;
    if (total !== undefined && shown < Math.ceil(total / mebi)) yield ++shown;
  }
  const options = total === undefined ? {} : { total: Math.ceil(total / mebi) };
  const loop = progress(mebibytes(), { desc: `${path.basename(file)} (MiB)`, ...options });
  while (loop.next().done !== true);
}
