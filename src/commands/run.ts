import * as vscode from "vscode";
import type { Models } from "../authoring/model.js";
import type { Config } from "../config.js";
import { nameOf, type Output } from "../output.js";
import type { Failure, Runs, Target, TrainingRun } from "../runs.js";
import type { CurvesView } from "../views/curves.js";
import { reveal } from "./reveal.js";
import { resolveTarget } from "./target.js";

const { t } = vscode.l10n;

/** Says that a run failed, with the ways on. */
async function tell(name: string, failure: Failure, output: Output): Promise<void> {
  const { location, message } = failure;
  const goTo = t("Go to Line");
  const show = t("Show Output");
  const choice = await vscode.window.showErrorMessage(
    `${name}: ${message}`,
    ...(location === undefined ? [show] : [goTo, show]),
  );
  if (choice === goTo && location !== undefined) await reveal(location);
  else if (choice === show) output.show();
}

/** `▶ Forward`: builds the model and runs it once. */
export async function forward(models: Models, runs: Runs, output: Output, argument: unknown): Promise<void> {
  const target = await resolveTarget(models, "module", argument);
  if (target === undefined) return;
  const run = await runs.forward(target);
  output.forward(run);
  if (run.failure !== undefined) await tell(nameOf(target), run.failure, output);
}

function titleOf(models: Models, target: Target): string {
  const found = models.byPath(target.file)?.outline.find(({ name }) => name === target.export);
  return found?.title === undefined || found.title === "" ? nameOf(target) : found.title;
}

/** `▶ Train`: calls the function and follows it until it ends. */
export async function train(
  models: Models,
  runs: Runs,
  output: Output,
  curves: CurvesView,
  config: Config,
  argument: unknown,
): Promise<void> {
  const target = await resolveTarget(models, "train", argument);
  if (target === undefined) return;
  if (config.openCurvesOnTrain.value && !curves.isOpen) curves.show(true);
  const run: TrainingRun | Failure = await runs.train(target, titleOf(models, target));
  const failure = "id" in run ? run.failure : run;
  if ("id" in run) output.training(run);
  if (failure !== undefined) await tell(nameOf(target), failure, output);
}

/** Stops what runs. */
export async function cancel(runs: Runs, argument: unknown): Promise<void> {
  await runs.cancel(typeof argument === "string" ? argument : undefined);
}
