/**
 * Makes the bodies of functions tell what they do. Four calls on one object are written into the text, each with the
 * number of a site:
 *
 *     at(site)             before every statement: where we are, and whether time is up
 *     value(site, value)   around every assigned, declared, returned or dropped value; gives the value back
 *     enter(fn, self)      at the start of a body
 *     leave()              at its end, however it ends
 *
 * A site's place in the source is known here, so hints need no stacks and no source maps.
 */
import ts from "typescript";
import type { Edits } from "../../runtime/source/edits.js";
import { boundNames, unwrap, type ParsedFile } from "../../runtime/source/syntax.js";

export interface FunctionSite {
  readonly file: string;
  /** `LeNet.forward`, `helper`. */
  readonly label: string;
  /** The class whose method this is, or in whose method it stands. */
  readonly owner: ts.ClassLikeDeclaration | undefined;
  readonly isForward: boolean;
}

export interface ValueSite {
  readonly file: string;
  readonly fn: number;
  /** Offsets of the statement or the declared name. */
  readonly start: number;
  readonly end: number;
  readonly variable?: string;
}

export interface StatementSite {
  readonly file: string;
  readonly start: number;
  readonly end: number;
}

/** Numbers and places of all sites of one trace, over all its files. */
export class Sites {
  readonly functions: FunctionSite[] = [];
  readonly values: ValueSite[] = [];
  readonly statements: StatementSite[] = [];
}

type WithBody = ts.FunctionLikeDeclaration & { readonly body: ts.Block };

/** Instruments the kept statements of a file. */
export function instrument(
  { file, text, tree }: ParsedFile,
  kept: ReadonlySet<ts.Statement>,
  sites: Sites,
  edits: Edits,
  probe: string,
): void {
  let fn = -1;
  let owner: ts.ClassLikeDeclaration | undefined;
  let label = "";

  const wrap = (expression: ts.Expression, start: number, end: number, variable?: string): void => {
    const inner = unwrap(expression);
    // A function's name comes from where it is assigned, and it is no tensor anyway.
    if (ts.isArrowFunction(inner) || ts.isFunctionExpression(inner) || ts.isClassExpression(inner)) return;
    if (ts.isLiteralExpression(inner)) return;
    edits.insert(expression.getStart(), `${probe}.value(${site(start, end, variable)},(`);
    edits.insertFirst(expression.end, "))");
  };
  const site = (start: number, end: number, variable?: string): number =>
    sites.values.push({ file, fn, start, end, ...(variable === undefined ? {} : { variable }) }) - 1;
  const report = (name: ts.Identifier): string =>
    `${probe}.value(${site(name.getStart(), name.end, name.text)},${name.text});`;
  const at = (node: ts.Node): string =>
    `${probe}.at(${sites.statements.push({ file, start: node.getStart(), end: node.end }) - 1});`;

  const body = (node: WithBody, name: string): void => {
    const saved = { fn, label };
    const { parent } = node;
    // `forward = (x) => …` is a method too, and its `this` is the instance.
    const isField = ts.isPropertyDeclaration(parent) && ts.isArrowFunction(node);
    const isMethod = ts.isMethodDeclaration(node) || ts.isAccessor(node) || isField;
    const isForward =
      name === "forward" && isMethod && (ts.isClassLike(parent) || ts.isClassLike(parent.parent));
    label = label === "" ? name : `${label}.${name}`;
    fn = sites.functions.push({ file, label, owner, isForward }) - 1;
    // Bodies that can be left and entered again have no place on a stack of calls.
    const resumes =
      "asteriskToken" in node && node.asteriskToken !== undefined
        ? true
        : ts.canHaveModifiers(node) &&
          ts.getModifiers(node)?.some(({ kind }) => kind === ts.SyntaxKind.AsyncKeyword) === true;
    if (ts.isConstructorDeclaration(node) || resumes) statements(node.body.statements);
    else {
      const self = isMethod ? "this" : "undefined";
      edits.insert(node.body.getStart() + 1, `${probe}.enter(${fn},${self});try{`);
      statements(node.body.statements);
      edits.insert(node.body.end - 1, `}finally{${probe}.leave()}`);
    }
    ({ fn, label } = saved);
  };

  const statements = (list: readonly ts.Statement[]): void => {
    for (const statement of list) {
      if (!ts.isFunctionDeclaration(statement)) edits.insert(statement.getStart(), at(statement));
      inside(statement);
    }
  };

  /** The body of `if`, `for` and the like: a block, or one statement that becomes one. */
  const branch = (statement: ts.Statement, before = ""): void => {
    if (ts.isBlock(statement)) {
      if (before !== "") edits.insert(statement.getStart() + 1, before);
      if (statement.statements.length === 0) edits.insert(statement.getStart() + 1, at(statement));
      statements(statement.statements);
      return;
    }
    edits.insert(statement.getStart(), `{${before}${at(statement)}`);
    inside(statement);
    edits.insert(statement.end, "}");
  };

  const inside = (statement: ts.Statement): void => {
    if (ts.isBlock(statement)) return statements(statement.statements);
    if (ts.isVariableStatement(statement)) {
      const { declarations } = statement.declarationList;
      let after = "";
      for (const { name, initializer } of declarations) {
        if (initializer === undefined) continue;
        expressions(initializer);
        if (ts.isIdentifier(name)) {
          const end = declarations.length === 1 ? statement.end : initializer.end;
          wrap(
            initializer,
            declarations.length === 1 ? statement.getStart() : name.getStart(),
            end,
            name.text,
          );
        } else for (const bound of boundNames(name)) after += report(bound);
      }
      if (after !== "") edits.insert(statement.end, `;${after}`);
      return;
    }
    if (ts.isExpressionStatement(statement)) return expressionStatement(statement);
    if (ts.isReturnStatement(statement)) {
      if (statement.expression === undefined) return;
      expressions(statement.expression);
      return wrap(statement.expression, statement.getStart(), statement.end);
    }
    if (ts.isIfStatement(statement)) {
      expressions(statement.expression);
      branch(statement.thenStatement);
      if (statement.elseStatement !== undefined) {
        if (ts.isIfStatement(statement.elseStatement)) inside(statement.elseStatement);
        else branch(statement.elseStatement);
      }
      return;
    }
    if (ts.isForOfStatement(statement) || ts.isForInStatement(statement)) {
      expressions(statement.expression);
      const { initializer } = statement;
      const names = ts.isVariableDeclarationList(initializer)
        ? initializer.declarations.flatMap(({ name }) => boundNames(name))
        : [];
      return branch(statement.statement, ts.isForOfStatement(statement) ? names.map(report).join("") : "");
    }
    if (ts.isForStatement(statement)) {
      for (const part of [statement.initializer, statement.condition, statement.incrementor]) {
        if (part !== undefined) expressions(part);
      }
      return branch(statement.statement);
    }
    if (ts.isWhileStatement(statement) || ts.isDoStatement(statement)) {
      expressions(statement.expression);
      return branch(statement.statement);
    }
    if (ts.isSwitchStatement(statement)) {
      expressions(statement.expression);
      for (const clause of statement.caseBlock.clauses) statements(clause.statements);
      return;
    }
    if (ts.isTryStatement(statement)) {
      statements(statement.tryBlock.statements);
      if (statement.catchClause !== undefined) statements(statement.catchClause.block.statements);
      if (statement.finallyBlock !== undefined) statements(statement.finallyBlock.statements);
      return;
    }
    if (ts.isLabeledStatement(statement)) return inside(statement.statement);
    expressions(statement);
  };

  const expressionStatement = (statement: ts.ExpressionStatement): void => {
    const { expression } = statement;
    expressions(expression);
    const inner = unwrap(expression);
    if (ts.isBinaryExpression(inner) && inner.operatorToken.kind === ts.SyntaxKind.EqualsToken) {
      const target = unwrap(inner.left);
      if (ts.isArrayLiteralExpression(target) || ts.isObjectLiteralExpression(target)) {
        const names = assignedNames(target);
        if (names.length > 0) edits.insert(statement.end, `;${names.map(report).join("")}`);
        return;
      }
      return wrap(
        inner.right,
        statement.getStart(),
        statement.end,
        text.slice(target.getStart(), target.end),
      );
    }
    const isSuper = ts.isCallExpression(inner) && inner.expression.kind === ts.SyntaxKind.SuperKeyword;
    if ((ts.isCallExpression(inner) && !isSuper) || ts.isAwaitExpression(inner)) {
      wrap(expression, statement.getStart(), statement.end);
    }
  };

  /** Looks for functions and classes in expressions and declarations. */
  const expressions = (node: ts.Node): void => {
    if (ts.isTypeNode(node) && !ts.isExpressionWithTypeArguments(node)) return;
    if (ts.isClassLike(node)) {
      const saved = { fn, owner, label };
      [fn, owner, label] = [-1, node, className(node)];
      ts.forEachChild(node, expressions);
      ({ fn, owner, label } = saved);
      return;
    }
    if (ts.isFunctionLike(node) && "body" in node && node.body !== undefined) {
      const declaration = node as ts.FunctionLikeDeclaration;
      const name = functionName(declaration);
      for (const parameter of declaration.parameters) expressions(parameter);
      if (ts.isBlock(declaration.body!)) body(declaration as WithBody, name);
      else expressions(declaration.body!);
      return;
    }
    ts.forEachChild(node, expressions);
  };

  for (const statement of tree.statements) if (kept.has(statement)) expressions(statement);
}

