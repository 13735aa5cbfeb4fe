/** Sums, means and maxima of embeddings over bags of indices. */
import { NotImplementedError, RuntimeError, ValueError } from "../errors.js";
import type { Attrs } from "../graph/value.js";
import { int64, promoteTypes } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { applyAll, apply, sameShape } from "./apply.js";
import { lt } from "./compare.js";
import { castTo } from "./convert.js";
import { embeddingPrimitive, limitNorms, longIndices, sumRows } from "./embedding.js";
import { page } from "./family.js";
import { encode, fromData } from "./leaf.js";
import { op, primitive } from "./record.js";
import { named } from "./results.js";
import { sumDims } from "./reduce.js";
import { expandTo } from "./view.js";

interface BagAttrs extends Attrs {
  readonly rows: number;
  readonly bags: number;
  /** The row that counts for nothing; -1 for none. */
  readonly padding: number;
}

/** The bag of every index, `bags` for those that are in none, and how many indices count in every bag. */
const bagsPrimitive = primitive<BagAttrs>({
  name: "embedding_bag_bags",
  infer: ([index], { bags }) => [
    { shape: index!.shape, dtype: int64 },
    { shape: [bags], dtype: int64 },
  ],
  grad: null,
  host: "embedding_bag.bags",
});

/** For every bag and column, the row that has the largest element; -1 for empty bags. */
const largestPrimitive = primitive<{ bags: number }>({
  name: "embedding_bag_max",
  infer: ([w], { bags }) => ({ shape: [bags, w!.shape[1]!], dtype: int64 }),
  grad: null,
  host: "embedding_bag.max",
});

interface BagOptions {
  readonly mode: string;
  readonly byFrequency: boolean;
  readonly sparse: boolean;
  readonly perSampleWeights: Tensor | null;
  readonly includeLast: boolean;
  readonly paddingIdx: number | null;
}

interface Bags {
  readonly output: Tensor;
  readonly bag: Tensor;
  readonly counts: Tensor;
  readonly largest: Tensor;
}

function paddingOf(paddingIdx: number | null, rows: number): number {
  if (paddingIdx === null) return -1;
  if (paddingIdx >= rows || paddingIdx < -rows) {
    throw new RuntimeError(
      `padding_idx must be within the number of embeddings, ${String(-rows)} through ${String(rows - 1)}, but got ${String(paddingIdx)}`,
    );
  }
  return paddingIdx < 0 ? paddingIdx + rows : paddingIdx;
}

/** Bags of a vector of indices. */
function bagged(weight: Tensor, index: Tensor, offsets: Tensor, o: BagOptions): Bags {
  if (weight.ndim !== 2)
    throw new RuntimeError(`weight has to be a 2D Tensor, but it is [${weight._shape.join(", ")}]`);
  const [rows, width] = weight._shape as [number, number];
  const padding = paddingOf(o.paddingIdx, rows);
  const bags = offsets._shape[0]! - (o.includeLast ? 1 : 0);
  if (bags < 0) throw new RuntimeError("include_last_offset: number of offsets should be at least 1");
  const [bag, counts] = applyAll(bagsPrimitive, [index, offsets], { rows, bags, padding }) as [
    Tensor,
    Tensor,
  ];
  if (o.mode === "max") {
    const largest = apply(largestPrimitive, [weight, index, bag], { bags });
    const empty = lt(largest, 0);
    return {
      output: weight.gather(0, largest.maskedFill(empty, 0)).maskedFill(empty, 0),
      bag,
      counts,
      largest,
    };
  }
  const attrs = {
    paddingIdx: padding,
    ...(o.sparse ? { sparse: true } : {}),
    ...(o.byFrequency ? { byFrequency: true } : {}),
  };
  const sums =
    index.numel() === 0
      ? expandTo(sumDims(weight.narrow(0, 0, 0), [0], true), [bags, width])
      : sumBags(apply(embeddingPrimitive, [weight, index], attrs), bag, bags, o.perSampleWeights);
  const output = o.mode === "mean" ? sums.div(castTo(counts.clampMin(1), weight.dtype).unsqueeze(1)) : sums;
  return { output, bag, counts, largest: counts };
}

/** What is in no bag goes to one behind the last. */
function sumBags(values: Tensor, bag: Tensor, bags: number, weights: Tensor | null): Tensor {
  const weighted = weights ? values.mul(weights.unsqueeze(1)) : values;
  return sumRows(weighted, bag, bags + 1).narrow(0, 0, bags);
}

/** Indices and offsets, which may differ in dtype, as int64. */
function longPair(index: Tensor, offsets: Tensor): [Tensor, Tensor] {
  const dtype = promoteTypes(index.dtype, offsets.dtype);
  const long = (t: Tensor): Tensor => longIndices(castTo(t, dtype), "embedding_bag");
  return [long(index), long(offsets)];
}

const sizes = (t: Tensor): string => `[${t._shape.join(", ")}]`;

