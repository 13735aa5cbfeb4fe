/** What a module holds besides its fields, and how its parameters and submodules are found among them. */
import { KeyError } from "../errors.js";
import { Tensor } from "../tensor/tensor.js";
import type { Module } from "./module.js";
import { Parameter } from "./parameter.js";
import type { IncompatibleKeys, LoadContext, StateDict } from "./state.js";

export type ForwardPreHook = (module: Module, args: readonly unknown[]) => unknown;
export type ForwardHook = (module: Module, args: readonly unknown[], result: unknown) => unknown;
export type BackwardPreHook = (module: Module, gradOutput: readonly (Tensor | null)[]) => unknown;
export type BackwardHook = (
  module: Module,
  gradInput: readonly (Tensor | null)[],
  gradOutput: readonly (Tensor | null)[],
) => unknown;

/** Hooks in the order they run. */
export type Hooks<F> = Map<object, F>;

export interface Buffer {
  readonly tensor: Tensor | null;
  readonly persistent: boolean;
}

export interface Registry {
  /** By state name. */
  readonly buffers: Map<string, Buffer>;
  /** Fields that held a parameter or submodule, in the order they were first seen. */
  readonly order: Set<string>;
  /** Submodules registered as `null`: the printed form shows them. */
  readonly absent: Set<string>;
  readonly preHooks: Hooks<ForwardPreHook>;
  readonly hooks: Hooks<ForwardHook>;
  /** Those of `hooks` that run after a `forward` that threw, too. */
  readonly always: Set<object>;
  readonly backwardPreHooks: Hooks<BackwardPreHook>;
  readonly backwardHooks: Hooks<BackwardHook>;
  readonly statePreHooks: Hooks<(module: Module, prefix: string, keepVars: boolean) => void>;
  readonly statePostHooks: Hooks<(module: Module, state: StateDict, prefix: string) => void>;
  readonly loadPreHooks: Hooks<(module: Module, state: StateDict, prefix: string, on: LoadContext) => void>;
  readonly loadPostHooks: Hooks<(module: Module, keys: IncompatibleKeys) => void>;
}

const registries = new WeakMap<object, Registry>();

export function newRegistry(module: object): void {
  registries.set(module, {
    buffers: new Map(),
    order: new Set(),
    absent: new Set(),
    preHooks: new Map(),
    hooks: new Map(),
    always: new Set(),
    backwardPreHooks: new Map(),
    backwardHooks: new Map(),
    statePreHooks: new Map(),
    statePostHooks: new Map(),
    loadPreHooks: new Map(),
    loadPostHooks: new Map(),
  });
}

/** @internal */
export function registryOf(module: Module): Registry {
  return registries.get(module)!;
}

export function isModule(value: unknown): value is Module {
  return typeof value === "function" && registries.has(value);
}

/** @internal The state-dict name of a field. */
export function stateName(module: Module, field: string): string {
  const { stateNames } = module.constructor as unknown as { readonly stateNames: "pytorch" | "verbatim" };
  return stateNames === "pytorch" ? snake(field) : field;
}

/** `inProjWeight` → `in_proj_weight`, `weightIhL0` → `weight_ih_l0`. */
export function snake(name: string): string {
  return name.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`);
}

/** What a field holds, without running accessors: those are buffers and computed parameters. */
function held(module: Module, key: string): unknown {
  const descriptor = Object.getOwnPropertyDescriptor(module, key);
  return descriptor && "value" in descriptor ? descriptor.value : undefined;
}

/** Notes fields that came to hold a parameter or submodule since the last look, and drops those that are gone. */
export function settle(module: Module): Set<string> {
  const { order } = registryOf(module);
  for (const key of order) if (!Object.hasOwn(module, key)) order.delete(key);
  for (const key of Object.keys(module)) {
    if (order.has(key)) continue;
    const value = held(module, key);
    if (value instanceof Parameter || isModule(value)) order.add(key);
  }
  return order;
}

/** Fields that hold parameters and submodules, with what they hold, in order; other fields and `null`s left out. */
export function* fields(module: Module): Generator<[string, Module | Parameter]> {
  for (const key of settle(module)) {
    const value = held(module, key);
    if (value instanceof Parameter || isModule(value)) yield [key, value];
  }
}

/** Parameters and submodules under their state names, in order of registration. */
export function* members(module: Module): Generator<[string, Module | Parameter]> {
  for (const [key, value] of fields(module)) yield [stateName(module, key), value];
}

/** Own submodules under their state names; the same module twice when it is there twice. */
export function* submodules(module: Module): Generator<[string, Module]> {
  for (const [name, value] of members(module)) if (isModule(value)) yield [name, value];
}

/** Own parameters under their state names. */
export function* ownParameters(module: Module): Generator<[string, Parameter]> {
  for (const [name, value] of members(module)) if (!isModule(value)) yield [name, value];
}

export function className(module: Module): string {
  return (module.constructor as { name: string }).name;
}

/** Puts a parameter or submodule into a field of the module, last in the order. */
export function register(module: Module, name: string, value: Module | Parameter | null): void {
  settle(module).add(name);
  Object.defineProperty(module, name, { configurable: true, enumerable: true, writable: true, value });
}

export function setBuffer(module: Module, key: string, tensor: Tensor | null, persistent: boolean): void {
  if (tensor !== null && !(tensor instanceof Tensor)) {
    throw new TypeError(`cannot assign a value that is not a Tensor or null as buffer '${key}'`);
  }
  tensor?._storage.markState();
  registryOf(module).buffers.set(key, { tensor, persistent });
}

/** Refuses names that are empty, dotted, or taken by something else than what is being registered anew. */
export function checkName(kind: "buffer" | "parameter" | "module", module: Module, name: string): void {
  if (typeof name !== "string") throw new TypeError(`${kind} name should be a string. Got ${typeof name}`);
  if (name.includes("."))
    throw new KeyError(`${kind} name can't contain "."${kind === "module" ? `, got: ${name}` : ""}`);
  if (name === "") throw new KeyError(`${kind} name can't be empty string ""`);
  if (kind === "buffer") {
    if (registryOf(module).buffers.has(stateName(module, name))) return;
  } else {
    const held: unknown = Object.getOwnPropertyDescriptor(module, name)?.value;
    if (settle(module).has(name) && (held === null || isModule(held) === (kind === "module"))) return;
  }
  const taken = Object.getOwnPropertyDescriptor(module, name);
  // A declared field that was not given a value yet is free.
  const free = taken ? "value" in taken && taken.value === undefined : !(name in module);
  if (!free) throw new KeyError(`attribute '${name}' already exists`);
}
