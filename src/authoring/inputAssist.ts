import * as vscode from "vscode";
import { toRange } from "./hover.js";
import { forwardParameters, inDocComment, inputSlot, taggedNames } from "./inputTags.js";
import type { Models } from "./model.js";

const { t } = vscode.l10n;

const dtypes = ["float32", "int64", "bool", "float64", "float16", "uint8", "int32"];

/** Completes `@input` tags as they are written. */
export class InputCompletion implements vscode.CompletionItemProvider {
  static readonly triggers = ["@", " ", "["];
  readonly #models: Models;

  constructor(models: Models) {
    this.#models = models;
  }

  provideCompletionItems(document: vscode.TextDocument, at: vscode.Position): vscode.CompletionItem[] {
    if (this.#models.get(document) === undefined) return [];
    const slot = inputSlot(document.lineAt(at.line).text.slice(0, at.character));
    if (slot === undefined) return [];
    const text = document.getText();
    const offset = document.offsetAt(at);
    if (!inDocComment(text, offset)) return [];
    switch (slot) {
      case "tag":
        return [
          item("@input", t("What goes into forward: a name, a dtype and a shape"), "@input "),
          item("@train", t("This function trains: it gets a ▶ of its own"), "@train "),
        ].map((one) => {
          const typed = /@[a-z]*$/.exec(document.lineAt(at.line).text.slice(0, at.character))?.[0] ?? "";
          one.range = new vscode.Range(at.translate(0, -typed.length), at);
          return one;
        });
      case "name": {
        const tagged = taggedNames(text, offset);
        return forwardParameters(text, offset)
          .filter((name) => !tagged.includes(name))
          .map((name) => item(name, t("Parameter of forward"), `${name} `));
      }
      case "dtype":
        return dtypes.map((name) => item(name, undefined, new vscode.SnippetString(`${name}[$0]`)));
      case "dims":
        return [item("N", t("A batch of any size: shapes keep the name"), "N")];
      case "range":
        return [item("in", t("Values from the first number up to the second, not included"), "in 0..")];
    }
  }
}

function item(label: string, detail: string | undefined, insert: string | vscode.SnippetString) {
  const made = new vscode.CompletionItem(label, vscode.CompletionItemKind.Keyword);
  if (detail !== undefined) made.detail = detail;
  made.insertText = insert;
  if (insert === label || (typeof insert === "string" && insert.endsWith(" "))) {
    made.command = { title: "", command: "editor.action.triggerSuggest" };
  }
  return made;
}

/** Offers to write the proposed `@input` of a model that has none. */
export class InputActions implements vscode.CodeActionProvider {
  readonly #models: Models;

  constructor(models: Models) {
    this.#models = models;
  }

  provideCodeActions(document: vscode.TextDocument, range: vscode.Range): vscode.CodeAction[] {
    const trace = this.#models.get(document)?.trace;
    if (trace === undefined || trace.versions[trace.file] !== document.version) return [];
    return trace.modules.flatMap(({ nameRange, inputEdit, inputs }) => {
      if (inputEdit === undefined || toRange(nameRange).start.line !== range.start.line) return [];
      const tag = inputs.map(({ text }) => `@input ${text}`).join(", ");
      const action = new vscode.CodeAction(t("Write {0}", tag), vscode.CodeActionKind.QuickFix);
      action.edit = new vscode.WorkspaceEdit();
      action.edit.replace(vscode.Uri.file(inputEdit.file), toRange(inputEdit.range), inputEdit.text);
      return [action];
    });
  }
}