/** Where bags of one length start. */
function regular(count: number, length: number): Tensor {
  return fromData(
    encode(
      Array.from({ length: count }, (_, i) => i * length),
      int64,
    ),
    [count],
    int64,
  );
}

/** Indices in a vector, and where their bags start. @throws ValueError */
function flatten(input: Tensor, offsets: Tensor | null): [Tensor, Tensor] {
  if (input.ndim === 2) {
    if (offsets) {
      throw new ValueError(
        `if input is 2D, then offsets has to be null, as input is treated is a mini-batch of fixed length sequences. However, found offsets of ${sizes(offsets)}`,
      );
    }
    return [input.reshape(-1), regular(input._shape[0]!, input._shape[1]!)];
  }
  if (input.ndim !== 1) {
    throw new ValueError(
      `input has to be 1D or 2D Tensor, but got Tensor of dimension ${String(input.ndim)}`,
    );
  }
  if (offsets?.ndim !== 1) {
    throw new ValueError(`offsets has to be a 1D Tensor but got ${offsets ? sizes(offsets) : "null"}`);
  }
  return [input, offsets];
}

export const embeddingBag = op({
  signature:
    "embedding_bag(Tensor input, Tensor weight, Tensor? offsets=None, float? max_norm=None, float norm_type=2, bool scale_grad_by_freq=False, str mode='mean', bool sparse=False, Tensor? per_sample_weights=None, bool include_last_offset=False, int? padding_idx=None) -> Tensor",
  on: ["F"],
  doc: `The sum, mean or maximum of rows of \`weight\` \`[V, D]\` over bags of indices, giving \`[B, D]\`: every row of a matrix of indices is a bag, or \`offsets\` says where in a vector of them each bag starts. Bags without indices give zeros.\n\n${page("nn.functional.embedding_bag")}`,
  call: (
    input,
    weight,
    offsets,
    maxNorm,
    normType,
    byFrequency,
    mode,
    sparse,
    perSampleWeights,
    includeLast,
    paddingIdx,
  ) => {
    if (perSampleWeights && !sameShape(input._shape, perSampleWeights._shape)) {
      throw new ValueError(
        `embedding_bag: If per_sample_weights (${sizes(perSampleWeights)}) is not null, then it must have the same shape as the input (${sizes(input)})`,
      );
    }
    const [index, starts] = flatten(input, offsets);
    if (mode !== "sum" && mode !== "mean" && mode !== "max") {
      throw new ValueError("mode has to be one of sum, mean or max");
    }
    if (mode === "max" && byFrequency) {
      throw new ValueError("max mode does not support scaling the gradient by the frequency");
    }
    if (mode === "max" && sparse) throw new ValueError("max mode does not support sparse weights");
    if (perSampleWeights && mode !== "sum") {
      throw new NotImplementedError(
        `embedding_bag: per_sample_weights was not null. per_sample_weights is only supported for mode='sum' (got mode='${mode}').`,
      );
    }
    if (perSampleWeights && perSampleWeights.dtype !== weight.dtype) {
      throw new RuntimeError(
        `expected per_sample_weights of ${String(weight.dtype)}, but got ${String(perSampleWeights.dtype)}`,
      );
    }
    const [long, longStarts] = longPair(index, starts);
    if (maxNorm !== null) limitNorms(weight, long, maxNorm, normType);
    return bagged(weight, long, longStarts, {
      mode,
      byFrequency,
      sparse,
      perSampleWeights: perSampleWeights?.reshape(-1) ?? null,
      includeLast,
      paddingIdx,
    }).output;
  },
});

const modes = ["sum", "mean", "max"];

export const torchEmbeddingBag = op({
  signature:
    "embedding_bag(Tensor weight, Tensor indices, Tensor offsets, bool scale_grad_by_freq=False, int mode=0, bool sparse=False, Tensor? per_sample_weights=None, bool include_last_offset=False, int? padding_idx=None) -> (Tensor output, Tensor offset2bag, Tensor bag_size, Tensor max_indices)",
  on: ["torch"],
  doc: "The function behind `F.embeddingBag`, mode 0 the sum, 1 the mean, 2 the maximum; it also gives the bag of every index, the bags' sizes and, for mode 2, the rows of the maxima.",
  call: (weight, indices, offsets, byFrequency, mode, sparse, perSampleWeights, includeLast, paddingIdx) => {
    const word = modes[mode];
    if (word === undefined)
      throw new RuntimeError(`embedding_bag: mode must be 0, 1 or 2, not ${String(mode)}`);
    const { output, bag, counts, largest } = bagged(weight, ...longPair(indices, offsets), {
      mode: word,
      byFrequency,
      sparse,
      perSampleWeights,
      includeLast,
      paddingIdx,
    });
    // PyTorch counts only where it divides or looks for maxima.
    const bagSize = word === "sum" ? counts.mul(0) : counts;
    return named({ output, offset2bag: bag, bagSize, maxIndices: word === "sum" ? bagSize : largest });
  },
});
