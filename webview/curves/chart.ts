import { drawAxes, makeAxis, prepareCanvas } from "../shared/charts.js";
import type { Axis, Frame, Quantity } from "../shared/charts.js";
import { fill, h, table } from "../shared/dom.js";
import type { Page } from "../shared/page.js";
import type { CurvesToHost, CurvesToWebview } from "../shared/protocol.js";
import type { CurvesStrings } from "../shared/strings/curves.js";
import { duration, measured } from "../shared/text.js";
import { withAlpha } from "../shared/theme.js";
import { textButton } from "../shared/ui.js";
import { drawable, padRange, smoothedRange, spread, thin, valueRange } from "./series.js";
import type { CurveStore, Series, XAxis } from "./series.js";

export type CurvesPage = Page<CurvesToHost, CurvesToWebview, CurvesStrings>;

/** How the curves are drawn; the same for all charts, kept over reloads. */
export interface Settings {
  readonly smoothing: number;
  readonly xAxis: XAxis;
  readonly logX: boolean;
  readonly logY: boolean;
  readonly clip: boolean;
  /** The horizontal range, when zoomed in. */
  readonly zoom: readonly [number, number] | null;
  /** Tags whose table is open. */
  readonly tables: readonly string[];
}

/** What charts need from the view around them. */
export interface ChartHost {
  readonly page: CurvesPage;
  readonly store: CurveStore;
  readonly settings: Settings;
  readonly visibleRuns: readonly string[];
  /** The run that the list points at, if any: the others step back. */
  readonly emphasised: string | undefined;
  style(run: string): { readonly color: string; readonly dash: readonly number[] };
  change(settings: Partial<Settings>): void;
}

/** Rows of a table behind a chart, all runs together. */
const tableRows = 200;

/** One tag's curves: a canvas for the lines, an SVG for axes and crosshair, a table behind them. */
export class Chart {
  readonly tag: string;
  readonly element: HTMLElement;
  readonly plot: HTMLElement;
  readonly svg: SVGSVGElement;
  frame: Frame = { left: 0, top: 0, right: 1, bottom: 1 };
  x: Axis | undefined;
  y: Axis | undefined;
  readonly #host: ChartHost;
  readonly #canvas = h("canvas", { "aria-hidden": "true" });
  readonly #notes = h("span", { class: "notes muted" });
  readonly #latest = h("span", { class: "latest number" });
  readonly #tablePlace = h("div", { class: "table-place" });
  readonly #tableButton: HTMLButtonElement;
  #tableAt = 0;

