import * as vscode from "vscode";
import type { ModulesToHost, ModulesToWebview } from "../../webview/shared/protocol.js";
import { DisposableStore } from "../disposables.js";
import { internalCommands, views } from "../ids.js";
import type { Target } from "../runs.js";
import type { ModuleTree, ShownModels } from "./moduleTree.js";
import { WebviewPanelHost } from "./webviewPanel.js";

/** The module view: the tree's model in proportions and figures. */
export class ModulesView implements vscode.Disposable {
  readonly #store = new DisposableStore();
  readonly #host: WebviewPanelHost<ModulesToWebview, ModulesToHost>;
  readonly #shown: ShownModels;

  constructor(
    context: vscode.ExtensionContext,
    shown: ShownModels,
    tree: ModuleTree,
    log: vscode.LogOutputChannel,
  ) {
    this.#shown = shown;
    this.#host = this.#store.add(
      new WebviewPanelHost<ModulesToWebview, ModulesToHost>(context, {
        view: "modules",
        viewType: views.modules,
        title: vscode.l10n.t("Modules"),
        icon: "list-tree",
        column: vscode.ViewColumn.Beside,
        log,
        connect: (channel) =>
          channel.on("reveal", ({ path, location }) => {
            const place = location ?? this.#shown.current?.snapshot.root.location;
            if (place !== undefined)
              void vscode.commands.executeCommand(internalCommands.revealModule, place, path);
          }),
        ready: () => this.#send(),
      }),
    );
    this.#store.add(shown.onDidChange(() => this.#send()));
    this.#store.add(
      vscode.window.onDidChangeTextEditorSelection(({ textEditor, kind }) => {
        if (kind === undefined || !this.#host.isOpen) return;
        const node = tree.at(textEditor.document.uri.fsPath, textEditor.selection.active.line);
        if (node !== undefined) this.#host.send({ type: "select", path: node.module.path });
      }),
    );
  }

  show(target?: Target): void {
    if (target !== undefined) this.#shown.show(target);
    this.#host.show();
    this.#send();
  }

  #send(): void {
    const { current, problem } = this.#shown;
    this.#host.send({
      type: "snapshot",
      snapshot: current?.snapshot ?? null,
      ...(current === undefined && problem !== undefined ? { problem } : {}),
    });
  }

  dispose(): void {
    this.#store.dispose();
  }
}
