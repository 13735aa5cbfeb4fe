/** Training loops that forget a step. Read from the text: a loop is too long to be traced. */
import ts from "typescript";
import { unwrap, type ParsedFile } from "../../runtime/source/syntax.js";
import { lintDiagnostic, rewrite, valueOf } from "./lints.js";
import { say } from "./phrase.js";
import { ClassIndex } from "./places.js";
import type { Fix, TraceDiagnostic } from "./protocol.js";

interface MethodCall {
  readonly node: ts.CallExpression;
  readonly object: ts.Expression;
  readonly name: string;
}

/** Calls of methods below a node, in order. */
function callsIn(node: ts.Node): MethodCall[] {
  const found: MethodCall[] = [];
  const visit = (child: ts.Node): void => {
    if (ts.isCallExpression(child)) {
      const callee = unwrap(child.expression);
      if (ts.isPropertyAccessExpression(callee))
        found.push({ node: child, object: callee.expression, name: callee.name.text });
    }
    ts.forEachChild(child, visit);
  };
  visit(node);
  return found;
}

const isLoop = (node: ts.Node): node is ts.IterationStatement => ts.isIterationStatement(node, false);

function statementOf(node: ts.Node): ts.Statement | undefined {
  let at: ts.Node = node;
  while (!ts.isSourceFile(at)) {
    if (ts.isStatement(at) && (ts.isBlock(at.parent) || ts.isSourceFile(at.parent))) return at;
    at = at.parent;
  }
  return undefined;
}

/** A statement before another, indented alike. */
function before(file: ParsedFile, statement: ts.Statement, text: string): Fix {
  const start = statement.getStart();
  const lineStart = file.text.lastIndexOf("\n", start - 1) + 1;
  const lead = file.text.slice(lineStart, start);
  const separator = lead.trim() === "" ? `\n${lead}` : " ";
  return rewrite(say("Insert {0}", text), file, start, start, `${text}${separator}`);
}

export function lintFunctions(file: ParsedFile, files: readonly ParsedFile[]): TraceDiagnostic[] {
  const classes = new ClassIndex(files);
  const found: TraceDiagnostic[] = [];
  const visit = (node: ts.Node): void => {
    // Loops in loops are looked at once, from the outermost.
    if (isLoop(node)) {
      const scope = functionAround(node);
      found.push(...lintLoop(file, node, scope, classes));
      return;
    }
    ts.forEachChild(node, visit);
  };
  visit(file.tree);
  return found;
}

function functionAround(node: ts.Node): ts.Node {
  let at = node;
  while (!ts.isSourceFile(at) && !ts.isFunctionLike(at)) at = at.parent;
  return at;
}

function lintLoop(
  file: ParsedFile,
  loop: ts.IterationStatement,
  scope: ts.Node,
  classes: ClassIndex,
): TraceDiagnostic[] {
  const calls = callsIn(loop);
  const backward = calls.find(({ name, object }) => name === "backward" && isLossLike(object));
  if (backward === undefined) return [];
  return [...lintZeroGrad(file, calls, backward), ...lintMode(file, loop, calls, scope, classes)];
}

/** `x.backward()`; not a function of that name on a namespace. */
const isLossLike = (object: ts.Expression): boolean => !/^(torch|autograd)$/.test(object.getText());

function lintZeroGrad(
  file: ParsedFile,
  calls: readonly MethodCall[],
  backward: MethodCall,
): TraceDiagnostic[] {
  const isCleared = calls.some(
    ({ name, node }) => name === "zeroGrad" || (name === "grad" && node.arguments.length > 0),
  );
  const isAssigned = /\.grad\s*=\s*null\b/.test(file.text);
  const step = calls.find(
    ({ name, object, node }) =>
      name === "step" && !/sched/i.test(object.getText()) && node.pos > backward.node.pos,
  );
  if (isCleared || isAssigned || step === undefined) return [];
  const statement = statementOf(backward.node);
  const phrase = say(
    "Gradients add up from step to step: {0}.zeroGrad() is missing before backward()",
    step.object.getText(),
  );
  const fixes =
    statement === undefined ? [] : [before(file, statement, `${step.object.getText()}.zeroGrad();`)];
  return lintDiagnostic("zero-grad", file, backward.node, phrase, fixes);
}

const modeDependent = /\bnew\s+(?:\w+\.)*(?:\w*Dropout\w*|\w*BatchNorm\w*|InstanceNorm\w*|Transformer\w*)\b/;

/** A model that stays in eval mode after its first validation, or is validated in training mode. */
function lintMode(
  file: ParsedFile,
  loop: ts.IterationStatement,
  calls: readonly MethodCall[],
  scope: ts.Node,
  classes: ClassIndex,
): TraceDiagnostic[] {
  const evaluated = calls.find(({ name, node }) => name === "eval" && node.arguments.length === 0);
  if (evaluated !== undefined) {
    const model = evaluated.object.getText();
    if (calls.some(({ name, object }) => name === "train" && object.getText() === model)) return [];
    const first = ts.isBlock(loop.statement) ? loop.statement.statements[0] : undefined;
    const phrase = say(
      "{0}.eval() in the training loop, and no {0}.train(): from the second round on it trains in evaluation mode",
      model,
    );
    return lintDiagnostic(
      "eval-mode",
      file,
      evaluated.node,
      phrase,
      first === undefined ? [] : [before(file, first, `${model}.train();`)],
    );
  }
  // Validation: a block without gradients that calls a model which behaves differently in training.
  const all = callsIn(scope);
  if (all.some(({ name }) => name === "eval")) return [];
  for (const { node, name } of all) {
    const [body] = node.arguments;
    if (!/^(noGrad|inferenceMode)$/.test(name) || body === undefined) continue;
    const model = modelCalled(body, classes);
    const statement = statementOf(node);
    if (model === undefined || statement === undefined) continue;
    const phrase = say(
      "{0} is validated in training mode: dropout and batch norm behave otherwise after {0}.eval()",
      model.getText(),
    );
    const text = `${model.getText()}.eval();`;
    const start = statement.end;
    const fix = before(file, statement, text);
    const back = rewrite(fix.title, file, start, start, ` ${model.getText()}.train();`);
    return lintDiagnostic("eval-mode", file, node, phrase, [
      { title: fix.title, edits: [...fix.edits, ...back.edits] },
    ]);
  }
  return [];
}

/** A model called below a node whose class has layers that depend on the mode. */
function modelCalled(node: ts.Node, classes: ClassIndex): ts.Expression | undefined {
  let found: ts.Expression | undefined;
  const visit = (child: ts.Node): void => {
    if (found !== undefined) return;
    if (ts.isCallExpression(child) && ts.isIdentifier(child.expression)) {
      const value = valueOf(child.expression, classes);
      const made = value && unwrap(value);
      if (made !== undefined && ts.isNewExpression(made)) {
        const name = made.expression.getText().split(".").at(-1)!;
        const text = classes.get(name)?.node.getText() ?? made.getText();
        if (modeDependent.test(text)) found = child.expression;
      }
    }
    ts.forEachChild(child, visit);
  };
  visit(node);
  return found;
}
