/**
 * The part of a file that tracing evaluates: wanted declarations and what they reach. Everything else at the top level
 * (training loops, servers, reads of files) is left out, so typing never runs it.
 */
import ts from "typescript";
import type { Edits } from "../../runtime/source/edits.js";
import { declaredNames, exportsOf, unwrap, type ParsedFile } from "../../runtime/source/syntax.js";

/** Names another file must provide: `default`, names, or `*` for all of them. */
export type Wanted = ReadonlySet<string>;

export interface Slice {
  readonly kept: ReadonlySet<ts.Statement>;
  /** Names that are used somewhere in them. */
  readonly names: ReadonlySet<string>;
  readonly wanted: Wanted;
  /** What the kept statements import, by module specifier. */
  readonly imports: ReadonlyMap<string, ImportedNames>;
}

export interface ImportedNames {
  readonly names: ReadonlySet<string>;
  /** The specifier in the text, for a diagnostic. */
  readonly node: ts.Node;
}

/** Whether a statement is types only: esbuild drops it. */
function isTypeOnly(statement: ts.Statement): boolean {
  return (
    ts.isInterfaceDeclaration(statement) ||
    ts.isTypeAliasDeclaration(statement) ||
    (ts.isImportDeclaration(statement) &&
      statement.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword) ||
    (ts.isExportDeclaration(statement) && statement.isTypeOnly)
  );
}

/** Names used in an expression position anywhere below; types and property names do not count. */
function usedNames(node: ts.Node, found: Set<string>): void {
  const visit = (child: ts.Node): void => {
    if (ts.isTypeNode(child) && !ts.isExpressionWithTypeArguments(child)) return;
    if (ts.isInterfaceDeclaration(child) || ts.isTypeAliasDeclaration(child)) return;
    if (ts.isIdentifier(child)) {
      const { parent } = child;
      const isName =
        (ts.isPropertyAccessExpression(parent) && parent.name === child) ||
        (ts.isPropertyAssignment(parent) && parent.name === child) ||
        ((ts.isMethodDeclaration(parent) || ts.isPropertyDeclaration(parent)) && parent.name === child) ||
        (ts.isBindingElement(parent) && parent.propertyName === child);
      if (!isName) found.add(child.text);
      return;
    }
    ts.forEachChild(child, visit);
  };
  visit(node);
}

/** The variable at the root of `a`, `a.b`, `a[0].c`. */
function rootName(expression: ts.Expression): string | undefined {
  let inner = unwrap(expression);
  while (ts.isPropertyAccessExpression(inner) || ts.isElementAccessExpression(inner))
    inner = unwrap(inner.expression);
  return ts.isIdentifier(inner) ? inner.text : undefined;
}

/** `model.scale = 2` at the top level belongs to the declaration of `model`. */
function assignedName(statement: ts.Statement): string | undefined {
  if (!ts.isExpressionStatement(statement)) return undefined;
  const { expression } = statement;
  return ts.isBinaryExpression(expression) && expression.operatorToken.kind === ts.SyntaxKind.EqualsToken
    ? rootName(expression.left)
    : undefined;
}

/** Slices a file for the exports that are wanted. */
export function slice({ tree }: ParsedFile, wanted: Wanted): Slice {
  const declaring = new Map<string, ts.Statement[]>();
  const assigning = new Map<string, ts.Statement[]>();
  const add = (map: Map<string, ts.Statement[]>, name: string, statement: ts.Statement): void => {
    map.set(name, [...(map.get(name) ?? []), statement]);
  };
  for (const statement of tree.statements) {
    for (const name of declaredNames(statement)) add(declaring, name, statement);
    const assigned = assignedName(statement);
    if (assigned !== undefined) add(assigning, assigned, statement);
  }

  const kept = new Set<ts.Statement>();
  const names = new Set<string>();
  const work: string[] = [];
  const reach = (name: string): void => {
    if (names.has(name)) return;
    names.add(name);
    work.push(name);
  };
  const keep = (statement: ts.Statement): void => {
    if (kept.has(statement)) return;
    kept.add(statement);
    // Their names are reached one by one.
    if (ts.isImportDeclaration(statement) || ts.isExportDeclaration(statement)) return;
    const used = new Set<string>();
    usedNames(statement, used);
    for (const name of used) reach(name);
  };
  const everything = wanted.has("*");
  for (const exported of exportsOf(tree)) {
    const isWanted = everything || wanted.has(exported.name) || exported.name === "*";
    if (!isWanted) continue;
    if (exported.local !== undefined && exported.from === undefined) reach(exported.local);
    keep(exported.statement);
  }
  while (work.length > 0) {
    const name = work.pop()!;
    for (const statement of declaring.get(name) ?? []) keep(statement);
    if (declaring.has(name)) for (const statement of assigning.get(name) ?? []) keep(statement);
  }
  return { kept, names, wanted, imports: importsOf(kept, names, wanted) };
}

