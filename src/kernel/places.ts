/** Where in the sources the modules of a model are created: fields, `this.x = …`, elements of containers. */
import ts from "typescript";
import { className as moduleClass, members, Module } from "../../runtime/nn/module.js";
import { className } from "./instrument.js";
import type { SourceLocation } from "./protocol.js";
import { unwrap, type ParsedFile } from "./syntax.js";

interface Found {
  readonly file: ParsedFile;
  /** The name that is declared or assigned. */
  readonly name: ts.Node;
  readonly value: ts.Expression | undefined;
}

interface ClassFound {
  readonly file: ParsedFile;
  readonly node: ts.ClassLikeDeclaration;
}

/** Finds where the modules of `root` are created, by dotted path. */
export function moduleLocator(
  files: readonly ParsedFile[],
  root: Module,
): (path: string) => SourceLocation | undefined {
  const classes = new Map<string, ClassFound>();
  for (const file of files) {
    const visit = (node: ts.Node): void => {
      if (ts.isClassLike(node)) {
        const name = className(node);
        // The first wins: the entry comes first.
        if (!classes.has(name)) classes.set(name, { file, node });
      }
      ts.forEachChild(node, visit);
    };
    visit(file.tree);
  }

  const memberOf = (name: string, member: string, depth = 0): Found | undefined => {
    const found = classes.get(name);
    if (found === undefined || depth > 20) return undefined;
    const own = memberIn(found, member);
    if (own !== undefined) return own;
    const base = found.node.heritageClauses?.find(({ token }) => token === ts.SyntaxKind.ExtendsKeyword)
      ?.types[0];
    return base === undefined
      ? undefined
      : memberOf(base.expression.getText().split(".").at(-1)!, member, depth + 1);
  };

  const place = ({ file, name }: Pick<Found, "file" | "name">): SourceLocation => ({
    file: file.file,
    ...file.lines.position(name.getStart()),
  });

  return (path) => {
    let module: Module = root;
    let found: Found | undefined;
    if (path === "") {
      const own = classes.get(moduleClass(root));
      return own && place({ file: own.file, name: own.node.name ?? own.node });
    }
    for (const part of path.split(".")) {
      found = memberOf(moduleClass(module), part) ?? (found && elementOf(found, part));
      const next = new Map(members(module)).get(part);
      if (!(next instanceof Module)) return undefined;
      module = next;
    }
    return found && place(found);
  };
}

function memberIn({ file, node }: ClassFound, member: string): Found | undefined {
  for (const item of node.members) {
    if (ts.isPropertyDeclaration(item) && item.initializer !== undefined && item.name.getText() === member) {
      return { file, name: item.name, value: unwrap(item.initializer) };
    }
  }
  let found: Found | undefined;
  const visit = (child: ts.Node): void => {
    if (found !== undefined) return;
    if (
      ts.isBinaryExpression(child) &&
      child.operatorToken.kind === ts.SyntaxKind.EqualsToken &&
      ts.isPropertyAccessExpression(child.left) &&
      child.left.expression.kind === ts.SyntaxKind.ThisKeyword &&
      child.left.name.text === member
    ) {
      found = { file, name: child.left, value: unwrap(child.right) };
      return;
    }
    ts.forEachChild(child, visit);
  };
  for (const item of node.members) if (ts.isConstructorDeclaration(item)) visit(item);
  return found;
}

/** The place of a container's element where it is written out, else the container's. */
function elementOf(container: Found, part: string): Found {
  const { value } = container;
  if (value === undefined || !ts.isNewExpression(value)) return { ...container, value: undefined };
  const args = value.arguments ?? [];
  const first = args[0] && unwrap(args[0]);
  const list = first !== undefined && ts.isArrayLiteralExpression(first) ? first.elements : args;
  const index = Number(part);
  const isPlain = Number.isInteger(index) && !list.some((item) => ts.isSpreadElement(item));
  const element = isPlain ? list[index] : undefined;
  if (element === undefined) return { ...container, value: undefined };
  return { file: container.file, name: element, value: unwrap(element) };
}
