/** What the kernel reads from a file's syntax tree: exports, classes, doc tags. TypeScript 6's parser, no checker. */
import ts from "typescript";
import { Lines } from "./edits.js";
import type { Range, TraceDiagnostic, TrainingFunction } from "./text.js";

export interface ParsedFile {
  readonly file: string;
  readonly text: string;
  readonly tree: ts.SourceFile;
  readonly lines: Lines;
}

export function parse(file: string, text: string): ParsedFile {
  const kind = /\.[cm]?js$/.test(file)
    ? ts.ScriptKind.JS
    : file.endsWith("x")
      ? ts.ScriptKind.TSX
      : ts.ScriptKind.TS;
  const tree = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true, kind);
  return { file, text, tree, lines: new Lines(text) };
}

/** The parser's own complaints. Parsing never stops at one, so the tree is there all the same. */
export function syntaxErrors({ file, tree, lines }: ParsedFile): TraceDiagnostic[] {
  // The parser keeps its complaints on the tree, for programs to collect; the property is not in the typings.
  const { parseDiagnostics = [] } = tree as { parseDiagnostics?: readonly ts.DiagnosticWithLocation[] };
  return parseDiagnostics.map(({ start, length, messageText }) => ({
    file,
    range: lines.range(start, start + Math.max(length, 1)),
    message: ts.flattenDiagnosticMessageText(messageText, "\n"),
    severity: "error",
    code: "syntax",
  }));
}

function hasModifier(node: ts.Node, kind: ts.SyntaxKind): boolean {
  return ts.canHaveModifiers(node) && (ts.getModifiers(node)?.some((m) => m.kind === kind) ?? false);
}

/** An export of a file: the name others see and the local declaration behind it, if it is here. */
export interface ExportedName {
  readonly name: string;
  /** Name in this file; absent for re-exports and for anonymous defaults. */
  readonly local?: string;
  /** `export … from`. */
  readonly from?: string;
  readonly statement: ts.Statement;
}

/** Local names that a top-level statement declares. */
export function declaredNames(statement: ts.Statement): string[] {
  if (ts.isVariableStatement(statement)) {
    return statement.declarationList.declarations.flatMap(({ name }) =>
      boundNames(name).map(({ text }) => text),
    );
  }
  if (ts.isImportDeclaration(statement)) {
    const clause = statement.importClause;
    const bindings = clause?.namedBindings;
    return [
      ...(clause?.name ? [clause.name.text] : []),
      ...(bindings === undefined
        ? []
        : ts.isNamespaceImport(bindings)
          ? [bindings.name.text]
          : bindings.elements.map(({ name }) => name.text)),
    ];
  }
  if (
    ts.isFunctionDeclaration(statement) ||
    ts.isClassDeclaration(statement) ||
    ts.isEnumDeclaration(statement) ||
    ts.isModuleDeclaration(statement) ||
    ts.isImportEqualsDeclaration(statement)
  ) {
    return statement.name === undefined ? [] : [statement.name.text];
  }
  return [];
}

/** All identifiers that a name or a destructuring pattern binds. */
export function boundNames(name: ts.BindingName): ts.Identifier[] {
  if (ts.isIdentifier(name)) return [name];
  return name.elements.flatMap((element) => (ts.isBindingElement(element) ? boundNames(element.name) : []));
}

/** What a file exports, in source order; `*` for `export * from`. */
export function exportsOf(tree: ts.SourceFile): ExportedName[] {
  const found: ExportedName[] = [];
  for (const statement of tree.statements) {
    if (ts.isExportDeclaration(statement)) {
      if (statement.isTypeOnly) continue;
      const from =
        statement.moduleSpecifier && ts.isStringLiteral(statement.moduleSpecifier)
          ? { from: statement.moduleSpecifier.text }
          : {};
      const clause = statement.exportClause;
      if (clause === undefined) found.push({ name: "*", statement, ...from });
      else if (ts.isNamespaceExport(clause)) found.push({ name: clause.name.text, statement, ...from });
      else {
        for (const { name, propertyName, isTypeOnly } of clause.elements) {
          if (!isTypeOnly)
            found.push({ name: name.text, local: (propertyName ?? name).text, statement, ...from });
        }
      }
    } else if (ts.isExportAssignment(statement)) {
      const local = ts.isIdentifier(statement.expression) ? { local: statement.expression.text } : {};
      found.push({ name: "default", statement, ...local });
    } else if (hasModifier(statement, ts.SyntaxKind.ExportKeyword)) {
      const names = declaredNames(statement);
      if (hasModifier(statement, ts.SyntaxKind.DefaultKeyword)) {
        found.push({ name: "default", statement, ...(names[0] === undefined ? {} : { local: names[0] }) });
      } else for (const name of names) found.push({ name, local: name, statement });
    }
  }
  return found;
}

/** An exported class with an `extends` clause: a model, if evaluation finds it to be a `Module`. */
export interface ClassCandidate {
  /** Export name. */
  readonly name: string;
  readonly node: ts.ClassLikeDeclaration;
  /** Statement with the doc comment. */
  readonly statement: ts.Statement;
}

