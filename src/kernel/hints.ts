/** From what a trace recorded to the hints that are shown: which call of which class, at which place, in which words. */
import type { TracedCall, TracedTensor, TracedValues, TraceRecorder } from "../../runtime/inspect/trace.js";
import { fitShape, shapeText, type Sizes } from "./fit.js";
import { className } from "./instrument.js";
import type { Project } from "./project.js";
import type { ModuleCall, ShapeHint, ValueShape } from "./protocol.js";
import type { FunctionSite } from "./instrument.js";

/** One run's values at the sites that are shown. */
export interface ChosenValues {
  readonly values: ReadonlyMap<number, TracedValues>;
  readonly calls: ReadonlyMap<number, ModuleCall>;
}

type Owner = NonNullable<FunctionSite["owner"]>;

/**
 * Picks, for every function, the one call that is shown: for `forward` the chosen one, for other methods and inner
 * functions the first inside it, else the first.
 */
export function chooseCalls(
  project: Project,
  { calls }: TraceRecorder,
  pathOf: (module: unknown) => string | undefined,
  chosen: Readonly<Record<string, number>>,
): ChosenValues {
  const { functions } = project.sites;
  const forwards = new Map<Owner, TracedCall[]>();
  for (const call of calls) {
    const { owner, isForward } = functions[call.fn]!;
    if (!isForward || owner === undefined) continue;
    forwards.set(owner, [...(forwards.get(owner) ?? []), call]);
  }
  const shown = new Map<Owner, { readonly call: TracedCall; readonly info?: ModuleCall }>();
  for (const [owner, list] of forwards) {
    const name = className(owner);
    const index = Math.min(chosen[name] ?? 0, list.length - 1);
    const paths = list.map(({ self }) => pathOf(self) ?? "");
    const info = { className: name, path: paths[index]!, index, paths };
    shown.set(owner, { call: list[index]!, ...(list.length > 1 ? { info } : {}) });
  }
  const values = new Map<number, TracedValues>();
  const infos = new Map<number, ModuleCall>();
  const byFunction = new Map<number, TracedCall[]>();
  for (const call of calls) {
    const list = byFunction.get(call.fn);
    if (list === undefined) byFunction.set(call.fn, [call]);
    else list.push(call);
  }
  for (const [fn, list] of byFunction) {
    const { owner } = functions[fn]!;
    const home = owner === undefined ? undefined : shown.get(owner);
    const inside = home === undefined ? [] : list.filter((call) => isWithin(call, home.call));
    const used = inside.length > 0 ? inside : list;
    for (const call of used) {
      for (const [site, value] of call.values) {
        const known = values.get(site);
        if (known !== undefined) {
          // Later calls of the same function within the shown one: an inner function in a loop.
          values.set(site, { ...known, last: value.last, times: known.times + value.times });
          continue;
        }
        values.set(site, value);
        if (home?.info !== undefined) infos.set(site, home.info);
      }
      if (inside.length === 0) break;
    }
  }
  return { values, calls: infos };
}

function isWithin(call: TracedCall, outer: TracedCall): boolean {
  for (let at: TracedCall | undefined = call; at !== undefined; at = at.parent) if (at === outer) return true;
  return false;
}

/** The same tensor in all runs as a shape with symbols. */
export function fitTensors(
  runs: readonly Sizes[],
  all: readonly (readonly TracedTensor[] | undefined)[],
): ValueShape[] {
  return (all[0] ?? []).map(({ path, shape, dtype }, i) => {
    const fitted =
      runs.length === 1
        ? shape
        : fitShape(
            runs,
            all.map((tensors) => tensors?.[i]?.shape),
          );
    return { path, shape: fitted, dtype, text: shapeText(fitted) };
  });
}

/** What is shown for a value: `[1, 6, 14, 14]`, `([1, 5], [1, 5] int64)`, `3 × [1, 8]`. */
export function hintText(values: readonly ValueShape[], dtype: string | undefined): string {
  const [first] = values;
  if (first === undefined) return "";
  const one = (value: ValueShape, name: boolean): string =>
    (name && !value.path.startsWith("[") ? `${value.path}: ` : "") +
    value.text +
    (value.dtype === dtype ? "" : ` ${value.dtype}`);
  if (values.length === 1) return one(first, false);
  const alike = values.every(
    ({ text, dtype: type, path }) => text === first.text && type === first.dtype && path.startsWith("["),
  );
  if (alike) return `${values.length} × ${one(first, false)}`;
  return `(${values.map((value) => one(value, true)).join(", ")})`;
}

export interface HintSource {
  readonly project: Project;
  readonly module: string;
  readonly sizes: readonly Sizes[];
  /** By run; the first is the base. */
  readonly runs: readonly ChosenValues[];
  /** dtype of the first input: only changes are shown. */
  readonly dtype: string | undefined;
}

export interface OwnedHint {
  readonly hint: ShapeHint;
  readonly owner: Owner | undefined;
}

export function makeHints({ project, module, sizes, runs, dtype }: HintSource): OwnedHint[] {
  const [base] = runs;
  if (base === undefined) return [];
  const { sites } = project;
  let current = dtype;
  return [...base.values]
    .toSorted(([, a], [, b]) => a.order - b.order)
    .map(([site, value]) => {
      const { file, fn, start, end, variable } = sites.values[site]!;
      const { label, owner } = sites.functions[fn]!;
      const fit = (which: "first" | "last"): ValueShape[] =>
        fitTensors(
          sizes,
          runs.map(({ values }) => values.get(site)?.[which]),
        );
      const values = fit("first");
      const last = value.times > 1 ? fit("last") : [];
      const changed =
        last.length > 0 && last.map(({ text }) => text).join() !== values.map(({ text }) => text).join();
      const text = hintText(values, current) + (changed ? ` … ${hintText(last, current)}` : "");
      current = values.at(-1)?.dtype ?? current;
      const range = project.range(file, start, end);
      const call = base.calls.get(site);
      const hint: ShapeHint = {
        file,
        position: range.end,
        range,
        text,
        values,
        ...(variable === undefined ? {} : { variable }),
        module,
        scope: label,
        ...(changed ? { last } : {}),
        times: value.times,
        ...(call === undefined ? {} : { call }),
      };
      return { hint, owner };
    });
}
