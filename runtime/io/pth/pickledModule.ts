/** A whole `nn.Module` that Python pickled: what it holds, without its code. */
import * as nn from "../../nn/index.js";
import { blankModule } from "../../nn/module.js";
import { Parameter } from "../../nn/parameter.js";
import type { StateDict } from "../../nn/state.js";
import { camel } from "../../ops/schema.js";
import { Tensor } from "../../tensor/tensor.js";

/** What Python keeps of a module beside its settings. */
const own = new Set(["_parameters", "_buffers", "_modules", "_non_persistent_buffers_set", "training"]);

const mapping = (value: unknown): Map<string, unknown> => {
  if (value instanceof Map) return value as Map<string, unknown>;
  if (typeof value === "object" && value !== null) return new Map(Object.entries(value));
  throw new TypeError("parameters, buffers and submodules should be dictionaries");
};

function* only<T>(
  entries: Map<string, unknown>,
  type: new (...args: never[]) => T,
): Iterable<[string, T | null]> {
  for (const [name, value] of entries) {
    if (value !== null && !(value instanceof type)) throw new TypeError(`${name} is no ${type.name}`);
    yield [String(name), value];
  }
}

/**
 * What a file of a whole Python `nn.Module` holds: its classes by name, its settings and its state. The code of the
 * classes is not in such files, and none is ever loaded: this cannot be called. Load `stateDict()` into a model that you
 * wrote or made.
 */
export class PickledModule {
  /** The Python class: `torchvision.models.resnet.ResNet`. */
  readonly className: string;
  readonly training: boolean;
  /** Own parameters and buffers, by name. */
  readonly parameters: ReadonlyMap<string, Tensor | null>;
  readonly buffers: ReadonlyMap<string, Tensor | null>;
  readonly children: ReadonlyMap<string, PickledModule | null>;
  /** Python's other attributes, under their Python names. */
  readonly attributes: ReadonlyMap<string, unknown>;
  readonly #volatile: ReadonlySet<unknown>;

  /** @internal */
  constructor(className: string, fields: ReadonlyMap<string, unknown>) {
    this.className = className;
    this.training = fields.get("training") !== false;
    this.parameters = new Map(only(mapping(fields.get("_parameters")), Tensor));
    this.buffers = new Map(only(mapping(fields.get("_buffers") ?? {}), Tensor));
    this.children = new Map(only(mapping(fields.get("_modules")), PickledModule));
    const left = fields.get("_non_persistent_buffers_set");
    this.#volatile = left instanceof Set ? left : new Set();
    this.attributes = new Map([...fields].filter(([name]) => !own.has(name)));
  }

  /** Parameters and persistent buffers by dotted name, in PyTorch's order: for `loadStateDict`. */
  stateDict(): StateDict {
    const out: StateDict = new Map<string, Tensor>();
    this.#addTo(out, "");
    return out;
  }

  #addTo(out: StateDict, prefix: string): void {
    for (const [name, t] of this.parameters) if (t) out.set(prefix + name, t.detach());
    for (const [name, t] of this.buffers) if (t && !this.#volatile.has(name)) out.set(prefix + name, t);
    for (const [name, child] of this.children) if (child) child.#addTo(out, `${prefix}${name}.`);
  }

  /** What the class says of its settings, where it is one of PyTorch's that is here too. */
  #settings(): string {
    const name = this.#name;
    const type = Object.hasOwn(nn, name) ? (nn as unknown as Record<string, unknown>)[name] : undefined;
    if (!this.className.startsWith("torch.nn.") || typeof type !== "function") return "";
    if (!(type.prototype instanceof nn.Module)) return "";
    try {
      const shell = blankModule(type.prototype as nn.Module);
      const put = (key: string, value: unknown): void => {
        Object.defineProperty(shell, key, { value, configurable: true, writable: true, enumerable: true });
      };
      for (const [key, value] of this.attributes) put(camel(key), value);
      for (const [key, t] of this.parameters) put(camel(key), t && new Parameter(t.detach(), false));
      return shell.extraRepr();
    } catch {
      // A version of the class that keeps other settings: its name is told all the same.
      return "";
    }
  }

  get #name(): string {
    return this.className.slice(this.className.lastIndexOf(".") + 1);
  }

  /** The tree of classes, as PyTorch prints it. */
  toString(): string {
    const extra = this.#settings();
    const children = [...this.children].map(
      ([name, child]) => `(${name}): ${String(child ?? "None").replaceAll("\n", "\n  ")}`,
    );
    if (children.length === 0 && !extra.includes("\n")) return `${this.#name}(${extra})`;
    const lines = [...(extra === "" ? [] : extra.split("\n")), ...children];
    return `${this.#name}(\n  ${lines.join("\n  ")}\n)`;
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.toString();
  }
}
