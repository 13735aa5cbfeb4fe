import { AttributeError, KeyError } from "../errors.js";
import { isPlainObject } from "../ops/bind.js";
import { asUser, enterCall, leaveCall, reportModuleResult } from "../ops/depth.js";
import { noGrad } from "../autograd/mode.js";
import type { DType } from "../tensor/dtype.js";
import { Tensor } from "../tensor/tensor.js";
import { Parameter } from "./parameter.js";
import { loadInto, type IncompatibleKeys, type StateDict } from "./state.js";

type Hook = (module: Module, args: readonly unknown[], result?: unknown) => unknown;

/** Undoes a registration: `handle.remove()`. */
export class RemovableHandle implements Disposable {
  readonly #remove: () => void;
  constructor(remove: () => void) {
    this.#remove = remove;
  }
  remove(): void {
    this.#remove();
  }
  [Symbol.dispose](): void {
    this.#remove();
  }
}

interface Registry {
  readonly buffers: Map<string, { tensor: Tensor | null; readonly persistent: boolean }>;
  /** Submodules and parameters that are not fields: `addModule`, `registerParameter`, containers. */
  readonly extra: Map<string, Module | Parameter | null>;
  readonly preHooks: Map<number, Hook>;
  readonly hooks: Map<number, Hook>;
  training: boolean;
}

const registries = new WeakMap<Module, Registry>();
let lastHook = 0;
let callDepth = 0;

/** Watches module calls: the tracer and summaries. Called after `forward`, innermost first. */
export type CallObserver = (module: Module, args: readonly unknown[], result: unknown) => void;
const observers = new Set<{ readonly enter?: (module: Module) => void; readonly leave: CallObserver }>();

/** Adds an observer of all module calls. */
export function observeCalls(observer: {
  readonly enter?: (module: Module) => void;
  readonly leave: CallObserver;
}): RemovableHandle {
  observers.add(observer);
  return new RemovableHandle(() => observers.delete(observer));
}

export interface Module {
  /** Runs the hooks and `forward`. */
  (...args: Parameters<this["forward"]>): ReturnType<this["forward"]>;
}

/**
 * Base class of all models and layers. Fields that hold modules or parameters are registered in the order they are
 * declared; the module is called like a function.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.Module.html
 */
export abstract class Module {
  /**
   * Fields whose names in the state dict are not their TypeScript names. The library's layers use PyTorch's names
   * (`inProjWeight` is `in_proj_weight`); a user's names are taken as they are.
   */
  static readonly stateNames: "pytorch" | "verbatim" = "verbatim";

  constructor() {
    return blankModule(new.target.prototype as Module);
  }

  /** What calling the module computes. */
  abstract forward(...args: never[]): unknown;

  /** Whether the module is in training mode: dropout drops, batch norm uses the batch's statistics. */
  get training(): boolean {
    return registryOf(this).training;
  }

  set training(on: boolean) {
    registryOf(this).training = on;
  }

  /** Own submodules by name, in order. */
  *namedChildren(): Generator<[string, Module]> {
    const seen = new Set<Module>();
    for (const [name, value] of members(this)) {
      if (value instanceof Module && !seen.has(value)) {
        seen.add(value);
        yield [name, value];
      }
    }
  }

  *children(): Generator<Module> {
    for (const [, m] of this.namedChildren()) yield m;
  }

  /** This module and all below it with their dotted names, each module once. */
  *namedModules(prefix = "", seen = new Set<Module>()): Generator<[string, Module]> {
    if (seen.has(this)) return;
    seen.add(this);
    yield [prefix, this];
    for (const [name, child] of members(this)) {
      if (child instanceof Module) yield* child.namedModules(prefix ? `${prefix}.${name}` : name, seen);
    }
  }

  *modules(): Generator<Module> {
    for (const [, m] of this.namedModules()) yield m;
  }

  /** Parameters with their dotted names, each once; only this module's own with `recurse: false`. */
  *namedParameters(prefix = "", recurse = true): Generator<[string, Parameter]> {
    const seen = new Set<Parameter>();
    const all: Iterable<[string, Module]> = recurse ? this.namedModules(prefix) : [[prefix, this]];
    for (const [path, module] of all) {
      for (const [name, value] of members(module)) {
        if (value instanceof Parameter && !seen.has(value)) {
          seen.add(value);
          yield [path ? `${path}.${name}` : name, value];
        }
      }
    }
  }

