/** `tensorscope summary`: a file's models as tables, from shapes alone. */
import * as fs from "node:fs";
import { NeedsDataError } from "../errors.js";
import * as library from "../index.js";
import { observeForward, snapshotModel } from "../inspect/model.js";
import type { ModelSnapshot } from "../inspect/snapshot.js";
import { formatTable } from "../inspect/table.js";
import { Module } from "../nn/module.js";
import {
  hasConstructor,
  inForwardOrder,
  missingConstructorArguments,
  requiredParameters,
  writtenInputs,
} from "../source/arguments.js";
import { bundle, BundleError } from "../source/bundle.js";
import { concreteDims, InputError, parseInput, symbolsOf } from "../source/inputs.js";
import { load } from "../source/load.js";
import { proposedInput } from "../source/proposal.js";
import type { Program } from "../source/stack.js";
import { classCandidates, parse, type ClassCandidate, type ParsedFile } from "../source/syntax.js";
import type { InputSpec } from "../source/text.js";
import { dtypes, type DTypeName } from "../tensor/dtype.js";
import { formatBundleError, formatThrown, shortPath } from "./errors.js";
import { thrown } from "./shared.js";
import { fileArgument, parseOptions, UsageError } from "./usage.js";

interface Summary {
  readonly export: string;
  readonly snapshot: ModelSnapshot;
}

interface Wishes {
  readonly class: string | undefined;
  readonly inputs: readonly InputSpec[] | undefined;
  readonly sizes: ReadonlyMap<string, number>;
}

/** What keeps one class from being summed up; others may do. */
class Skipped extends Error {
  override name = "Skipped";
}

/** What `tensorscope summary` does; gives the exit code. */
export async function summarizeFile(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseOptions({
    args: [...args],
    allowPositionals: true,
    options: {
      class: { type: "string" },
      input: { type: "string", multiple: true },
      size: { type: "string", multiple: true },
      json: { type: "boolean" },
      stack: { type: "boolean" },
    },
  });
  const file = fileArgument(positionals, "summary");
  const wishes = {
    class: values.class,
    inputs: readInputs(values.input),
    sizes: readSizes(values.size ?? []),
  };
  let program: Program;
  try {
    program = { file, script: "tensorscope-summary.cjs", bundle: await bundle({ file, overlay: [] }) };
  } catch (error) {
    if (!(error instanceof BundleError)) throw error;
    console.error(formatBundleError(error));
    return 1;
  }
  try {
    const summaries = await summarize(program, wishes);
    console.log(
      values.json === true
        ? JSON.stringify(summaries, null, 2)
        : summaries.map(({ snapshot }) => formatTable(snapshot)).join("\n\n"),
    );
    return 0;
  } catch (error) {
    if (error instanceof UsageError) throw error;
    console.error(
      error instanceof Skipped ? error.message : formatThrown(program, thrown(error), values.stack === true),
    );
    if (error instanceof NeedsDataError) {
      console.error(
        "\nOnly shapes are computed here. What trains or prints values belongs under `if (import.meta.main)`.",
      );
    }
    return 1;
  }
}

function readInputs(texts: readonly string[] | undefined): InputSpec[] | undefined {
  try {
    return texts?.map(parseInput);
  } catch (error) {
    if (error instanceof InputError) throw new UsageError(`--input: ${error.message}`);
    throw error;
  }
}

function readSizes(texts: readonly string[]): Map<string, number> {
  return new Map(
    texts.map((text) => {
      const [, name, size] = /^([A-Za-z_]\w*)=([1-9]\d*)$/.exec(text) ?? [];
      if (name === undefined) throw new UsageError(`--size is written NAME=NUMBER, not ${text}`);
      return [name, Number(size)] as const;
    }),
  );
}

async function summarize(program: Program, wishes: Wishes): Promise<Summary[]> {
  const { file, script, bundle: made } = program;
  const parsed = parse(file, fs.readFileSync(file, "utf8"));
  library.setTracing(true);
  const exports = await load({ code: made.code, format: made.format, script }, library);
  const models = classCandidates(parsed).filter(({ name }) => {
    const value = exports[name];
    return typeof value === "function" && (value as { prototype: unknown }).prototype instanceof Module;
  });
  const names = models.map(({ name }) => name).join(", ");
  const chosen = models.filter(({ name }) => wishes.class === undefined || name === wishes.class);
  if (models.length === 0) {
    throw new Skipped(`${shortPath(file)} exports no class that extends nn.Module`);
  }
  if (chosen.length === 0)
    throw new UsageError(`there is no model ${String(wishes.class)}; there are ${names}`);
  if (chosen.length > 1 && wishes.inputs !== undefined) {
    throw new UsageError(`--input is for one model; choose with --class among ${names}`);
  }
  const skipped: string[] = [];
  const summaries = chosen.flatMap((candidate) => {
    try {
      return [summarizeClass(parsed, candidate, exports[candidate.name] as new () => Module, wishes)];
    } catch (error) {
      if (!(error instanceof Skipped)) throw error;
      skipped.push(error.message);
      return [];
    }
  });
  if (summaries.length === 0) throw new Skipped(skipped.join("\n"));
  for (const message of skipped) console.error(message);
  return summaries;
}

function summarizeClass(
  parsed: ParsedFile,
  candidate: ClassCandidate,
  type: new () => Module,
  wishes: Wishes,
): Summary {
  const { node, name } = candidate;
  const missing = missingConstructorArguments(node);
  if (missing.length > 0 || (!hasConstructor(node) && type.length > 0)) {
    const what = missing.length > 0 ? `: ${missing.join(", ")}` : "";
    throw new Skipped(`${name}: the constructor needs arguments${what}. Give them defaults to sum it up.`);
  }
  const written = writtenInputs(parsed, candidate);
  const [problem] = wishes.inputs === undefined ? written.diagnostics : [];
  if (problem !== undefined) {
    throw new Skipped(
      `${shortPath(problem.file)}:${String(problem.range.start.line + 1)}  ${problem.message}`,
    );
  }
  const model = new type();
  const given = wishes.inputs ?? written.inputs;
  const proposed = given.length === 0 ? proposedInput(model, requiredParameters(node)) : undefined;
  const inputs = proposed === undefined ? given : [proposed];
  const { ordered, missing: without } = inForwardOrder(node, inputs);
  if (without.length > 0) {
    throw new Skipped(
      `${name}: say what goes in, in its doc comment or by --input: @input ${without[0]!} float32[1, …]`,
    );
  }
  const args = ordered.map((input) =>
    input === undefined
      ? undefined
      : library.torch.zeros(concreteDims(input, wishes.sizes), { dtype: dtypes[input.dtype as DTypeName] }),
  );
  model.eval();
  const call = model as unknown as (...args: unknown[]) => unknown;
  const { activity } = observeForward(() => call(...args));
  const sizes = symbolsOf(inputs).map((symbol) => `${symbol} = ${String(wishes.sizes.get(symbol) ?? 1)}`);
  const input =
    inputs.map(({ text }) => text).join(", ") +
    (sizes.length > 0 ? ` with ${sizes.join(", ")}` : "") +
    (proposed === undefined ? "" : " (a guess: there is no @input)");
  return { export: name, snapshot: snapshotModel(model, { activity, input }) };
}
