import { hierarchy, partition, select } from "d3";
import type { HierarchyRectangularNode } from "d3";
import type { ModuleSnapshot } from "../../runtime/inspect/snapshot.js";
import { inkOn } from "../shared/theme.js";
import type { Theme } from "../shared/theme.js";
import { moduleAmount, ownAmount } from "./model.js";
import type { Measure } from "./model.js";

export interface StripOptions {
  readonly root: ModuleSnapshot;
  readonly measure: Measure;
  readonly width: number;
  readonly theme: Theme;
  readonly selected: string | undefined;
  /** Colour of a class, by its rank. */
  readonly color: (className: string) => string;
  readonly describe: (module: ModuleSnapshot, share: number) => string;
  readonly onPick: (module: ModuleSnapshot) => void;
  readonly onHover: (module: ModuleSnapshot | undefined) => void;
}

const rowHeight = 22;
const maxLevels = 6;

/** Draws a model as nested blocks: width is the share, one row for each level below the root. */
export function drawStrip(svg: SVGSVGElement, options: StripOptions): void {
  const { root, measure, width, theme, selected, color, describe, onPick, onHover } = options;
  const tree = hierarchy(root, (module) => [...module.children]).sum((module) => ownAmount(module, measure));
  const levels = Math.min(maxLevels, Math.max(1, tree.height));
  const height = levels * rowHeight;
  // The root's own row, the whole width, says nothing; it lies above the picture.
  const laid = partition<ModuleSnapshot>()
    .size([width, rowHeight * (tree.height + 1)])
    .padding(0)(tree);
  const total = moduleAmount(root, measure);
  const blocks = laid
    .descendants()
    .filter(({ depth, x0, x1 }) => (depth > 0 || tree.height === 0) && depth <= maxLevels && x1 - x0 >= 0.4);
  const top = ({ depth }: HierarchyRectangularNode<ModuleSnapshot>) => Math.max(0, depth - 1) * rowHeight;
  // A block that would vanish between its borders keeps its colour instead.
  const inset = ({ x0, x1 }: { x0: number; x1: number }) => (x1 - x0 > 3 ? 0.5 : 0);

  const surface = select(svg)
    .attr("width", width)
    .attr("height", height)
    .attr("viewBox", `0 0 ${width} ${height}`);
  surface.selectAll("*").remove();
  const groups = surface
    .selectAll("g")
    .data(blocks)
    .join("g")
    .attr("class", "block")
    .attr("data-path", ({ data }) => data.path)
    .on("click", (_event, { data }) => onPick(data))
    .on("pointerenter", (_event, { data }) => onHover(data))
    .on("pointerleave", () => onHover(undefined));
  groups
    .append("title")
    .text(({ data }) => describe(data, total === 0 ? 0 : moduleAmount(data, measure) / total));
  groups
    .append("rect")
    .attr("x", (block) => block.x0 + inset(block))
    .attr("y", (block) => top(block) + 0.5)
    .attr("width", (block) => Math.max(0.6, block.x1 - block.x0 - 2 * inset(block)))
    .attr("height", rowHeight - 1)
    .attr("fill", ({ data }) => (data.children.length > 0 ? theme.faint : color(data.className)))
    .attr("stroke", ({ data }) => {
      if (data.path === selected) return theme.foreground;
      return theme.highContrast ? theme.background : "none";
    })
    .attr("stroke-width", ({ data }) => (data.path === selected ? 2 : 1));
  groups.each(function ({ x0, x1, data, depth }) {
    const room = x1 - x0 - 8;
    const label = fit(data.name, room);
    if (label === "") return;
    select(this)
      .append("text")
      .attr("x", x0 + 4)
      .attr("y", top({ depth } as HierarchyRectangularNode<ModuleSnapshot>) + rowHeight / 2)
      .attr("dy", "0.35em")
      .attr("font-size", 11)
      .attr("pointer-events", "none")
      .attr("fill", data.children.length > 0 ? theme.foreground : inkOn(color(data.className)))
      .text(label);
  });
}

/** The text cut to a width, by an average letter; nothing where fewer than two letters have room. */
function fit(text: string, room: number): string {
  const letters = Math.floor(room / 6.2);
  if (text.length <= letters) return text;
  return letters < 3 ? "" : `${text.slice(0, letters - 1)}…`;
}