  *parameters(recurse = true): Generator<Parameter> {
    for (const [, p] of this.namedParameters("", recurse)) yield p;
  }

  /** Buffers with their dotted names, each once. */
  *namedBuffers(prefix = "", recurse = true): Generator<[string, Tensor]> {
    const seen = new Set<Tensor>();
    const all: Iterable<[string, Module]> = recurse ? this.namedModules(prefix) : [[prefix, this]];
    for (const [path, module] of all) {
      for (const [name, { tensor }] of registryOf(module).buffers) {
        if (tensor && !seen.has(tensor)) {
          seen.add(tensor);
          yield [path ? `${path}.${name}` : name, tensor];
        }
      }
    }
  }

  *buffers(recurse = true): Generator<Tensor> {
    for (const [, b] of this.namedBuffers("", recurse)) yield b;
  }

  /**
   * Adds a tensor that is state but not learned. It is a field of that name too, and in the state dict if persistent.
   * @throws TypeError for names that are taken or contain a dot.
   */
  registerBuffer(
    name: string,
    tensor: Tensor | null,
    persistent: boolean | { readonly persistent?: boolean } = true,
  ): void {
    checkName("buffer", this, name);
    const keep = typeof persistent === "boolean" ? persistent : (persistent.persistent ?? true);
    tensor?._storage.markState();
    const buffers = registryOf(this).buffers;
    buffers.set(stateName(this, name), { tensor, persistent: keep });
    Object.defineProperty(this, name, {
      configurable: true,
      enumerable: true,
      get: () => buffers.get(stateName(this, name))!.tensor,
      set: (value: Tensor | null) => {
        value?._storage.markState();
        buffers.set(stateName(this, name), { tensor: value, persistent: keep });
      },
    });
  }

  /** Adds a parameter under a name that is not a declared field; `null` says that there is none. */
  registerParameter(name: string, parameter: Parameter | null): void {
    checkName("parameter", this, name);
    register(this, name, parameter);
  }

  /** Adds a submodule under a name. */
  registerModule(name: string, module: Module | null): void {
    this.addModule(name, module);
  }

  /** Adds a submodule under a name. */
  addModule(name: string, module: Module | null): void {
    checkName("module", this, name);
    register(this, name, module);
  }

  /** The submodule at a dotted path. @throws Error when a part is missing. */
  getSubmodule(target: string): Module {
    let module: Module = this;
    for (const part of target === "" ? [] : target.split(".")) {
      const child = new Map(members(module)).get(part);
      if (!(child instanceof Module))
        throw new AttributeError(`${className(module)} has no attribute \`${part}\``);
      module = child;
    }
    return module;
  }

  /** The parameter at a dotted path. */
  getParameter(target: string): Parameter {
    const dot = target.lastIndexOf(".");
    const module = this.getSubmodule(dot < 0 ? "" : target.slice(0, dot));
    const p = new Map(members(module)).get(target.slice(dot + 1));
    if (!(p instanceof Parameter)) {
      throw new AttributeError(`${className(module)} has no parameter \`${target.slice(dot + 1)}\``);
    }
    return p;
  }

  /** The buffer at a dotted path. */
  getBuffer(target: string): Tensor {
    const dot = target.lastIndexOf(".");
    const module = this.getSubmodule(dot < 0 ? "" : target.slice(0, dot));
    const b = registryOf(module).buffers.get(target.slice(dot + 1))?.tensor;
    if (!b) throw new AttributeError(`${className(module)} has no buffer \`${target.slice(dot + 1)}\``);
    return b;
  }

  /** Sets training mode, here and below. */
  train(mode = true): this {
    for (const m of this.modules()) registryOf(m).training = mode;
    return this;
  }

  /** Sets evaluation mode, here and below. */
  eval(): this {
    return this.train(false);
  }

  /** Applies a function to every module, children first. */
  apply(fn: (module: Module) => void): this {
    for (const child of this.children()) child.apply(fn);
    fn(this);
    return this;
  }

  /** Starts or stops recording for all parameters. */
  requiresGrad_(requiresGrad = true): this {
    for (const p of this.parameters()) p.requiresGrad_(requiresGrad);
    return this;
  }

