/** `tensorscope run`: the main thread watches the signals and the user's code has a thread of its own. */
import * as fs from "node:fs";
import { constants } from "node:os";
import { Worker } from "node:worker_threads";
import { bundle, BundleError } from "../source/bundle.js";
import type { Program } from "../source/stack.js";
import { formatBundleError, formatThrown, shortPath } from "./errors.js";
import { shared, thrown, type FromRun, type RunData } from "./shared.js";
import { fileArgument, parseOptions } from "./usage.js";

/** After this many milliseconds without an end, people are told of the second Ctrl-C. */
const patience = 2000;

/** What `tensorscope run` does; gives the exit code. */
export async function runFile(args: readonly string[]): Promise<number> {
  const cut = args.indexOf("--");
  const { values, positionals } = parseOptions({
    args: cut < 0 ? [...args] : args.slice(0, cut),
    allowPositionals: true,
    options: { stack: { type: "boolean" }, device: { type: "string" } },
  });
  const file = fileArgument(positionals, "run");
  let program: Program;
  try {
    program = {
      file,
      script: "tensorscope-run.cjs",
      bundle: await bundle({ file, overlay: [], main: true }),
    };
  } catch (error) {
    if (!(error instanceof BundleError)) throw error;
    console.error(formatBundleError(error));
    return 1;
  }
  return execute(program, {
    argv: cut < 0 ? [] : args.slice(cut + 1),
    whole: values.stack === true,
    device: values.device ?? null,
  });
}

interface Execution {
  readonly argv: readonly string[];
  /** Every frame of an error's stack. */
  readonly whole: boolean;
  readonly device: string | null;
}

function execute(program: Program, { argv, whole, device }: Execution): Promise<number> {
  const { file, script, bundle } = program;
  const memory = new Int32Array(new SharedArrayBuffer(shared.length * Int32Array.BYTES_PER_ELEMENT));
  const measure = (): void => {
    Atomics.store(memory, shared.columns, process.stderr.columns || 80);
  };
  measure();
  const data: RunData = {
    file,
    code: bundle.code,
    format: bundle.format,
    script: bundle.format === "cjs" ? script : script.replace(/\.cjs$/, ".mjs"),
    device,
    memory,
    terminals: { stdout: process.stdout.isTTY === true, stderr: process.stderr.isTTY === true },
  };
  const worker = new Worker(new URL("./run.worker.js", import.meta.url), {
    workerData: data,
    argv: [...argv],
    name: "tensorscope run",
    execArgv: process.execArgv,
  });
  let stopping: NodeJS.Signals | undefined;
  let ended: FromRun | undefined;
  const stop = (signal: NodeJS.Signals): void => {
    if (stopping !== undefined) process.exit(128 + constants.signals[signal]);
    stopping = signal;
    Atomics.store(memory, shared.cancel, 1);
    Atomics.notify(memory, shared.cancel);
    setTimeout(() => {
      console.error("\nStill in the middle of something; Ctrl-C again stops at once.");
    }, patience).unref();
  };
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
  process.stderr.on("resize", measure);
  worker.on("message", (message: FromRun) => {
    ended = message;
  });
  // What was thrown after the file's own code had come to its end: in a timer, in a promise.
  worker.on("error", (error) => {
    ended = { type: "failed", error: thrown(error) };
  });
  return new Promise((resolve) => {
    worker.on("exit", (code) => {
      const named = { ...program, script: data.script };
      if (ended?.type === "refused") {
        console.error(`tensorscope run: ${ended.message}\nSee: tensorscope devices`);
        resolve(2);
        return;
      }
      if (ended?.type === "failed") console.error(formatThrown(named, ended.error, whole));
      if (stopping !== undefined) {
        console.error("Stopped.");
        resolve(128 + constants.signals[stopping]);
        return;
      }
      const hint = ended?.type === "done" && ended.silent ? suggestMain(file) : Promise.resolve();
      void hint.then(() => resolve(ended?.type === "failed" ? 1 : code));
    });
  });
}

/** A file that only declares things did nothing, and that is rarely what was meant. */
async function suggestMain(file: string): Promise<void> {
  const text = fs.readFileSync(file, "utf8");
  if (text.includes("import.meta.main")) return;
  const { parse, trainingFunctions } = await import("../source/syntax.js");
  const [first] = trainingFunctions(parse(file, text));
  if (first === undefined) return;
  console.error(
    `${shortPath(file)} has run, and nothing in it starts ${first.name}. At its end, write:\n\n` +
      `    if (import.meta.main) ${first.name}();`,
  );
}
