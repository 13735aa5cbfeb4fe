import * as vscode from "vscode";
import type { CurvesToHost, CurvesToWebview } from "../../webview/shared/protocol.js";
import { DisposableStore } from "../disposables.js";
import { views } from "../ids.js";
import type { Runs } from "../runs.js";
import { chooseRunFolder, RunFolders } from "./runFolders.js";
import { WebviewPanelHost } from "./webviewPanel.js";

/** The training curves of this window's runs, live, and of folders of event files. */
export class CurvesView implements vscode.Disposable {
  readonly #store = new DisposableStore();
  readonly #host: WebviewPanelHost<CurvesToWebview, CurvesToHost>;
  readonly #folders: RunFolders;

  constructor(context: vscode.ExtensionContext, runs: Runs, log: vscode.LogOutputChannel) {
    this.#host = this.#store.add(
      new WebviewPanelHost<CurvesToWebview, CurvesToHost>(context, {
        view: "curves",
        viewType: views.curves,
        title: vscode.l10n.t("Training Curves"),
        icon: "graph-line",
        column: vscode.ViewColumn.Beside,
        log,
        connect: (channel) => {
          channel.on("cancel", ({ run }) => runs.cancel(run));
          channel.on("saveText", ({ fileName, text }) => saveText(fileName, text));
        },
        ready: (channel) => {
          const trainings = [...runs.trainings];
          runs.flush();
          if (trainings.length === 0 && !this.#folders.any) return;
          channel.send({ type: "reset" });
          for (const { state, points } of trainings) {
            channel.send(state);
            if (points.length > 0) channel.send({ type: "append", points });
          }
          this.#folders.restart();
        },
        closed: () => this.#folders.clear(),
      }),
    );
    this.#folders = this.#store.add(
      new RunFolders(
        context,
        log,
        (message) => this.#host.send(message),
        () => this.#host.isReady,
      ),
    );
    this.#store.add(runs.onDidChangeTraining(({ state }) => this.#host.send(state)));
    this.#store.add(runs.onDidAppend((points) => this.#host.send({ type: "append", points })));
  }

  /** Opens the curves; with `preserveFocus` the cursor stays in the source. */
  show(preserveFocus = false): void {
    this.#host.show(preserveFocus);
  }

  /** Shows the runs in a folder of event files too; asks for one where none is given. */
  async openFolder(given: unknown): Promise<void> {
    const folder = await chooseRunFolder(given);
    if (folder === undefined) return;
    this.#folders.add(folder);
    this.show();
  }

  get isOpen(): boolean {
    return this.#host.isOpen;
  }

  dispose(): void {
    this.#store.dispose();
  }
}

async function saveText(fileName: string, text: string): Promise<{ saved: boolean }> {
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
  const uri = await vscode.window.showSaveDialog({
    ...(folder === undefined ? {} : { defaultUri: vscode.Uri.joinPath(folder, fileName) }),
  });
  if (uri === undefined) return { saved: false };
  await vscode.workspace.fs.writeFile(uri, new TextEncoder().encode(text));
  return { saved: true };
}
