import * as fs from "node:fs";
import * as path from "node:path";
import { parseArgs, type ParseArgsConfig } from "node:util";

/** The command line is wrong: exit code 2. */
export class UsageError extends Error {
  override name = "UsageError";
}

/** What `tensorscope NAME …` does. */
export interface Command {
  readonly name: string;
  /** `run FILE [-- ARGUMENTS]`. */
  readonly usage: string;
  /** One line. */
  readonly about: string;
  /** What `--help` prints. */
  readonly help: string;
  /** @returns the exit code. @throws UsageError */
  readonly run: (args: readonly string[]) => Promise<number>;
}

/** Node's `parseArgs`, in our words when it does not understand. @throws UsageError */
export function parseOptions<T extends ParseArgsConfig>(config: T): ReturnType<typeof parseArgs<T>> {
  try {
    return parseArgs(config);
  } catch (error) {
    throw new UsageError((error as Error).message.replace(/\. To specify a positional argument.*/s, ""));
  }
}

const sources = /\.[cm]?[jt]sx?$/;

/** The one file of a command, absolute. @throws UsageError when it is not there. */
export function fileArgument(positionals: readonly string[], command: string): string {
  const [given, ...more] = positionals;
  if (given === undefined) throw new UsageError(`${command} takes a FILE`);
  if (more.length > 0) throw new UsageError(`${command} takes one FILE; what is ${more.join(" ")}?`);
  const file = path.resolve(given);
  if (!fs.existsSync(file)) throw new UsageError(`there is no file ${given}`);
  if (!sources.test(file) || fs.statSync(file).isDirectory()) {
    throw new UsageError(`${given} is no TypeScript or JavaScript file`);
  }
  return file;
}
