/** What the module view shows, worked out from a snapshot. Pure. */
import type {
  ModelSnapshot,
  ModuleSnapshot,
  SnapshotShape,
  TensorSnapshot,
} from "../../runtime/inspect/snapshot.js";

/** What shares are of. */
export type Measure = "parameters" | "size" | "macs";

/** One line of the tree: a module, or a tensor held by one. */
export interface Row {
  /** Unique: the module's path, or the tensor's state-dict name after a colon. */
  readonly id: string;
  readonly level: number;
  readonly parent: Row | undefined;
  readonly module: ModuleSnapshot;
  readonly tensor?: TensorSnapshot;
  readonly tensorKind?: "parameter" | "buffer";
  readonly children: readonly Row[];
  /** Modules at and below this row. */
  readonly modules: number;
}

/** The rows of a model as a tree; the first is the root. */
export function buildRows(snapshot: ModelSnapshot): Row {
  const build = (module: ModuleSnapshot, parent: Row | undefined, level: number): Row => {
    const children: Row[] = [];
    const row = { id: module.path, level, parent, module, children, modules: 1 };
    const tensors = (kind: "parameter" | "buffer", list: readonly TensorSnapshot[]) => {
      for (const tensor of list) {
        const id = `:${module.path === "" ? "" : `${module.path}.`}${tensor.name}`;
        children.push({
          id,
          level: level + 1,
          parent: row,
          module,
          tensor,
          tensorKind: kind,
          children: [],
          modules: 0,
        });
      }
    };
    tensors("parameter", module.parameters);
    tensors("buffer", module.buffers);
    for (const child of module.children) {
      const below = build(child, row, level + 1);
      row.modules += below.modules;
      children.push(below);
    }
    return row;
  };
  return build(snapshot.root, undefined, 1);
}

/** All rows below and with this one, in order. */
export function* walk(row: Row): Generator<Row> {
  yield row;
  for (const child of row.children) yield* walk(child);
}

/** What a row has of a measure, with everything below it. */
export function amount(row: Row, measure: Measure): number {
  const { tensor, module } = row;
  if (tensor !== undefined) {
    if (measure === "macs" || (measure === "parameters" && row.tensorKind === "buffer")) return 0;
    return measure === "size" ? tensor.bytes : tensor.count;
  }
  return moduleAmount(module, measure);
}

/** What a module has of a measure, with everything below it. */
export function moduleAmount(module: ModuleSnapshot, measure: Measure): number {
  if (measure === "parameters") return module.totalParameters;
  return measure === "size" ? module.bytes : (module.macs ?? 0);
}

/** What a module has of a measure without its children. */
export function ownAmount(module: ModuleSnapshot, measure: Measure): number {
  const below = module.children.reduce((sum, child) => sum + moduleAmount(child, measure), 0);
  return Math.max(0, moduleAmount(module, measure) - below);
}

/** The rows expanded when a model is first shown: breadth first, modules that hold modules, while few rows result. */
export function initiallyExpanded(root: Row, rows = 40): Set<string> {
  const expanded = new Set<string>([root.id]);
  let shown = 1 + root.children.length;
  for (let queue = [root]; queue.length > 0;) {
    const next: Row[] = [];
    for (const row of queue) {
      for (const child of row.children) {
        if (child.module.children.length === 0 || child.tensor !== undefined) continue;
        if (shown + child.children.length > rows) return expanded;
        shown += child.children.length;
        expanded.add(child.id);
        next.push(child);
      }
    }
    queue = next;
  }
  return expanded;
}

export interface Filtered {
  /** Ids of rows to show: matches and what leads to them. */
  readonly visible: ReadonlySet<string>;
  readonly matches: ReadonlySet<string>;
}

/** Rows whose path, class or tensor name contains the text, whatever the case. */
export function filterRows(root: Row, text: string): Filtered | undefined {
  const wanted = text.trim().toLowerCase();
  if (wanted === "") return undefined;
  const visible = new Set<string>();
  const matches = new Set<string>();
  for (const row of walk(root)) {
    const { tensor, module } = row;
    // A tensor matches by its own name only, or all tensors of a matching module would.
    const hay = tensor === undefined ? `${module.path}\n${module.className}` : tensor.name;
    if (!hay.toLowerCase().includes(wanted)) continue;
    matches.add(row.id);
    for (let up: Row | undefined = row; up !== undefined; up = up.parent) visible.add(up.id);
  }
  return { visible, matches };
}

/** The rows on screen, in order. While filtering, everything that leads to a match is open. */
export function visibleRows(root: Row, expanded: ReadonlySet<string>, filtered: Filtered | undefined): Row[] {
  const rows: Row[] = [];
  const visit = (row: Row) => {
    if (filtered !== undefined && !filtered.visible.has(row.id)) return;
    rows.push(row);
    if (filtered !== undefined || expanded.has(row.id)) row.children.forEach(visit);
  };
  visit(root);
  return rows;
}

/** Classes by what their own parameters (not their children's) are of a measure, largest first. */
export function byClass(root: ModuleSnapshot, measure: Measure): { className: string; amount: number }[] {
  const amounts = new Map<string, number>();
  const visit = (module: ModuleSnapshot) => {
    const own = ownAmount(module, measure);
    if (own > 0) amounts.set(module.className, (amounts.get(module.className) ?? 0) + own);
    module.children.forEach(visit);
  };
  visit(root);
  return [...amounts]
    .map(([className, sum]) => ({ className, amount: sum }))
    .sort((a, b) => b.amount - a.amount);
}

/** Shapes of several tensors: `[1, 10]`, or `[1, 10], [1, 5]`. */
export function shapesText(shapes: readonly SnapshotShape[] | undefined): string {
  return (shapes ?? []).map((shape) => `[${shape.join(", ")}]`).join(", ");
}
