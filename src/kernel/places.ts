/** Where in the sources the modules of a model are created: fields, `this.x = …`, elements of containers. */
import ts from "typescript";
import { className } from "./instrument.js";
import type { ModelSnapshot, ModuleSnapshot, SourceLocation } from "../../runtime/inspect/snapshot.js";
import { unwrap, type ParsedFile } from "../../runtime/source/syntax.js";

export interface Found {
  readonly file: ParsedFile;
  /** The name that is declared or assigned. */
  readonly name: ts.Node;
  readonly value: ts.Expression | undefined;
}

export interface ClassFound {
  readonly file: ParsedFile;
  readonly node: ts.ClassLikeDeclaration;
}

/** The classes of some files by name; of two of one name the first file's, which is the entry, counts. */
export class ClassIndex {
  readonly #classes = new Map<string, ClassFound>();

  constructor(files: readonly ParsedFile[]) {
    for (const file of files) {
      const collect = (node: ts.Node): void => {
        if (ts.isClassLike(node)) {
          const name = className(node);
          if (!this.#classes.has(name)) this.#classes.set(name, { file, node });
        }
        ts.forEachChild(node, collect);
      };
      collect(file.tree);
    }
  }

  get(name: string): ClassFound | undefined {
    return this.#classes.get(name);
  }

  /** Where a class, or one it extends, gives a member its value. */
  member(name: string, member: string, depth = 0): Found | undefined {
    const found = this.#classes.get(name);
    if (found === undefined || depth > 20) return undefined;
    const own = memberIn(found, member);
    if (own !== undefined) return own;
    const base = found.node.heritageClauses?.find(({ token }) => token === ts.SyntaxKind.ExtendsKeyword)
      ?.types[0];
    return base === undefined
      ? undefined
      : this.member(base.expression.getText().split(".").at(-1)!, member, depth + 1);
  }
}

/** A snapshot with the places where its modules are created. */
export function locateSnapshot(snapshot: ModelSnapshot, files: readonly ParsedFile[]): ModelSnapshot {
  const classes = new ClassIndex(files);
  const place = ({ file, name }: Pick<Found, "file" | "name">): SourceLocation => ({
    file: file.file,
    ...file.lines.position(name.getStart()),
  });

  const visit = (module: ModuleSnapshot, found: Found | undefined, own?: SourceLocation): ModuleSnapshot => {
    const location = own ?? (found && place(found));
    return {
      ...module,
      ...(location === undefined ? {} : { location }),
      children: module.children.map((child) =>
        visit(child, classes.member(module.className, child.name) ?? (found && elementOf(found, child.name))),
      ),
    };
  };
  const root = classes.get(snapshot.root.className);
  const rootPlace = root && place({ file: root.file, name: root.node.name ?? root.node });
  return { ...snapshot, root: visit(snapshot.root, undefined, rootPlace) };
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
export function elementOf(container: Found, part: string): Found {
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
