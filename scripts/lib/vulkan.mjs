/**
 * Software Vulkan, so that the webgpu device is tested on machines without a graphics card: Mesa's lavapipe. Debian
 * 12's own is too old for WebGPU; the one of its backports is not.
 */
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { root, run } from "./setup.mjs";

const loader = ["libvulkan1"];
const driver = ["mesa-vulkan-drivers"];
/** The oldest major version whose lavapipe WebGPU takes. */
const OLDEST_MESA = 24;

/** Where Debian and its children put the description of the driver. */
function description() {
  const arch = { x64: "x86_64", arm64: "aarch64" }[process.arch] ?? process.arch;
  const folder = "/usr/share/vulkan/icd.d";
  const names = [`lvp_icd.${arch}.json`, "lvp_icd.json"];
  return names.map((name) => path.join(folder, name)).find((file) => fs.existsSync(file));
}

function installedMesa() {
  const { stdout } = spawnSync("dpkg-query", ["-W", "-f=${db:Status-Status} ${Version}", ...driver], {
    encoding: "utf8",
  });
  const match = /^installed (?:\d+:)?(\d+)\./.exec(stdout ?? "");
  return match === null ? undefined : Number(match[1]);
}

function hasLoader() {
  return spawnSync("dpkg-query", ["-W", ...loader], { stdio: "ignore" }).status === 0;
}

function osRelease(key) {
  const text = fs.existsSync("/etc/os-release") ? fs.readFileSync("/etc/os-release", "utf8") : "";
  return new RegExp(`^${key}="?([^"\n]*)"?$`, "m").exec(text)?.[1];
}

/** The address that this machine has its Debian from. */
function mirror(codename) {
  const { stdout } = spawnSync(
    "apt-get",
    ["indextargets", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)"],
    {
      encoding: "utf8",
    },
  );
  const lines = (stdout ?? "").split("\n").map((line) => line.split(" "));
  return lines.find(([, release, component]) => release === codename && component === "main")?.[0];
}

/** `deb` line and target release of the backports, where the system's own Mesa is too old. */
function backports() {
  if (osRelease("ID") !== "debian" || Number(osRelease("VERSION_ID")) !== 12) return undefined;
  const codename = osRelease("VERSION_CODENAME");
  const uri = mirror(codename);
  return uri === undefined ? undefined : { uri, suite: `${codename}-backports` };
}

async function installDriver() {
  const source = backports();
  const target = source === undefined ? [] : ["-t", source.suite];
  const install = ["install", "-y", "--no-install-recommends", ...target, ...loader, ...driver];
  const file = "/etc/apt/sources.list.d/tensorscope-backports.list";
  const line = source && `deb ${source.uri} ${source.suite} main`;
  if (process.getuid?.() !== 0) {
    const add = line === undefined ? "" : `echo '${line}' | sudo tee ${file}\n  sudo apt-get update\n  `;
    console.log(
      `The webgpu tests need software Vulkan. Install it with:\n\n  ${add}sudo apt-get ${install.join(" ")}\n`,
    );
    return;
  }
  console.log(`Installing software Vulkan${source === undefined ? "" : ` from ${source.suite}`} …`);
  if (line !== undefined) fs.writeFileSync(file, `${line}\n`);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const quiet = { env, stdio: ["ignore", "ignore", "inherit"] };
  await run("apt-get", ["update", "-qq"], quiet);
  const status = await run("apt-get", install, quiet);
  if (status !== 0) console.log(`apt-get ${install.join(" ")} failed with status ${status}.`);
}

/**
 * The environment in which WebGPU finds a driver, installing software Vulkan when there is none. A driver that the person chose
 * with `VK_DRIVER_FILES` is left alone.
 *
 * @returns {Promise<{ env: Record<string, string> } | { missing: string }>}
 */
export async function softwareVulkan() {
  const cache = path.join(root, ".cache", "mesa");
  fs.mkdirSync(cache, { recursive: true });
  const shaders = { MESA_SHADER_CACHE_DIR: process.env.MESA_SHADER_CACHE_DIR ?? cache };
  const chosen = process.env.VK_DRIVER_FILES ?? process.env.VK_ICD_FILENAMES;
  if (chosen !== undefined && chosen !== "") return { env: { ...shaders } };
  if (process.platform !== "linux") return { missing: "software Vulkan is set up on Linux only" };
  if (!fs.existsSync("/usr/bin/dpkg-query")) {
    return { missing: "no Debian: set VK_DRIVER_FILES to a Vulkan driver, as Mesa's lvp_icd.json" };
  }
  const ready = () => (installedMesa() ?? 0) >= OLDEST_MESA && description() !== undefined && hasLoader();
  if (!ready()) await installDriver();
  if (!ready()) return { missing: "no software Vulkan" };
  return { env: { ...shaders, VK_DRIVER_FILES: description() } };
}
