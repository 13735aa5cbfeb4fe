import * as fs from "node:fs";
import { fileURLToPath } from "node:url";

/** Version of the package this code belongs to: the nearest `package.json` above, named tensorscope. */
export function libraryVersion(): string {
  for (let folder = new URL("./", import.meta.url), i = 0; i < 6; i++, folder = new URL("../", folder)) {
    try {
      const text = fs.readFileSync(fileURLToPath(new URL("package.json", folder)), "utf8");
      const { name, version } = JSON.parse(text) as { name?: string; version?: string };
      if (name === "tensorscope" && version !== undefined) return version;
    } catch {
      // Not in this folder.
    }
  }
  return "unknown";
}