function importsOf(
  kept: ReadonlySet<ts.Statement>,
  names: ReadonlySet<string>,
  wanted: Wanted,
): Map<string, ImportedNames> {
  const imports = new Map<string, { names: Set<string>; node: ts.Node }>();
  const add = (node: ts.Expression | undefined, imported: readonly string[]): void => {
    if (node === undefined || !ts.isStringLiteral(node)) return;
    const entry = imports.get(node.text) ?? { names: new Set<string>(), node };
    for (const name of imported) entry.names.add(name);
    imports.set(node.text, entry);
  };
  for (const statement of kept) {
    if (isTypeOnly(statement)) continue;
    if (ts.isImportDeclaration(statement)) {
      const clause = statement.importClause;
      const bindings = clause?.namedBindings;
      const used = [
        ...(clause?.name && names.has(clause.name.text) ? ["default"] : []),
        ...(bindings === undefined
          ? []
          : ts.isNamespaceImport(bindings)
            ? names.has(bindings.name.text)
              ? ["*"]
              : []
            : bindings.elements
                .filter(({ name, isTypeOnly }) => !isTypeOnly && names.has(name.text))
                .map(({ name, propertyName }) => (propertyName ?? name).text)),
      ];
      if (used.length > 0) add(statement.moduleSpecifier, used);
    } else if (ts.isExportDeclaration(statement) && statement.moduleSpecifier !== undefined) {
      const clause = statement.exportClause;
      if (clause === undefined)
        add(
          statement.moduleSpecifier,
          [...wanted].filter((name) => name !== "default"),
        );
      else if (ts.isNamespaceExport(clause)) add(statement.moduleSpecifier, ["*"]);
      else {
        const used = clause.elements.filter(({ name }) => wanted.has("*") || wanted.has(name.text));
        add(
          statement.moduleSpecifier,
          used.map(({ name, propertyName }) => (propertyName ?? name).text),
        );
      }
    } else {
      // import("./x.js") and require("./x.js") in a kept statement
      const visit = (node: ts.Node): void => {
        if (ts.isCallExpression(node)) {
          const { expression } = node;
          const loads =
            expression.kind === ts.SyntaxKind.ImportKeyword ||
            (ts.isIdentifier(expression) && expression.text === "require");
          if (loads) add(node.arguments[0], ["*"]);
        }
        ts.forEachChild(node, visit);
      };
      visit(statement);
    }
  }
  return imports;
}

function hasTopLevelAwait(node: ts.Node): boolean {
  if (ts.isFunctionLike(node) || ts.isClassLike(node)) return false;
  return ts.isAwaitExpression(node) || (ts.forEachChild(node, hasTopLevelAwait) ?? false);
}

/** An import's clause, or an export's, with only the names that the slice uses: the others may be gone at the source. */
function narrowed(
  statement: ts.Statement,
  { names, wanted }: Slice,
): { node: ts.Node; text: string } | undefined {
  const braces = (elements: readonly ts.Node[]): string => `{${elements.map((e) => e.getText()).join(", ")}}`;
  if (ts.isExportDeclaration(statement)) {
    const clause = statement.exportClause;
    if (clause === undefined || !ts.isNamedExports(clause)) return undefined;
    const used = clause.elements.filter(({ name }) => wanted.has("*") || wanted.has(name.text));
    return { node: clause, text: braces(used) };
  }
  if (!ts.isImportDeclaration(statement)) return undefined;
  const clause = statement.importClause;
  if (clause === undefined || clause.phaseModifier !== undefined) return undefined;
  const bindings = clause.namedBindings;
  const parts: string[] = [];
  if (clause.name && names.has(clause.name.text)) parts.push(clause.name.text);
  if (bindings !== undefined && ts.isNamespaceImport(bindings)) {
    if (names.has(bindings.name.text)) parts.push(bindings.getText());
  } else if (bindings !== undefined) {
    const used = bindings.elements.filter(({ name, isTypeOnly }) => !isTypeOnly && names.has(name.text));
    if (used.length > 0 || parts.length === 0) parts.push(braces(used));
  }
  return { node: clause, text: parts.join(", ") || "{}" };
}

/** Initialisers that cannot fail and want their variable's name. */
function isPlain(expression: ts.Expression): boolean {
  const inner = unwrap(expression);
  return (
    ts.isFunctionExpression(inner) ||
    ts.isArrowFunction(inner) ||
    ts.isClassExpression(inner) ||
    ts.isLiteralExpression(inner) ||
    ts.isIdentifier(inner)
  );
}

/**
 * Writes a slice into a text: blanks what is left out and guards top-level initialisers, so that one that needs a
 * file or the network harms only those who use it. Works on the original's positions.
 */
export function writeSlice({ tree, text }: ParsedFile, part: Slice, edits: Edits, probe: string): void {
  const { kept } = part;
  for (const statement of tree.statements) {
    if (!kept.has(statement)) {
      if (isTypeOnly(statement)) continue;
      const start = statement.getStart();
      // Line breaks stay, so that the generated text reads like the file.
      edits.replace(start, statement.end, `;${text.slice(start, statement.end).replace(/[^\r\n]/g, "")}`);
      continue;
    }
    const clause = narrowed(statement, part);
    if (clause !== undefined) edits.replace(clause.node.getStart(), clause.node.end, clause.text);
    if (!ts.isVariableStatement(statement)) continue;
    for (const { name, initializer } of statement.declarationList.declarations) {
      if (initializer === undefined || isPlain(initializer)) continue;
      const label = JSON.stringify(ts.isIdentifier(name) ? name.text : name.getText());
      if (hasTopLevelAwait(initializer)) {
        edits.replace(initializer.getStart(), initializer.end, `${probe}.later(${label})`);
      } else {
        edits.insertFirst(initializer.getStart(), `${probe}.guard(${label},()=>(`);
        edits.insert(initializer.end, "))");
      }
    }
  }
}
