/** Parameters and buffers computed from others. @see https://pytorch.org/tutorials/intermediate/parametrizations.html */
import { noGrad } from "../../autograd/mode.js";
import { NotImplementedError, RuntimeError, ValueError } from "../../errors.js";
import { sameShape } from "../../ops/apply.js";
import { typeName } from "../../ops/bind.js";
import { Tensor } from "../../tensor/tensor.js";
import { ModuleDict, ModuleList } from "../container.js";
import type { Module } from "../module.js";
import { Parameter } from "../parameter.js";
import { className, stateName } from "../registry.js";
import { fieldOf, memberOf, putMember, takeOff, tensorOf } from "./attributes.js";

/** What computes a parameter: `forward`, and the way back, which says where an assigned value comes from. */
export interface Parametrization extends Module {
  forward(...originals: Tensor[]): Tensor;
  /** Its result may be several tensors when it is the first on its tensor: `forward` is given as many. */
  rightInverse?(value: Tensor): Tensor | readonly Tensor[];
}

/** A module with parametrizations. */
export type Parametrized<M extends Module = Module> = M & {
  readonly parametrizations: ModuleDict<ParametrizationList>;
};

const callable = (p: Module): ((...args: unknown[]) => unknown) => p as unknown as () => unknown;

/** The way back through parametrizations, last first; where one has none it is the identity. */
function inverted(list: readonly Parametrization[], value: Tensor): unknown {
  let back: unknown = value;
  for (const p of [...list].reverse()) {
    try {
      back = p.rightInverse ? p.rightInverse(back as Tensor) : back;
    } catch (error) {
      if (!(error instanceof NotImplementedError)) throw error;
    }
  }
  return back;
}

const dtypeOf = (t: Tensor): string => String(t.dtype);

function replace(original: Tensor, value: Tensor): void {
  if (original === value) return;
  original._become(value.detach()._fresh());
  original._storage.markState();
}

/**
 * The parametrizations of one tensor in their order, with the tensors that they compute it from: `original`, or
 * `original0`, `original1`, … where the first one's `rightInverse` gives several.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.utils.parametrize.ParametrizationList.html
 */
export class ParametrizationList extends ModuleList<Parametrization> {
  /** Whether dtype and shape may differ from those of `original`. */
  unsafe: boolean;
  /** Whether there is one original. */
  isTensor: boolean;
  ntensors: number;

  /** @throws ValueError where results are no tensors, or dtype and shape change though not `unsafe`. */
  constructor(
    modules: readonly Parametrization[],
    original: Tensor,
    options: { readonly unsafe?: boolean } = {},
  ) {
    if (modules.length === 0) throw new ValueError("ParametrizationList needs at least one module");
    super(modules);
    this.unsafe = options.unsafe ?? false;
    const { shape, dtype } = original;
    const back = noGrad(() => inverted(modules, original));
    if (!(back instanceof Tensor) && !Array.isArray(back)) {
      throw new ValueError(`rightInverse must give a Tensor or an array of them, not ${typeName(back)}`);
    }
    this.isTensor = back instanceof Tensor;
    this.ntensors = back instanceof Tensor ? 1 : back.length;
    if (back instanceof Tensor) {
      if (back.dtype !== dtype) {
        throw new ValueError(
          `rightInverse may not change the dtype: it gives ${dtypeOf(back)} for ${String(dtype)}`,
        );
      }
      // The parameter stays the same object: optimizers know it.
      replace(original, back);
      putMember(this, "original", original);
    } else {
      back.forEach((part: unknown, i) => {
        if (!(part instanceof Tensor)) {
          throw new ValueError(
            `rightInverse must give Tensors: element ${String(i)} is of type ${typeName(part)}`,
          );
        }
        const own = original instanceof Parameter ? new Parameter(part.detach()) : part.detach();
        own.requiresGrad_(original.requiresGrad);
        putMember(this, `original${String(i)}`, own);
      });
    }
    if (!this.unsafe) this.check(callable(this)(), { shape, dtype: String(dtype) });
  }

