/** Counts and histograms. */
import { RuntimeError } from "../errors.js";
import { OPEN, type Attrs } from "../graph/value.js";
import { bfloat16, float32, float64, int64 } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { applyAll } from "./apply.js";
import { castTo } from "./convert.js";
import { notImplementedFor } from "./elementwise.js";
import { page } from "./family.js";
import { titled } from "./inplace.js";
import { op, primitive } from "./record.js";
import { named, type NamedResults } from "./results.js";
import { applySized } from "./sized.js";

const bincountPrimitive = primitive<{ readonly minlength: number }>({
  name: "bincount",
  infer: ([, weights]) => ({ shape: [OPEN], dtype: weights?.dtype ?? int64 }),
  grad: null,
  host: "bincount",
});

export const bincount = op({
  signature: "bincount(Tensor input, Tensor? weights=None, int minlength=0) -> Tensor",
  doc: `How often each of 0, 1, 2 … occurs in \`input\` \`[n]\`, or the sum of its \`weights\`. The size depends on the data, so what is recorded runs here.\n\n${page("bincount")}`,
  call: (input, weights, minlength) => {
    if (minlength < 0) throw new RuntimeError(`minlength should be >= 0, but got ${String(minlength)}`);
    if (input.dtype.isFloatingPoint || input.dtype.category === 0)
      notImplementedFor("bincount_cpu", input.dtype);
    if (input.ndim !== 1) {
      throw new RuntimeError(
        `bincount only supports 1-d non-negative integral inputs, not [${input._shape.join(", ")}]`,
      );
    }
    if (!weights) return applySized(bincountPrimitive, [input], { minlength })[0]!;
    if (weights.ndim !== 1 || weights.numel() !== input.numel()) {
      throw new RuntimeError(
        `weights should be 1-d and have the same length as input: [${weights._shape.join(", ")}] for [${input._shape.join(", ")}]`,
      );
    }
    const w = weights.dtype === float32 ? weights : castTo(weights, float64);
    return applySized(bincountPrimitive, [input, w.detach()], { minlength })[0]!;
  },
});

interface HistogramAttrs extends Attrs {
  readonly kind: "histc" | "histogram" | "edges";
  readonly bins: number;
  readonly low: number | null;
  readonly high: number | null;
}

const histogramPrimitive = primitive<HistogramAttrs>({
  name: "histogram",
  infer: ([x], { bins }) => [
    { shape: [bins], dtype: x!.dtype },
    { shape: [bins + 1], dtype: x!.dtype },
  ],
  grad: null,
  host: "histogram",
});

function requireDouble(name: string, input: Tensor): void {
  if (input.dtype !== float32 && input.dtype !== float64) notImplementedFor(name, input.dtype);
}

export const histc = op({
  signature: "histc(Tensor input, int bins=100, Scalar min=0, Scalar max=0, *, Tensor? out=None) -> Tensor",
  outDtype: "exact",
  doc: `How many elements fall into each of \`bins\` bins of equal width between \`min\` and \`max\`; those of the data when both are the same.\n\n${page("histc")}`,
  call: (input, bins, min, max) => {
    if (input.dtype !== bfloat16) requireDouble("histogram_cpu", input);
    if (bins <= 0) throw new RuntimeError(`bins must be > 0, but got ${String(bins)}`);
    const [low, high] = [Number(min), Number(max)];
    if (!Number.isFinite(low) || !Number.isFinite(high)) {
      throw new RuntimeError(`torch.histc: range of [${String(low)}, ${String(high)}] is not finite`);
    }
    if (low > high) throw new RuntimeError("torch.histc: max must be larger than min");
    return applyAll(histogramPrimitive, [input.detach()], { kind: "histc", bins, low, high })[0]!;
  },
});

type Histogram = NamedResults<{ hist: Tensor; binEdges: Tensor }>;

function histogramOf(
  input: Tensor,
  edges: Tensor | null,
  weight: Tensor | null,
  density: boolean,
  attrs: HistogramAttrs,
): Histogram {
  requireDouble("histogramdd", input);
  if (weight && weight.dtype !== input.dtype) {
    throw new RuntimeError(
      `torch.histogramdd: if weight tensor is provided, input tensor and weight tensor should have the same dtype, but got input(${titled(input)}), and weight(${titled(weight)})`,
    );
  }
  if (weight && weight._shape.join() !== input._shape.join()) {
    throw new RuntimeError(
      `torch.histogramdd: if weight tensor is provided it should have the same shape as the input tensor, but got input with shape [${input._shape.join(", ")}] and weight with shape [${weight._shape.join(", ")}]`,
    );
  }
  const inputs = [input, edges, weight].filter((t): t is Tensor => t !== null).map((t) => t.detach());
  const [counts, binEdges] = applyAll(histogramPrimitive, inputs, attrs) as [Tensor, Tensor];
  if (!density) return named({ hist: counts, binEdges });
  const widths = binEdges.narrow(0, 1, attrs.bins).sub(binEdges.narrow(0, 0, attrs.bins));
  return named({ hist: counts.div(counts.sum()).div(widths), binEdges });
}

const histogramDoc = `How many elements, or how much \`weight\`, fall into each bin: \`bins\` of equal width over \`range\` (or the data's), or between the given edges \`[n + 1]\`. With \`density\` the area is 1.\n\n${page("histogram")}`;

export const histogram = op(
  {
    signature:
      "histogram(Tensor input, Tensor bins, *, Tensor? weight=None, bool density=False, Tensor[]? out=None) -> (Tensor hist, Tensor bin_edges)",
    doc: histogramDoc,
    outDtype: "exact",
    call: (input, bins, weight, density) => {
      if (bins.dtype !== input.dtype) {
        throw new RuntimeError(
          `torch.histogramdd: input tensor and bins tensors should have the same dtype, but got input with dtype ${titled(input)} and bins with dtype ${titled(bins)}`,
        );
      }
      if (bins.ndim !== 1 || bins.numel() < 2) {
        throw new RuntimeError(
          `torch.histogramdd: bins tensor should have one dimension and at least 2 edges, but got [${bins._shape.join(", ")}]`,
        );
      }
      const attrs = { kind: "edges", bins: bins.numel() - 1, low: null, high: null } as const;
      return histogramOf(input, bins, weight, density, attrs);
    },
  },
  {
    signature:
      "histogram(Tensor input, int bins=100, *, float[]? range=None, Tensor? weight=None, bool density=False, Tensor[]? out=None) -> (Tensor hist, Tensor bin_edges)",
    call: (input, bins, range, weight, density) => {
      if (bins <= 0) throw new RuntimeError(`torch.histogram(): bins must be > 0, but got ${String(bins)}`);
      if (range && range.length !== 2) {
        throw new RuntimeError(
          `torch.histogramdd: for a 1-dimensional histogram range should have 2 elements, but got ${String(range.length)}`,
        );
      }
      const [low, high] = range ?? [null, null];
      if (low != null && high != null && low > high) {
        throw new RuntimeError(
          `torch.histogramdd: min should not exceed max, but got min ${String(low)} max ${String(high)}`,
        );
      }
      const attrs = { kind: "histogram", bins, low: low ?? null, high: high ?? null } as const;
      return histogramOf(input, null, weight, density, attrs);
    },
  },
);
