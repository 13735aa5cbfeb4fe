/**
 * Makes one script of a model file and the project files it imports, with unsaved buffers in place of what is on disk.
 * Packages stay outside, resolved from the file that imports them; "tensorscope" is the kernel's own library, so there
 * is one instance of it.
 */
import { promises as fs, realpathSync } from "node:fs";
import * as path from "node:path";
import { pathToFileURL } from "node:url";
import { builtinModules, SourceMap, type SourceMapPayload } from "node:module";
import * as esbuild from "esbuild";
import { runKey, workerKey } from "./key.js";
import type { SourceText, TraceDiagnostic } from "./text.js";

export interface BundleOptions {
  readonly file: string;
  readonly overlay: readonly SourceText[];
  /** The file is started: `import.meta.main` is true in it, and in no other. */
  readonly main?: boolean;
  /** Contents of a project file instead of its text. */
  readonly contents?: (file: string) => Promise<string> | string;
  /** Runs before the first file is read; what it throws, `bundle` throws. */
  readonly prepare?: (resolve: Resolver) => Promise<void>;
}

export type Resolver = (specifier: string, importer: string) => Promise<Resolved>;

export type Resolved =
  /** A file of the project. */
  | { readonly kind: "project"; readonly file: string }
  /** A package or a built-in module. */
  | { readonly kind: "package"; readonly specifier: string; readonly importer: string }
  /** "tensorscope" itself. */
  | { readonly kind: "library" }
  | { readonly kind: "missing" };

export interface Bundle {
  /** Reads two functions: `__library()` and `__package(specifier, importer)`. */
  readonly code: string;
  /** CommonJS finds those functions in its scope, a module (only where something is awaited) in `globalThis[runKey]`. */
  readonly format: "cjs" | "esm";
  readonly map: SourceMap;
  /** Project files in it, absolute. */
  readonly files: readonly string[];
}

/** The bundle could not be made: syntax errors, missing files. */
export class BundleError extends Error {
  override name = "BundleError";
  readonly diagnostics: readonly TraceDiagnostic[];

  constructor(diagnostics: readonly TraceDiagnostic[]) {
    const [first] = diagnostics;
    super(
      first === undefined
        ? "The file could not be bundled"
        : `${path.basename(first.file)}:${first.range.start.line + 1}: ${first.message}`,
    );
    this.diagnostics = diagnostics;
  }
}

const loaders: Readonly<Record<string, esbuild.Loader>> = {
  ".ts": "ts",
  ".mts": "ts",
  ".cts": "ts",
  ".tsx": "tsx",
  ".js": "js",
  ".mjs": "js",
  ".cjs": "js",
  ".jsx": "jsx",
  ".json": "json",
};

const builtins = new Set(builtinModules);
const inPackages = /[\\/]node_modules[\\/]/;
const skip = { tensorscope: "resolve as usual" };

export function isCode(file: string): boolean {
  return (loaders[path.extname(file)] ?? "json") !== "json";
}

function isBare(specifier: string): boolean {
  return !specifier.startsWith(".") && !path.isAbsolute(specifier);
}

/** How an import resolves: esbuild's rules (tsconfig's paths, extensions), minus packages. */
async function resolveImport(
  build: esbuild.PluginBuild,
  specifier: string,
  importer: string,
  kind: esbuild.ImportKind = "import-statement",
): Promise<Resolved> {
  if (specifier === "tensorscope") return { kind: "library" };
  const outside: Resolved = { kind: "package", specifier, importer };
  if (specifier.startsWith("node:") || builtins.has(specifier)) return outside;
  const { path: file, errors } = await build.resolve(specifier, {
    resolveDir: path.dirname(importer),
    importer,
    kind: kind === "entry-point" ? "import-statement" : kind,
    pluginData: skip,
  });
  // What is not found may still be there for Node: conditions differ. Node has the last word, when it runs.
  if (errors.length > 0 || file === "") return isBare(specifier) ? outside : { kind: "missing" };
  if (inPackages.test(file) || !(path.extname(file) in loaders)) return outside;
  return { kind: "project", file };
}

function projectPlugin(
  options: BundleOptions,
  files: Set<string>,
  fail: (error: unknown) => void,
): esbuild.Plugin {
  const texts = new Map(options.overlay.map(({ file, text }) => [realFile(file), text]));
  return {
    name: "project",
    setup(build) {
      build.onStart(async () => {
        try {
          await options.prepare?.((specifier, importer) => resolveImport(build, specifier, importer));
        } catch (error) {
          fail(error);
          throw error;
        }
      });
      build.onResolve(
        { filter: /.*/ },
        async ({ path: specifier, importer, kind, pluginData, namespace }) => {
          if (pluginData === skip) return undefined;
          if (kind === "entry-point") return { path: specifier };
          if (namespace === "outside") return undefined;
          const found = await resolveImport(build, specifier, importer, kind);
          switch (found.kind) {
            case "project":
              return { path: found.file };
            case "library":
              return { path: "tensorscope", namespace: "outside", pluginData: found };
            case "package":
              // One virtual module per importing file, as each resolves from its own folder.
              return {
                path: `${found.specifier}|${found.importer}`,
                namespace: "outside",
                pluginData: found,
              };
            default:
              return { errors: [{ text: `Cannot find ${JSON.stringify(specifier)}` }] };
          }
        },
      );
      build.onLoad({ filter: /.*/, namespace: "outside" }, ({ pluginData }) => {
        const found = pluginData as Resolved;
        const value =
          found.kind === "package"
            ? `__package(${JSON.stringify(found.specifier)}, ${JSON.stringify(found.importer)})`
            : "__library()";
        return { contents: `module.exports = ${value};`, loader: "js" };
      });
      build.onLoad({ filter: /.*/, namespace: "file" }, async ({ path: file }) => {
        const loader = loaders[path.extname(file)];
        if (loader === undefined) return undefined;
        files.add(file);
        const own = isCode(file) ? await options.contents?.(file) : undefined;
        const text = own ?? texts.get(realFile(file)) ?? (await fs.readFile(file, "utf8"));
        const main = options.main === true && realFile(file) === realFile(options.file);
        return { contents: withMeta(text, file, main), loader, resolveDir: path.dirname(file) };
      });
    },
  };
}

