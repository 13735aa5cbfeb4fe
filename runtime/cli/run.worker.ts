/** The thread that runs the user's file. It may never yield, so it writes to the terminal itself. */
import * as fs from "node:fs";
import * as tty from "node:tty";
import { parentPort, workerData } from "node:worker_threads";
import { setProgressSink, terminalProgress, type ProgressState } from "../data/progress.js";
import { checkCancelled, setCancelFlag } from "../engine/cancel.js";
import * as library from "../index.js";
import { setReportSink } from "../inspect/report.js";
import { load } from "../source/load.js";
import { shared, thrown, type FromRun, type RunData } from "./shared.js";

Error.stackTraceLimit = 60;

const data = workerData as RunData;
const { memory, terminals } = data;
setCancelFlag(memory);
process.argv[1] = data.file;

/** Writes everything, however slowly it is read at the other end. */
function writeAll(fd: number, text: string): void {
  const bytes = Buffer.from(text);
  for (let done = 0; done < bytes.length;) {
    try {
      done += fs.writeSync(fd, bytes, done);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "EPIPE") process.exit(141);
      if (code !== "EAGAIN") throw error;
      Atomics.wait(memory, shared.cancel, Atomics.load(memory, shared.cancel), 5);
    }
  }
}

/** Whether the progress line is being drawn, and whether what was printed last ended its line. */
let live = false;
let lineOpen = false;
let silent = true;

function print(fd: number, text: string): void {
  if (text === "") return;
  if (live) writeAll(2, "\r\u001b[2K");
  live = false;
  silent = false;
  writeAll(fd, text);
  lineOpen = !text.endsWith("\n");
}

const columns = (): number => Atomics.load(memory, shared.columns);

// A worker's own streams deliver only when it yields.
for (const [stream, fd, isTTY] of [
  [process.stdout, 1, terminals.stdout],
  [process.stderr, 2, terminals.stderr],
] as const) {
  stream.write = ((chunk: unknown, encoding?: unknown, done?: unknown): boolean => {
    const text = chunk instanceof Uint8Array ? Buffer.from(chunk).toString() : String(chunk);
    print(fd, text);
    const callback = typeof encoding === "function" ? encoding : done;
    if (typeof callback === "function") (callback as () => void)();
    return true;
  }) as typeof stream.write;
  if (!isTTY) continue;
  const { getColorDepth, hasColors } = tty.WriteStream.prototype;
  Object.defineProperties(stream, {
    isTTY: { value: true },
    columns: { get: columns },
    getColorDepth: { value: getColorDepth },
    hasColors: { value: hasColors },
  });
}

const figures = new Map<string, number>();
const note = (): string =>
  [...figures].map(([tag, value]) => `${tag} ${Number(value.toPrecision(4))}`).join(" · ");
setReportSink(({ tag, value }) => {
  figures.set(tag, value);
  checkCancelled();
});

const draw = terminalProgress(
  {
    isTTY: terminals.stderr,
    get columns() {
      return columns();
    },
    write(text: string) {
      if (lineOpen && terminals.stderr) writeAll(2, "\n");
      lineOpen = false;
      silent = false;
      writeAll(2, text);
      live = terminals.stderr && !text.endsWith("\n");
      return true;
    },
  } as NodeJS.WriteStream,
  note,
);
setProgressSink((state: ProgressState) => {
  draw(state);
  if (!state.done) checkCancelled();
});

const say = (message: FromRun): void => parentPort!.postMessage(message);

/** Puts tensors on the chosen device; false where it is not there, which is said. */
function choseDevice(): boolean {
  try {
    if (data.device !== null) library.torch.setDefaultDevice(data.device);
    return true;
  } catch (error) {
    say({ type: "refused", message: (error as Error).message });
    return false;
  }
}

async function run(): Promise<void> {
  if (!choseDevice()) return;
  await load(data, library);
  say({ type: "done", silent });
}

run().catch((error: unknown) => {
  say(error instanceof library.Cancelled ? { type: "cancelled" } : { type: "failed", error: thrown(error) });
  process.exitCode = 1;
});
