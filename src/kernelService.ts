import * as path from "node:path";
import * as vscode from "vscode";
import type { Config } from "./config.js";
import { DisposableStore } from "./disposables.js";
import {
  KernelError,
  type KernelEvent,
  type KernelName,
  type ProcessState,
  type SourceText,
} from "./kernel/protocol.js";
import { KernelSupervisor } from "./kernel/supervisor.js";
import { languages } from "./ids.js";

/**
 * The kernel as the rest of the extension sees it: there only where the workspace is trusted, started when first
 * asked, replaced when its settings change.
 */
export class KernelService implements vscode.Disposable {
  readonly #store = new DisposableStore();
  readonly #events = this.#store.add(new vscode.EventEmitter<KernelEvent>());
  readonly #restarted = this.#store.add(new vscode.EventEmitter<void>());
  readonly #entries: Readonly<Record<KernelName, string>>;
  readonly #config: Config;
  #supervisor: KernelSupervisor | undefined;

  readonly onEvent = this.#events.event;
  /** What was traced and run is void: trust was granted, or another kernel takes over. */
  readonly onDidRestart = this.#restarted.event;

  constructor(extensionPath: string, config: Config) {
    this.#config = config;
    const entry = (name: KernelName) => path.join(extensionPath, "dist", "kernel", `${name}.cjs`);
    this.#entries = { tracer: entry("tracer"), runner: entry("runner") };
    this.#store.add(config.nodePath.onDidChange(() => this.restart()));
    this.#store.add(vscode.workspace.onDidGrantWorkspaceTrust(() => this.#restarted.fire()));
  }

  get trusted(): boolean {
    return vscode.workspace.isTrusted;
  }

  /** @throws KernelError in an untrusted workspace: nothing of it may be evaluated. */
  get supervisor(): KernelSupervisor {
    if (!this.trusted) {
      throw new KernelError({
        name: "KernelError",
        message: vscode.l10n.t("Nothing of an untrusted workspace is evaluated."),
        reason: "disposed",
      });
    }
    if (this.#supervisor === undefined) {
      const nodePath = this.#config.nodePath.value.trim();
      this.#supervisor = new KernelSupervisor({
        entries: this.#entries,
        nodePath: nodePath === "" ? undefined : nodePath,
        cwd: vscode.workspace.workspaceFolders?.[0]?.uri.fsPath,
      });
      this.#supervisor.onEvent((event) => this.#events.fire(event));
    }
    return this.#supervisor;
  }

  state(kernel: KernelName): ProcessState {
    return this.#supervisor?.state(kernel) ?? "stopped";
  }

  /** Ends both processes; the next request starts new ones. */
  restart(): void {
    // Through restart() first: it tells the pending requests what was lost.
    this.#supervisor?.restart();
    this.#supervisor?.dispose();
    this.#supervisor = undefined;
    this.#restarted.fire();
  }

  dispose(): void {
    this.#supervisor?.dispose();
    this.#store.dispose();
  }
}

/** `document` and every unsaved model document, as the kernel is to see them. */
export function overlayOf(document: vscode.TextDocument | undefined): SourceText[] {
  return vscode.workspace.textDocuments
    .filter(
      (other) =>
        other === document ||
        (other.isDirty &&
          other.uri.scheme === "file" &&
          (languages as readonly string[]).includes(other.languageId)),
    )
    .map((other) => ({ file: other.uri.fsPath, version: other.version, text: other.getText() }));
}
