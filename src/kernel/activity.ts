/** What modules took, gave and cost in the runs of a trace, as one account. */
import type { ModuleActivity, Observed } from "../../runtime/inspect/model.js";
import type { Module } from "../../runtime/nn/module.js";
import { fitShape, type Sizes } from "./fit.js";

/** A run of a trace, where it came to its end. */
interface Watched {
  readonly observed?: Observed<unknown>;
}

export interface FittedActivity {
  readonly shapes: ReadonlyMap<Module, ModuleActivity> | undefined;
  readonly macs: number | undefined;
}

/** Activity at batch size 1: multiply-accumulates grow with N, so two runs tell what one sample costs. */
export function fitActivity(runs: readonly Watched[], sizes: readonly Sizes[]): FittedActivity {
  const [base, more] = runs;
  if (base?.observed === undefined) return { shapes: undefined, macs: undefined };
  const [batch] = sizes[0]!.keys();
  const from = batch === undefined ? 1 : sizes[0]!.get(batch)!;
  const to = batch === undefined ? 1 : (sizes[1]?.get(batch) ?? from);
  const atOne = (macs: number, other: number | undefined): number =>
    other === undefined || to === from ? macs : macs - ((other - macs) / (to - from)) * (from - 1);
  const shapes = new Map<Module, ModuleActivity>();
  for (const [module, activity] of base.observed.activity) {
    const others = runs.map(({ observed }) => observed?.activity.get(module));
    const fit = (which: "inputs" | "outputs"): ModuleActivity["inputs"] =>
      activity[which].map((shape, i) =>
        runs.length === 1
          ? shape
          : fitShape(
              sizes,
              others.map((other) => other?.[which][i]),
            ),
      );
    shapes.set(module, {
      inputs: fit("inputs"),
      outputs: fit("outputs"),
      macs: atOne(activity.macs, more?.observed?.activity.get(module)?.macs),
    });
  }
  return { shapes, macs: atOne(base.observed.macs, more?.observed?.macs) };
}
