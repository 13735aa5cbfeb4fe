/** State dicts: taking them out of modules and loading them. */
import { noGrad } from "../autograd/mode.js";
import { RuntimeError } from "../errors.js";
import { sameShape } from "../ops/apply.js";
import { Tensor } from "../tensor/tensor.js";
import type { Module } from "./module.js";
import { isLazy } from "./parameter.js";
import { className, ownParameters, registryOf, submodules } from "./registry.js";

/** What a state dict says of each module by its path: the version of its layout. */
export type StateMetadata = Map<string, { readonly version: number }>;

/** Tensors by dotted name, in PyTorch's order. */
export interface StateDict extends Map<string, Tensor> {
  /** PyTorch's `_metadata`. */
  _metadata?: StateMetadata;
}

/** What `loadStateDict` reports. */
export interface IncompatibleKeys {
  readonly missingKeys: readonly string[];
  readonly unexpectedKeys: readonly string[];
}

const extraKey = "_extra_state";

/** Adds the state of `module` and what is below it. */
export function saveInto(out: StateDict, module: Module, prefix: string, keepVars: boolean): void {
  const registry = registryOf(module);
  (out._metadata ??= new Map()).set(prefix.slice(0, -1), { version: module._version });
  for (const hook of registry.statePreHooks.values()) hook(module, prefix, keepVars);
  for (const [name, p] of ownParameters(module))
    out.set(prefix + name, keepVars || isLazy(p) ? p : p.detach());
  for (const [name, { tensor, persistent }] of registry.buffers) {
    if (tensor && persistent) out.set(prefix + name, keepVars || isLazy(tensor) ? tensor : tensor.detach());
  }
  const extra = module.getExtraState?.();
  if (extra !== undefined) out.set(prefix + extraKey, extra as Tensor);
  for (const [name, child] of submodules(module)) saveInto(out, child, `${prefix}${name}.`, keepVars);
  for (const hook of registry.statePostHooks.values()) hook(module, out, prefix);
}

/** One load, as it goes down the modules. */
export interface LoadContext {
  /** Take the given tensors instead of copying their values. */
  readonly assign: boolean;
  readonly metadata: StateMetadata;
  readonly missingKeys: string[];
  readonly unexpectedKeys: string[];
  readonly problems: string[];
  /** What to do once it is known that all is right. */
  readonly writes: (() => void)[];
}

const size = (t: Tensor): string => `torch.Size([${t.shape.join(", ")}])`;

/** Loads what is `module`'s own. */
export function loadOwn(module: Module, state: StateDict, prefix: string, on: LoadContext): void {
  const registry = registryOf(module);
  for (const hook of registry.loadPreHooks.values()) hook(module, state, prefix, on);
  const own = new Map<string, Tensor>(ownParameters(module));
  for (const [name, { tensor, persistent }] of registry.buffers) {
    if (tensor && persistent) own.set(name, tensor);
  }
  for (const [name, target] of own) {
    const key = prefix + name;
    const source = state.get(key);
    if (source === undefined) {
      on.missingKeys.push(key);
    } else if (!(source instanceof Tensor)) {
      on.problems.push(
        `While copying the parameter named "${key}", expected torch.Tensor or Tensor-like object from checkpoint but received ${typeof source}`,
      );
    } else if (isLazy(target)) {
      // From a layer that has not been called to one that has not: there is nothing to copy.
      if (!isLazy(source))
        on.writes.push(() => {
          target.materialize(source.shape);
          (target as Tensor).copy_(source);
        });
    } else {
      // Old checkpoints keep single numbers as one-element vectors.
      const from =
        target.ndim === 0 && source.ndim === 1 && source.numel() === 1 ? source.reshape([]) : source;
      if (!sameShape(from._shape, target._shape)) {
        on.problems.push(
          `size mismatch for ${key}: copying a param with shape ${size(source)} from checkpoint, the shape in current model is ${size(target)}.`,
        );
      } else if (on.assign) {
        on.writes.push(() => {
          target._become(from.detach());
          target._storage.markState();
        });
      } else {
        on.writes.push(() => void target.copy_(from));
      }
    }
  }
  const extra = prefix + extraKey;
  if (module.setExtraState) {
    const given: unknown = state.get(extra);
    if (given !== undefined) on.writes.push(() => module.setExtraState!(given));
    else on.missingKeys.push(extra);
  } else if (state.has(extra)) {
    on.unexpectedKeys.push(extra);
  }
  const children = new Set([...submodules(module)].map(([name]) => name));
  for (const key of state.keys()) {
    if (!key.startsWith(prefix) || key === extra) continue;
    const name = key.slice(prefix.length).split(".", 1)[0]!;
    if (!children.has(name) && !own.has(name)) on.unexpectedKeys.push(key);
  }
}

function writeAll({ writes }: LoadContext): void {
  noGrad(() => {
    for (const write of writes.splice(0)) write();
  });
}

/** Copies `state` into the parameters and buffers of `module`, with PyTorch's report. Wrong state changes nothing. */
export function loadInto(
  module: Module,
  state: ReadonlyMap<string, Tensor> | Readonly<Record<string, Tensor>>,
  strict: boolean,
  assign: boolean,
): IncompatibleKeys {
  if (typeof state !== "object" || state === null) {
    throw new TypeError(`Expected state_dict to be dict-like, got ${typeof state}.`);
  }
  const given: StateDict = new Map(state instanceof Map ? state : Object.entries(state));
  const metadata = (state as StateDict)._metadata ?? new Map<string, { version: number }>();
  const on: LoadContext = {
    assign,
    metadata,
    missingKeys: [],
    unexpectedKeys: [],
    problems: [],
    writes: [],
  };
  const load = (m: Module, local: StateDict, prefix: string): void => {
    m._loadFromStateDict(local, prefix, on);
    for (const [name, child] of submodules(m)) {
      const childPrefix = `${prefix}${name}.`;
      load(child, new Map([...local].filter(([key]) => key.startsWith(childPrefix))), childPrefix);
    }
    const { loadPostHooks } = registryOf(m);
    if (loadPostHooks.size === 0) return;
    // These hooks look at what was loaded.
    writeAll(on);
    const keys = { missingKeys: on.missingKeys, unexpectedKeys: on.unexpectedKeys };
    for (const hook of loadPostHooks.values()) hook(m, keys);
  };
  load(module, given, "");
  const keys = (list: readonly string[]): string => list.map((k) => `"${k}"`).join(", ");
  const report = [...on.problems];
  if (strict && on.unexpectedKeys.length) {
    report.unshift(`Unexpected key(s) in state_dict: ${keys(on.unexpectedKeys)}. `);
  }
  if (strict && on.missingKeys.length) {
    report.unshift(`Missing key(s) in state_dict: ${keys(on.missingKeys)}. `);
  }
  if (report.length) {
    throw new RuntimeError(
      `Error(s) in loading state_dict for ${className(module)}:\n\t${report.join("\n\t")}`,
    );
  }
  writeAll(on);
  return { missingKeys: on.missingKeys, unexpectedKeys: on.unexpectedKeys };
}
