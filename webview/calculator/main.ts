import "../shared/base.css";
import "./calculator.css";
import { kernelExtent, windowStart } from "../../runtime/inspect/arithmetic.js";
import { fill, h, oncePerFrame } from "../shared/dom.js";
import { startView } from "../shared/page.js";
import type { CalculatorToHost, CalculatorToWebview, LayerSettings } from "../shared/protocol.js";
import { ViewState } from "../shared/state.js";
import { calculatorEn } from "../shared/strings/calculator.js";
import type { CalculatorStrings } from "../shared/strings/calculator.js";
import { shapeText } from "../shared/text.js";
import { button } from "../shared/ui.js";
import { LayerForm } from "./form.js";
import type { CalculatorPage } from "./form.js";
import {
  countFormulas,
  fieldsOf,
  initialFields,
  layerCode,
  parseFields,
  sizeFormula,
  solve,
} from "./model.js";
import type { AxisGeometry, Fields, Formula, Solution } from "./model.js";
import { Picture } from "./picture.js";
import type { Cell } from "./picture.js";

const saved = new ViewState<{ fields: Fields; cell: Cell }>({ fields: initialFields.Conv2d, cell: [0, 0] });

let page: CalculatorPage;
let form: LayerForm;
let picture: Picture;
let solution: Solution | undefined;
let playing: ReturnType<typeof setInterval> | undefined;
let parts: Record<
  | "shape"
  | "code"
  | "codeRow"
  | "problem"
  | "facts"
  | "notes"
  | "formula"
  | "picture"
  | "frame"
  | "reads"
  | "legend"
  | "play",
  HTMLElement
>;

function formulaRow(name: string, { general, numbers }: Formula): HTMLElement[] {
  return [
    h("dt", { text: name }),
    h(
      "dd",
      {},
      h("div", { class: "general", text: general }),
      h("div", { class: "numbers", text: `= ${numbers}` }),
    ),
  ];
}

/** What is worth knowing about an axis: unread rows, ceil mode's edge cases. */
function axisNotes(axes: readonly [AxisGeometry, AxisGeometry]): string[] {
  const { t } = page;
  const [rows, columns] = axes;
  const notes: string[] = [];
  if (rows.unread === 1) notes.push(t("unusedRow"));
  else if (rows.unread > 1) notes.push(t("unusedRows", { count: rows.unread }));
  if (columns.unread === 1) notes.push(t("unusedColumn"));
  else if (columns.unread > 1) notes.push(t("unusedColumns", { count: columns.unread }));
  if (rows.beyond > 0 || columns.beyond > 0) notes.push(t("beyondEdge"));
  if (rows.dropped || columns.dropped) notes.push(t("dropsWindow"));
  return notes;
}

function showResult(settings: LayerSettings, result: Solution): void {
  const { t, numbers } = page;
  const { count } = numbers;
  const { axes, output, parameters, macs } = result;
  const code = layerCode(settings);
  parts.shape.textContent = shapeText(output);
  parts.code.textContent = code;
  fill(
    parts.facts,
    h("span", {}, `${t("parametersLabel")} `, h("b", { class: "parameters", text: count(parameters) })),
    settings.kind === "Conv2d" &&
      h("span", {}, `${t("macsLabel")} `, h("b", { class: "macs", text: count(macs) })),
  );
  fill(parts.notes, ...axisNotes(axes).map((text) => h("li", { text })));
  const counts = settings.kind === "Conv2d" ? countFormulas(settings, result, count) : undefined;
  fill(
    parts.formula,
    h("h2", { text: t("formula") }),
    h(
      "dl",
      {},
      ...formulaRow("Hₒᵤₜ", sizeFormula(axes[0], "H")),
      ...formulaRow("Wₒᵤₜ", sizeFormula(axes[1], "W")),
      ...(counts === undefined
        ? []
        : [
            ...formulaRow(t("parametersLabel"), counts.parameters),
            ...formulaRow(t("macsLabel"), counts.macs),
          ]),
    ),
  );
}

