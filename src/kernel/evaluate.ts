/** Evaluates a trace's bundle in this process, under a time limit and with the world out of reach. */
import * as vm from "node:vm";
import { performance } from "node:perf_hooks";
import type { Bundle } from "../../runtime/source/bundle.js";
import { foreignModule, laterValue, NeedsRunError } from "./foreign.js";
import { probe } from "./project.js";
import { inSandbox } from "./sandbox.js";
import type { ConsoleEvent } from "./protocol.js";

/** The code was stopped from outside: what it left behind is not to be trusted, the process must be replaced. */
export class HardTimeout extends Error {
  override name = "HardTimeout";
}

/** Calls of instrumented code; see `instrument`. */
export interface Probe {
  readonly at: (site: number) => void;
  readonly value: <T>(site: number, value: T) => T;
  readonly enter: (fn: number, self: unknown) => void;
  readonly leave: () => void;
}

const hook = "__tensorscopeRun";
const entry = new vm.Script(`globalThis.${hook}()`, { filename: "tensorscope-entry.cjs" });

const foreignPackage = (specifier: string): object => foreignModule(specifier.replace(/^node:/, ""));

export class Sandbox {
  /** On the clock of `performance.now()`. */
  readonly deadline: number;
  #muted = false;
  readonly #print: (level: ConsoleEvent["level"], text: string) => void;

  constructor(budget: number, print: (level: ConsoleEvent["level"], text: string) => void) {
    this.deadline = performance.now() + budget;
    this.#print = (level, text) => {
      if (!this.#muted) print(level, text);
    };
  }

  /** Milliseconds left. */
  get left(): number {
    return this.deadline - performance.now();
  }

  /** Whether what is printed is dropped: code that runs again says the same again. */
  set muted(on: boolean) {
    this.#muted = on;
  }

  /** Runs `body`. @throws HardTimeout when it had to be stopped from outside. */
  run<T>(body: () => T): T {
    let result: T | undefined;
    // Instrumented code stops itself at the deadline; this is for the rest.
    const timeout = Math.max(1, Math.ceil(this.left)) + 100;
    Object.defineProperty(globalThis, hook, { value: () => void (result = body()), configurable: true });
    try {
      inSandbox(this.#print, () => entry.runInThisContext({ timeout }) as unknown);
    } catch (error) {
      if ((error as { code?: unknown }).code === "ERR_SCRIPT_EXECUTION_TIMEOUT") {
        throw new HardTimeout("The time for computing shapes is up");
      }
      throw error;
    } finally {
      Reflect.deleteProperty(globalThis, hook);
    }
    return result as T;
  }

  /** Evaluates the bundle and gives its exports. */
  load(bundle: Bundle, script: string, library: object, calls: Probe): Record<string, unknown> {
    const module = { exports: {} as Record<string, unknown> };
    const instruments = {
      ...calls,
      /** A top-level initialiser: if it needs ▶, so do those who use the name, and nobody else. */
      guard(name: string, make: () => unknown): unknown {
        try {
          return make();
        } catch (error) {
          if (error instanceof NeedsRunError || (error as Error)?.name === "NeedsDataError") {
            return laterValue(name, (error as Error).message);
          }
          throw error;
        }
      },
      later: (name: string) => laterValue(name, "it is awaited"),
    };
    this.run(() => {
      const parameters = ["module", "exports", "require", "__library", "__package", probe];
      const run = vm.compileFunction(bundle.code, parameters, { filename: script }) as (
        ...args: unknown[]
      ) => void;
      run(module, module.exports, foreignModule("require"), () => library, foreignPackage, instruments);
    });
    return module.exports;
  }
}
