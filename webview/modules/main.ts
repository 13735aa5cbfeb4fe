import "../shared/base.css";
import "./modules.css";
import type { ModelSnapshot, ModuleSnapshot } from "../../runtime/inspect/snapshot.js";
import { fill, h, oncePerFrame, table } from "../shared/dom.js";
import { startView } from "../shared/page.js";
import type { Page } from "../shared/page.js";
import type { ModulesToHost, ModulesToWebview } from "../shared/protocol.js";
import { ViewState } from "../shared/state.js";
import { modulesEn } from "../shared/strings/modules.js";
import type { ModulesStrings } from "../shared/strings/modules.js";
import { shapeText } from "../shared/text.js";
import { dropdown, textButton, textField } from "../shared/ui.js";
import { amount, buildRows, byClass, initiallyExpanded, moduleAmount, shapesText, walk } from "./model.js";
import type { Measure, Row } from "./model.js";
import { drawStrip } from "./strip.js";
import { ModuleTree } from "./tree.js";

interface Saved {
  snapshot: ModelSnapshot | null;
  expanded: string[] | null;
  selected: string | null;
  measure: Measure;
  tableShown: boolean;
}

const saved = new ViewState<Saved>({
  snapshot: null,
  expanded: null,
  selected: null,
  measure: "parameters",
  tableShown: false,
});

let page: Page<ModulesToHost, ModulesToWebview, ModulesStrings>;
let snapshot = saved.value.snapshot;
let problem: string | undefined;
let rows = snapshot === null ? undefined : buildRows(snapshot);
let filterText = "";
let tree: ModuleTree;
let parts: Record<"header" | "problem" | "strip" | "legend" | "matches" | "table" | "footer", HTMLElement>;
let svg: SVGSVGElement;

/** Colours by class: the six largest get one each, the rest share grey. */
function classColors(): (className: string) => string {
  const { theme } = page;
  const classes = snapshot === null ? [] : byClass(snapshot.root, saved.value.measure);
  const colors = new Map(classes.map(({ className }, i) => [className, theme.series[i] ?? theme.muted]));
  return (className) => colors.get(className) ?? theme.muted;
}

function measureText(module: ModuleSnapshot): string {
  const { measure } = saved.value;
  const value = moduleAmount(module, measure);
  if (measure === "size") return page.numbers.bytes(value);
  return `${page.numbers.count(value)} ${page.t(measure === "macs" ? "macs" : "parametersWord")}`;
}

function drawProportions(): void {
  if (snapshot === null) return;
  const { t, numbers, theme } = page;
  const { measure } = saved.value;
  const { root } = snapshot;
  const color = classColors();
  const total = moduleAmount(root, measure);
  const classes = byClass(root, measure);
  const measureName = t(measure);
  fill(
    parts.legend,
    ...(total === 0
      ? [h("span", { class: "muted", text: t("nothingToShow", { measure: measureName }) })]
      : classes.slice(0, 7).map(({ className, amount: part }) => {
          const swatch = h("span", { class: "swatch" });
          swatch.style.background = color(className);
          return h("span", { class: "chip" }, swatch, `${className} ${numbers.share(part / total)}`);
        })),
  );
  svg.style.display = total === 0 ? "none" : "";
  if (total === 0) return;
  const widest = widestLeaf(root, measure);
  svg.setAttribute(
    "aria-label",
    t("proportions", {
      measure: measureName,
      name: widest.path || widest.name,
      share: numbers.share(moduleAmount(widest, measure) / total),
    }),
  );
  drawStrip(svg, {
    root,
    measure,
    width: Math.max(100, parts.strip.clientWidth),
    theme,
    selected: tree.selected,
    color,
    describe: (module, share) =>
      `${module.path || module.name} · ${module.className}\n${measureText(module)} · ${numbers.share(share)}`,
    onPick(module) {
      tree.select(module.path);
      reveal(module);
    },
    onHover: (module) => tree.highlight(module?.path),
  });
}

