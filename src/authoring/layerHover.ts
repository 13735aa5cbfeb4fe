import * as vscode from "vscode";
import { formulaOf, pageOf, shapeRule } from "../../runtime/inspect/layerRules.js";
import type { ModelSnapshot } from "../kernel/protocol.js";
import { short, spaced } from "./figures.js";

const { t } = vscode.l10n;

type ModuleSnapshot = ModelSnapshot["root"];

/** The layer that `this.name` means in a class of a model, the first of that class that has it. */
export function layerNamed(
  root: ModuleSnapshot,
  owner: string | undefined,
  name: string,
): ModuleSnapshot | undefined {
  const visit = (module: ModuleSnapshot): ModuleSnapshot | undefined => {
    if (owner === undefined || module.className === owner) {
      const own = module.children.find((child) => child.name === name);
      if (own !== undefined) return own;
    }
    for (const child of module.children) {
      const found = visit(child);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  return visit(root);
}

/** A layer: what it is, what it computes, how its shape comes about in this call, and what it costs. */
export function describeLayer(layer: ModuleSnapshot): vscode.MarkdownString {
  const text = new vscode.MarkdownString();
  const shapes = [layer.inputShapes, layer.outputShapes].map((list) => (list ?? []).map(spaced).join(", "));
  const lines = [`${layer.path}: ${layer.className}(${layer.extraRepr})`];
  const formula = formulaOf(layer.className);
  if (formula !== undefined) lines.push(formula);
  if (shapes[1] !== "") lines.push(`${shapes[0]} → ${shapes[1]}`, ...shapeRule(layer));
  text.appendCodeblock(lines.join("\n"), "text");
  const figures = [t("{0} parameters", layer.totalParameters.toLocaleString(vscode.env.language))];
  if (layer.macs !== undefined && layer.macs > 0) figures.push(t("{0} MACs", short(layer.macs)));
  text.appendText(figures.join(" · "));
  if (formula !== undefined) text.appendMarkdown(` · [${t("PyTorch's page")}](${pageOf(layer.className)})`);
  return text;
}

const bars = "▁▂▃▄▅▆▇█";

/** A histogram in one line of text. */
export function sparkline(counts: readonly number[]): string {
  const most = Math.max(...counts);
  if (!(most > 0)) return "";
  return counts.map((count) => bars[count === 0 ? 0 : Math.min(7, Math.ceil((count / most) * 7))]!).join("");
}
