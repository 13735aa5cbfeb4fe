import * as vscode from "vscode";
import type { Config } from "../config.js";
import { DisposableStore } from "../disposables.js";
import type { ShapeHint } from "../kernel/protocol.js";
import { describeHint } from "./hover.js";
import type { Models } from "./model.js";

const { t } = vscode.l10n;

/** The shape of each tensor behind its statement. */
export class HintProvider implements vscode.InlayHintsProvider, vscode.Disposable {
  readonly #store = new DisposableStore();
  readonly #changed = this.#store.add(new vscode.EventEmitter<void>());
  readonly #models: Models;
  readonly #config: Config;

  readonly onDidChangeInlayHints = this.#changed.event;

  constructor(models: Models, config: Config) {
    this.#models = models;
    this.#config = config;
    this.#store.add(models.onDidChange(() => this.#changed.fire()));
    this.#store.add(config.inlayHints.onDidChange(() => this.#changed.fire()));
  }

  provideInlayHints(document: vscode.TextDocument, range: vscode.Range): vscode.InlayHint[] {
    if (!this.#config.inlayHints.value) return [];
    const broken = this.#models.get(document)?.broken ?? false;
    return hintsOf(this.#models, document).flatMap((hint) => {
      const at = new vscode.Position(hint.position.line, hint.position.column);
      if (!range.contains(at)) return [];
      const shown = new vscode.InlayHint(at, hint.text);
      shown.paddingLeft = true;
      const tooltip = describeHint(hint);
      if (broken) tooltip.appendMarkdown(`\n\n${t("From before the syntax error.")}`);
      shown.tooltip = tooltip;
      return [shown];
    });
  }

  dispose(): void {
    this.#store.dispose();
  }
}

/**
 * The hints for a document: from its own trace, and where that has none (a class that only other models build) from
 * the traces of the other open files.
 */
export function hintsOf(models: Models, document: vscode.TextDocument): ShapeHint[] {
  const file = document.uri.fsPath;
  const own = models.get(document)?.trace?.hints.filter((hint) => hint.file === file) ?? [];
  const key = ({ position }: ShapeHint) => `${position.line}:${position.column}`;
  const seen = new Map(own.map((hint) => [key(hint), hint]));
  for (const { trace } of models.all) {
    if (trace === undefined || trace.file === file) continue;
    for (const hint of trace.hints) {
      if (hint.file === file && !seen.has(key(hint))) seen.set(key(hint), hint);
    }
  }
  return [...seen.values()];
}
