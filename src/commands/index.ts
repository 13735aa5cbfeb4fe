import * as vscode from "vscode";
import type { Models } from "../authoring/model.js";
import type { Config } from "../config.js";
import { selectDevice } from "../devices.js";
import { commands, internalCommands } from "../ids.js";
import type { KernelService } from "../kernelService.js";
import type { Output } from "../output.js";
import type { Runs, Target } from "../runs.js";
import { showActions } from "../statusItem.js";
import type { CalculatorView } from "../views/calculator.js";
import type { CurvesView } from "../views/curves.js";
import type { ModulesView } from "../views/modules.js";
import type { ModuleTree } from "../views/moduleTree.js";
import { openCalculator } from "./calculator.js";
import { isLocation, reveal } from "./reveal.js";
import { cancel, forward, train } from "./run.js";
import { setUp } from "./setUp.js";
import { guessTarget } from "./target.js";
import { writeInput } from "./writeInput.js";

/** What commands work on. */
export interface Services {
  readonly context: vscode.ExtensionContext;
  readonly config: Config;
  readonly kernel: KernelService;
  readonly models: Models;
  readonly runs: Runs;
  readonly output: Output;
  readonly tree: ModuleTree;
  readonly modules: ModulesView;
  readonly curves: CurvesView;
  readonly calculator: CalculatorView;
}

/** Registers every command. */
export function registerCommands(services: Services): vscode.Disposable {
  const { context, config, kernel, models, runs, output, tree, modules, curves, calculator } = services;
  const handlers: Record<string, (argument: unknown) => unknown> = {
    [commands.forward]: (target) => forward(models, runs, output, target),
    [commands.train]: (target) => train(models, runs, output, curves, config, target),
    [commands.cancel]: (run) => cancel(runs, run),
    [commands.openTree]: (target) => tree.reveal(guessTarget(models, target)),
    [commands.openModules]: (target) => modules.show(guessTarget(models, target)),
    [commands.openCurves]: () => curves.show(),
    [commands.openCurvesFolder]: (uri) => curves.openFolder(uri),
    [commands.openCalculator]: () => openCalculator(models, calculator),
    [commands.selectDevice]: () => selectDevice(context.extensionPath, config),
    [commands.restartKernel]: () => kernel.restart(),
    [commands.showOutput]: () => output.show(),
    [commands.setUpIntelliSense]: (uri) => setUp(context, uri),
    [internalCommands.showActions]: () => showActions(runs, config),
    [internalCommands.revealModule]: (location) => (isLocation(location) ? reveal(location) : undefined),
    [internalCommands.writeInput]: (target) => writeInput(models, target as Target),
  };
  return vscode.Disposable.from(
    ...Object.entries(handlers).map(([id, handler]) => vscode.commands.registerCommand(id, handler)),
  );
}
