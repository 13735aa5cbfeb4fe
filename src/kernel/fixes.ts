/** Remedies as edits of the text. */
import * as path from "node:path";
import ts from "typescript";
import { className } from "../../runtime/nn/module.js";
import { unwrap, type ParsedFile } from "../../runtime/source/syntax.js";
import type { Tensor } from "../../runtime/tensor/tensor.js";
import { calleeName, type Creations, type Spot } from "./creation.js";
import type { Remedy } from "./explain/explanation.js";
import type { Failing } from "./explain/failing.js";
import { say } from "./phrase.js";
import type { Fix, TextEdit } from "./protocol.js";

function edit({ file, start, end, before = "", after = "" }: Spot, text: string): TextEdit {
  return { file: file.file, range: file.lines.range(start, end), text: `${before}${text}${after}` };
}

/** The fixes a remedy comes to: none where what it would change is not written out. */
export function fixesOf(remedy: Remedy, failing: Failing, creations: Creations): Fix[] {
  const at = failing.at?.file;
  switch (remedy.kind) {
    case "setting":
      return creations
        .argument(remedy.layer, remedy.name)
        .map((spot) => settingFix(spot, remedy.name, remedy.value, at));
    case "created": {
      const { tensor, axis, value } = remedy;
      return creations
        .sizeOf(tensor, axis, tensor.shape[axis])
        .map((spot) => replacedFix(spot, spot.file.text.slice(spot.start, spot.end), value));
    }
    case "startDim":
      return startDimFix(failing, remedy.tensor);
    case "class": {
      const creation = creations.of(remedy.layer);
      if (creation === undefined) return [];
      const callee = unwrap(creation.node.expression);
      const name = ts.isPropertyAccessExpression(callee) ? callee.name : callee;
      if (!ts.isPropertyAccessExpression(callee)) return [];
      const spot = { file: creation.file, start: name.getStart(), end: name.end };
      return [
        {
          title: say("Use {0} instead of {1}", remedy.name, className(remedy.layer)),
          edits: [edit(spot, remedy.name)],
        },
      ];
    }
    case "convert": {
      const expression = failing.expressionOf(remedy.tensor);
      return expression === undefined || at === undefined ? [] : [convertFix(at, expression, remedy.suffix)];
    }
    case "rename": {
      const spot = failing.calleeSpot;
      if (spot === undefined) return [];
      const old = spot.file.text.slice(spot.start, spot.end);
      return [{ title: say("Use {0} instead of {1}", remedy.name, old), edits: [edit(spot, remedy.name)] }];
    }
    case "size": {
      const expression = failing.sizes[remedy.index];
      return expression === undefined || at === undefined ? [] : [replaceFix(at, expression, remedy.value)];
    }
    case "argument": {
      if (at === undefined) return [];
      if (remedy.name === "*") {
        const [first] = failing.sizes;
        const last = failing.sizes.at(-1);
        if (first === undefined || last === undefined) return [];
        const spot = { file: at, start: first.getStart(), end: last.end };
        return [
          {
            title: say("Replace {0} by {1}", at.text.slice(spot.start, spot.end), remedy.value),
            edits: [edit(spot, remedy.value)],
          },
        ];
      }
      const expression = failing.argument(remedy.name, remedy.names);
      if (expression !== undefined) return [replaceFix(at, expression, remedy.value, remedy.name)];
      const last = failing.call?.arguments.at(-1);
      const place = failing.argument(remedy.names[0] ?? "", remedy.names) === last;
      if (last === undefined || !place) return [];
      const spot = { file: at, start: last.end, end: last.end, before: ", " };
      return [{ title: say("Set {0} to {1}", remedy.name, remedy.value), edits: [edit(spot, remedy.value)] }];
    }
  }
}

/** @param home the file in which the guilty expression stands: another one is named. */
export function settingFix(spot: Spot, name: string, value: string, home?: ParsedFile): Fix {
  const what = spot.label ?? name;
  const title =
    home === undefined || spot.file === home
      ? say("Set {0} to {1}", what, value)
      : say("Set {0} to {1} in {2}", what, value, path.basename(spot.file.file));
  return { title, edits: [edit(spot, value)] };
}

/** `torch.flatten(x)` without the batch left out becomes `torch.flatten(x, 1)`. */
function startDimFix(failing: Failing, tensor: Tensor): Fix[] {
  const site = failing.siteOf(tensor, 0);
  const node = site?.node;
  if (node === undefined || !ts.isCallExpression(node) || calleeName(node) !== "flatten") return [];
  const last = node.arguments.at(-1);
  const isMethod = !/^(torch|nn|F)\./.test(node.expression.getText());
  if (node.arguments.length > (isMethod ? 0 : 1)) return [];
  const at = last?.end ?? node.end - 1;
  const spot = { file: site!.file, start: at, end: at };
  return [
    { title: say("Set {0} to {1}", "startDim", "1"), edits: [edit(spot, last === undefined ? "1" : ", 1")] },
  ];
}

const replacedFix = (spot: Spot, old: string, value: string): Fix => ({
  title: say("Replace {0} by {1}", old, value),
  edits: [edit(spot, value)],
});

function replaceFix(file: ParsedFile, node: ts.Expression, value: string, name?: string): Fix {
  const title =
    name === undefined
      ? say("Replace {0} by {1}", node.getText(), value)
      : say("Set {0} to {1}", name, value);
  return { title, edits: [edit({ file, start: node.getStart(), end: node.end }, value)] };
}

function convertFix(file: ParsedFile, node: ts.Expression, suffix: string): Fix {
  const isSimple =
    ts.isIdentifier(node) ||
    ts.isCallExpression(node) ||
    ts.isPropertyAccessExpression(node) ||
    ts.isElementAccessExpression(node) ||
    ts.isParenthesizedExpression(node);
  const at = (offset: number, text: string): TextEdit => edit({ file, start: offset, end: offset }, text);
  const edits = isSimple
    ? [at(node.end, `.${suffix}`)]
    : [at(node.getStart(), "("), at(node.end, `).${suffix}`)];
  return { title: say("Add .{0} to {1}", suffix, shortened(node.getText())), edits };
}

function shortened(text: string): string {
  const line = text.replace(/\s+/g, " ");
  return line.length > 40 ? `${line.slice(0, 39)}…` : line;
}
