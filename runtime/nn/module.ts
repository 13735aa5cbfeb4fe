import { noGrad } from "../autograd/mode.js";
import { AttributeError } from "../errors.js";
import type { CallArgs } from "../ops/schema.js";
import type { DeviceLike } from "../tensor/device.js";
import { bfloat16, float16, float32, float64, type DType } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { bound } from "./arguments.js";
import { callModule } from "./call.js";
import { destination } from "./destination.js";
import { Hooked } from "./hooked.js";
import {
  checkName,
  className,
  isModule,
  newRegistry,
  ownParameters,
  register,
  registryOf,
  setBuffer,
  stateName,
  submodules,
} from "./registry.js";
import { Parameter } from "./parameter.js";
import { printed } from "./repr.js";
import {
  loadInto,
  loadOwn,
  saveInto,
  type IncompatibleKeys,
  type LoadContext,
  type StateDict,
} from "./state.js";

export { isLibraryLayer, observeCalls, type CallObserver } from "./call.js";
export { RemovableHandle } from "../autograd/node.js";
export { className, members, snake } from "./registry.js";

export interface Module {
  /** Runs the hooks and `forward`. */
  (...args: Parameters<this["forward"]>): ReturnType<this["forward"]>;
  /** What else belongs in the state dict, under `_extra_state`; a class that has it has `setExtraState` too. */
  getExtraState?(): unknown;
  setExtraState?(state: unknown): void;
}

const namedMembers = "named(str prefix='', bool recurse=True, bool remove_duplicate=True) -> any";
const namedModules = "named_modules(any memo=None, str prefix='', bool remove_duplicate=True) -> any";
const stateDict = "state_dict(*, any destination=None, str prefix='', bool keep_vars=False) -> any";
const loadStateDict = "load_state_dict(bool strict=True, bool assign=False) -> any";

/** Where to convert a module to. */
export interface ModuleToOptions {
  readonly device?: DeviceLike | null;
  readonly dtype?: DType | null;
  readonly nonBlocking?: boolean;
}

/**
 * Base class of all models and layers. Fields that hold modules or parameters are registered in the order they are
 * declared; the module is called like a function.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.Module.html
 */
export abstract class Module extends Hooked {
  /**
   * Fields whose names in the state dict are not their TypeScript names. The library's layers use PyTorch's names
   * (`inProjWeight` is `in_proj_weight`); a user's names are taken as they are.
   */
  static readonly stateNames: "pytorch" | "verbatim" = "verbatim";

  /** Whether the module is in training mode: dropout drops, batch norm uses the batch's statistics. */
  declare training: boolean;

  constructor() {
    super();
    return blankModule(new.target.prototype as Module);
  }

  /** What calling the module computes. */
  abstract forward(...args: never[]): unknown;

  /** @internal The version of the layout of its state. */
  get _version(): number {
    return 1;
  }

  /** Own submodules by name, in order, each once. */
  *namedChildren(): Generator<[string, Module]> {
    const seen = new Set<Module>();
    for (const [name, child] of submodules(this)) {
      if (seen.has(child)) continue;
      seen.add(child);
      yield [name, child];
    }
  }

  *children(): Generator<Module> {
    for (const [, m] of this.namedChildren()) yield m;
  }

  /** This module and all below it with their dotted names, each module once unless `removeDuplicate` is false. */
  *namedModules(...args: CallArgs<typeof namedModules>): Generator<[string, Module]> {
    const { memo, prefix, removeDuplicate } = bound(namedModules, args);
    const seen = (memo as Set<Module> | null) ?? new Set<Module>();
    if (removeDuplicate) {
      if (seen.has(this)) return;
      seen.add(this);
    }
    yield [prefix, this];
    for (const [name, child] of submodules(this)) {
      yield* child.namedModules(seen, prefix ? `${prefix}.${name}` : name, removeDuplicate);
    }
  }

  *modules(): Generator<Module> {
    for (const [, m] of this.namedModules()) yield m;
  }

