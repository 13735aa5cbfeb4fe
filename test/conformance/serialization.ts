import * as path from "node:path";
import { pathToFileURL } from "node:url";
import type { CaseBase, Family, Json } from "./corpus.js";
import type { Library } from "./library.js";
import { message } from "./operation.js";
import type { Comparison } from "./results.js";
import { compareTree } from "./tree.js";

export interface SerializationCase extends CaseBase {
  readonly kind: "serialization";
  readonly file: string;
  readonly expect: { readonly reject: boolean; readonly contents?: Json; readonly why?: string };
}

/** Runs a case of kind serialization; what it finds wrong, one line each. */
export async function runSerialization(
  library: Library,
  family: Family,
  c: SerializationCase,
): Promise<string[]> {
  const load = library.function("load");
  const file = path.resolve(family.folder, c.file);
  if (c.expect.reject) {
    const before = process.memoryUsage.rss();
    const start = process.cpuUsage();
    try {
      await load(file);
    } catch (error) {
      const slip = error instanceof RangeError || error instanceof ReferenceError;
      if (slip) return [`rejected by accident: ${message(error)}`];
      const spent = process.cpuUsage(start);
      const seconds = (spent.user + spent.system) / 1e6;
      const grown = (process.memoryUsage.rss() - before) / 1e6;
      if (seconds > 1) return [`rejected after ${seconds.toFixed(1)} s`];
      return grown > 200 ? [`rejected after ${grown.toFixed(0)} MB`] : [];
    }
    return [`accepted ${pathToFileURL(file).pathname.split("/").at(-1)!}: ${c.expect.why ?? ""}`];
  }
  const on: Comparison = { library, family, case: { ...c, compare: "exact" } };
  return compareTree(on, await load(file), c.expect.contents ?? null);
}
