/** One trace: from a file's text to shapes, hints and diagnostics. Nothing is computed and the file is not evaluated. */
import { performance } from "node:perf_hooks";
import * as library from "../../runtime/index.js";
import {
  observeForward,
  snapshotModel,
  type ModuleActivity,
  type Observed,
} from "../../runtime/inspect/model.js";
import { TraceRecorder, TraceTimeout, tensorsIn, type TracedTensor } from "../../runtime/inspect/trace.js";
import { Module } from "../../runtime/nn/module.js";
import { failedCalls, setFailureNotes } from "../../runtime/ops/failure.js";
import { setWarningSink } from "../../runtime/warnings.js";
import { dtypes, type DTypeName } from "../../runtime/tensor/dtype.js";
import {
  hasConstructor,
  inForwardOrder,
  inputEdit,
  missingConstructorArguments,
  requiredParameters,
  writtenInputs,
} from "../../runtime/source/arguments.js";
import { BundleError } from "../../runtime/source/bundle.js";
import { HardTimeout, Sandbox } from "./evaluate.js";
import { fitActivity } from "./activity.js";
import { shapeText, sizesFor, type Sizes } from "./fit.js";
import { helpfulFixes } from "./trials.js";
import { takeForeignReads } from "./foreign.js";
import { chooseCalls, fitTensors, makeHints, type ChosenValues, type OwnedHint } from "./hints.js";
import { concreteDims, symbolsOf } from "../../runtime/source/inputs.js";
import { className } from "./instrument.js";
import { lintFile, lintModel } from "./lints.js";
import { patience } from "./patience.js";
import { locateSnapshot } from "./places.js";
import { accountFor, fitPhrase, MakerLog, type Account } from "./failure.js";
import { inEnglish } from "./phrase.js";
import { classify, type Problem } from "./problem.js";
import { proposedInput } from "../../runtime/source/proposal.js";
import { parseCached, Project, reader, type Place } from "./project.js";
import type {
  ConsoleEvent,
  DiagnosticCode,
  Fix,
  InputSpec,
  TraceDiagnostic,
  TracedModule,
  TraceReply,
  TraceRequest,
  TraceStatus,
} from "./protocol.js";
import {
  classCandidates,
  nameRange,
  syntaxErrors,
  trainingFunctions,
  type ClassCandidate,
  type ParsedFile,
} from "../../runtime/source/syntax.js";

export interface TraceOptions {
  /** Milliseconds that evaluation may take. */
  readonly budget: number;
  readonly print: (level: ConsoleEvent["level"], text: string) => void;
  /** False where it is about to be seen whether a fix helps: no others are looked for. */
  readonly fixes?: boolean;
}

export interface TraceOutcome {
  readonly reply: TraceReply;
  /** Code was stopped from outside: the process must be replaced. */
  readonly recycle: boolean;
}

/** Traces the exported models of a file. */
export async function trace(request: TraceRequest, options: TraceOptions): Promise<TraceOutcome> {
  const started = performance.now();
  const parsed = parseCached(request.file, await reader(request.overlay)(request.file));
  const project = new Project(parsed, request.overlay);
  const tracer = new FileTrace(parsed, project, request, options);
  const errors = syntaxErrors(parsed);
  if (errors.length > 0) tracer.broken(errors);
  else {
    await tracer.run();
    tracer.lint();
  }
  await tracer.tryFixes(started);
  const versions = Object.fromEntries(request.overlay.map(({ file, version }) => [file, version]));
  return {
    reply: { file: request.file, versions, ...tracer.result(), milliseconds: performance.now() - started },
    recycle: tracer.recycle,
  };
}

interface Run {
  readonly observed?: Observed<unknown>;
  readonly chosen: ChosenValues;
  readonly outputs?: readonly TracedTensor[];
  readonly problem?: Fault;
  readonly warning?: Fault;
}

/** An exception of traced code, with what is to be said about it. */
interface Fault extends Problem {
  readonly code: DiagnosticCode;
  readonly place: Place | undefined;
  readonly account: Account | undefined;
}

const isExplained = (error: unknown): boolean =>
  failedCalls(error).length > 0 && !(error instanceof TraceTimeout);

function thrownBy(body: () => unknown): unknown {
  try {
    body();
  } catch (error) {
    return error;
  }
  return undefined;
}

/** A diagnostic whose fixes have not been tried. */
type Pending = TraceDiagnostic & { readonly guesses?: readonly Fix[] };

/** The library warned, and was asked to throw instead. */
class WarningRaised extends Error {
  override name = "UserWarning";
}

/** Of two hints for one place, the one of higher rank is shown. */
type RankedHint = OwnedHint & { readonly rank: number };

