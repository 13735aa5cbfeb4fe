/**
 * PyTorch's own cases against the library:
 *
 *   npm run conformance -- [FOLDER] [--family A,B] [--filter RE] [--device D] [--json FILE]
 *       [--sample N [--seed S]] [--verbose] [--names] [--workers N] [--timeout SECONDS]
 *       [--check-floor | --raise-floor | --least PERCENT]
 *
 * `--device` moves all tensors and modules there and allows four times the tolerances of the CPU. `--sample` takes N
 * cases by chance, the same ones for the same seed; `--least` is content when that share of the cases tried passes.
 */
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { parseArgs } from "node:util";
import { readFamilies, type CaseBase, type Family } from "./corpus.js";
import { Pool } from "./pool.js";
import {
  belowFloor,
  closingLine,
  failuresByName,
  familyTable,
  floorOf,
  implementedLine,
  missingNames,
  nameTable,
  raiseFloor,
  summarize,
  toJson,
  type CaseResult,
  type Floor,
} from "./report.js";
import type { Task } from "./worker.js";

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    family: { type: "string" },
    filter: { type: "string" },
    device: { type: "string", default: "cpu" },
    json: { type: "string" },
    verbose: { type: "boolean", default: false },
    names: { type: "boolean", default: false },
    sample: { type: "string" },
    seed: { type: "string", default: "0" },
    least: { type: "string" },
    workers: { type: "string", default: "2" },
    timeout: { type: "string" },
    "check-floor": { type: "boolean", default: false },
    "raise-floor": { type: "boolean", default: false },
  },
});

/** Beside the repository, unless said otherwise. */
const folder =
  positionals[0] ?? process.env["TENSORSCOPE_CORPUS"] ?? path.join("..", "shared", "corpus", "open");
const floorFile = path.join("test", "conformance", "floor.json");
const checkFloor = options["check-floor"];
const raise = options["raise-floor"];

interface Selected {
  readonly family: Family;
  readonly index: number;
  readonly case: CaseBase;
}

function select(): Selected[] {
  const wanted = options.family?.split(",").map((name) => name.trim());
  const families = readFamilies(folder);
  for (const name of wanted ?? []) {
    if (families.every((family) => family.name !== name)) {
      throw new Error(`No family ${name} in ${folder}. There are ${families.map((f) => f.name).join(", ")}.`);
    }
  }
  const filter = options.filter === undefined ? undefined : new RegExp(options.filter);
  const all = families
    .filter(({ name }) => wanted?.includes(name) ?? true)
    .flatMap((family) => family.lines.map((_, index) => ({ family, index, case: family.case(index) })))
    .filter(({ case: { id } }) => filter?.test(id) ?? true);
  return options.sample === undefined ? all : sample(all, Number(options.sample));
}

/** The cases whose ids, hashed with the seed, come first; in their own order. */
function sample(all: readonly Selected[], size: number): Selected[] {
  const rank = new Map(
    all.map((s) => [s, createHash("sha256").update(`${options.seed} ${s.case.id}`).digest("hex")]),
  );
  const chosen = new Set(all.toSorted((a, b) => (rank.get(a)! < rank.get(b)! ? -1 : 1)).slice(0, size));
  return all.filter((s) => chosen.has(s));
}

/** Neighbouring cases share compiled kernels, so a task is a stretch of one family. */
function cut(selected: readonly Selected[], size: number): Task[] {
  const tasks: { folder: string; family: string; indices: number[] }[] = [];
  for (const { family, index } of selected) {
    const last = tasks.at(-1);
    if (last?.family === family.name && last.indices.length < size) last.indices.push(index);
    else tasks.push({ folder: path.resolve(folder), family: family.name, indices: [index] });
  }
  return tasks;
}

