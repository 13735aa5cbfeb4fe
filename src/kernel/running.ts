/** The runner's main thread: bundles, hands tasks to the user thread, and always has time for the editor. */
import * as path from "node:path";
import { formatProgress, type ProgressState } from "../../runtime/data/progress.js";
import { inForwardOrder, requiredParameters, writtenInputs } from "../../runtime/source/arguments.js";
import { bundle } from "../../runtime/source/bundle.js";
import { parseInput } from "../../runtime/source/inputs.js";
import { firstPlace, mapStack, type Program } from "../../runtime/source/stack.js";
import { classCandidates, type ParsedFile } from "../../runtime/source/syntax.js";
import { locateSnapshot } from "./places.js";
import { parseCached, reader } from "./project.js";
import {
  KernelError,
  type CancelReply,
  type ForwardReply,
  type ForwardRequest,
  type InputSpec,
  type KernelEvent,
  type Point,
  type RunStateEvent,
  type SnapshotReply,
  type SourceText,
  type StatusReply,
  type TrainReply,
  type TrainRequest,
} from "./protocol.js";
import { UserError, UserThread, type Say } from "./thread.js";
import { libraryVersion } from "../../runtime/version.js";
import { wireError } from "./wire.js";

export interface RunnerOptions {
  /** Resolves when the event is on its way. */
  readonly emit: (event: KernelEvent) => Promise<void>;
  /** Milliseconds between asking code to stop and ending its thread. */
  readonly grace: number;
  /** The process can only be replaced now. */
  readonly onStuck: () => void;
}

/** Milliseconds in which points and progress are gathered before the editor is told. */
const gathering = 30;

interface OverlaidProgram extends Program {
  readonly overlay: readonly SourceText[];
}

type CurrentTask = NonNullable<StatusReply["task"]>;

export class Runner {
  readonly #options: RunnerOptions;
  readonly #thread: UserThread;
  #task: CurrentTask | undefined;
  #cancelling = false;
  /** Running loops, the outermost first. */
  #loops: readonly ProgressState[] = [];
  /** The highest step among the points, for runs without a progress loop. */
  #reported: number | undefined;
  #program: OverlaidProgram | undefined;
  /** Points that the editor has not been told yet, and the telling. */
  #points: Point[] = [];
  #timer: NodeJS.Timeout | undefined;
  #telling: Promise<void> | undefined;
  #told: () => void = () => undefined;
  static #serial = 0;

  constructor(options: RunnerOptions) {
    this.#options = options;
    this.#thread = new UserThread((message) => this.#onSay(message));
  }

