/** From `@input` tags to the arguments of `forward`. */
import ts from "typescript";
import { InputError, parseInput } from "./inputs.js";
import type { InputSpec, TextEdit, TraceDiagnostic } from "./text.js";
import { docComment, docTags, methodOf, type ClassCandidate, type ParsedFile } from "./syntax.js";

export interface WrittenInputs {
  readonly inputs: readonly InputSpec[];
  readonly diagnostics: readonly TraceDiagnostic[];
}

/** The class's `@input` tags; also on `forward` itself. */
export function writtenInputs(
  { file, lines }: ParsedFile,
  { node, statement }: ClassCandidate,
): WrittenInputs {
  const inputs: InputSpec[] = [];
  const diagnostics: TraceDiagnostic[] = [];
  const forward = methodOf(node, "forward");
  const parameters = forward?.parameters.map(({ name }) => name.getText());
  const report = (start: number, end: number, message: string): void => {
    diagnostics.push({ file, range: lines.range(start, end), message, severity: "error", code: "input" });
  };
  const tags = [...docTags(statement), ...(forward === undefined ? [] : docTags(forward))];
  for (const { tag, text, start } of tags.filter(({ tag }) => tag === "input")) {
    try {
      const input = parseInput(text);
      const source = lines.range(start - tag.length - 2, start + text.length);
      if (parameters !== undefined && !parameters.includes(input.name)) {
        const at = start + text.indexOf(input.name);
        report(
          at,
          at + input.name.length,
          `forward has no parameter ${input.name}, only ${list(parameters)}`,
        );
      } else if (inputs.some(({ name }) => name === input.name)) {
        report(start, start + text.length, `${input.name} has an @input already`);
      } else inputs.push({ ...input, source });
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      report(
        Math.min(start + Math.max(error.at, 0), start + text.length),
        start + Math.max(text.length, 1),
        error.message,
      );
    }
  }
  return { inputs, diagnostics };
}

function list(names: readonly string[]): string {
  return names.length === 0 ? "none" : names.join(", ");
}

/** Required parameters of `forward`, when the class has one of its own. */
export function requiredParameters(node: ts.ClassLikeDeclaration): string[] | undefined {
  return methodOf(node, "forward")
    ?.parameters.filter((p) => !p.initializer && !p.questionToken && !p.dotDotDotToken)
    .map(({ name }) => name.getText());
}

/** Inputs in the order of `forward`'s parameters, `undefined` for optional ones that no tag names. */
export function inForwardOrder(
  node: ts.ClassLikeDeclaration,
  inputs: readonly InputSpec[],
): { readonly ordered: readonly (InputSpec | undefined)[]; readonly missing: readonly string[] } {
  const parameters = methodOf(node, "forward")?.parameters.map(({ name }) => name.getText());
  if (parameters === undefined) return { ordered: inputs, missing: [] };
  const ordered = parameters.map((name) => inputs.find((input) => input.name === name));
  while (ordered.length > 0 && ordered.at(-1) === undefined) ordered.pop();
  const given = new Set(inputs.map(({ name }) => name));
  return { ordered, missing: (requiredParameters(node) ?? []).filter((name) => !given.has(name)) };
}

/** Whether the class writes its own constructor; without one its base's parameters count. */
export function hasConstructor(node: ts.ClassLikeDeclaration): boolean {
  return node.members.some(ts.isConstructorDeclaration);
}

/** Parameters that `new Class()` would leave out. */
export function missingConstructorArguments(node: ts.ClassLikeDeclaration): string[] {
  const constructor = node.members.find(ts.isConstructorDeclaration);
  return (constructor?.parameters ?? [])
    .filter((p) => !p.initializer && !p.questionToken && !p.dotDotDotToken)
    .map(({ name }) => name.getText());
}

/** The edit that writes an input into the doc comment, or a doc comment with it. */
export function inputEdit(
  { file, text, lines }: ParsedFile,
  { statement }: ClassCandidate,
  input: InputSpec,
): TextEdit {
  const doc = docComment(statement);
  const start = statement.getStart();
  const { line } = lines.position(doc?.start ?? start);
  const lineStart = lines.offset({ line, column: 0 });
  const indent = /^[ \t]*/.exec(text.slice(lineStart))![0];
  const newline = text.includes("\r\n") ? "\r\n" : "\n";
  if (doc === undefined) {
    return { file, range: lines.range(start, start), text: `/** @input ${input.text} */${newline}${indent}` };
  }
  const close = doc.end - 2;
  const written = text.slice(doc.start, close);
  const kept = doc.start + written.trimEnd().length;
  return {
    file,
    range: lines.range(kept, close),
    text: `${newline}${indent} * @input ${input.text}${newline}${indent} `,
  };
}
