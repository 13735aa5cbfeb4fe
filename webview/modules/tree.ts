import type { NumberTexts } from "../shared/text.js";
import { shapeText } from "../shared/text.js";
import { h } from "../shared/dom.js";
import type { Translate } from "../shared/page.js";
import type { ModulesStrings } from "../shared/strings/modules.js";
import { amount, filterRows, shapesText, visibleRows } from "./model.js";
import type { Filtered, Measure, Row } from "./model.js";

export interface TreeOptions {
  readonly t: Translate<ModulesStrings>;
  readonly numbers: NumberTexts;
  /** Enter or click on a row. */
  readonly onOpen: (row: Row) => void;
  /** The set of expanded rows or the selection changed. */
  readonly onChange: () => void;
}

/** The tree of modules and tensors: an ARIA tree with one tab stop, arrow keys, and type-ahead. */
export class ModuleTree {
  readonly element: HTMLElement;
  expanded = new Set<string>();
  selected: string | undefined;
  measure: Measure = "parameters";
  #root: Row | undefined;
  #filterText = "";
  #filtered: Filtered | undefined;
  #rows: Row[] = [];
  #typed = "";
  #typedAt = 0;
  readonly #options: TreeOptions;

  constructor(options: TreeOptions) {
    this.#options = options;
    this.element = h("div", {
      class: "tree",
      role: "tree",
      on: {
        keydown: (event: KeyboardEvent) => this.#key(event),
        click: (event: MouseEvent) => this.#click(event),
      },
    });
  }

  /** How many rows the filter matches, or nothing without a filter. */
  get matches(): number | undefined {
    return this.#filtered?.matches.size;
  }

  show(root: Row): void {
    this.#root = root;
    this.filter(this.#filterText);
  }

  filter(text: string): void {
    this.#filterText = text;
    this.#filtered = this.#root === undefined ? undefined : filterRows(this.#root, text);
    this.render();
  }

  /** Opens what leads to a row, selects it and scrolls to it. */
  select(id: string, focus = false): void {
    const root = this.#root;
    if (root === undefined) return;
    const row = find(root, id);
    if (row === undefined) return;
    for (let up = row.parent; up !== undefined; up = up.parent) this.expanded.add(up.id);
    this.selected = id;
    this.render();
    const element = this.#element(id);
    element?.scrollIntoView({ block: "nearest" });
    if (focus) element?.focus();
    this.#options.onChange();
  }

  setAllExpanded(expanded: boolean): void {
    const root = this.#root;
    if (root === undefined) return;
    this.expanded = new Set([root.id]);
    const visit = (row: Row) => {
      if (row.children.length > 0) this.expanded.add(row.id);
      row.children.forEach(visit);
    };
    if (expanded) visit(root);
    this.render();
    this.#options.onChange();
  }

  /** Lights up a row while something else points at it. */
  highlight(id: string | undefined): void {
    for (const row of this.element.querySelectorAll(".row.pointed")) row.classList.remove("pointed");
    if (id !== undefined) this.#element(id)?.classList.add("pointed");
  }

  render(): void {
    const root = this.#root;
    if (root === undefined) {
      this.element.replaceChildren();
      return;
    }
    const hadFocus = this.element.contains(document.activeElement);
    this.#rows = visibleRows(root, this.expanded, this.#filtered);
    this.element.setAttribute("aria-label", this.#options.t("treeLabel", { name: root.module.className }));
    const tabStop = this.#rows.find(({ id }) => id === this.selected) ?? this.#rows[0];
    this.element.replaceChildren(...this.#rows.map((row) => this.#rowElement(row, row === tabStop)));
    if (hadFocus && tabStop !== undefined) this.#element(tabStop.id)?.focus();
  }

  #element(id: string): HTMLElement | null {
    return this.element.querySelector<HTMLElement>(`[data-id="${CSS.escape(id)}"]`);
  }

  #isOpen(row: Row): boolean {
    return row.children.length > 0 && (this.#filtered !== undefined || this.expanded.has(row.id));
  }

  #rowElement(row: Row, tabStop: boolean): HTMLElement {
    const { t, numbers } = this.#options;
    const { module, tensor } = row;
    const total = amount(this.#root!, this.measure);
    const own = amount(row, this.measure);
    const share = total === 0 ? 0 : own / total;
    const open = this.#isOpen(row);
    const siblings = row.parent?.children ?? [row];
    const name = tensor?.name ?? module.name;
    const kind = tensor === undefined ? module.className : t(row.tensorKind!);
    const shape = tensor === undefined ? shapesText(module.outputShapes) : shapeText(tensor.shape);
    const isBuffer = row.tensorKind === "buffer";
    const detail =
      tensor === undefined ? module.extraRepr : `${isBuffer ? `${t("buffer")} ` : ""}${tensor.dtype}`;
    const count = this.measure === "size" ? numbers.bytes(own) : numbers.compact(own);
    const shared = tensor?.sharedWith;
    const frozen = row.tensorKind === "parameter" && tensor?.trainable === false;
    const spoken = [
      name,
      kind === name ? "" : kind,
      tensor?.dtype ?? module.extraRepr,
      shape,
      `${count} ${this.measure === "size" ? "" : t(this.measure)}`.trim(),
      numbers.share(share),
      shared !== undefined && t("sharedWith", { name: shared }),
      frozen && t("frozen"),
    ].filter((part) => part !== false && part !== "");
    const bar = h("span", { class: "bar" });
    const filled = h("span", { class: "bar-fill" });
    filled.style.width = `${Math.min(100, share * 100)}%`;
    bar.append(filled);
    const matched = this.#filtered?.matches.has(row.id) === true;
    const line = h(
      "div",
      {
        class: `row ${tensor === undefined ? "module" : "tensor"}${matched ? " matched" : ""}`,
        role: "treeitem",
        "data-id": row.id,
        "aria-level": row.level,
        "aria-setsize": siblings.length,
        "aria-posinset": siblings.indexOf(row) + 1,
        "aria-expanded": row.children.length > 0 ? String(open) : undefined,
        "aria-selected": String(row.id === this.selected),
        "aria-label": spoken.join(", "),
        tabindex: tabStop ? 0 : -1,
        title: [
          tensor === undefined ? module.path || name : row.id.slice(1),
          tensor === undefined ? `${kind}(${detail})` : `${kind} ${tensor.dtype}`,
          shape,
        ]
          .filter((part) => part !== "")
          .join("\n"),
      },
      h(
        "span",
        { class: "name-cell", "aria-hidden": "true" },
        h("span", { class: `twisty${row.children.length > 0 ? (open ? " open" : " closed") : ""}` }),
        h("span", { class: "name", text: name }),
        tensor === undefined &&
          module.className !== name &&
          h("span", { class: "class", text: module.className }),
        h("span", { class: "detail", text: detail }),
        shared !== undefined && h("span", { class: "tag", text: t("sharedWith", { name: shared }) }),
        frozen && h("span", { class: "tag", text: t("frozen") }),
      ),
      h("span", { class: "shape", "aria-hidden": "true", text: shape }),
      h("span", { class: "count number", "aria-hidden": "true", text: own === 0 ? "–" : count }),
      h("span", {
        class: "share number",
        "aria-hidden": "true",
        text: own === 0 ? "" : numbers.share(share),
      }),
      bar,
    );
    line.style.setProperty("--level", String(row.level - 1));
    return line;
  }

  #rowOf(event: Event): Row | undefined {
    const id = (event.target as Element).closest<HTMLElement>(".row")?.dataset["id"];
    return this.#rows.find((row) => row.id === id);
  }

  #click(event: MouseEvent): void {
    const row = this.#rowOf(event);
    if (row === undefined) return;
    this.#setSelected(row);
    if ((event.target as Element).closest(".twisty") !== null) this.#toggle(row);
    else this.#options.onOpen(row);
    this.#element(row.id)?.focus();
    this.#options.onChange();
  }

