/**
 * What a model file holds, read from its text alone: enough for lenses to stand where they belong before the first
 * trace has come back, and where nothing of the workspace may be evaluated.
 */
import type { Position, Range } from "../kernel/protocol.js";

export interface OutlineItem {
  readonly kind: "module" | "train";
  /** Export name. */
  readonly name: string;
  readonly nameRange: Range;
  /** Text of the `@train` tag. */
  readonly title?: string;
}

const importsTensorscope =
  /(?:\bfrom\s*|\bimport\s*|\brequire\(\s*|\bimport\(\s*)["']tensorscope(?:\/[\w/.-]+)?["']/;

/** Whether the text is tensorscope's business at all. */
export function isModelSource(text: string): boolean {
  return importsTensorscope.test(text);
}

/** The text with comments and strings blanked out, so that a pattern does not match inside them. */
function blank(text: string): string {
  return text.replace(
    /\/\*[^]*?\*\/|\/\/[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`/g,
    (part) => part.replace(/[^\n]/g, " "),
  );
}

/** Turns offsets into positions. */
function locator(text: string): (offset: number) => Position {
  const starts = [0];
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return (offset) => {
    const line = starts.findLastIndex((start) => start <= offset);
    return { line, column: offset - starts[line]! };
  };
}

/**
 * Exported classes that extend something of `nn` (or of a class above that does), and exported functions whose doc
 * comment has `@train`, in source order. The tracer decides what is really there; this is the first guess.
 */
export function outline(text: string): OutlineItem[] {
  if (!isModelSource(text)) return [];
  const code = blank(text);
  const locate = locator(text);
  const rangeOf = (start: number, length: number): Range => ({
    start: locate(start),
    end: locate(start + length),
  });
  const items: [offset: number, item: OutlineItem][] = [];
  const exportedLater = new Map(
    [...code.matchAll(/\bexport\s*\{([^}]*)\}/g)].flatMap(([, names = ""]) =>
      names.split(",").map((name): [local: string, exported: string] => {
        const [local = "", exported = local] = name.trim().split(/\s+as\s+/);
        return [local, exported];
      }),
    ),
  );
  const modules = new Set(["Module"]);
  const classes =
    /(\bexport\s+(default\s+)?)?(?:\babstract\s+)?\bclass\s+([A-Za-z_$][\w$]*)?\s*(?:<[^{]*?>)?\s*extends\s+([\w$.]+)/g;
  for (const found of code.matchAll(classes)) {
    const [whole, exported, isDefault, name, base = ""] = found;
    if (!base.startsWith("nn.") && !modules.has(base)) continue;
    if (name !== undefined) modules.add(name);
    const publicName =
      exported === undefined ? exportedLater.get(name ?? "") : isDefault === undefined ? name : "default";
    if (publicName === undefined) continue;
    const shown = name ?? "class";
    const start = found.index + whole.indexOf(shown, (exported ?? "").length + (name === undefined ? 0 : 5));
    items.push([
      found.index,
      {
        kind: "module",
        name: publicName,
        nameRange: rangeOf(start, shown.length),
      },
    ]);
  }
  const functions =
    /\/\*\*((?:(?!\*\/)[^])*?@train\b[ \t]*([^\n*]*)(?:(?!\*\/)[^])*)\*\/\s*export\s+(default\s+)?(?:async\s+)?function\s*\*?\s*([A-Za-z_$][\w$]*)?/g;
  for (const found of text.matchAll(functions)) {
    const [whole, , title = "", isDefault, name] = found;
    const shown = name ?? "function";
    const start = found.index + whole.lastIndexOf(shown);
    items.push([
      start,
      {
        kind: "train",
        name: isDefault === undefined && name !== undefined ? name : "default",
        nameRange: rangeOf(start, shown.length),
        title: title.trim(),
      },
    ]);
  }
  return items.sort(([a], [b]) => a - b).map(([, item]) => item);
}
