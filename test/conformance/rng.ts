import type { Argument, CaseBase, Family, Json, TensorRef } from "./corpus.js";
import { optionKey } from "./call.js";
import { Decoder } from "./decode.js";
import type { Bag, Callable, Library, Tensor } from "./library.js";
import { makeModule, stateOf, type Module } from "./modules.js";
import { crc32 } from "./numbers.js";
import { invocation } from "./operation.js";
import { evaluate, parse } from "./python.js";
import { compareResult, compareTensor, type Comparison } from "./results.js";

export interface RngCase extends CaseBase {
  readonly kind: "rng";
  readonly seed: number;
  readonly steps?: readonly {
    readonly name: string;
    readonly call: readonly Argument[];
    readonly out: Json;
  }[];
  readonly ctor?: readonly Argument[];
  readonly build?: string;
  readonly kwargs?: Readonly<Record<string, Json>>;
  readonly state_after_crc32?: number;
  readonly expect?: {
    readonly state?: Readonly<Record<string, TensorRef>>;
    readonly epochs?: readonly (readonly TensorRef[])[];
    readonly indices?: readonly (readonly number[])[];
  };
}

/** Runs a case of kind rng; what it finds wrong, one line each. */
export function runRng(library: Library, family: Family, c: RngCase): string[] {
  const on: Comparison = { library, family, case: c };
  const found: string[] = [];
  if (c.steps !== undefined) {
    const calls = c.steps.map(({ name }) => invocation(library, name));
    library.manualSeed(c.seed);
    c.steps.forEach(({ name, call, out }, i) => {
      const decoder = new Decoder(library, family, { gradients: false });
      const { problems } = compareResult(on, calls[i]!(decoder, call), out);
      found.push(...problems.map((problem) => `step ${String(i)} (${name}): ${problem}`));
    });
  } else if (c.build !== undefined) {
    library.manualSeed(c.seed);
    found.push(...compareBuilt(on, library, c, builder(library, c)));
  } else {
    library.value(c.name);
    library.manualSeed(c.seed);
    const module = makeModule(library, family, c.name, c.ctor ?? [], c.dtype);
    found.push(...compareState(on, module, c));
  }
  if (c.state_after_crc32 !== undefined && library.has("get_rng_state")) {
    const crc = crc32((library.function("get_rng_state")() as Tensor).toBytes());
    if (crc !== c.state_after_crc32)
      found.push(`generator state: CRC ${String(crc)} instead of ${String(c.state_after_crc32)}`);
  }
  return found;
}

function compareState(on: Comparison, module: Module, c: RngCase): string[] {
  const own = stateOf(module);
  return Object.entries(c.expect?.state ?? {}).flatMap(([name, ref]) => {
    const problem = compareTensor(on, own.get(name), ref);
    return problem === undefined ? [] : [`state ${name}: ${problem}`];
  });
}

/** Evaluates the constructor calls of `build`. */
function builder(library: Library, c: RngCase): unknown {
  const data = ["DataLoader", "TensorDataset", "random_split"];
  return evaluate(parse(c.build!), {
    name: (name) => {
      if (name === "kw") return c.kwargs ?? {};
      if (data.includes(name)) return `utils.data.${name}`;
      if (!/^[A-Z]/.test(name)) return name;
      return `nn.${name}`;
    },
    attribute: (object, name) => {
      const method = library.method(`Tensor.${name}`);
      return (...args: unknown[]) => method(object, args);
    },
    call: (callee, args, keywords) => {
      const options = Object.fromEntries([...keywords].map(([key, value]) => [optionKey(key), value]));
      // A layer without parentheses stands for itself: Sequential(..., ReLU, ...).
      const made = args.map((arg) =>
        typeof arg === "string" && arg.startsWith("nn.") ? library.construct(arg, []) : arg,
      );
      const all = keywords.size > 0 ? [...made, options] : made;
      if (typeof callee === "function") return (callee as Callable)(...all);
      const name = callee as string;
      if (/(^|\.)[A-Z]\w*$/.test(name)) return library.construct(name, all);
      return library.function(name)(...all);
    },
  });
}

function compareBuilt(on: Comparison, library: Library, c: RngCase, built: unknown): string[] {
  const { epochs, indices } = c.expect ?? {};
  if (epochs !== undefined) {
    return epochs.flatMap((batches, epoch) => {
      const own = [...(built as Iterable<readonly unknown[]>)];
      if (own.length !== batches.length) return [`epoch ${String(epoch)}: ${String(own.length)} batches`];
      return batches.flatMap((ref, i) => {
        const problem = compareTensor(on, own[i]![1], ref);
        return problem === undefined ? [] : [`epoch ${String(epoch)}, batch ${String(i)}: ${problem}`];
      });
    });
  }
  if (indices !== undefined) {
    const own = [...(built as Iterable<Bag>)].map(({ indices: list }) => [...(list as Iterable<number>)]);
    const same = JSON.stringify(own) === JSON.stringify(indices);
    return same ? [] : [`indices ${JSON.stringify(own)} instead of ${JSON.stringify(indices)}`];
  }
  return compareState(on, built as Module, c);
}
