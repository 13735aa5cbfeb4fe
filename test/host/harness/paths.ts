import * as fs from "node:fs";
import * as path from "node:path";

function findRoot(folder: string): string {
  if (fs.existsSync(path.join(folder, "esbuild.js"))) return folder;
  const parent = path.dirname(folder);
  if (parent === folder) throw new Error("The project's root was not found.");
  return findRoot(parent);
}

/** The project's root folder. */
export const root = findRoot(process.cwd());

/** Where `npm test` installed the packaged extension (scripts/prepare-host.mjs). */
export const packagedExtensions = path.join(root, "out", "host", "extensions");

/** Screenshots that tests leave for people to look at. */
export const screenshots = path.join(root, "out", "screenshots");
