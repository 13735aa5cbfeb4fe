/** The sliced and instrumented bundle of one trace, and the way from its positions back to the sources. */
import { promises as fs } from "node:fs";
import * as path from "node:path";
import ts from "typescript";
import {
  bundle,
  BundleError,
  bundleFrames,
  isCode,
  originalPlace,
  realFile,
  type Bundle,
  type Resolver,
} from "../../runtime/source/bundle.js";
import { Edits, Lines, type EditedText } from "../../runtime/source/edits.js";
import { instrument, Sites } from "./instrument.js";
import type { Range, SourceText, TraceDiagnostic } from "./protocol.js";
import { slice, writeSlice, type Slice } from "./slice.js";
import { parse, syntaxErrors, type ParsedFile } from "../../runtime/source/syntax.js";

/** The global that instrumented code calls. */
export const probe = "__tensorscope";

interface Member {
  readonly parsed: ParsedFile;
  readonly wanted: Set<string>;
  part: Slice;
  edited?: EditedText;
  editedLines?: Lines;
}

export interface Place {
  readonly file: string;
  readonly range: Range;
}

/** Files as they were parsed last: most do not change from one trace to the next. */
const parsedFiles = new Map<string, ParsedFile>();
const maxParsed = 300;

export function parseCached(file: string, text: string): ParsedFile {
  let known = parsedFiles.get(file);
  if (known?.text !== text) known = parse(file, text);
  parsedFiles.delete(file);
  parsedFiles.set(file, known);
  if (parsedFiles.size > maxParsed) parsedFiles.delete(parsedFiles.keys().next().value!);
  return known;
}

/** Reads files with the overlay on top. */
export function reader(overlay: readonly SourceText[]): (file: string) => Promise<string> {
  const texts = new Map(overlay.map(({ file, text }) => [realFile(file), text]));
  return async (file) => texts.get(realFile(file)) ?? (await fs.readFile(file, "utf8"));
}

/** The project's part in one trace. */
export class Project {
  readonly entry: ParsedFile;
  readonly sites = new Sites();
  readonly script: string;
  #bundle: Bundle | undefined;
  readonly #members = new Map<string, Member>();
  readonly #overlay: readonly SourceText[];
  readonly #read: (file: string) => Promise<string>;
  static #serial = 0;

  constructor(entry: ParsedFile, overlay: readonly SourceText[]) {
    this.entry = entry;
    this.#overlay = overlay;
    this.#read = reader(overlay);
    this.script = `tensorscope-trace-${++Project.#serial}.cjs`;
  }

  /** Bundles what the exports of these names reach. @throws BundleError */
  async build(wanted: Iterable<string>): Promise<Bundle> {
    this.#bundle = await bundle({
      file: this.entry.file,
      overlay: this.#overlay,
      prepare: (resolve) => this.#reach(new Set(wanted), resolve),
      contents: (file) => this.#contents(file),
    });
    return this.#bundle;
  }

  /** Project files of the trace, the entry first. */
  get files(): string[] {
    return [...new Set([this.entry.file, ...this.#members.keys(), ...(this.#bundle?.files ?? [])])];
  }

  get parsed(): ParsedFile[] {
    return [...this.#members.values()].map(({ parsed }) => parsed);
  }

  /** Slices the entry and then, as long as something new is reached, the files it imports. */
  async #reach(wanted: Set<string>, resolve: Resolver): Promise<void> {
    const problems: TraceDiagnostic[] = [];
    const work: { file: string; names: ReadonlySet<string> }[] = [{ file: this.entry.file, names: wanted }];
    while (work.length > 0) {
      const { file, names } = work.pop()!;
      const known = this.#members.get(file);
      if (known !== undefined && [...names].every((name) => known.wanted.has(name))) continue;
      const parsed =
        known?.parsed ?? (file === this.entry.file ? this.entry : parseCached(file, await this.#read(file)));
      if (known === undefined) problems.push(...syntaxErrors(parsed));
      const all = new Set([...(known?.wanted ?? []), ...names]);
      const part = slice(parsed, all);
      this.#members.set(file, { parsed, wanted: all, part });
      for (const [specifier, imported] of part.imports) {
        const found = await resolve(specifier, file);
        if (found.kind === "missing") {
          const { node } = imported;
          problems.push({
            file,
            range: parsed.lines.range(node.getStart(), node.end),
            message: `Cannot find ${JSON.stringify(specifier)}`,
            severity: "error",
            code: "unresolved",
          });
        } else if (found.kind === "project" && isCode(found.file)) {
          work.push({ file: found.file, names: imported.names });
        }
      }
    }
    if (problems.length > 0) throw new BundleError(problems);
  }

  #contents(file: string): string {
    const member = this.#members.get(file);
    // Reached only by what esbuild drops again.
    if (member === undefined) return "";
    const edits = new Edits();
    writeSlice(member.parsed, member.part, edits, probe);
    instrument(member.parsed, member.part.kept, this.sites, edits, probe);
    member.edited = edits.apply(member.parsed.text);
    member.editedLines = new Lines(member.edited.text);
    return member.edited.text;
  }

  /** The guilty call of the innermost frame that lies in the project. */
  placeOfError(error: unknown): Place | undefined {
    const found = this.writtenAt(error);
    if (found === undefined) return undefined;
    const { file, node } = found;
    return { file: file.file, range: file.lines.range(node.getStart(), node.end) };
  }

  /** Its syntax. */
  writtenAt(error: unknown): { readonly file: ParsedFile; readonly node: ts.Node } | undefined {
    const stack = error instanceof Error ? error.stack : undefined;
    if (stack === undefined || this.#bundle === undefined) return undefined;
    for (const frame of bundleFrames(stack, this.script)) {
      const textOf = (file: string): string | undefined => this.#members.get(file)?.edited?.text;
      const found = originalPlace(this.#bundle, this.entry.file, frame, textOf);
      const member = found === undefined ? undefined : this.#members.get(found.file);
      if (found === undefined || member?.edited === undefined) continue;
      const offset = member.edited.origin(member.editedLines!.offset(found));
      return { file: member.parsed, node: callAt(member.parsed, offset) };
    }
    return undefined;
  }

  /** The statement of a site. */
  placeOfStatement(site: number): Place | undefined {
    const found = this.sites.statements[site];
    if (found === undefined) return undefined;
    const { lines } = this.#members.get(found.file)!.parsed;
    return { file: found.file, range: lines.range(found.start, found.end) };
  }

  range(file: string, start: number, end: number): Range {
    return this.#members.get(file)!.parsed.lines.range(start, end);
  }
}

/** The innermost call around an offset, else the statement. */
function callAt({ tree }: ParsedFile, offset: number): ts.Node {
  let best: ts.Node = tree;
  const visit = (node: ts.Node): void => {
    if (offset < node.getStart() || offset >= node.end) return;
    best = node;
    ts.forEachChild(node, visit);
  };
  ts.forEachChild(tree, visit);
  let node: ts.Node = best;
  while (!ts.isSourceFile(node) && !isGuilty(node)) node = node.parent;
  return ts.isSourceFile(node) ? best : node;
}

function isGuilty(node: ts.Node): boolean {
  return (
    ts.isCallExpression(node) ||
    ts.isNewExpression(node) ||
    ts.isPropertyDeclaration(node) ||
    (ts.isStatement(node) && !ts.isBlock(node))
  );
}

/** For messages: the file as people name it. */
export function shortName(file: string): string {
  return path.basename(file);
}
