import type { Outcome } from "./run.js";

export interface CaseResult extends Outcome {
  readonly id: string;
  readonly family: string;
  readonly kind: string;
  readonly name: string;
  readonly ms: number;
}

export interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

const none = (): Counts => ({ passed: 0, failed: 0, skipped: 0 });

export function countBy(
  results: readonly CaseResult[],
  key: (result: CaseResult) => string,
): Map<string, Counts> {
  const counts = new Map<string, Counts>();
  for (const result of results) {
    let entry = counts.get(key(result));
    if (entry === undefined) counts.set(key(result), (entry = none()));
    entry[result.status]++;
  }
  return counts;
}

/** Kinds whose `name` is no public name but that of a file format or a model. */
const isName = ({ kind, name }: CaseResult): boolean =>
  kind !== "training" && kind !== "serialization" && name !== "mixed" && name !== "raw_uint32";

export interface Summary {
  readonly families: ReadonlyMap<string, Counts>;
  readonly total: Counts;
  /** Names with at least one case that was not skipped. */
  readonly names: readonly string[];
  /** Share of passes among the cases that were not skipped. */
  readonly rate: number;
}

export function summarize(results: readonly CaseResult[]): Summary {
  const total = none();
  for (const { status } of results) total[status]++;
  const names = new Set(results.filter((r) => isName(r) && r.status !== "skipped").map(({ name }) => name));
  const tried = total.passed + total.failed;
  return {
    families: countBy(results, ({ family }) => family),
    total,
    names: [...names].sort(),
    rate: tried === 0 ? 0 : total.passed / tried,
  };
}

export function closingLine({ passed, failed, skipped }: Counts): string {
  return `${String(passed)} passed, ${String(failed)} failed, ${String(skipped)} skipped`;
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** Columns, the first left, the others right aligned. */
function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows
    .map((row) =>
      row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]! + 2))).join(""),
    )
    .join("\n");
}

/** Failures by name, with what went wrong; like reasons of one name are told once. */
export function failuresByName(results: readonly CaseResult[], verbose: boolean): string {
  const lines: string[] = [];
  const counts = countBy(results, ({ name }) => name);
  const failed = results.filter(({ status }) => status === "failed");
  for (const name of [...new Set(failed.map((r) => r.name))].sort()) {
    const own = failed.filter((r) => r.name === name);
    const { passed } = counts.get(name)!;
    lines.push(`${name}: ${String(own.length)} of ${String(own.length + passed)} failed`);
    const shown = verbose ? own : firstOfEach(own).slice(0, 3);
    for (const { id, reason } of shown) lines.push(`    ${id}: ${verbose ? reason : clip(reason)}`);
  }
  return lines.join("\n");
}

const clip = (text: string): string => (text.length > 220 ? `${text.slice(0, 220)}…` : text);

/** One case of each sort of reason: the same words, whatever the numbers in them. */
function firstOfEach(results: readonly CaseResult[]): CaseResult[] {
  const seen = new Set<string>();
  return results.filter(({ reason }) => {
    const sort = reason.replace(/-?\d[\d.e+-]*/g, "#").slice(0, 60);
    if (seen.has(sort)) return false;
    seen.add(sort);
    return true;
  });
}

export function familyTable({ families, total }: Summary): string {
  const row = (name: string, { passed, failed, skipped }: Counts): string[] => [
    name,
    String(passed),
    String(failed),
    String(skipped),
    passed + failed === 0 ? "" : percent(passed / (passed + failed)),
  ];
  return table([
    ["family", "passed", "failed", "skipped", "of tried"],
    ...[...families].map(([name, counts]) => row(name, counts)),
    row("all", total),
  ]);
}

export function nameTable(results: readonly CaseResult[]): string {
  const rows = [...countBy(results, ({ name }) => name)].sort(([a], [b]) => (a < b ? -1 : 1));
  return table([
    ["name", "passed", "failed", "skipped"],
    ...rows.map(([name, c]) => [name, String(c.passed), String(c.failed), String(c.skipped)]),
  ]);
}

/** Why cases were skipped: the missing names, the most wanted first. */
export function missingNames(results: readonly CaseResult[], most: number): string {
  const counts = new Map<string, number>();
  for (const { status, reason } of results) {
    if (status === "skipped") counts.set(reason, (counts.get(reason) ?? 0) + 1);
  }
  const sorted = [...counts].sort((a, b) => b[1] - a[1]);
  const lines = sorted.slice(0, most).map(([reason, n]) => `${String(n).padStart(6)}  ${clip(reason)}`);
  const rest = sorted.length - most;
  return rest > 0 ? [...lines, `        and ${String(rest)} more`].join("\n") : lines.join("\n");
}

export function implementedLine({ names, rate, total }: Summary): string {
  const tried = total.passed + total.failed;
  return `${String(names.length)} names implemented; ${percent(rate)} of their ${String(tried)} cases pass`;
}

/** What `--json` writes. */
export function toJson(results: readonly CaseResult[]): string {
  const { families } = summarize(results);
  const cases = results.map(({ id, family, name, status, reason }) => ({ id, family, name, status, reason }));
  return `${JSON.stringify({ families: Object.fromEntries(families), cases }, null, 1)}\n`;
}

/** The committed least: it only rises. */
export interface Floor {
  readonly names: number;
  readonly families: Readonly<Record<string, number>>;
}

export function floorOf({ names, families }: Summary): Floor {
  return {
    names: names.length,
    families: Object.fromEntries([...families].map(([name, { passed }]) => [name, passed])),
  };
}

/** Where a run lies below the floor, one line each. */
export function belowFloor(run: Floor, floor: Floor): string[] {
  const lines = Object.entries(floor.families).flatMap(([family, least]) => {
    const passed = run.families[family] ?? 0;
    return passed < least ? [`${family}: ${String(passed)} passed, the floor is ${String(least)}`] : [];
  });
  if (run.names < floor.names) {
    lines.push(`${String(run.names)} names implemented, the floor is ${String(floor.names)}`);
  }
  return lines;
}

/** The higher of both, entry by entry. */
export function raiseFloor(run: Floor, floor: Floor): Floor {
  const names = [...new Set([...Object.keys(floor.families), ...Object.keys(run.families)])].sort();
  return {
    names: Math.max(run.names, floor.names),
    families: Object.fromEntries(
      names.map((name) => [name, Math.max(run.families[name] ?? 0, floor.families[name] ?? 0)]),
    ),
  };
}
