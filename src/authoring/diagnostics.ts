import * as vscode from "vscode";
import type { Config } from "../config.js";
import { DisposableStore } from "../disposables.js";
import type { TraceDiagnostic } from "../kernel/protocol.js";
import type { Failure, Runs, Target } from "../runs.js";
import { toRange } from "./hover.js";
import type { FileModel, Models } from "./model.js";

const severities: Record<TraceDiagnostic["severity"], vscode.DiagnosticSeverity> = {
  error: vscode.DiagnosticSeverity.Error,
  warning: vscode.DiagnosticSeverity.Warning,
  information: vscode.DiagnosticSeverity.Information,
  hint: vscode.DiagnosticSeverity.Hint,
};

interface Found {
  readonly file: string;
  readonly diagnostic: vscode.Diagnostic;
}

/** Marks what traces and runs found wrong, in whichever file it is. */
export class Diagnostics implements vscode.Disposable {
  readonly #store = new DisposableStore();
  readonly #collection = this.#store.add(vscode.languages.createDiagnosticCollection("tensorscope"));
  readonly #config: Config;
  /** By the traced file, or the run's target. */
  readonly #found = new Map<string, readonly Found[]>();

  constructor(models: Models, runs: Runs, config: Config) {
    this.#config = config;
    const all = () => {
      for (const model of models.all) this.#trace(model);
    };
    this.#store.add(models.onDidChange((model) => this.#trace(model)));
    this.#store.add(models.onDidClose(({ fsPath }) => this.#set(fsPath, [])));
    this.#store.add(config.diagnostics.onDidChange(all));
    this.#store.add(runs.onDidChange((target) => this.#run(target, failureOf(runs, target))));
    // What failed on the old text is told anew by the next run.
    this.#store.add(
      models.onDidEdit((edited) => {
        for (const [key, found] of this.#found) {
          if (key.includes("\n") && found.some(({ file }) => file === edited)) this.#set(key, []);
        }
      }),
    );
  }

  #trace({ trace, uri, problem }: FileModel): void {
    if (trace === undefined && problem === undefined) return;
    const list = this.#config.diagnostics.value ? (trace?.diagnostics ?? []) : [];
    this.#set(
      uri.fsPath,
      // The editor's own language service reports what does not parse.
      list
        .filter(({ code }) => code !== "syntax")
        .map((found) => {
          const diagnostic = new vscode.Diagnostic(
            toRange(found.range),
            found.message,
            severities[found.severity],
          );
          diagnostic.source = "tensorscope";
          diagnostic.code = found.code;
          return { file: found.file, diagnostic };
        }),
    );
  }

  #run(target: Target, failure: Failure | undefined): void {
    const key = `${target.file}\n${target.export}`;
    if (failure?.location === undefined) {
      this.#set(key, []);
      return;
    }
    const { file, line, column } = failure.location;
    const document = vscode.workspace.textDocuments.find(({ uri }) => uri.fsPath === file);
    const text =
      document !== undefined && line < document.lineCount ? document.lineAt(line).text.trimEnd() : "";
    const range = new vscode.Range(line, column, line, Math.max(text.length, column + 1));
    // A trace of the same line said it already.
    const known = [...this.#found].some(
      ([other, found]) =>
        other !== key && found.some((one) => one.file === file && one.diagnostic.range.start.line === line),
    );
    const diagnostic = new vscode.Diagnostic(range, failure.message, vscode.DiagnosticSeverity.Error);
    diagnostic.source = "tensorscope";
    diagnostic.code = "run";
    this.#set(key, known ? [] : [{ file, diagnostic }]);
  }

  #set(key: string, found: readonly Found[]): void {
    const before = this.#found.get(key) ?? [];
    if (before.length === 0 && found.length === 0) return;
    if (found.length === 0) this.#found.delete(key);
    else this.#found.set(key, found);
    for (const file of new Set([...before, ...found].map((one) => one.file))) {
      const unique = new Map<string, vscode.Diagnostic>();
      for (const one of [...this.#found.values()].flat()) {
        if (one.file !== file) continue;
        const { range, message } = one.diagnostic;
        unique.set(`${range.start.line}:${range.start.character}:${message}`, one.diagnostic);
      }
      this.#collection.set(vscode.Uri.file(file), [...unique.values()]);
    }
  }

  dispose(): void {
    this.#store.dispose();
  }
}

function failureOf(runs: Runs, target: Target): Failure | undefined {
  const training = runs.trainingOf(target);
  return runs.forwardOf(target)?.failure ?? training?.failure;
}