function calculate(): void {
  const { settings } = parseFields(saved.value.fields);
  let error: string | undefined;
  solution = undefined;
  if (settings !== undefined) {
    try {
      solution = solve(settings);
    } catch (reason) {
      error = reason instanceof Error ? `${reason.name}: ${reason.message}` : String(reason);
    }
  }
  parts.problem.textContent = error ?? "";
  parts.problem.hidden = error === undefined;
  const none = settings === undefined || solution === undefined;
  for (const part of [parts.codeRow, parts.facts, parts.notes, parts.formula, parts.picture])
    part.hidden = none;
  if (settings === undefined || solution === undefined) {
    stop();
    parts.shape.textContent = page.t("noOutput");
    return;
  }
  const [rows, columns] = solution.axes;
  const [row, column] = saved.value.cell;
  saved.set({ cell: [Math.min(row, rows.output - 1), Math.min(column, columns.output - 1)] });
  showResult(settings, solution);
  showLegend(solution.axes);
  drawPicture();
}

const drawPicture = oncePerFrame(() => {
  if (solution === undefined) return;
  const { t, theme } = page;
  const [rows, columns] = solution.axes;
  const height = rows.input + rows.before + rows.after;
  const width = columns.input + columns.before + columns.after;
  const inputText = t("inputGrid", { height: rows.input, width: columns.input });
  const isPadded = height !== rows.input || width !== columns.input;
  picture.draw({
    axes: solution.axes,
    width: Math.max(120, parts.frame.clientWidth),
    theme,
    captions: {
      input: isPadded ? `${inputText}, ${t("paddedGrid", { height, width })}` : inputText,
      output: t("outputGrid", { height: rows.output, width: columns.output }),
    },
    onSelect(cell) {
      stop();
      selectCell(cell);
    },
  });
  selectCell(saved.value.cell);
});

function selectCell(cell: Cell, announce = false): void {
  if (solution === undefined) return;
  saved.set({ cell });
  picture.select(cell);
  const [rows, columns] = solution.axes;
  // Positions count from the unpadded input's first cell: negative ones are padding.
  const span = (axis: AxisGeometry, index: number) => {
    const start = windowStart(index, axis.stride, axis.before);
    return [start, start + kernelExtent(axis.kernel, axis.dilation) - 1] as const;
  };
  const [rowStart, rowEnd] = span(rows, cell[0]);
  const [columnStart, columnEnd] = span(columns, cell[1]);
  const text = page.t("pictureLabel", {
    row: cell[0],
    column: cell[1],
    rowStart,
    rowEnd,
    columnStart,
    columnEnd,
  });
  parts.reads.textContent = text;
  if (announce) page.announce(text);
}

