/** Softmax over many classes, the rare ones in clusters. @see https://pytorch.org/docs/stable/generated/torch.nn.AdaptiveLogSoftmaxWithLoss.html */
import { RuntimeError, ValueError } from "../errors.js";
import { named } from "../ops/results.js";
import type { CallArgs } from "../ops/schema.js";
import type { DeviceLike } from "../tensor/device.js";
import { int64, type DType } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { functional as F, torch } from "../torch.js";
import { bound, typed } from "./arguments.js";
import { ModuleList, Sequential } from "./container.js";
import { Linear } from "./linear.js";
import { Module } from "./module.js";

const signature =
  "AdaptiveLogSoftmaxWithLoss(int in_features, int n_classes, int[] cutoffs, float div_value=4.0, bool head_bias=False, device? device=None, dtype? dtype=None) -> any";

/** Log probabilities of the targets `[N]`, and their negative mean. */
export interface AdaptiveResult {
  readonly output: Tensor;
  readonly loss: Tensor;
}

/**
 * Log probabilities of classes sorted by frequency: the frequent ones at once, the others by way of their cluster, with
 * smaller and smaller projections.
 */
export class AdaptiveLogSoftmaxWithLoss extends Module {
  static override readonly stateNames = "pytorch";
  readonly inFeatures: number;
  readonly nClasses: number;
  readonly cutoffs: readonly number[];
  readonly divValue: number;
  readonly headBias: boolean;
  readonly shortlistSize: number;
  readonly nClusters: number;
  readonly headSize: number;
  head: Linear;
  tail: ModuleList<Sequential>;

  constructor(
    inFeatures: number,
    nClasses: number,
    cutoffs: readonly number[],
    options?: {
      readonly divValue?: number;
      readonly headBias?: boolean;
      readonly dtype?: DType;
      readonly device?: DeviceLike;
    },
  );
  constructor(...args: CallArgs<typeof signature>);
  constructor(...args: unknown[]) {
    super();
    const o = bound(signature, args);
    const { cutoffs, nClasses } = o;
    const rising = cutoffs.every((c, i) => i === 0 || c > cutoffs[i - 1]!);
    if (!rising || !(cutoffs[0]! > 0) || cutoffs.at(-1)! > nClasses - 1) {
      throw new ValueError(
        "cutoffs should be a sequence of unique, positive integers sorted in an increasing order, where each value is between 1 and n_classes-1",
      );
    }
    this.inFeatures = o.inFeatures;
    this.nClasses = nClasses;
    this.cutoffs = [...cutoffs, nClasses];
    this.divValue = o.divValue;
    this.headBias = o.headBias;
    this.shortlistSize = cutoffs[0]!;
    this.nClusters = cutoffs.length;
    this.headSize = this.shortlistSize + this.nClusters;
    const placed = typed(o);
    this.head = new Linear(o.inFeatures, this.headSize, { bias: o.headBias, ...placed });
    this.tail = new ModuleList();
    for (let i = 0; i < this.nClusters; i++) {
      const hidden = Math.floor(o.inFeatures / o.divValue ** (i + 1));
      const classes = this.cutoffs[i + 1]! - this.cutoffs[i]!;
      const plain = { bias: false, ...placed };
      this.tail.append(
        new Sequential(new Linear(o.inFeatures, hidden, plain), new Linear(hidden, classes, plain)),
      );
    }
  }

  resetParameters(): void {
    this.head.resetParameters();
    for (const projection of this.tail) for (const m of projection) (m as Linear).resetParameters();
  }

  /**
   * `[N, inFeatures]` and targets `[N]`, or without the batch axis. Each cluster computes only the rows whose target is
   * in it, so the targets are read.
   * @throws RuntimeError for sizes that do not go together and targets out of range.
   */
  forward(input_: Tensor, target_: Tensor): AdaptiveResult & Iterable<Tensor> {
    this.checkRanks(input_, target_);
    const batched = target_.ndim > 0;
    const input = batched ? input_ : input_.unsqueeze(0);
    const targets = (batched ? target_ : target_.unsqueeze(0)).tolist() as number[];
    const outside = targets.filter((t) => t < 0 || t >= this.nClasses);
    if (outside.length) {
      throw new RuntimeError(
        `Target values should be in [0, ${String(this.nClasses - 1)}], but values in range [${String(Math.min(...targets))}, ${String(Math.max(...targets))}] were found. `,
      );
    }
    const indices = (values: readonly number[]): Tensor =>
      torch.tensor(values, { dtype: int64, device: input.device });
    const inHead = targets.map((t) => (t < this.shortlistSize ? t : this.shortlistSize + this.clusterOf(t)));
    let output = F.logSoftmax(this.head(input), { dim: 1 })
      .gather(1, indices(inHead).unsqueeze(1))
      .squeeze(1);
    this.cutoffs.slice(0, -1).forEach((low, i) => {
      const rows = targets.flatMap((t, row) => (t >= low && t < this.cutoffs[i + 1]! ? [row] : []));
      if (rows.length === 0) return;
      const within = indices(rows.map((row) => targets[row]! - low)).unsqueeze(1);
      const place = indices(rows);
      const scores = this.tail.at(i)(input.indexSelect(0, place));
      const local = F.logSoftmax(scores, { dim: 1 }).gather(1, within).squeeze(1);
      output = output.indexAdd(0, place, local);
    });
    const loss = output.neg().mean();
    return named({ output: batched ? output : output.squeeze(0), loss }) as AdaptiveResult & Iterable<Tensor>;
  }

  private clusterOf(target: number): number {
    return this.cutoffs.findIndex((c) => target < c) - 1;
  }

  private checkRanks(input: Tensor, target: Tensor): void {
    if (target.ndim > 1) {
      throw new RuntimeError("0D or 1D target tensor expected, multi-target not supported");
    }
    if (target.ndim === 1 && input.shape[0] !== target.shape[0]) {
      throw new RuntimeError("Input and target should have the same size in the batch dimension.");
    }
    if (input.ndim !== target.ndim + 1) {
      throw new RuntimeError(
        `${String(target.ndim)}D target tensor expects ${String(target.ndim + 1)}D input tensors, but found inputs with size [${input.shape.join(", ")}]`,
      );
    }
  }

  /** Log probabilities of all classes: `[N, inFeatures]` → `[N, nClasses]`. */
  logProb(input: Tensor): Tensor {
    const head = F.logSoftmax(this.head(input), { dim: 1 });
    const parts = [head.narrow(1, 0, this.shortlistSize)];
    [...this.tail].forEach((projection, i) => {
      parts.push(F.logSoftmax(projection(input), { dim: 1 }).add(head.narrow(1, this.shortlistSize + i, 1)));
    });
    return torch.cat(parts, 1);
  }

  /** The most probable classes: `[N, inFeatures]` → `[N]`. */
  predict(input: Tensor): Tensor {
    return this.logProb(input).argmax(1);
  }
}
