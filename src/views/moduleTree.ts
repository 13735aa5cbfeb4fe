import * as vscode from "vscode";
import { short, spaced, tight } from "../authoring/figures.js";
import type { Models } from "../authoring/model.js";
import { DisposableStore } from "../disposables.js";
import { contexts, internalCommands, views } from "../ids.js";
import type { ModelSnapshot, SnapshotShape, SourceLocation } from "../kernel/protocol.js";
import type { Runs, Target } from "../runs.js";

const { t } = vscode.l10n;

type ModuleSnapshot = ModelSnapshot["root"];
type TensorSnapshot = ModuleSnapshot["parameters"][number];

interface ModuleNode {
  readonly kind: "module";
  readonly model: ShownModel;
  readonly module: ModuleSnapshot;
  readonly parent: ModuleNode | undefined;
}

interface TensorNode {
  readonly kind: "tensor";
  readonly model: ShownModel;
  readonly tensor: TensorSnapshot;
  readonly buffer: boolean;
  readonly parent: ModuleNode;
}

type Node = ModuleNode | TensorNode;

/** A model and the export it belongs to. */
export interface ShownModel {
  readonly target: Target;
  readonly snapshot: ModelSnapshot;
}

/** Which models are shown, in tree and webview alike: those of the model file that was active last. */
export class ShownModels implements vscode.Disposable {
  readonly #store = new DisposableStore();
  readonly #changed = this.#store.add(new vscode.EventEmitter<void>());
  readonly #models: Models;
  readonly #runs: Runs;
  #file: string | undefined;
  #picked: string | undefined;
  #list: readonly ShownModel[] = [];

  readonly onDidChange = this.#changed.event;

  constructor(models: Models, runs: Runs) {
    this.#models = models;
    this.#runs = runs;
    this.#store.add(vscode.window.onDidChangeActiveTextEditor((editor) => this.#follow(editor)));
    this.#store.add(models.onDidChange(({ uri }) => this.#onFile(uri.fsPath)));
    this.#store.add(runs.onDidChangeModel(({ file }) => this.#onFile(file)));
    this.#follow(vscode.window.activeTextEditor);
  }

  /** The models of the file, in source order. */
  get list(): readonly ShownModel[] {
    return this.#list;
  }

  /** The one that was picked by a lens, else the first. */
  get current(): ShownModel | undefined {
    return this.#list.find(({ target }) => target.export === this.#picked) ?? this.#list[0];
  }

  /** Shows a model of a file, whichever editor is active. */
  show(target: Target): void {
    this.#file = target.file;
    this.#picked = target.export;
    this.#update();
  }

  /** Why there is nothing to show, when that is known. */
  get problem(): string | undefined {
    const model = this.#file === undefined ? undefined : this.#models.byPath(this.#file);
    return model?.problem ?? model?.trace?.modules.find(({ message }) => message !== undefined)?.message;
  }

  #follow(editor: vscode.TextEditor | undefined): void {
    // Another editor, a terminal or a webview leaves the tree as it is.
    if (editor === undefined || this.#models.get(editor.document) === undefined) return;
    if (editor.document.uri.fsPath === this.#file) return;
    this.#file = editor.document.uri.fsPath;
    this.#picked = undefined;
    this.#update();
  }

  #onFile(file: string): void {
    if (this.#file === undefined) this.#follow(vscode.window.activeTextEditor);
    if (file === this.#file) this.#update();
  }

  #update(): void {
    const file = this.#file;
    const trace = file === undefined ? undefined : this.#models.byPath(file)?.trace;
    const list: ShownModel[] = [];
    if (file !== undefined) {
      for (const item of [...(trace?.modules ?? []), ...(trace?.trainings ?? [])]) {
        const target: Target = { file, export: item.name };
        const traced = "snapshot" in item ? item.snapshot : undefined;
        const snapshot = traced ?? this.#runs.snapshotOf(target);
        if (snapshot !== undefined) list.push({ target, snapshot });
      }
    }
    // A trace that failed for a moment does not empty the view.
    if (list.length === 0 && this.#list[0]?.target.file === file && trace?.modules.length !== 0) return;
    this.#list = list;
    this.#changed.fire();
  }

  dispose(): void {
    this.#store.dispose();
  }
}

/** The native tree of modules, their shapes and parameters. */
export class ModuleTree implements vscode.TreeDataProvider<Node>, vscode.Disposable {
  readonly #store = new DisposableStore();
  readonly #changed = this.#store.add(new vscode.EventEmitter<undefined>());
  readonly #shown: ShownModels;
  readonly #view: vscode.TreeView<Node>;
  #roots: readonly ModuleNode[] = [];

  readonly onDidChangeTreeData = this.#changed.event;

  constructor(shown: ShownModels) {
    this.#shown = shown;
    this.#refresh();
    this.#view = this.#store.add(
      vscode.window.createTreeView(views.moduleTree, { treeDataProvider: this, showCollapseAll: true }),
    );
    this.#store.add(
      shown.onDidChange(() => {
        this.#refresh();
        this.#changed.fire(undefined);
        this.#describe();
      }),
    );
    this.#store.add(
      vscode.window.onDidChangeTextEditorSelection(({ textEditor, kind }) => {
        if (kind !== undefined && this.#view.visible) this.#follow(textEditor);
      }),
    );
    this.#describe();
  }

