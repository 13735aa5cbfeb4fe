import * as vscode from "vscode";
import type { Config } from "../config.js";
import { DisposableStore } from "../disposables.js";
import { commands, internalCommands } from "../ids.js";
import type { Range, TracedModule } from "../kernel/protocol.js";
import type { KernelService } from "../kernelService.js";
import type { Failure, Runs, Target, TrainingRun } from "../runs.js";
import { duration, figure, firstLine, shapes, short } from "./figures.js";
import type { FileModel, Models } from "./model.js";
import type { OutlineItem } from "./outline.js";

const { t } = vscode.l10n;

/** While something runs, its lens is rewritten at most this often. */
const progressInterval = 400;
/** No editor shows the lenses when they are not asked for within this time. */
const unaskedInterval = 10_000;
const messageLength = 70;

interface Place extends OutlineItem {
  readonly module?: TracedModule;
}

/**
 * Lenses above model classes and training functions. They are answered at once from what is known, and stand where
 * the text's outline puts them, so that typing neither moves nor blanks them.
 */
export class LensProvider implements vscode.CodeLensProvider, vscode.Disposable {
  readonly #store = new DisposableStore();
  readonly #changed = this.#store.add(new vscode.EventEmitter<void>());
  readonly #models: Models;
  readonly #runs: Runs;
  readonly #kernel: KernelService;
  readonly #config: Config;
  #timer: NodeJS.Timeout | undefined;
  /** When the editor was last told of a change, until it asks. */
  #told: number | undefined;

  readonly onDidChangeCodeLenses = this.#changed.event;

  constructor(models: Models, runs: Runs, kernel: KernelService, config: Config) {
    this.#models = models;
    this.#runs = runs;
    this.#kernel = kernel;
    this.#config = config;
    const refresh = () => {
      this.#told = performance.now();
      this.#changed.fire();
    };
    this.#store.add(models.onDidChange(refresh));
    this.#store.add(config.codeLens.onDidChange(refresh));
    this.#store.add(kernel.onDidRestart(refresh));
    this.#store.add(runs.onDidStart(refresh));
    // The editor asks some time after it is told, and starts waiting anew when it is told again: a slow one would
    // never come to ask, were it told at every step.
    const tell = () => {
      this.#timer = undefined;
      if (this.#told === undefined || performance.now() - this.#told > unaskedInterval) refresh();
      else this.#timer = setTimeout(tell, progressInterval);
    };
    this.#store.add(runs.onDidChange(() => (this.#timer ??= setTimeout(tell, progressInterval))));
  }

  provideCodeLenses(document: vscode.TextDocument): vscode.CodeLens[] {
    this.#told = undefined;
    if (!this.#config.codeLens.value) return [];
    const model = this.#models.get(document);
    if (model === undefined) return [];
    const file = document.uri.fsPath;
    return places(model, document.version).flatMap((place) => {
      const { start, end } = place.nameRange;
      const range = new vscode.Range(start.line, start.column, end.line, end.column);
      const target: Target = { file, export: place.name };
      return this.#commandsOf(place, model, target).map((command) => new vscode.CodeLens(range, command));
    });
  }

  #commandsOf(place: Place, model: FileModel, target: Target): vscode.Command[] {
    if (!this.#kernel.trusted) {
      return [
        {
          title: icon("shield", t("Tensorscope waits for workspace trust")),
          tooltip: t("Shapes, forward passes and training evaluate code of the workspace."),
          command: "workbench.trust.manage",
        },
      ];
    }
    return place.kind === "train" ? this.#training(place, target) : this.#module(place, model, target);
  }

  #module({ module }: Place, model: FileModel, target: Target): vscode.Command[] {
    const run = this.#runs.forwardOf(target);
    const list: vscode.Command[] = [];
    if (run?.phase === "running") {
      list.push(
        {
          title: icon("sync~spin", t("Forward")),
          command: commands.showOutput,
          tooltip: t("Show the output"),
        },
        { title: t("Cancel"), command: commands.cancel },
      );
    } else if (module?.status === "notConstructible") {
      list.push({
        title: t("Part of other models"),
        tooltip: module.message ?? t("The constructor has required parameters."),
        command: "",
      });
    } else {
      list.push({
        title: [t("▶ Forward"), ...this.#findings(module, run)].join(" "),
        tooltip: forwardTooltip(module),
        command: commands.forward,
        arguments: [target],
      });
      list.push(...failureLens(run?.failure ?? (run === undefined ? problemOf(module, model) : undefined)));
    }
    if (module?.inputEdit !== undefined) {
      list.push({
        title: t("Write @input"),
        tooltip: module.inputs.map(({ text }) => `@input ${text}`).join("\n"),
        command: internalCommands.writeInput,
        arguments: [target],
      });
    }
    list.push(
      { title: t("Module tree"), command: commands.openTree, arguments: [target] },
      { title: t("Curves"), command: commands.openCurves },
    );
    return list;
  }

  /** What stands behind `▶ Forward`: `[1,1,28,28] → [1,10] · 61.7 k params · 0.42 M MACs · 0.3 ms`. */
  #findings(module: TracedModule | undefined, run: ReturnType<Runs["forwardOf"]>): string[] {
    const figures: string[] = [];
    const reply = run?.phase === "done" ? run.reply : undefined;
    const inputs = reply?.inputs ?? module?.inputShapes ?? [];
    const outputs = reply?.outputs ?? module?.outputs ?? [];
    if (outputs.length > 0) figures.push(`${shapes(inputs)} → ${shapes(outputs)}`.trim());
    const parameters = reply?.parameters ?? module?.parameters;
    const macs = reply?.macs ?? module?.macs;
    if (parameters !== undefined) figures.push(t("{0} params", short(parameters)));
    if (macs !== undefined && macs > 0) figures.push(t("{0} MACs", short(macs)));
    if (reply !== undefined) figures.push(duration(reply.milliseconds));
    else if (run?.phase === "cancelled") figures.push(t("cancelled"));
    else if (run === undefined && module?.status === "needsRun") figures.push(t("shapes need a run"));
    else if (run === undefined && module?.status === "noInput") figures.push(t("needs an @input tag"));
    return figures.length === 0 ? [] : [figures.join(" · ")];
  }

