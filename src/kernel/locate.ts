/** Which tensorscope serves a file: the project's own install, which brings its own kernel, or the one given. */
import * as fs from "node:fs";
import * as path from "node:path";
import type { KernelName } from "./protocol.js";

export interface KernelLocation {
  /** Root folder of the package. */
  readonly root: string;
  readonly entries: Readonly<Record<KernelName, string>>;
  /** Whether it is the project's own install. */
  readonly own: boolean;
}

function entriesOf(folder: string): Readonly<Record<KernelName, string>> | undefined {
  for (const extension of ["cjs", "js"]) {
    const entries = {
      tracer: path.join(folder, `tracer${extension === "js" ? ".entry" : ""}.${extension}`),
      runner: path.join(folder, `runner${extension === "js" ? ".entry" : ""}.${extension}`),
    };
    if (fs.existsSync(entries.tracer) && fs.existsSync(entries.runner)) return entries;
  }
  return undefined;
}

/**
 * Looks upwards from `file` for `node_modules/tensorscope` with a kernel inside.
 * @param fallback the extension's own kernel folder: `dist/kernel`, or `out/src/kernel` while developing.
 */
export function locateKernel(file: string, fallback: string): KernelLocation {
  for (let folder = path.dirname(file), last = ""; folder !== last; folder = path.dirname(folder)) {
    last = folder;
    const root = path.join(folder, "node_modules", "tensorscope");
    const entries = entriesOf(path.join(root, "dist", "kernel"));
    if (entries !== undefined) return { root, entries, own: true };
    if (path.dirname(folder) === folder) break;
  }
  const entries = entriesOf(fallback);
  if (entries === undefined) throw new Error(`No kernel in ${fallback}: is the extension built?`);
  return { root: path.resolve(fallback, "..", ".."), entries, own: false };
}
