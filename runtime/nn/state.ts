import { noGrad } from "../autograd/mode.js";
import { RuntimeError } from "../errors.js";
import { sameShape } from "../ops/apply.js";
import { Tensor } from "../tensor/tensor.js";
import type { Module } from "./module.js";

/** Tensors by dotted name, in PyTorch's order. */
export type StateDict = Map<string, Tensor>;

/** What `loadStateDict` reports. */
export interface IncompatibleKeys {
  readonly missingKeys: readonly string[];
  readonly unexpectedKeys: readonly string[];
}

/** Copies `state` into the parameters and buffers of `module`, with PyTorch's report. */
export function loadInto(
  module: Module,
  state: StateDict | Readonly<Record<string, Tensor>>,
  strict: boolean,
): IncompatibleKeys {
  const given = state instanceof Map ? state : new Map(Object.entries(state));
  const own = module.stateDict();
  const missingKeys = [...own.keys()].filter((k) => !given.has(k));
  const unexpectedKeys = [...given.keys()].filter((k) => !own.has(k));
  const problems: string[] = [];
  if (strict && unexpectedKeys.length) {
    problems.push(`Unexpected key(s) in state_dict: ${unexpectedKeys.map((k) => `"${k}"`).join(", ")}. `);
  }
  if (strict && missingKeys.length) {
    problems.push(`Missing key(s) in state_dict: ${missingKeys.map((k) => `"${k}"`).join(", ")}. `);
  }
  for (const [name, target] of own) {
    const source = given.get(name);
    if (!source) continue;
    if (!(source instanceof Tensor)) {
      problems.push(
        `While copying the parameter named "${name}", expected a Tensor but received ${typeof source}`,
      );
    } else if (!sameShape(source.shape, target.shape)) {
      problems.push(
        `size mismatch for ${name}: copying a param with shape torch.Size([${source.shape.join(", ")}]) from checkpoint, ` +
          `the shape in current model is torch.Size([${target.shape.join(", ")}]).`,
      );
    }
  }
  if (problems.length) {
    const name = (module.constructor as { name: string }).name;
    throw new RuntimeError(`Error(s) in loading state_dict for ${name}:\n\t${problems.join("\n\t")}`);
  }
  noGrad(() => {
    for (const [name, target] of own) {
      const source = given.get(name);
      if (source) target.copy_(source);
    }
  });
  return { missingKeys, unexpectedKeys };
}
