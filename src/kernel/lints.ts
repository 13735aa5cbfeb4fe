/** Mistakes that run and do not do what was meant. Each has an id, a section in docs/lints.md and a setting. */
import ts from "typescript";
import { className, isLibraryLayer, members, Module } from "../../runtime/nn/module.js";
import { Parameter } from "../../runtime/nn/parameter.js";
import { Tensor } from "../../runtime/tensor/tensor.js";
import { unwrap, type ParsedFile } from "../../runtime/source/syntax.js";
import { inEnglish, say } from "./phrase.js";
import { ClassIndex, type Found } from "./places.js";
import type { Fix, LintId, Phrase, TraceDiagnostic } from "./protocol.js";
import { lintFunctions } from "./lintTraining.js";

/** `// tensorscope-ignore plain-array` on the line or the one above; without an id it holds for all of them. */
export function isSuppressed({ text, lines }: ParsedFile, line: number, id: LintId): boolean {
  const textOf = (at: number): string =>
    at < 0 ? "" : text.slice(lines.offset({ line: at, column: 0 })).split("\n", 1)[0]!;
  return [line, line - 1].some((at) => {
    const row = textOf(at);
    // Above, only a line that holds nothing else.
    const found = (
      at === line ? /\/\/\s*tensorscope-ignore\b(.*)$/ : /^\s*\/\/\s*tensorscope-ignore\b(.*)$/
    ).exec(row);
    if (found === null) return false;
    const ids = found[1]!.split(/[\s,]+/).filter((word) => /^[a-z]+(-[a-z]+)+$/.test(word));
    return ids.length === 0 || ids.includes(id);
  });
}

export function lintDiagnostic(
  id: LintId,
  file: ParsedFile,
  node: ts.Node,
  phrase: Phrase,
  fixes: readonly Fix[] = [],
): TraceDiagnostic[] {
  const range = file.lines.range(node.getStart(), node.end);
  if (isSuppressed(file, range.start.line, id)) return [];
  return [
    { file: file.file, range, message: inEnglish(phrase), phrase, severity: "warning", code: id, fixes },
  ];
}

/** A replacement of a whole expression. */
export function rewrite(title: Phrase, file: ParsedFile, start: number, end: number, text: string): Fix {
  return { title, edits: [{ file: file.file, range: file.lines.range(start, end), text }] };
}

/** What the trace of a model shows: fields that hold modules or tensors that nobody registers. */
export function lintModel(model: Module, files: readonly ParsedFile[]): TraceDiagnostic[] {
  const classes = new ClassIndex(files);
  const found: TraceDiagnostic[] = [];
  const seen = new Set<ts.Node>();
  const all = new Set<unknown>(model.modules());
  for (const module of model.modules()) {
    if (isLibraryLayer(module)) continue;
    const registered = new Set<string>([...members(module)].map(([name]) => name));
    for (const [name, value] of Object.entries(module)) {
      if (registered.has(name)) continue;
      const place = classes.member(className(module), name);
      if (place?.value === undefined || seen.has(place.value)) continue;
      const list = plainModules(value, all)
        ? lintPlainModules(place, name, className(module), Array.isArray(value))
        : value instanceof Tensor && !(value instanceof Parameter) && !isBuffer(module, name)
          ? lintPlainTensor(place, name, className(module), value)
          : [];
      if (list.length > 0) seen.add(place.value);
      found.push(...list);
    }
  }
  return found;
}

const isBuffer = (module: Module, name: string): boolean =>
  Object.getOwnPropertyDescriptor(module, name)?.get !== undefined;

/** Whether modules lie in an array or a plain object and are registered nowhere else. */
function plainModules(value: unknown, registered: ReadonlySet<unknown>): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (!Array.isArray(value) && Object.getPrototypeOf(value) !== Object.prototype) return false;
  return Object.values(value).some((item) => item instanceof Module && !registered.has(item));
}

