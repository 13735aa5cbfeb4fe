/** Small helpers to build DOM; texts always go in as text, never as markup. */

type Child = Node | string | null | undefined | false;

export interface Attributes {
  readonly class?: string | false;
  readonly text?: string;
  readonly on?: Readonly<Record<string, (event: never) => void>>;
  /** Every other name is an attribute; false and undefined leave it out, true sets it empty. */
  readonly [name: string]: unknown;
}

/** Creates an element: `h("button", { class: "x", on: { click } }, "Text")`. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes?: Attributes,
  ...children: readonly Child[]
): HTMLElementTagNameMap[K];
export function h(tag: string, attributes?: Attributes, ...children: readonly Child[]): HTMLElement;
export function h(tag: string, attributes: Attributes = {}, ...children: readonly Child[]): HTMLElement {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "on") {
      for (const [event, listener] of Object.entries(attributes.on ?? {})) {
        element.addEventListener(event, listener as EventListener);
      }
    } else if (name === "text") element.textContent = String(value);
    else setAttribute(element, name, value);
  }
  append(element, children);
  return element;
}

/** Sets an attribute, or takes it away when the value is false, null or undefined. */
export function setAttribute(element: Element, name: string, value: unknown): void {
  if (value === false || value === null || value === undefined) element.removeAttribute(name);
  else element.setAttribute(name, value === true ? "" : String(value));
}

function append(element: Element, children: readonly Child[]): void {
  for (const child of children) {
    if (child !== null && child !== undefined && child !== false) element.append(child);
  }
}

/** Replaces an element's children; gaps (`false`, `null`) are left out. */
export function fill(element: Element, ...children: readonly Child[]): void {
  element.replaceChildren();
  append(element, children);
}

/** A table with column headings; the first cell of each row is its heading. */
export function table(
  label: string,
  headings: readonly { readonly text: string; readonly numeric?: boolean }[],
  rows: readonly (readonly string[])[],
): HTMLElement {
  const numeric = (column: number) => headings[column]?.numeric === true && "number";
  return h(
    "div",
    { class: "table-scroll", tabindex: 0, role: "region", "aria-label": label },
    h(
      "table",
      {},
      h("caption", { class: "sr-only", text: label }),
      h(
        "thead",
        {},
        h("tr", {}, ...headings.map(({ text }, i) => h("th", { scope: "col", class: numeric(i), text }))),
      ),
      h(
        "tbody",
        {},
        ...rows.map((row) =>
          h(
            "tr",
            {},
            ...row.map((text, i) =>
              i === 0 ? h("th", { scope: "row", text }) : h("td", { class: numeric(i), text }),
            ),
          ),
        ),
      ),
    ),
  );
}

/** Runs a function at most once a frame however often it is asked for. */
export function oncePerFrame(work: () => void): () => void {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      work();
    });
  };
}

/** Whether the person asked for less movement. */
export function reducedMotion(): boolean {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}
