/**
 * Random chains of operations, views and in-place updates, here and in PyTorch:
 *
 *   npm run chains -- [--count 2000] [--seed 1] [--steps 14] [--show SEED] [--golden FILE]
 */
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { findOracle } from "../unit/random/oracle.js";
import { differences } from "./compare.js";
import { generate } from "./generate.js";
import { askPyTorch } from "./oracle.js";

const { values: options } = parseArgs({
  options: {
    count: { type: "string", default: "2000" },
    seed: { type: "string", default: "1" },
    steps: { type: "string", default: "14" },
    show: { type: "string" },
    golden: { type: "string" },
  },
});

const python = findOracle();
if (python === undefined) {
  console.error("There is no PyTorch 1.13 here (TENSORSCOPE_PYTHON names a Python that has it).");
  process.exit(2);
}
const first = Number(options.show ?? options.seed);
const count = options.show === undefined ? Number(options.count) : 1;
const steps = Number(options.steps);
/** Programs per run of PyTorch. */
const BATCH = 250;
const kinds = new Map<string, number>();
let different = 0;
let written = 0;
const golden: unknown[] = [];
for (let from = first; from < first + count; from += BATCH) {
  const size = Math.min(BATCH, first + count - from);
  const made = Array.from({ length: size }, (_, i) => generate(from + i, steps));
  const answers = askPyTorch(
    python,
    made.map(({ program }) => program),
  );
  made.forEach(({ program, ours }, i) => {
    const theirs = answers[i]!;
    if (options.show !== undefined) console.log(JSON.stringify({ program, ours, theirs }, null, 1));
    written += program.steps.filter((s) => s.op.endsWith("_")).length;
    for (const s of theirs.steps) {
      const kind = "error" in s ? s.error : "ok";
      kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
    }
    if (options.golden !== undefined) golden.push({ program, theirs });
    const found = differences(program, ours, theirs);
    if (found.length === 0) return;
    different++;
    console.log(`seed ${String(program.seed)}: ${found.slice(0, 3).join("\n    ")}`);
  });
}
if (options.golden !== undefined) writeFileSync(options.golden, `${JSON.stringify(golden)}\n`);
console.log(
  `${String(count)} chains from seed ${String(first)}: ${String(different)} differ; steps ` +
    [...kinds].map(([k, n]) => `${k} ${String(n)}`).join(", ") +
    `; ${String(written)} in place`,
);
process.exit(different === 0 ? 0 : 1);