  /** Drops the gradients of all parameters, or zeroes them. */
  zeroGrad(setToNone: boolean | { readonly setToNone?: boolean } = true): void {
    const none = typeof setToNone === "boolean" ? setToNone : (setToNone.setToNone ?? true);
    for (const p of this.parameters()) {
      if (none || !p.grad) p.grad = null;
      else {
        const grad = p.grad;
        noGrad(() => grad.detach().zero_());
      }
    }
  }

  /** Converts floating parameters and buffers to a dtype. */
  to(dtype: DType | { readonly dtype?: DType }): this {
    const type = isPlainObject(dtype) ? (dtype as { dtype?: DType }).dtype : (dtype as DType);
    if (!type) return this;
    if (!type.isFloatingPoint) {
      throw new TypeError(
        `nn.Module.to only accepts floating point dtypes, but got desired dtype=${String(type)}`,
      );
    }
    return this._apply((t) => (t.dtype.isFloatingPoint ? t.to(type) : t));
  }

  /** @internal Replaces the contents of all parameters, gradients and buffers. */
  _apply(fn: (t: Tensor) => Tensor): this {
    noGrad(() => {
      const replace = (t: Tensor): void => {
        const next = fn(t.detach());
        if (next._storage === t._storage) return;
        t._become(next._fresh());
        t._storage.markState();
      };
      for (const p of this.parameters()) {
        replace(p);
        if (p.grad) replace(p.grad);
      }
      for (const b of this.buffers()) replace(b);
    });
    return this;
  }

  float(): this {
    return this._apply((t) => (t.dtype.isFloatingPoint ? t.float() : t));
  }

  double(): this {
    return this._apply((t) => (t.dtype.isFloatingPoint ? t.double() : t));
  }

  half(): this {
    return this._apply((t) => (t.dtype.isFloatingPoint ? t.half() : t));
  }

  bfloat16(): this {
    return this._apply((t) => (t.dtype.isFloatingPoint ? t.bfloat16() : t));
  }

  /** Parameters and persistent buffers by dotted name, in order, detached: PyTorch's keys. */
  stateDict(prefix = ""): StateDict {
    const out: StateDict = new Map();
    const walk = (module: Module, path: string): void => {
      for (const [name, value] of members(module)) {
        if (value instanceof Parameter) out.set(path + name, value.detach());
      }
      for (const [name, { tensor, persistent }] of registryOf(module).buffers) {
        if (tensor && persistent) out.set(path + name, tensor.detach());
      }
      for (const [name, value] of members(module))
        if (value instanceof Module) walk(value, `${path}${name}.`);
    };
    walk(this, prefix);
    return out;
  }

  /**
   * Copies parameters and buffers from a state dict.
   * @throws RuntimeError naming missing and unexpected keys (unless `strict` is false) and differing sizes.
   */
  loadStateDict(
    state: StateDict | Readonly<Record<string, Tensor>>,
    strict: boolean | { readonly strict?: boolean } = true,
  ): IncompatibleKeys {
    return loadInto(this, state, typeof strict === "boolean" ? strict : (strict.strict ?? true));
  }

  /** Calls `hook(module, args)` before `forward`; what it returns replaces the arguments. */
  registerForwardPreHook(hook: (module: Module, args: readonly unknown[]) => unknown): RemovableHandle {
    const { preHooks } = registryOf(this);
    const id = ++lastHook;
    preHooks.set(id, hook);
    return new RemovableHandle(() => preHooks.delete(id));
  }

  /** Calls `hook(module, args, result)` after `forward`; what it returns replaces the result. */
  registerForwardHook(
    hook: (module: Module, args: readonly unknown[], result: unknown) => unknown,
  ): RemovableHandle {
    const { hooks } = registryOf(this);
    const id = ++lastHook;
    hooks.set(id, hook);
    return new RemovableHandle(() => hooks.delete(id));
  }

  /** The line of settings in the printed form: `3, 64, kernel_size=(7, 7)`. */
  extraRepr(): string {
    return "";
  }

  /** @internal The class name in the printed form. */
  _getName(): string {
    return className(this);
  }

