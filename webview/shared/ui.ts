/**
 * Form controls. The only file that knows the toolkit: exchanging it means rewriting this file alone. Views import
 * these functions, and only the components used here are registered.
 */
import {
  provideVSCodeDesignSystem,
  vsCodeButton,
  vsCodeCheckbox,
  vsCodeDropdown,
  vsCodeOption,
  vsCodeRadio,
  vsCodeRadioGroup,
  vsCodeTextField,
} from "@vscode/webview-ui-toolkit";
import { h } from "./dom.js";

provideVSCodeDesignSystem().register(
  vsCodeButton(),
  vsCodeCheckbox(),
  vsCodeDropdown(),
  vsCodeOption(),
  vsCodeRadio(),
  vsCodeRadioGroup(),
  vsCodeTextField(),
);

type Control<T> = HTMLElement & T;

/** Gives a control its name for screen readers. The toolkit writes a name of its own when it is connected. */
function named<T extends HTMLElement>(element: T, label: string): T {
  const set = () => {
    if (element.getAttribute("aria-label") !== label) element.setAttribute("aria-label", label);
  };
  set();
  new MutationObserver(set).observe(element, { attributes: true, attributeFilter: ["aria-label"] });
  return element;
}

export interface ButtonOptions {
  readonly text: string;
  readonly primary?: boolean;
  readonly title?: string;
  /** For screen readers, where the text alone is not enough. */
  readonly label?: string;
  readonly onClick: () => void;
}

export type Button = Control<{ disabled: boolean }>;

export function button({ text, primary, title, label, onClick }: ButtonOptions): Button {
  const element = h(
    "vscode-button",
    { appearance: primary === true ? "primary" : "secondary", title, on: { click: onClick } },
    text,
  ) as Button;
  return label === undefined ? element : named(element, label);
}

export interface CheckboxOptions {
  readonly text: string;
  /** For screen readers, where there is no text. */
  readonly label?: string;
  readonly checked: boolean;
  readonly title?: string;
  readonly onChange: (checked: boolean) => void;
}

export type Checkbox = Control<{ checked: boolean; disabled: boolean }>;

export function checkbox({ text, label, checked, title, onChange }: CheckboxOptions): Checkbox {
  const element = h("vscode-checkbox", { title }, text !== "" && text) as Checkbox;
  element.checked = checked;
  element.addEventListener("change", () => onChange(element.checked));
  return label === undefined ? element : named(element, label);
}

export interface TextFieldOptions {
  /** Shown above the field, unless `hideLabel`. */
  readonly label: string;
  readonly hideLabel?: boolean;
  readonly value: string;
  readonly placeholder?: string;
  readonly title?: string;
  /** Element before the text, such as an icon. */
  readonly start?: HTMLElement;
  readonly onInput: (value: string) => void;
}

export type TextField = Control<{ value: string; disabled: boolean }>;

export function textField(options: TextFieldOptions): TextField {
  const { label, hideLabel, value, placeholder, title, start, onInput } = options;
  const element = h("vscode-text-field", { placeholder, title }) as TextField;
  if (hideLabel !== true) element.append(label);
  if (start !== undefined) {
    start.slot = "start";
    element.append(start);
  }
  element.value = value;
  element.addEventListener("input", () => onInput(element.value));
  return named(element, label);
}

/** Marks a field as wrong (with the reason, also for screen readers) or right. */
export function setInvalid(field: TextField, reason: string | undefined): void {
  field.classList.toggle("invalid", reason !== undefined);
  if (reason === undefined) field.removeAttribute("aria-invalid");
  else field.setAttribute("aria-invalid", "true");
}

export interface Choice<T extends string> {
  readonly value: T;
  readonly text: string;
}

export interface ChoiceOptions<T extends string> {
  readonly label: string;
  readonly choices: readonly Choice<T>[];
  readonly value: T;
  readonly onChange: (value: T) => void;
}

/** A drop-down list with its label before it. */
export function dropdown<T extends string>({
  label,
  choices,
  value,
  onChange,
}: ChoiceOptions<T>): HTMLElement {
  const element = h(
    "vscode-dropdown",
    {},
    ...choices.map((choice) => h("vscode-option", { value: choice.value }, choice.text)),
  ) as Control<{ value: string }>;
  element.setAttribute("current-value", value);
  element.addEventListener("change", () => onChange(element.value as T));
  return h(
    "span",
    { class: "field-row" },
    h("span", { "aria-hidden": "true", text: label }),
    named(element, label),
  );
}

/** A few choices side by side, one of them taken. */
export function radioGroup<T extends string>({
  label,
  choices,
  value,
  onChange,
}: ChoiceOptions<T>): HTMLElement {
  const element = h(
    "vscode-radio-group",
    { orientation: "horizontal" },
    h("label", { slot: "label", text: label }),
    ...choices.map((choice) => h("vscode-radio", { value: choice.value }, choice.text)),
  ) as Control<{ value: string }>;
  element.setAttribute("value", value);
  let before: string = value;
  element.addEventListener("change", () => {
    if (element.value === before || element.value === "") return;
    before = element.value;
    onChange(element.value as T);
  });
  return named(element, label);
}

/** A button that looks like a link, for small things beside the main ones. */
export function textButton(text: string, onClick: () => void): HTMLButtonElement {
  return h("button", { class: "link-button", type: "button", on: { click: onClick } }, text);
}

export interface SliderOptions {
  readonly label: string;
  readonly title?: string;
  readonly max: number;
  readonly step: number;
  readonly value: number;
  readonly onInput: (value: number) => void;
}

/** A slider from 0 with its value beside it. The toolkit has none: it is the browser's own, in the theme's colours. */
export function slider({ label, title, max, step, value, onInput }: SliderOptions): HTMLElement {
  const output = h("span", { class: "slider-value number", "aria-hidden": "true" });
  const input = h("input", { type: "range", min: 0, max, step, "aria-label": label, title });
  input.value = String(value);
  const show = () => (output.textContent = String(Number(input.value)));
  input.addEventListener("input", () => {
    show();
    onInput(Number(input.value));
  });
  show();
  return h(
    "span",
    { class: "field-row slider", title },
    h("span", { "aria-hidden": "true", text: label }),
    input,
    output,
  );
}
