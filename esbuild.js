/**
 * Builds everything: first the unbundled tree under out/ (tests, scripts, development), then the bundles
 * under dist/ (what is shipped).
 *
 *   node esbuild.js [--out-only] [--production] [--watch] [--dist=FOLDER]
 */
import * as fs from "node:fs";
import * as path from "node:path";
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";

const root = path.dirname(fileURLToPath(import.meta.url));
process.chdir(root);

const args = process.argv.slice(2);
const production = args.includes("--production");
const watch = args.includes("--watch");
const outOnly = args.includes("--out-only");
const dist = args.find((arg) => arg.startsWith("--dist="))?.slice("--dist=".length) ?? "dist";

/** Source trees that have a twin under out/. */
const trees = ["runtime", "src", "test", "scripts", "bench", "webview"];
const nodeTarget = "node20";
/** Packages that stay packages: natives, and TypeScript, which only the tracer loads. */
const external = ["vscode", "esbuild", "typescript", "onnxruntime-node"];

const posix = (file) => file.split(path.sep).join("/");

function walk(folder, accept, found = []) {
  if (!fs.existsSync(folder)) return found;
  for (const entry of fs.readdirSync(folder, { withFileTypes: true })) {
    const file = `${folder}/${entry.name}`;
    if (entry.isDirectory()) {
      if (entry.name !== "node_modules") walk(file, accept, found);
    } else if (accept(entry.name)) found.push(file);
  }
  return found;
}

const isSource = (name) => /\.tsx?$/.test(name) && !name.endsWith(".d.ts");

/** Transpiles the given trees file by file into out/, and removes what has lost its source. */
async function transpile(folders) {
  const sources = folders.flatMap((tree) => walk(tree, isSource));
  if (sources.length > 0) {
    await esbuild.build({
      entryPoints: sources,
      outdir: "out",
      outbase: ".",
      format: "esm",
      platform: "node",
      target: nodeTarget,
      sourcemap: true,
      logLevel: "warning",
    });
  }
  const alive = new Set(sources.map((file) => `out/${file.replace(/\.tsx?$/, ".js")}`));
  for (const tree of folders) {
    for (const file of walk(`out/${tree}`, (name) => /\.js(\.map)?$/.test(name))) {
      if (!alive.has(file.replace(/\.map$/, ""))) fs.rmSync(file, { force: true });
    }
  }
}

/** The op records write their typed faces to runtime/generated before anything is bundled or checked. */
async function generate() {
  const generator = "out/scripts/generate-types.js";
  if (!fs.existsSync(generator)) return;
  const { status } = spawnSync(process.execPath, [generator], { stdio: "inherit" });
  await transpile(["runtime"]);
  if (status !== 0) throw new Error(`${generator} failed`);
}

/** Worker and process entries by source file: where each one lands under dist/. */
function workerEntries() {
  const entries = new Map();
  if (fs.existsSync("runtime/engine/thread.ts")) {
    entries.set("runtime/engine/thread.ts", `${dist}/runtime/engine-thread.cjs`);
  }
  for (const file of walk("runtime", (name) => name.endsWith(".worker.ts"))) {
    const folder = isLibraryUser(file) ? dist : `${dist}/runtime`;
    entries.set(file, `${folder}/${path.basename(file, ".ts")}.cjs`);
  }
  for (const file of walk("src/kernel", (name) => /\.(entry|worker)\.ts$/.test(name))) {
    entries.set(file, `${dist}/kernel/${path.basename(file, ".ts").replace(/\.entry$/, "")}.cjs`);
  }
  return entries;
}

/**
 * Sources say `new URL("./thread.js", import.meta.url)`, which is true in out/. In a bundle the same
 * expression is pointed at that entry's own bundle.
 */