function moveCell(event: KeyboardEvent): void {
  if (solution === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
  const [rows, columns] = solution.axes;
  const [row, column] = saved.value.cell;
  const moves: Record<string, Cell> = {
    ArrowUp: [row - 1, column],
    ArrowDown: [row + 1, column],
    ArrowLeft: [row, column - 1],
    ArrowRight: [row, column + 1],
    Home: [row, 0],
    End: [row, columns.output - 1],
    PageUp: [0, column],
    PageDown: [rows.output - 1, column],
  };
  const next = moves[event.key];
  if (next === undefined) return;
  event.preventDefault();
  stop();
  const clamp = (value: number, size: number) => Math.max(0, Math.min(size - 1, value));
  selectCell([clamp(next[0], rows.output), clamp(next[1], columns.output)], true);
}

function stop(): void {
  clearInterval(playing);
  playing = undefined;
  if (parts !== undefined) parts.play.textContent = page.t("play");
}

/** Moves the window over the input, cell by cell; large outputs faster. Starts only when asked to. */
function play(): void {
  if (playing !== undefined) {
    stop();
    return;
  }
  if (solution === undefined) return;
  const [rows, columns] = solution.axes;
  const cells = rows.output * columns.output;
  parts.play.textContent = page.t("pause");
  playing = setInterval(
    () => {
      const [row, column] = saved.value.cell;
      const next = (row * columns.output + column + 1) % cells;
      selectCell([Math.floor(next / columns.output), next % columns.output]);
    },
    Math.max(40, Math.min(450, 12_000 / cells)),
  );
}

async function copyCode(): Promise<void> {
  const { t, channel, announce } = page;
  const text = parts.code.textContent ?? "";
  try {
    const { copied } = await channel.request({ type: "copyText", text });
    if (copied) announce(t("copied"));
  } catch (error) {
    parts.problem.textContent = t("copyFailed", {
      reason: error instanceof Error ? error.message : String(error),
    });
    parts.problem.hidden = false;
  }
}

function mount(next: CalculatorPage): void {
  page = next;
  const { t, root } = page;
  clearInterval(playing);
  playing = undefined;
  picture = new Picture();
  form = new LayerForm(page, saved.value.fields, (fields) => {
    saved.set({ fields });
    calculate();
  });
  const frame = h(
    "div",
    {
      class: "picture-frame",
      tabindex: 0,
      role: "application",
      "aria-label": t("picture"),
      "aria-describedby": "picture-reads",
      on: { keydown: moveCell },
    },
    picture.svg as unknown as HTMLElement,
  );
  const code = h("code", { class: "code" });
  const playButton = button({ text: t("play"), onClick: play });
  const legend = h("div", { class: "legend muted" });
  const reads = h("span", { id: "picture-reads", class: "muted" });
  parts = {
    shape: h("div", { class: "shape", role: "status" }),
    code,
    codeRow: h(
      "div",
      { class: "code-row" },
      code,
      button({ text: t("copy"), onClick: () => void copyCode() }),
    ),
    problem: h("div", { class: "problem", role: "alert" }),
    facts: h("div", { class: "facts" }),
    notes: h("ul", { class: "notes" }),
    formula: h("section", { class: "formula" }),
    frame,
    reads,
    legend,
    play: playButton,
    picture: h(
      "section",
      { class: "picture-section", "aria-label": t("picture") },
      h("div", { class: "picture-bar" }, playButton, reads),
      frame,
      legend,
    ),
  };
  fill(
    root,
    form.element,
    h(
      "div",
      { class: "results" },
      h(
        "section",
        { class: "result", "aria-label": t("output") },
        h("h2", { text: t("output") }),
        parts.shape,
        parts.facts,
        parts.codeRow,
        parts.problem,
        parts.notes,
      ),
      parts.picture,
      parts.formula,
    ),
  );
  new ResizeObserver(() => drawPicture()).observe(frame);
  calculate();
}

function showLegend(axes: readonly [AxisGeometry, AxisGeometry]): void {
  const { t } = page;
  const item = (className: string, text: string) =>
    h("span", { class: "chip" }, h("span", { class: `key ${className}` }), text);
  fill(
    parts.legend,
    item("kernel", t("legendKernel")),
    axes.some(({ before, after }) => before + after > 0) && item("pad", t("legendPadding")),
    axes.some(({ unread }) => unread > 0) && item("unread", t("legendUnread")),
    item("cell", t("legendSelected")),
    h("span", { text: t("pictureHelp") }),
  );
}

function themed(): void {
  const { theme } = page;
  document.body.style.setProperty("--kernel", theme.series[0]!);
  document.body.style.setProperty("--cell", theme.series[1]!);
  drawPicture();
}

startView<CalculatorToHost, CalculatorToWebview, CalculatorStrings>({
  english: calculatorEn,
  mount(next) {
    mount(next);
    themed();
  },
  themed,
  listen(channel) {
    channel.on("configure", ({ layer }) => {
      const fields = fieldsOf(layer);
      saved.set({ fields, cell: [0, 0] });
      form.fields = fields;
      calculate();
    });
  },
});