  /** The module and what is below it, as PyTorch prints it. */
  toString(): string {
    const extra = this.extraRepr();
    const extraLines = extra ? extra.split("\n") : [];
    const childLines: string[] = [];
    for (const [name, child] of members(this)) {
      if (child instanceof Module) childLines.push(`(${name}): ${indent(String(child), 2)}`);
    }
    const lines = [...extraLines, ...childLines];
    if (lines.length === 0) return `${this._getName()}()`;
    if (extraLines.length === 1 && childLines.length === 0) return `${this._getName()}(${extraLines[0]!})`;
    return `${this._getName()}(\n  ${lines.join("\n  ")}\n)`;
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.toString();
  }
}

/** @internal A callable module of a class with no fields yet: what the constructor and `deepcopy` begin with. */
export function blankModule(prototype: Module): Module {
  const callable = (...args: unknown[]): unknown => callModule(callable as unknown as Module, args);
  // A function's own name and length would shadow fields of these names.
  delete (callable as { name?: string }).name;
  delete (callable as { length?: number }).length;
  const self = Object.setPrototypeOf(callable, prototype) as Module;
  registries.set(self, {
    buffers: new Map(),
    extra: new Map(),
    preHooks: new Map(),
    hooks: new Map(),
    training: true,
  });
  return self;
}

/** A private method would not be there: instances are functions that the constructor of `Module` did not make. */
function register(module: Module, name: string, value: Module | Parameter | null): void {
  registryOf(module).extra.set(stateName(module, name), value);
  Object.defineProperty(module, name, { configurable: true, enumerable: true, writable: true, value });
}

function indent(text: string, by: number): string {
  const [first, ...rest] = text.split("\n");
  return [first, ...rest.map((l) => " ".repeat(by) + l)].join("\n");
}

export function className(module: Module): string {
  return (module.constructor as { name: string }).name;
}

/** @internal */
export function registryOf(module: Module): Registry {
  return registries.get(module)!;
}

/** @internal The state-dict name of a field. */
export function stateName(module: Module, field: string): string {
  return (module.constructor as typeof Module).stateNames === "pytorch" ? snake(field) : field;
}

/** `inProjWeight` → `in_proj_weight`, `weightIhL0` → `weight_ih_l0`. */
export function snake(name: string): string {
  return name.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`);
}

/** Parameters and submodules under their state names, in declaration order; `null`s and other fields left out. */
export function* members(module: Module): Generator<[string, Module | Parameter]> {
  const { extra } = registryOf(module);
  const seen = new Set<string>();
  for (const key of Object.keys(module)) {
    const descriptor = Object.getOwnPropertyDescriptor(module, key)!;
    const value: unknown = "value" in descriptor ? descriptor.value : undefined;
    if (!(value instanceof Module || value instanceof Parameter)) continue;
    const name = stateName(module, key);
    seen.add(name);
    yield [name, value];
  }
  for (const [name, value] of extra) if (value && !seen.has(name)) yield [name, value];
}

function checkName(kind: string, module: Module, name: string): void {
  if (name === "") throw new KeyError(`${kind} name can't be empty string ""`);
  if (name.includes(".")) throw new KeyError(`${kind} name can't contain ".", got: ${name}`);
  const taken = Object.getOwnPropertyDescriptor(module, name);
  const registered =
    registryOf(module).buffers.has(stateName(module, name)) || registryOf(module).extra.has(name);
  if ((taken?.value !== undefined && !registered) || (!registered && name in Module.prototype)) {
    throw new KeyError(`attribute '${name}' already exists`);
  }
}

function callModule(module: Module, args: unknown[]): unknown {
  const { preHooks, hooks } = registryOf(module);
  callDepth++;
  const outer = enterCall();
  try {
    for (const o of observers) o.enter?.(module);
    return asUser(() => {
      let input = args;
      for (const hook of preHooks.values()) {
        const replaced = hook(module, input);
        if (replaced !== undefined && replaced !== null)
          input = Array.isArray(replaced) ? replaced : [replaced];
      }
      const forward = module.forward as (...a: unknown[]) => unknown;
      let result = forward.apply(module, input);
      for (const hook of hooks.values()) {
        const replaced = hook(module, input, result);
        if (replaced !== undefined && replaced !== null) result = replaced;
      }
      for (const o of observers) o.leave(module, input, result);
      if (callDepth === 1) report(result);
      return result;
    });
  } finally {
    leaveCall(outer);
    callDepth--;
  }
}

function report(result: unknown): void {
  if (result instanceof Tensor) reportModuleResult(result);
  else if (Array.isArray(result)) result.forEach(report);
}
