/** The numbers behind the curves: storage, smoothing, ranges, thinning, CSV. Pure. */

export type XAxis = "step" | "relative" | "wall";

/** Growing columns of one run's values under one tag, with their moving average beside them. */
export class Series {
  readonly run: string;
  readonly tag: string;
  length = 0;
  steps = new Float64Array(64);
  /** Milliseconds since 1970. */
  walls = new Float64Array(64);
  values = new Float64Array(64);
  /** The smoothed values; NaN where nothing finite came before. */
  smoothed = new Float64Array(64);
  #weight = 0;
  #smoothedTo = 0;
  /** w to the power of the finite values so far, and the last average. */
  #power = 1;
  #average = NaN;

  constructor(run: string, tag: string) {
    this.run = run;
    this.tag = tag;
  }

  /** Adds a point; points from this step on are replaced (a run resumed from a checkpoint). */
  append(step: number, wallTime: number, value: number): void {
    this.cut(step);
    if (this.length === this.steps.length) this.#grow();
    this.steps[this.length] = step;
    this.walls[this.length] = wallTime;
    this.values[this.length] = value;
    this.length += 1;
  }

  /** Forgets the points from a step on. */
  cut(step: number): void {
    if (this.length === 0 || step > this.steps[this.length - 1]!) return;
    this.length = lowerBound(this.steps, this.length, step);
    if (this.length < this.#smoothedTo) this.#restart();
  }

  /**
   * Brings `smoothed` up to date: a debiased exponential moving average over every point,
   * `sₜ = sₜ₋₁ + (1 − w) / (1 − wᵗ) · (xₜ − sₜ₋₁)`, which is `mₜ / (1 − wᵗ)` with `mₜ = w · mₜ₋₁ + (1 − w) · xₜ`,
   * written so that a constant stays exactly constant. t counts finite values; others leave the average as it is.
   */
  smooth(weight: number): void {
    if (weight !== this.#weight) {
      this.#weight = weight;
      this.#restart();
    }
    for (; this.#smoothedTo < this.length; this.#smoothedTo++) {
      const value = this.values[this.#smoothedTo]!;
      if (Number.isFinite(value)) {
        this.#power *= weight;
        const share = (1 - weight) / (1 - this.#power);
        this.#average = Number.isNaN(this.#average) ? value : this.#average + share * (value - this.#average);
      }
      this.smoothed[this.#smoothedTo] = this.#average;
    }
  }

  /** Where point `index` is on the horizontal axis; `start` is when the run began. */
  x(index: number, axis: XAxis, start: number): number {
    if (axis === "step") return this.steps[index]!;
    return axis === "wall" ? this.walls[index]! : this.walls[index]! - start;
  }

  /** The index of the point nearest to a place on the horizontal axis, -1 without points. */
  nearest(x: number, axis: XAxis, start: number): number {
    if (this.length === 0) return -1;
    const column = axis === "step" ? this.steps : this.walls;
    const wanted = axis === "relative" ? x + start : x;
    const after = Math.min(lowerBound(column, this.length, wanted), this.length - 1);
    if (after === 0) return 0;
    return wanted - column[after - 1]! < column[after]! - wanted ? after - 1 : after;
  }

  /** The indices `[from, to)` of points inside a range of the horizontal axis. */
  slice(range: readonly [number, number], axis: XAxis, start: number): [number, number] {
    const column = axis === "step" ? this.steps : this.walls;
    const shift = axis === "relative" ? start : 0;
    const from = lowerBound(column, this.length, range[0] + shift);
    let to = lowerBound(column, this.length, range[1] + shift);
    while (to < this.length && column[to] === range[1] + shift) to += 1;
    return [from, to];
  }

  #restart(): void {
    this.#smoothedTo = 0;
    this.#power = 1;
    this.#average = NaN;
  }

  #grow(): void {
    const wider = (column: Float64Array) => {
      const copy = new Float64Array(column.length * 2);
      copy.set(column);
      return copy;
    };
    this.steps = wider(this.steps);
    this.walls = wider(this.walls);
    this.values = wider(this.values);
    this.smoothed = wider(this.smoothed);
  }
}

/** First index whose value is not below `wanted`, in ascending `column[0..length)`. */
function lowerBound(column: Float64Array, length: number, wanted: number): number {
  let [low, high] = [0, length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (column[middle]! < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** A value that can be drawn: finite, and above zero on a logarithmic axis. */
export function drawable(value: number, log: boolean): boolean {
  return Number.isFinite(value) && (!log || value > 0);
}

/** Fewer points than this say nothing about what is rare. */
const enoughForOutliers = 50;

/**
 * The vertical range of one curve's points `[from, to)`. With `clip`, rare extremes are left out: values further
 * beyond the 5th or 95th percentile than these are apart, and beyond where the curve goes with several points. On a logarithmic axis all of it is done on logarithms.
 */
export function valueRange(
  column: Float64Array,
  from: number,
  to: number,
  clip: boolean,
  log: boolean,
): [number, number] | undefined {
  let [low, high, count] = [Infinity, -Infinity, 0];
  for (let i = from; i < to; i++) {
    const value = column[i]!;
    if (!drawable(value, log)) continue;
    count += 1;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (count === 0) return undefined;
  if (!clip || count < enoughForOutliers) return [low, high];
  const sample = drawableSample(column, from, to, log);
  const within = quantiles(sample, [0.05, 0.95]);
  if (within === undefined) return [low, high];
  const scaled = (value: number) => (log ? Math.log(value) : value);
  const back = (value: number) => (log ? Math.exp(value) : value);
  const [q05, q95] = within.map(scaled) as [number, number];
  // A mostly constant curve has no width to measure rareness by.
  if (q95 === q05) return [low, high];
  // A loss that falls steeply at first is extreme there, yet no outlier: its neighbours agree.
  const [least, greatest] = courseRange(sample).map(scaled) as [number, number];
  const air = (greatest - least) / 4;
  return [
    Math.max(low, back(Math.min(q05 - (q95 - q05), least - air))),
    Math.min(high, back(Math.max(q95 + (q95 - q05), greatest + air))),
  ];
}

/** The range of the running median of five: spikes of one or two points do not show in it. */
function courseRange(sample: readonly number[]): [number, number] {
  let [least, greatest] = [Infinity, -Infinity];
  for (let i = 0; i + 5 <= sample.length; i++) {
    const median = sample.slice(i, i + 5).sort((a, b) => a - b)[2]!;
    if (median < least) least = median;
    if (median > greatest) greatest = median;
  }
  return [least, greatest];
}

/** An even sample, of at most 4000, of the points `[from, to)` that can be drawn. */
function drawableSample(column: Float64Array, from: number, to: number, log: boolean): number[] {
  const every = Math.max(1, Math.floor((to - from) / 2000));
  const sample: number[] = [];
  for (let i = from; i < to; i += every) if (drawable(column[i]!, log)) sample.push(column[i]!);
  return sample;
}

function quantiles(values: readonly number[], shares: readonly number[]): number[] | undefined {
  if (values.length < 2) return undefined;
  const sample = [...values];
  sample.sort((a, b) => a - b);
  return shares.map((share) => sample[Math.round(share * (sample.length - 1))]!);
}

/**
 * The range a smoothed curve needs beside that of its values: the middle three fifths where outliers are clipped,
 * because one outlier's tail can be long in the average, else all of it.
 */
export function smoothedRange(
  column: Float64Array,
  from: number,
  to: number,
  clip: boolean,
  log: boolean,
): [number, number] | undefined {
  const middle =
    clip && to - from >= enoughForOutliers && quantiles(drawableSample(column, from, to, log), [0.2, 0.8]);
  if (!middle) return valueRange(column, from, to, false, log);
  return [middle[0]!, middle[1]!];
}

/** A range with air around it; a constant gets a range about itself, and no rounding noise is magnified. */
export function padRange([low, high]: readonly [number, number], log: boolean): [number, number] {
  const size = Math.max(Math.abs(low), Math.abs(high));
  if (high - low <= size * 1e-9) {
    if (log) return [low / 2, high * 2];
    const half = size === 0 ? 0.5 : size * 0.1;
    return [low - half, high + half];
  }
  if (log) {
    const factor = (high / low) ** 0.04;
    return [low / factor, high * factor];
  }
  const air = (high - low) * 0.05;
  return [low - air, high + air];
}

/**
 * The points to draw when there are more than pixels: of each pixel column the first, the least, the greatest and the
 * last, so that no spike is lost. Returns indices in order, -1 where the line breaks.
 */
export function thin(
  column: Float64Array,
  from: number,
  to: number,
  pixel: (index: number) => number,
  log: boolean,
): number[] {
  const kept: number[] = [];
  let [first, least, greatest, last, at] = [-1, -1, -1, -1, NaN];
  const flush = () => {
    if (first < 0) return;
    const inner = least < greatest ? [least, greatest] : [greatest, least];
    for (const index of [first, ...inner, last]) {
      if (kept.length === 0 || index !== kept[kept.length - 1]) kept.push(index);
    }
    first = -1;
  };
  for (let i = from; i < to; i++) {
    const value = column[i]!;
    if (!drawable(value, log)) {
      flush();
      if (kept.length > 0 && kept[kept.length - 1] !== -1) kept.push(-1);
      continue;
    }
    const here = Math.floor(pixel(i));
    if (first >= 0 && here === at) {
      if (value < column[least]!) least = i;
      if (value > column[greatest]!) greatest = i;
      last = i;
      continue;
    }
    flush();
    first = least = greatest = last = i;
    at = here;
  }
  flush();
  if (kept[kept.length - 1] === -1) kept.pop();
  return kept;
}

/** All series by tag and run, in order of appearance. */
export class CurveStore {
  readonly runs: string[] = [];
  readonly tags: string[] = [];
  readonly #series = new Map<string, Map<string, Series>>();
  readonly #starts = new Map<string, number>();
  points = 0;

  clear(): void {
    this.runs.length = 0;
    this.tags.length = 0;
    this.#series.clear();
    this.#starts.clear();
    this.points = 0;
  }

  addRun(run: string): void {
    if (!this.runs.includes(run)) this.runs.push(run);
  }

  append(run: string, tag: string, step: number, wallTime: number, value: number): void {
    let byRun = this.#series.get(tag);
    if (byRun === undefined) {
      byRun = new Map();
      this.#series.set(tag, byRun);
      this.tags.push(tag);
    }
    let series = byRun.get(run);
    if (series === undefined) {
      this.addRun(run);
      series = new Series(run, tag);
      byRun.set(run, series);
    }
    this.points -= series.length;
    series.append(step, wallTime, value);
    this.points += series.length;
    const start = this.#starts.get(run);
    if (start === undefined || wallTime < start) this.#starts.set(run, wallTime);
  }

  /** Forgets what a run has from a step on. */
  cut(run: string, step: number): void {
    for (const byRun of this.#series.values()) {
      const series = byRun.get(run);
      if (series === undefined) continue;
      this.points -= series.length;
      series.cut(step);
      this.points += series.length;
    }
  }

  series(tag: string, run: string): Series | undefined {
    return this.#series.get(tag)?.get(run);
  }

  /** All series of a tag. */
  ofTag(tag: string): Series[] {
    return [...(this.#series.get(tag)?.values() ?? [])];
  }

  /** When a run began: its earliest point's time. */
  start(run: string): number {
    return this.#starts.get(run) ?? 0;
  }
}

/** A field of RFC 4180. */
function field(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** The points of some runs as CSV (RFC 4180), one point a line, with the smoothing that is set. */
export function toCsv(store: CurveStore, runs: readonly string[]): string {
  const lines = ["run,tag,step,wall_time,relative_seconds,value,smoothed"];
  for (const tag of store.tags) {
    for (const run of runs) {
      const series = store.series(tag, run);
      if (series === undefined) continue;
      const head = `${field(run)},${field(tag)}`;
      const start = store.start(run);
      for (let i = 0; i < series.length; i++) {
        const wall = series.walls[i]!;
        lines.push(
          `${head},${series.steps[i]},${new Date(wall).toISOString()},${(wall - start) / 1000},` +
            `${series.values[i]},${series.smoothed[i]}`,
        );
      }
    }
  }
  return `${lines.join("\r\n")}\r\n`;
}

/** At most `count` indices of `[0, length)`, evenly spread, the first and the last among them. */
export function spread(length: number, count: number): number[] {
  if (length <= count) return Array.from({ length }, (_, i) => i);
  return Array.from({ length: count }, (_, i) => Math.round((i * (length - 1)) / (count - 1)));
}

/** The runs a filter keeps. A broken expression keeps all and says why. */
export function matchRuns(
  runs: readonly string[],
  filter: string,
): { readonly runs: readonly string[]; readonly error?: string } {
  if (filter === "") return { runs };
  try {
    const expression = new RegExp(filter, "iu");
    return { runs: runs.filter((run) => expression.test(run)) };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    // The engine repeats the expression; what is wrong with it comes last.
    return { runs, error: message.replace(/^Invalid regular expression: \/.*\/\w*: /u, "") };
  }
}
