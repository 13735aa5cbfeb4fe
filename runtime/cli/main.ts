/** `tensorscope COMMAND FILE`: models without an editor. */
import { libraryVersion } from "../version.js";
import { commands } from "./commands.js";
import { UsageError } from "./usage.js";

function help(): string {
  const width = Math.max(...commands.map(({ usage }) => usage.length)) + 2;
  const lines = commands.map(({ usage, about }) => `  tensorscope ${usage.padEnd(width)}${about}`);
  return [
    "Tensorscope: PyTorch's API in TypeScript.",
    "",
    ...lines,
    "",
    "  tensorscope COMMAND --help    says more",
    "  tensorscope --version",
    "",
  ].join("\n");
}

async function main(args: readonly string[]): Promise<number> {
  const [first, ...rest] = args;
  if (first === "--version" || first === "-v") {
    console.log(libraryVersion());
    return 0;
  }
  const isHelp = (arg: string | undefined): boolean => arg === "--help" || arg === "-h";
  if (first === undefined || isHelp(first) || first === "help") {
    const named = commands.find(({ name }) => name === rest[0]);
    (first === undefined ? process.stderr : process.stdout).write(named === undefined ? help() : named.help);
    return first === undefined ? 2 : 0;
  }
  const command = commands.find(({ name }) => name === first);
  if (command === undefined) {
    const names = commands.map(({ name }) => name).join(", ");
    throw new UsageError(`there is no command ${JSON.stringify(first)}; there are ${names}`);
  }
  const own = rest.includes("--") ? rest.slice(0, rest.indexOf("--")) : rest;
  if (own.some(isHelp)) {
    process.stdout.write(command.help);
    return 0;
  }
  return command.run(rest);
}

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    if (error instanceof UsageError) {
      console.error(`tensorscope: ${error.message}\nTry: tensorscope --help`);
      process.exitCode = 2;
      return;
    }
    console.error(error);
    process.exitCode = 1;
  },
);
