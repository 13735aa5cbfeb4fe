import type { Argument, CallCase, Family, TensorRef } from "./corpus.js";
import { Decoder, entries } from "./decode.js";
import { compareGradient, compareInputGradients, compareMutated, runBackward } from "./gradients.js";
import type { Bag, Callable, Library, Tensor } from "./library.js";
import { compareResult, compareTensor, type Comparison } from "./results.js";

/** What the runner uses of a module. */
export interface Module extends Bag {
  (...args: unknown[]): unknown;
  train(mode: boolean): unknown;
  stateDict(): unknown;
  loadStateDict(state: ReadonlyMap<string, Tensor>): unknown;
  namedParameters(): Iterable<[string, Tensor]>;
  to(...args: unknown[]): unknown;
}

export function stateOf(module: Module): Map<string, Tensor> {
  return entries<Tensor>(module.stateDict());
}

/** Makes a module from its constructor's arguments, in the case's dtype and on the run's device. */
export function makeModule(
  library: Library,
  family: Family,
  name: string,
  ctor: readonly Argument[],
  dtype: string | null,
): Module {
  const decoder = new Decoder(library, family);
  const module = library.construct(name, decoder.arguments(ctor)) as Module;
  if (dtype !== null && dtype !== "float32" && /float|complex/.test(dtype)) module.to(library.value(dtype));
  if (library.device !== "cpu") module.to(library.device);
  return module;
}

export function loadState(
  library: Library,
  family: Family,
  module: Module,
  state: Readonly<Record<string, TensorRef>>,
): void {
  const decoder = new Decoder(library, family, { gradients: false });
  module.loadStateDict(new Map(Object.entries(state).map(([key, ref]) => [key, decoder.tensor(ref)])));
}

/** Runs a case of kind module or criterion; what it finds wrong, one line each. */
export function runModule(library: Library, family: Family, c: CallCase): string[] {
  const module = makeModule(library, family, c.name, c.ctor ?? [], c.dtype);
  module.train(c.training ?? true);
  const state = c.state ?? {};
  if (c.lazy === true) {
    // Lazy modules take their sizes from a first call; the state is the one after it.
    const decoder = new Decoder(library, family, { gradients: false });
    library.function("no_grad")(() => module(...decoder.arguments(c.call)));
  }
  loadState(library, family, module, state);
  const decoder = new Decoder(library, family, { sameTensor: c.same_tensor });
  const args = decoder.arguments(c.call);
  if (c.seed !== undefined) library.manualSeed(c.seed);
  const out = (module as Callable)(...args);
  const on: Comparison = { library, family, case: c, err64: c.err64?.out };
  const { tensors, problems } = compareResult({ ...on, gradients: true }, out, c.expect.out);
  const found = [...problems, ...compareMutated(on, decoder, c)];
  if (c.expect.cot !== undefined && runBackward(decoder, c, tensors)) {
    found.push(...compareInputGradients(on, decoder, c), ...compareParameterGradients(on, module, c));
  }
  found.push(...compareState(on, module, { ...c.expect.state_after }, state));
  if (c.repr !== undefined && String(module) !== c.repr) {
    found.push(`repr: ${JSON.stringify(String(module).slice(0, 200))} instead of ${JSON.stringify(c.repr)}`);
  }
  return found;
}

function compareParameterGradients(on: Comparison, module: Module, c: CallCase): string[] {
  const parameters = new Map(module.namedParameters());
  return Object.entries(c.expect.param_grads ?? {}).flatMap(([name, ref]) => {
    const problem = compareGradient(on, parameters.get(name)?.grad, ref, c.err64?.param_grads?.[name]);
    return problem === undefined ? [] : [`grad of ${name}: ${problem}`];
  });
}

/** The entries the call changed, and that it changed no buffer besides. */
function compareState(
  on: Comparison,
  module: Module,
  after: Readonly<Record<string, TensorRef>>,
  before: Readonly<Record<string, TensorRef>>,
): string[] {
  const parameters = new Set([...module.namedParameters()].map(([name]) => name));
  const own = stateOf(module);
  const found: string[] = [];
  for (const [name, ref] of Object.entries({ ...before, ...after })) {
    if (!(name in after) && parameters.has(name)) continue;
    const problem = compareTensor(on, own.get(name), ref);
    if (problem !== undefined) found.push(`state ${name} after the call: ${problem}`);
  }
  return found;
}
