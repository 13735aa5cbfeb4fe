import { optionKey } from "./call.js";
import type { Argument, CaseBase, Family, Json } from "./corpus.js";
import { Decoder } from "./decode.js";
import type { Bag, Callable, Library, Tensor } from "./library.js";
import { keywordOptions, parameter, type Optimizer } from "./optimizers.js";
import { evaluate, formula, parse } from "./python.js";
import type { Comparison } from "./results.js";
import { compareTree } from "./tree.js";

export interface SchedulerCase extends CaseBase {
  readonly kind: "lr_scheduler";
  readonly optimizer: string;
  readonly optimizer_kwargs: Readonly<Record<string, Json>>;
  readonly lrs: readonly number[];
  readonly ctor: readonly Argument[];
  readonly initial_lr_set?: boolean;
  readonly metrics?: readonly number[];
  readonly build?: string;
  readonly expect: {
    readonly lr: readonly (readonly number[])[];
    readonly momentum?: readonly (readonly number[])[] | null;
    readonly get_last_lr?: readonly (readonly number[])[];
    readonly state_dict?: Json;
  };
}

export interface Scheduler extends Bag {
  step(metric?: number): void;
  getLastLr(): readonly number[];
  stateDict(): unknown;
}

/** Parameters of schedulers that have no default: given by position whatever spelling Python used. */
const required: Readonly<Record<string, readonly string[]>> = {
  LambdaLR: ["lr_lambda"],
  MultiplicativeLR: ["lr_lambda"],
  StepLR: ["step_size"],
  MultiStepLR: ["milestones"],
  ExponentialLR: ["gamma"],
  CosineAnnealingLR: ["T_max"],
  CosineAnnealingWarmRestarts: ["T_0"],
  CyclicLR: ["base_lr", "max_lr"],
  OneCycleLR: ["max_lr"],
  SequentialLR: ["schedulers", "milestones"],
  ChainedScheduler: ["schedulers"],
  SWALR: ["swa_lr"],
};

/** `Class(optimizer, *args, **keywords)` by the calling rule. */
export function makeScheduler(
  library: Library,
  name: string,
  optimizer: Optimizer,
  args: readonly unknown[],
  keywords: ReadonlyMap<string, unknown>,
): Scheduler {
  const rest = new Map(keywords);
  const positional = [...args];
  for (const key of (required[name] ?? []).slice(args.length)) {
    if (rest.has(key)) positional.push(rest.get(key));
    rest.delete(key);
  }
  const options = Object.fromEntries([...rest].map(([key, value]) => [optionKey(key), value]));
  const all = rest.size > 0 ? [...positional, options] : positional;
  // A chain takes its optimizer from the schedulers it is made of.
  const from = name === "ChainedScheduler" ? all : [optimizer, ...all];
  const folder = name === "SWALR" ? "optim.swa_utils" : "optim.lr_scheduler";
  return library.construct(`${folder}.${name}`, from) as Scheduler;
}

function build(library: Library, text: string, optimizer: Optimizer): Scheduler {
  return evaluate(parse(text), {
    name: (name) => (name === "opt" ? optimizer : name),
    call: (callee, args, keywords) => {
      const given = args[0] === optimizer ? args.slice(1) : args;
      return makeScheduler(library, callee as string, optimizer, given, keywords);
    },
  }) as Scheduler;
}

/** Replaces every formula by the function it stands for. */
function lambdas(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(lambdas);
  if (typeof value !== "object" || value === null || !("python_lambda" in value)) return value;
  return formula(String(value.python_lambda));
}

/** Runs a case of kind lr_scheduler; what it finds wrong, one line each. */
export function runScheduler(library: Library, family: Family, c: SchedulerCase): string[] {
  library.value(c.name);
  const decoder = new Decoder(library, family);
  const groups = c.lrs.map((lr) => ({
    params: [parameter(library, library.function("zeros")(1) as Tensor)],
    lr,
    ...(c.initial_lr_set === true && { initialLr: lr }),
  }));
  const kwargs = keywordOptions(
    Object.fromEntries(Object.entries(c.optimizer_kwargs).map(([k, v]) => [k, decoder.value(v)])),
  );
  const optimizer = library.construct(`optim.${c.optimizer}`, [
    groups,
    { lr: c.lrs[0], ...kwargs },
  ]) as Optimizer;
  const args = decoder.arguments(c.ctor).map((arg) => lambdas(arg));
  const scheduler =
    c.build === undefined
      ? (library.construct(c.name, [optimizer, ...args]) as Scheduler)
      : build(library, c.build, optimizer);
  const found: string[] = [];
  const [rtol, atol] = c.tol ?? [0, 0];
  const check = (what: string, step: number, own: readonly unknown[], wanted: readonly number[]): void => {
    const near = (a: unknown, x: number): boolean =>
      typeof a === "number" && Math.abs(a - x) <= atol + rtol * Math.abs(x);
    if (own.length !== wanted.length || !wanted.every((x, i) => near(own[i], x))) {
      found.push(
        `${what} after ${String(step)} steps: [${own.map(String).join()}] instead of [${wanted.join()}]`,
      );
    }
  };
  const momentum = (group: Record<string, unknown>): unknown =>
    "betas" in group ? (group["betas"] as unknown[])[0] : group["momentum"];
  const { lr, momentum: momenta, get_last_lr: last } = c.expect;
  for (let step = 0; step < lr.length && found.length === 0; step++) {
    // Rates after construction come first, except where every step takes a metric.
    if (c.metrics !== undefined) scheduler.step(c.metrics[step]);
    else if (step > 0) scheduler.step();
    check(
      "lr",
      step,
      optimizer.paramGroups.map((group) => group["lr"]),
      lr[step]!,
    );
    if (momenta) check("momentum", step, optimizer.paramGroups.map(momentum), momenta[step]!);
    if (last)
      check("getLastLr", step, (scheduler.getLastLr as Callable).call(scheduler) as number[], last[step]!);
  }
  if (c.expect.state_dict !== undefined) {
    const on: Comparison = { library, family, case: c };
    // What begins with an underscore is private, and functions are not state.
    const ignore = (key: string): boolean => key.startsWith("_") || key === "verbose" || key === "lr_lambdas";
    const problems = compareTree(on, scheduler.stateDict(), c.expect.state_dict, { camelKeys: true, ignore });
    found.push(...problems.map((problem) => `stateDict ${problem}`));
  }
  return found;
}
