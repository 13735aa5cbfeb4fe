import * as path from "node:path";
import * as vscode from "vscode";
import { encodeValue, type CurvePoint, type RunStateMessage } from "../webview/shared/protocol.js";
import type { Config } from "./config.js";
import { DisposableStore } from "./disposables.js";
import { KernelError, type ForwardReply, type KernelEvent, type ModelSnapshot } from "./kernel/protocol.js";
import { overlayOf, type KernelService } from "./kernelService.js";

/** An export of a file: a model class or a training function. */
export interface Target {
  readonly file: string;
  readonly export: string;
}

/** Why something failed, and where. */
export interface Failure {
  readonly message: string;
  readonly location?: { readonly file: string; readonly line: number; readonly column: number };
}

/** The last forward pass of a model, as long as its source is what ran. */
export interface ForwardRun {
  readonly phase: "running" | "done" | "failed" | "cancelled";
  readonly reply?: ForwardReply;
  readonly failure?: Failure;
}

/** One call of a training function. */
export interface TrainingRun extends Target {
  /** Its name in curves: unique. */
  readonly id: string;
  readonly title: string;
  readonly state: RunStateMessage;
  readonly startedAt: number;
  readonly milliseconds?: number;
  readonly returned?: string;
  readonly failure?: Failure;
  readonly points: readonly CurvePoint[];
}

interface MutableRun extends TrainingRun {
  state: RunStateMessage;
  milliseconds?: number;
  returned?: string;
  failure?: Failure;
  points: CurvePoint[];
}

/** Runs kept with their points; the oldest go first. */
const keptRuns = 50;
/** Points kept of one run; beyond, the older half is thinned out. */
const keptPoints = 200_000;
/** Points go on to the views this often, in milliseconds, however fast a loop reports. */
const appendInterval = 100;

const keyOf = (target: Target) => `${target.file}\n${target.export}`;
const over: ReadonlySet<RunStateMessage["phase"]> = new Set(["done", "cancelled", "failed"]);

/** Everything that was run in this window: forward passes and trainings, with how they go now. */
export class Runs implements vscode.Disposable {
  readonly #store = new DisposableStore();
  readonly #changed = this.#store.add(new vscode.EventEmitter<Target>());
  readonly #appended = this.#store.add(new vscode.EventEmitter<readonly CurvePoint[]>());
  readonly #stateChanged = this.#store.add(new vscode.EventEmitter<TrainingRun>());
  readonly #started = this.#store.add(new vscode.EventEmitter<Target>());
  readonly #modelChanged = this.#store.add(new vscode.EventEmitter<Target>());
  readonly #config: Config;
  readonly #kernel: KernelService;
  readonly #forwards = new Map<string, ForwardRun>();
  readonly #trainings = new Map<string, MutableRun>();
  readonly #snapshots = new Map<string, ModelSnapshot>();
  #active: Target | undefined;
  #pending: CurvePoint[] = [];
  #timer: NodeJS.Timeout | undefined;

  /** The state of a run, or of the last forward pass of a model. */
  readonly onDidChange = this.#changed.event;
  readonly onDidChangeTraining = this.#stateChanged.event;
  readonly onDidAppend = this.#appended.event;
  readonly onDidStart = this.#started.event;
  /** A run works on a model, or changed it. */
  readonly onDidChangeModel = this.#modelChanged.event;

  constructor(kernel: KernelService, config: Config) {
    this.#kernel = kernel;
    this.#config = config;
    this.#store.add(kernel.onEvent((event) => this.#onEvent(event)));
  }

  /** What the runner works on now. */
  get active(): Target | undefined {
    return this.#active;
  }

  /** All trainings, oldest first. */
  get trainings(): Iterable<TrainingRun> {
    return this.#trainings.values();
  }

  forwardOf(target: Target): ForwardRun | undefined {
    return this.#forwards.get(keyOf(target));
  }

  /** The latest training of a function. */
  trainingOf(target: Target): TrainingRun | undefined {
    return [...this.#trainings.values()].findLast(
      ({ file, export: name }) => file === target.file && name === target.export,
    );
  }

  /** The model a training or a forward pass of this export worked on last. */
  snapshotOf(target: Target): ModelSnapshot | undefined {
    return this.#snapshots.get(keyOf(target));
  }

  /** The training that goes on now. */
  get running(): TrainingRun | undefined {
    return [...this.#trainings.values()].find(({ state }) => !over.has(state.phase));
  }

  /** Forgets the figures of forward passes whose source has changed. */
  invalidate(affected: (file: string) => boolean): void {
    for (const [key, run] of this.#forwards) {
      const [file = "", name = ""] = key.split("\n");
      if (run.phase === "running" || !affected(file)) continue;
      this.#forwards.delete(key);
      this.#changed.fire({ file, export: name });
    }
  }

  /** Runs `forward` of a model class once. Never throws: the outcome is the result. */
  async forward(target: Target): Promise<ForwardRun> {
    const settle = (run: ForwardRun) => {
      this.#forwards.set(keyOf(target), run);
      this.#changed.fire(target);
      return run;
    };
    if (this.#active !== undefined) return { phase: "failed", failure: { message: this.#busyMessage() } };
    this.#begin(target);
    settle({ phase: "running" });
    try {
      const overlay = overlayOf(documentOf(target.file));
      const workspace = vscode.workspace.getWorkspaceFolder(vscode.Uri.file(target.file))?.uri.fsPath;
      const reply = await this.#kernel.supervisor.forward({
        file: target.file,
        overlay,
        export: target.export,
        ...(workspace === undefined ? {} : { workspace }),
        device: this.#config.device.value,
      });
      this.#setSnapshot(target, reply.snapshot);
      return settle({ phase: "done", reply });
    } catch (error) {
      const failure = failureOf(error);
      return settle(failure === undefined ? { phase: "cancelled" } : { phase: "failed", failure });
    } finally {
      this.#end();
    }
  }