  async forward(request: ForwardRequest): Promise<ForwardReply> {
    return this.#work({ kind: "forward", file: request.file, export: request.export }, async () => {
      const text = await reader(request.overlay)(request.file);
      const parsed = parseCached(request.file, text);
      const { ordered, required } = inputsOf(parsed, request);
      const program = await this.#bundle(request.file, request.overlay);
      const reply = await this.#guard(program, () =>
        this.#thread.run({
          kind: "forward",
          code: program.bundle.code,
          format: program.bundle.format,
          script: program.script,
          export: request.export,
          seed: request.seed,
          device: request.device,
          inputs: ordered,
          required,
          file: request.file,
          workspace: request.workspace ?? path.dirname(request.file),
        }),
      );
      const snapshot = locateSnapshot(reply.snapshot, await this.#parsedFiles(program));
      this.#program = program;
      void this.#options.emit({ type: "model", file: request.file, export: request.export, snapshot });
      return { ...reply, snapshot };
    });
  }

  async train(request: TrainRequest): Promise<TrainReply> {
    const { run, file } = request;
    return this.#work({ kind: "train", file, export: request.export, run }, async () => {
      this.#loops = [];
      this.#reported = undefined;
      this.#state(run, "starting");
      try {
        const program = await this.#bundle(file, request.overlay);
        this.#state(run, "running");
        const result = await this.#guard(program, () =>
          this.#thread.run({
            kind: "train",
            code: program.bundle.code,
            format: program.bundle.format,
            script: program.script,
            export: request.export,
            seed: request.seed,
            device: request.device,
          }),
        );
        this.#program = program;
        await this.#tell(run);
        this.#state(run, "done", result.returned);
        return { run, ...result };
      } catch (error) {
        await this.#tell(run);
        const cancelled = error instanceof KernelError && error.reason === "cancelled";
        this.#state(run, cancelled ? "cancelled" : "failed", (error as Error).message);
        throw error;
      }
    });
  }

  async cancel(run: string | undefined): Promise<CancelReply> {
    if (this.#task === undefined || (run !== undefined && this.#task.run !== run)) return { how: "idle" };
    this.#cancelling = true;
    if (this.#task.run !== undefined) this.#state(this.#task.run, "cancelling");
    const how = await this.#thread.cancel(this.#options.grace);
    if (how === "stuck") this.#options.onStuck();
    // Still bundling: the task sees the wish before it begins.
    if (how === "idle") return { how: "cancelled" };
    return { how: how === "stuck" ? "terminated" : how };
  }

  async snapshot(): Promise<SnapshotReply> {
    if (!this.#thread.alive || this.#task !== undefined) return null;
    const snapshot = await this.#thread.run({ kind: "snapshot" });
    if (snapshot === null || this.#program === undefined) return snapshot;
    return locateSnapshot(snapshot, await this.#parsedFiles(this.#program));
  }

  status(): StatusReply {
    return {
      pid: process.pid,
      node: process.version,
      library: libraryVersion(),
      memory: process.memoryUsage().rss,
      ...(this.#task === undefined ? {} : { task: this.#task }),
    };
  }

  async #work<T>(task: Omit<CurrentTask, "since">, body: () => Promise<T>): Promise<T> {
    if (this.#task !== undefined) {
      throw new KernelError(
        wireError("busy", `The kernel is busy with ${this.#task.export}: cancel it or wait`),
      );
    }
    this.#task = { ...task, since: Date.now() };
    this.#cancelling = false;
    try {
      return await body();
    } finally {
      this.#task = undefined;
    }
  }

  async #bundle(file: string, overlay: readonly SourceText[]): Promise<OverlaidProgram> {
    const made = await bundle({ file, overlay });
    const script = `tensorscope-run-${++Runner.#serial}.${made.format === "esm" ? "mjs" : "cjs"}`;
    return { bundle: made, script, file, overlay };
  }

  async #parsedFiles({ bundle: { files }, file, overlay }: OverlaidProgram): Promise<ParsedFile[]> {
    const read = reader(overlay);
    const ordered = [file, ...files.filter((other) => other !== file && !other.endsWith(".json"))];
    return Promise.all(ordered.map(async (name) => parseCached(name, await read(name))));
  }

  /** Turns what user code threw into an error with places in its sources. */
  async #guard<T>(program: Program, body: () => Promise<T>): Promise<T> {
    if (this.#cancelling) throw new KernelError(wireError("cancelled", "Cancelled before it began"));
    try {
      return await body();
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      const { name, message, stack, cancelled } = error.thrown;
      if (cancelled) throw new KernelError(wireError("cancelled", message, name));
      const location = stack === undefined ? undefined : firstPlace(program, stack);
      throw new KernelError({
        name,
        message,
        reason: "user",
        ...(location === undefined ? {} : { location }),
        ...(stack === undefined ? {} : { stack: mapStack(program, stack) }),
      });
    }
  }

  async #onSay(message: Say): Promise<void> {
    const run = this.#task?.run;
    if (message.type === "print") {
      const { level, text } = message;
      void this.#options.emit({
        type: "console",
        kernel: "runner",
        level,
        text,
        ...(run === undefined ? {} : { run }),
      });
    } else if (run === undefined) return;
    else if (message.type === "points") {
      for (const point of message.points) {
        this.#points.push({ run, ...point });
        this.#reported = Math.max(this.#reported ?? 0, point.step);
      }
      await this.#soon(run);
    } else {
      this.#loops = message.states.toSorted((a, b) => a.depth - b.depth);
      await this.#soon(run);
    }
  }

  /** Tells the editor what has come together in the next moments; resolves when that is on its way. */
  #soon(run: string): Promise<void> {
    return (this.#telling ??= new Promise((resolve) => {
      this.#timer = setTimeout(() => void this.#tell(run), gathering);
      this.#told = resolve;
    }));
  }

  async #tell(run: string): Promise<void> {
    clearTimeout(this.#timer);
    if (this.#telling === undefined) return;
    this.#telling = undefined;
    const points = this.#points;
    const told = this.#told;
    this.#points = [];
    this.#state(run, "running");
    if (points.length > 0) await this.#options.emit({ type: "points", run, points });
    told();
  }

  #state(run: string, phase: RunStateEvent["phase"], ended?: string): void {
    const [outer, ...inner] = this.#loops;
    const shown = phase === "running" && this.#cancelling ? "cancelling" : phase;
    const step = outer?.step ?? (this.#reported === undefined ? undefined : this.#reported + 1);
    const message =
      ended ?? [outer?.desc ?? "", ...inner.map((loop) => formatProgress(loop))].filter(Boolean).join(" · ");
    void this.#options.emit({
      type: "runState",
      run,
      phase: shown,
      ...(step === undefined ? {} : { step }),
      ...(outer?.total === undefined ? {} : { total: outer.total }),
      ...(outer?.rate === undefined ? {} : { stepsPerSecond: outer.rate }),
      ...(outer?.eta === undefined ? {} : { eta: outer.eta }),
      ...(message === "" ? {} : { message }),
    });
  }
}

/** The inputs to run on: those given, else the class's tags. */
function inputsOf(
  parsed: ParsedFile,
  request: ForwardRequest,
): {
  readonly ordered: readonly (InputSpec | undefined)[];
  readonly required: readonly string[] | undefined;
} {
  const candidate = classCandidates(parsed).find(({ name }) => name === request.export);
  if (candidate === undefined)
    return { ordered: (request.inputs ?? []).map(parseInput), required: undefined };
  const written = writtenInputs(parsed, candidate);
  if (request.inputs === undefined && written.diagnostics.length > 0) {
    throw new KernelError(wireError("build", written.diagnostics[0]!.message));
  }
  const inputs = request.inputs?.map(parseInput) ?? written.inputs;
  const { ordered, missing } = inForwardOrder(candidate.node, inputs);
  if (inputs.length > 0 && missing.length > 0) {
    throw new KernelError(wireError("build", `No @input for ${missing.join(", ")}`));
  }
  return { ordered, required: requiredParameters(candidate.node) };
}
