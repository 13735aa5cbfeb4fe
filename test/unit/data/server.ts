/** A web server on a thread of its own, for callers that block. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";

export interface Served {
  readonly body: Uint8Array;
  /** Answers this instead of 200. */
  readonly status?: number;
  /** Breaks the connection off after so many bytes, the first time. */
  readonly breakAfter?: number;
  /** Knows nothing of ranges. */
  readonly noRanges?: boolean;
}

export interface Server {
  readonly url: string;
  /** `GET PATH RANGE`, since the last call. */
  requests(): Promise<string[]>;
  close(): Promise<void>;
}

export async function serve(files: Readonly<Record<string, Served>>): Promise<Server> {
  const worker = new Worker(new URL(import.meta.url), { workerData: files });
  const next = <T>(): Promise<T> => new Promise((resolve) => worker.once("message", resolve));
  const port = await next<number>();
  worker.unref();
  return {
    url: `http://127.0.0.1:${port}/`,
    requests() {
      worker.postMessage("requests");
      return next<string[]>();
    },
    close: async () => void (await worker.terminate()),
  };
}

if (!isMainThread && parentPort !== null) {
  const files = workerData as Readonly<Record<string, Served>>;
  let log: string[] = [];
  const broken = new Set<string>();
  const server = createServer((request, response) => {
    const name = request.url!.slice(1);
    const range = request.headers.range;
    log.push(["GET", name, ...(range === undefined ? [] : [range])].join(" "));
    const file = files[name];
    if (file === undefined || file.status !== undefined) {
      response.writeHead(file?.status ?? 404).end();
      return;
    }
    const from = file.noRanges ? 0 : Number(/^bytes=(\d+)-$/.exec(range ?? "")?.[1] ?? 0);
    const { length } = file.body;
    if (from > 0 && from >= length) {
      response.writeHead(416).end();
      return;
    }
    response.writeHead(from > 0 ? 206 : 200, {
      "content-length": length - from,
      ...(from > 0 ? { "content-range": `bytes ${from}-${length - 1}/${length}` } : {}),
    });
    if (file.breakAfter !== undefined && !broken.has(name)) {
      broken.add(name);
      response.write(file.body.subarray(from, from + file.breakAfter), () => response.destroy());
      return;
    }
    response.end(file.body.subarray(from));
  });
  server.listen(0, "127.0.0.1", () => parentPort!.postMessage((server.address() as AddressInfo).port));
  parentPort.on("message", () => {
    parentPort!.postMessage(log);
    log = [];
  });
}
