import "../shared/base.css";
import "./curves.css";
import { fill, h, oncePerFrame } from "../shared/dom.js";
import { startView } from "../shared/page.js";
import { decodeValue, encodeValue } from "../shared/protocol.js";
import type {
  CurvePoint,
  CurvesToHost,
  CurvesToWebview,
  RunStateMessage,
  WireNumber,
} from "../shared/protocol.js";
import { ViewState } from "../shared/state.js";
import { curvesEn } from "../shared/strings/curves.js";
import type { CurvesStrings } from "../shared/strings/curves.js";
import { button, checkbox, radioGroup, slider } from "../shared/ui.js";
import { Chart } from "./chart.js";
import type { CurvesPage, Settings } from "./chart.js";
import { Crosshair } from "./crosshair.js";
import { RunList } from "./runs.js";
import { CurveStore, matchRuns, toCsv } from "./series.js";
import type { XAxis } from "./series.js";
import { StatusLines } from "./status.js";

interface SavedSeries {
  readonly run: string;
  readonly tag: string;
  readonly steps: readonly number[];
  readonly walls: readonly number[];
  readonly values: readonly WireNumber[];
}

interface Saved extends Settings {
  readonly hidden: readonly string[];
  readonly filter: string;
  /** The points themselves while they are few: a restored page is not blank when the host has forgotten the run. */
  readonly data: readonly SavedSeries[];
}

/** More points than this are not saved with the page. */
const savedPoints = 20_000;
const dashes: readonly (readonly number[])[] = [[], [7, 3], [2, 2], [9, 3, 2, 3]];

const saved = new ViewState<Saved>({
  smoothing: 0.6,
  xAxis: "step",
  logX: false,
  logY: false,
  clip: true,
  zoom: null,
  tables: [],
  hidden: [],
  filter: "",
  data: [],
});

const store = new CurveStore();
for (const { run, tag, steps, walls, values } of saved.value.data) {
  steps.forEach((step, i) => store.append(run, tag, step, walls[i]!, decodeValue(values[i]!)));
}
let restored = store.points > 0;

const states = new Map<string, RunStateMessage>();
const charts = new Map<string, { chart: Chart; crosshair: Crosshair }>();
let page: CurvesPage;
let runList: RunList;
let status: StatusLines;
let emphasised: string | undefined;
let hover: { x: number; chart: Chart } | undefined;
let parts: Record<"cards" | "empty" | "body" | "restored" | "problem" | "toolbar", HTMLElement>;
let zoomButton: HTMLElement;
let logX: ReturnType<typeof checkbox>;

const host = {
  get page() {
    return page;
  },
  store,
  get settings() {
    return saved.value;
  },
  get runs() {
    return store.runs;
  },
  get hidden() {
    return new Set(saved.value.hidden);
  },
  get filter() {
    return saved.value.filter;
  },
  get visibleRuns() {
    const hidden = new Set(saved.value.hidden);
    return matchRuns(store.runs, saved.value.filter).runs.filter((run) => !hidden.has(run));
  },
  get emphasised() {
    return emphasised;
  },
  /** Runs take the theme's colours in order of appearance, then the same with dashes. */
  style(run: string) {
    const { series } = page.theme;
    const index = Math.max(0, store.runs.indexOf(run));
    const dash = dashes[Math.floor(index / series.length) % dashes.length]!;
    return { color: series[index % series.length]!, dash };
  },
  change(settings: Partial<Settings>) {
    saved.set(settings);
    draw();
  },
  setHidden(hidden: readonly string[]) {
    saved.set({ hidden });
    draw();
  },
  setFilter(filter: string) {
    saved.set({ filter });
    draw();
  },
  emphasise(run: string | undefined) {
    emphasised = run;
    draw();
  },
  hovered(x: number | undefined, chart: Chart) {
    if (x === undefined && hover?.chart !== chart) return;
    hover = x === undefined ? undefined : { x, chart };
    drawCrosshairs();
  },
};

const drawCrosshairs = oncePerFrame(() => {
  for (const { chart, crosshair } of charts.values()) crosshair.draw(hover?.x, chart === hover?.chart);
});

/** A zoom into what is no longer there would show nothing. */
function dropEmptyZoom(): void {
  const { zoom, xAxis } = saved.value;
  if (zoom === null || store.points === 0) return;
  const anyInside = store.tags.some((tag) =>
    store.ofTag(tag).some((series) => {
      const [from, to] = series.slice(zoom, xAxis, store.start(series.run));
      return to > from;
    }),
  );
  if (!anyInside) saved.set({ zoom: null });
}

const draw = oncePerFrame(() => {
  dropEmptyZoom();
  const any = store.tags.length > 0;
  parts.empty.hidden = any || states.size > 0;
  parts.body.hidden = !any;
  parts.toolbar.hidden = !any;
  parts.restored.hidden = !restored;
  zoomButton.hidden = saved.value.zoom === null;
  logX.disabled = saved.value.xAxis === "wall";
  for (const [tag, { chart }] of charts) {
    if (store.tags.includes(tag)) continue;
    chart.element.remove();
    charts.delete(tag);
  }
  for (const tag of store.tags) {
    if (charts.has(tag)) continue;
    const chart = new Chart(tag, host);
    charts.set(tag, { chart, crosshair: new Crosshair(chart, host) });
    parts.cards.append(chart.element);
    sizes.observe(chart.plot);
  }
  runList.show();
  parts.body.classList.toggle("single", runList.element.hidden === true);
  status.show(states, store.runs.length > 1 || states.size > 1);
  for (const { chart } of charts.values()) {
    chart.element.hidden = chart.series.length === 0;
    if (!chart.element.hidden) chart.draw();
  }
  for (const { chart, crosshair } of charts.values()) crosshair.draw(hover?.x, chart === hover?.chart);
});

