/**
 * Makes `import … from "tensorscope"` resolve in a folder that has no install of it: the library's declarations are
 * copied into the folder, and its TypeScript or JavaScript configuration maps the name to them. This is the one way
 * that holds under whichever TypeScript the editor runs.
 */
import * as path from "node:path";
import type typescript from "typescript";
import * as vscode from "vscode";
import { setProperty } from "./config.js";

const { t } = vscode.l10n;

const moduleName = "tensorscope";
/** Beside the configuration; the dot keeps it out of the usual `include`. */
const declarations = ".tensorscope";

/** TypeScript is large: it is loaded when a configuration is to be read. */
type TypeScript = typeof typescript;
const loadTypeScript = async (): Promise<TypeScript> => {
  const loaded = (await import("typescript")) as { readonly default?: TypeScript };
  return loaded.default ?? (loaded as unknown as TypeScript);
};

/** The workspace folder of a file; a file outside of all has the folder it lies in. */
function folderOf(file: vscode.Uri): vscode.Uri {
  return vscode.workspace.getWorkspaceFolder(file)?.uri ?? vscode.Uri.joinPath(file, "..");
}

async function exists(uri: vscode.Uri): Promise<boolean> {
  try {
    await vscode.workspace.fs.stat(uri);
    return true;
  } catch {
    return false;
  }
}

/** The configuration that a file belongs to by its place: the nearest one, up to the workspace folder. */
async function nearestConfig(file: vscode.Uri, folder: vscode.Uri): Promise<vscode.Uri | undefined> {
  for (let at = vscode.Uri.joinPath(file, ".."); ; at = vscode.Uri.joinPath(at, "..")) {
    for (const name of ["tsconfig.json", "jsconfig.json"]) {
      const config = vscode.Uri.joinPath(at, name);
      if (await exists(config)) return config;
    }
    if (at.path === folder.path || !at.path.startsWith(folder.path)) return undefined;
  }
}

/** The text of an open document, else of the file. */
async function textOf(uri: vscode.Uri): Promise<string> {
  return (await vscode.workspace.openTextDocument(uri)).getText();
}

/** Settings that work with every TypeScript from 5.4 on; what is not said is TypeScript's default. */
function freshConfig(target: string): string {
  return `{
  "compilerOptions": {
    "target": "ESNext",
    "module": "Preserve",
    "moduleResolution": "Bundler",
    "strict": true,
    "skipLibCheck": true,
    "noEmit": true,
    // Written by Tensorscope: the library's declarations.
    "paths": {
      "${moduleName}": ["${target}"]
    }
  }
}
`;
}

/** A relative path as configurations write it. */
function relative(from: string, to: string): string {
  const text = path.posix.relative(from, to);
  return text.startsWith("../") ? text : `./${text}`;
}

/** The configuration's text with the library's name mapped; paths that it inherits are kept, since its own hide them. */
async function mapped(config: vscode.Uri, target: vscode.Uri): Promise<string> {
  const ts = await loadTypeScript();
  const text = await textOf(config);
  const file = config.fsPath;
  const { options, raw } = ts.parseJsonConfigFileContent(
    ts.readConfigFile(file, () => text).config as unknown,
    ts.sys,
    path.dirname(file),
    undefined,
    file,
  );
  const { baseUrl, paths = {} } = options;
  const posix = (name: string) => name.split(path.sep).join("/");
  // What paths are relative to: the base, else the configuration that has them.
  const inheritedBase = (options as { readonly pathsBasePath?: string }).pathsBasePath;
  const base = posix(baseUrl ?? path.dirname(file));
  const own = (raw as { readonly compilerOptions?: { readonly paths?: object } } | undefined)?.compilerOptions
    ?.paths;
  const value = [relative(base, posix(target.fsPath))];
  if (own !== undefined || Object.keys(paths).length === 0) {
    return setProperty(ts, text, ["compilerOptions", "paths", moduleName], value);
  }
  const from = posix(baseUrl ?? inheritedBase ?? path.dirname(file));
  const kept = Object.entries(paths).map(([key, list]) => [
    key,
    list.map((item) => relative(base, path.posix.resolve(from, item))),
  ]);
  return setProperty(ts, text, ["compilerOptions", "paths"], {
    ...(Object.fromEntries(kept) as Record<string, string[]>),
    [moduleName]: value,
  });
}

async function replaceText(uri: vscode.Uri, text: string): Promise<void> {
  const document = await vscode.workspace.openTextDocument(uri);
  const edit = new vscode.WorkspaceEdit();
  edit.replace(
    uri,
    new vscode.Range(new vscode.Position(0, 0), document.positionAt(document.getText().length)),
    text,
  );
  await vscode.workspace.applyEdit(edit);
  await document.save();
}

/** Copies the declarations of this version; what was there before goes. */
async function copyDeclarations(context: vscode.ExtensionContext, folder: vscode.Uri): Promise<vscode.Uri> {
  const { fs } = vscode.workspace;
  const home = vscode.Uri.joinPath(folder, declarations);
  const types = vscode.Uri.joinPath(home, "types");
  const encode = (text: string) => new TextEncoder().encode(text);
  if (await exists(types)) await fs.delete(types, { recursive: true });
  await fs.copy(vscode.Uri.joinPath(context.extensionUri, "dist", "types"), types, { overwrite: true });
  // They can be made again at any time and belong to a version of the extension.
  await fs.writeFile(vscode.Uri.joinPath(home, ".gitignore"), encode("*\n"));
  await fs.writeFile(vscode.Uri.joinPath(home, "version"), encode(`${versionOf(context)}\n`));
  return vscode.Uri.joinPath(types, "index.d.ts");
}

