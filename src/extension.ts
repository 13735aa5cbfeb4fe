import * as vscode from "vscode";
import { LensProvider } from "./authoring/codeLens.js";
import { Diagnostics } from "./authoring/diagnostics.js";
import { HoverProvider } from "./authoring/hover.js";
import { InputActions, InputCompletion } from "./authoring/inputAssist.js";
import { HintProvider } from "./authoring/inlayHints.js";
import { Models } from "./authoring/model.js";
import { QuickFixes } from "./authoring/quickFixes.js";
import { registerCommands } from "./commands/index.js";
import { Config } from "./config.js";
import { commands, selector } from "./ids.js";
import { IntelliSenseOffer } from "./intellisense/setup.js";
import { KernelService } from "./kernelService.js";
import { Output } from "./output.js";
import { Runs } from "./runs.js";
import { StatusItem } from "./statusItem.js";
import { CalculatorView } from "./views/calculator.js";
import { CurvesView } from "./views/curves.js";
import { ModulesView } from "./views/modules.js";
import { ModuleTree, ShownModels } from "./views/moduleTree.js";

export function activate(context: vscode.ExtensionContext): void {
  const log = vscode.window.createOutputChannel("Tensorscope Log", { log: true });
  const config = new Config();
  const kernel = new KernelService(context.extensionPath, config);
  const runs = new Runs(kernel, config);
  const models = new Models(kernel, config, log);
  const output = new Output(kernel, runs);
  const diagnostics = new Diagnostics(
    models,
    runs,
    config,
    vscode.Uri.joinPath(context.extensionUri, "docs", "lints.md"),
  );
  const lenses = new LensProvider(models, runs, kernel, config);
  const hints = new HintProvider(models, config);
  const hovers = new HoverProvider(models, runs, config);
  const shown = new ShownModels(models, runs);
  const tree = new ModuleTree(shown);
  const modules = new ModulesView(context, shown, tree, log);
  const curves = new CurvesView(context, runs, log);
  const calculator = new CalculatorView(context, log);
  const status = new StatusItem(models, runs, kernel, config);

  context.subscriptions.push(
    log,
    config,
    kernel,
    runs,
    models,
    output,
    diagnostics,
    lenses,
    hints,
    shown,
    tree,
    modules,
    curves,
    calculator,
    status,
    vscode.languages.registerCodeLensProvider(selector, lenses),
    vscode.languages.registerInlayHintsProvider(selector, hints),
    vscode.languages.registerHoverProvider(selector, hovers),
    vscode.languages.registerCompletionItemProvider(
      selector,
      new InputCompletion(models),
      ...InputCompletion.triggers,
    ),
    vscode.languages.registerCodeActionsProvider(selector, new QuickFixes(diagnostics, config), {
      providedCodeActionKinds: [vscode.CodeActionKind.QuickFix],
    }),
    vscode.languages.registerCodeActionsProvider(selector, new InputActions(models), {
      providedCodeActionKinds: [vscode.CodeActionKind.QuickFix],
    }),
    registerCommands({ context, config, kernel, models, runs, output, tree, modules, curves, calculator }),
    new IntelliSenseOffer(context, selector, commands.setUpIntelliSense),
    // Figures of a run belong to the text that ran.
    models.onDidEdit((edited) =>
      runs.invalidate(
        (file) => file === edited || models.byPath(file)?.trace?.dependencies.includes(edited) === true,
      ),
    ),
  );
}