/** Editors and file systems may know one file by two names. */
export function realFile(file: string): string {
  try {
    return realpathSync.native(file);
  } catch {
    return file;
  }
}

/** CommonJS has no import.meta; what Node has in it is written in as constants, file by file. */
function withMeta(text: string, file: string, main: boolean): string {
  if (!text.includes("import.meta.")) return text;
  const values: Readonly<Record<string, string>> = {
    url: JSON.stringify(pathToFileURL(file).href),
    filename: JSON.stringify(file),
    dirname: JSON.stringify(path.dirname(file)),
    // The workers of a loader load the same bundle, and start nothing.
    main: main ? `!globalThis.${workerKey}` : "false",
  };
  return text.replace(/\bimport\.meta\.(url|filename|dirname|main)\b/g, (_, key: string) => values[key]!);
}

/** Bundles. @throws BundleError */
export async function bundle(options: BundleOptions): Promise<Bundle> {
  try {
    return await bundleAs(options, "cjs");
  } catch (error) {
    const awaits =
      error instanceof BundleError &&
      error.diagnostics.every(({ message }) => /Top-level await/.test(message));
    if (!awaits) throw error;
    return bundleAs(options, "esm");
  }
}

async function bundleAs(options: BundleOptions, format: Bundle["format"]): Promise<Bundle> {
  const files = new Set<string>();
  let failure: unknown;
  try {
    const { outputFiles } = await esbuild.build({
      entryPoints: [options.file],
      bundle: true,
      write: false,
      format,
      ...(format === "esm"
        ? { banner: { js: `const { __library, __package } = globalThis.${runKey};` } }
        : {}),
      platform: "node",
      target: "node20",
      outfile: path.join(path.dirname(options.file), "bundle.js"),
      sourcemap: "external",
      sourcesContent: false,
      keepNames: true,
      treeShaking: false,
      logLevel: "silent",
      absWorkingDir: path.dirname(options.file),
      plugins: [projectPlugin(options, files, (error) => (failure ??= error))],
    });
    const text = (end: string): string => outputFiles!.find(({ path: out }) => out.endsWith(end))!.text;
    const payload = JSON.parse(text(".map")) as SourceMapPayload;
    return { code: text("bundle.js"), format, map: new SourceMap(payload), files: [...files] };
  } catch (error) {
    if (failure !== undefined) throw failure;
    const { errors } = error as { errors?: readonly esbuild.Message[] };
    if (errors === undefined) throw error;
    throw new BundleError(errors.map((message) => diagnosticOf(message, options.file)));
  }
}

function diagnosticOf({ text, location }: esbuild.Message, entry: string): TraceDiagnostic {
  const file = location ? path.resolve(path.dirname(entry), location.file) : entry;
  const line = (location?.line ?? 1) - 1;
  // esbuild counts columns in bytes.
  const before = Buffer.from(location?.lineText ?? "")
    .subarray(0, location?.column ?? 0)
    .toString();
  const start = { line, column: before.length };
  return {
    file,
    range: { start, end: { line, column: start.column + Math.max(location?.length ?? 1, 1) } },
    message: text,
    severity: "error",
    code: /^(?:Cannot find|Could not (?:resolve|read))/.test(text) ? "unresolved" : "syntax",
  };
}

/** A place in a project file. */
export interface MappedPlace {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/**
 * Where a place of the bundle comes from; lines and columns count from zero.
 * @param textOf the source as esbuild got it: maps name the starts of expressions, and where the texts agree from
 * there on, the place is exact.
 */
export function originalPlace(
  { map, code }: Bundle,
  entry: string,
  { line, column }: { readonly line: number; readonly column: number },
  textOf?: (file: string) => string | undefined,
): MappedPlace | undefined {
  const found = map.findEntry(line, column);
  if (!("originalSource" in found) || found.originalSource.includes("outside:")) return undefined;
  const file = path.resolve(path.dirname(entry), found.originalSource.replace(/^file:\/\//, ""));
  const { originalLine, originalColumn, generatedLine, generatedColumn } = found;
  const here = { file, line: originalLine, column: originalColumn };
  const source = textOf?.(file)?.split(/\r\n|\r|\n/)[originalLine];
  if (source === undefined || generatedLine !== line) return here;
  const generated = code.split("\n")[line] ?? "";
  const gap = generated.slice(generatedColumn, column);
  const agrees =
    source.startsWith(gap, originalColumn) && generated[column] === source[originalColumn + gap.length];
  return agrees ? { ...here, column: originalColumn + gap.length } : here;
}

/** Frames of a stack that lie in the bundle named `script`, innermost first, with zero-based lines and columns. */
export function bundleFrames(stack: string, script: string): { line: number; column: number }[] {
  const frames: { line: number; column: number }[] = [];
  for (const text of stack.split("\n")) {
    const at = text.indexOf(`${script}:`);
    const place = at < 0 ? null : /^(\d+):(\d+)/.exec(text.slice(at + script.length + 1));
    if (place !== null) frames.push({ line: Number(place[1]) - 1, column: Number(place[2]) - 1 });
  }
  return frames;
}