  private check(z: unknown, was: { readonly shape: readonly number[]; readonly dtype: string }): void {
    checkResult(z, "the tensor");
    if (dtypeOf(z) !== was.dtype) {
      throw new ValueError(
        `a parametrization may not change the dtype unless it is registered with \`unsafe\`: ${was.dtype} would become ${dtypeOf(z)}`,
      );
    }
    if (!sameShape(z.shape, was.shape)) {
      throw new ValueError(
        `a parametrization may not change the shape unless it is registered with \`unsafe\`: [${was.shape.join(", ")}] would become [${z.shape.join(", ")}]`,
      );
    }
  }

  private originalAt(i: number): Tensor {
    return tensorOf(this, this.isTensor ? "original" : `original${String(i)}`);
  }

  /**
   * Gives the originals the values from which `value` is computed: what assigning to the parametrized tensor does.
   * @throws RuntimeError when a parametrization has no `rightInverse`; ValueError for results of another kind.
   */
  rightInverse(value: Tensor): void {
    noGrad(() => {
      let back: unknown = value;
      for (const p of [...this].reverse()) {
        if (!p.rightInverse) {
          throw new RuntimeError(`parametrization ${className(p)} does not implement rightInverse`);
        }
        back = p.rightInverse(back as Tensor);
      }
      if (!this.isTensor && !Array.isArray(back)) {
        throw new ValueError(`rightInverse must give an array of tensors, not ${typeName(back)}`);
      }
      const parts: readonly unknown[] = this.isTensor ? [back] : (back as unknown[]);
      if (parts.length !== this.ntensors) {
        throw new ValueError(
          `rightInverse must give ${String(this.ntensors)} tensors, not ${String(parts.length)}`,
        );
      }
      parts.forEach((part, i) => {
        if (!(part instanceof Tensor)) {
          throw new ValueError(`rightInverse must give tensors, not ${typeName(part)}`);
        }
        const original = this.originalAt(i);
        if (part.dtype !== original.dtype) {
          throw new ValueError(
            `rightInverse gives ${dtypeOf(part)} where the original is ${dtypeOf(original)}`,
          );
        }
      });
      parts.forEach((part, i) => {
        replace(this.originalAt(i), part as Tensor);
      });
    });
  }

  override forward(): Tensor {
    const [first, ...rest] = this;
    const originals = Array.from({ length: this.ntensors }, (_, i) => this.originalAt(i));
    let x = callable(first!)(...originals);
    for (const p of rest) x = callable(p)(x);
    return x as Tensor;
  }
}

function checkResult(z: unknown, what: string): asserts z is Tensor {
  if (!(z instanceof Tensor)) {
    throw new ValueError(`a parametrization must give a Tensor for ${what}, not ${typeName(z)}`);
  }
}

/** How deep we are in `cached`, and what was computed since the outermost began. */
let depth = 0;
const cache = new Map<ParametrizationList, Tensor>();

function leave(): void {
  if (--depth === 0) cache.clear();
}

/** Ends the caching that `using` opened. */
class CacheGuard implements Disposable {
  [Symbol.dispose](): void {
    leave();
  }
}

/**
 * Inside, every parametrized tensor is computed once, however often it is read. Runs a function and gives its result;
 * without one, `using _ = parametrize.cached()` does it to the end of the block.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.utils.parametrize.cached.html
 */
export function cached(): Disposable;
export function cached<T>(body: () => T): T;
export function cached<T>(body?: () => T): T | Disposable {
  depth++;
  if (!body) return new CacheGuard();
  let result: T;
  try {
    result = body();
  } catch (error) {
    leave();
    throw error;
  }
  if (result instanceof Promise) return result.finally(leave) as T;
  leave();
  return result;
}

