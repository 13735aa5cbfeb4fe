import { h } from "../shared/dom.js";
import { checkbox, setInvalid, textField } from "../shared/ui.js";
import type { Checkbox } from "../shared/ui.js";
import type { CurvesPage } from "./chart.js";
import { matchRuns } from "./series.js";

export interface RunListHost {
  readonly page: CurvesPage;
  readonly runs: readonly string[];
  readonly hidden: ReadonlySet<string>;
  readonly filter: string;
  style(run: string): { readonly color: string; readonly dash: readonly number[] };
  setHidden(hidden: readonly string[]): void;
  setFilter(filter: string): void;
  emphasise(run: string | undefined): void;
}

/** The list of runs: show and hide, all at once, filter by regular expression. */
export class RunList {
  readonly element: HTMLElement;
  readonly #host: RunListHost;
  readonly #list = h("div", { class: "run-list" });
  readonly #error = h("div", { class: "field-error", role: "alert" });
  readonly #filter;
  readonly #filterPlace;
  readonly #boxes = new Map<string, Checkbox>();
  #drawn = "";

  constructor(host: RunListHost) {
    this.#host = host;
    const { t } = host.page;
    this.#filter = textField({
      label: t("runFilter"),
      hideLabel: true,
      value: host.filter,
      placeholder: t("runFilter"),
      title: t("runFilter"),
      onInput: (value) => host.setFilter(value),
    });
    this.#filterPlace = h("div", { class: "run-filter" }, this.#filter, this.#error);
    this.element = h(
      "aside",
      { class: "runs", "aria-label": t("runs") },
      h("h2", { text: t("runs") }),
      this.#filterPlace,
      this.#list,
    );
  }

  show(): void {
    const { page, runs, hidden, filter } = this.#host;
    const matched = matchRuns(runs, filter);
    const { error } = matched;
    setInvalid(this.#filter, error);
    this.#error.textContent = error === undefined ? "" : page.t("badRegex", { reason: error });
    this.#filterPlace.hidden = runs.length < 2 && filter === "";
    // A single run needs no choosing.
    this.element.hidden = runs.length < 2 && filter === "" && !hidden.has(runs[0] ?? "");
    const key = JSON.stringify([matched.runs, [...hidden], page.theme, page.locale]);
    if (key === this.#drawn) return;
    this.#drawn = key;
    // The list is rebuilt only when it changes, and keeps the focus.
    const focused = [...this.#boxes].find(([, box]) => box === document.activeElement)?.[0];
    this.#boxes.clear();
    const items = matched.runs.map((run) => this.#item(run));
    if (runs.length > 1 && matched.runs.length > 1) items.unshift(this.#all(matched.runs));
    if (items.length === 0) items.push(h("p", { class: "muted", text: page.t("noRunMatches") }));
    this.#list.replaceChildren(...items);
    if (focused !== undefined) this.#boxes.get(focused)?.focus();
  }

  #item(run: string): HTMLElement {
    const { page, hidden } = this.#host;
    const { color, dash } = this.#host.style(run);
    const svgSpace = "http://www.w3.org/2000/svg";
    const swatch = document.createElementNS(svgSpace, "svg");
    swatch.setAttribute("class", "line-swatch");
    swatch.setAttribute("viewBox", "0 0 18 10");
    swatch.setAttribute("aria-hidden", "true");
    const line = document.createElementNS(svgSpace, "line");
    for (const [name, value] of Object.entries({ x1: 0, x2: 18, y1: 5, y2: 5, "stroke-width": 3 })) {
      line.setAttribute(name, String(value));
    }
    line.setAttribute("stroke", color);
    line.setAttribute("stroke-dasharray", dash.join(" "));
    swatch.append(line);
    const box = checkbox({
      text: "",
      label: page.t("showRun", { run }),
      checked: !hidden.has(run),
      onChange: (checked) => {
        const now = new Set(this.#host.hidden);
        if (checked) now.delete(run);
        else now.add(run);
        this.#host.setHidden([...now]);
      },
    });
    this.#boxes.set(run, box);
    return h(
      "div",
      {
        class: "run",
        title: run,
        on: {
          pointerenter: () => this.#host.emphasise(run),
          pointerleave: () => this.#host.emphasise(undefined),
        },
      },
      box,
      swatch as unknown as HTMLElement,
      h("span", { class: "run-name", text: run, on: { click: () => box.click() } }),
    );
  }

  #all(runs: readonly string[]): HTMLElement {
    const { page, hidden } = this.#host;
    const shown = runs.filter((run) => !hidden.has(run)).length;
    const box = checkbox({
      text: page.t("allRuns"),
      checked: shown === runs.length,
      onChange: (checked) => {
        const others = [...this.#host.hidden].filter((run) => !runs.includes(run));
        this.#host.setHidden(checked ? others : [...others, ...runs]);
      },
    });
    (box as unknown as { indeterminate: boolean }).indeterminate = shown > 0 && shown < runs.length;
    this.#boxes.set("", box);
    return h("div", { class: "run" }, box);
  }
}