  /** The module whose source stands where the cursor is. */
  at(file: string, line: number): ModuleNode | undefined {
    const search = (nodes: readonly ModuleNode[]): ModuleNode | undefined => {
      for (const node of nodes) {
        const { location } = node.module;
        const found =
          node.parent !== undefined && location?.file === file && location.line === line
            ? node
            : search(childModules(node));
        if (found !== undefined) return found;
      }
      return undefined;
    };
    return search(this.#roots);
  }

  /** Opens the container with the model's root selected. */
  async reveal(target?: Target): Promise<void> {
    if (target !== undefined) this.#shown.show(target);
    await vscode.commands.executeCommand(`${views.moduleTree}.focus`);
    const root =
      this.#roots.find(({ model }) => target !== undefined && model.target.export === target.export) ??
      this.#roots[0];
    if (root !== undefined) await this.#view.reveal(root, { select: true, focus: true, expand: 1 });
  }

  getChildren(node?: Node): Node[] {
    if (node === undefined) return [...this.#roots];
    if (node.kind === "tensor") return [];
    const tensors = (list: readonly TensorSnapshot[], buffer: boolean) =>
      list.map((tensor): Node => ({ kind: "tensor", model: node.model, tensor, buffer, parent: node }));
    const { parameters, buffers } = node.module;
    return [...tensors(parameters, false), ...tensors(buffers, true), ...childModules(node)];
  }

  getParent(node: Node): Node | undefined {
    return node.parent;
  }

  getTreeItem(node: Node): vscode.TreeItem {
    return node.kind === "module" ? this.#moduleItem(node) : this.#tensorItem(node);
  }

  #moduleItem(node: ModuleNode): vscode.TreeItem {
    const { module, model } = node;
    const hasChildren = module.children.length > 0;
    const hasAny = hasChildren || module.parameters.length > 0 || module.buffers.length > 0;
    const item = new vscode.TreeItem(
      module.name,
      !hasAny
        ? vscode.TreeItemCollapsibleState.None
        : node.parent === undefined && this.#roots.length === 1
          ? vscode.TreeItemCollapsibleState.Expanded
          : vscode.TreeItemCollapsibleState.Collapsed,
    );
    item.id = idOf(node);
    item.iconPath = new vscode.ThemeIcon(
      node.parent === undefined ? "symbol-class" : hasChildren ? "symbol-namespace" : "symbol-method",
    );
    const facts = [
      ...(node.parent === undefined ? [] : [module.className]),
      ...(module.outputShapes === undefined ? [] : [shapesText(module.outputShapes)]),
      ...(module.totalParameters > 0 ? [short(module.totalParameters)] : []),
    ];
    item.description = facts.join(" · ");
    item.tooltip = moduleTooltip(model, module);
    item.accessibilityInformation = {
      label: [module.name, ...facts.slice(0, -1), t("{0} parameters", module.totalParameters)].join(", "),
    };
    setSource(item, module.location, module.path);
    return item;
  }

  #tensorItem({ tensor, buffer, parent, model }: TensorNode): vscode.TreeItem {
    const item = new vscode.TreeItem(tensor.name);
    item.id = `${idOf(parent)}#${tensor.name}`;
    item.iconPath = new vscode.ThemeIcon(buffer ? "symbol-constant" : "symbol-field");
    const dtype = tensor.dtype === "float32" ? "" : ` ${tensor.dtype}`;
    item.description = `${tight(tensor.shape)}${dtype} · ${short(tensor.count)}`;
    const kind = buffer ? t("buffer") : tensor.trainable ? t("parameter") : t("frozen parameter");
    const path = parent.module.path === "" ? tensor.name : `${parent.module.path}.${tensor.name}`;
    item.tooltip = new vscode.MarkdownString()
      .appendCodeblock(`${path}: ${tensor.dtype}${spaced(tensor.shape)}`, "typescript")
      .appendText(
        [
          kind,
          t("{0} values", tensor.count.toLocaleString(vscode.env.language)),
          bytesText(tensor.bytes),
          ...(tensor.sharedWith === undefined ? [] : [t("shared with {0}", tensor.sharedWith)]),
        ].join(" · "),
      );
    item.accessibilityInformation = { label: `${tensor.name}, ${kind}, ${spaced(tensor.shape)}` };
    setSource(item, parent.module.location ?? model.snapshot.root.location, parent.module.path);
    return item;
  }