function computed(list: ParametrizationList): Tensor {
  const known = cache.get(list);
  if (known) return known;
  const made = callable(list)() as Tensor;
  if (depth > 0) cache.set(list, made);
  return made;
}

/** The classes of parametrized modules, `ParametrizedLinear` for `Linear`, each made once. */
const classes = new WeakMap<object, object>();

function parametrizedClass(prototype: object): object {
  const known = classes.get(prototype);
  if (known) return known;
  const base = prototype.constructor as abstract new (...args: never[]) => Module;
  abstract class Made extends base {}
  Object.defineProperty(Made, "name", { value: `Parametrized${base.name}` });
  classes.set(prototype, Made.prototype);
  return Made.prototype;
}

function listOf(module: Module, field: string): ParametrizationList | undefined {
  return listsOf(module)?.get(stateName(module, field));
}

function listsOf(module: Module): ModuleDict<ParametrizationList> | undefined {
  const own: unknown = Object.getOwnPropertyDescriptor(module, "parametrizations")?.value;
  return own instanceof ModuleDict ? (own as ModuleDict<ParametrizationList>) : undefined;
}

function defineComputed(module: Module, field: string): void {
  // Through `this`, so that a copy's accessor reads the copy.
  Object.defineProperty(module, field, {
    configurable: true,
    enumerable: true,
    get(this: Module) {
      return computed(listOf(this, field)!);
    },
    set(this: Module, value: Tensor) {
      listOf(this, field)!.rightInverse(value);
    },
  });
}

/**
 * Puts a parametrization on a parameter or buffer: from then on it is what `parametrization` computes from the
 * original, which is `module.parametrizations.weight.original` and is what optimizers change. On a tensor that has
 * some, it acts behind them.
 * @throws ValueError when the module has no such tensor; when dtype or shape would change and not `unsafe`.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.utils.parametrize.register_parametrization.html
 */
export function registerParametrization<M extends Module>(
  module: M,
  tensorName: string,
  parametrization: Parametrization,
  options: { readonly unsafe?: boolean } = {},
): Parametrized<M> {
  const unsafe = options.unsafe ?? false;
  const field = fieldOf(module, tensorName);
  parametrization.train(module.training);
  const list = listOf(module, field);
  if (list) {
    if (!unsafe) checkBehind(module, field, parametrization);
    list.append(parametrization);
    list.unsafe ||= unsafe;
    return module as Parametrized<M>;
  }
  const original = memberOf(module, field);
  if (!original) {
    throw new ValueError(
      `module ${String(module)} has no parameter, buffer or parametrized tensor named '${tensorName}'`,
    );
  }
  const made = new ParametrizationList([parametrization], original, { unsafe });
  takeOff(module, field);
  let lists = listsOf(module);
  if (!lists) {
    Object.setPrototypeOf(module, parametrizedClass(Object.getPrototypeOf(module) as object));
    lists = new ModuleDict<ParametrizationList>();
    module.addModule("parametrizations", lists);
  }
  defineComputed(module, field);
  lists.setAt(stateName(module, field), made);
  return module as Parametrized<M>;
}

/** A further parametrization, and its way back, must keep dtype and shape. */
function checkBehind(module: Module, field: string, parametrization: Parametrization): void {
  const y = tensorOf(module, field);
  const keeps = (t: unknown, what: string): void => {
    checkResult(t, what);
    if (t.dtype !== y.dtype) {
      throw new ValueError(
        `${what} may not change the dtype unless registered with \`unsafe\`: ${dtypeOf(y)} would become ${dtypeOf(t)}`,
      );
    }
    if (!sameShape(t.shape, y.shape)) {
      throw new ValueError(
        `${what} may not change the shape unless registered with \`unsafe\`: [${y.shape.join(", ")}] would become [${t.shape.join(", ")}]`,
      );
    }
  };
  const x = callable(parametrization)(y);
  keeps(x, "a parametrization");
  if (!parametrization.rightInverse) return;
  try {
    keeps(parametrization.rightInverse(x as Tensor), "the rightInverse of a parametrization");
  } catch (error) {
    if (!(error instanceof NotImplementedError)) throw error;
  }
}

