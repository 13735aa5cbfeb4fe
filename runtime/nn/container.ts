/** Containers. @see https://pytorch.org/docs/stable/nn.html#containers */
import { IndexError } from "../errors.js";
import { isPlainObject } from "../ops/bind.js";
import type { Tensor } from "../tensor/tensor.js";
import { members, Module } from "./module.js";

/** A place counted from the front. @throws IndexError */
function place(index: number, length: number): number {
  if (index < -length || index >= length) throw new IndexError(`index ${String(index)} is out of range`);
  return index < 0 ? index + length : index;
}

/** What Sequential and ModuleList share: submodules by number. */
abstract class Listed extends Module {
  /** The submodules in order. */
  protected get items(): Module[] {
    return [...members(this)].map(([, m]) => m as Module);
  }

  override get length(): number {
    return this.items.length;
  }

  /** The submodule at a place; negative ones count from the end. */
  at(index: number): Module {
    const items = this.items;
    return items[place(index, items.length)]!;
  }

  append(module: Module): this {
    this.addModule(String(this.length), module);
    return this;
  }

  extend(modules: Iterable<Module>): this {
    for (const m of modules) this.append(m);
    return this;
  }

  [Symbol.iterator](): Iterator<Module> {
    return this.items[Symbol.iterator]();
  }
}

/**
 * Modules called one after another, each with what the one before gave.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.Sequential.html
 */
export class Sequential extends Listed {
  constructor(...modules: Module[]);
  constructor(modules: Readonly<Record<string, Module>> | ReadonlyMap<string, Module>);
  constructor(...args: unknown[]) {
    super();
    const [first] = args;
    if (args.length === 1 && (first instanceof Map || isPlainObject(first))) {
      const entries = first instanceof Map ? [...(first as Map<string, Module>)] : Object.entries(first);
      for (const [name, m] of entries) this.addModule(name, m as Module);
    } else {
      args.forEach((m, i) => {
        this.addModule(String(i), m as Module);
      });
    }
  }

  forward(input: Tensor): Tensor {
    let x: unknown = input;
    for (const m of this.items) x = (m as unknown as (x: unknown) => unknown)(x);
    return x as Tensor;
  }
}

/**
 * A list of modules, each registered; it has no `forward` of its own.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.ModuleList.html
 */
export class ModuleList<M extends Module = Module> extends Listed {
  constructor(modules?: Iterable<M>) {
    super();
    if (modules) this.extend(modules);
  }

  override at(index: number): M {
    return super.at(index) as M;
  }

  override [Symbol.iterator](): Iterator<M> {
    return super[Symbol.iterator]() as Iterator<M>;
  }

  forward(): never {
    throw new TypeError("ModuleList has no forward: call its modules");
  }
}
