/** The process that runs cases: a case that blocks or kills it costs that case and nothing else. */
import { Family, type CaseBase } from "./corpus.js";
import { Library } from "./library.js";
import { runCase, type Outcome } from "./run.js";

export interface Task {
  readonly folder: string;
  readonly family: string;
  readonly indices: readonly number[];
}

export type Report =
  | { readonly kind: "ready" }
  | { readonly kind: "case"; readonly index: number; readonly ms: number; readonly outcome: Outcome }
  | { readonly kind: "done"; readonly rss: number };

const families = new Map<string, Family>();

/** Sent before going on, so that the parent knows which case a silent worker is in. */
function send(report: Report): Promise<void> {
  return new Promise((resolve, reject) => {
    process.send!(report, undefined, undefined, (error: Error | null) => {
      if (error === null) resolve();
      else reject(error);
    });
  });
}

async function work(library: Library, { folder, family: name, indices }: Task): Promise<void> {
  let family = families.get(name);
  if (family === undefined) families.set(name, (family = new Family(folder, name)));
  for (const index of indices) {
    const from = performance.now();
    const c: CaseBase = family.case(index);
    const outcome = await runCase(library, family, c);
    await send({ kind: "case", index, ms: performance.now() - from, outcome });
  }
  await send({ kind: "done", rss: process.memoryUsage.rss() });
}

const library = await Library.load(process.argv[2]);
process.on("message", (task: Task) => {
  work(library, task).catch((error: unknown) => {
    console.error(error);
    process.exit(70);
  });
});
process.on("disconnect", () => process.exit(0));
await send({ kind: "ready" });