  #toggle(row: Row, open = !this.expanded.has(row.id)): void {
    if (row.children.length === 0) return;
    if (open) this.expanded.add(row.id);
    else this.expanded.delete(row.id);
    this.render();
    this.#options.onChange();
  }

  #move(row: Row | undefined): void {
    if (row === undefined) return;
    this.#setSelected(row);
    const element = this.#element(row.id);
    element?.focus();
    element?.scrollIntoView({ block: "nearest" });
    this.#options.onChange();
  }

  #setSelected(row: Row): void {
    for (const element of this.element.querySelectorAll('[aria-selected="true"], [tabindex="0"]')) {
      element.setAttribute("aria-selected", "false");
      element.setAttribute("tabindex", "-1");
    }
    this.selected = row.id;
    const element = this.#element(row.id);
    element?.setAttribute("aria-selected", "true");
    element?.setAttribute("tabindex", "0");
  }

  #key(event: KeyboardEvent): void {
    const row = this.#rowOf(event);
    if (row === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
    const at = this.#rows.indexOf(row);
    const open = this.#isOpen(row);
    switch (event.key) {
      case "ArrowDown":
        this.#move(this.#rows[at + 1]);
        break;
      case "ArrowUp":
        this.#move(this.#rows[at - 1]);
        break;
      case "Home":
        this.#move(this.#rows[0]);
        break;
      case "End":
        this.#move(this.#rows.at(-1));
        break;
      case "ArrowRight":
        if (row.children.length > 0 && !open) this.#toggle(row, true);
        else if (open) this.#move(this.#rows[at + 1]);
        break;
      case "ArrowLeft":
        if (open && this.#filtered === undefined) this.#toggle(row, false);
        else this.#move(row.parent);
        break;
      case "*":
        for (const sibling of row.parent?.children ?? [row]) {
          if (sibling.children.length > 0) this.expanded.add(sibling.id);
        }
        this.render();
        break;
      case "Enter":
        this.#options.onOpen(row);
        break;
      case " ":
        this.#toggle(row);
        break;
      default:
        if (event.key.length !== 1) return;
        this.#typeAhead(event.key, at, event.timeStamp);
    }
    event.preventDefault();
  }

  #typeAhead(letter: string, at: number, now: number): void {
    this.#typed = now - this.#typedAt > 700 ? letter : this.#typed + letter;
    this.#typedAt = now;
    const wanted = this.#typed.toLowerCase();
    const from = this.#typed.length === 1 ? at + 1 : at;
    const order = [...this.#rows.slice(from), ...this.#rows.slice(0, from)];
    this.#move(order.find((row) => (row.tensor?.name ?? row.module.name).toLowerCase().startsWith(wanted)));
  }
}

function find(row: Row, id: string): Row | undefined {
  if (row.id === id) return row;
  for (const child of row.children) {
    const found = find(child, id);
    if (found !== undefined) return found;
  }
  return undefined;
}
