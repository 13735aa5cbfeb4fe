import type { CaseBase, Family, Json, TensorRef } from "./corpus.js";
import { Decoder } from "./decode.js";
import type { Callable, Library, Tensor } from "./library.js";
import { counterpart } from "./models.js";
import { loadState, stateOf, type Module } from "./modules.js";
import { elements } from "./numbers.js";
import { keywordOptions, type Optimizer } from "./optimizers.js";
import { compareTensor, type Comparison } from "./results.js";
import { makeScheduler, type Scheduler } from "./schedulers.js";

interface Batch {
  readonly x: TensorRef;
  readonly y?: TensorRef;
}

export interface TrainingCase extends CaseBase {
  readonly kind: "training";
  readonly modules: readonly Json[] | null;
  readonly model_source: string | null;
  readonly loss: "cross_entropy" | "cross_entropy_seq" | "mse_self";
  readonly optimizer: string;
  readonly optimizer_kwargs: Readonly<Record<string, Json>>;
  readonly scheduler: { readonly name: string; readonly kw: Readonly<Record<string, Json>> } | null;
  readonly clip_grad_norm: number | null;
  readonly steps: number;
  readonly batches: readonly Batch[];
  readonly init: Readonly<Record<string, TensorRef>>;
  readonly expect: {
    readonly loss: readonly number[];
    readonly grad_norm: readonly number[];
    readonly out0: TensorRef;
    readonly grads0: Readonly<Record<string, TensorRef>>;
    readonly final_state: Readonly<Record<string, TensorRef>>;
    readonly eval_out_batch0: TensorRef;
    readonly final_state_diff_to_float64: number;
  };
}

function makeModel(library: Library, family: Family, c: TrainingCase): Module {
  if (c.model_source !== null) {
    const model = counterpart(library, c.model_source);
    if (model === undefined) throw new Error(`no counterpart for this Python source:\n${c.model_source}`);
    return model;
  }
  const decoder = new Decoder(library, family);
  return library.construct(
    "nn.Sequential",
    (c.modules ?? []).map((m) => decoder.value(m)),
  ) as Module;
}

/** √Σ g² over all gradients. */
function norm(gradients: readonly Tensor[]): number {
  let sum = 0;
  for (const g of gradients) for (const v of elements(g.dtype.name, g.toBytes())) sum += Number(v) ** 2;
  return Math.sqrt(sum);
}

/** Trains as the case says; what it finds wrong, one line each. */
export function runTraining(library: Library, family: Family, c: TrainingCase): string[] {
  const model = makeModel(library, family, c);
  if (library.device !== "cpu") {
    model.to(library.device);
    // What the models make on their way, positions and masks, goes there too.
    library.function("set_default_device")(library.device);
  }
  loadState(library, family, model, c.init);
  model.train(true);
  const keywords = (bag: Readonly<Record<string, Json>>): Record<string, unknown> => {
    const decoder = new Decoder(library, family);
    return Object.fromEntries(Object.entries(bag).map(([key, value]) => [key, decoder.value(value)]));
  };
  const parameters = [...model.namedParameters()];
  const optimizer = library.construct(`optim.${c.optimizer}`, [
    parameters.map(([, p]) => p),
    keywordOptions(keywords(c.optimizer_kwargs)),
  ]) as Optimizer;
  const scheduler: Scheduler | undefined =
    c.scheduler === null
      ? undefined
      : makeScheduler(
          library,
          c.scheduler.name,
          optimizer,
          [],
          new Map(Object.entries(keywords(c.scheduler.kw))),
        );
  const clip = c.clip_grad_norm === null ? undefined : library.function("nn.utils.clip_grad_norm_");
  const decoder = new Decoder(library, family, { gradients: false });
  const batches = c.batches.map(({ x, y }) => ({
    x: decoder.tensor(x),
    y: y === undefined ? undefined : decoder.tensor(y),
  }));
  const flatten = library.method("Tensor.flatten");
  const lossOf = (out: Tensor, { x, y }: (typeof batches)[number]): Tensor => {
    if (c.loss === "mse_self") return library.function("nn.functional.mse_loss")(out, x) as Tensor;
    const entropy = library.function("nn.functional.cross_entropy");
    return (
      c.loss === "cross_entropy" ? entropy(out, y) : entropy(flatten(out, [0, 1]), flatten(y, []))
    ) as Tensor;
  };

  const on: Comparison = { library, family, case: c };
  const found: string[] = [];
  const tensors = (
    what: string,
    own: ReadonlyMap<string, unknown>,
    wanted: Readonly<Record<string, TensorRef>>,
    least = 0,
  ): void => {
    for (const [name, ref] of Object.entries(wanted)) {
      const problem = compareTensor(on, own.get(name), ref, least / 4);
      if (problem !== undefined) found.push(`${what} ${name}: ${problem}`);
    }
  };
  const [relative, absolute] = c.tol ?? [1e-3, 1e-5];
  const { rtol, atol } = library.loosened({ rtol: relative, atol: absolute, floor: 0 });
  const number = (what: string, own: number, wanted: number): void => {
    if (!(Math.abs(own - wanted) <= atol + rtol * Math.abs(wanted))) {
      found.push(`${what}: ${String(own)} instead of ${String(wanted)}`);
    }
  };

  for (let t = 0; t < c.steps && found.length === 0; t++) {
    const batch = batches[t % batches.length]!;
    optimizer.zeroGrad();
    const out = (model as Callable)(batch.x) as Tensor;
    const loss = lossOf(out, batch);
    loss.backward();
    const gradients = parameters.flatMap(([, p]) => (p.grad === null ? [] : [p.grad]));
    if (t === 0) {
      tensors("first", new Map([["output", out]]), { output: c.expect.out0 });
      tensors("first gradient", new Map(parameters.map(([name, p]) => [name, p.grad])), c.expect.grads0);
    }
    const length = norm(gradients);
    clip?.(
      parameters.map(([, p]) => p),
      c.clip_grad_norm,
    );
    optimizer.step();
    scheduler?.step();
    number(`loss of step ${String(t)}`, Number(elements("float32", loss.toBytes())[0]), c.expect.loss[t]!);
    number(`gradient norm of step ${String(t)}`, length, c.expect.grad_norm[t]!);
  }
  if (found.length > 0) return found;
  const least = 4 * c.expect.final_state_diff_to_float64;
  tensors("final state", stateOf(model), c.expect.final_state, least);
  model.train(false);
  const last = library.function("no_grad")(() => (model as Callable)(batches[0]!.x));
  tensors("evaluation", new Map([["output", last]]), { output: c.expect.eval_out_batch0 }, least);
  return found;
}