  constructor(tag: string, host: ChartHost) {
    this.tag = tag;
    this.#host = host;
    this.svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    this.svg.setAttribute("aria-hidden", "true");
    this.plot = h("div", { class: "plot", tabindex: 0, role: "application" }, this.#canvas, this.svg);
    this.#tableButton = textButton("", () => {
      const { tables } = host.settings;
      const open = tables.includes(tag);
      host.change({ tables: open ? tables.filter((name) => name !== tag) : [...tables, tag] });
      this.drawTable(true);
    });
    this.element = h(
      "section",
      { class: "card", "data-tag": tag, "aria-label": tag },
      h("header", {}, h("h2", { text: tag }), this.#notes, this.#latest),
      this.plot,
      h("div", { class: "card-foot" }, this.#tableButton),
      this.#tablePlace,
    );
  }

  /** The visible runs' series of this tag. */
  get series(): Series[] {
    const { store, visibleRuns } = this.#host;
    return visibleRuns.flatMap((run) => store.series(this.tag, run) ?? []);
  }

  /** The value a curve shows at a point: smoothed, or as measured where there is no smoothing. */
  shown(series: Series): Float64Array {
    return this.#host.settings.smoothing > 0 ? series.smoothed : series.values;
  }

  draw(): void {
    const { page, settings, store } = this.#host;
    const all = this.series;
    for (const series of all) series.smooth(settings.smoothing);
    const points = all.reduce((sum, { length }) => sum + length, 0);
    this.plot.setAttribute(
      "aria-label",
      page.t(all.length === 1 ? "chartLabelOne" : "chartLabel", {
        tag: this.tag,
        runs: all.length,
        points: page.numbers.count(points),
      }),
    );
    const width = this.plot.clientWidth;
    const height = this.plot.clientHeight;
    if (width === 0 || height === 0) return;
    const context = prepareCanvas(this.#canvas, width, height);
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const domain = this.#xDomain(all);
    const { logY, logX, xAxis, clip, smoothing } = settings;
    let range: [number, number] | undefined;
    let clipped = false;
    const slices = all.map((series) => {
      const [from, to] = series.slice(domain, xAxis, store.start(series.run));
      const full = valueRange(series.values, from, to, false, logY);
      let wanted = clip ? valueRange(series.values, from, to, true, logY) : full;
      if (smoothing > 0) wanted = union(wanted, smoothedRange(series.smoothed, from, to, clip, logY));
      range = union(range, wanted);
      return { series, from, to, full };
    });
    const [low, high] = padRange(range ?? (logY ? [0.1, 1] : [0, 1]), logY);
    const locale = page.locale;
    const bottom = height - 24;
    const y = makeAxis({
      domain: [low, high],
      range: [bottom, 8],
      log: logY,
      quantity: "number",
      locale,
      count: Math.max(2, Math.round((bottom - 8) / 44)),
    });
    const widest = Math.max(3, ...y.ticks.map((tick) => y.format(tick).length));
    const left = Math.round(widest * 6.4) + 12;
    this.frame = { left, top: 8, right: width - 12, bottom };
    const quantity: Quantity = xAxis === "step" ? "count" : xAxis === "wall" ? "time" : "duration";
    const x = makeAxis({
      domain,
      range: [left, width - 12],
      log: logX && xAxis !== "wall",
      quantity,
      locale,
      count: Math.max(2, Math.round((width - left) / 76)),
    });
    this.x = x;
    this.y = y;
    drawAxes(this.svg, this.frame, x, y, page.theme);

    context.save();
    context.beginPath();
    context.rect(left, this.frame.top - 2, this.frame.right - left + 3, bottom - this.frame.top + 2);
    context.clip();
    for (const { series, from, to, full } of slices) {
      this.#drawSeries(context, series, Math.max(0, from - 1), Math.min(series.length, to + 1));
      if (full !== undefined && (full[0] < low || full[1] > high)) clipped = true;
    }
    context.restore();
    this.#showNotes(slices, [low, high], clipped);
    this.drawTable(false);
  }

  #xDomain(all: readonly Series[]): [number, number] {
    const { settings, store } = this.#host;
    const { zoom, xAxis, logX } = settings;
    if (zoom !== null) return [zoom[0], zoom[1]];
    const log = logX && xAxis !== "wall";
    let [low, high] = [Infinity, -Infinity];
    for (const series of all) {
      const start = store.start(series.run);
      let i = 0;
      while (log && i < series.length && series.x(i, xAxis, start) <= 0) i += 1;
      if (i === series.length) continue;
      low = Math.min(low, series.x(i, xAxis, start));
      high = Math.max(high, series.x(series.length - 1, xAxis, start));
    }
    if (low > high) return log ? [1, 10] : [0, 1];
    const least = xAxis === "step" ? 1 : 1000;
    if (low === high) return log ? [low, low * 10] : [low, low + least];
    return [low, high];
  }

  #drawSeries(context: CanvasRenderingContext2D, series: Series, from: number, to: number): void {
    const { settings, store, page, emphasised } = this.#host;
    const { smoothing, xAxis, logX, logY } = settings;
    const x = this.x!;
    const y = this.y!;
    const start = store.start(series.run);
    const at = (index: number) => x(series.x(index, xAxis, start));
    // On a logarithmic axis what lies at or before zero has no place.
    if (logX && xAxis !== "wall") while (from < to && series.x(from, xAxis, start) <= 0) from += 1;
    const { color, dash } = this.#host.style(series.run);
    const back = emphasised !== undefined && emphasised !== series.run;
    const { highContrast } = page.theme;
    const line = (column: Float64Array, alpha: number, width: number, dashes: readonly number[]) => {
      context.beginPath();
      context.strokeStyle = withAlpha(color, alpha * (back ? 0.25 : 1));
      context.lineWidth = width;
      context.lineJoin = "round";
      context.setLineDash([...dashes]);
      let pen = false;
      for (const index of thin(column, from, to, at, logY)) {
        if (index < 0) pen = false;
        else {
          if (pen) context.lineTo(at(index), y(column[index]!));
          else context.moveTo(at(index), y(column[index]!));
          pen = true;
        }
      }
      context.stroke();
    };
    const width = (highContrast ? 2.25 : 1.75) + (emphasised === series.run ? 0.75 : 0);
    if (smoothing > 0) line(series.values, highContrast ? 0.45 : 0.3, 1, []);
    line(this.shown(series), 1, width, dash);
    context.setLineDash([]);
    this.#drawLast(context, series, at, color);
    this.#drawMarks(context, series, from, to, at, color);
  }