const sizes = new ResizeObserver(() => draw());

let saveTimer: ReturnType<typeof setTimeout> | undefined;

/** Saves the points, if they are few, every few seconds at most. */
function saveData(): void {
  saveTimer ??= setTimeout(saveDataNow, 3000);
}

function saveDataNow(): void {
  clearTimeout(saveTimer);
  saveTimer = undefined;
  const data =
    store.points > savedPoints
      ? []
      : store.tags.flatMap((tag) =>
          store.ofTag(tag).map((series) => ({
            run: series.run,
            tag,
            steps: [...series.steps.subarray(0, series.length)],
            walls: [...series.walls.subarray(0, series.length)],
            values: Array.from(series.values.subarray(0, series.length), encodeValue),
          })),
        );
  saved.set({ data });
  saved.flush();
}

document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "hidden") saveDataNow();
});

function addPoints(points: readonly CurvePoint[]): void {
  for (const { run, tag, step, wallTime, value } of points) {
    store.append(run, tag, step, wallTime, decodeValue(value));
  }
  restored = false;
  saveData();
  draw();
}

async function exportCsv(): Promise<void> {
  const { t, channel, announce } = page;
  parts.problem.hidden = true;
  for (const tag of store.tags) {
    for (const series of store.ofTag(tag)) series.smooth(saved.value.smoothing);
  }
  try {
    const text = toCsv(store, host.visibleRuns);
    // It waits for a person in a save dialog.
    const { saved: done } = await channel.request(
      { type: "saveText", fileName: "curves.csv", text },
      { timeout: Infinity },
    );
    if (done) announce(t("exported"));
  } catch (error) {
    parts.problem.textContent = t("exportFailed", {
      reason: error instanceof Error ? error.message : String(error),
    });
    parts.problem.hidden = false;
  }
}

function toolbar(): HTMLElement {
  const { t } = page;
  const settings = saved.value;
  const zoom = button({ text: t("resetZoom"), onClick: () => host.change({ zoom: null }) });
  zoomButton = zoom;
  logX = checkbox({
    text: t("logX"),
    checked: settings.logX,
    onChange: (checked) => host.change({ logX: checked, zoom: null }),
  });
  return h(
    "div",
    { class: "toolbar", role: "group", "aria-label": t("settings") },
    slider({
      label: t("smoothing"),
      title: t("smoothingHelp"),
      max: 0.999,
      step: 0.001,
      value: settings.smoothing,
      onInput: (smoothing) => host.change({ smoothing }),
    }),
    radioGroup<XAxis>({
      label: t("xAxis"),
      value: settings.xAxis,
      choices: [
        { value: "step", text: t("xStep") },
        { value: "relative", text: t("xRelative") },
        { value: "wall", text: t("xWall") },
      ],
      onChange: (xAxis) => host.change({ xAxis, zoom: null }),
    }),
    h(
      "div",
      { class: "checks" },
      checkbox({
        text: t("logY"),
        checked: settings.logY,
        onChange: (checked) => host.change({ logY: checked }),
      }),
      logX,
      checkbox({
        text: t("outliers"),
        title: t("outliersHelp"),
        checked: settings.clip,
        onChange: (clip) => host.change({ clip }),
      }),
    ),
    h("span", { class: "grow" }),
    zoom,
    button({ text: t("exportCsv"), onClick: () => void exportCsv() }),
  );
}

function mount(next: CurvesPage): void {
  page = next;
  const { t, root } = page;
  charts.clear();
  sizes.disconnect();
  hover = undefined;
  status = new StatusLines(page);
  runList = new RunList(host);
  parts = {
    toolbar: toolbar(),
    problem: h("div", { class: "problem", role: "alert" }),
    restored: h("p", { class: "restored muted", text: t("restored") }),
    cards: h("div", { class: "cards" }),
    empty: h("p", { class: "empty", text: t("empty") }),
    body: h("div", { class: "body" }),
  };
  parts.problem.hidden = true;
  parts.body.append(runList.element, parts.cards);
  fill(root, status.element, parts.toolbar, parts.problem, parts.restored, parts.empty, parts.body);
  draw();
}

startView<CurvesToHost, CurvesToWebview, CurvesStrings>({
  english: curvesEn,
  mount,
  themed: () => draw(),
  listen(channel) {
    channel.on("reset", () => {
      store.clear();
      states.clear();
      restored = false;
      saveData();
      draw();
    });
    channel.on("append", ({ points }) => addPoints(points));
    channel.on("cut", ({ run, step }) => {
      store.cut(run, step);
      saveData();
      draw();
    });
    channel.on("runState", (state) => {
      // The run that changed last comes last.
      states.delete(state.run);
      states.set(state.run, state);
      store.addRun(state.run);
      draw();
    });
  },
});
