/**
 * Installs what is missing, builds, and opens VS Code with the extension on examples/: the desktop
 * one where `code` is on the PATH, else the browser host, whose address is printed.
 *
 *   npm start [-- FOLDER] [--browser]
 */
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { parseArgs } from "node:util";
import { build, ensureDependencies, ensureSystemPackages, fail, findCommand, root } from "./lib/setup.mjs";

const { values, positionals } = parseArgs({
  options: { browser: { type: "boolean" } },
  allowPositionals: true,
});
const folder = path.resolve(positionals[0] ?? path.join(root, "examples"));
process.chdir(root);

await ensureDependencies();
await build();

const code = values.browser === true ? undefined : findCommand("code", "code-insiders", "codium");
if (code !== undefined) {
  const args = [`--extensionDevelopmentPath=${root}`, "--new-window", folder];
  console.log(`Opening ${path.basename(code)} on ${folder} …`);
  const { status } = spawnSync(code, args, { stdio: "inherit", shell: process.platform === "win32" });
  process.exit(status ?? 1);
}

await ensureSystemPackages("host");
const { installExtension, installHost, startHost } = await import("./lib/host.mjs");
const { nativeTarget, packageExtension } = await import("./package.mjs");
if (!(await installHost())) {
  fail("There is no desktop VS Code (`code`) on the PATH, and the browser host could not be installed.");
}
const home = path.join(root, ".cache", "start");
const extensionsDir = path.join(home, "extensions");
fs.rmSync(extensionsDir, { recursive: true, force: true });
fs.mkdirSync(extensionsDir, { recursive: true });
await installExtension(await packageExtension(nativeTarget()), extensionsDir);
const host = await startHost({ dataDir: path.join(home, "data"), extensionsDir });
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.on(signal, () => void host.close().then(() => process.exit(0)));
}
console.log(`
VS Code with Tensorscope is running; no desktop VS Code was found.

  open      ${host.url}/?folder=${encodeURI(folder)}
  password  ${host.password}

Ctrl-C ends it.`);
await host.closed;