function versionOf(context: vscode.ExtensionContext): string {
  return String((context.extension.packageJSON as { readonly version?: unknown }).version);
}

/** Writes declarations and configuration for the folder of a file. */
export async function setUpIntelliSense(context: vscode.ExtensionContext, file: vscode.Uri): Promise<void> {
  const folder = folderOf(file);
  const target = await copyDeclarations(context, folder);
  const config = await nearestConfig(file, folder);
  if (config !== undefined) {
    await replaceText(config, await mapped(config, target));
    return;
  }
  const name = /\.[cm]?jsx?$/.test(file.path) ? "jsconfig.json" : "tsconfig.json";
  const text = freshConfig(relative(folder.path, target.path));
  await vscode.workspace.fs.writeFile(vscode.Uri.joinPath(folder, name), new TextEncoder().encode(text));
}

/** Declarations of another version of the extension are replaced: consent was given when they were first written. */
export async function upgradeDeclarations(context: vscode.ExtensionContext): Promise<void> {
  for (const { uri } of vscode.workspace.workspaceFolders ?? []) {
    const stamp = vscode.Uri.joinPath(uri, declarations, "version");
    if (!(await exists(stamp))) continue;
    const version = new TextDecoder().decode(await vscode.workspace.fs.readFile(stamp)).trim();
    if (version !== versionOf(context)) await copyDeclarations(context, uri);
  }
}

/** Whether TypeScript says of a file that it does not find the library. */
export function isUnresolved(uri: vscode.Uri): boolean {
  return unresolvedIn(uri) !== undefined;
}

function unresolvedIn(uri: vscode.Uri): vscode.Diagnostic | undefined {
  return vscode.languages
    .getDiagnostics(uri)
    .find(
      ({ source, code, message }) =>
        (source === "ts" || source === "js") &&
        [2307, 2792, 7016].includes(Number(typeof code === "object" ? code.value : code)) &&
        message.includes(`'${moduleName}'`),
    );
}

const askedKey = "intelliSense.declined";

/** Offers the set-up where TypeScript misses the library: once as a message, always as a quick fix. */
export class IntelliSenseOffer implements vscode.Disposable, vscode.CodeActionProvider {
  readonly #context: vscode.ExtensionContext;
  readonly #command: string;
  readonly #subscriptions: vscode.Disposable[] = [];
  /** Folders that were asked about in this session. */
  readonly #asked = new Set<string>();

  constructor(context: vscode.ExtensionContext, selector: vscode.DocumentSelector, command: string) {
    this.#context = context;
    this.#command = command;
    this.#subscriptions.push(
      vscode.languages.registerCodeActionsProvider(selector, this, {
        providedCodeActionKinds: [vscode.CodeActionKind.QuickFix],
      }),
      vscode.languages.onDidChangeDiagnostics(({ uris }) => {
        for (const uri of uris) if (uri.scheme === "file" && isUnresolved(uri)) void this.#offer(uri);
      }),
    );
    if (vscode.workspace.isTrusted) void upgradeDeclarations(context).catch(() => undefined);
  }

  async #offer(uri: vscode.Uri): Promise<void> {
    const folder = folderOf(uri).toString();
    if (!vscode.workspace.isTrusted || this.#asked.has(folder)) return;
    if (!vscode.window.visibleTextEditors.some(({ document }) => document.uri.toString() === uri.toString()))
      return;
    this.#asked.add(folder);
    const declined = this.#context.workspaceState.get<readonly string[]>(askedKey, []);
    if (declined.includes(folder)) return;
    const setUp = t("Set Up");
    const never = t("Never Here");
    const choice = await vscode.window.showInformationMessage(
      t(
        'TypeScript does not know "tensorscope" in this folder. Set up completions and types? This writes declarations to .tensorscope and maps the name to them in tsconfig.json or jsconfig.json.',
      ),
      setUp,
      never,
    );
    if (choice === setUp) await vscode.commands.executeCommand(this.#command, uri);
    else if (choice === never) await this.#context.workspaceState.update(askedKey, [...declined, folder]);
  }

  provideCodeActions(
    document: vscode.TextDocument,
    range: vscode.Range,
    { diagnostics }: vscode.CodeActionContext,
  ): vscode.CodeAction[] {
    const found = unresolvedIn(document.uri);
    if (found === undefined || !vscode.workspace.isTrusted) return [];
    if (!found.range.intersection(range) && !diagnostics.includes(found)) return [];
    const title = t("Set up Tensorscope's types in this folder");
    const action = new vscode.CodeAction(title, vscode.CodeActionKind.QuickFix);
    action.command = { title, command: this.#command, arguments: [document.uri] };
    action.diagnostics = [found];
    action.isPreferred = true;
    return [action];
  }

  dispose(): void {
    for (const subscription of this.#subscriptions) subscription.dispose();
  }
}