  /** Calls a training function and waits for its end. Never throws. */
  async train(target: Target, title: string): Promise<TrainingRun | Failure> {
    if (this.#active !== undefined) return { message: this.#busyMessage() };
    const id = this.#newId(target);
    const startedAt = Date.now();
    const state: RunStateMessage = { type: "runState", run: id, phase: "starting" };
    const run: MutableRun = { ...target, id, title, state, startedAt, points: [] };
    this.#trainings.set(id, run);
    for (const old of this.#trainings.keys()) {
      if (this.#trainings.size <= keptRuns) break;
      this.#trainings.delete(old);
    }
    this.#begin(target);
    this.#setState(run, state);
    try {
      const overlay = overlayOf(documentOf(target.file));
      const reply = await this.#kernel.supervisor.train({
        ...target,
        overlay,
        run: id,
        device: this.#config.device.value,
      });
      run.milliseconds = reply.milliseconds;
      run.returned = reply.returned;
      this.#setState(run, { ...run.state, phase: "done", eta: undefined } as RunStateMessage);
    } catch (error) {
      run.milliseconds = Date.now() - startedAt;
      const failure = failureOf(error);
      if (failure === undefined) this.#setState(run, { ...run.state, phase: "cancelled" });
      else {
        run.failure = failure;
        this.#setState(run, { ...run.state, phase: "failed", message: failure.message });
      }
    } finally {
      this.#end();
    }
    return run;
  }

  /** Stops what runs: the named training, else anything. */
  async cancel(id?: string): Promise<void> {
    const run = this.running;
    if (run !== undefined && (id === undefined || run.id === id)) {
      this.#setState(run as MutableRun, { ...run.state, phase: "cancelling" });
    } else if (id !== undefined) return;
    await this.#kernel.supervisor.cancel(run?.id);
  }

  #busyMessage(): string {
    const { export: name = "" } = this.#active ?? {};
    return vscode.l10n.t("{0} is still running. Wait for it or cancel it.", name);
  }

  #begin(target: Target): void {
    this.#active = target;
    this.#started.fire(target);
  }

  #end(): void {
    const target = this.#active;
    this.#active = undefined;
    if (target !== undefined) this.#changed.fire(target);
  }

  #newId(target: Target): string {
    const name = target.export === "default" ? path.parse(target.file).name : target.export;
    const time = new Date().toTimeString().slice(0, 8);
    const id = `${name} ${time}`;
    for (let n = 2; ; n++) {
      const unique = n === 2 ? id : `${id} (${n - 1})`;
      if (!this.#trainings.has(unique)) return unique;
    }
  }

  #setState(run: MutableRun, state: RunStateMessage): void {
    if (over.has(state.phase)) this.flush();
    run.state = state;
    this.#stateChanged.fire(run);
    this.#changed.fire(run);
  }

  #setSnapshot(target: Target, snapshot: ModelSnapshot): void {
    this.#snapshots.set(keyOf(target), snapshot);
    this.#modelChanged.fire(target);
  }

  #onEvent(event: KernelEvent): void {
    switch (event.type) {
      case "runState": {
        const run = this.#trainings.get(event.run);
        // The end is told by the answer to the request, with what it returned or why it failed.
        if (run === undefined || over.has(event.phase) || over.has(run.state.phase)) return;
        const phase = run.state.phase === "cancelling" ? "cancelling" : event.phase;
        this.#setState(run, { ...event, phase });
        return;
      }
      case "points": {
        const run = this.#trainings.get(event.run);
        if (run === undefined) return;
        for (const point of event.points) {
          const encoded: CurvePoint = { ...point, value: encodeValue(point.value) };
          run.points.push(encoded);
          this.#pending.push(encoded);
        }
        if (run.points.length > keptPoints) {
          const half = keptPoints / 2;
          run.points = run.points.filter((_, i) => i >= half || i % 2 === 0);
        }
        this.#timer ??= setTimeout(() => this.flush(), appendInterval);
        return;
      }
      case "model":
        this.#setSnapshot(event, event.snapshot);
        return;
      default:
    }
  }

  /** Sends the points that wait, so that everything a run has was told. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const points = this.#pending;
    this.#pending = [];
    if (points.length > 0) this.#appended.fire(points);
  }

  dispose(): void {
    clearTimeout(this.#timer);
    this.#store.dispose();
  }
}

function documentOf(file: string): vscode.TextDocument | undefined {
  return vscode.workspace.textDocuments.find(({ uri }) => uri.fsPath === file);
}

/** What to tell about an error; nothing about one that was asked for. */
function failureOf(error: unknown): Failure | undefined {
  if (!(error instanceof KernelError)) {
    return { message: error instanceof Error ? error.message : String(error) };
  }
  if (error.reason === "cancelled") return undefined;
  const { message, location } = error;
  return location === undefined ? { message } : { message, location };
}
