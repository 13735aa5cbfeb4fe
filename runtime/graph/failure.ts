/** Errors of runs, told as if the call that recorded the guilty operation had thrown them. */
import { IndexError, NotImplementedError, RuntimeError, ValueError } from "../errors.js";
import type { EngineFailure } from "../engine/protocol.js";
import type { Node } from "./value.js";

const classes = { RuntimeError, IndexError, ValueError, NotImplementedError } as const;

/** The error that a failed request means. `guilty` is the node that failed, where that is known. */
export function failureError(f: EngineFailure, guilty?: Node): Error {
  const error = f.errorClass ? new classes[f.errorClass](f.message) : kernelError(f.message, guilty);
  const frames = guilty?.site && userFrames(guilty.site);
  if (frames !== undefined) error.stack = `${error.name}: ${error.message}\n${frames}`;
  return error;
}

/**
 * What ONNX Runtime says of an index: "indices element out of data bounds, idx=7 must be within the inclusive range
 * [-5,4]", "invalid index found, index = 9", "invalid indice found, indice = 7".
 */
const badIndex =
  /(?:idx ?= ?|ind(?:ex|ice) found, ind(?:ex|ice) = )(-?\d+)(?: must be within the inclusive range \[-?\d+, ?(-?\d+)\])?/;

/** What a kernel of ONNX Runtime said, in PyTorch's words where they are known. */
function kernelError(message: string, guilty: Node | undefined): Error {
  const error = classes[guilty?.op.refuses ?? "RuntimeError"];
  const bad = badIndex.exec(message);
  if (!bad) return new error(guilty ? `${guilty.op.name}: ${message}` : message);
  const [, index, last] = bad;
  const size = last === undefined ? "" : ` for dimension with size ${String(Number(last) + 1)}`;
  // Lowerings that refuse negative indices move them far behind the end.
  const what = Number(index) > 2 ** 60 ? "a negative index" : `index ${index!}`;
  return new error(`${guilty?.op.name ?? "run"}(): ${what} is out of bounds${size}`);
}

/** The stack of a call site from the user's line on: the library's own frames before it say nothing. */
function userFrames(site: Error): string {
  const lines = (site.stack ?? "").split("\n").slice(1);
  const own = libraryOf(lines[0] ?? "");
  // Between them may be frames of the language's own: `at Array.map (<anonymous>)`.
  const first = lines.findIndex(
    (line) => own === "" || (!line.includes(own) && !line.includes("(<anonymous>)")),
  );
  return lines.slice(Math.max(first, 0)).join("\n");
}

/** Where the library is: the folder above the frame's `graph/record`, or the bundle that the frame is in. */
function libraryOf(frame: string): string {
  const file = /(?:\(|at )([^()]+?):\d+:\d+\)?$/.exec(frame)?.[1] ?? "";
  return file.replace(/graph[\\/]record\.[jt]s$/, "");
}
