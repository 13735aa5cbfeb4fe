/** The thread that downloads. */
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { workerData } from "node:worker_threads";
import { RuntimeError } from "../../errors.js";
import { serveBackground, type BackgroundStart } from "./background.js";
import type { DownloadTask } from "./download.js";

type Say = (value: { readonly received: number; readonly total: number | undefined }) => void;

/** Broken connections are taken up again this often. */
const attempts = 4;
/** Milliseconds without a byte. */
const patience = 30_000;

/** Trying the same address again cannot help. */
class Refused extends Error {}

const sizeOf = (file: string): number => fs.statSync(file, { throwIfNoEntry: false })?.size ?? 0;

/** One connection: from what is there of the file to its end. */
async function fetchRest(url: string, part: string, maxBytes: number, say: Say): Promise<void> {
  const have = sizeOf(part);
  const stop = new AbortController();
  let timer = setTimeout(() => stop.abort(), patience);
  const alive = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => stop.abort(new Error("the server has gone silent")), patience);
  };
  try {
    const response = await fetch(url, {
      signal: stop.signal,
      // Bytes as they are stored: lengths and ranges are of them.
      headers: { "accept-encoding": "identity", ...(have > 0 ? { range: `bytes=${have}-` } : {}) },
    });
    alive();
    const { status, body } = response;
    if (status === 416) {
      // Nothing beyond what is there: it is all there, or it is something else. The checksum tells.
      await body?.cancel();
      return;
    }
    if (!response.ok || body === null) {
      await body?.cancel();
      const text = `the server answers ${String(status)} ${response.statusText}`.trim();
      throw status >= 500 || status === 429 ? new Error(text) : new Refused(text);
    }
    const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(response.headers.get("content-range") ?? "");
    const goesOn = status === 206 && Number(range?.[1]) === have;
    const length = Number(response.headers.get("content-length") ?? NaN);
    let received = goesOn ? have : 0;
    const total = Number.isNaN(length) ? undefined : received + length;
    const check = (bytes: number): void => {
      if (bytes > maxBytes) {
        throw new Refused(`it is larger than the ${String(maxBytes)} bytes that it may have`);
      }
    };
    check(total ?? received);
    const out = await fs.promises.open(part, goesOn ? "a" : "w");
    try {
      say({ received, total });
      for await (const chunk of body as unknown as AsyncIterable<Uint8Array>) {
        alive();
        received += chunk.length;
        check(received);
        await out.write(chunk);
        say({ received, total });
      }
    } finally {
      await out.close();
    }
    if (total !== undefined && received < total) throw new Error("the connection broke off");
  } finally {
    clearTimeout(timer);
  }
}

function causeOf(error: unknown): string {
  const { message, cause } = error as Error;
  return cause instanceof Error && cause.message !== "" ? `${message} (${cause.message})` : message;
}

async function md5Of(file: string): Promise<string> {
  const hash = createHash("md5");
  for await (const chunk of fs.createReadStream(file)) hash.update(chunk as Uint8Array);
  return hash.digest("hex");
}

/** The file from one address, whole. */
async function fetchFrom(url: string, { file, md5, maxBytes }: DownloadTask, say: Say): Promise<void> {
  const part = `${file}.part`;
  for (let attempt = 1; ; attempt++) {
    const resumed = sizeOf(part) > 0;
    try {
      await fetchRest(url, part, maxBytes, say);
      const found = md5 === undefined ? undefined : await md5Of(part);
      if (found === md5) break;
      fs.rmSync(part, { force: true });
      const text = `the file has the MD5 checksum ${String(found)} and should have ${String(md5)}`;
      // What was there from an earlier try may have been of another file.
      throw resumed ? new Error(text) : new Refused(text);
    } catch (error) {
      if (error instanceof Refused || attempt === attempts) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100 * 4 ** (attempt - 1)));
    }
  }
  fs.renameSync(part, file);
}

void serveBackground<DownloadTask>(workerData as BackgroundStart, async (task, say) => {
  const reasons: string[] = [];
  for (const url of task.urls) {
    try {
      await fetchFrom(url, task, say);
      return;
    } catch (error) {
      reasons.push(`${url}: ${causeOf(error)}`);
    }
  }
  throw new RuntimeError(`could not download ${task.file}\n  ${reasons.join("\n  ")}`);
});
