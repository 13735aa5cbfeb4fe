import { spawn } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import * as esbuild from "esbuild";
import { resultPrefix, type ExtensionTestResult } from "./extension-test.js";
import { startHost } from "./host.js";
import { root } from "./paths.js";
import { Workbench } from "./workbench.js";

/** Bundles test/host/extension/*.test.ts to one CommonJS file with `run`, as VS Code wants it. */
export async function bundleExtensionTests(
  folder = path.join(root, "test", "host", "extension"),
): Promise<string> {
  const files = fs.readdirSync(folder).filter((name) => name.endsWith(".test.ts"));
  const runner = path.join(root, "test", "host", "harness", "extension-test.ts");
  const outfile = path.join(root, "out", "host", "extension-tests.cjs");
  await esbuild.build({
    stdin: {
      contents: [
        ...files.map((name) => `import ${JSON.stringify(path.join(folder, name))};`),
        `export { run } from ${JSON.stringify(runner)};`,
      ].join("\n"),
      resolveDir: root,
      loader: "ts",
    },
    bundle: true,
    outfile,
    format: "cjs",
    platform: "node",
    target: "node20",
    external: ["vscode"],
    sourcemap: "inline",
    logLevel: "warning",
  });
  return outfile;
}

function parseResults(lines: readonly string[]): ExtensionTestResult[] {
  return lines.flatMap((line) => {
    const at = line.indexOf(resultPrefix);
    return at < 0 ? [] : [JSON.parse(line.slice(at + resultPrefix.length).trim()) as ExtensionTestResult];
  });
}

/** Runs the extension-host tests in the browser host. */
export async function runInBrowserHost(
  testsPath: string,
  workspace: string,
  extensionPath = root,
): Promise<ExtensionTestResult[]> {
  const extensionsDir = path.join(root, "out", "host", "no-extensions");
  fs.mkdirSync(extensionsDir, { recursive: true });
  const host = await startHost({ tests: true, extensionsDir });
  try {
    const workbench = await Workbench.launch(host);
    try {
      const lines: string[] = [];
      const exit = new Promise<number>((resolve) => {
        void workbench.page.exposeFunction("codeAutomationExit", (code: number) => resolve(code));
      });
      await workbench.page.exposeFunction("codeAutomationLog", (_level: string, args: unknown[]) => {
        lines.push(args.map(String).join(" "));
      });
      const remote = `vscode-remote://${new URL(host.url).host}`;
      const payload = JSON.stringify([
        ["extensionDevelopmentPath", remote + extensionPath],
        ["extensionTestsPath", remote + testsPath],
      ]);
      await workbench.page.goto(
        `${host.url}/?folder=${encodeURIComponent(workspace)}&payload=${encodeURIComponent(payload)}`,
      );
      const timeout = new Promise<number>((resolve) => setTimeout(resolve, 900_000, -1).unref());
      const code = await Promise.race([exit, timeout]);
      const results = parseResults(lines);
      if (code !== 0 && results.every(({ error }) => error === undefined)) {
        const reason = code === -1 ? "did not end" : `ended with ${code}`;
        throw new Error(`The extension tests ${reason}:\n${lines.join("\n")}\n${host.logs()}`);
      }
      return results;
    } finally {
      await workbench.close();
    }
  } finally {
    await host.close();
  }
}

/** Runs them in a desktop VS Code: the one at VSCODE_PATH, else one that test-electron downloads. */
export async function runInDesktop(
  testsPath: string,
  workspace: string,
  vscodePath: string | undefined,
): Promise<ExtensionTestResult[]> {
  const { downloadAndUnzipVSCode } = await import("@vscode/test-electron");
  const executable = vscodePath ?? (await downloadAndUnzipVSCode("stable"));
  const lines: string[] = [];
  // As test-electron's runTests starts it, but with the output kept: the results are in it.
  const child = spawn(
    executable,
    [
      workspace,
      "--no-sandbox",
      "--disable-gpu-sandbox",
      "--disable-updates",
      "--skip-welcome",
      "--skip-release-notes",
      "--disable-workspace-trust",
      "--disable-extensions",
      `--extensionDevelopmentPath=${root}`,
      `--extensionTestsPath=${testsPath}`,
      `--user-data-dir=${fs.mkdtempSync(path.join(root, "out", "host", "desktop-"))}`,
    ],
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => lines.push(...text.split("\n")));
  }
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  const results = parseResults(lines);
  if (code !== 0 && results.every(({ error }) => error === undefined)) {
    throw new Error(`VS Code ended with ${code}:\n${lines.slice(-40).join("\n")}`);
  }
  return results;
}
