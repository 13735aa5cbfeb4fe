import * as vscode from "vscode";
import type { SourceLocation } from "../kernel/protocol.js";

/** Goes to a place in a source file, in the editor that shows it already if there is one. */
export async function reveal(location: SourceLocation): Promise<void> {
  const uri = vscode.Uri.file(location.file);
  const open = vscode.window.visibleTextEditors.find(({ document }) => document.uri.fsPath === uri.fsPath);
  const at = new vscode.Position(location.line, location.column);
  const editor = await vscode.window.showTextDocument(uri, {
    viewColumn: open?.viewColumn ?? vscode.ViewColumn.One,
  });
  editor.selection = new vscode.Selection(at, at);
  editor.revealRange(new vscode.Range(at, at), vscode.TextEditorRevealType.InCenterIfOutsideViewport);
}

/** Whether a command's argument is a place. */
export function isLocation(argument: unknown): argument is SourceLocation {
  return (
    typeof argument === "object" &&
    argument !== null &&
    typeof (argument as Partial<SourceLocation>).file === "string" &&
    typeof (argument as Partial<SourceLocation>).line === "number" &&
    typeof (argument as Partial<SourceLocation>).column === "number"
  );
}
