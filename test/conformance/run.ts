import type { CallCase, CaseBase, ErrorCase, Family } from "./corpus.js";
import { isNotImplemented, NotThere, type Library } from "./library.js";
import { runModule } from "./modules.js";
import { message, runError, runOperation } from "./operation.js";
import { runOptimizer, runOptimizerError, type OptimizerCase } from "./optimizers.js";
import { runRng, type RngCase } from "./rng.js";
import { runScheduler, type SchedulerCase } from "./schedulers.js";
import { runSerialization, type SerializationCase } from "./serialization.js";
import { runTraining, type TrainingCase } from "./training.js";

export interface Outcome {
  readonly status: "passed" | "failed" | "skipped";
  /** What was wrong, or which name is missing; empty when passed. */
  readonly reason: string;
}

async function problems(library: Library, family: Family, c: CaseBase): Promise<readonly string[]> {
  switch (c.kind) {
    case "function":
    case "method":
      return runOperation(library, family, c as CallCase);
    case "module":
    case "criterion":
      return runModule(library, family, c as CallCase);
    case "error":
      return c.name.startsWith("optim.")
        ? runOptimizerError(library, family, c as ErrorCase)
        : runError(library, family, c as ErrorCase);
    case "optimizer":
      return runOptimizer(library, family, c as OptimizerCase);
    case "lr_scheduler":
      return runScheduler(library, family, c as SchedulerCase);
    case "rng":
      return runRng(library, family, c as RngCase);
    case "training":
      return runTraining(library, family, c as TrainingCase);
    case "serialization":
      return runSerialization(library, family, c as SerializationCase);
    default:
      return [`cases of kind ${c.kind} are not understood`];
  }
}

/** Runs one case. It is skipped when a name it needs is not implemented, and for no other reason. */
export async function runCase(library: Library, family: Family, c: CaseBase): Promise<Outcome> {
  try {
    const found = await problems(library, family, c);
    if (found.length === 0) return { status: "passed", reason: "" };
    const more = found.length > 3 ? `; and ${String(found.length - 3)} more` : "";
    return { status: "failed", reason: found.slice(0, 3).join("; ") + more };
  } catch (error) {
    if (error instanceof NotThere) return { status: "skipped", reason: error.message };
    return { status: isNotImplemented(error) ? "skipped" : "failed", reason: message(error) };
  }
}