function widestLeaf(module: ModuleSnapshot, measure: Measure): ModuleSnapshot {
  if (module.children.length === 0) return module;
  return module.children
    .map((child) => widestLeaf(child, measure))
    .reduce((a, b) => (moduleAmount(b, measure) > moduleAmount(a, measure) ? b : a));
}

const redrawProportions = oncePerFrame(drawProportions);

function reveal({ path, location }: ModuleSnapshot): void {
  page.channel.send(location === undefined ? { type: "reveal", path } : { type: "reveal", path, location });
}

function showHeader(): void {
  const { t, numbers } = page;
  fill(parts.problem, problem ?? "");
  parts.problem.hidden = problem === undefined;
  if (snapshot === null) return;
  const { root, training, input } = snapshot;
  const trainable =
    root.trainableParameters === root.totalParameters
      ? t("allTrainable")
      : t("trainableOf", { count: numbers.compact(root.trainableParameters) });
  const figure = (value: string, label: string, note?: string) =>
    h(
      "span",
      { class: "figure" },
      h("b", { text: value }),
      ` ${label}`,
      note !== undefined && h("span", { class: "muted", text: ` (${note})` }),
    );
  fill(
    parts.header,
    h("h1", { text: root.className }),
    figure(
      numbers.count(root.totalParameters),
      t("parametersWord"),
      root.totalParameters > 0 ? trainable : undefined,
    ),
    figure(numbers.bytes(root.bytes), ""),
    root.macs !== undefined &&
      figure(numbers.compact(root.macs), t("macs"), input && t("inputLabel", { input })),
    h("span", { class: "muted", text: training ? t("training") : t("evaluating") }),
  );
  const modules = rows!.modules - 1;
  fill(
    parts.footer,
    h("span", {
      class: "grow",
      text: `${t("total")} · ${modules === 1 ? t("oneModule") : t("modules", { count: numbers.count(modules) })}`,
    }),
    h("span", { class: "number", text: `${numbers.count(root.totalParameters)} ${t("parametersWord")}` }),
    h("span", { class: "number", text: numbers.bytes(root.bytes) }),
  );
}

function showTable(): void {
  fill(parts.table);
  if (!saved.value.tableShown || rows === undefined) return;
  const { t, numbers } = page;
  const { measure } = saved.value;
  const total = amount(rows, measure);
  const lines = [...walk(rows)].map((row) => {
    const { module, tensor } = row;
    const share = total === 0 ? "" : numbers.share(amount(row, measure) / total);
    if (tensor !== undefined) {
      const trainable = tensor.trainable ? tensor.count : 0;
      const counted = row.tensorKind === "parameter";
      return [
        row.id.slice(1),
        `${t(row.tensorKind!)} ${tensor.dtype}`,
        "",
        shapeText(tensor.shape),
        counted ? numbers.count(tensor.count) : "",
        counted ? numbers.count(trainable) : "",
        numbers.bytes(tensor.bytes),
        "",
        share,
      ];
    }
    return [
      module.path || module.name,
      module.className,
      shapesText(module.inputShapes),
      shapesText(module.outputShapes),
      numbers.count(module.totalParameters),
      numbers.count(module.trainableParameters),
      numbers.bytes(module.bytes),
      module.macs === undefined ? "" : numbers.count(module.macs),
      share,
    ];
  });
  const numeric = true;
  const headings = [
    { text: t("colModule") },
    { text: t("colClass") },
    { text: t("colInput") },
    { text: t("colShape") },
    { text: t("colParameters"), numeric },
    { text: t("colTrainable"), numeric },
    { text: t("colSize"), numeric },
    { text: t("colMacs"), numeric },
    { text: t("colShare"), numeric },
  ];
  parts.table.append(table(t("tableLabel"), headings, lines));
}

function showMatches(): void {
  const count = tree.matches;
  const text =
    count === undefined
      ? ""
      : count === 0
        ? page.t("noMatch", { filter: filterText })
        : page.t("matches", { count });
  parts.matches.textContent = text;
  if (text !== "") page.announce(text);
}

