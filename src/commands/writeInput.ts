import * as vscode from "vscode";
import { toRange } from "../authoring/hover.js";
import type { Models } from "../authoring/model.js";
import type { Target } from "../runs.js";

/** Writes the proposed `@input` tags of a model class into its doc comment. */
export async function writeInput(models: Models, target: Target): Promise<void> {
  const trace = models.byPath(target.file)?.trace;
  const edit = trace?.modules.find(({ name }) => name === target.export)?.inputEdit;
  if (edit === undefined) return;
  const uri = vscode.Uri.file(edit.file);
  const document = await vscode.workspace.openTextDocument(uri);
  // The proposal's place is that of the traced text.
  if (trace?.versions[edit.file] !== document.version) return;
  const change = new vscode.WorkspaceEdit();
  change.replace(uri, toRange(edit.range), edit.text);
  await vscode.workspace.applyEdit(change);
}