  #training(place: Place, target: Target): vscode.Command[] {
    const run = this.#runs.trainingOf(target);
    const title = place.title === undefined || place.title === "" ? t("Train") : place.title;
    const curves: vscode.Command = { title: t("Curves"), command: commands.openCurves };
    if (run !== undefined && run.milliseconds === undefined) {
      return [
        {
          title: icon("sync~spin", progressText(run)),
          tooltip: t("Show the output"),
          command: commands.showOutput,
        },
        { title: t("Cancel"), command: commands.cancel, arguments: [run.id] },
        curves,
      ];
    }
    return [
      {
        title: `▶ ${[title, ...(run === undefined || run.failure !== undefined ? [] : [outcomeText(run)])].join(" · ")}`,
        tooltip: t("Run this function in the kernel"),
        command: commands.train,
        arguments: [target],
      },
      ...failureLens(run?.failure),
      curves,
    ];
  }

  dispose(): void {
    clearTimeout(this.#timer);
    this.#store.dispose();
  }
}

/** Classes and functions of a file: the outline's, put right by the trace where it has seen this very text. */
function places({ outline, trace, broken }: FileModel, version: number): Place[] {
  const exact = trace !== undefined && !broken && trace.versions[trace.file] === version;
  const modules = new Map(trace?.modules.map((module) => [module.name, module]));
  const trainings = new Map(trace?.trainings.map((training) => [training.name, training]));
  const list: Place[] = [];
  for (const item of outline) {
    const traced = item.kind === "module" ? modules.get(item.name) : trainings.get(item.name);
    if (traced === undefined && exact) continue;
    const module = item.kind === "module" ? modules.get(item.name) : undefined;
    const title = trainings.get(item.name)?.title ?? item.title;
    list.push({ ...item, ...(module && { module }), ...(title !== undefined && { title }) });
    modules.delete(item.name);
    trainings.delete(item.name);
  }
  for (const module of modules.values()) list.push({ ...named("module", module), module });
  for (const training of trainings.values())
    list.push({ ...named("train", training), title: training.title });
  return list;
}

function named(kind: Place["kind"], item: { name: string; nameRange: Range }): OutlineItem {
  return { kind, name: item.name, nameRange: item.nameRange };
}

/** An icon before a text. The space must not break: lenses swallow an ordinary one behind an icon. */
function icon(name: string, text: string): string {
  return `$(${name})\u00a0${text}`;
}

/** What the trace of a model found wrong, and where. */
function problemOf(module: TracedModule | undefined, model: FileModel): Failure | undefined {
  if (model.problem !== undefined) return { message: model.problem };
  if (module?.status !== "failed") return undefined;
  const own = model.trace?.diagnostics.find(
    ({ module: name, severity }) => name === module.name && severity === "error",
  );
  const message = module.message ?? own?.message ?? t("failed");
  if (own === undefined) return { message };
  return { message, location: { file: own.file, ...own.range.start } };
}

/** Why there is no result: a click goes to the guilty line where there is one. */
function failureLens(failure: Failure | undefined): vscode.Command[] {
  if (failure === undefined) return [];
  const { message, location } = failure;
  return [
    {
      title: icon("error", firstLine(message, messageLength)),
      tooltip: message,
      ...(location === undefined
        ? { command: commands.showOutput }
        : { command: internalCommands.revealModule, arguments: [location] }),
    },
  ];
}

function forwardTooltip(module: TracedModule | undefined): string {
  const inputs = module?.inputs.map(({ text }) => text).join(", ");
  return inputs === undefined || inputs === ""
    ? t("Build the model and run forward once")
    : t("Build the model and run forward once on {0}", inputs);
}

/** `Step 120 of 500 · 34 steps/s · 11 s left`. */
export function progressText(run: TrainingRun): string {
  const { phase, step, total, stepsPerSecond, eta } = run.state;
  if (phase === "cancelling") return t("Cancelling…");
  if (step === undefined) return t("Starting…");
  const parts = [total === undefined ? t("Step {0}", step) : t("Step {0} of {1}", step, total)];
  if (stepsPerSecond !== undefined && stepsPerSecond > 0)
    parts.push(t("{0} steps/s", figure(Number(stepsPerSecond.toPrecision(2)))));
  if (eta !== undefined && Number.isFinite(eta)) parts.push(t("{0} left", duration(eta * 1000)));
  return parts.join(" · ");
}

function outcomeText(run: TrainingRun): string {
  const time = duration(run.milliseconds ?? 0);
  switch (run.state.phase) {
    case "cancelled":
      return run.state.step === undefined ? t("cancelled") : t("cancelled at step {0}", run.state.step);
    default:
      return run.returned !== undefined &&
        run.returned !== "" &&
        run.returned !== "undefined" &&
        run.returned.length <= 40
        ? t("done in {0}: {1}", time, firstLine(run.returned, 40))
        : t("done in {0}", time);
  }
}
