/** Packs the extension for this platform and installs it for the host tests, as a person would get it. */
import * as fs from "node:fs";
import * as path from "node:path";
import { installExtension } from "./lib/host.mjs";
import { root } from "./lib/setup.mjs";
import { nativeTarget, packageExtension } from "./package.mjs";

const vsix = await packageExtension(nativeTarget());
const extensions = path.join(root, "out", "host", "extensions");
fs.rmSync(extensions, { recursive: true, force: true });
fs.mkdirSync(extensions, { recursive: true });
await installExtension(vsix, extensions);
