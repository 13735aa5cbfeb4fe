import * as vscode from "vscode";
import type { Config } from "../config.js";
import type { Diagnostics } from "./diagnostics.js";
import { toRange } from "./hover.js";
import { translated } from "./phrases.js";

const { t } = vscode.l10n;

/** What puts a diagnostic right, as the tracer found out by trying; and for a lint how to be rid of it. */
export class QuickFixes implements vscode.CodeActionProvider {
  readonly #diagnostics: Diagnostics;
  readonly #config: Config;

  constructor(diagnostics: Diagnostics, config: Config) {
    this.#diagnostics = diagnostics;
    this.#config = config;
  }

  provideCodeActions(document: vscode.TextDocument, range: vscode.Range): vscode.CodeAction[] {
    return this.#diagnostics.offersAt(document, range).flatMap(({ diagnostic, fixes }) => {
      const actions = fixes.map((fix, i) => {
        const action = new vscode.CodeAction(translated(fix.title), vscode.CodeActionKind.QuickFix);
        action.diagnostics = [diagnostic];
        action.isPreferred = i === 0;
        action.edit = new vscode.WorkspaceEdit();
        for (const { file, range: place, text } of fix.edits)
          action.edit.replace(vscode.Uri.file(file), toRange(place), text);
        return action;
      });
      const id = typeof diagnostic.code === "object" ? String(diagnostic.code.value) : "";
      return id in this.#config.lints ? [...actions, ignore(document, diagnostic, id)] : actions;
    });
  }
}

/** Writes the comment that keeps a lint quiet at one place. */
function ignore(document: vscode.TextDocument, diagnostic: vscode.Diagnostic, id: string): vscode.CodeAction {
  const { line } = diagnostic.range.start;
  const indent = /^\s*/.exec(document.lineAt(line).text)![0];
  const action = new vscode.CodeAction(t("Ignore {0} here", id), vscode.CodeActionKind.QuickFix);
  action.diagnostics = [diagnostic];
  action.edit = new vscode.WorkspaceEdit();
  action.edit.insert(document.uri, new vscode.Position(line, 0), `${indent}// tensorscope-ignore ${id}\n`);
  return action;
}
