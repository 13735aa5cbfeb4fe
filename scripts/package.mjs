/**
 * Packs the extension, one VSIX per platform, with only the files that platform runs.
 *
 *   node scripts/package.mjs [--target linux-x64,win32-x64,… | all] [--out FOLDER]
 */
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { ensureDependencies, fail, node, npm, root } from "./lib/setup.mjs";

/** The platforms that ONNX Runtime has a binary for. */
export const targets = ["linux-x64", "linux-arm64", "darwin-arm64", "win32-x64", "win32-arm64"];

const contents = [
  "syntaxes",
  "media",
  "l10n",
  "snippets",
  "README.md",
  "LICENSE",
  "CHANGELOG.md",
  ".vscodeignore",
];
const readJson = (file) => JSON.parse(fs.readFileSync(file, "utf8"));
const writeJson = (file, value) => fs.writeFileSync(file, JSON.stringify(value, null, 2) + "\n");

export function nativeTarget() {
  return `${process.platform}-${process.arch}`;
}

/** The esbuild binary of a platform: installed here for our own, from the registry for another. */
async function esbuildBinary(target, version) {
  const installed = path.join(root, "node_modules/@esbuild", target);
  if (fs.existsSync(installed)) return installed;
  const folder = path.join(root, ".cache", "platforms", `${target}-${version}`);
  const unpacked = path.join(folder, "node_modules/@esbuild", target);
  if (!fs.existsSync(unpacked)) {
    fs.mkdirSync(folder, { recursive: true });
    writeJson(path.join(folder, "package.json"), { private: true });
    const name = `@esbuild/${target}@${version}`;
    const status = await npm(["install", "--force", "--ignore-scripts", "--no-package-lock", name], {
      cwd: folder,
      stdio: ["ignore", "ignore", "inherit"],
    });
    if (status !== 0) throw new Error(`${name} could not be had.`);
  }
  return unpacked;
}

/** Copies a package without what it needs only to install itself. */
function copyPackage(from, to, keep) {
  for (const file of keep) {
    const source = path.join(from, file);
    if (!fs.existsSync(source)) continue;
    fs.cpSync(source, path.join(to, file), {
      recursive: true,
      dereference: true,
      // macOS's library comes twice; the binding asks for the one with the short name.
      filter: (name) => !/libonnxruntime\.\d+\.\d+\.\d+\.dylib$/.test(name),
    });
  }
  const manifest = readJson(path.join(from, "package.json"));
  for (const key of ["scripts", "devDependencies", "optionalDependencies"]) delete manifest[key];
  if (manifest.name === "onnxruntime-node") {
    manifest.dependencies = { "onnxruntime-common": manifest.dependencies["onnxruntime-common"] };
  }
  writeJson(path.join(to, "package.json"), manifest);
}

async function stage(target, folder) {
  fs.rmSync(folder, { recursive: true, force: true });
  fs.mkdirSync(folder, { recursive: true });
  const manifest = readJson(path.join(root, "package.json"));
  for (const key of ["scripts", "devDependencies", "allowScripts"]) delete manifest[key];
  const esbuildVersion = readJson(path.join(root, "node_modules/esbuild/package.json")).version;
  // Every other dependency is bundled. The platform's binary is named, so that the packer takes it
  // for a dependency of ours.
  const { esbuild, typescript, "onnxruntime-node": ort } = manifest.dependencies;
  manifest.dependencies = { esbuild, typescript, "onnxruntime-node": ort };
  manifest.dependencies[`@esbuild/${target}`] = esbuildVersion;
  writeJson(path.join(folder, "package.json"), manifest);
  const names = fs.readdirSync(root).filter((name) => /^package\.nls.*\.json$/.test(name));
  for (const name of [...contents, ...names]) {
    const source = path.join(root, name);
    if (fs.existsSync(source)) fs.cpSync(source, path.join(folder, name), { recursive: true });
  }
  const modules = path.join(folder, "node_modules");
  const [platform, arch] = target.split("-");
  const take = (name, keep, from = path.join(root, "node_modules", name)) =>
    copyPackage(from, path.join(modules, name), keep);
  take("esbuild", ["lib/main.js", "LICENSE.md"]);
  take(`@esbuild/${target}`, ["bin", "esbuild.exe"], await esbuildBinary(target, esbuildVersion));
  take("typescript", ["lib/typescript.js", "LICENSE.txt"]);
  take("onnxruntime-common", ["dist/cjs"]);
  take("onnxruntime-node", ["dist", `bin/napi-v6/${platform}/${arch}`]);
}

/** Packs one platform and gives the VSIX's path. */
export async function packageExtension(target, outFolder = path.join(root, "out", "vsix")) {
  const folder = path.join(root, "out", "package", target);
  await stage(target, folder);
  if ((await node(["esbuild.js", "--production", `--dist=out/package/${target}/dist`])) !== 0) {
    throw new Error("The production build failed.");
  }
  if (fs.existsSync(path.join(root, "runtime/index.ts"))) {
    const tsc = path.join(root, "node_modules/typescript/bin/tsc");
    const status = await node([
      tsc,
      "-p",
      "tsconfig.types.json",
      "--outDir",
      path.join(folder, "dist/types"),
    ]);
    if (status !== 0) throw new Error("The library's declarations have errors.");
  }
  fs.mkdirSync(outFolder, { recursive: true });
  const vsix = path.join(outFolder, `tensorscope-${target}.vsix`);
  const vsce = path.join(root, "node_modules/@vscode/vsce/vsce");
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [
      vsce,
      "package",
      "--target",
      target,
      "--out",
      vsix,
      "--allow-missing-repository",
      "--no-rewrite-relative-links",
    ],
    { cwd: folder, encoding: "utf8", env: { ...process.env, npm_config_loglevel: "error" } },
  );
  if (status !== 0) throw new Error(`vsce package failed:\n${stdout}${stderr}`);
  const size = (fs.statSync(vsix).size / 1e6).toFixed(1);
  console.log(`${path.relative(root, vsix)}: ${size} MB`);
  return vsix;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({
    options: { target: { type: "string", default: nativeTarget() }, out: { type: "string" } },
  });
  await ensureDependencies();
  const wanted = values.target === "all" ? targets : values.target.split(",");
  for (const target of wanted) {
    if (!targets.includes(target)) fail(`No such target: ${target}. There are ${targets.join(", ")}.`);
  }
  for (const target of wanted) await packageExtension(target, values.out && path.resolve(values.out));
}