function lintPlainModules(
  { file, value }: Found,
  name: string,
  owner: string,
  isArray: boolean,
): TraceDiagnostic[] {
  const node = value!;
  const container = isArray ? "ModuleList" : "ModuleDict";
  const phrase = say(
    "The modules in {0} are not registered with {1}: their parameters are not trained or saved; use nn.{2}",
    name,
    owner,
    container,
  );
  const title = say("Wrap it in nn.{0}", container);
  const inserted: Fix = {
    title,
    edits: [
      {
        file: file.file,
        range: file.lines.range(node.getStart(), node.getStart()),
        text: `new nn.${container}(`,
      },
      { file: file.file, range: file.lines.range(node.end, node.end), text: ")" },
    ],
  };
  return lintDiagnostic("plain-array", file, node, phrase, [inserted]);
}

function lintPlainTensor(
  { file, name: declared, value }: Found,
  name: string,
  owner: string,
  tensor: Tensor,
): TraceDiagnostic[] {
  const node = value!;
  const phrase = say(
    "The tensor {0} of {1} is neither parameter nor buffer: it is not trained, saved or moved with the model",
    name,
    owner,
  );
  const fixes: Fix[] = [];
  if (tensor.dtype.isFloatingPoint) {
    fixes.push({
      title: say("Make it a parameter"),
      edits: [
        {
          file: file.file,
          range: file.lines.range(node.getStart(), node.getStart()),
          text: "new nn.Parameter(",
        },
        { file: file.file, range: file.lines.range(node.end, node.end), text: ")" },
      ],
    });
  }
  const statement = declared.parent.parent;
  // `this.mask = …;` in a constructor becomes a call; a field would need a constructor.
  if (ts.isExpressionStatement(statement)) {
    const text = `this.registerBuffer(${JSON.stringify(name)}, ${node.getText()});`;
    fixes.push(rewrite(say("Make it a buffer"), file, statement.getStart(), statement.end, text));
  }
  return lintDiagnostic("plain-tensor", file, node, phrase, fixes);
}

/** What a file's text shows. */
export function lintFile(file: ParsedFile, files: readonly ParsedFile[]): TraceDiagnostic[] {
  return [...lintSoftmax(file, [file, ...files]), ...lintFunctions(file, [file, ...files])];
}

/** The nearest declaration of a name that is in sight. */
function declarationOf(name: ts.Identifier): ts.Expression | undefined {
  for (let scope: ts.Node | undefined = name.parent; scope !== undefined; scope = scope.parent) {
    if (!ts.isBlock(scope) && !ts.isSourceFile(scope)) continue;
    let last: ts.Expression | undefined;
    for (const statement of scope.statements) {
      if (statement.pos > name.pos) break;
      if (ts.isVariableStatement(statement)) {
        for (const { name: declared, initializer } of statement.declarationList.declarations)
          if (ts.isIdentifier(declared) && declared.text === name.text && initializer) last = initializer;
      } else if (ts.isExpressionStatement(statement)) {
        const { expression } = statement;
        if (
          ts.isBinaryExpression(expression) &&
          expression.operatorToken.kind === ts.SyntaxKind.EqualsToken &&
          ts.isIdentifier(expression.left) &&
          expression.left.text === name.text
        )
          last = expression.right;
      }
    }
    if (last !== undefined) return last;
  }
  return undefined;
}

/** The class that `this` is of. */
function classAround(node: ts.Node): ts.ClassLikeDeclaration | undefined {
  let at: ts.Node = node;
  while (!ts.isClassLike(at)) {
    if (ts.isSourceFile(at)) return undefined;
    at = at.parent;
  }
  return at;
}

const lastName = (expression: ts.Expression): string => {
  const inner = unwrap(expression);
  return ts.isPropertyAccessExpression(inner) ? inner.name.text : inner.getText();
};

/** The value of a variable or of a field of `this`. */
export function valueOf(expression: ts.Expression, classes: ClassIndex): ts.Expression | undefined {
  const inner = unwrap(expression);
  if (ts.isIdentifier(inner)) return declarationOf(inner);
  if (ts.isPropertyAccessExpression(inner) && inner.expression.kind === ts.SyntaxKind.ThisKeyword) {
    const owner = classAround(inner);
    return owner?.name && classes.member(owner.name.text, inner.name.text)?.value;
  }
  return undefined;
}

