import { spawn } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { createInterface } from "node:readline";
import { packagedExtensions, root } from "./paths.js";

export interface HostOptions {
  /** Extensions to start with; the packaged Tensorscope when left out. */
  readonly extensionsDir?: string;
  /** Keeps workspace trust on: a folder starts untrusted and the workbench asks. */
  readonly trust?: boolean;
  /** Lets a URL name extension tests to run (`Workbench.runExtensionTests`). */
  readonly tests?: boolean;
  /** User settings besides the quiet ones of the host. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** Settings of machine scope. */
  readonly machineSettings?: Readonly<Record<string, unknown>>;
}

/** A running browser host. */
export interface Host {
  readonly url: string;
  readonly password: string;
  /** The server's user data; logs of the extension host are below it. */
  readonly dataDir: string;
  /** The extension's output and the extension host's errors, for a failure's message. */
  logs(): string;
  close(): Promise<void>;
}

/** Starts a browser host of its own; it ends with `close`, or when this process ends in any way. */
export async function startHost(options: HostOptions = {}): Promise<Host> {
  const child = spawn(
    process.execPath,
    [
      path.join(root, "scripts", "host.mjs"),
      JSON.stringify({ extensionsDir: packagedExtensions, ...options }),
    ],
    { stdio: ["pipe", "pipe", "inherit"] },
  );
  const closed = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const line = await Promise.race([
    new Promise<string>((resolve) => createInterface(child.stdout).once("line", resolve)),
    closed.then(() => undefined),
  ]);
  if (line === undefined) throw new Error("The browser host did not start.");
  const started = JSON.parse(line) as { url: string; password: string; dataDir: string };
  return {
    ...started,
    logs: () => readLogs(path.join(started.dataDir, "logs")),
    close: async () => {
      child.stdin.end();
      await closed;
    },
  };
}

/** The extension's own output, and what went wrong in the extension host. */
function readLogs(folder: string): string {
  if (!fs.existsSync(folder)) return "";
  const logs: string[] = [];
  for (const name of fs.readdirSync(folder, { recursive: true, encoding: "utf8" })) {
    if (!name.endsWith(".log")) continue;
    const own = /tensorscope[^/\\]*\.log$/i.test(name);
    if (!own && !name.endsWith("remoteexthost.log")) continue;
    const lines = fs.readFileSync(path.join(folder, name), "utf8").trim().split("\n");
    const kept = own ? lines.slice(-60) : lines.filter((line) => line.includes("[error]")).slice(-20);
    if (kept.join("") !== "") logs.push(`--- ${path.basename(name)}`, ...kept);
  }
  return logs.join("\n");
}
