import { promises as fs } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { pathToFileURL } from "node:url";
import * as vm from "node:vm";
import { runKey } from "./key.js";

/** A bundle that is ready to be run, under the name its stack frames will have. */
export interface Script {
  readonly code: string;
  readonly format: "cjs" | "esm";
  readonly script: string;
}

const resolvePackage = (specifier: string, importer: string): unknown =>
  createRequire(importer)(specifier) as unknown;

/** Runs a bundle with `library` for its "tensorscope" and gives its exports. */
export async function load(bundle: Script, library: object): Promise<Record<string, unknown>> {
  if (bundle.format === "esm") return loadModule(bundle, library);
  const module = { exports: {} as Record<string, unknown> };
  const names = ["module", "exports", "require", "__library", "__package"];
  const run = vm.compileFunction(bundle.code, names, {
    filename: bundle.script,
    importModuleDynamically: vm.constants?.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  }) as (...args: unknown[]) => void;
  run(module, module.exports, createRequire(import.meta.url), () => library, resolvePackage);
  return module.exports;
}

/** Code that awaits at its top level must be a module, and modules come from files. */
async function loadModule({ code, script }: Script, library: object): Promise<Record<string, unknown>> {
  const folder = await fs.mkdtemp(path.join(tmpdir(), "tensorscope-"));
  try {
    const file = path.join(folder, script);
    await fs.writeFile(file, code);
    const functions = { __library: () => library, __package: resolvePackage };
    Object.defineProperty(globalThis, runKey, { value: functions, configurable: true });
    return (await import(pathToFileURL(file).href)) as Record<string, unknown>;
  } finally {
    await fs.rm(folder, { recursive: true, force: true });
  }
}
