import { promises as fs } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { pathToFileURL } from "node:url";
import * as vm from "node:vm";
import { enterProgram } from "../data/program.js";
import { runKey } from "./key.js";

/** A bundle that is ready to be run, under the name its stack frames will have. */
export interface Script {
  readonly code: string;
  readonly format: "cjs" | "esm";
  readonly script: string;
}

/**
 * Lets names at the top level be looked up, which the workers of a `DataLoader` need. Behind a directive, which must come
 * first; only where it is needed, since code that can be looked into runs a little slower.
 */
function withScope(code: string, scope: string): string {
  if (!/\bnumWorkers\b/.test(code)) return code;
  return code.replace(/^("use strict";)?/, `$1${scope}((__name) => eval(__name));`);
}

const resolvePackage = (specifier: string, importer: string): unknown =>
  createRequire(importer)(specifier) as unknown;

/** Runs a bundle with `library` for its "tensorscope" and gives its exports. */
export async function load(bundle: Script, library: object): Promise<Record<string, unknown>> {
  if (bundle.format === "esm") return loadModule(bundle, library);
  const module = { exports: {} as Record<string, unknown> };
  const names = ["module", "exports", "require", "__library", "__package", "__scope"];
  const run = vm.compileFunction(withScope(bundle.code, "__scope"), names, {
    filename: bundle.script,
    importModuleDynamically: vm.constants?.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  }) as (...args: unknown[]) => void;
  enterProgram(bundle, () => undefined);
  const scope = (find: (name: string) => unknown): void => enterProgram(bundle, find);
  run(module, module.exports, createRequire(import.meta.url), () => library, resolvePackage, scope);
  return module.exports;
}

/** Code that awaits at its top level must be a module, and modules come from files. */
async function loadModule(bundle: Script, library: object): Promise<Record<string, unknown>> {
  const folder = await fs.mkdtemp(path.join(tmpdir(), "tensorscope-"));
  try {
    const file = path.join(folder, bundle.script);
    await fs.writeFile(file, withScope(bundle.code, `globalThis.${runKey}.__scope`));
    enterProgram(bundle, () => undefined);
    const __scope = (find: (name: string) => unknown): void => enterProgram(bundle, find);
    const functions = { __library: () => library, __package: resolvePackage, __scope };
    Object.defineProperty(globalThis, runKey, { value: functions, configurable: true });
    return (await import(pathToFileURL(file).href)) as Record<string, unknown>;
  } finally {
    await fs.rm(folder, { recursive: true, force: true });
  }
}
