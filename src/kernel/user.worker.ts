/**
 * The thread that runs user code for ▶ Forward and ▶ Train. It may never yield, so everything it has to say goes over
 * its message port at once, and what others want of it is a flag in shared memory.
 */
import { inspect } from "node:util";
import { parentPort, workerData } from "node:worker_threads";
import { setProgressSink, type ProgressState } from "../../runtime/data/progress.js";
import { engine } from "../../runtime/engine/client.js";
import { Cancelled, checkCancelled, setCancelFlag } from "../../runtime/engine/cancel.js";
import * as library from "../../runtime/index.js";
import { observeForward, snapshotModel } from "../../runtime/inspect/model.js";
import { setReportSink, type ReportedPoint } from "../../runtime/inspect/report.js";
import { className, Module } from "../../runtime/nn/module.js";
import { dtypes, type DTypeName } from "../../runtime/tensor/dtype.js";
import type { Tensor } from "../../runtime/tensor/tensor.js";
import { concreteDims, defaultRange } from "../../runtime/source/inputs.js";
import { load } from "../../runtime/source/load.js";
import { proposedInput } from "../../runtime/source/proposal.js";
import { summarize, summarizeAll } from "./figures.js";
import { readInput } from "./inputFile.js";
import type { ForwardReply, InputSpec, ModelSnapshot } from "./protocol.js";
import { capturedConsole } from "./sandbox.js";
import {
  shared,
  type ForwardTask,
  type FromThread,
  type TaskResults,
  type ThreadData,
  type ToThread,
  type TrainTask,
} from "./task.js";

Error.stackTraceLimit = 60;

const port = parentPort!;
const { shared: memory, engine: signal } = workerData as ThreadData;
setCancelFlag(memory);
engine.shareSignal(signal);

/** Messages that may be under way; a loop that prints without end must not fill the memory. */
const maxBacklog = 64;

function send(message: FromThread): void {
  const urgent = message.type === "done" || message.type === "failed";
  while (!urgent && Atomics.load(memory, shared.backlog) > maxBacklog) {
    checkCancelled();
    Atomics.wait(memory, shared.backlog, Atomics.load(memory, shared.backlog), 50);
  }
  Atomics.add(memory, shared.backlog, 1);
  port.postMessage(message);
}

const print = (level: "log" | "info" | "warn" | "error" | "debug", text: string): void =>
  send({ type: "print", level, text });

// A worker's own streams deliver only when it yields.
globalThis.console = capturedConsole(print);
for (const [stream, level] of [
  [process.stdout, "log"],
  [process.stderr, "error"],
] as const) {
  stream.write = ((chunk: unknown, encoding?: unknown, done?: unknown): boolean => {
    print(level, String(chunk).replace(/\r?\n$/, ""));
    const callback = typeof encoding === "function" ? encoding : done;
    if (typeof callback === "function") (callback as () => void)();
    return true;
  }) as typeof stream.write;
}

/**
 * What a loop has to say is sent at once, since its next step may take long; when the editor does not keep up, at most
 * this often, in milliseconds.
 */
const period = 50;
const keepsUp = (): boolean => Atomics.load(memory, shared.backlog) < 8;
/** Points in one message. */
const maxPoints = 256;
let points: ReportedPoint[] = [];
let pointsSent = 0;
const loops = new Map<number, ProgressState>();
let loopsSent = 0;

function flushPoints(): void {
  const sent = points;
  points = [];
  if (sent.length > 0) send({ type: "points", points: sent });
  pointsSent = performance.now();
}

function flushLoops(): void {
  send({ type: "progress", states: [...loops.values()] });
  loopsSent = performance.now();
}

function listen(): void {
  loops.clear();
  points = [];
  setReportSink((point) => {
    points.push(point);
    if (keepsUp() || points.length >= maxPoints || performance.now() - pointsSent > period) flushPoints();
    checkCancelled();
  });
  setProgressSink((state) => {
    loops.set(state.id, state);
    const isLast = state.done && state.depth === 0;
    if (keepsUp() || isLast || performance.now() - loopsSent > period) flushLoops();
    if (state.done) loops.delete(state.id);
    else checkCancelled();
  });
}

/** The model of the last task that had one. */
let lastModel: { readonly model: Module; readonly snapshot: ModelSnapshot } | undefined;

