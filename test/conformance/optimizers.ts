import { optionKey } from "./call.js";
import type { Argument, CaseBase, ErrorCase, Family, Json, TensorRef } from "./corpus.js";
import { Decoder } from "./decode.js";
import { NotThere, type Bag, type Callable, type Library, type Tensor } from "./library.js";
import { expectError } from "./operation.js";
import { compareTensor, type Comparison } from "./results.js";
import { compareTree } from "./tree.js";

export interface OptimizerCase extends CaseBase {
  readonly kind: "optimizer";
  readonly ctor: readonly Argument[];
  readonly groups?: readonly { readonly params: readonly number[]; readonly overrides?: Json }[];
  readonly params: readonly TensorRef[];
  readonly grads?: readonly (readonly (TensorRef | null)[])[];
  readonly problem?: string;
  readonly data?: Readonly<Record<string, TensorRef | readonly TensorRef[]>>;
  readonly expect: {
    readonly params_after_step: readonly (readonly TensorRef[])[];
    readonly state_dict?: Json;
    readonly loss_before_step?: readonly TensorRef[];
  };
}

/** What the runner uses of an optimizer. */
export interface Optimizer extends Bag {
  step(closure?: () => unknown): unknown;
  zeroGrad(): void;
  stateDict(): unknown;
  readonly paramGroups: readonly Record<string, unknown>[];
}

export function parameter(library: Library, value: Tensor): Tensor {
  return library.construct("nn.Parameter", [value]) as unknown as Tensor;
}

/** Options of a group or a constructor, given as a Python dictionary of keyword arguments. */
export function keywordOptions(decoded: unknown): Record<string, unknown> {
  return Object.fromEntries(Object.entries(decoded as Bag).map(([key, value]) => [optionKey(key), value]));
}

/** Runs a case of kind optimizer; what it finds wrong, one line each. */
export function runOptimizer(library: Library, family: Family, c: OptimizerCase): string[] {
  library.value(c.name);
  const decoder = new Decoder(library, family, { gradients: false });
  const params = c.params.map((ref) => parameter(library, decoder.tensor(ref)));
  const groups = (c.groups ?? []).map(({ params: indices, overrides }) => ({
    params: indices.map((i) => params[i]!),
    ...(overrides !== undefined && keywordOptions(decoder.value(overrides))),
  }));
  const single = c.groups === undefined || (groups.length === 1 && Object.keys(groups[0]!).length === 1);
  const args = decoder.arguments(c.ctor);
  const optimizer = library.construct(c.name, [single ? params : groups, ...args]) as Optimizer;
  const on: Comparison = { library, family, case: c };
  const found: string[] = [];
  const steps = c.expect.params_after_step;
  for (let step = 0; step < steps.length && found.length === 0; step++) {
    const loss =
      c.problem === undefined ? undefined : closureOf(library, decoder, c, params, step, optimizer);
    if (loss === undefined) {
      params.forEach((p, i) => {
        const ref = c.grads?.[step]?.[i] ?? null;
        p.grad = ref === null ? null : decoder.tensor(ref);
      });
      optimizer.step();
    } else {
      const before = optimizer.step(loss);
      const wanted = c.expect.loss_before_step?.[step];
      if (wanted !== undefined) {
        const problem = compareTensor(on, before, wanted);
        if (problem !== undefined) found.push(`loss before step ${String(step + 1)}: ${problem}`);
      }
    }
    steps[step]!.forEach((ref, i) => {
      const problem = compareTensor(on, params[i], ref);
      if (problem !== undefined)
        found.push(`parameter ${String(i)} after step ${String(step + 1)}: ${problem}`);
    });
  }
  if (c.expect.state_dict !== undefined) {
    const problems = compareTree(on, optimizer.stateDict(), c.expect.state_dict, { camelKeys: true });
    found.push(...problems.map((problem) => `stateDict ${problem}`));
  }
  return found;
}

type Operand = Tensor | number;

/** The closures of the problems that the corpus names, by their formulas. */
function closureOf(
  library: Library,
  decoder: Decoder,
  c: OptimizerCase,
  params: readonly Tensor[],
  step: number,
  optimizer: Optimizer,
): () => unknown {
  const call = (name: string, receiver: Tensor, ...args: (Operand | number | object)[]): Tensor =>
    library.method(`Tensor.${name}`)(receiver, args) as Tensor;
  const data = (key: string): Tensor => {
    const found = c.data![key]!;
    return decoder.tensor("$t" in found ? found : found[step % found.length]!);
  };
  const x = params[0]!;
  const losses: Readonly<Record<string, () => Tensor>> = {
    // (1 - x0)^2 + 100 (x1 - x0^2)^2
    rosenbrock: () => {
      const [x0, x1] = [call("select", x, 0, 0), call("select", x, 0, 1)];
      const first = call("pow", call("add", call("neg", x0), 1), 2);
      const second = call("pow", call("sub", x1, call("pow", x0, 2)), 2);
      return call("add", first, call("mul", second, 100));
    },
    // sum((A x - b)^2)
    lstsq: () => call("sum", call("pow", call("sub", call("matmul", data("A"), x), data("b")), 2)),
    // sum(embedding(idx, W, sparse=True) cot)
    embedding_sparse: () => {
      const rows = library.function("nn.functional.embedding")(data("idx"), x, { sparse: true }) as Tensor;
      return call("sum", call("mul", rows, data("cot")));
    },
  };
  const loss = losses[c.problem!];
  if (loss === undefined) throw new NotThere(`The optimization problem ${c.problem!}`);
  return () => {
    optimizer.zeroGrad();
    const value = loss();
    value.backward();
    return value;
  };
}

/** Runs a constructor that PyTorch refuses. */
export function runOptimizerError(library: Library, family: Family, c: ErrorCase): string[] {
  library.value(c.name);
  const decoder = new Decoder(library, family);
  const zeros = library.function("zeros");
  const p = parameter(library, zeros(2) as Tensor);
  const cases: Readonly<Record<string, () => unknown>> = {
    "one parameter zeros(2)": () => [p],
    "two groups sharing one parameter": () => [{ params: [p] }, { params: [p] }],
    "empty list": () => [],
    "a tensor instead of a list": () => p,
    "a non-leaf tensor": () => [library.method("Tensor.mul")(p, [2])],
  };
  const make: Callable | undefined = cases[c.params_case ?? ""];
  if (make === undefined) throw new NotThere(`The parameters "${c.params_case ?? ""}"`);
  const problem = expectError(c.expect.error, c.expect.regex, () => {
    library.construct(c.name, [make(), ...decoder.arguments(c.ctor ?? [])]);
  });
  return problem === undefined ? [] : [problem];
}
