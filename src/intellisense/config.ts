/** Edits of `tsconfig.json` and `jsconfig.json` as text: comments, order and layout stay. */
import type ts from "typescript";

/** TypeScript, loaded by whoever needs it: it is large. */
type TypeScript = typeof ts;

/** What stands at an offset of a text instead of what stood there. */
interface Replacement {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** Sets a property of nested objects, making those that are missing; `path` names at least one key. */
export function setProperty(
  typescript: TypeScript,
  text: string,
  path: readonly string[],
  value: unknown,
): string {
  const source = typescript.parseJsonText("config.json", text);
  const root = source.statements[0]?.expression;
  if (root === undefined || !typescript.isObjectLiteralExpression(root)) {
    return `${render(nest(path, value), "", unitOf(text))}\n`;
  }
  const { start, end, text: inserted } = replacement(typescript, source, root, path, value);
  return text.slice(0, start) + inserted + text.slice(end);
}

function nest(path: readonly string[], value: unknown): unknown {
  return path.reduceRight((inner, key) => ({ [key]: inner }), value);
}

function replacement(
  typescript: TypeScript,
  source: ts.JsonSourceFile,
  root: ts.ObjectLiteralExpression,
  path: readonly string[],
  value: unknown,
): Replacement {
  const { text } = source;
  const unit = unitOf(text);
  let object = root;
  for (const [depth, key] of path.entries()) {
    const rest = path.slice(depth + 1);
    const property = object.properties.find(
      (candidate): candidate is ts.PropertyAssignment =>
        typescript.isPropertyAssignment(candidate) &&
        typescript.isStringLiteral(candidate.name) &&
        candidate.name.text === key,
    );
    if (property === undefined) {
      const indent = indentAt(text, object.getStart(source)) + unit;
      const separator = object.properties.length > 0 ? "," : `\n${indent.slice(unit.length)}`;
      const start = object.getStart(source) + 1;
      // An empty object has only blanks and comments in it; they stay behind what is inserted.
      const written = `\n${indent}${JSON.stringify(key)}: ${render(nest(rest, value), indent, unit)}`;
      return { start, end: start, text: written + (object.properties.length > 0 ? "," : separator) };
    }
    const { initializer } = property;
    if (rest.length === 0 || !typescript.isObjectLiteralExpression(initializer)) {
      const indent = indentAt(text, property.getStart(source));
      return {
        start: initializer.getStart(source),
        end: initializer.end,
        text: render(nest(rest, value), indent, unit),
      };
    }
    object = initializer;
  }
  throw new RangeError("The path names no key");
}

/** JSON as configuration files have it: short lists on one line. */
function render(value: unknown, indent: string, unit: string): string {
  if (Array.isArray(value)) return `[${value.map((item) => render(item, indent, unit)).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const inner = indent + unit;
  const lines = Object.entries(value).map(
    ([key, item]) => `${inner}${JSON.stringify(key)}: ${render(item, inner, unit)}`,
  );
  return lines.length === 0 ? "{}" : `{\n${lines.join(",\n")}\n${indent}}`;
}

/** One level of indentation, as the text has it. */
function unitOf(text: string): string {
  return /^[ \t]+(?=")/m.exec(text)?.[0] ?? "  ";
}

function indentAt(text: string, offset: number): string {
  return /^[ \t]*/.exec(text.slice(text.lastIndexOf("\n", offset - 1) + 1))![0];
}