  #drawLast(
    context: CanvasRenderingContext2D,
    series: Series,
    at: (index: number) => number,
    color: string,
  ): void {
    const last = series.length - 1;
    const value = this.shown(series)[last]!;
    if (last < 0 || !drawable(value, this.#host.settings.logY)) return;
    context.beginPath();
    context.fillStyle = color;
    context.arc(at(last), this.y!(value), 2.75, 0, 2 * Math.PI);
    context.fill();
  }

  /** Marks values that have no place in the picture: triangles at the edge beyond which they lie, crosses for NaN. */
  #drawMarks(
    context: CanvasRenderingContext2D,
    series: Series,
    from: number,
    to: number,
    at: (index: number) => number,
    color: string,
  ): void {
    const { page, settings } = this.#host;
    const { top, bottom } = this.frame;
    const y = this.y!;
    // One mark per edge in five pixels.
    const marked = new Map<number, number>();
    const triangle = (px: number, py: number, up: number, paint: string) => {
      if (px - (marked.get(py) ?? -Infinity) < 5) return;
      marked.set(py, px);
      context.beginPath();
      context.fillStyle = paint;
      context.moveTo(px - 4, py);
      context.lineTo(px + 4, py);
      context.lineTo(px, py - 6 * up);
      context.fill();
    };
    for (let i = from; i < to; i++) {
      const value = series.values[i]!;
      if (!Number.isFinite(value)) triangle(at(i), bottom - 1, 1, page.theme.error);
      else if (drawable(value, settings.logY)) {
        const py = y(value);
        if (py < top - 2) triangle(at(i), top + 5, 1, color);
        else if (py > bottom) triangle(at(i), bottom - 6, -1, color);
      }
    }
  }

  #showNotes(
    slices: readonly { series: Series; from: number; to: number }[],
    [low, high]: readonly [number, number],
    clipped: boolean,
  ): void {
    const { page, settings } = this.#host;
    let [outside, notFinite, notLog] = [0, 0, 0];
    for (const { series, from, to } of slices) {
      for (let i = from; i < to; i++) {
        const value = series.values[i]!;
        if (!Number.isFinite(value)) notFinite += 1;
        else if (settings.logY && value <= 0) notLog += 1;
        else if (clipped && (value < low || value > high)) outside += 1;
      }
    }
    const { t, numbers } = page;
    const notes = [
      outside > 0 && t("clipped", { count: numbers.count(outside) }),
      notFinite > 0 && t("nonFinite", { count: numbers.count(notFinite) }),
      notLog > 0 && t("logSkips", { count: numbers.count(notLog) }),
    ].filter((note) => note !== false);
    this.#notes.textContent = notes.join(" · ");
    const only = slices.length === 1 ? slices[0]!.series : undefined;
    this.#latest.textContent =
      only === undefined || only.length === 0 ? "" : measured(only.values[only.length - 1]!, 4);
  }

  /** The table, at most once a second while points stream in. */
  drawTable(now: boolean): void {
    const { page, settings, store } = this.#host;
    const { t, numbers } = page;
    const open = settings.tables.includes(this.tag);
    this.#tableButton.textContent = open ? t("hideTable") : t("showTable");
    this.#tableButton.setAttribute("aria-expanded", String(open));
    if (!open) {
      fill(this.#tablePlace);
      return;
    }
    if (!now && performance.now() - this.#tableAt < 1000) return;
    this.#tableAt = performance.now();
    const all = this.series;
    const each = Math.max(2, Math.floor(tableRows / Math.max(1, all.length)));
    const clock = new Intl.DateTimeFormat(page.locale, { dateStyle: "short", timeStyle: "medium" });
    const rows = all.flatMap((series) =>
      spread(series.length, each).map((i) => [
        series.run,
        numbers.count(series.steps[i]!),
        measured(series.values[i]!, 6),
        measured(series.smoothed[i]!, 6),
        duration((series.walls[i]! - store.start(series.run)) / 1000),
        clock.format(series.walls[i]!),
      ]),
    );
    const points = all.reduce((sum, { length }) => sum + length, 0);
    const scroll = this.#tablePlace.querySelector(".table-scroll")?.scrollTop ?? 0;
    const numeric = true;
    fill(
      this.#tablePlace,
      table(
        t("tableLabel", { tag: this.tag }),
        [
          { text: t("colRun") },
          { text: t("colStep"), numeric },
          { text: t("colValue"), numeric },
          { text: t("colSmoothed"), numeric },
          { text: t("colRelative"), numeric },
          { text: t("colTime"), numeric },
        ],
        rows,
      ),
      points > rows.length &&
        h("p", {
          class: "muted",
          text: t("tableThinned", { shown: numbers.count(rows.length), points: numbers.count(points) }),
        }),
    );
    this.#tablePlace.querySelector(".table-scroll")!.scrollTop = scroll;
  }
}

function union(
  a: [number, number] | undefined,
  b: [number, number] | undefined,
): [number, number] | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return [Math.min(a[0], b[0]), Math.max(a[1], b[1])];
}
