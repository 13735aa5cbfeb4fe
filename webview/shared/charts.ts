/** What charts share: scales, axes, sharp canvases, tooltips that stay inside. */
import { axisBottom, axisLeft, scaleLinear, scaleLog, scaleTime, scaleUtc, select, ticks } from "d3";
import type { AxisScale } from "d3";
import { duration, measured } from "./text.js";
import type { Theme } from "./theme.js";

/** The plot's place inside its chart, in CSS pixels. */
export interface Frame {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** A continuous axis: where a value lies, which value lies at a place, and what to write at it. */
export interface Axis {
  /** Pixels from the chart's left or top. */
  (value: number): number;
  invert(pixel: number): number;
  readonly ticks: readonly number[];
  format(value: number): string;
}

export type Quantity = "number" | "count" | "duration" | "time";

export interface AxisOptions {
  readonly domain: readonly [number, number];
  readonly range: readonly [number, number];
  readonly log: boolean;
  readonly quantity: Quantity;
  readonly locale: string;
  /** About how many ticks there is room for. */
  readonly count: number;
}

/** Ticks of a logarithmic axis: powers of ten, with 2 and 5 between where there are few, linear within one decade. */
export function logTicks([low, high]: readonly [number, number], count: number): number[] {
  const decades = Math.log10(high / low);
  if (decades < 1) return ticks(low, high, count).filter((tick) => tick > 0);
  const [from, to] = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))];
  const every = Math.max(1, Math.ceil((to - from) / count));
  const steps = decades < count / 3 + 0.5 ? [1, 2, 5] : [1];
  const result: number[] = [];
  for (let power = from; power <= to; power++) {
    if (every > 1 && power % every !== 0) continue;
    for (const step of steps) {
      // From the decimal text: 10 ** -5 is not 0.00001.
      const tick = Number(`${step}e${power}`);
      if (tick >= low && tick <= high) result.push(tick);
    }
  }
  return result;
}

export function makeAxis({ domain, range, log, quantity, locale, count }: AxisOptions): Axis {
  const make = (
    scale: { (value: number): number; invert(pixel: number): number },
    values: readonly number[],
    format: (value: number) => string,
  ): Axis =>
    Object.assign((value: number) => scale(value), {
      invert: (p: number) => scale.invert(p),
      ticks: values,
      format,
    });
  if (quantity === "time") {
    const scale = scaleTime(domain, range);
    const span = domain[1] - domain[0];
    const text = new Intl.DateTimeFormat(locale, {
      ...(span > 86_400_000 ? { month: "short", day: "numeric" } : {}),
      hour: "2-digit",
      minute: "2-digit",
      ...(span < 600_000 ? { second: "2-digit" } : {}),
      hourCycle: "h23",
    });
    return make(
      Object.assign((value: number) => scale(value), { invert: (p: number) => scale.invert(p).getTime() }),
      scale.ticks(Math.max(2, Math.round(count * 0.7))).map((date) => date.getTime()),
      (value) => text.format(value),
    );
  }
  const scale = log ? scaleLog(domain, range) : scaleLinear(domain, range);
  if (quantity === "duration") {
    const values = log
      ? logTicks(domain, count)
      : scaleUtc(domain, range)
          .ticks(count)
          .map((date) => date.getTime());
    return make(scale, values, (value) => duration(value / 1000));
  }
  let values = log ? logTicks(domain, count) : scaleLinear(domain, range).ticks(count);
  if (quantity === "count") values = values.filter(Number.isInteger);
  return make(scale, values, quantity === "count" ? shortCount : (value) => measured(value, 5));
}

/** `0`, `500`, `12k`, `1.5M`: counts short enough for ticks. */
export function shortCount(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e9) return `${measured(value / 1e9, 4)}G`;
  if (size >= 1e6) return `${measured(value / 1e6, 4)}M`;
  if (size >= 1e4) return `${measured(value / 1e3, 4)}k`;
  return measured(value, 5);
}

/** Draws the axes of a plot with their grid lines into an SVG. */
export function drawAxes(svg: SVGSVGElement, frame: Frame, x: Axis, y: Axis, theme: Theme): void {
  const surface = select(svg);
  surface.selectAll(".axis").remove();
  const draw = (axis: Axis, side: "bottom" | "left") => {
    const make = side === "bottom" ? axisBottom : axisLeft;
    const length = side === "bottom" ? frame.bottom - frame.top : frame.right - frame.left;
    const scale = Object.assign((value: number) => axis(value), {
      domain: () => [],
      range: () => (side === "bottom" ? [frame.left, frame.right] : [frame.bottom, frame.top]),
      copy: () => scale,
    }) as unknown as AxisScale<number>;
    const group = surface
      .append("g")
      .attr("class", `axis ${side}`)
      .attr("aria-hidden", "true")
      .attr("transform", side === "bottom" ? `translate(0,${frame.bottom})` : `translate(${frame.left},0)`)
      .call(
        make(scale)
          .tickValues(axis.ticks)
          .tickFormat((value) => axis.format(value))
          .tickSize(-length)
          .tickPadding(6),
      );
    group.selectAll(".tick line").attr("stroke", theme.faint);
    group.selectAll(".tick text").attr("fill", theme.muted).attr("font-size", 11);
    group.select(".domain").remove();
    if (side === "bottom") {
      group
        .append("line")
        .attr("x1", frame.left)
        .attr("x2", frame.right)
        .attr("stroke", theme.muted)
        .attr("opacity", theme.highContrast ? 1 : 0.6);
    }
  };
  draw(x, "bottom");
  draw(y, "left");
}

/** Sizes a canvas in CSS pixels for the screen's own resolution, cleared, in CSS pixel coordinates. */
export function prepareCanvas(
  canvas: HTMLCanvasElement,
  width: number,
  height: number,
): CanvasRenderingContext2D {
  const ratio = window.devicePixelRatio || 1;
  const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== w || canvas.height !== h) {
    canvas.width = w;
    canvas.height = h;
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
  }
  const context = canvas.getContext("2d");
  if (context === null) throw new Error("no 2d canvas");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}

/** Puts a tooltip beside a place of its parent, on the side with room, inside the window. */
export function placeTooltip(tooltip: HTMLElement, x: number, y: number): void {
  const parent = tooltip.parentElement;
  if (parent === null) return;
  const { left: parentLeft, top: parentTop } = parent.getBoundingClientRect();
  const [width, height] = [tooltip.offsetWidth, tooltip.offsetHeight];
  const [gap, edge] = [14, 4];
  const windowWidth = document.documentElement.clientWidth;
  const windowHeight = document.documentElement.clientHeight;
  let left = parentLeft + x + gap;
  if (left + width > windowWidth - edge) left = parentLeft + x - gap - width;
  // In a narrow panel no side has room.
  if (left < edge) left = Math.max(edge, windowWidth - width - edge);
  const top = Math.max(edge, Math.min(parentTop + y - height / 2, windowHeight - height - edge));
  tooltip.style.transform = `translate(${Math.round(left - parentLeft)}px, ${Math.round(top - parentTop)}px)`;
}
