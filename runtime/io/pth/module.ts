/**
 * Whole models in files: which class, what its fields hold, and the state. The file has no code; the classes come from
 * the library or from whoever loads it. What PyTorch sees of it is an `OrderedDict`, the state dict, with an attribute.
 */
import { NotImplementedError, UnpicklingError } from "../../errors.js";
import * as nn from "../../nn/index.js";
import { blankModule, Module } from "../../nn/module.js";
import { isLazy, Parameter } from "../../nn/parameter.js";
import { className, isModule, registryOf, settle, stateName } from "../../nn/registry.js";
import { withoutInit } from "../../nn/init.js";
import { isPlainObject } from "../../ops/bind.js";
import { Device } from "../../tensor/device.js";
import { DType } from "../../tensor/dtype.js";
import { MemoryFormat } from "../../tensor/memoryFormat.js";
import { forkRng } from "../../tensor/random.js";
import { Slice } from "../../tensor/slice.js";
import { Tensor } from "../../tensor/tensor.js";
import { functional, torch } from "../../torch.js";
import { Complex } from "../pickle/values.js";

type ModuleClass = new (...args: never[]) => Module;

/** Classes by their names, or functions that make an object of them: what `import * as models` gives will do. */
export type ModuleClasses = Readonly<Record<string, unknown>>;

type Kind = "module" | "parameter" | "buffer" | "value" | "undefined" | "function" | "opaque";
type Field = readonly [name: string, kind: Kind, value: unknown, persistent?: boolean];

export interface Description {
  readonly format: 1;
  readonly class: string;
  /** Whether it is one of the library's own. */
  readonly library: boolean;
  readonly fields: readonly Field[];
  /** Names of parameters and submodules in the order they were registered. */
  readonly order: readonly string[];
  readonly absent: readonly string[];
}

const libraryClass = (name: string): ModuleClass | undefined => {
  const found = Object.hasOwn(nn, name) ? (nn as unknown as Record<string, unknown>)[name] : undefined;
  return isModuleClass(found) ? found : undefined;
};

const isModuleClass = (value: unknown): value is ModuleClass =>
  typeof value === "function" && value.prototype instanceof Module;

/** Functions that fields may hold by name: they compute, and reach nothing else. */
const activations = [
  "relu",
  "tanh",
  "sigmoid",
  "softmax",
  "logSoftmax",
  "selu",
  "celu",
  "sin",
  "cos",
  "exp",
] as const;
const namespaces: Readonly<Record<string, object>> = {
  F: functional,
  torch: Object.fromEntries(activations.map((name) => [name, torch[name]])),
};

/** The name of a function of the library: `F.relu`. */
function functionName(value: unknown): string | undefined {
  for (const [space, members] of Object.entries(namespaces)) {
    for (const key of Object.keys(members)) {
      const property = Object.getOwnPropertyDescriptor(members, key);
      if (property?.value === value) return `${space}.${key}`;
    }
  }
  return undefined;
}

function functionNamed(name: unknown): unknown {
  const [space, key] = String(name).split(".", 2) as [string, string | undefined];
  const members = Object.hasOwn(namespaces, space) ? namespaces[space]! : {};
  const found: unknown = Object.getOwnPropertyDescriptor(members, key ?? "")?.value;
  if (typeof found !== "function")
    throw new UnpicklingError(`the file refers to ${String(name)}, which is no function of the library`);
  return found;
}

/** Whether a value has a form in files. */
function hasForm(value: unknown): boolean {
  if (typeof value === "function") return isModule(value);
  if (typeof value === "symbol") return false;
  if (typeof value !== "object" || value === null) return true;
  if (Array.isArray(value)) return value.every(hasForm);
  if (value instanceof Map) return [...(value as Map<unknown, unknown>)].flat().every(hasForm);
  if (value instanceof Set) return [...(value as Set<unknown>)].every(hasForm);
  if (isPlainObject(value)) return Object.values(value).every(hasForm);
  return [Tensor, DType, Device, MemoryFormat, Slice, Complex, Uint8Array].some(
    (type) => value instanceof type,
  );
}

/** What modules are, for one file: a module that is there twice is described once. */
export class Describer {
  readonly #known = new Map<Module, Description>();

