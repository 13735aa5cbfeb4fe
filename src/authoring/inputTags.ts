/** Reads the doc tags of model files from their text, as far as completion and quick fixes need it. Pure. */

/** What may be written at a place in an `@input` tag. */
export type InputSlot = "tag" | "name" | "dtype" | "dims" | "range";

const slots: readonly [slot: InputSlot, pattern: RegExp][] = [
  ["tag", /^@?$|^@[a-z]*$/],
  ["name", /^@input[ \t]+[\w$]*$/],
  ["dtype", /^@input[ \t]+[\w$]+[ \t]+[\w.]*$/],
  ["dims", /^@input[ \t]+[\w$]+[ \t]+[\w.]*\[[^\]]*$/],
  ["range", /^@input[ \t]+[\w$]+[ \t]+u?int\d+\[[^\]]*\][ \t]+\w*$/],
];

/** Which part of a tag the text before the cursor ends in; undefined outside of tags. */
export function inputSlot(lineBefore: string): InputSlot | undefined {
  const written = /^[ \t]*(?:\/\*\*|\*)?[ \t]*(@[^\r\n]*)?$/.exec(lineBefore)?.[1];
  if (written === undefined) return undefined;
  return slots.find(([, pattern]) => pattern.test(written))?.[0];
}

/** Whether an offset lies in a doc comment. */
export function inDocComment(text: string, offset: number): boolean {
  const open = text.lastIndexOf("/**", offset - 1);
  return open !== -1 && text.indexOf("*/", open + 2) >= offset - 1;
}

/** What follows the doc comment around an offset: the class's own `forward` with its parameters' names. */
export function forwardParameters(text: string, offset: number): string[] {
  const end = text.indexOf("*/", offset);
  if (end === -1) return [];
  const after = text.slice(end + 2);
  const owner = /^\s*(?:export\s+)?(?:default\s+)?(?:const\s+[\w$]+\s*=\s*)?class\b/.exec(after);
  const method = /^\s*(?:async\s+)?forward\s*\(/.exec(after);
  const start = method !== null ? 0 : owner === null ? -1 : after.search(/\bforward\s*(?:=\s*)?\(/);
  if (start === -1) return [];
  const list = after.slice(after.indexOf("(", start) + 1);
  const names: string[] = [];
  let depth = 0;
  let item = "";
  for (const c of list) {
    if (depth === 0 && (c === "," || c === ")")) {
      const name = /^\s*([A-Za-z_$][\w$]*)/.exec(item)?.[1];
      if (name !== undefined) names.push(name);
      item = "";
      if (c === ")") break;
      continue;
    }
    if ("([{<".includes(c)) depth++;
    else if (")]}>".includes(c)) depth--;
    item += c;
  }
  return names;
}

/** Names that the doc comment around an offset has tags for already. */
export function taggedNames(text: string, offset: number): string[] {
  const open = text.lastIndexOf("/**", offset);
  const close = text.indexOf("*/", offset);
  if (open === -1 || close === -1) return [];
  return [...text.slice(open, close).matchAll(/@input[ \t]+([A-Za-z_$][\w$]*)/g)].map(([, name]) => name!);
}