function exportedDeclarations(
  tree: ts.SourceFile,
): { name: string; statement: ts.Statement; node: ts.Node }[] {
  const byLocal = new Map(
    tree.statements.flatMap((statement) =>
      ts.isImportDeclaration(statement)
        ? []
        : declaredNames(statement).map((name) => [name, statement] as const),
    ),
  );
  return exportsOf(tree)
    .filter(({ from }) => from === undefined)
    .flatMap(({ name, local, statement }) => {
      const owner = local === undefined ? statement : byLocal.get(local);
      if (owner === undefined) return [];
      if (ts.isVariableStatement(owner)) {
        const { initializer } =
          owner.declarationList.declarations.find(
            (declaration) => ts.isIdentifier(declaration.name) && declaration.name.text === local,
          ) ?? {};
        return initializer === undefined ? [] : [{ name, statement: owner, node: unwrap(initializer) }];
      }
      return [
        { name, statement: owner, node: ts.isExportAssignment(owner) ? unwrap(owner.expression) : owner },
      ];
    })
    .toSorted((a, b) => a.statement.pos - b.statement.pos);
}

/** Without parentheses, `as`, `satisfies` and `!`. */
export function unwrap(expression: ts.Expression): ts.Expression {
  let inner = expression;
  while (
    ts.isParenthesizedExpression(inner) ||
    ts.isAsExpression(inner) ||
    ts.isSatisfiesExpression(inner) ||
    ts.isNonNullExpression(inner)
  ) {
    inner = inner.expression;
  }
  return inner;
}

export function classCandidates({ tree }: ParsedFile): ClassCandidate[] {
  const seen = new Set<ts.Node>();
  return exportedDeclarations(tree).flatMap(({ name, statement, node }) => {
    const isCandidate =
      ts.isClassLike(node) &&
      node.heritageClauses?.some(({ token }) => token === ts.SyntaxKind.ExtendsKeyword) === true &&
      !hasModifier(node, ts.SyntaxKind.AbstractKeyword);
    if (!isCandidate || seen.has(node)) return [];
    seen.add(node);
    return [{ name, node, statement }];
  });
}

/** Exported functions with `@train` in their doc comment. */
export function trainingFunctions({ tree, lines }: ParsedFile): TrainingFunction[] {
  const seen = new Set<ts.Node>();
  return exportedDeclarations(tree).flatMap(({ name, statement, node }) => {
    const isFunction =
      ts.isFunctionDeclaration(node) || ts.isFunctionExpression(node) || ts.isArrowFunction(node);
    const tag = docTags(statement).find((candidate) => candidate.tag === "train");
    if (!isFunction || tag === undefined || seen.has(node)) return [];
    seen.add(node);
    return [
      {
        name,
        range: lines.range(statement.getStart(), statement.end),
        nameRange: nameRange(node, statement, lines),
        title: tag.text.trim(),
      },
    ];
  });
}

/** Where a lens goes: the name, else the first keyword. */
export function nameRange(node: ts.Node, statement: ts.Statement, lines: Lines): Range {
  const named = ts.isClassLike(node) || ts.isFunctionLike(node) ? node.name : undefined;
  if (named !== undefined) return lines.range(named.getStart(), named.end);
  if (ts.isVariableStatement(statement)) {
    const declared = statement.declarationList.declarations[0]?.name;
    if (declared !== undefined) return lines.range(declared.getStart(), declared.end);
  }
  const keyword = node.getChildren().find(({ kind }) => kind === ts.SyntaxKind.ClassKeyword);
  const start = (keyword ?? node).getStart();
  return lines.range(start, keyword?.end ?? start + 1);
}

export interface DocTag {
  readonly tag: string;
  /** What stands behind the tag on its line. */
  readonly text: string;
  /** Offset of that text. */
  readonly start: number;
}

/** The doc comment right before a statement: offsets of `/**` and behind its end. */
export function docComment(statement: ts.Node): { readonly start: number; readonly end: number } | undefined {
  const text = statement.getSourceFile().text;
  const comments = ts.getLeadingCommentRanges(text, statement.getFullStart()) ?? [];
  const doc = comments.findLast(({ pos }) => text.startsWith("/**", pos) && !text.startsWith("/**/", pos));
  return doc === undefined ? undefined : { start: doc.pos, end: doc.end };
}

/** Tags of a statement's doc comment, read from the text: exact positions, one line each. */
export function docTags(statement: ts.Node): DocTag[] {
  const doc = docComment(statement);
  if (doc === undefined) return [];
  const text = statement.getSourceFile().text.slice(doc.start, doc.end - 2);
  return [
    ...text.matchAll(/^(?<lead>[ \t]*(?:\/\*\*|\*)?[ \t]*@(?<tag>[A-Za-z]\w*)[ \t]*)(?<text>[^\r\n]*)/gm),
  ].map(({ groups, index }) => ({
    tag: groups!["tag"]!,
    text: groups!["text"]!.trimEnd(),
    start: doc.start + index + groups!["lead"]!.length,
  }));
}

/** The class's own method of that name, with a body. */
export function methodOf(node: ts.ClassLikeDeclaration, name: string): ts.MethodDeclaration | undefined {
  return node.members.find(
    (member): member is ts.MethodDeclaration =>
      ts.isMethodDeclaration(member) && member.body !== undefined && member.name.getText() === name,
  );
}