  /** Parameters with their dotted names, each once; only this module's own with `recurse: false`. */
  *namedParameters(...args: CallArgs<typeof namedMembers>): Generator<[string, Parameter]> {
    yield* below(this, args, ownParameters);
  }

  *parameters(recurse = true): Generator<Parameter> {
    for (const [, p] of this.namedParameters({ recurse })) yield p;
  }

  /** Buffers with their dotted names, each once; only this module's own with `recurse: false`. */
  *namedBuffers(...args: CallArgs<typeof namedMembers>): Generator<[string, Tensor]> {
    yield* below(this, args, function* (module) {
      for (const [name, { tensor }] of registryOf(module).buffers) if (tensor) yield [name, tensor];
    });
  }

  *buffers(recurse = true): Generator<Tensor> {
    for (const [, b] of this.namedBuffers({ recurse })) yield b;
  }

  /**
   * Adds a tensor that is state but not learned. It is a field of that name too, and in the state dict if persistent.
   * @throws KeyError for names that are taken, empty or contain a dot; TypeError for what is no tensor.
   */
  registerBuffer(
    name: string,
    tensor: Tensor | null,
    persistent: boolean | { readonly persistent?: boolean } = true,
  ): void {
    const keep = typeof persistent === "boolean" ? persistent : (persistent.persistent ?? true);
    checkName("buffer", this, name);
    const key = stateName(this, name);
    setBuffer(this, key, tensor, keep);
    // Through `this`, so that a copy's accessor reads the copy.
    Object.defineProperty(this, name, {
      configurable: true,
      enumerable: true,
      get(this: Module) {
        return registryOf(this).buffers.get(key)?.tensor;
      },
      set(this: Module, value: Tensor | null) {
        setBuffer(this, key, value, registryOf(this).buffers.get(key)?.persistent ?? keep);
      },
    });
  }

  /** Adds a parameter under a name that is not a declared field; `null` says that there is none. */
  registerParameter(name: string, parameter: Parameter | null): void {
    checkName("parameter", this, name);
    if (parameter !== null && !(parameter instanceof Parameter)) {
      throw new TypeError(`cannot assign a value that is not a Parameter or null as parameter '${name}'`);
    }
    register(this, name, parameter);
  }

  /** Adds a submodule under a name. */
  registerModule(name: string, module: Module | null): void {
    this.addModule(name, module);
  }

  /** Adds a submodule under a name; `null` says that there is none. */
  addModule(name: string, module: Module | null): void {
    if (module !== null && !isModule(module))
      throw new TypeError(`${String(module)} is not a Module subclass`);
    checkName("module", this, name);
    register(this, name, module);
    const { absent } = registryOf(this);
    if (module === null) absent.add(name);
    else absent.delete(name);
  }

  /** The submodule at a dotted path. @throws AttributeError when a part is missing. */
  getSubmodule(target: string): Module {
    let module: Module = this;
    for (const part of target === "" ? [] : target.split(".")) {
      const child = new Map(submodules(module)).get(part);
      if (!child) throw new AttributeError(`${className(module)} has no attribute \`${part}\``);
      module = child;
    }
    return module;
  }

  /** The parameter at a dotted path. @throws AttributeError when there is none. */
  getParameter(target: string): Parameter {
    const [module, name] = splitPath(this, target);
    const p = new Map(ownParameters(module)).get(name);
    if (!p) throw new AttributeError(`${className(module)} has no attribute \`${name}\``);
    return p;
  }

  /** The buffer at a dotted path. @throws AttributeError when there is none. */
  getBuffer(target: string): Tensor {
    const [module, name] = splitPath(this, target);
    const b = registryOf(module).buffers.get(name)?.tensor;
    if (!b) throw new AttributeError(`\`${name}\` is not a buffer of ${className(module)}`);
    return b;
  }

