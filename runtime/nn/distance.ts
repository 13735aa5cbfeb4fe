/** Distances as modules. @see https://pytorch.org/docs/stable/nn.html#distance-functions */
import type { CallArgs } from "../ops/schema.js";
import type { Tensor } from "../tensor/tensor.js";
import { functional as F } from "../torch.js";
import { bound } from "./arguments.js";
import { Module } from "./module.js";

const pairwise = "PairwiseDistance(float p=2.0, float eps=1e-06, bool keepdim=False) -> any";

/**
 * The p-norm of differences over the last axis: `[N, D]` and `[N, D]` give `[N]`.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.PairwiseDistance.html
 */
export class PairwiseDistance extends Module {
  readonly norm: number;
  readonly eps: number;
  readonly keepdim: boolean;

  constructor(...args: CallArgs<typeof pairwise>) {
    super();
    const o = bound(pairwise, args);
    this.norm = o.p;
    this.eps = o.eps;
    this.keepdim = o.keepdim;
  }

  forward(x1: Tensor, x2: Tensor): Tensor {
    return F.pairwiseDistance(x1, x2, this.norm, this.eps, this.keepdim);
  }
}

const cosine = "CosineSimilarity(int dim=1, float eps=1e-08) -> any";

/**
 * The cosine between vectors along `dim`.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.CosineSimilarity.html
 */
export class CosineSimilarity extends Module {
  readonly dim: number;
  readonly eps: number;

  constructor(...args: CallArgs<typeof cosine>) {
    super();
    const o = bound(cosine, args);
    this.dim = o.dim;
    this.eps = o.eps;
  }

  forward(x1: Tensor, x2: Tensor): Tensor {
    return F.cosineSimilarity(x1, x2, this.dim, this.eps);
  }
}
