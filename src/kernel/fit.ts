/** Symbolic sizes: a model is traced at a few sizes of N, and every dimension is fitted as a·N + b. */
import type { SnapshotDim, SnapshotShape } from "./protocol.js";

/** Sizes of all symbols in one run. */
export type Sizes = ReadonlyMap<string, number>;

/**
 * Runs for the symbols: the base first, then for each symbol two more sizes, then one with all of them changed. Small
 * and mutually different, so that coincidences are unlikely.
 */
export function sizesFor(symbols: readonly string[]): Sizes[] {
  if (symbols.length === 0) return [new Map()];
  const base = new Map(symbols.map((name, i) => [name, i === 0 ? 2 : 8 + 4 * i]));
  const more = (name: string, by: number): Sizes => new Map(base).set(name, base.get(name)! + by);
  const all = new Map([...base].map(([name, size], i) => [name, size + 5 + i]));
  return [
    base,
    ...symbols.flatMap((name) => [more(name, 1), more(name, 3)]),
    ...(symbols.length > 1 ? [all] : []),
  ];
}

/** One dimension over all runs as text, or the number of the first run where no line fits. */
export function fitDim(runs: readonly Sizes[], dims: readonly (SnapshotDim | undefined)[]): SnapshotDim {
  const [base] = runs;
  const [first] = dims;
  if (base === undefined || first === undefined) return "?";
  if (typeof first !== "number") return first;
  const slopes = new Map<string, number>();
  for (const name of base.keys()) {
    const other = runs.findIndex(
      (sizes) => changed(base, sizes).length === 1 && changed(base, sizes)[0] === name,
    );
    const dim = dims[other];
    if (typeof dim !== "number") return first;
    slopes.set(name, (dim - first) / (runs[other]!.get(name)! - base.get(name)!));
  }
  const offset = [...slopes].reduce((rest, [name, slope]) => rest - slope * base.get(name)!, first);
  const fits = runs.every((sizes, i) => {
    const expected = [...slopes].reduce((sum, [name, slope]) => sum + slope * sizes.get(name)!, offset);
    return dims[i] === expected;
  });
  if (!fits || [...slopes.values()].some((slope) => !Number.isInteger(slope))) return first;
  return printLine(slopes, offset);
}

function changed(base: Sizes, sizes: Sizes): string[] {
  return [...base].filter(([name, size]) => sizes.get(name) !== size).map(([name]) => name);
}

function printLine(slopes: ReadonlyMap<string, number>, offset: number): SnapshotDim {
  let text = "";
  for (const [name, slope] of slopes) {
    if (slope === 0) continue;
    const sign = slope < 0 ? "-" : text === "" ? "" : "+";
    text += `${sign}${Math.abs(slope) === 1 ? "" : Math.abs(slope)}${name}`;
  }
  if (text === "") return offset;
  return offset === 0 ? text : `${text}${offset > 0 ? "+" : "-"}${Math.abs(offset)}`;
}

/** A shape over all runs. Where ranks differ there is nothing to fit. */
export function fitShape(
  runs: readonly Sizes[],
  shapes: readonly (SnapshotShape | undefined)[],
): SnapshotShape {
  const [first] = shapes;
  if (first === undefined) return [];
  if (shapes.some((shape) => shape?.length !== first.length)) return first;
  return first.map((_, axis) =>
    fitDim(
      runs,
      shapes.map((shape) => shape![axis]),
    ),
  );
}

export function shapeText(shape: SnapshotShape): string {
  return `[${shape.join(", ")}]`;
}
