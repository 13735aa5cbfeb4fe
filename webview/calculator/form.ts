import { fill, h } from "../shared/dom.js";
import type { Page } from "../shared/page.js";
import type { CalculatorToHost, CalculatorToWebview } from "../shared/protocol.js";
import type { CalculatorStrings } from "../shared/strings/calculator.js";
import { checkbox, radioGroup, setInvalid, textField } from "../shared/ui.js";
import type { TextField } from "../shared/ui.js";
import { initialFields, parseFields, stepNumbers } from "./model.js";
import type { Fields, LayerKind, TextFieldName } from "./model.js";

export type CalculatorPage = Page<CalculatorToHost, CalculatorToWebview, CalculatorStrings>;

const inputFields = ["batch", "channels", "height", "width"] as const;
const layerFields: Readonly<Record<LayerKind, readonly TextFieldName[]>> = {
  Conv2d: ["outChannels", "kernelSize", "stride", "padding", "dilation", "groups"],
  MaxPool2d: ["kernelSize", "stride", "padding", "dilation"],
};
const pairs: readonly TextFieldName[] = ["kernelSize", "stride", "padding", "dilation"];

/** The form: choose a layer, type its numbers; arrow keys step them. */
export class LayerForm {
  readonly element: HTMLFormElement;
  readonly #page: CalculatorPage;
  readonly #onChange: (fields: Fields) => void;
  #fields: Fields;
  readonly #inputs = new Map<TextFieldName, { field: TextField; error: HTMLElement }>();

  constructor(page: CalculatorPage, fields: Fields, onChange: (fields: Fields) => void) {
    this.#page = page;
    this.#fields = fields;
    this.#onChange = onChange;
    this.element = h("form", {
      class: "form",
      "aria-label": page.t("layer"),
      on: { submit: (event: Event) => event.preventDefault() },
    });
    this.#build();
  }

  set fields(fields: Fields) {
    this.#fields = fields;
    this.#build();
  }

  #change(change: Partial<Fields>): void {
    this.#fields = { ...this.#fields, ...change };
    this.#showErrors();
    this.#onChange(this.#fields);
  }

  #build(): void {
    const { t } = this.#page;
    const { kind, bias, ceilMode } = this.#fields;
    this.#inputs.clear();
    fill(
      this.element,
      radioGroup<LayerKind>({
        label: t("layer"),
        value: kind,
        choices: [
          { value: "Conv2d", text: "Conv2d" },
          { value: "MaxPool2d", text: "MaxPool2d" },
        ],
        onChange: (next) => this.#switch(next),
      }),
      h("fieldset", {}, h("legend", { text: t("input") }), ...inputFields.map((name) => this.#field(name))),
      h(
        "fieldset",
        {},
        h("legend", { text: `nn.${kind}` }),
        ...layerFields[kind].map((name) => this.#field(name)),
        kind === "Conv2d"
          ? checkbox({
              text: t("bias"),
              checked: bias,
              onChange: (checked) => this.#change({ bias: checked }),
            })
          : checkbox({
              text: t("ceilMode"),
              checked: ceilMode,
              onChange: (checked) => this.#change({ ceilMode: checked }),
            }),
      ),
    );
    this.#showErrors();
  }

  /** Another layer keeps the input and takes its own usual settings. */
  #switch(kind: LayerKind): void {
    const { batch, channels, height, width } = this.#fields;
    this.#fields = { ...initialFields[kind], batch, channels, height, width };
    this.#build();
    this.element.querySelector<HTMLElement>(`vscode-radio[value="${kind}"]`)?.focus();
    this.#onChange(this.#fields);
  }

  #field(name: TextFieldName): HTMLElement {
    const { t } = this.#page;
    const isStride = name === "stride" && this.#fields.kind === "MaxPool2d";
    const help = isStride
      ? t("strideHelp")
      : name === "padding" && this.#fields.kind === "Conv2d"
        ? t("paddingHelp")
        : t("pairHelp");
    const field = textField({
      label: t(name),
      value: this.#fields[name],
      ...(pairs.includes(name) ? { title: help } : {}),
      ...(isStride ? { placeholder: t("sameAsKernel") } : {}),
      onInput: (value) => this.#change({ [name]: value }),
    });
    field.dataset["field"] = name;
    field.addEventListener("keydown", (event) => {
      const step = event.key === "ArrowUp" ? 1 : event.key === "ArrowDown" ? -1 : 0;
      if (step === 0 || event.altKey || event.ctrlKey || event.metaKey) return;
      const value = stepNumbers(field.value, event.shiftKey ? step * 10 : step);
      event.preventDefault();
      if (value === field.value) return;
      field.value = value;
      this.#change({ [name]: value });
    });
    const error = h("div", { class: "field-error", role: "alert" });
    this.#inputs.set(name, { field, error });
    return h("div", { class: "field" }, field, error);
  }

  #showErrors(): void {
    const { errors } = parseFields(this.#fields);
    for (const [name, { field, error }] of this.#inputs) {
      const key = errors[name];
      const text = key === undefined ? "" : this.#page.t(key);
      setInvalid(field, key === undefined ? undefined : text);
      if (error.textContent !== text) error.textContent = text;
    }
  }
}
