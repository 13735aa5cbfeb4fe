import * as path from "node:path";
import * as vscode from "vscode";
import type { FileModel, Models } from "../authoring/model.js";
import type { OutlineItem } from "../authoring/outline.js";
import type { Target } from "../runs.js";

const { t } = vscode.l10n;

function isTarget(argument: unknown): argument is Target {
  return (
    typeof argument === "object" &&
    argument !== null &&
    typeof (argument as Partial<Target>).file === "string" &&
    typeof (argument as Partial<Target>).export === "string"
  );
}

/** The model file a command without arguments means: the active editor's, else the one that is visible. */
function currentModel(models: Models): FileModel | undefined {
  const editors = [vscode.window.activeTextEditor, ...vscode.window.visibleTextEditors];
  for (const editor of editors) {
    const model = editor === undefined ? undefined : models.get(editor.document);
    if (model !== undefined) return model;
  }
  return undefined;
}

/** What a file offers of a kind: by its trace, before the first one by its outline. */
function itemsOf(model: FileModel, kind: OutlineItem["kind"]): OutlineItem[] {
  return model.outline.filter((item) => item.kind === kind);
}

/**
 * The export a command works on: its argument (from a lens), else that of the active file around the cursor, else
 * a choice. Undefined after a message, or when the person turned the choice down.
 */
export async function resolveTarget(
  models: Models,
  kind: OutlineItem["kind"],
  argument: unknown,
): Promise<Target | undefined> {
  if (isTarget(argument)) return { file: argument.file, export: argument.export };
  const model = currentModel(models);
  const items = model === undefined ? [] : itemsOf(model, kind);
  if (model === undefined || items.length === 0) {
    void vscode.window.showInformationMessage(
      kind === "module"
        ? t("Open a file that exports a class extending nn.Module first.")
        : t("Open a file that exports a function with @train in its doc comment first."),
    );
    return undefined;
  }
  const file = model.uri.fsPath;
  if (items.length === 1) return { file, export: items[0]!.name };
  const picked = await vscode.window.showQuickPick(
    items.map(({ name, title }) => ({ label: name, ...(title === undefined ? {} : { description: title }) })),
    { placeHolder: path.basename(file) },
  );
  return picked === undefined ? undefined : { file, export: picked.label };
}

/** Same for a model class, without asking or telling: for views that can do without. */
export function guessTarget(models: Models, argument: unknown): Target | undefined {
  if (isTarget(argument)) return { file: argument.file, export: argument.export };
  const model = currentModel(models);
  const item = model === undefined ? undefined : itemsOf(model, "module")[0];
  return model === undefined || item === undefined
    ? undefined
    : { file: model.uri.fsPath, export: item.name };
}