  #refresh(): void {
    this.#roots = this.#shown.list.map((model) => ({
      kind: "module",
      model,
      module: model.snapshot.root,
      parent: undefined,
    }));
    void vscode.commands.executeCommand("setContext", contexts.hasTree, this.#roots.length > 0);
  }

  #describe(): void {
    const [first] = this.#shown.list;
    this.#view.description =
      first === undefined
        ? undefined
        : vscode.workspace.asRelativePath(first.target.file, false).split("/").at(-1);
    // The welcome text says what to do where there is no model; a reason goes above it.
    this.#view.message = first === undefined && vscode.workspace.isTrusted ? this.#shown.problem : undefined;
  }

  #follow(editor: vscode.TextEditor): void {
    const node = this.at(editor.document.uri.fsPath, editor.selection.active.line);
    if (node === undefined || this.#view.selection[0] === node) return;
    void this.#view.reveal(node, { select: true, focus: false });
  }

  dispose(): void {
    this.#store.dispose();
  }
}

function childModules(node: ModuleNode): ModuleNode[] {
  return node.module.children.map((module) => ({ kind: "module", model: node.model, module, parent: node }));
}

function idOf({ model, module }: ModuleNode): string {
  return `${model.target.file}#${model.target.export}#${module.path}`;
}

function shapesText(list: readonly SnapshotShape[]): string {
  return list.length > 2 ? `${tight(list[0]!)} +${list.length - 1}` : list.map(tight).join(" ");
}

function setSource(item: vscode.TreeItem, location: SourceLocation | undefined, path: string): void {
  if (location === undefined) return;
  item.command = {
    title: t("Go to source"),
    command: internalCommands.revealModule,
    arguments: [location, path],
  };
}

function bytesText(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  const power = Math.min(Math.floor(Math.log2(Math.max(bytes, 1)) / 10), units.length - 1);
  const value = bytes / 2 ** (10 * power);
  return `${power === 0 || value >= 100 ? value.toFixed(0) : value.toFixed(1)} ${units[power]}`;
}

function moduleTooltip({ snapshot }: ShownModel, module: ModuleSnapshot): vscode.MarkdownString {
  const text = new vscode.MarkdownString();
  const name = module.path === "" ? "" : `${module.path}: `;
  text.appendCodeblock(`${name}${module.className}(${module.extraRepr})`, "typescript");
  const { inputShapes, outputShapes, totalParameters, trainableParameters, bytes, macs } = module;
  const share = snapshot.root.totalParameters === 0 ? 0 : totalParameters / snapshot.root.totalParameters;
  const lines = [
    ...(outputShapes === undefined
      ? []
      : [`${(inputShapes ?? []).map(spaced).join(" ")} → ${outputShapes.map(spaced).join(" ")}`]),
    t("{0} parameters", totalParameters.toLocaleString(vscode.env.language)) +
      (module.path === "" || share === 0 ? "" : ` (${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %)`),
    ...(trainableParameters < totalParameters
      ? [t("{0} trainable", trainableParameters.toLocaleString(vscode.env.language))]
      : []),
    bytesText(bytes),
    ...(macs === undefined ? [] : [t("{0} MACs", short(macs))]),
  ];
  return text.appendText(lines.join(" · "));
}
