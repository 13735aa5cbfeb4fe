/**
 * Writes docs/coverage.md: every public name of PyTorch 1.13 and what has become of it here, from the op records and the
 * library's own exports. `npm run coverage`; a test says when the file is stale.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import prettier from "prettier";
import { namesOf, sections, type Section } from "../runtime/names.js";
import * as nn from "../runtime/nn/index.js";
import { isAbsent, whyAbsent } from "../runtime/ops/absent.js";
import { records } from "../runtime/ops/index.js";
import { names } from "../runtime/ops/install.js";
import { primitiveNames, type OpRecord, type Space } from "../runtime/ops/record.js";
import { camel } from "../runtime/ops/schema.js";
import { Tensor } from "../runtime/tensor/tensor.js";
import { F as functional, torch } from "../runtime/index.js";
import { moduleSections } from "./lib/modules.js";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
export const path = join(root, "docs", "coverage.md");

type Status = "supported" | "composite" | "not implemented";
const statuses: readonly Status[] = ["supported", "composite", "not implemented"];

const places: Readonly<Record<Section, readonly [title: string, space: Space | null, holder: object]>> = {
  torch: ["`torch`", "torch", torch],
  Tensor: ["`torch.Tensor`", "Tensor", Tensor.prototype],
  "nn.functional": ["`torch.nn.functional` (`F`)", "F", functional],
  "nn.init": ["`torch.nn.init`", null, nn.init],
  "nn.utils": ["`torch.nn.utils`", null, nn.utils],
  linalg: ["`torch.linalg`", "linalg", torch.linalg],
  special: ["`torch.special`", "special", torch.special],
  fft: ["`torch.fft`", "fft", torch.fft],
  masked: ["`torch.masked`", null, torch.masked],
  sparse: ["`torch.sparse`", null, torch.sparse],
};

/** The record behind a public name, `name_` included. */
function recordOf(space: Space | null, name: string): (typeof records)[number] | undefined {
  if (space === null) return undefined;
  const called = (wanted: string, inplace: boolean): (typeof records)[number] | undefined =>
    records.find(
      ({ record }) =>
        record.on.includes(space) && names(record).includes(wanted) && (!inplace || record.inplace !== false),
    );
  return called(name, false) ?? (name.endsWith("_") ? called(name.slice(0, -1), true) : undefined);
}

/** Made of other operations: it returns tensors and has no primitive of its own. */
const isComposite = (record: OpRecord): boolean =>
  !names(record).some((name) => primitiveNames.has(name)) &&
  record.overloads.some(({ signature }) => signature.returns.includes("Tensor"));

function statusOf(section: Section, name: string): Status {
  const [, space, holder] = places[section];
  if (isAbsent(holder, camel(name))) return "not implemented";
  const found = recordOf(space, name);
  return found && isComposite(found.record) ? "composite" : "supported";
}

interface Counted {
  readonly title: string;
  readonly byStatus: ReadonlyMap<Status, readonly string[]>;
}

function group<T>(items: readonly T[], key: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const at = key(item);
    const list = groups.get(at);
    if (list) list.push(item);
    else groups.set(at, [item]);
  }
  return groups;
}

function countTable(head: string, rows: readonly Counted[]): string {
  const line = (title: string, counts: readonly number[]): string => {
    const total = counts.reduce((a, b) => a + b, 0);
    const here = total === 0 ? 1 : 1 - counts.at(-1)! / total;
    return `| ${title} | ${counts.join(" | ")} | ${String(total)} | ${(100 * here).toFixed(1)} % |`;
  };
  const counts = rows.map(({ byStatus }) => statuses.map((s) => byStatus.get(s)?.length ?? 0));
  const sums = statuses.map((_, i) => counts.reduce((sum, c) => sum + c[i]!, 0));
  return [
    `| ${head} | supported | composite | not implemented | all | here |`,
    "| :-- | --: | --: | --: | --: | --: |",
    ...rows.map(({ title }, i) => line(title, counts[i]!)),
    line("**all**", sums),
  ].join("\n");
}

const list = (items: readonly string[]): string => items.map((name) => `\`${name}\``).join(", ");

function counted(title: string, items: readonly string[], status: (name: string) => Status): Counted {
  return { title, byStatus: group(items, status) as unknown as ReadonlyMap<Status, readonly string[]> };
}

function sectionText(section: Section, { title, byStatus }: Counted): string {
  const parts = [`### ${title}`];
  for (const status of ["supported", "composite"] as const) {
    const items = byStatus.get(status);
    if (items) parts.push(`**${status}** (${String(items.length)}): ${list(items)}.`);
  }
  const missing = byStatus.get("not implemented") ?? [];
  if (missing.length > 0) {
    parts.push(`**not implemented** (${String(missing.length)}):`);
    const byReason = [...group(missing, (name) => whyAbsent(section, name))];
    parts.push(byReason.map(([why, items]) => `- ${why}: ${list(items)}.`).join("\n"));
  }
  return parts.join("\n\n");
}

/** Names of the records that 1.13 does not have: what came later and people use. */
function later(): string[] {
  const known = new Set(sections.flatMap((section) => namesOf(section)));
  const found = records
    .filter(({ record }) => names(record).every((name) => !known.has(name) && !name.startsWith("_")))
    .flatMap(({ record }) => record.on.map((space) => `${space}.${record.name}`));
  return [...new Set(found)].sort();
}

/** The text of docs/coverage.md. */
export async function coverage(): Promise<string> {
  const functions = sections.map((section) =>
    counted(places[section][0], namesOf(section), (name) => statusOf(section, name)),
  );
  const families = [...group(records, ({ family }) => family)].map(([family, members]) => {
    const all = [...new Set(members.map(({ record }) => record.name))];
    const record = (name: string): OpRecord => members.find((m) => m.record.name === name)!.record;
    return counted(family, all, (name) => (isComposite(record(name)) ? "composite" : "supported"));
  });
  const modules = Object.entries(moduleSections).map(([title, classes]) =>
    counted(title, classes, (name) => (name in nn ? "supported" : "not implemented")),
  );
  const text = `# Coverage

The public names of PyTorch 1.13 and what there is of them, written by \`npm run coverage\` from the op records. Names are
PyTorch's; in code they are in camelCase.

- **supported**: an operation with its own gradient and lowering, or a part of the library.
- **composite**: a function of other operations, whose gradients are theirs.
- **not implemented**: calling it throws \`NotImplementedError\` with its name and the reason; nothing is silently absent.

## Functions and methods

${countTable("section", functions)}

## Modules

${countTable("section of `torch.nn`", modules)}

## Names

${sections.map((section, i) => sectionText(section, functions[i]!)).join("\n\n")}

### \`torch.nn\`

${modules
  .map(({ title, byStatus }) => {
    const missing = byStatus.get("not implemented");
    const here = list((byStatus.get("supported") ?? []).map((name) => `nn.${name}`));
    return `- ${title}: ${here}${missing ? `; **not implemented**: ${list(missing.map((name) => `nn.${name}`))}` : ""}.`;
  })
  .join("\n")}

### Of later versions

${list(later())}.

## Operations by family

A family is a file of \`runtime/ops\`; each operation is one record in it.

${countTable("family", families)}
`;
  return prettier.format(text, { ...(await prettier.resolveConfig(path)), parser: "markdown" });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const text = await coverage();
  if (readFileSync(path, { encoding: "utf8", flag: "a+" }) !== text) writeFileSync(path, text);
}
