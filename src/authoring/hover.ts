import * as vscode from "vscode";
import type { Config } from "../config.js";
import type { ShapeHint, TensorSummary, TracedModule, ValueShape } from "../kernel/protocol.js";
import type { Runs } from "../runs.js";
import { duration, figure, short, spaced } from "./figures.js";
import { hintsOf } from "./inlayHints.js";
import { describeLayer, layerNamed, sparkline } from "./layerHover.js";
import type { Models } from "./model.js";

const { t } = vscode.l10n;

/** Shapes where the mouse rests: on a statement of `forward`, or on the name of a model class. */
export class HoverProvider implements vscode.HoverProvider {
  readonly #models: Models;
  readonly #runs: Runs;
  readonly #config: Config;

  constructor(models: Models, runs: Runs, config: Config) {
    this.#models = models;
    this.#runs = runs;
    this.#config = config;
  }

  provideHover(document: vscode.TextDocument, at: vscode.Position): vscode.Hover | undefined {
    if (!this.#config.hover.value) return undefined;
    const model = this.#models.get(document);
    const module = model?.trace?.modules.find(({ nameRange }) => toRange(nameRange).contains(at));
    if (module !== undefined) {
      const run = this.#runs.forwardOf({ file: document.uri.fsPath, export: module.name });
      return new vscode.Hover(describeModule(module, run?.reply), toRange(module.nameRange));
    }
    const layer = this.#layerAt(document, at);
    if (layer !== undefined) return layer;
    const hints = hintsOf(this.#models, document).filter(({ range }) => toRange(range).contains(at));
    // The innermost statement: the one that begins last.
    const [hint] = hints.sort((a, b) => toRange(b.range).start.compareTo(toRange(a.range).start));
    return hint === undefined ? undefined : new vscode.Hover(describeHint(hint), toRange(hint.range));
  }

  /** On `this.conv1`, or on the field's declaration: the layer. */
  #layerAt(document: vscode.TextDocument, at: vscode.Position): vscode.Hover | undefined {
    const range = document.getWordRangeAtPosition(at, /[A-Za-z_$][\w$]*/);
    if (range === undefined) return undefined;
    const text = document.lineAt(at.line).text;
    const before = text.slice(0, range.start.character);
    const isField =
      /^\s*(?:(?:readonly|private|public|protected|override|declare)\s+)*$/.test(before) &&
      /^\s*(?::[^=]*)?=\s*new\b/.test(text.slice(range.end.character));
    if (!before.endsWith("this.") && !isField) return undefined;
    const owner = classAbove(document, at.line);
    const name = document.getText(range);
    for (const model of this.#models.all) {
      for (const { snapshot } of model.trace?.modules ?? []) {
        const layer = snapshot && layerNamed(snapshot.root, owner, name);
        if (layer !== undefined) return new vscode.Hover(describeLayer(layer), range);
      }
    }
    return undefined;
  }
}

/** The class whose text a position lies in, as far as lines tell: the last one that begins above. */
function classAbove(document: vscode.TextDocument, line: number): string | undefined {
  for (let at = line; at >= 0; at--) {
    const found = /\bclass\s+([A-Za-z_$][\w$]*)/.exec(document.lineAt(at).text);
    if (found !== null) return found[1];
  }
  return undefined;
}

export function toRange({ start, end }: ShapeHint["range"]): vscode.Range {
  return new vscode.Range(start.line, start.column, end.line, end.column);
}

function describeValue({ path, shape, dtype }: ValueShape, name: string): string {
  const access = path === "" || path.startsWith("[") ? path : `.${path}`;
  return `${name}${access}: ${dtype}${spaced(shape)}`;
}

/** What is known of the value of one statement. */
export function describeHint(hint: ShapeHint): vscode.MarkdownString {
  const text = new vscode.MarkdownString();
  const name = hint.variable ?? t("value");
  text.appendCodeblock(hint.values.map((value) => describeValue(value, name)).join("\n"), "typescript");
  const notes: string[] = [];
  if (hint.times > 1) notes.push(t("runs {0} times; shown is the first", hint.times));
  if (hint.last !== undefined) {
    notes.push(t("the last gives {0}", hint.last.map(({ shape }) => spaced(shape)).join(" ")));
  }
  if (hint.call !== undefined && hint.call.paths.length > 1) {
    const { path, index, paths } = hint.call;
    notes.push(t("{0}, call {1} of {2}", path, index + 1, paths.length));
  }
  if (notes.length > 0) text.appendText(notes.join(" · "));
  return text;
}

function describeModule(
  module: TracedModule,
  run:
    | {
        readonly outputs: readonly TensorSummary[];
        readonly firstMilliseconds: number;
        readonly milliseconds: number;
      }
    | undefined,
): vscode.MarkdownString {
  const text = new vscode.MarkdownString();
  const lines = [
    ...module.inputs.map(({ text: input }) => `@input ${input}`),
    ...module.outputs.map((value) => describeValue(value, "output")),
  ];
  if (lines.length > 0) text.appendCodeblock(lines.join("\n"), "typescript");
  const figures: string[] = [];
  if (module.parameters !== undefined) {
    figures.push(t("{0} parameters", module.parameters.toLocaleString(vscode.env.language)));
    const frozen = module.parameters - (module.trainableParameters ?? module.parameters);
    if (frozen > 0) figures.push(t("{0} of them frozen", frozen.toLocaleString(vscode.env.language)));
  }
  if (module.macs !== undefined) figures.push(t("{0} MACs", short(module.macs)));
  if (figures.length > 0) text.appendText(figures.join(" · "));
  if (module.message !== undefined) text.appendMarkdown("\n\n").appendText(module.message);
  if (run !== undefined) {
    text.appendMarkdown(
      `\n\n${t("Last run: {0}, the first time {1}", duration(run.milliseconds), duration(run.firstMilliseconds))}\n`,
    );
    text.appendCodeblock(run.outputs.map(describeSummary).join("\n\n"), "typescript");
  }
  return text;
}

/** A tensor in figures: shape, statistics and the first values. */
export function describeSummary(tensor: TensorSummary): string {
  const lines = [describeValue(tensor, "output")];
  const { mean, std, min, max, nonFinite, head } = tensor;
  if (mean !== undefined && min !== undefined && max !== undefined) {
    const spread = std === undefined ? "" : ` ± ${figure(std)}`;
    lines.push(`${t("mean")} ${figure(mean)}${spread}, ${figure(min)} … ${figure(max)}`);
  }
  if (nonFinite > 0) lines.push(t("{0} values are not finite", nonFinite));
  if (tensor.histogram !== undefined) lines.push(sparkline(tensor.histogram));
  if (head.length > 0) {
    const count = tensor.shape.reduce<number>((product, dim) => product * Number(dim), 1);
    lines.push(`[${head.map(figure).join(", ")}${count > head.length ? ", …" : ""}]`);
  }
  return lines.join("\n");
}
