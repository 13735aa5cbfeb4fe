/** Mistakes that the language itself reports: no `super()`, no `forward`, a name that is not there. */
import ts from "typescript";
import * as library from "../../../runtime/index.js";
import { className, members, type Module } from "../../../runtime/nn/module.js";
import { unwrap } from "../../../runtime/source/syntax.js";
import { say } from "../phrase.js";
import type { Fix, Phrase } from "../protocol.js";
import type { ClassFound } from "../places.js";
import type { Written } from "./failing.js";

export interface Mistake {
  readonly phrase: Phrase;
  readonly fixes: readonly Fix[];
  /** Where it is said, when it is not the guilty expression. */
  readonly at?: Written;
}

function indentOf(text: string, offset: number): string {
  return /^[ \t]*/.exec(text.slice(text.lastIndexOf("\n", offset - 1) + 1))![0];
}

/** `this` before `super()`. */
export function missingSuper(error: Error, { file, node }: Written): Mistake | undefined {
  if (!(error instanceof ReferenceError) || !/super constructor/i.test(error.message)) return undefined;
  let owner: ts.Node = node;
  while (!ts.isConstructorDeclaration(owner)) {
    if (ts.isSourceFile(owner)) return undefined;
    owner = owner.parent;
  }
  const { body } = owner;
  if (body === undefined) return undefined;
  const [first] = body.statements;
  const start = first?.getStart() ?? body.getStart() + 1;
  const isOwnLine =
    first !== undefined && file.text.slice(file.text.lastIndexOf("\n", start - 1) + 1, start).trim() === "";
  const indent = indentOf(file.text, start);
  return {
    phrase: say(
      "The constructor uses this before super(): nothing can be assigned until the Module is there",
    ),
    fixes: [
      {
        title: say("Call super() first"),
        edits: [
          {
            file: file.file,
            range: file.lines.range(start, start),
            text: isOwnLine ? `super();\n${indent}` : " super(); ",
          },
        ],
      },
    ],
  };
}

/** A class without `forward`: its children one after the other are the likeliest. */
export function missingForward(model: Module, found: ClassFound): Mistake {
  const { file, node } = found;
  const children = [...members(model)].flatMap(([name, value]) =>
    typeof value === "function" ? [name] : [],
  );
  const body = children.reduce((inner, name) => `this.${name}(${inner})`, "x");
  const isTyped = !/\.[cm]?jsx?$/.test(file.file);
  const importsType = /\bimport\b[^;]*\bTensor\b[^;]*\bfrom\s*["']tensorscope["']/.test(file.text);
  const type = !isTyped ? "" : importsType ? ": Tensor" : `: import("tensorscope").Tensor`;
  const indent = indentOf(file.text, node.getStart());
  const close = node.end - 1;
  const isOwnLine = file.text.slice(file.text.lastIndexOf("\n", close - 1) + 1, close).trim() === "";
  const start = isOwnLine ? file.text.lastIndexOf("\n", close - 1) + 1 : close;
  const method = `${indent}  forward(x${type})${type} {\n${indent}    return ${body};\n${indent}  }\n`;
  const name = node.name ?? node;
  return {
    phrase: say("{0} has no forward: it cannot be called", className(model)),
    at: { file, node: name },
    fixes: [
      {
        title: say("Add forward to {0}", className(model)),
        edits: [
          {
            file: file.file,
            range: file.lines.range(start, start),
            text: isOwnLine ? `\n${method}` : `\n${method}${indent}`,
          },
        ],
      },
    ],
  };
}

/** How many letters to change, insert, drop or swap. */
function distance(a: string, b: string): number {
  const rows = Array.from({ length: a.length + 1 }, (_, i) =>
    Array.from({ length: b.length + 1 }, (__, j) => (i === 0 ? j : j === 0 ? i : 0)),
  );
  for (let i = 1; i <= a.length; i++) {
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      rows[i]![j] = Math.min(rows[i - 1]![j]! + 1, rows[i]![j - 1]! + 1, rows[i - 1]![j - 1]! + cost);
    }
  }
  return rows[a.length]![b.length]!;
}

