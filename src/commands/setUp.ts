import * as vscode from "vscode";
import { setUpIntelliSense } from "../intellisense/setup.js";

const { t } = vscode.l10n;

/** Sets types and completions up for the folder of the given file, else of the active one. */
export async function setUp(context: vscode.ExtensionContext, argument: unknown): Promise<void> {
  const file = argument instanceof vscode.Uri ? argument : vscode.window.activeTextEditor?.document.uri;
  if (file?.scheme !== "file") {
    void vscode.window.showInformationMessage(t("Open a file of the folder first."));
    return;
  }
  try {
    await setUpIntelliSense(context, file);
    // Its watcher may miss a configuration that is new. An editor with another TypeScript has no such command.
    await Promise.resolve(vscode.commands.executeCommand("typescript.restartTsServer")).catch(
      () => undefined,
    );
    vscode.window.setStatusBarMessage(t("Types and completions are set up."), 5000);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    void vscode.window.showErrorMessage(t("Types and completions could not be set up: {0}", reason));
  }
}