function makeInput(input: InputSpec, { file, workspace }: ForwardTask): Tensor {
  const { torch } = library;
  if (input.from !== undefined) return readInput(input, file, workspace);
  const dtype = dtypes[input.dtype as DTypeName];
  const dims = concreteDims(input, new Map());
  if (dtype.isFloatingPoint) return torch.randn(dims, { dtype });
  const [low, high] = input.range ?? defaultRange(input.dtype);
  if (dtype.name === "bool") return torch.randint(0, 2, dims).to(dtype);
  return torch.randint(low, high, dims, { dtype });
}

/**
 * The first runs compile, op by op and then the whole, so the pass is timed again: the fastest counts. Repetition ends
 * after so many milliseconds, and is not begun after a first run that people had to wait for.
 */
const enough = 1000;
const maxRuns = 5;
const patience = 5000;

async function forward(task: ForwardTask): Promise<ForwardReply> {
  library.torch.setDefaultDevice(task.device ?? null);
  const exports = await load(task, library);
  const type = exports[task.export];
  if (!(typeof type === "function" && (type as { prototype: unknown }).prototype instanceof Module)) {
    throw new TypeError(`${task.export} is no exported nn.Module class`);
  }
  library.torch.manualSeed(task.seed ?? 0);
  const start = performance.now();
  const model = new (type as new () => Module)();
  model.eval();
  const constructed = performance.now();
  let inputs = task.inputs;
  if (inputs.length === 0 && task.required?.length !== 0) {
    const proposed = proposedInput(model, task.required);
    if (proposed === undefined) {
      throw new TypeError(`Say what goes into ${task.export}: @input x float32[1, …]`);
    }
    inputs = [proposed];
  }
  const args = inputs.map((input) => (input === undefined ? undefined : makeInput(input, task)));
  const given = inputs.flatMap((input, i) => (input === undefined ? [] : [summarize(input.name, args[i]!)]));
  const call = model as unknown as (...args: unknown[]) => unknown;

  let last = performance.now();
  const { result, activity, macs } = observeForward(() => call(...args));
  const outputs = summarizeAll(result);
  const lap = (): number => {
    const now = performance.now();
    const took = now - last;
    last = now;
    return took;
  };
  const firstMilliseconds = lap();
  let milliseconds = firstMilliseconds;
  for (let runs = 1, spent = 0; runs < maxRuns && spent < enough && firstMilliseconds < patience; runs++) {
    summarizeAll(call(...args));
    const took = lap();
    spent += took;
    milliseconds = Math.min(milliseconds, took);
  }
  const text = inputs.flatMap((input) => (input === undefined ? [] : [input.text])).join(", ");
  const snapshot = snapshotModel(model, { activity, input: text });
  lastModel = { model, snapshot };
  return {
    export: task.export,
    className: className(model),
    inputs: given,
    outputs,
    parameters: snapshot.root.totalParameters,
    trainableParameters: snapshot.root.trainableParameters,
    macs,
    snapshot,
    constructMilliseconds: constructed - start,
    firstMilliseconds,
    milliseconds,
  };
}

async function train(task: TrainTask): Promise<TaskResults["train"]> {
  listen();
  const start = performance.now();
  try {
    library.torch.setDefaultDevice(task.device ?? null);
    const exports = await load(task, library);
    const run = exports[task.export];
    if (typeof run !== "function") throw new TypeError(`${task.export} is no exported function`);
    if (task.seed !== undefined) library.torch.manualSeed(task.seed);
    const result: unknown = await (run as () => unknown)();
    if (result instanceof Module) lastModel = { model: result, snapshot: snapshotModel(result) };
    const returned =
      result === undefined
        ? ""
        : typeof result === "string"
          ? result
          : inspect(result, { depth: 2, breakLength: 100 });
    return { returned, milliseconds: performance.now() - start };
  } finally {
    setReportSink(undefined);
    setProgressSink(undefined);
    flushPoints();
  }
}

function describe(error: unknown): {
  name: string;
  message: string;
  stack?: string | undefined;
  cancelled: boolean;
} {
  const cancelled = error instanceof Cancelled;
  if (error instanceof Error)
    return { name: error.name, message: error.message, stack: error.stack, cancelled };
  return { name: "Error", message: inspect(error), cancelled };
}

async function answer(message: ToThread): Promise<void> {
  const { id } = message;
  try {
    const result =
      message.kind === "forward"
        ? await forward(message)
        : message.kind === "train"
          ? await train(message)
          : lastModel === undefined
            ? null
            : snapshotModel(lastModel.model);
    send({ type: "done", id, result });
  } catch (error) {
    send({ type: "failed", id, error: describe(error) });
  }
}

port.on("message", (message: ToThread) => void answer(message));