/** Names that a destructuring assignment writes: `[a, b] = …`, `({ values: v } = …)`. */
function assignedNames(pattern: ts.Expression): ts.Identifier[] {
  const inner = unwrap(pattern);
  if (ts.isIdentifier(inner)) return [inner];
  if (ts.isArrayLiteralExpression(inner)) {
    return inner.elements.flatMap((element) =>
      assignedNames(ts.isSpreadElement(element) ? element.expression : element),
    );
  }
  if (ts.isObjectLiteralExpression(inner)) {
    return inner.properties.flatMap((property) =>
      ts.isShorthandPropertyAssignment(property)
        ? [property.name]
        : ts.isPropertyAssignment(property)
          ? assignedNames(property.initializer)
          : [],
    );
  }
  if (ts.isBinaryExpression(inner)) return assignedNames(inner.left);
  return [];
}

/** A class expression goes by the variable it is assigned to. */
export function className(node: ts.ClassLikeDeclaration): string {
  if (node.name !== undefined) return node.name.text;
  const { parent } = node;
  return ts.isVariableDeclaration(parent) && ts.isIdentifier(parent.name) ? parent.name.text : "(anonymous)";
}

function functionName(node: ts.FunctionLikeDeclaration): string {
  if (ts.isConstructorDeclaration(node)) return "constructor";
  if (node.name !== undefined) return node.name.getText();
  const { parent } = node;
  if (
    (ts.isVariableDeclaration(parent) || ts.isPropertyDeclaration(parent)) &&
    ts.isIdentifier(parent.name)
  ) {
    return parent.name.text;
  }
  return "(anonymous)";
}
