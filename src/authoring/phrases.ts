import * as vscode from "vscode";
import type { Phrase } from "../kernel/protocol.js";

const { t: translate } = vscode.l10n;

/** A sentence of the kernel's in the language of the editor. */
export function translated({ template, args }: Phrase): string {
  return translate(template, ...args);
}
