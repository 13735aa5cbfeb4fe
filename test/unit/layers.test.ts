import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { test } from "node:test";
import ts from "typescript";

/**
 * What each layer may import, besides itself. Nothing looks up: a layer that is not in the list is
 * out of reach, for types too.
 *
 * `values` are the files of runtime/tensor, runtime/random and runtime/ itself that reach only each other (errors,
 * dtypes, shapes, layout and promotion arithmetic): they stand below everything.
 */
const below = {
  values: [],
  // The format of event files, for the library that writes them and the editor that reads them.
  events: ["values"],
  engine: ["values"],
  random: ["values", "engine"],
  graph: ["values", "random", "engine"],
  tensor: ["values", "random", "graph", "engine", "ops", "autograd", "generated"],
  ops: ["values", "random", "graph", "tensor", "autograd", "generated"],
  autograd: ["values", "graph", "tensor", "ops"],
  generated: ["values", "tensor", "ops"],
} as const;

const tensors = ["values", "random", "tensor", "ops", "autograd", "generated"];
const library = [
  ...tensors,
  "events",
  "torch",
  "nn",
  "optim",
  "data",
  "io",
  "inspect",
  "library",
  "metrics",
  "index",
];

const allowed: Record<string, readonly string[]> = {
  ...below,
  torch: [...tensors, "graph"],
  nn: [...tensors, "torch"],
  optim: [...tensors, "torch", "nn"],
  // Of the engine, the flag that cancels: a download is waited for.
  data: [...tensors, "torch", "engine"],
  io: [...tensors, "events", "torch", "nn", "graph"],
  inspect: [...tensors, "torch", "nn", "graph", "io"],
  library: [...tensors, "torch", "nn", "optim", "data", "io"],
  metrics: [...tensors, "torch"],
  index: [...library, "graph", "engine"],
  // What is known of model files from their text, and how they are bundled: no part of the library proper.
  source: [...library],
  cli: [...library, "graph", "engine", "source"],
  // The kernel is the one part of the host that runs the library; the rest takes pure code only.
  kernel: [...library, "graph", "engine", "source"],
  src: ["kernel", "inspect", "values", "events", "data", "shared"],
  // What host and webviews say to each other: types and pure code, shared by both.
  shared: ["inspect", "values"],
  webview: ["inspect", "values", "shared"],
};

/** Packages a layer may import. Node's built-ins are free, except in the webview. */
const packages: Record<string, readonly string[]> = {
  engine: ["onnxruntime-node", "onnxruntime-common"],
  // Pictures and tables as others write them.
  data: ["pngjs", "jpeg-js", "hyparquet"],
  io: ["onnxruntime-common", "pngjs"],
  source: ["esbuild", "typescript"],
  kernel: ["esbuild", "typescript"],
  src: ["vscode", "esbuild", "typescript"],
  webview: [],
};
const webviewPackages = /^(d3(-[a-z]+)?|@vscode\/webview-ui-toolkit)$/;

/** What host and webviews both use; the host's type check, which has no DOM, proves it pure. */
const hostShared = /^webview\/shared\/(protocol|html|text|strings\/.*)\.ts$/;

interface Import {
  readonly from: string;
  readonly specifier: string;
  /** The imported file, or nothing for a package. */
  readonly target: string | undefined;
}

function sources(folder: string): string[] {
  if (!fs.existsSync(folder)) return [];
  return fs.readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const file = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return sources(file);
    return /\.tsx?$/.test(file) ? [file] : [];
  });
}

function readImports(file: string, text = fs.readFileSync(file, "utf8")): Import[] {
  return ts.preProcessFile(text, true, true).importedFiles.map(({ fileName: specifier }) => ({
    from: file,
    specifier,
    target: specifier.startsWith(".")
      ? path.posix.join(path.posix.dirname(file), specifier).replace(/\.js$/, ".ts")
      : undefined,
  }));
}

const isValueCandidate = (file: string) =>
  /^runtime\/(tensor|random)\//.test(file) || (/^runtime\/[^/]+$/.test(file) && file !== "runtime/index.ts");

/** The candidates from which nothing but other candidates can be reached. */
function valueFiles(files: readonly string[], imports: readonly Import[]): Set<string> {
  const values = new Set(files.filter(isValueCandidate));
  for (let before = -1; before !== values.size;) {
    before = values.size;
    for (const { from, target } of imports) {
      if (target !== undefined && values.has(from) && !values.has(target)) values.delete(from);
    }
  }
  return values;
}

function layerOf(file: string, values: ReadonlySet<string>): string {
  const [top, second] = file.split("/");
  if (hostShared.test(file)) return "shared";
  if (top === "src") return second === "kernel" ? "kernel" : "src";
  if (top !== "runtime") return top ?? "";
  if (values.has(file)) return "values";
  return second?.replace(/\.ts$/, "") ?? "";
}

function violations(files: readonly string[], imports: readonly Import[]): string[] {
  const values = valueFiles(files, imports);
  return imports.flatMap(({ from, specifier, target }) => {
    const layer = layerOf(from, values);
    if (target !== undefined) {
      const to = layerOf(target, values);
      return to === layer || allowed[layer]?.includes(to)
        ? []
        : [`${from} (${layer}) imports ${target} (${to})`];
    }
    if (specifier.startsWith("node:") && layer !== "webview" && layer !== "shared") return [];
    if (layer === "webview" && webviewPackages.test(specifier)) return [];
    return packages[layer]?.includes(specifier)
      ? []
      : [`${from} (${layer}) imports the package ${specifier}`];
  });
}

const files = ["runtime", "src", "webview"].flatMap(sources);
const imports = files.flatMap((file) => readImports(file));

test("every source file belongs to a layer of the table", () => {
  const values = valueFiles(files, imports);
  const strangers = files.filter((file) => !Object.hasOwn(allowed, layerOf(file, values)));
  assert.deepEqual(strangers, []);
});

test("imports point down the layers only", () => {
  assert.deepEqual(violations(files, imports), []);
});

test("the table itself points down: runtime's layers have no way up", () => {
  const up = ["source", "cli", "kernel", "src", "shared", "webview"];
  for (const layer of Object.keys(allowed).filter((name) => !up.includes(name))) {
    for (const name of up) assert.ok(!allowed[layer]?.includes(name), `${layer} may import ${name}`);
  }
  assert.deepEqual(allowed["engine"], ["values"]);
  for (const name of ["engine", "graph"]) assert.ok(!allowed["nn"]?.includes(name));
});

test("an import that looks up is reported, whatever its form", () => {
  const wrong: [file: string, text: string][] = [
    ["runtime/nn/conv.ts", 'import { run } from "../engine/thread.js";'],
    ["runtime/nn/conv.ts", 'import type { Node } from "../graph/node.js";'],
    ["runtime/engine/plan.ts", 'export * from "../graph/node.js";'],
    ["runtime/graph/node.ts", 'const ops = await import("../ops/table.js");'],
    ["runtime/ops/conv.ts", 'import { Module } from "../nn/module.js";'],
    ["runtime/io/onnx.ts", 'import * as vscode from "vscode";'],
    ["runtime/ops/conv.ts", 'import { state } from "../../src/extension.js";'],
    ["webview/curves/main.ts", 'import { window } from "vscode";'],
    ["webview/curves/main.ts", 'import { open } from "../../src/views/curves.js";'],
    ["webview/curves/main.ts", 'import { readFileSync } from "node:fs";'],
  ];
  for (const [file, text] of wrong) {
    assert.equal(violations([file], readImports(file, text)).length, 1, `${file}: ${text}`);
  }
});
