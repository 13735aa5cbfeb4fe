import * as vscode from "vscode";
import { layerAt, layerSettings } from "../authoring/layerLiteral.js";
import type { Models } from "../authoring/model.js";
import type { ModelSnapshot } from "../kernel/protocol.js";
import type { CalculatorView } from "../views/calculator.js";

/** Opens the calculator on the layer under the cursor, with the input the last trace saw there. */
export function openCalculator(models: Models, view: CalculatorView): void {
  const editor = vscode.window.activeTextEditor;
  if (editor === undefined) {
    view.show();
    return;
  }
  const { document, selection } = editor;
  const line = document.lineAt(selection.active.line);
  const layer = layerAt(
    document.getText(),
    document.offsetAt(selection.active),
    document.offsetAt(line.range.start),
    document.offsetAt(line.range.end),
  );
  if (layer === undefined) {
    view.show();
    return;
  }
  const first = document.positionAt(layer.start).line;
  const last = document.positionAt(layer.end).line;
  const input = (models.get(document)?.trace?.modules ?? [])
    .flatMap(({ snapshot }) => (snapshot === undefined ? [] : [snapshot.root]))
    .map((root) => inputAt(root, document.uri.fsPath, first, last))
    .find((shape) => shape !== undefined);
  view.show(layerSettings(layer, input));
}

type ModuleSnapshot = ModelSnapshot["root"];

/** The shape that goes into the module created on these lines; a symbolic batch counts as one. */
function inputAt(module: ModuleSnapshot, file: string, first: number, last: number): number[] | undefined {
  const { location, inputShapes } = module;
  if (location?.file === file && location.line >= first && location.line <= last) {
    const shape = inputShapes?.[0]?.map((dim, i) => (typeof dim === "string" && i === 0 ? 1 : dim));
    if (shape?.every((dim) => typeof dim === "number") === true) return shape as number[];
  }
  for (const child of module.children) {
    const found = inputAt(child, file, first, last);
    if (found !== undefined) return found;
  }
  return undefined;
}