function namesOf(value: object): string[] {
  const names = new Set<string>();
  for (
    let at: object | null = value;
    at !== null && at !== Object.prototype;
    at = Object.getPrototypeOf(at) as object | null
  ) {
    for (const name of Object.getOwnPropertyNames(at))
      if (!name.startsWith("_") && name !== "constructor") names.add(name);
  }
  return [...names];
}

/** `this.fc3`, `nn.Conv2D`, `x.rellu`: a name that does not exist, and the ones nearest to it. */
export function unknownName(
  error: Error,
  { file, node }: Written,
  model: Module | undefined,
): Mistake | undefined {
  const isKnown = /is not a (function|constructor)|Cannot read properties of undefined/.test(error.message);
  if (!(error instanceof TypeError) || !isKnown) return undefined;
  if (!ts.isCallExpression(node) && !ts.isNewExpression(node)) return undefined;
  const callee = unwrap(node.expression);
  if (!ts.isPropertyAccessExpression(callee)) return undefined;
  const owner = unwrap(callee.expression);
  const wanted = callee.name.text;
  let names: string[];
  let what: string;
  if (owner.kind === ts.SyntaxKind.ThisKeyword) {
    let holder: ts.Node = owner;
    while (!ts.isClassLike(holder) && !ts.isSourceFile(holder)) holder = holder.parent;
    what = ts.isClassLike(holder) ? (holder.name?.text ?? "class") : "class";
    const own = [...(model?.modules() ?? [])].find((one) => className(one) === what);
    if (own === undefined) return undefined;
    names = [...members(own)].map(([name]) => name);
    if (ts.isClassLike(holder))
      names.push(
        ...holder.members
          .filter(ts.isMethodDeclaration)
          .map(({ name }) => name.getText())
          .filter((name) => name !== "forward"),
      );
  } else if (ts.isPropertyAccessExpression(owner) && owner.expression.kind === ts.SyntaxKind.ThisKeyword) {
    // A method of a layer.
    const layer = [...(model?.namedModules() ?? [])].find(
      ([path]) => path.split(".").at(-1) === owner.name.text,
    )?.[1];
    if (layer === undefined) return undefined;
    what = className(layer);
    names = namesOf(Object.getPrototypeOf(layer) as object);
  } else {
    what = owner.getText();
    const spaces: Record<string, object> = { nn: library.nn, F: library.F, torch: library.torch };
    const space = spaces[what];
    if (space === undefined && !ts.isCallExpression(owner) && !ts.isIdentifier(owner)) return undefined;
    names = namesOf(space ?? library.Tensor.prototype);
    if (space === undefined) what = "Tensor";
    if (ts.isNewExpression(node)) names = names.filter((name) => /^[A-Z]/.test(name));
  }
  if (names.includes(wanted)) return undefined;
  const uses = (name: string): number => file.text.split(`.${name}(`).length;
  const near = names
    .map((name) => ({ name, cost: distance(name.toLowerCase(), wanted.toLowerCase()) }))
    .filter(({ cost }) => cost <= Math.max(2, wanted.length / 3))
    // Of two that are as near, the one that is used nowhere is likelier to be meant.
    .sort((a, b) => a.cost - b.cost || uses(a.name) - uses(b.name))
    .slice(0, 3);
  const [best] = near;
  return {
    phrase:
      best === undefined
        ? say("{0} has no {1}", what, wanted)
        : say("{0} has no {1}; did you mean {2}?", what, wanted, best.name),
    fixes: near.map(({ name }) => ({
      title: say("Use {0} instead of {1}", name, wanted),
      edits: [
        { file: file.file, range: file.lines.range(callee.name.getStart(), callee.name.end), text: name },
      ],
    })),
  };
}
