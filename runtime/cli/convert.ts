/** `tensorscope convert`. */
import * as fs from "node:fs";
import { convert } from "../io/convert.js";
import { parseOptions, UsageError } from "./usage.js";

const units: Readonly<Record<string, number>> = { "": 1, KB: 1e3, MB: 1e6, GB: 1e9 };

function bytes(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const [, number, unit] = /^(\d+(?:\.\d+)?)(KB|MB|GB|)$/.exec(text) ?? [];
  if (number === undefined || Number(number) === 0) {
    throw new UsageError(`--max-shard-size is written 5GB or 500MB, not ${text}`);
  }
  return Number(number) * units[unit!]!;
}

function size(nbytes: number): string {
  const [unit, one] =
    nbytes >= 1e9 ? ["GB", 1e9] : nbytes >= 1e6 ? ["MB", 1e6] : nbytes >= 1e3 ? ["kB", 1e3] : ["bytes", 1];
  return `${(nbytes / Number(one)).toFixed(one === 1 ? 0 : 1)} ${String(unit)}`;
}

/** A list that does not fill the terminal. */
const few = (names: readonly string[]): string =>
  names.length <= 5
    ? names.join(", ")
    : `${names.slice(0, 4).join(", ")} and ${String(names.length - 4)} more`;

/** What `tensorscope convert` does; gives the exit code. */
export function convertFile(args: readonly string[]): number {
  const { values, positionals } = parseOptions({
    args: [...args],
    allowPositionals: true,
    options: { key: { type: "string" }, "max-shard-size": { type: "string" }, force: { type: "boolean" } },
  });
  const [from, to, ...more] = positionals;
  if (from === undefined || to === undefined || more.length > 0)
    throw new UsageError("convert takes two files: IN OUT");
  if (!fs.existsSync(from)) throw new UsageError(`there is no file ${from}`);
  if (fs.existsSync(to) && values.force !== true)
    throw new UsageError(`${to} is there already; --force replaces it`);
  const maxShardBytes = bytes(values["max-shard-size"]);
  try {
    const made = convert(from, to, { key: values.key, maxShardBytes });
    console.log(`${to}: ${String(made.tensors)} tensors, ${size(made.nbytes)}`);
    if (made.tied.size > 0)
      console.log(`Written once: ${few([...made.tied].map(([a, b]) => `${a} = ${b}`))}`);
    if (made.leftOut.length > 0) console.log(`Left out, being no tensors: ${few(made.leftOut)}`);
    return 0;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    console.error(`tensorscope convert: ${error.message}`);
    return 1;
  }
}
