/** What a fresh machine lacks, found and installed. Node built-ins only: this runs before `npm ci`. */
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { fileURLToPath } from "node:url";

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");
export const isCI = process.env.CI !== undefined && !["", "0", "false"].includes(process.env.CI);
const isWindows = process.platform === "win32";

export function fail(message) {
  console.error(message);
  process.exit(1);
}

export function checkNode() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major < 20 || (major === 20 && minor < 11)) {
    fail(`Node 20.11 or newer is needed; this is ${process.versions.node}.`);
  }
}

/** Runs a command to its end and gives its exit status; the output goes to the terminal. */
export function run(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: "inherit", ...options });
    child.on("error", reject);
    child.on("close", (code, signal) => resolve(code ?? (signal === null ? 1 : 130)));
  });
}

export function node(args, options) {
  return run(process.execPath, args, options);
}

/** npm as the one that started us, else the one on the PATH. */
export function npm(args, options = {}) {
  const self = process.env.npm_execpath;
  if (self !== undefined && /npm-cli\.c?js$/.test(self)) return node([self, ...args], options);
  return run(isWindows ? "npm.cmd" : "npm", args, { shell: isWindows, ...options });
}

/** `npm ci` when the lockfile is not the one that node_modules was installed from. */
export async function ensureDependencies() {
  checkNode();
  const stampFile = path.join(root, "node_modules", ".tensorscope-stamp");
  const stamp = createHash("sha256")
    .update(fs.readFileSync(path.join(root, "package-lock.json")))
    .update(`${process.platform} ${process.arch}`)
    .digest("hex");
  if (fs.existsSync(stampFile) && fs.readFileSync(stampFile, "utf8") === stamp) return;
  console.log("Installing packages (npm ci) …");
  const status = await npm(["ci", "--no-fund", "--no-audit"], {
    env: { ...process.env, ONNXRUNTIME_NODE_INSTALL: "skip", ONNXRUNTIME_NODE_INSTALL_CUDA: "skip" },
  });
  if (status !== 0) fail("npm ci failed.");
  fs.writeFileSync(stampFile, stamp);
}

/** Debian packages by what needs them. */
export const systemPackages = {
  oracle: ["python3-torch", "libopenblas0-pthread"],
  browser: ["chromium", "fonts-dejavu-core", "fonts-noto-cjk"],
  /** code-server's natives are compiled at install. */
  host: ["libkrb5-dev", "pkg-config", "g++", "make", "python3"],
};

const isDebian = process.platform === "linux" && fs.existsSync("/usr/bin/dpkg-query");

function missingPackages(names) {
  if (!isDebian) return [];
  const { stdout } = spawnSync("dpkg-query", ["-W", "-f=${Package} ${db:Status-Status}\n", ...names], {
    encoding: "utf8",
  });
  const installed = new Set(
    stdout
      .split("\n")
      .filter((line) => line.endsWith(" installed"))
      .map((line) => line.split(" ")[0]),
  );
  return names.filter((name) => !installed.has(name));
}

/** Installs Debian packages when root; says the exact line when not. Gives what is still missing. */
export async function ensureSystemPackages(...groups) {
  const missing = missingPackages(groups.flatMap((group) => systemPackages[group]));
  if (missing.length === 0) return [];
  const install = ["install", "-y", "--no-install-recommends", ...missing];
  if (process.getuid?.() !== 0) {
    console.log(
      `Some tests need system packages. Install them with:\n\n  sudo apt-get ${install.join(" ")}\n`,
    );
    return missing;
  }
  console.log(`Installing system packages: ${missing.join(" ")} …`);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const quiet = { env, stdio: ["ignore", "ignore", "inherit"] };
  // The lists of a fresh machine are empty or old; a failing update may still leave a usable cache.
  await run("apt-get", ["update", "-qq"], quiet);
  const status = await run("apt-get", install, quiet);
  if (status !== 0) console.log(`apt-get ${install.join(" ")} failed with status ${status}.`);
  return missingPackages(missing);
}

/** A Python that has PyTorch: Debian's own, since a version manager's python3 does not see its packages. */
export function findOracle() {
  const candidates = [process.env.TENSORSCOPE_PYTHON, "/usr/bin/python3", "python3"];
  for (const python of candidates) {
    if (python === undefined || python === "") continue;
    const probe = spawnSync(python, ["-c", "import torch; print(torch.__version__)"], {
      encoding: "utf8",
      timeout: 120_000,
    });
    if (probe.status === 0) return { python, version: probe.stdout.trim() };
  }
  return undefined;
}

export function findChromium() {
  const candidates = [
    process.env.CHROMIUM_PATH,
    "/usr/bin/chromium",
    "/usr/bin/chromium-browser",
    "/usr/bin/google-chrome",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe",
  ];
  return candidates.find((file) => file !== undefined && file !== "" && fs.existsSync(file));
}

/** The first of these commands that is on the PATH. */
export function findCommand(...names) {
  const extensions = isWindows ? [".cmd", ".exe", ".bat"] : [""];
  for (const name of names) {
    for (const folder of (process.env.PATH ?? "").split(path.delimiter)) {
      for (const extension of extensions) {
        const file = path.join(folder, name + extension);
        if (fs.existsSync(file)) return file;
      }
    }
  }
  return undefined;
}

export async function build(...flags) {
  const status = await node(["esbuild.js", ...flags]);
  if (status !== 0) fail("The build failed.");
}
