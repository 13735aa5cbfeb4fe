/** A model's snapshot as text: one line a module, with shapes, parameters and multiply-accumulates. */
import type { ModelSnapshot, ModuleSnapshot } from "./snapshot.js";

const grouped = new Intl.NumberFormat("en-US");

/** `61,706`. */
export function formatCount(count: number): string {
  return grouped.format(count);
}

/** `241.0 KiB`. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < 4) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? String(value) : value.toFixed(1)} ${["bytes", "KiB", "MiB", "GiB", "TiB"][unit]!}`;
}

const shapes = (list: ModuleSnapshot["outputShapes"]): string =>
  list === undefined ? "not called" : list.map((shape) => `[${shape.join(", ")}]`).join(" ");

type Row = readonly [layer: string, output: string, parameters: string, macs: string];

function rows(module: ModuleSnapshot, observed: boolean): Row[] {
  const row = (layer: string, { outputShapes, totalParameters, macs }: ModuleSnapshot): Row => [
    layer,
    observed ? shapes(outputShapes) : "",
    formatCount(totalParameters),
    macs === undefined ? "" : formatCount(macs),
  ];
  const below = (parent: ModuleSnapshot, indent: string): Row[] =>
    parent.children.flatMap((child, i) => {
      const last = i === parent.children.length - 1;
      return [
        row(`${indent}${last ? "└─" : "├─"} ${child.name}: ${child.className}`, child),
        ...below(child, `${indent}${last ? "   " : "│  "}`),
      ];
    });
  return [row(module.className, module), ...below(module, "")];
}

/**
 * The table of a model: layers as a tree, what each gives, its parameters (those below included, a tied tensor counted
 * once) and its multiply-accumulates.
 */
export function formatTable({ root, input }: ModelSnapshot): string {
  const observed = root.outputShapes !== undefined;
  const head: Row = ["Layer", observed ? "Output" : "", "Parameters", observed ? "MACs" : ""];
  const lines = [head, ...rows(root, observed)];
  const width = (column: 0 | 1 | 2 | 3): number => Math.max(...lines.map((line) => line[column].length));
  const text = lines.map(([layer, output, parameters, macs]) =>
    [
      layer.padEnd(width(0)),
      ...(observed ? [output.padEnd(width(1))] : []),
      parameters.padStart(width(2)),
      ...(observed ? [macs.padStart(width(3))] : []),
    ]
      .join("   ")
      .trimEnd(),
  );
  const rule = "─".repeat(Math.max(...text.map((line) => line.length)));
  const { totalParameters: total, trainableParameters: trainable } = root;
  const frozen = total - trainable;
  return [
    text[0],
    rule,
    ...text.slice(1),
    rule,
    `${formatCount(total)} parameters${frozen === 0 ? "" : `, ${formatCount(trainable)} of them trainable`}` +
      ` · ${formatBytes(root.bytes)}` +
      (root.macs === undefined ? "" : ` · ${formatCount(root.macs)} multiply-accumulates`) +
      (input === undefined || input === "" ? "" : ` for ${input}`),
  ].join("\n");
}
