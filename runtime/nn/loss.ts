/** What loss modules share. @see https://pytorch.org/docs/stable/nn.html#loss-functions */
import { reductionOf } from "../ops/loss.js";
import type { CallArgs } from "../ops/schema.js";
import type { Tensor } from "../tensor/tensor.js";
import { bound } from "./arguments.js";
import { Module } from "./module.js";

export type Reduction = "mean" | "sum" | "none";

/** The deprecated ways to ask for a reduction, and `reduction` itself. */
export interface ReductionArguments {
  readonly sizeAverage: boolean | null;
  readonly reduce: boolean | null;
  readonly reduction: string;
}

export abstract class Loss extends Module {
  static override readonly stateNames = "pytorch";
  readonly reduction: string;

  constructor({ sizeAverage, reduce, reduction }: ReductionArguments) {
    super();
    this.reduction = reductionOf(sizeAverage, reduce, reduction);
  }
}

/** A loss with a weight per class or element, a buffer that may be `null`. */
export abstract class WeightedLoss extends Loss {
  declare weight: Tensor | null;

  constructor(o: ReductionArguments & { readonly weight: Tensor | null }) {
    super(o);
    this.registerBuffer("weight", o.weight);
  }
}

const plain = "Loss(bool? size_average=None, bool? reduce=None, str reduction='mean') -> any";

/** A loss that has a reduction and nothing else. */
export abstract class PlainLoss extends Loss {
  constructor(options?: { readonly reduction?: Reduction });
  constructor(...args: CallArgs<typeof plain>);
  constructor(...args: unknown[]) {
    super(bound(plain, args));
  }
}

/** The options of a loss as TypeScript suggests them: without the deprecated ones. */
export type LossOptions<O> = Partial<Readonly<O>> & { readonly reduction?: Reduction };
