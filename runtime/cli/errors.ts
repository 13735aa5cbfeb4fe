/** Errors of the user's code as the terminal shows them: file, line, the line itself, the way there. */
import * as fs from "node:fs";
import * as path from "node:path";
import type { BundleError } from "../source/bundle.js";
import { firstPlace, mapStack, type Program } from "../source/stack.js";
import type { Thrown } from "./shared.js";

interface Place {
  readonly file: string;
  /** From zero. */
  readonly line: number;
  readonly column: number;
}

/** As short as it can be told from here. */
export function shortPath(file: string): string {
  const relative = path.relative(process.cwd(), file);
  return relative === "" || relative.startsWith(`..${path.sep}..`) ? file : relative;
}

const shown = ({ file, line, column }: Place): string =>
  `${shortPath(file)}:${String(line + 1)}:${String(column + 1)}`;

/** The line with its neighbours, and a mark under the place. */
function excerpt({ file, line, column }: Place): string[] {
  let lines: string[];
  try {
    lines = fs.readFileSync(file, "utf8").split(/\r\n|\r|\n/);
  } catch {
    return [];
  }
  if (lines[line] === undefined) return [];
  const last = Math.min(line + 1, lines.length - 1);
  const width = String(last + 1).length;
  const row = (number: string, text: string, mark = " "): string =>
    `${mark} ${number.padStart(width)} | ${text}`.trimEnd();
  const out: string[] = [];
  for (let i = Math.max(0, line - 1); i <= last; i++) {
    out.push(row(String(i + 1), lines[i]!.replaceAll("\t", " "), i === line ? ">" : " "));
    if (i === line) out.push(row("", `${" ".repeat(column)}^`));
  }
  return out;
}

const here = path.dirname(import.meta.filename);
/** Where the library's own code is: beside the folder of this file, or of the bundle it is in. */
const ownFolder = path.basename(here) === "cli" ? path.dirname(here) : here;

/** Frames of the user's files and packages, not of Node or of this library. */
const isUsers = (frame: string): boolean =>
  /^\s+at /.test(frame) && !/[( ](?:node:|native|<anonymous>)/.test(frame) && !frame.includes(ownFolder);

/** The error with its place in the user's file; with `whole`, every frame of its stack. */
export function formatThrown(program: Program, error: Thrown, whole = false): string {
  const stack = error.stack ?? "";
  const place = firstPlace(program, stack);
  const what = `${error.name}: ${error.message}`;
  const frames = mapStack(program, stack)
    .split("\n")
    .filter((frame) => (whole ? /^\s+at /.test(frame) : isUsers(frame)))
    .map((frame) =>
      frame.replace(/(?<=[ (])(\/|[A-Za-z]:\\)[^()]*?(?=:\d+:\d+\)?$)/, (file) => shortPath(file)),
    );
  return [
    place === undefined ? what : `${shown(place)}  ${what}`,
    ...(place === undefined ? [] : ["", ...excerpt(place)]),
    ...(frames.length > (whole ? 0 : 1) ? ["", ...frames] : []),
    ...(error.cause === undefined ? [] : ["", `caused by ${formatThrown(program, error.cause, whole)}`]),
  ].join("\n");
}

/** Every place where the file could not be understood. */
export function formatBundleError({ diagnostics }: BundleError): string {
  return diagnostics
    .map(({ file, range: { start }, message }) => {
      const place = { file, ...start };
      return [`${shown(place)}  ${message}`, "", ...excerpt(place)].join("\n");
    })
    .join("\n\n");
}
