/**
 * The browser host: a real VS Code workbench and extension host from npm (code-server), for machines
 * that have no desktop VS Code. It is installed into an ignored folder, since it is large and only
 * the tests and `npm start` use it.
 */
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { fileURLToPath } from "node:url";
import { npm, root, run } from "./setup.mjs";

const packages = ["code-server@4.139.1", "node@24.21.0"];
const folder = path.join(root, ".cache", "host");
const here = path.dirname(fileURLToPath(import.meta.url));

const paths = {
  node: path.join(folder, "node_modules/node/bin", process.platform === "win32" ? "node.exe" : "node"),
  entry: path.join(folder, "node_modules/code-server/out/node/entry.js"),
  stamp: path.join(folder, "installed"),
  log: path.join(folder, "install.log"),
};

export function hostIsInstalled() {
  return fs.existsSync(paths.stamp) && fs.readFileSync(paths.stamp, "utf8") === packages.join(" ");
}

/** Installs the host when it is missing; minutes, as it compiles a few natives. False when it cannot. */
export async function installHost() {
  if (hostIsInstalled()) return true;
  if (process.platform === "win32") {
    console.log("The browser host does not run on Windows; desktop VS Code does.");
    return false;
  }
  console.log("Installing the browser host (code-server, a few minutes, once) …");
  fs.rmSync(folder, { recursive: true, force: true });
  fs.mkdirSync(folder, { recursive: true });
  fs.writeFileSync(
    path.join(folder, "package.json"),
    JSON.stringify({ name: "tensorscope-browser-host", private: true }),
  );
  const log = fs.openSync(paths.log, "w");
  const status = await npm(["install", "--no-fund", "--no-audit", "--no-package-lock", ...packages], {
    cwd: folder,
    stdio: ["ignore", log, log],
    // It asks for the Node it runs under; its natives are Node-API, so the one at hand compiles them.
    env: {
      ...process.env,
      FORCE_NODE_VERSION: process.versions.node.split(".")[0],
      npm_config_prefix: undefined,
    },
  });
  fs.closeSync(log);
  if (status !== 0 || !fs.existsSync(paths.entry) || !fs.existsSync(paths.node)) {
    const tail = fs.readFileSync(paths.log, "utf8").split("\n").slice(-15).join("\n");
    console.log(`The browser host could not be installed:\n${tail}\nThe whole log: ${paths.log}`);
    return false;
  }
  fs.writeFileSync(paths.stamp, packages.join(" "));
  return true;
}

function serverArguments(dataDir, extensionsDir) {
  return [
    paths.entry,
    ...["--user-data-dir", dataDir],
    ...["--extensions-dir", extensionsDir],
    "--disable-telemetry",
    "--disable-update-check",
  ];
}

/** A clean environment: no settings of a person's own code-server, and none of an outer editor. */
function serverEnvironment(extra) {
  const env = Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !/^(VSCODE_|CODE_SERVER_|ELECTRON_|PASSWORD$|HASHED_PASSWORD$|PORT$|NODE_TEST)/.test(name),
    ),
  );
  return { ...env, ...extra };
}

/** Installs a packaged extension into a folder of extensions. */
export async function installExtension(vsix, extensionsDir) {
  const dataDir = fs.mkdtempSync(path.join(os.tmpdir(), "tensorscope-install-"));
  try {
    const status = await run(
      paths.node,
      [...serverArguments(dataDir, extensionsDir), "--install-extension", vsix, "--force"],
      { stdio: ["ignore", "ignore", "inherit"], env: serverEnvironment({}) },
    );
    if (status !== 0) throw new Error(`${path.basename(vsix)} could not be installed (status ${status}).`);
  } finally {
    fs.rmSync(dataDir, { recursive: true, force: true });
  }
}

