import * as vscode from "vscode";
import { progressText } from "./authoring/codeLens.js";
import type { Models } from "./authoring/model.js";
import type { Config } from "./config.js";
import { DisposableStore } from "./disposables.js";
import { commands, contexts, internalCommands } from "./ids.js";
import type { KernelEvent } from "./kernel/protocol.js";
import type { KernelService } from "./kernelService.js";
import { nameOf } from "./output.js";
import type { Runs } from "./runs.js";

const { t } = vscode.l10n;

/** Says in the status bar what the kernel is doing; keeps the `when` keys in step. */
export class StatusItem implements vscode.Disposable {
  readonly #store = new DisposableStore();
  readonly #item: vscode.StatusBarItem;
  readonly #models: Models;
  readonly #runs: Runs;
  readonly #kernel: KernelService;
  readonly #config: Config;
  readonly #context = new Map<string, boolean>();
  #trouble: string | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(models: Models, runs: Runs, kernel: KernelService, config: Config) {
    this.#models = models;
    this.#runs = runs;
    this.#kernel = kernel;
    this.#config = config;
    this.#item = this.#store.add(
      vscode.window.createStatusBarItem("tensorscope.kernel", vscode.StatusBarAlignment.Right, 90),
    );
    this.#item.name = t("Tensorscope kernel");
    this.#item.command = internalCommands.showActions;
    const soon = () => {
      this.#timer ??= setTimeout(() => {
        this.#timer = undefined;
        this.#update();
      }, 100);
    };
    this.#store.add(vscode.window.onDidChangeActiveTextEditor(soon));
    this.#store.add(models.onDidChange(soon));
    this.#store.add(models.onDidClose(soon));
    this.#store.add(runs.onDidChange(soon));
    this.#store.add(runs.onDidStart(soon));
    this.#store.add(config.device.onDidChange(soon));
    this.#store.add(
      kernel.onDidRestart(() => {
        this.#trouble = undefined;
        soon();
      }),
    );
    this.#store.add(
      kernel.onEvent((event) => {
        if (event.type === "state") this.#onState(event);
        if (event.type === "state" || event.type === "hello") soon();
      }),
    );
    this.#update();
  }

  #onState(event: Extract<KernelEvent, { type: "state" }>): void {
    if (event.message !== undefined && event.state === "stopped") this.#trouble = event.message;
    else if (event.state === "ready") this.#trouble = undefined;
  }

  #update(): void {
    const document = vscode.window.activeTextEditor?.document;
    const model = document === undefined ? undefined : this.#models.get(document);
    const { active, running } = this.#runs;
    if (document !== undefined || vscode.window.visibleTextEditors.length === 0) {
      this.#setContext(contexts.isTensorscopeFile, model !== undefined);
      this.#setContext(contexts.hasModel, model?.outline.some(({ kind }) => kind === "module") === true);
      this.#setContext(contexts.hasTrain, model?.outline.some(({ kind }) => kind === "train") === true);
    }
    this.#setContext(contexts.running, active !== undefined);
    const item = this.#item;
    item.backgroundColor = undefined;
    if (running !== undefined) {
      item.text = `$(sync~spin) ${nameOf(running)}: ${progressText(running)}`;
      item.tooltip = t("Tensorscope is training");
    } else if (active !== undefined) {
      item.text = `$(sync~spin) ${nameOf(active)}`;
      item.tooltip = t("Tensorscope runs a forward pass");
    } else if (!this.#kernel.trusted) {
      item.text = "$(shield) Tensorscope";
      item.tooltip = t("Nothing of this workspace is evaluated until you trust it.");
    } else if (this.#trouble !== undefined) {
      item.text = "$(warning) Tensorscope";
      item.tooltip = this.#trouble;
      item.backgroundColor = new vscode.ThemeColor("statusBarItem.warningBackground");
    } else {
      item.text = `$(layers) Tensorscope${this.#elsewhere()}`;
      item.tooltip = this.#idleTooltip();
    }
    if (active !== undefined || model !== undefined) item.show();
    else item.hide();
  }

  /** The device, where it is not the usual one. */
  #elsewhere(): string {
    const device = this.#config.device.value;
    return device === "cpu" ? "" : `: ${device}`;
  }

  #idleTooltip(): vscode.MarkdownString {
    const states = {
      starting: t("starting"),
      ready: t("ready"),
      busy: t("busy"),
      stopped: t("not started"),
    };
    return new vscode.MarkdownString(
      `${t("Shapes")}: ${states[this.#kernel.state("tracer")]}  \n${t("Runs")}: ${states[this.#kernel.state("runner")]}  \n${t("Device")}: ${this.#config.device.value}`,
    );
  }

  #setContext(key: string, value: boolean): void {
    if (this.#context.get(key) === value) return;
    this.#context.set(key, value);
    void vscode.commands.executeCommand("setContext", key, value);
  }

  dispose(): void {
    clearTimeout(this.#timer);
    this.#store.dispose();
  }
}

/** The status item's menu. */
export async function showActions(runs: Runs, config: Config): Promise<void> {
  const actions = [
    ...(runs.active === undefined ? [] : [{ label: t("$(debug-stop) Cancel"), command: commands.cancel }]),
    { label: t("$(output) Show Output"), command: commands.showOutput },
    { label: t("$(graph-line) Open Training Curves"), command: commands.openCurves },
    { label: t("$(list-tree) Show Module Tree"), command: commands.openTree },
    { label: t("$(circuit-board) Device: {0}", config.device.value), command: commands.selectDevice },
    ...(vscode.workspace.isTrusted
      ? [{ label: t("$(debug-restart) Restart Kernel"), command: commands.restartKernel }]
      : [{ label: t("$(shield) Manage Workspace Trust"), command: "workbench.trust.manage" }]),
  ];
  const picked = await vscode.window.showQuickPick(actions, { placeHolder: "Tensorscope" });
  if (picked !== undefined) await vscode.commands.executeCommand(picked.command);
}