class FileTrace {
  recycle = false;
  readonly #parsed: ParsedFile;
  readonly #project: Project;
  readonly #request: TraceRequest;
  readonly #options: TraceOptions;
  readonly #modules: TracedModule[] = [];
  readonly #hints: RankedHint[] = [];
  #diagnostics: Pending[] = [];
  #isParsed = true;
  #recorder: TraceRecorder | undefined;

  constructor(parsed: ParsedFile, project: Project, request: TraceRequest, options: TraceOptions) {
    this.#parsed = parsed;
    this.#project = project;
    this.#request = request;
    this.#options = options;
  }

  broken(diagnostics: readonly TraceDiagnostic[]): void {
    this.#isParsed = false;
    this.#diagnostics.push(...diagnostics);
  }

  result(): Omit<TraceReply, "file" | "versions" | "milliseconds"> {
    return {
      dependencies: this.#project.files,
      parsed: this.#isParsed,
      modules: this.#modules,
      trainings: this.#isParsed ? trainingFunctions(this.#parsed) : [],
      hints: this.#mergedHints(),
      diagnostics: this.#uniqueDiagnostics(),
    };
  }

  /** Looks at the whole text, also at what is not traced. */
  lint(): void {
    if (this.#isParsed) this.#diagnostics.push(...lintFile(this.#parsed, this.#project.parsed));
  }

  async run(): Promise<void> {
    const candidates = classCandidates(this.#parsed);
    if (candidates.length === 0) return;
    let bundle;
    try {
      bundle = await this.#project.build(candidates.map(({ name }) => name));
    } catch (error) {
      if (!(error instanceof BundleError)) throw error;
      const unresolved = error.diagnostics.every(({ code }) => code === "unresolved");
      this.#isParsed = unresolved;
      this.#diagnostics.push(...error.diagnostics);
      if (unresolved)
        for (const candidate of candidates)
          this.#add(candidate, { status: "failed", message: error.message });
      return;
    }
    const sandbox = new Sandbox(this.#options.budget * patience(), this.#options.print);
    const { sites } = this.#project;
    const recorder = new TraceRecorder((site) => sites.values[site]!.fn, sandbox.deadline);
    this.#recorder = recorder;
    library.setTracing(true);
    setFailureNotes(true);
    let exports: Record<string, unknown>;
    try {
      exports = sandbox.load(bundle, this.#project.script, library, recorder);
    } catch (error) {
      const problem = this.#report(this.#fault(error, undefined), undefined);
      for (const candidate of candidates) this.#add(candidate, problem);
      return;
    }
    for (const candidate of candidates) {
      let value: unknown;
      try {
        value = exports[candidate.name];
      } catch {
        continue;
      }
      const isModel =
        typeof value === "function" && (value as { prototype: unknown }).prototype instanceof Module;
      if (isModel) this.#traceClass(candidate, value as new () => Module, sandbox, recorder);
      if (this.recycle) break;
    }
  }

  #add(candidate: ClassCandidate, part: Partial<TracedModule> & { readonly status: TraceStatus }): void {
    const { node, statement, name } = candidate;
    const { lines } = this.#parsed;
    this.#modules.push({
      name,
      className: className(node),
      range: lines.range(statement.getStart(), statement.end),
      nameRange: nameRange(node, statement, lines),
      inputs: [],
      inputShapes: [],
      outputs: [],
      ...part,
    });
  }

  #traceClass(
    candidate: ClassCandidate,
    type: new () => Module,
    sandbox: Sandbox,
    recorder: TraceRecorder,
  ): void {
    const { node, name } = candidate;
    const missing = missingConstructorArguments(node);
    if (missing.length > 0 || (!hasConstructor(node) && type.length > 0)) {
      const what = missing.length > 0 ? `: ${missing.join(", ")}` : "";
      const message = `The constructor needs arguments${what}. Give them defaults to trace ${className(node)} alone.`;
      return this.#add(candidate, { status: "notConstructible", message });
    }
    const written = writtenInputs(this.#parsed, candidate);
    this.#diagnostics.push(...written.diagnostics.map((diagnostic) => ({ ...diagnostic, module: name })));

    let model: Module;
    try {
      takeForeignReads();
      model = sandbox.run(() => new type());
    } catch (error) {
      return this.#add(candidate, {
        inputs: written.inputs,
        ...this.#report(this.#fault(error, undefined), name),
      });
    }
    const figures = (activity?: ReadonlyMap<Module, ModuleActivity>, input?: string) => {
      const plain = snapshotModel(model, {
        ...(activity === undefined ? {} : { activity }),
        ...(input === undefined ? {} : { input }),
      });
      const snapshot = locateSnapshot(plain, this.#project.parsed);
      const { totalParameters, trainableParameters } = snapshot.root;
      return { snapshot, parameters: totalParameters, trainableParameters };
    };
    if (written.diagnostics.length > 0) {
      const { message } = written.diagnostics[0]!;
      return this.#add(candidate, { status: "failed", message, inputs: written.inputs, ...figures() });
    }
    const proposed = written.inputs.length === 0 ? proposedInput(model, requiredParameters(node)) : undefined;
    const inputs = proposed === undefined ? written.inputs : [proposed];
    const edit = proposed === undefined ? {} : { inputEdit: inputEdit(this.#parsed, candidate, proposed) };
    const { ordered, missing: without } = inForwardOrder(node, inputs);
    if (without.length > 0) {
      const required = requiredParameters(node) ?? without;
      const message =
        inputs.length === 0
          ? `Say what goes in: @input ${required[0]} float32[N, …]${required.length > 1 ? `, and so for ${required.slice(1).join(", ")}` : ""}`
          : `No @input for ${without.join(", ")}`;
      return this.#add(candidate, { status: "noInput", message, inputs, ...figures() });
    }

    const sizes = sizesFor(symbolsOf(inputs));
    const runs: Run[] = [];
    for (const [index, at] of sizes.entries()) {
      // The base tells the shapes; without time left for the rest, its numbers are shown.
      if (index > 0 && sandbox.left < this.#options.budget / 2) break;
      runs.push(this.#forward(model, ordered, at, sandbox, recorder, index === 0));
      if (this.recycle || sandbox.left <= 0) break;
    }
    const complete = runs.length === sizes.length;
    const used = complete ? runs : runs.slice(0, 1);
    const usedSizes = complete ? sizes : sizes.slice(0, 1);
    const [base] = used as [Run, ...Run[]];
    const later = used.findIndex(({ problem }) => problem?.status === "failed");
    const fault = base.problem ?? used[later]?.problem;
    const isEverywhere = base.problem !== undefined;
    const problem =
      fault &&
      this.#report(
        fault,
        name,
        isEverywhere ? usedSizes : [usedSizes[later]!],
        isEverywhere ? used.map((run) => run.problem) : [fault],
      );
    if (base.warning !== undefined)
      this.#report(
        base.warning,
        name,
        usedSizes,
        used.map(({ warning }) => warning),
      );
    this.#diagnostics.push(
      ...lintModel(model, this.#project.parsed).map((lint) => ({ ...lint, module: name })),
    );
    const rank = written.inputs.length > 0 ? 2 : 0;
    const hints = makeHints({
      project: this.#project,
      module: name,
      sizes: usedSizes,
      runs: used.map(({ chosen }) => chosen),
      dtype: inputs[0]?.dtype,
    });
    this.#hints.push(...hints.map((hint) => ({ ...hint, rank: hint.owner === node ? rank : 1 })));
    const text = inputs.map((input) => input.text).join(", ");
    const activity = fitActivity(used, usedSizes);
    this.#add(candidate, {
      ...(problem ?? { status: "traced" }),
      inputs,
      ...edit,
      inputShapes: ordered.flatMap((input) =>
        input === undefined
          ? []
          : [{ path: input.name, shape: input.dims, dtype: input.dtype, text: shapeText(input.dims) }],
      ),
      outputs: fitTensors(
        usedSizes,
        used.map(({ outputs }) => outputs),
      ),
      ...figures(activity.shapes, text),
      ...(activity.macs === undefined ? {} : { macs: activity.macs }),
    });
  }

