/** What is said about an exception of a traced model: the sentence, its place, and the edits to try. */
import ts from "typescript";
import type { Node, Value } from "../../runtime/graph/value.js";
import { className, type Module } from "../../runtime/nn/module.js";
import { failedCalls } from "../../runtime/ops/failure.js";
import { calleeName, constant, argumentNode, Creations, parameterNames } from "./creation.js";
import type { Remedy } from "./explain/explanation.js";
import { explain } from "./explain/index.js";
import { anything } from "./explain/search.js";
import { explainCreation } from "./explain/creations.js";
import { Failing, type Makers, type Written } from "./explain/failing.js";
import { missingForward, missingSuper, unknownName, type Mistake } from "./explain/mistakes.js";
import { fixesOf, settingFix } from "./fixes.js";
import { ClassIndex } from "./places.js";
import type { Fix, Phrase } from "./protocol.js";
import type { Project } from "./project.js";
import { fitDim, type Sizes } from "./fit.js";

/** Where the values of one run were made: stacks are taken as they are recorded and read when something fails. */
export class MakerLog implements Makers {
  readonly #nodes = new WeakMap<Node, { readonly stack: Error; readonly module: Module | undefined }>();
  readonly #project: Project;

  constructor(project: Project) {
    this.#project = project;
  }

  readonly note = (node: Node, module: Module | undefined): void => {
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = 30;
    this.#nodes.set(node, { stack: new Error(), module });
    Error.stackTraceLimit = limit;
  };

  site(value: Value): Written | undefined {
    const { source } = value;
    const noted = source.kind === "node" ? this.#nodes.get(source.node) : undefined;
    return noted && this.#project.writtenAt(noted.stack);
  }

  module(value: Value): Module | undefined {
    return value.source.kind === "node" ? this.#nodes.get(value.source.node)?.module : undefined;
  }
}

export interface Account {
  readonly phrase: Phrase;
  readonly at?: Written;
  readonly fixes: readonly Fix[];
  /** Looked through when none of the fixes helps. */
  readonly guesses?: readonly Fix[];
}

export function accountFor(
  error: Error,
  project: Project,
  makers: Makers,
  model: Module | undefined,
): Account | undefined {
  const at = project.writtenAt(error);
  const files = project.parsed;
  const creations = new Creations(files, model);
  const path = failedCalls(error);
  const [innermost] = path;
  if (innermost?.kind === "module" && /missing the required "forward"/.test(error.message)) {
    const found = new ClassIndex(files).get(className(innermost.module as Module));
    if (found !== undefined) return missingForward(innermost.module as Module, found);
  }
  if (at === undefined) return undefined;
  const mistake: Mistake | undefined = missingSuper(error, at) ?? unknownName(error, at, model);
  if (mistake !== undefined) return mistake;
  if (ts.isNewExpression(at.node)) {
    const creation = { file: at.file, node: at.node };
    const layer = calleeName(at.node);
    const names = parameterNames(layer);
    const found = explainCreation(layer, error.message, (name) => {
      const node = argumentNode(creation.node, names, name);
      return node && (creations.numberOf(at.file, node) ?? constant(node));
    });
    if (found !== undefined) {
      const fixes = found.settings.flatMap(({ name, value }) =>
        creations.argumentOf(creation, layer, name).map((spot) => settingFix(spot, name, value)),
      );
      return { phrase: found.phrase, fixes: distinct(fixes) };
    }
  }
  if (path.length === 0) return undefined;
  const failing = new Failing(error, at, makers);
  const { phrase, remedies } = explain(failing);
  const edits = (list: readonly Remedy[]): Fix[] =>
    distinct(list.flatMap((remedy) => fixesOf(remedy, failing, creations)));
  return { phrase, fixes: edits(remedies), guesses: edits(anything(failing)) };
}

function distinct(fixes: readonly Fix[]): Fix[] {
  const seen = new Set<string>();
  return fixes.filter(({ edits }) => {
    const key = JSON.stringify(edits);
    return !seen.has(key) && seen.add(key);
  });
}

/** A sentence in which what grows with N is written so: the same one of every run, its numbers fitted. */
export function fitPhrase(sizes: readonly Sizes[], phrases: readonly (Phrase | undefined)[]): Phrase {
  const [first] = phrases as [Phrase];
  if (sizes.length === 1 || phrases.some((phrase) => phrase?.template !== first.template)) return first;
  const args = first.args.map((arg, i) => {
    const all = phrases.map((phrase) => String(phrase!.args[i]).split(/(\d+)/));
    const [parts] = all as [string[]];
    if (all.some(({ length }) => length !== parts.length)) return arg;
    const text = parts
      .map((part, j) =>
        j % 2 === 0
          ? part
          : fitDim(
              sizes,
              all.map((other) => Number(other[j])),
            ),
      )
      .join("");
    return typeof arg === "number" && /^\d+$/.test(text) ? arg : text;
  });
  return { template: first.template, args };
}
