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
}

/** A running browser host. */
export interface Host {
  readonly url: string;
  readonly password: string;
  /** The server's user data; logs of the extension host are below it. */
  readonly dataDir: string;
  /** The extension host's logs, for a failure's message. */
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

function readLogs(folder: string): string {
  if (!fs.existsSync(folder)) return "";
  return fs
    .readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => /(exthost|tensorscope)/i.test(name) && name.endsWith(".log"))
    .map((name) => `--- ${name}\n${fs.readFileSync(path.join(folder, name), "utf8").slice(-4000)}`)
    .join("\n");
}