  #forward(
    model: Module,
    inputs: readonly (InputSpec | undefined)[],
    sizes: Sizes,
    sandbox: Sandbox,
    recorder: TraceRecorder,
    isBase: boolean,
  ): Run {
    const args = inputs.map((input) =>
      input === undefined
        ? undefined
        : library.torch.zeros(concreteDims(input, sizes), { dtype: dtypes[input.dtype as DTypeName] }),
    );
    const choose = (): ChosenValues => {
      const paths = new Map<unknown, string>(
        [...model.namedModules()].map(([path, module]) => [module, path]),
      );
      return chooseCalls(this.#project, recorder, (module) => paths.get(module), this.#request.calls ?? {});
    };
    const makers = new MakerLog(this.#project);
    const call = model as unknown as (...args: unknown[]) => unknown;
    const run = (): Observed<unknown> => observeForward(() => call(...args));
    // Stacks cost time, so they are taken when something is to be explained, in a run of their own.
    const again = (): Observed<unknown> => observeForward(() => call(...args), makers.note);
    let warned = false;
    try {
      takeForeignReads();
      sandbox.muted = !isBase;
      setWarningSink(() => (warned = true));
      const observed = sandbox.run(() => recorder.record(run));
      const made = { observed, chosen: choose(), outputs: tensorsIn(observed.result) };
      const warning = warned ? this.#warning(() => sandbox.run(again), makers, model) : undefined;
      return warning === undefined ? made : { ...made, warning };
    } catch (error) {
      const chosen = choose();
      sandbox.muted = true;
      const repeated = isExplained(error) ? thrownBy(() => sandbox.run(again)) : undefined;
      const shown =
        repeated instanceof Error && repeated.message === (error as Error).message ? repeated : error;
      return { chosen, problem: this.#fault(shown, model, makers) };
    } finally {
      setWarningSink(undefined);
      sandbox.muted = false;
    }
  }

  /** Runs once more, up to the first warning, to learn where it comes from. */
  #warning(run: () => unknown, makers: MakerLog, model: Module): Fault | undefined {
    setWarningSink((message) => {
      throw new WarningRaised(message);
    });
    try {
      run();
    } catch (error) {
      if (error instanceof WarningRaised) {
        return {
          status: "traced",
          message: error.message,
          code: "warning",
          place: this.#project.placeOfError(error),
          account: accountFor(error, this.#project, makers, model),
        };
      }
    }
    return undefined;
  }

  /** What is to be said about an exception. */
  #fault(error: unknown, model: Module | undefined, makers?: MakerLog): Fault {
    const { status, message, code } = classify(error);
    if (error instanceof HardTimeout) this.recycle = true;
    const place: Place | undefined =
      code === "timeout"
        ? this.#project.placeOfStatement(this.#recorder?.statement ?? -1)
        : (this.#project.placeOfError(error) ??
          this.#project.placeOfStatement(this.#recorder?.statement ?? -1));
    const isFault = error instanceof Error && (code === "shape" || code === "error");
    const account = isFault
      ? accountFor(error, this.#project, makers ?? new MakerLog(this.#project), model)
      : undefined;
    return { status, message, code, place, account };
  }

  /** Makes a diagnostic of a fault; of the same one at several sizes, one with symbols. */
  #report(
    { status, message, code, place, account }: Fault,
    module: string | undefined,
    sizes: readonly Sizes[] = [new Map()],
    faults: readonly (Fault | undefined)[] = [],
  ): Problem {
    const start = { line: 0, column: 0 };
    const phrase =
      account &&
      (faults.length > 1
        ? fitPhrase(
            sizes,
            faults.map((fault) => fault?.account?.phrase),
          )
        : account.phrase);
    const at = account?.at;
    const own = at && {
      file: at.file.file,
      range: at.file.lines.range(at.node.getStart(), at.node.end),
    };
    const text = phrase === undefined ? message : inEnglish(phrase);
    this.#diagnostics.push({
      ...(own ?? place ?? { file: this.#parsed.file, range: { start, end: start } }),
      message: text,
      ...(phrase === undefined ? {} : { phrase }),
      ...(account === undefined ? {} : { fixes: account.fixes, guesses: account.guesses ?? [] }),
      severity: code === "needsRun" ? "hint" : code === "warning" ? "warning" : "error",
      code: account === undefined || code === "warning" ? code : "shape",
      ...(module === undefined ? {} : { module }),
    });
    return { status, message: text };
  }

  /** Keeps of every diagnostic's fixes those that help. */
  async tryFixes(since: number): Promise<void> {
    if (this.#options.fixes === false) {
      this.#diagnostics = this.#diagnostics.map(({ fixes: _, guesses: __, ...rest }) => rest);
      return;
    }
    const until = since + this.#options.budget;
    const reply = { modules: this.#modules, diagnostics: this.#uniqueDiagnostics() };
    const tried: TraceDiagnostic[] = [];
    for (const diagnostic of this.#diagnostics) {
      const { fixes = [], guesses = [], ...rest } = diagnostic;
      const helpful =
        fixes.length + guesses.length === 0 || this.recycle
          ? []
          : await helpfulFixes(
              diagnostic,
              fixes,
              guesses,
              reply,
              this.#request.overlay,
              until,
              async (overlay) => {
                const outcome = await trace(
                  { ...this.#request, overlay },
                  { ...this.#options, print: () => undefined, fixes: false },
                );
                if (outcome.recycle) this.recycle = true;
                return outcome.reply;
              },
            );
      tried.push(helpful.length === 0 ? rest : { ...rest, fixes: helpful });
    }
    this.#diagnostics = tried;
  }

  #mergedHints(): TraceReply["hints"] {
    const best = new Map<string, RankedHint>();
    for (const item of this.#hints) {
      const { file, position } = item.hint;
      const key = `${file}:${position.line}:${position.column}`;
      const known = best.get(key);
      if (known === undefined || item.rank > known.rank) best.set(key, item);
    }
    return [...best.values()].map(({ hint }) => hint);
  }

  #uniqueDiagnostics(): Pending[] {
    const seen = new Set<string>();
    return this.#diagnostics.filter(({ file, range, message }) => {
      const key = JSON.stringify([file, range, message]);
      return !seen.has(key) && seen.add(key);
    });
  }
}