/** The softmax that a value comes out of: a call, or a layer `new nn.Softmax(1)`. */
function softmaxBehind(expression: ts.Expression, classes: ClassIndex, depth = 0): ts.Expression | undefined {
  const inner = unwrap(expression);
  if (depth > 6) return undefined;
  if (ts.isIdentifier(inner)) {
    const value = declarationOf(inner);
    return value && softmaxBehind(value, classes, depth + 1);
  }
  if (!ts.isCallExpression(inner)) return undefined;
  if (lastName(inner.expression) === "softmax") return inner;
  const layer = valueOf(inner.expression, classes);
  return layer && softmaxOfLayer(layer, classes, depth + 1);
}

function softmaxOfLayer(layer: ts.Expression, classes: ClassIndex, depth: number): ts.Expression | undefined {
  const inner = unwrap(layer);
  if (!ts.isNewExpression(inner) || depth > 6) return undefined;
  const name = lastName(inner.expression);
  if (name === "Softmax") return inner;
  if (name === "Sequential") {
    const last = inner.arguments?.at(-1);
    return last && softmaxOfLayer(last, classes, depth + 1);
  }
  const forward = classes
    .get(name)
    ?.node.members.find(
      (member): member is ts.MethodDeclaration =>
        ts.isMethodDeclaration(member) && member.name.getText() === "forward",
    );
  const result = forward?.body?.statements.findLast(ts.isReturnStatement)?.expression;
  return result && softmaxBehind(result, classes, depth + 1);
}

function lintSoftmax(file: ParsedFile, files: readonly ParsedFile[]): TraceDiagnostic[] {
  const classes = new ClassIndex(files);
  const found: TraceDiagnostic[] = [];
  const visit = (node: ts.Node): void => {
    ts.forEachChild(node, visit);
    if (!ts.isCallExpression(node)) return;
    const callee = unwrap(node.expression);
    const value = valueOf(callee, classes);
    const isLoss =
      lastName(callee) === "crossEntropy" ||
      (value !== undefined &&
        ts.isNewExpression(unwrap(value)) &&
        lastName((unwrap(value) as ts.NewExpression).expression) === "CrossEntropyLoss");
    const [input] = node.arguments;
    const softmax = isLoss && input !== undefined ? softmaxBehind(input, classes) : undefined;
    if (softmax === undefined) return;
    const home = files.find(({ tree }) => tree === softmax.getSourceFile()) ?? file;
    const phrase = say(
      "Cross-entropy takes logits and applies softmax itself: with softmax before it, gradients vanish",
    );
    found.push(
      ...lintDiagnostic("softmax-cross-entropy", home, softmax, phrase, withoutSoftmax(home, softmax)),
    );
  };
  visit(file.tree);
  return found;
}

function withoutSoftmax(file: ParsedFile, node: ts.Expression): Fix[] {
  const title = say("Remove the softmax");
  if (ts.isCallExpression(node)) {
    const callee = unwrap(node.expression) as ts.PropertyAccessExpression;
    const space = callee.expression?.getText();
    const kept = /^(F|torch|nn\.functional|functional)$/.test(space) ? node.arguments[0]?.getText() : space;
    return kept === undefined ? [] : [rewrite(title, file, node.getStart(), node.end, kept)];
  }
  const { parent } = node;
  if (ts.isNewExpression(parent) && parent.arguments?.at(-1) === node && parent.arguments.length > 1) {
    return [rewrite(title, file, parent.arguments.at(-2)!.end, node.end, "")];
  }
  const callee = unwrap((node as ts.NewExpression).expression);
  return [
    rewrite(
      say("Use {0} instead of {1}", "nn.Identity", "nn.Softmax"),
      file,
      callee.getStart(),
      node.end,
      "nn.Identity()",
    ),
  ];
}