const settings = {
  // The web workbench saves by itself where the desktop one does not.
  "files.autoSave": "off",
  "workbench.startupEditor": "none",
  "workbench.tips.enabled": false,
  "workbench.welcomePage.walkthroughs.openOnInstall": false,
  "workbench.secondarySideBar.defaultVisibility": "hidden",
  "workbench.enableExperiments": false,
  "workbench.editor.useModal": "off",
  "workbench.editor.revealIfOpen": true,
  "github.gitAuthentication": false,
  "chat.disableAIFeatures": true,
  "telemetry.telemetryLevel": "off",
  "update.mode": "none",
  "extensions.ignoreRecommendations": true,
  "extensions.autoCheckUpdates": false,
  "git.enabled": false,
  "window.commandCenter": false,
};

/**
 * Starts the host on loopback and an ephemeral port, behind a random password.
 *
 * @param {{ dataDir?: string, extensionsDir: string, trust?: boolean, tests?: boolean,
 *   settings?: Record<string, unknown>, machineSettings?: Record<string, unknown>, log?: string }} options
 *   `trust` keeps the workspace-trust question; `tests` lets a URL name extension tests to run.
 * @returns {Promise<{ url: string, password: string, dataDir: string, close(): Promise<void>,
 *   closed: Promise<void> }>}
 */
export async function startHost(options) {
  const ownData = options.dataDir === undefined;
  const dataDir = options.dataDir ?? fs.mkdtempSync(path.join(os.tmpdir(), "tensorscope-host-"));
  const settingsFile = path.join(dataDir, "User", "settings.json");
  if (!fs.existsSync(settingsFile)) {
    fs.mkdirSync(path.dirname(settingsFile), { recursive: true });
    fs.writeFileSync(settingsFile, JSON.stringify({ ...settings, ...options.settings }, null, 2));
  }
  if (options.machineSettings !== undefined) {
    const machineFile = path.join(dataDir, "Machine", "settings.json");
    fs.mkdirSync(path.dirname(machineFile), { recursive: true });
    fs.writeFileSync(machineFile, JSON.stringify(options.machineSettings, null, 2));
  }
  const password = randomBytes(12).toString("hex");
  const mark = randomBytes(12).toString("hex");
  const log = options.log === undefined ? "ignore" : fs.openSync(options.log, "w");
  const child = spawn(
    process.execPath,
    [
      path.join(here, "leash.mjs"),
      mark,
      paths.node,
      ...serverArguments(dataDir, options.extensionsDir),
      ...["--auth", "password", "--bind-addr", "127.0.0.1:0", "--disable-proxy"],
      ...(options.trust === true ? [] : ["--disable-workspace-trust"]),
      ...(options.tests === true ? ["--vscode-option", "enable-smoke-test-driver"] : []),
      // A configuration file of its own, or code-server writes one into the home folder.
      ...["--config", path.join(dataDir, "config.yaml")],
    ],
    {
      stdio: ["pipe", "pipe", log],
      env: serverEnvironment({ PASSWORD: password }),
      // Out of the terminal's group: Ctrl-C reaches the starter, which then lets go of the leash.
      detached: process.platform !== "win32",
    },
  );
  fs.mkdirSync(dataDir, { recursive: true });
  const closed = new Promise((resolve) => {
    child.on("close", () => {
      if (ownData) fs.rmSync(dataDir, { recursive: true, force: true });
      resolve();
    });
  });
  const close = async () => {
    child.stdin.end();
    await closed;
  };
  const url = await new Promise((resolve, reject) => {
    let text = "";
    const timer = setTimeout(() => {
      void close();
      reject(new Error(`The browser host did not start within three minutes:\n${text}`));
    }, 180_000);
    child.stdout.setEncoding("utf8").on("data", (chunk) => {
      if (text.length < 1e5) text += chunk;
      if (typeof log === "number") fs.writeSync(log, chunk);
      const found = /server listening on (http:\/\/127\.0\.0\.1:\d+)/.exec(text);
      if (found !== null) {
        clearTimeout(timer);
        resolve(found[1]);
      }
    });
    child.on("close", (code) => {
      clearTimeout(timer);
      reject(new Error(`The browser host ended at once (status ${code}):\n${text}`));
    });
  });
  return { url, password, dataDir, close, closed };
}
