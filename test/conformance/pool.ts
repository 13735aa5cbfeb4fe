import { fork, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Outcome } from "./run.js";
import type { Report, Task } from "./worker.js";

export interface PoolOptions {
  readonly workers: number;
  readonly device: string;
  /** How long one case may take. */
  readonly timeout: number;
  readonly onCase: (family: string, index: number, outcome: Outcome, ms: number) => void;
}

/** A worker is replaced when it has grown beyond this. */
const largestRss = 1.2e9;
const startTimeout = 60_000;

/** Runs tasks in worker processes. A worker that dies or falls silent is replaced and goes on after the case. */
export class Pool {
  readonly #options: PoolOptions;
  readonly #queue: Task[];

  constructor(tasks: readonly Task[], options: PoolOptions) {
    this.#queue = [...tasks];
    this.#options = options;
  }

  async run(): Promise<void> {
    await Promise.all(Array.from({ length: this.#options.workers }, () => this.#lane()));
  }

  async #lane(): Promise<void> {
    let left: Task | undefined;
    let starts = 0;
    for (;;) {
      const first = left ?? this.#queue.shift();
      if (first === undefined) return;
      const { rest, ready } = await this.#worker(first);
      // A library that cannot be loaded fails the run, not each case in turn.
      starts = ready ? 0 : starts + 1;
      if (starts >= 2) throw new Error("The workers do not start; see the messages above.");
      left = rest;
    }
  }

  /** One worker's life; gives back what it left undone. */
  #worker(first: Task): Promise<{ rest: Task | undefined; ready: boolean }> {
    const { device, timeout, onCase } = this.#options;
    const child: ChildProcess = fork(fileURLToPath(new URL("./worker.js", import.meta.url)), [device], {
      stdio: ["ignore", "ignore", "pipe", "ipc"],
      serialization: "json",
    });
    let said = "";
    child.stderr!.setEncoding("utf8").on("data", (text: string) => (said = (said + text).slice(-4000)));
    return new Promise((resolve) => {
      let task: Task | undefined = first;
      let done = 0;
      let ready = false;
      let silent = false;
      let timer: NodeJS.Timeout | undefined;
      const watch = (ms: number): void => {
        clearTimeout(timer);
        timer = setTimeout(() => {
          silent = true;
          child.kill("SIGKILL");
        }, ms);
      };
      const give = (next: Task | undefined): void => {
        task = next;
        done = 0;
        if (next === undefined) child.disconnect();
        else child.send(next);
      };
      watch(startTimeout);
      child.on("message", (report: Report) => {
        watch(timeout);
        if (report.kind === "ready") {
          ready = true;
          give(task);
        } else if (report.kind === "case") {
          done++;
          onCase(task!.family, report.index, report.outcome, report.ms);
        } else give(report.rss > largestRss ? undefined : this.#queue.shift());
      });
      // Not "close": that never comes after the parent has disconnected.
      child.on("exit", (code, signal) => {
        clearTimeout(timer);
        setTimeout(() => {
          finish(code, signal);
        }, 20);
      });
      const finish = (code: number | null, signal: string | null): void => {
        if (!ready) {
          console.error(said);
          resolve({ rest: task, ready });
          return;
        }
        if (task === undefined) {
          resolve({ rest: undefined, ready });
          return;
        }
        const index = task.indices[done];
        const indices = task.indices.slice(done + 1);
        if (index !== undefined) {
          const how = silent
            ? `no answer in ${String(timeout / 1000)} s`
            : `the process ended (${signal ?? `code ${String(code)}`}): ${said.trim().split("\n").at(-1) ?? ""}`;
          onCase(task.family, index, { status: "failed", reason: how }, silent ? timeout : 0);
        }
        resolve({ rest: indices.length > 0 ? { ...task, indices } : undefined, ready });
      };
    });
  }
}
