/** npm run fuzz -- io [--count N] [--seed S]: in a process of its own, so that a hang or a crash is told too. */
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { IoFuzzer } from "./io.js";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    count: { type: "string", default: "10000" },
    seed: { type: "string", default: "1" },
    child: { type: "boolean", default: false },
  },
});
const count = Number(values.count);
const first = Number(values.seed);

/** Seconds without a word after which a file hangs. */
const patience = 60;
/** Megabytes that a process may grow by. */
const memory = 400;
const stride = 200;

interface Word {
  readonly at: number;
  readonly failures: readonly string[];
  readonly loaded: number;
  readonly grown: number;
}

function child(): void {
  const fuzzer = new IoFuzzer();
  const before = process.memoryUsage.rss();
  let failures: string[] = [];
  for (let i = 0; i < count; i++) {
    const problem = fuzzer.run(first + i);
    if (problem !== undefined) failures.push(`seed ${String(first + i)}: ${problem}`);
    if (i % stride === stride - 1 || i === count - 1) {
      const grown = (process.memoryUsage.rss() - before) / 1e6;
      process.send!({ at: first + i, failures, loaded: fuzzer.loaded, grown } satisfies Word);
      failures = [];
    }
  }
}

function parent(): void {
  const runner = fork(fileURLToPath(import.meta.url), [...process.argv.slice(2), "--child"], {
    execArgv: ["--enable-source-maps", "--max-old-space-size=300"],
  });
  let last: Word = { at: first - 1, failures: [], loaded: 0, grown: 0 };
  let bad = 0;
  let largest = 0;
  const hang = (): void => {
    console.log(`No word for ${String(patience)} s after seed ${String(last.at)}: a file hangs.`);
    runner.kill("SIGKILL");
  };
  let timer = setTimeout(hang, patience * 1000);
  runner.on("message", (word: Word) => {
    clearTimeout(timer);
    timer = setTimeout(hang, patience * 1000);
    last = word;
    largest = Math.max(largest, word.grown);
    bad += word.failures.length;
    for (const line of word.failures) console.log(line);
    if ((word.at - first + 1) % 20_000 === 0) console.log(`${String(word.at - first + 1)} files`);
  });
  runner.on("exit", (code, signal) => {
    clearTimeout(timer);
    const done = last.at - first + 1;
    if (done < count)
      console.log(`The process ended with ${String(signal ?? code)} after seed ${String(last.at)}.`);
    console.log(
      `${String(done)} damaged files: ${String(last.loaded)} loaded all the same, ${String(bad)} wrong, at most ${largest.toFixed(0)} MB more`,
    );
    process.exitCode = done < count || bad > 0 || largest > memory ? 1 : 0;
  });
}

if (positionals[0] !== "io") {
  console.error("npm run fuzz -- io [--count N] [--seed S]");
  process.exitCode = 2;
} else if (values.child) {
  child();
  process.exit(0);
} else parent();
