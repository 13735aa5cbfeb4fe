import * as vscode from "vscode";
import type { Config } from "../config.js";
import { DisposableStore } from "../disposables.js";
import type { Fix, LintId, TraceDiagnostic } from "../kernel/protocol.js";
import type { Failure, Runs, Target } from "../runs.js";
import { toRange } from "./hover.js";
import type { FileModel, Models } from "./model.js";
import { translated } from "./phrases.js";

const severities: Record<TraceDiagnostic["severity"], vscode.DiagnosticSeverity> = {
  error: vscode.DiagnosticSeverity.Error,
  warning: vscode.DiagnosticSeverity.Warning,
  information: vscode.DiagnosticSeverity.Information,
  hint: vscode.DiagnosticSeverity.Hint,
};

interface Found {
  readonly file: string;
  readonly diagnostic: vscode.Diagnostic;
  readonly fixes?: readonly Fix[];
  /** Versions of the documents that the fixes' places are of. */
  readonly versions?: Readonly<Record<string, number>>;
}

/** What can be done about a diagnostic. */
export interface Offer {
  readonly diagnostic: vscode.Diagnostic;
  readonly fixes: readonly Fix[];
}

/** Marks what traces and runs found wrong, in whichever file it is. */
export class Diagnostics implements vscode.Disposable {
  readonly #store = new DisposableStore();
  readonly #collection = this.#store.add(vscode.languages.createDiagnosticCollection("tensorscope"));
  readonly #config: Config;
  readonly #documentation: vscode.Uri;
  /** By the traced file, or the run's target. */
  readonly #found = new Map<string, readonly Found[]>();

  /** @param documentation the page about lints. */
  constructor(models: Models, runs: Runs, config: Config, documentation: vscode.Uri) {
    this.#config = config;
    this.#documentation = documentation;
    const all = () => {
      for (const model of models.all) this.#trace(model);
    };
    this.#store.add(models.onDidChange((model) => this.#trace(model)));
    this.#store.add(models.onDidClose(({ fsPath }) => this.#set(fsPath, [])));
    this.#store.add(config.diagnostics.onDidChange(all));
    for (const lint of Object.values(config.lints)) this.#store.add(lint.onDidChange(all));
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
        .flatMap((found) => {
          const severity = this.#severityOf(found);
          if (severity === undefined) return [];
          const message = found.phrase === undefined ? found.message : translated(found.phrase);
          const diagnostic = new vscode.Diagnostic(toRange(found.range), message, severity);
          diagnostic.source = "tensorscope";
          diagnostic.code =
            found.code in this.#config.lints
              ? { value: found.code, target: this.#documentation.with({ fragment: found.code }) }
              : found.code;
          const { fixes = [] } = found;
          return [{ file: found.file, diagnostic, fixes, versions: trace?.versions ?? {} }];
        }),
    );
  }

  /** A lint's is a setting; undefined for one that is turned off. */
  #severityOf({ code, severity }: TraceDiagnostic): vscode.DiagnosticSeverity | undefined {
    if (!(code in this.#config.lints)) return severities[severity];
    const setting = this.#config.lints[code as LintId].value;
    if (setting === "off") return undefined;
    return setting in severities ? severities[setting as TraceDiagnostic["severity"]] : severities.warning;
  }

  /** The diagnostics of a document around a place, with those of their fixes whose documents are as they were. */
  offersAt(document: vscode.TextDocument, range: vscode.Range): Offer[] {
    const here = [...this.#found.values()]
      .flat()
      .filter(
        ({ file, diagnostic }) =>
          file === document.uri.fsPath && diagnostic.range.intersection(range) !== undefined,
      );
    const seen = new Set<string>();
    return here.flatMap(({ diagnostic, fixes = [], versions = {} }) => {
      const key = `${diagnostic.range.start.line}:${diagnostic.range.start.character}:${diagnostic.message}`;
      if (seen.has(key)) return [];
      seen.add(key);
      return [
        {
          diagnostic,
          fixes: fixes.filter(({ edits }) => edits.every(({ file }) => isAsTraced(file, versions))),
        },
      ];
    });
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

/** Whether a file's text is the one that was traced. */
function isAsTraced(file: string, versions: Readonly<Record<string, number>>): boolean {
  const open = vscode.workspace.textDocuments.find(({ uri }) => uri.fsPath === file);
  return (
    open === undefined || (versions[file] === undefined ? !open.isDirty : versions[file] === open.version)
  );
}

function failureOf(runs: Runs, target: Target): Failure | undefined {
  const training = runs.trainingOf(target);
  return runs.forwardOf(target)?.failure ?? training?.failure;
}
