import { pointer, select } from "d3";
import type { Selection } from "d3";
import { kernelExtent, windowStart } from "../../runtime/inspect/arithmetic.js";
import { withAlpha } from "../shared/theme.js";
import type { Theme } from "../shared/theme.js";
import type { AxisGeometry } from "./model.js";

/** Row and column of an output cell. */
export type Cell = readonly [row: number, column: number];

export interface PictureOptions {
  readonly axes: readonly [AxisGeometry, AxisGeometry];
  readonly width: number;
  readonly theme: Theme;
  readonly captions: { readonly input: string; readonly output: string };
  readonly onSelect: (cell: Cell) => void;
}

/** A grid's place: its first cell's corner and the size of a cell, in pixels. */
interface Grid {
  readonly x: number;
  readonly y: number;
  readonly cell: number;
}

interface Layout {
  readonly width: number;
  readonly height: number;
  readonly input: Grid;
  readonly output: Grid;
  readonly beside: boolean;
}

const caption = 20;
const arrow = 44;

/** Cells an axis shows: padding on both sides and what ceil mode's last window reaches over the end. */
function shown({ input, before, after, beyond }: AxisGeometry): number {
  return input + before + after + beyond;
}

function layOut([rows, columns]: PictureOptions["axes"], width: number): Layout {
  const [inRows, inColumns] = [shown(rows), shown(columns)];
  const most = { cell: 26, height: 420 };
  const besideCell = Math.min(
    most.cell,
    (width - arrow - 4) / (inColumns + columns.output),
    most.height / Math.max(inRows, rows.output),
  );
  const belowCell = Math.min(
    most.cell,
    (width - 4) / Math.max(inColumns, columns.output),
    most.height / inRows,
  );
  // One below the other only where that makes the picture clearly larger.
  const beside = besideCell >= 9 || besideCell * 1.4 >= belowCell;
  const cell = beside ? besideCell : belowCell;
  if (beside) {
    const height = caption + Math.max(inRows, rows.output) * cell + 4;
    return {
      width,
      height,
      beside,
      input: { x: 2, y: caption, cell },
      output: {
        x: 2 + inColumns * cell + arrow,
        y: caption + Math.max(0, ((inRows - rows.output) * cell) / 2),
        cell,
      },
    };
  }
  const outputY = caption + inRows * cell + 14 + caption;
  return {
    width,
    height: outputY + rows.output * cell + 4,
    beside,
    input: { x: 2, y: caption, cell },
    output: { x: 2, y: outputY, cell },
  };
}

type Surface = Selection<SVGSVGElement, unknown, null, undefined>;
type Group = Selection<SVGGElement, unknown, null, undefined>;

/** The input grid with its padding, the kernel where it stands, and the output grid. */
export class Picture {
  readonly svg: SVGSVGElement;
  #options: PictureOptions | undefined;
  #layout: Layout | undefined;

  constructor() {
    this.svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    this.svg.setAttribute("class", "picture");
    const pick = (event: PointerEvent) => {
      const cell = this.#cellAt(event);
      if (cell !== undefined) this.#options?.onSelect(cell);
    };
    this.svg.addEventListener("pointermove", pick);
    this.svg.addEventListener("pointerdown", pick);
  }

  draw(options: PictureOptions): void {
    this.#options = options;
    const { axes, width, theme, captions } = options;
    const layout = layOut(axes, width);
    this.#layout = layout;
    const surface: Surface = select(this.svg);
    surface
      .attr("width", width)
      .attr("height", Math.ceil(layout.height))
      .attr("viewBox", `0 0 ${width} ${Math.ceil(layout.height)}`);
    surface.selectAll("*").remove();
    const pattern = surface
      .append("defs")
      .append("pattern")
      .attr("id", "hatch")
      .attr("width", 6)
      .attr("height", 6)
      .attr("patternUnits", "userSpaceOnUse")
      .attr("patternTransform", "rotate(45)");
    pattern.append("line").attr("y2", 6).attr("stroke", theme.muted).attr("stroke-width", 1.4);
    this.#drawInput(surface.append("g"), layout.input);
    this.#drawOutput(surface.append("g"), layout.output);
    const text = (x: number, y: number, content: string) => {
      const label = surface
        .append("text")
        .attr("y", y)
        .attr("fill", theme.muted)
        .attr("font-size", 12)
        .text(content);
      // A small grid at the edge must not push its caption out of the picture.
      const length = label.node()?.getComputedTextLength() ?? 0;
      label.attr("x", Math.max(0, Math.min(x, width - length)));
    };
    text(2, caption - 7, captions.input);
    text(layout.output.x, layout.output.y - 7, captions.output);
    surface.append("g").attr("class", "moving").attr("pointer-events", "none");
  }

