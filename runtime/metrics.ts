/** How good predictions are, and when to stop making them better. */
import { IndexError, ValueError } from "./errors.js";
import type { Tensor } from "./tensor/tensor.js";
import { torch } from "./torch.js";

/** Class numbers: of scores `[N, C]` the greatest of each row, else the numbers themselves. */
function classesOf(t: Tensor): number[] {
  const classes = t.ndim === 2 ? t.detach().argmax({ dim: 1 }) : t.detach();
  if (classes.ndim !== 1) {
    throw new ValueError(`predictions are scores [N, C] or classes [N], not [${t.shape.join(", ")}]`);
  }
  return Array.from(classes.tolist() as (number | bigint | boolean)[], Number);
}

function pairs(predictions: Tensor, targets: Tensor): [number[], number[]] {
  const [said, right] = [classesOf(predictions), classesOf(targets)];
  if (said.length !== right.length) {
    throw new ValueError(`${String(said.length)} predictions and ${String(right.length)} targets`);
  }
  if (said.length === 0) throw new ValueError("there are no predictions to judge");
  return [said, right];
}

/**
 * The share of predictions that are right.
 * @param predictions scores `[N, C]` or classes `[N]`
 * @param targets classes `[N]`
 * @throws ValueError when their numbers differ, or there are none.
 */
export function accuracy(predictions: Tensor, targets: Tensor): number {
  const [said, right] = pairs(predictions, targets);
  return said.filter((c, i) => c === right[i]).length / said.length;
}

function counts(predictions: Tensor, targets: Tensor, numClasses?: number): number[][] {
  const [said, right] = pairs(predictions, targets);
  const scored = predictions.ndim === 2 ? predictions.shape[1]! : 0;
  const size = numClasses ?? [...said, ...right].reduce((n, c) => Math.max(n, c + 1), scored);
  const matrix = Array.from({ length: size }, () => new Array<number>(size).fill(0));
  said.forEach((c, i) => {
    const row = matrix[right[i]!];
    if (row === undefined || row[c] === undefined) {
      throw new IndexError(
        `sample ${String(i)}: class ${String(row === undefined ? right[i] : c)} of ${String(size)}`,
      );
    }
    row[c]++;
  });
  return matrix;
}

/**
 * How often each class (row) was taken for each (column): int64 `[C, C]`.
 * @throws IndexError for a class beyond `numClasses`; ValueError as `accuracy`.
 */
export function confusionMatrix(
  predictions: Tensor,
  targets: Tensor,
  { numClasses }: { readonly numClasses?: number } = {},
): Tensor {
  return torch.tensor(counts(predictions, targets, numClasses), { dtype: torch.int64 });
}

/**
 * F1 = 2 TP / (2 TP + FP + FN): its mean over the classes (`macro`), over all samples (`micro`), or one for each class
 * (`none`). A class that is neither there nor predicted has 0.
 */
export function f1Score(
  predictions: Tensor,
  targets: Tensor,
  options?: { readonly average?: "macro" | "micro"; readonly numClasses?: number },
): number;
export function f1Score(
  predictions: Tensor,
  targets: Tensor,
  options: { readonly average: "none"; readonly numClasses?: number },
): number[];
export function f1Score(
  predictions: Tensor,
  targets: Tensor,
  { average = "macro", numClasses }: { readonly average?: string; readonly numClasses?: number } = {},
): number | number[] {
  if (!["macro", "micro", "none"].includes(average)) {
    throw new ValueError(`average is macro, micro or none, not ${average}`);
  }
  // With one answer a sample, micro F1 is the accuracy.
  if (average === "micro") return accuracy(predictions, targets);
  const matrix = counts(predictions, targets, numClasses);
  const each = matrix.map((row, c) => {
    const actual = row.reduce((a, b) => a + b, 0);
    const predicted = matrix.reduce((n, other) => n + other[c]!, 0);
    return actual + predicted === 0 ? 0 : (2 * row[c]!) / (actual + predicted);
  });
  return average === "none" ? each : each.reduce((a, b) => a + b, 0) / each.length;
}

/** Tells when a figure has stopped getting better: `if (stopping.step(validationLoss)) break`. */
export class EarlyStopping {
  readonly patience: number;
  readonly minDelta: number;
  readonly mode: "min" | "max";
  /** The best figure so far, and for how many steps there was no better one. */
  best: number | undefined;
  wait = 0;

  /** @param options `patience` steps without a gain of more than `minDelta` end it; better is less, or under `max` more. */
  constructor({
    patience = 5,
    minDelta = 0,
    mode = "min",
  }: { readonly patience?: number; readonly minDelta?: number; readonly mode?: "min" | "max" } = {}) {
    if (!(patience >= 1) || !(minDelta >= 0)) {
      throw new ValueError("EarlyStopping: patience must be at least 1 and minDelta not negative");
    }
    this.patience = patience;
    this.minDelta = minDelta;
    this.mode = mode;
  }

  /** Takes the next figure; true when it is time to stop. NaN is never better. */
  step(value: number): boolean {
    const gain =
      this.best === undefined ? Infinity : this.mode === "min" ? this.best - value : value - this.best;
    if (gain > this.minDelta && !Number.isNaN(value)) {
      this.best = value;
      this.wait = 0;
    } else this.wait++;
    return this.wait >= this.patience;
  }

  /** Its state, for a checkpoint. */
  stateDict(): { best: number | null; wait: number } {
    return { best: this.best ?? null, wait: this.wait };
  }

  /** Goes on from a state. */
  loadStateDict({ best, wait }: { readonly best: number | null; readonly wait: number }): void {
    this.best = best ?? undefined;
    this.wait = wait;
  }
}