  /** Sets training mode, here and below. */
  train(mode = true): this {
    if (typeof mode !== "boolean") throw new TypeError("training mode is expected to be boolean");
    this.training = mode;
    for (const m of this.children()) m.train(mode);
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

  /**
   * Moves parameters and buffers to a device and converts the floating ones to a dtype, in place.
   * @throws TypeError for dtypes that are not floating.
   */
  to(dtype: DType, options?: { readonly nonBlocking?: boolean }): this;
  to(device: DeviceLike, dtype?: DType | null, options?: { readonly nonBlocking?: boolean }): this;
  to(like: Tensor): this;
  to(options: ModuleToOptions): this;
  to(...args: unknown[]): this {
    const { device, dtype } = destination(args);
    if (dtype && !dtype.isFloatingPoint) {
      throw new TypeError(
        `nn.Module.to only accepts floating point dtypes, but got desired dtype=${String(dtype)}`,
      );
    }
    return this._apply((t) => {
      const typed = dtype && t.dtype.isFloatingPoint ? t.to(dtype) : t;
      return device ? typed.to(device) : typed;
    });
  }

  /** @internal Replaces the contents of all parameters, gradients and buffers. */
  _apply(fn: (t: Tensor) => Tensor): this {
    const replace = (t: Tensor): void => {
      const next = fn(t.detach());
      if (next._storage === t._storage) return;
      t._become(next._fresh());
      t._storage.markState();
    };
    noGrad(() => {
      for (const p of this.parameters()) {
        replace(p);
        if (p.grad) replace(p.grad);
      }
      for (const b of this.buffers()) replace(b);
    });
    return this;
  }

  /** Converts floating parameters and buffers to float32. */
  float(): this {
    return this.to(float32);
  }

  double(): this {
    return this.to(float64);
  }

  half(): this {
    return this.to(float16);
  }

  bfloat16(): this {
    return this.to(bfloat16);
  }

  /** Converts all parameters and buffers, integer ones too. */
  type(dstType: DType): this {
    return this._apply((t) => t.to(dstType));
  }

  cpu(): this {
    return this.to("cpu");
  }

  cuda(device: number | null = null): this {
    return this.to(device === null ? "cuda" : `cuda:${String(device)}`);
  }

  /** Parameters and persistent buffers by dotted name, in order: PyTorch's keys. Detached unless `keepVars`. */
  stateDict(...args: CallArgs<typeof stateDict>): StateDict {
    const o = bound(stateDict, args);
    const out = (o.destination as StateDict | null) ?? new Map<string, Tensor>();
    saveInto(out, this, o.prefix, o.keepVars);
    return out;
  }

  /**
   * Copies parameters and buffers from a state dict; with `assign` takes the given tensors themselves.
   * @throws RuntimeError naming missing and unexpected keys (unless `strict` is false) and differing sizes; nothing is
   * loaded then.
   */
  loadStateDict(
    state: ReadonlyMap<string, Tensor> | Readonly<Record<string, Tensor>>,
    ...rest: CallArgs<typeof loadStateDict>
  ): IncompatibleKeys {
    const { strict, assign } = bound(loadStateDict, rest);
    return loadInto(this, state, strict, assign);
  }

  /** @internal Loads what is this module's own; layers whose layout changed over time begin with that. */
  _loadFromStateDict(state: StateDict, prefix: string, on: LoadContext): void {
    loadOwn(this, state, prefix, on);
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
  override toString(): string {
    return printed(this);
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
  newRegistry(self);
  self.training = true;
  return self;
}

function splitPath(module: Module, target: string): [Module, string] {
  const dot = target.lastIndexOf(".");
  return [module.getSubmodule(dot < 0 ? "" : target.slice(0, dot)), target.slice(dot + 1)];
}

/** Named members of a module and of those below it, each once. */
function* below<T>(
  module: Module,
  args: readonly unknown[],
  own: (module: Module) => Iterable<[string, T]>,
): Generator<[string, T]> {
  const { prefix, recurse, removeDuplicate } = bound(namedMembers, args);
  const seen = new Set<T>();
  const all: Iterable<[string, Module]> = recurse
    ? module.namedModules({ prefix, removeDuplicate })
    : [[prefix, module]];
  for (const [path, m] of all) {
    for (const [name, value] of own(m)) {
      if (removeDuplicate && seen.has(value)) continue;
      seen.add(value);
      yield [path ? `${path}.${name}` : name, value];
    }
  }
}
