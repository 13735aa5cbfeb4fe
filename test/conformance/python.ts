/**
 * The little Python of the corpus: formulas such as `0.5 if epoch%3 else 1.0`, and nested constructor calls such as
 * `StepLR(step_size=2,gamma=0.5)`.
 */
export type Expression =
  | { readonly kind: "number"; readonly value: number }
  | { readonly kind: "name"; readonly name: string }
  | { readonly kind: "list"; readonly items: readonly Expression[] }
  | { readonly kind: "unary"; readonly op: string; readonly operand: Expression }
  | { readonly kind: "binary"; readonly op: string; readonly left: Expression; readonly right: Expression }
  | { readonly kind: "if"; readonly test: Expression; readonly then: Expression; readonly other: Expression }
  | { readonly kind: "attribute"; readonly object: Expression; readonly name: string }
  | {
      readonly kind: "call";
      readonly callee: Expression;
      readonly args: readonly Expression[];
      /** Keyword arguments; the key `**` unpacks a mapping. */
      readonly keywords: readonly (readonly [name: string, value: Expression])[];
    };

const token = /\s*(?:(\d+\.?\d*(?:e[+-]?\d+)?|\.\d+)|([A-Za-z_]\w*)|(\*\*|\/\/|[<>=!]=|[-+*/%()[\],.=<>]))/gy;

function tokenize(text: string): string[] {
  const tokens: string[] = [];
  token.lastIndex = 0;
  while (token.lastIndex < text.trimEnd().length) {
    const from = token.lastIndex;
    const match = token.exec(text);
    if (match === null) throw new SyntaxError(`cannot read "${text.slice(from)}" in "${text}"`);
    tokens.push((match[1] ?? match[2] ?? match[3])!);
  }
  return tokens;
}

/** Binary operators by rising precedence; `**` binds tighter than a sign in front and to the right. */
const levels: readonly (readonly string[])[] = [
  ["or"],
  ["and"],
  ["<", ">", "<=", ">=", "==", "!="],
  ["+", "-"],
  ["*", "/", "//", "%"],
];

/** Parses one expression; what follows a `;` is a remark. */
export function parse(text: string): Expression {
  const tokens = tokenize(text.split(";")[0]!);
  let at = 0;
  const peek = (): string | undefined => tokens[at];
  const take = (wanted?: string): string => {
    const found = tokens[at++];
    if (found === undefined || (wanted !== undefined && found !== wanted)) {
      throw new SyntaxError(`expected ${wanted ?? "more"}, found ${found ?? "the end"} in "${text}"`);
    }
    return found;
  };

  function conditional(): Expression {
    const then = binary(0);
    if (peek() !== "if") return then;
    take("if");
    const test = binary(0);
    take("else");
    return { kind: "if", test, then, other: conditional() };
  }
  function binary(level: number): Expression {
    const operators = levels[level];
    if (operators === undefined) return unary();
    let left = binary(level + 1);
    while (operators.includes(peek() ?? "")) {
      const op = take();
      left = { kind: "binary", op, left, right: binary(level + 1) };
    }
    return left;
  }
  function unary(): Expression {
    const op = peek();
    if (op === "-" || op === "+" || op === "not") {
      take();
      return { kind: "unary", op, operand: unary() };
    }
    const base = postfix();
    if (peek() !== "**") return base;
    take("**");
    return { kind: "binary", op: "**", left: base, right: unary() };
  }
  function postfix(): Expression {
    let value = atom();
    for (;;) {
      if (peek() === "(") value = call(value);
      else if (peek() === ".") {
        take(".");
        value = { kind: "attribute", object: value, name: take() };
      } else return value;
    }
  }
  function call(callee: Expression): Expression {
    take("(");
    const args: Expression[] = [];
    const keywords: (readonly [string, Expression])[] = [];
    while (peek() !== ")") {
      if (peek() === "**") {
        take("**");
        keywords.push(["**", conditional()]);
      } else if (tokens[at + 1] === "=") {
        const name = take();
        take("=");
        keywords.push([name, conditional()]);
      } else args.push(conditional());
      if (peek() !== ")") take(",");
    }
    take(")");
    return { kind: "call", callee, args, keywords };
  }
  function atom(): Expression {
    const next = take();
    if (next === "(") {
      const inner = conditional();
      take(")");
      return inner;
    }
    if (next === "[") {
      const items: Expression[] = [];
      while (peek() !== "]") {
        items.push(conditional());
        if (peek() !== "]") take(",");
      }
      take("]");
      return { kind: "list", items };
    }
    if (/^[\d.]/.test(next)) return { kind: "number", value: Number(next) };
    if (/^\w/.test(next)) return { kind: "name", name: next };
    throw new SyntaxError(`unexpected ${next} in "${text}"`);
  }

  const result = conditional();
  if (at < tokens.length) throw new SyntaxError(`unexpected ${tokens[at]!} in "${text}"`);
  return result;
}

const mod = (a: number, b: number): number => a - b * Math.floor(a / b);

const arithmetic: Readonly<Record<string, (a: number, b: number) => number | boolean>> = {
  "+": (a, b) => a + b,
  "-": (a, b) => a - b,
  "*": (a, b) => a * b,
  "/": (a, b) => a / b,
  "//": (a, b) => Math.floor(a / b),
  "%": mod,
  "**": (a, b) => a ** b,
  "<": (a, b) => a < b,
  ">": (a, b) => a > b,
  "<=": (a, b) => a <= b,
  ">=": (a, b) => a >= b,
  "==": (a, b) => a === b,
  "!=": (a, b) => a !== b,
};

/** What names, attributes and calls mean. */
export interface Meaning {
  readonly name: (name: string) => unknown;
  readonly call?: (
    callee: unknown,
    args: readonly unknown[],
    keywords: ReadonlyMap<string, unknown>,
  ) => unknown;
  readonly attribute?: (object: unknown, name: string) => unknown;
}

export function evaluate(expression: Expression, meaning: Meaning): unknown {
  const value = (e: Expression): unknown => evaluate(e, meaning);
  switch (expression.kind) {
    case "number":
      return expression.value;
    case "name":
      return meaning.name(expression.name);
    case "list":
      return expression.items.map(value);
    case "unary": {
      const operand = value(expression.operand);
      if (expression.op === "not") return !operand;
      return expression.op === "-" ? -(operand as number) : operand;
    }
    case "binary": {
      const left = value(expression.left);
      if (expression.op === "and") return left ? value(expression.right) : left;
      if (expression.op === "or") return left ? left : value(expression.right);
      return arithmetic[expression.op]!(left as number, value(expression.right) as number);
    }
    case "if":
      return value(expression.test) ? value(expression.then) : value(expression.other);
    case "attribute": {
      if (!meaning.attribute) throw new SyntaxError(`no attributes here: .${expression.name}`);
      return meaning.attribute(value(expression.object), expression.name);
    }
    case "call": {
      if (!meaning.call) throw new SyntaxError("no calls here");
      const keywords = new Map<string, unknown>();
      for (const [name, e] of expression.keywords) {
        if (name !== "**") keywords.set(name, value(e));
        else for (const [k, v] of Object.entries(value(e) as object)) keywords.set(k, v);
      }
      return meaning.call(value(expression.callee), expression.args.map(value), keywords);
    }
  }
}

/** A formula of one variable (`0.95**epoch`) as a function of it. */
export function formula(text: string): (x: number) => number {
  const expression = parse(text);
  return (x) => Number(evaluate(expression, { name: () => x }));
}