  #drawInput(group: Group, { x, y, cell }: Grid): void {
    const { axes, theme } = this.#options!;
    const [rows, columns] = axes;
    const rect = (left: number, top: number, w: number, h: number) =>
      group
        .append("rect")
        .attr("x", x + left * cell)
        .attr("y", y + top * cell)
        .attr("width", Math.max(0, w * cell))
        .attr("height", Math.max(0, h * cell));
    const padded = [
      columns.input + columns.before + columns.after,
      rows.input + rows.before + rows.after,
    ] as const;
    if (rows.beyond > 0 || columns.beyond > 0) {
      rect(0, 0, shown(columns), shown(rows))
        .attr("class", "beyond")
        .attr("fill", "none")
        .attr("stroke", theme.muted)
        .attr("stroke-dasharray", "1 4");
    }
    rect(0, 0, ...padded)
      .attr("class", "padded")
      .attr("fill", theme.faint)
      .attr("stroke", theme.muted)
      .attr("stroke-dasharray", "4 3");
    rect(columns.before, rows.before, columns.input, rows.input)
      .attr("class", "input")
      .attr("fill", theme.background)
      .attr("stroke", "none");
    lines(group, x, y, cell, shown(columns), shown(rows), theme);
    const unread = (left: number, top: number, w: number, h: number) =>
      rect(left, top, w, h).attr("class", "unread").attr("fill", "url(#hatch)").attr("opacity", 0.5);
    if (columns.unread > 0) unread(padded[0] - columns.unread, 0, columns.unread, padded[1]);
    if (rows.unread > 0) unread(0, padded[1] - rows.unread, padded[0] - columns.unread, rows.unread);
    rect(columns.before, rows.before, columns.input, rows.input)
      .attr("fill", "none")
      .attr("stroke", theme.foreground)
      .attr("stroke-width", 1.5);
  }

  #drawOutput(group: Group, { x, y, cell }: Grid): void {
    const { axes, theme } = this.#options!;
    const [rows, columns] = axes;
    lines(group, x, y, cell, columns.output, rows.output, theme);
    group
      .append("rect")
      .attr("class", "output")
      .attr("x", x)
      .attr("y", y)
      .attr("width", columns.output * cell)
      .attr("height", rows.output * cell)
      .attr("fill", "transparent")
      .attr("stroke", theme.foreground)
      .attr("stroke-width", 1.5);
  }

  /** Shows what one output cell reads. */
  select([row, column]: Cell): void {
    const { axes, theme } = this.#options!;
    const { input, output, beside } = this.#layout!;
    const [rows, columns] = axes;
    const group = select(this.svg).select<SVGGElement>(".moving");
    group.selectAll("*").remove();
    const kernelColor = theme.series[0]!;
    const outputColor = theme.series[1]!;
    const top = windowStart(row, rows.stride, rows.before) + rows.before;
    const left = windowStart(column, columns.stride, columns.before) + columns.before;
    const high = kernelExtent(rows.kernel, rows.dilation);
    const wide = kernelExtent(columns.kernel, columns.dilation);
    const inside = (position: number, { before, input: size }: AxisGeometry) =>
      position >= before && position < before + size;
    const taps = Array.from({ length: rows.kernel * columns.kernel }, (_, i) => {
      const r = top + Math.floor(i / columns.kernel) * rows.dilation;
      const c = left + (i % columns.kernel) * columns.dilation;
      return { r, c, real: inside(r, rows) && inside(c, columns) };
    });
    const inset = input.cell > 8 ? 1 : 0;
    group
      .selectAll("rect.tap")
      .data(taps)
      .join("rect")
      .attr("class", "tap")
      .attr("x", ({ c }) => input.x + c * input.cell + inset)
      .attr("y", ({ r }) => input.y + r * input.cell + inset)
      .attr("width", Math.max(0.75, input.cell - 2 * inset))
      .attr("height", Math.max(0.75, input.cell - 2 * inset))
      .attr("fill", ({ real }) => withAlpha(kernelColor, real ? 0.75 : 0.3));
    const box = {
      x: input.x + left * input.cell,
      y: input.y + top * input.cell,
      w: wide * input.cell,
      h: high * input.cell,
    };
    group
      .append("rect")
      .attr("class", "window")
      .attr("x", box.x)
      .attr("y", box.y)
      .attr("width", box.w)
      .attr("height", box.h)
      .attr("fill", "none")
      .attr("stroke", kernelColor)
      .attr("stroke-width", 2);
    const out = { x: output.x + column * output.cell, y: output.y + row * output.cell, size: output.cell };
    // Lines from the window's corners to the cell it makes.
    const corners = beside
      ? [
          [box.x + box.w, box.y, out.x, out.y],
          [box.x + box.w, box.y + box.h, out.x, out.y + out.size],
        ]
      : [
          [box.x, box.y + box.h, out.x, out.y],
          [box.x + box.w, box.y + box.h, out.x + out.size, out.y],
        ];
    group
      .selectAll("line.ray")
      .data(corners)
      .join("line")
      .attr("class", "ray")
      .attr("x1", (d) => d[0]!)
      .attr("y1", (d) => d[1]!)
      .attr("x2", (d) => d[2]!)
      .attr("y2", (d) => d[3]!)
      .attr("stroke", theme.muted)
      .attr("stroke-dasharray", "2 3")
      .attr("opacity", 0.8);
    group
      .append("rect")
      .attr("class", "result")
      .attr("x", out.x)
      .attr("y", out.y)
      .attr("width", Math.max(1, out.size))
      .attr("height", Math.max(1, out.size))
      .attr("fill", outputColor)
      .attr("stroke", theme.highContrast ? theme.foreground : outputColor)
      .attr("stroke-width", out.size < 4 ? 2 : 1);
  }

  /** The output cell under the pointer: itself, or the one whose window is centred nearest to an input cell. */
  #cellAt(event: PointerEvent): Cell | undefined {
    if (this.#options === undefined || this.#layout === undefined) return undefined;
    const [rows, columns] = this.#options.axes;
    const { input, output } = this.#layout;
    const [px, py] = pointer(event, this.svg);
    const [outRow, outColumn] = [(py - output.y) / output.cell, (px - output.x) / output.cell];
    if (outRow >= 0 && outColumn >= 0 && outRow < rows.output && outColumn < columns.output) {
      return [Math.floor(outRow), Math.floor(outColumn)];
    }
    const [inRow, inColumn] = [(py - input.y) / input.cell, (px - input.x) / input.cell];
    if (inRow < 0 || inColumn < 0 || inRow > shown(rows) || inColumn > shown(columns)) return undefined;
    return [centred(inRow, rows), centred(inColumn, columns)];
  }
}

/** The output index whose window is centred nearest to a position of the padded input. */
function centred(position: number, { kernel, dilation, stride, output }: AxisGeometry): number {
  const index = Math.round((position - kernelExtent(kernel, dilation) / 2) / stride);
  return Math.max(0, Math.min(output - 1, index));
}

/** Grid lines, where cells are large enough to tell apart. */
function lines(
  group: Group,
  x: number,
  y: number,
  cell: number,
  columns: number,
  rows: number,
  theme: Theme,
): void {
  if (cell < 5) return;
  const path: string[] = [];
  for (let i = 1; i < columns; i++) path.push(`M${x + i * cell},${y}v${rows * cell}`);
  for (let i = 1; i < rows; i++) path.push(`M${x},${y + i * cell}h${columns * cell}`);
  group
    .append("path")
    .attr("class", "lines")
    .attr("d", path.join(""))
    .attr("fill", "none")
    .attr("stroke", theme.muted)
    .attr("stroke-width", 0.5)
    .attr("opacity", cell < 9 ? 0.35 : 0.6);
}