function remember(): void {
  saved.set({ expanded: [...tree.expanded], selected: tree.selected ?? null });
}

function mount(next: typeof page): void {
  page = next;
  const { t, root, numbers } = page;
  tree = new ModuleTree({
    t,
    numbers,
    onOpen: (row: Row) => reveal(row.module),
    onChange() {
      remember();
      redrawProportions();
    },
  });
  tree.measure = saved.value.measure;
  if (rows !== undefined) {
    tree.expanded = new Set(saved.value.expanded ?? initiallyExpanded(rows));
    tree.selected = saved.value.selected ?? undefined;
  }
  svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("role", "img");
  parts = {
    header: h("header", { class: "summary" }),
    problem: h("div", { class: "problem", role: "alert" }),
    strip: h("div", { class: "strip" }, svg),
    legend: h("div", { class: "legend" }),
    matches: h("span", { class: "muted" }),
    table: h("div", { class: "table-place" }),
    footer: h("footer", { class: "totals" }),
  };
  parts.problem.hidden = problem === undefined;
  fill(root);
  if (rows === undefined) {
    root.append(parts.problem, h("p", { class: "empty", text: t("empty") }));
    parts.problem.textContent = problem ?? "";
    return;
  }
  const tableButton = textButton("", () => {
    saved.set({ tableShown: !saved.value.tableShown });
    nameTableButton();
    showTable();
  });
  const nameTableButton = () => {
    const { tableShown } = saved.value;
    tableButton.setAttribute("aria-expanded", String(tableShown));
    tableButton.textContent = tableShown ? t("hideTable") : t("showTable");
  };
  nameTableButton();
  root.append(
    parts.problem,
    parts.header,
    parts.strip,
    parts.legend,
    h(
      "div",
      { class: "toolbar" },
      textField({
        label: t("filter"),
        hideLabel: true,
        value: filterText,
        placeholder: t("filterPlaceholder"),
        onInput(value) {
          filterText = value;
          tree.filter(value);
          showMatches();
        },
      }),
      dropdown<Measure>({
        label: t("measure"),
        value: saved.value.measure,
        choices: (["parameters", "size", "macs"] as const)
          .filter((measure) => measure !== "macs" || snapshot?.root.macs !== undefined)
          .map((value) => ({ value, text: t(value) })),
        onChange(measure) {
          saved.set({ measure });
          tree.measure = measure;
          tree.render();
          drawProportions();
          showTable();
        },
      }),
      textButton(t("expandAll"), () => tree.setAllExpanded(true)),
      textButton(t("collapseAll"), () => tree.setAllExpanded(false)),
      parts.matches,
    ),
    tree.element,
    h("div", { class: "table-toggle" }, tableButton),
    parts.table,
    parts.footer,
  );
  new ResizeObserver(redrawProportions).observe(parts.strip);
  tree.show(rows);
  if (filterText !== "") tree.filter(filterText);
  showHeader();
  showTable();
  drawProportions();
}

startView<ModulesToHost, ModulesToWebview, ModulesStrings>({
  english: modulesEn,
  mount,
  themed: () => redrawProportions(),
  listen(channel) {
    channel.on("snapshot", (message) => {
      const before = snapshot;
      problem = message.problem;
      // With a problem the last good model stays on screen.
      if (message.snapshot !== null || message.problem === undefined) snapshot = message.snapshot;
      rows = snapshot === null ? undefined : buildRows(snapshot);
      const another = before?.root.className !== snapshot?.root.className;
      if (another) saved.set({ expanded: null, selected: null });
      const noMacs = snapshot?.root.macs === undefined && saved.value.measure === "macs";
      saved.set(noMacs ? { snapshot, measure: "parameters" } : { snapshot });
      const hadMacs = before?.root.macs !== undefined;
      if (another || rows === undefined || hadMacs !== (snapshot?.root.macs !== undefined)) {
        mount(page);
        return;
      }
      tree.show(rows);
      showHeader();
      showTable();
      drawProportions();
    });
    channel.on("select", ({ path }) => tree.select(path));
  },
});
