/** All op records, family by family. */
import * as activation from "./activation.js";
import * as arrange from "./arrange.js";
import * as attention from "./attention.js";
import * as averagePool from "./average-pool.js";
import * as bilinear from "./bilinear.js";
import * as binaryLoss from "./binary-loss.js";
import * as callbacks from "./callbacks.js";
import * as cell from "./cell.js";
import * as classLoss from "./class-loss.js";
import * as combine from "./combine.js";
import * as compare from "./compare.js";
import * as conjugate from "./conjugate.js";
import * as contract from "./contract.js";
import * as conv from "./conv.js";
import * as convForms from "./conv-forms.js";
import * as convert from "./convert.js";
import * as copies from "./copies.js";
import * as copy from "./copy.js";
import * as counting from "./counting.js";
import * as covariance from "./covariance.js";
import * as create from "./create.js";
import * as ctc from "./ctc.js";
import * as diagonal from "./diagonal.js";
import * as data from "./data.js";
import * as difference from "./difference.js";
import * as distanceLoss from "./distance-loss.js";
import * as distance from "./distance.js";
import * as dropout from "./dropout.js";
import * as einsum from "./einsum.js";
import * as embeddingBag from "./embedding-bag.js";
import * as embedding from "./embedding.js";
import * as extrema from "./extrema.js";
import * as extremes from "./extremes.js";
import * as fold from "./fold.js";
import * as fractionalPool from "./fractional-pool.js";
import * as gather from "./gather.js";
import * as grid from "./grid.js";
import * as gumbel from "./gumbel.js";
import * as indexAxis from "./index-axis.js";
import * as indexing from "./indexing.js";
import * as interpolate from "./interpolate.js";
import * as join from "./join.js";
import * as logic from "./logic.js";
import * as lossForms from "./loss-forms.js";
import * as masked from "./masked.js";
import * as math from "./math.js";
import * as matmul from "./matmul.js";
import * as maxPool from "./max-pool.js";
import * as memory from "./memory.js";
import * as multihead from "./multihead.js";
import * as nonzero from "./nonzero.js";
import * as mesh from "./mesh.js";
import * as norm from "./norm.js";
import * as normForms from "./norm-forms.js";
import * as normalize from "./normalize.js";
import * as norms from "./norms.js";
import * as pad from "./pad.js";
import * as pointwise from "./pointwise.js";
import * as fakeQuantize from "./fake-quantize.js";
import * as quantile from "./quantile.js";
import * as quantize from "./quantize.js";
import * as queries from "./queries.js";
import * as random from "./random.js";
import * as recurrent from "./recurrent.js";
import * as reduce from "./reduce.js";
import * as reflected from "./reflected.js";
import * as regressionLoss from "./regression-loss.js";
import * as rounding from "./rounding.js";
import * as scan from "./scan.js";
import * as scatter from "./scatter.js";
import * as search from "./search.js";
import * as sequence from "./sequence.js";
import * as shape from "./shape.js";
import * as shrink from "./shrink.js";
import * as shuffle from "./shuffle.js";
import * as slice from "./slice.js";
import * as softmax from "./softmax.js";
import * as sorting from "./sorting.js";
import * as specialValues from "./special-values.js";
import * as split from "./split.js";
import * as statistics from "./statistics.js";
import * as strided from "./strided.js";
import * as take from "./take.js";
import * as triangle from "./triangle.js";
import * as unique from "./unique.js";
import * as view from "./view.js";
import * as windows from "./windows.js";
import * as emptyStrided from "./empty-strided.js";
import type { OpRecord } from "./record.js";

// prettier-ignore
const families = {
  activation,
  arrange,
  attention,
  averagePool,
  bilinear,
  binaryLoss,
  callbacks,
  cell,
  classLoss,
  combine,
  compare,
  conjugate,
  contract,
  conv,
  convForms,
  convert,
  copies,
  copy,
  counting,
  covariance,
  create,
  ctc,
  diagonal,
  data,
  difference,
  distanceLoss,
  distance,
  dropout,
  einsum,
  embeddingBag,
  embedding,
  extrema,
  extremes,
  fold,
  fractionalPool,
  gather,
  grid,
  gumbel,
  indexAxis,
  indexing,
  interpolate,
  join,
  logic,
  lossForms,
  masked,
  math,
  matmul,
  maxPool,
  memory,
  multihead,
  nonzero,
  mesh,
  norm,
  normForms,
  normalize,
  norms,
  pad,
  pointwise,
  fakeQuantize,
  quantile,
  quantize,
  queries,
  random,
  recurrent,
  reduce,
  reflected,
  regressionLoss,
  rounding,
  scan,
  scatter,
  search,
  sequence,
  shape,
  shrink,
  shuffle,
  slice,
  softmax,
  sorting,
  specialValues,
  split,
  statistics,
  strided,
  take,
  triangle,
  unique,
  view,
  windows,
  emptyStrided,
};

/** Every record with the family it stands in. */
export const records: readonly { readonly family: string; readonly record: OpRecord }[] = Object.entries(
  families,
).flatMap(([family, members]) =>
  Object.values(members).flatMap((m) => {
    const record = typeof m === "function" && "record" in m ? (m as { record: OpRecord }).record : undefined;
    return record ? [{ family, record }] : [];
  }),
);
