import { pointer, select } from "d3";
import { placeTooltip } from "../shared/charts.js";
import { h } from "../shared/dom.js";
import { duration, measured } from "../shared/text.js";
import type { Chart, ChartHost } from "./chart.js";

export interface CrosshairHost extends ChartHost {
  /** The crosshair of one chart moved (or left); the others follow. */
  hovered(x: number | undefined, chart: Chart): void;
}

/** More runs than this do not fit a tooltip; the nearest to the pointer stay. */
const maxRows = 14;

/** Pointer and keys over a chart: a crosshair with a table of all runs, zoom by dragging. */
export class Crosshair {
  readonly #chart: Chart;
  readonly #host: CrosshairHost;
  readonly #tooltip = h("div", { class: "tooltip", "aria-hidden": "true" });
  #x: number | undefined;
  #pointerY = 0;
  #dragFrom: number | undefined;

  constructor(chart: Chart, host: CrosshairHost) {
    this.#chart = chart;
    this.#host = host;
    this.#tooltip.hidden = true;
    const { plot } = chart;
    plot.append(this.#tooltip);
    plot.addEventListener("pointermove", (event) => this.#move(event));
    plot.addEventListener("pointerleave", () => {
      if (this.#dragFrom === undefined) this.#leave();
    });
    plot.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      this.#dragFrom = pointer(event, plot)[0];
      plot.setPointerCapture(event.pointerId);
    });
    plot.addEventListener("pointerup", (event) => this.#drop(event));
    plot.addEventListener("pointercancel", () => this.#endDrag());
    plot.addEventListener("dblclick", () => host.change({ zoom: null }));
    plot.addEventListener("keydown", (event) => this.#key(event));
    plot.addEventListener("blur", () => this.#leave());
  }

  #leave(): void {
    this.#x = undefined;
    this.#host.hovered(undefined, this.#chart);
  }

  #inside(px: number): number {
    const { left, right } = this.#chart.frame;
    return Math.max(left, Math.min(right, px));
  }

  #move(event: PointerEvent): void {
    const { x, plot, frame, svg } = this.#chart;
    if (x === undefined) return;
    const [px, py] = pointer(event, plot);
    this.#pointerY = py;
    if (this.#dragFrom !== undefined && Math.abs(px - this.#dragFrom) > 4) {
      const [a, b] = [this.#inside(this.#dragFrom), this.#inside(px)];
      select(svg)
        .selectAll<SVGRectElement, number>("rect.zoom")
        .data([0])
        .join("rect")
        .attr("class", "zoom")
        .attr("x", Math.min(a, b))
        .attr("y", frame.top)
        .attr("width", Math.abs(b - a))
        .attr("height", frame.bottom - frame.top)
        .attr("fill", this.#host.page.theme.faint)
        .attr("stroke", this.#host.page.theme.muted);
    }
    this.#x = x.invert(this.#inside(px));
    this.#host.hovered(this.#x, this.#chart);
  }

  #endDrag(): void {
    this.#dragFrom = undefined;
    select(this.#chart.svg).selectAll("rect.zoom").remove();
  }

  #drop(event: PointerEvent): void {
    const { x, plot } = this.#chart;
    const from = this.#dragFrom;
    this.#endDrag();
    if (x === undefined || from === undefined) return;
    const to = pointer(event, plot)[0];
    if (Math.abs(to - from) <= 4) return;
    const ends = [x.invert(this.#inside(from)), x.invert(this.#inside(to))].sort((a, b) => a - b);
    if (ends[1]! > ends[0]!) this.#host.change({ zoom: [ends[0]!, ends[1]!] });
  }

  #key(event: KeyboardEvent): void {
    const { settings, store, page } = this.#host;
    const chart = this.#chart;
    const series = chart.series.reduce<(typeof chart.series)[number] | undefined>(
      (longest, next) => (longest === undefined || next.length > longest.length ? next : longest),
      undefined,
    );
    if (series === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
    const { xAxis } = settings;
    const start = store.start(series.run);
    const last = series.length - 1;
    const at = this.#x === undefined ? undefined : series.nearest(this.#x, xAxis, start);
    const far = event.shiftKey ? Math.max(1, Math.round(series.length / 20)) : 1;
    let index: number;
    switch (event.key) {
      case "ArrowRight":
        index = at === undefined ? 0 : Math.min(last, at + far);
        break;
      case "ArrowLeft":
        index = at === undefined ? last : Math.max(0, at - far);
        break;
      case "Home":
        index = 0;
        break;
      case "End":
        index = last;
        break;
      case "Escape":
        if (settings.zoom !== null) this.#host.change({ zoom: null });
        this.#leave();
        return;
      case "+":
      case "-":
        this.#zoomBy(event.key === "+" ? 0.5 : 2);
        event.preventDefault();
        return;
      default:
        return;
    }
    event.preventDefault();
    this.#x = series.x(index, xAxis, start);
    this.#pointerY = (chart.frame.top + chart.frame.bottom) / 2;
    this.#host.hovered(this.#x, chart);
    page.announce(
      chart.series
        .map((one) => {
          const i = one.nearest(this.#x!, xAxis, store.start(one.run));
          return `${one.run}: ${measured(chart.shown(one)[i]!)} (${page.t("colStep")} ${one.steps[i]})`;
        })
        .join("; "),
    );
  }

  #zoomBy(factor: number): void {
    const { x, frame } = this.#chart;
    if (x === undefined) return;
    const center = this.#x === undefined ? (frame.left + frame.right) / 2 : this.#inside(x(this.#x));
    const ends = [frame.left, frame.right].map((edge) => x.invert(center + (edge - center) * factor));
    if (ends[1]! > ends[0]!) this.#host.change({ zoom: [ends[0]!, ends[1]!] });
  }

  /** Draws the crosshair at a place of the horizontal axis; only the chart it belongs to shows the table. */
  draw(at: number | undefined, primary: boolean): void {
    const chart = this.#chart;
    const { svg, frame, x, y } = chart;
    const { page, settings, store } = this.#host;
    const surface = select(svg);
    surface.selectAll(".crosshair").remove();
    if (at === undefined || x === undefined || y === undefined) {
      this.#tooltip.hidden = true;
      return;
    }
    const px = x(at);
    if (!(px >= frame.left - 1 && px <= frame.right + 1)) {
      this.#tooltip.hidden = true;
      return;
    }
    const group = surface.append("g").attr("class", "crosshair").attr("pointer-events", "none");
    group
      .append("line")
      .attr("x1", px)
      .attr("x2", px)
      .attr("y1", frame.top)
      .attr("y2", frame.bottom)
      .attr("stroke", page.theme.muted)
      .attr("stroke-dasharray", "3 3");
    const rows = chart.series.flatMap((series) => {
      const start = store.start(series.run);
      const index = series.nearest(at, settings.xAxis, start);
      if (index < 0) return [];
      // A run that ended long before, or begins long after, has nothing to say here.
      const place = x(series.x(index, settings.xAxis, start));
      if (Math.abs(place - px) > 40 && (index === 0 || index === series.length - 1)) return [];
      const value = chart.shown(series)[index]!;
      return [{ series, index, value, place, py: y(value) }];
    });
    group
      .selectAll("circle")
      .data(rows.filter(({ py }) => py >= frame.top - 3 && py <= frame.bottom + 3))
      .join("circle")
      .attr("cx", ({ place }) => place)
      .attr("cy", ({ py }) => py)
      .attr("r", 3.5)
      .attr("fill", ({ series }) => this.#host.style(series.run).color)
      .attr("stroke", page.theme.background)
      .attr("stroke-width", 1.5);
    if (!primary || rows.length === 0) {
      this.#tooltip.hidden = true;
      return;
    }
    const near = [...rows].sort((a, b) => distance(a.py, this.#pointerY) - distance(b.py, this.#pointerY));
    const kept = near.slice(0, maxRows).sort((a, b) => b.value - a.value);
    this.#fillTooltip(kept, rows.length > 1 ? near[0] : undefined, rows.length - kept.length);
    this.#tooltip.hidden = false;
    placeTooltip(this.#tooltip, px, this.#pointerY);
  }

  #fillTooltip(
    rows: readonly { series: Chart["series"][number]; index: number }[],
    nearest: { series: Chart["series"][number] } | undefined,
    left: number,
  ): void {
    const { page, settings, store } = this.#host;
    const { t, numbers } = page;
    const smoothing = settings.smoothing > 0;
    const clock = new Intl.DateTimeFormat(page.locale, { timeStyle: "medium" });
    const headings = [
      t("colRun"),
      ...(smoothing ? [t("colSmoothed")] : []),
      t("colValue"),
      t("colStep"),
      settings.xAxis === "wall" ? t("colTime") : t("colRelative"),
    ];
    const head = h("tr", {}, ...headings.map((text, i) => h("th", { class: i > 0 && "number", text })));
    const body = rows.map(({ series, index }) => {
      const wall = series.walls[index]!;
      const cells = [
        ...(smoothing ? [measured(series.smoothed[index]!, 4)] : []),
        measured(series.values[index]!, 4),
        numbers.count(series.steps[index]!),
        settings.xAxis === "wall" ? clock.format(wall) : duration((wall - store.start(series.run)) / 1000),
      ];
      const swatch = h("span", { class: "swatch" });
      swatch.style.background = this.#host.style(series.run).color;
      return h(
        "tr",
        { class: series === nearest?.series && "nearest" },
        h("td", { class: "run-cell" }, swatch, h("span", { text: series.run })),
        ...cells.map((text) => h("td", { class: "number", text })),
      );
    });
    const more = left > 0 && h("p", { class: "muted", text: `+ ${left}` });
    this.#tooltip.replaceChildren(h("table", {}, h("thead", {}, head), h("tbody", {}, ...body)));
    if (more !== false) this.#tooltip.append(more);
  }
}

function distance(a: number, b: number): number {
  return Number.isFinite(a) ? Math.abs(a - b) : Infinity;
}