  /** @throws NotImplementedError for modules with hooks: those are code. */
  describe(module: Module): Description {
    const known = this.#known.get(module);
    if (known) return known;
    const name = className(module);
    const registry = registryOf(module);
    if (
      Object.values(registry).some(
        (part) => part instanceof Map && part !== registry.buffers && part.size > 0,
      )
    ) {
      throw new NotImplementedError(
        `torch.save: a ${name} with hooks, which are code and have no form in a file. Save its stateDict()`,
      );
    }
    const fields: Field[] = [];
    const made: Description = {
      format: 1,
      class: name,
      library: libraryClass(name) === module.constructor,
      fields,
      order: [...settle(module)],
      absent: [...registry.absent],
    };
    this.#known.set(module, made);
    for (const key of Object.keys(module)) fields.push(this.#field(module, key));
    return made;
  }

  #field(module: Module, key: string): Field {
    const property = Object.getOwnPropertyDescriptor(module, key)!;
    if (!("value" in property)) {
      const buffer = registryOf(module).buffers.get(stateName(module, key));
      if (buffer) return [key, "buffer", buffer.tensor, buffer.persistent];
      return [key, "opaque", "computed value"];
    }
    const value: unknown = property.value;
    if (isModule(value)) return [key, "module", this.describe(value)];
    if (value instanceof Parameter) return [key, "parameter", value];
    if (value === undefined) return [key, "undefined", null];
    if (typeof value === "function") {
      const name = functionName(value);
      return name === undefined ? [key, "opaque", "function"] : [key, "function", name];
    }
    return hasForm(value) ? [key, "value", value] : [key, "opaque", (value as object).constructor.name];
  }
}

const damaged = (): UnpicklingError =>
  new UnpicklingError("the description of a model in the file is damaged");

/** Puts modules together again, for one file. */
export class Restorer {
  readonly #classes: ModuleClasses;
  readonly #made = new Map<object, Module>();

  constructor(classes: ModuleClasses) {
    this.#classes = classes;
  }

  /** @throws UnpicklingError when a class was not given, or is not the one that was saved. */
  restore(description: unknown): Module {
    const d = description as Description | null;
    if (typeof d !== "object" || d === null) throw damaged();
    const known = this.#made.get(d);
    if (known) return known;
    if (d.format !== 1 || typeof d.class !== "string" || !Array.isArray(d.fields)) throw damaged();
    const { module, fresh } = this.#begin(d);
    this.#made.set(d, module);
    for (const field of d.fields as readonly unknown[]) {
      if (!Array.isArray(field) || typeof field[0] !== "string" || field[0] in Module.prototype)
        throw damaged();
      this.#put(module, d, field as unknown as Field, fresh);
    }
    const { order, absent } = registryOf(module);
    for (const name of names(d.absent)) absent.add(name);
    if (fresh) {
      const known_ = new Set(d.fields.map(([name]) => name));
      const more = [...settle(module)].filter((key) => !known_.has(key));
      if (more.length > 0) {
        throw new UnpicklingError(
          `the class ${d.class} is not the one that was saved: it has ${more.join(", ")} besides`,
        );
      }
    }
    order.clear();
    for (const name of names(d.order)) order.add(name);
    settle(module);
    return module;
  }

  /** An object of the class: made by its constructor where that needs nothing, else without fields. */
  #begin(d: Description): { readonly module: Module; readonly fresh: boolean } {
    const name = d.class;
    if (d.library) {
      const type = libraryClass(name);
      if (!type) throw new UnpicklingError(`the file holds a ${name}, and there is no nn.${name}`);
      return { module: blankModule(type.prototype as Module), fresh: false };
    }
    const given = Object.hasOwn(this.#classes, name) ? this.#classes[name] : undefined;
    if (typeof given !== "function") {
      throw new UnpicklingError(
        `the file holds a ${name}, and files have no code: give its class, torch.load(file, { classes: { ${name} } })`,
      );
    }
    if (isModuleClass(given)) {
      if (given.length > 0) return { module: blankModule(given.prototype as Module), fresh: false };
      return { module: forkRng(() => withoutInit(() => new given())), fresh: true };
    }
    const made: unknown = forkRng(() => withoutInit(() => (given as () => unknown)()));
    if (!isModule(made) || className(made) !== name) {
      throw new UnpicklingError(`what classes.${name} gives is no ${name}`);
    }
    return { module: made, fresh: true };
  }

  #put(module: Module, d: Description, [key, kind, value, persistent]: Field, fresh: boolean): void {
    const set = (given: unknown): void => {
      Object.defineProperty(module, key, {
        value: given,
        configurable: true,
        enumerable: true,
        writable: true,
      });
    };
    switch (kind) {
      case "module":
        set(this.restore(value));
        return;
      case "parameter":
        if (!(value instanceof Parameter)) throw damaged();
        set(value);
        return;
      case "buffer":
        if (value !== null && (!(value instanceof Tensor) || isLazy(value))) throw damaged();
        module.registerBuffer(key, value, persistent ?? true);
        return;
      case "undefined":
        set(undefined);
        return;
      case "value":
        set(value);
        return;
      case "function":
        set(functionNamed(value));
        return;
      case "opaque":
        if (fresh && Object.hasOwn(module, key)) return;
        throw new UnpicklingError(
          `the field ${key} of ${d.class} is a ${String(value)}, which is not in the file: ` +
            `say how one is made, torch.load(file, { classes: { ${d.class}: () => new ${d.class}(…) } })`,
        );
      default:
        throw damaged();
    }
  }
}

function names(value: unknown): readonly string[] {
  if (!Array.isArray(value) || !value.every((name) => typeof name === "string")) throw damaged();
  return value;
}