function entryUrls(outfile) {
  const entries = workerEntries();
  return {
    name: "entry-urls",
    setup(build) {
      build.onLoad({ filter: /[\\/](runtime|src)[\\/].*\.ts$/ }, async ({ path: file }) => {
        let contents = await fs.promises.readFile(file, "utf8");
        if (!contents.includes("import.meta.url")) return undefined;
        contents = contents.replace(
          /new URL\(\s*(["'`])(\.[^"'`]+)\1\s*,\s*import\.meta\.url\s*,?\s*\)/g,
          (text, quote, specifier) => {
            const source = path.join(path.dirname(file), specifier.replace(/\.js$/, ".ts"));
            const target = entries.get(posix(path.relative(root, source)));
            if (target === undefined) return text;
            const from = posix(path.relative(path.dirname(outfile), target));
            return `new URL(${JSON.stringify(from.startsWith(".") ? from : `./${from}`)}, import.meta.url)`;
          },
        );
        return { contents, loader: "ts", resolveDir: path.dirname(file) };
      });
    },
  };
}

/** CommonJS has no import.meta; every Node bundle gets one computed from its own file name. */
const importMeta = {
  define: {
    "import.meta.url": "__bundleUrl",
    "import.meta.dirname": "__dirname",
    "import.meta.filename": "__filename",
  },
  banner: 'const __bundleUrl = require("node:url").pathToFileURL(__filename).href;',
};

function nodeBundle(outfile, options) {
  const { plugins = [], banner = "", ...rest } = options;
  return {
    bundle: true,
    outfile,
    format: "cjs",
    platform: "node",
    target: nodeTarget,
    external,
    sourcemap: production ? false : "linked",
    minifySyntax: production,
    minifyWhitespace: production,
    keepNames: true,
    logLevel: "warning",
    define: importMeta.define,
    banner: { js: banner + importMeta.banner },
    plugins: [...plugins, entryUrls(outfile)],
    ...rest,
  };
}

/** Files that use the library without being part of it: one shared instance for them and for user code. */
const isLibraryUser = (file) => /^(runtime\/(cli|source)|src\/kernel)\//.test(file);
const isLibraryFile = (file) => file.startsWith("runtime/") && !isLibraryUser(file);

/** In a library user's bundle, an imported library module is the one inside dist/runtime/library.cjs. */
function sharedLibrary(outfile, modules) {
  const library = posix(path.relative(path.dirname(outfile), `${dist}/runtime/library.cjs`));
  const request = library.startsWith(".") ? library : `./${library}`;
  return {
    name: "shared-library",
    setup(build) {
      build.onResolve({ filter: /^\.{1,2}\// }, ({ path: specifier, importer, resolveDir }) => {
        if (!isLibraryUser(posix(path.relative(root, importer)))) return undefined;
        const target = posix(
          path.relative(root, path.resolve(resolveDir, specifier)).replace(/\.js$/, ".ts"),
        );
        if (!isLibraryFile(target)) return undefined;
        modules?.add(target);
        return { path: target, namespace: "shared-library" };
      });
      build.onResolve({ filter: /library\.cjs$/, namespace: "shared-library" }, () => ({
        path: request,
        external: true,
      }));
      build.onLoad({ filter: /.*/, namespace: "shared-library" }, ({ path: target }) => ({
        contents: `module.exports = require(${JSON.stringify(request)}).modules[${JSON.stringify(target)}];`,
        loader: "js",
        resolveDir: root,
      }));
    },
  };
}

function libraryUserBundles() {
  const bundles = new Map(
    [...workerEntries()].filter(([source]) => isLibraryUser(source)).map(([s, o]) => [o, s]),
  );
  if (fs.existsSync("runtime/cli/main.ts")) bundles.set(`${dist}/cli.cjs`, "runtime/cli/main.ts");
  return bundles;
}

/** The library modules that CLI and kernel import: the library bundle hands them out by path. */
async function sharedModules() {
  const modules = new Set();
  for (const [outfile, source] of libraryUserBundles()) {
    await esbuild.build(
      nodeBundle(outfile, {
        entryPoints: [source],
        write: false,
        sourcemap: false,
        logLevel: "silent",
        plugins: [sharedLibrary(outfile, modules)],
      }),
    );
  }
  return [...modules].filter((file) => fs.existsSync(file)).sort();
}

async function publicNames() {
  const { metafile } = await esbuild.build({
    entryPoints: ["runtime/index.ts"],
    bundle: true,
    write: false,
    metafile: true,
    format: "esm",
    platform: "node",
    target: nodeTarget,
    external,
    outdir: `${dist}/runtime`,
    logLevel: "error",
  });
  return Object.values(metafile.outputs)[0].exports.filter((name) => name !== "default");
}

async function writeFacades() {
  const names = await publicNames();
  fs.mkdirSync(`${dist}/runtime`, { recursive: true });
  fs.writeFileSync(`${dist}/runtime/index.cjs`, 'module.exports = require("./library.cjs").index;\n');
  fs.writeFileSync(
    `${dist}/runtime/index.mjs`,
    `import library from "./index.cjs";\n` +
      names.map((name) => `const _${name} = library.${name};\nexport { _${name} as ${name} };\n`).join("") +
      "export default library;\n",
  );
}

/** The library as one bundle, which also hands out the modules that CLI and kernel import. */
async function libraryBundle() {
  const modules = await sharedModules();
  const contents = [
    'export * as index from "./runtime/index.js";',
    ...modules.map((file, i) => `import * as m${i} from "./${file.replace(/\.ts$/, ".js")}";`),
    `export const modules = { ${modules.map((file, i) => `${JSON.stringify(file)}: m${i}`).join(", ")} };`,
  ].join("\n");
  await esbuild.build(
    nodeBundle(`${dist}/runtime/library.cjs`, {
      stdin: { contents, resolveDir: root, sourcefile: "library.js", loader: "js" },
    }),
  );
  await writeFacades();
}

function bundles() {
  const list = [];
  for (const [source, outfile] of workerEntries()) {
    if (!isLibraryUser(source)) list.push(nodeBundle(outfile, { entryPoints: [source] }));
  }
  for (const [outfile, source] of libraryUserBundles()) {
    const shebang = outfile === `${dist}/cli.cjs` ? "#!/usr/bin/env node\n" : "";
    list.push(
      nodeBundle(outfile, {
        entryPoints: [source],
        banner: shebang,
        plugins: [sharedLibrary(outfile)],
      }),
    );
  }
  if (fs.existsSync("src/extension.ts")) {
    list.push(nodeBundle(`${dist}/extension.cjs`, { entryPoints: ["src/extension.ts"] }));
  }
  if (fs.existsSync("webview")) {
    for (const view of fs.readdirSync("webview")) {
      const entry = ["main.ts", "main.tsx"].map((name) => `webview/${view}/${name}`).find(fs.existsSync);
      if (entry === undefined) continue;
      list.push({
        entryPoints: [entry],
        bundle: true,
        outfile: `${dist}/webview/${view}.js`,
        format: "iife",
        platform: "browser",
        target: "es2022",
        minify: production,
        sourcemap: production ? false : "linked",
        logLevel: "warning",
        loader: { ".svg": "text", ".ttf": "file" },
        define: { "process.env.NODE_ENV": production ? '"production"' : '"development"' },
      });
    }
  }
  return list;
}

async function buildDist() {
  const list = bundles();
  const jobs = list.map((options) => esbuild.build(options));
  if (fs.existsSync("runtime/index.ts")) jobs.push(libraryBundle());
  // One bundle's errors do not keep the others from being built.
  const failures = (await Promise.allSettled(jobs)).filter(({ status }) => status === "rejected");
  if (failures.length > 0) throw failures[0].reason;
  if (fs.existsSync(`${dist}/cli.cjs`)) fs.chmodSync(`${dist}/cli.cjs`, 0o755);
  const alive = new Set(list.map(({ outfile }) => outfile));
  for (const name of ["library.cjs", "index.cjs", "index.mjs"]) alive.add(`${dist}/runtime/${name}`);
  for (const file of walk(dist, (name) => /\.(cjs|js|css)(\.map)?$/.test(name))) {
    if (file.startsWith(`${dist}/types/`)) continue;
    const owner = file.replace(/\.map$/, "").replace(/\.css$/, ".js");
    if (!alive.has(owner) || (production && file.endsWith(".map"))) fs.rmSync(file, { force: true });
  }
}

async function build() {
  await transpile(trees);
  // A broken record does not keep the host or the webviews from being built; the build fails at its end.
  const [generated] = await Promise.allSettled([generate()]);
  if (!outOnly) await buildDist();
  if (generated.status === "rejected") throw generated.reason;
}

const started = Date.now();
try {
  await build();
  console.log(`built in ${Date.now() - started} ms`);
} catch (error) {
  // esbuild has printed its own messages already.
  if (!Array.isArray(error.errors)) console.error(error.message);
  if (!watch) process.exit(1);
}

if (watch) {
  // A new file can be a new entry, so a change starts a whole build; it takes a second or two.
  let timer;
  let running = Promise.resolve();
  const again = (_event, file) => {
    if (file !== null && (String(file).startsWith("generated") || !/\.(tsx?|css)$/.test(String(file))))
      return;
    clearTimeout(timer);
    timer = setTimeout(() => {
      running = running.then(async () => {
        console.log("[watch] build started");
        await build().catch((error) => {
          if (!Array.isArray(error.errors)) console.error(error.message);
        });
        console.log("[watch] build finished");
      });
    }, 100);
  };
  for (const tree of trees) if (fs.existsSync(tree)) fs.watch(tree, { recursive: true }, again);
  console.log("[watch] build finished");
}