async function run(selected: readonly Selected[]): Promise<CaseResult[]> {
  const key = (family: string, index: number): string => `${family}/${String(index)}`;
  const place = new Map(selected.map(({ family, index }, i) => [key(family.name, index), i]));
  const results: CaseResult[] = [];
  let done = 0;
  const pool = new Pool(cut(selected, 32), {
    workers: Math.max(1, Number(options.workers)),
    device: options.device,
    // On a device, and more so on a simulated one, the shaders of a model's first step take their time.
    timeout: 1000 * Number(options.timeout ?? (options.device === "cpu" ? 30 : 240)),
    onCase(family, index, outcome, ms) {
      const i = place.get(key(family, index))!;
      const { id, kind, name } = selected[i]!.case;
      results[i] = { id, family, kind, name, ms, ...outcome };
      done++;
      if (process.stderr.isTTY && done % 20 === 0) {
        process.stderr.write(`\r${String(done)} of ${String(selected.length)}`);
      }
    },
  });
  await pool.run();
  if (process.stderr.isTTY) process.stderr.write("\r\u001b[K");
  return results;
}

function print(title: string, body: string): void {
  if (body !== "") console.log(`\n${title}\n\n${body}`);
}

async function main(): Promise<number> {
  if (!fs.existsSync(folder)) {
    const fails = process.env["CI"] !== undefined || !(checkFloor || options.least !== undefined);
    console.log(`There is no corpus at ${folder}; say where, or set TENSORSCOPE_CORPUS.`);
    console.log(closingLine({ passed: 0, failed: fails ? 1 : 0, skipped: fails ? 0 : 1 }));
    return fails ? 1 : 0;
  }
  const selected = select();
  if (selected.length === 0) throw new Error("No case is selected.");
  const started = Date.now();
  const results = await run(selected);
  const summary = summarize(results);
  if (options.json !== undefined) fs.writeFileSync(options.json, toJson(results));

  if (!checkFloor) print("Failures by name", failuresByName(results, options.verbose));
  print("Skipped, by what is missing", missingNames(results, options.names ? Infinity : 15));
  if (options.names) print("Names", nameTable(results));
  const slow = results.toSorted((a, b) => b.ms - a.ms).slice(0, 5);
  if (options.verbose) {
    print("Slowest", slow.map(({ id, ms }) => `${ms.toFixed(0).padStart(6)} ms  ${id}`).join("\n"));
  }
  print("Families", familyTable(summary));
  console.log(`\n${implementedLine(summary)}; ${((Date.now() - started) / 1000).toFixed(0)} s`);

  if (options.least !== undefined) {
    const enough = 100 * summary.rate >= Number(options.least);
    if (enough) console.log(`At least ${options.least} %; ${String(summary.total.failed)} cases failed.`);
    else console.log(`Fewer than ${options.least} % of the cases passed.`);
    console.log(closingLine({ ...summary.total, failed: enough ? 0 : summary.total.failed }));
    return enough ? 0 : 1;
  }
  if (!checkFloor && !raise) {
    console.log(closingLine(summary.total));
    return summary.total.failed === 0 ? 0 : 1;
  }
  const floor: Floor = fs.existsSync(floorFile)
    ? (JSON.parse(fs.readFileSync(floorFile, "utf8")) as Floor)
    : { names: 0, families: {} };
  const run_ = floorOf(summary);
  const below = belowFloor(run_, floor);
  for (const line of below) console.log(`Below the floor: ${line}`);
  if (raise) fs.writeFileSync(floorFile, `${JSON.stringify(raiseFloor(run_, floor), null, 2)}\n`);
  // Cases above the floor that fail are work to do, told in the table; what must not happen is to lose one.
  if (below.length === 0)
    console.log(`At or above the floor; ${String(summary.total.failed)} cases still fail.`);
  console.log(closingLine({ ...summary.total, failed: below.length }));
  return below.length === 0 ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  console.log(closingLine({ passed: 0, failed: 1, skipped: 0 }));
  process.exitCode = 1;
}