/** Whether a module, or one tensor of it, has parametrizations. @see https://pytorch.org/docs/stable/generated/torch.nn.utils.parametrize.is_parametrized.html */
export function isParametrized(module: Module, tensorName: string | null = null): boolean {
  const lists = listsOf(module);
  if (!lists) return false;
  return tensorName === null ? lists.length > 0 : listOf(module, fieldOf(module, tensorName)) !== undefined;
}

/**
 * Takes all parametrizations off a tensor. It stays as they computed it last, or, with `leaveParametrized: false`,
 * becomes the original again.
 * @throws ValueError when it has none, or when there is no one original to go back to.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.utils.parametrize.remove_parametrizations.html
 */
export function removeParametrizations<M extends Module>(
  module: M,
  tensorName: string,
  leaveParametrized: boolean | { readonly leaveParametrized?: boolean } = true,
): M {
  const leave =
    typeof leaveParametrized === "boolean"
      ? leaveParametrized
      : (leaveParametrized.leaveParametrized ?? true);
  const field = fieldOf(module, tensorName);
  const list = listOf(module, field);
  if (!list)
    throw new ValueError(`module ${String(module)} does not have a parametrization on ${tensorName}`);
  let original: Tensor;
  if (list.isTensor) {
    original = tensorOf(list, "original");
    if (leave)
      replace(
        original,
        noGrad(() => tensorOf(module, field)),
      );
  } else {
    if (!leave) {
      throw new ValueError(
        "leaveParametrized: false needs one original tensor: this one is computed from several",
      );
    }
    const value = tensorOf(module, field);
    original = value.requiresGrad ? new Parameter(value.detach()) : value;
  }
  const lists = listsOf(module)!;
  Reflect.deleteProperty(module, field);
  lists.deleteAt(stateName(module, field));
  putMember(module, field, original);
  if (lists.length === 0) {
    takeOff(module, "parametrizations");
    Object.setPrototypeOf(module, typeBeforeParametrizations(module).prototype as object);
  }
  return module;
}

/** The class of a module, parametrized or not. */
export function typeBeforeParametrizations(module: Module): abstract new (...args: never[]) => Module {
  const prototype = Object.getPrototypeOf(module) as object;
  const base = Object.getPrototypeOf(prototype) as object;
  const own = classes.get(base) === prototype ? base : prototype;
  return own.constructor as abstract new (...args: never[]) => Module;
}

/**
 * Puts the parametrizations of one module on another, with the same originals: of one tensor, or of all.
 * @see https://pytorch.org/docs/2.7/_modules/torch/nn/utils/parametrize.html
 */
export function transferParametrizationsAndParams<M extends Module>(
  fromModule: Module,
  toModule: M,
  tensorName: string | null = null,
): M {
  const lists = listsOf(fromModule);
  for (const [name, list] of lists?.items() ?? []) {
    if (tensorName !== null && name !== stateName(fromModule, fieldOf(fromModule, tensorName))) continue;
    const field = fieldOf(fromModule, name);
    if (!(field in toModule)) putMember(toModule, field, new Parameter(tensorOf(fromModule, field).detach()));
    for (const p of list) registerParametrization(toModule, field, p);
    const target = listOf(toModule, field)!;
    const names = list.isTensor
      ? ["original"]
      : Array.from({ length: list.ntensors }, (_, i) => `original${String(i)}`);
    for (const key of names) {
      const shared = tensorOf(list, key);
      if (shared instanceof Parameter) Object.assign(target, { [key]: shared });
      else target.registerBuffer(key, shared);
    }
  }
  return toModule;
}
