/** Sorting, and picking elements by rank. Host kernels find the indices; the values are gathered, gradients follow. */
import { IndexError, RuntimeError } from "../errors.js";
import type { Attrs } from "../graph/value.js";
import { bool, int64 } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { apply } from "./apply.js";
import { choose, eq, or } from "./compare.js";
import { filled } from "./create.js";
import { wrapDim } from "./dims.js";
import { notImplementedFor } from "./elementwise.js";
import { page } from "./family.js";
import { op, primitive, type OpPrimitive } from "./record.js";
import { expandReduced } from "./reduce.js";
import { named, type NamedResults } from "./results.js";
import { isnan } from "./special-values.js";

type Picked = NamedResults<{ values: Tensor; indices: Tensor }>;

interface RowAttrs extends Attrs {
  readonly dim: number;
}

/** Indices of `picked` elements of every row along `dim`. */
function picker<A extends RowAttrs>(
  name: string,
  host: string,
  picked: (attrs: A, length: number) => number,
): OpPrimitive<A> {
  return primitive<A>({
    name,
    infer: ([x], attrs) => ({
      shape: x!.shape.map((d, i) => (i === attrs.dim ? picked(attrs, d) : d)),
      dtype: int64,
    }),
    grad: null,
    host,
  });
}

/** The elements at the indices a primitive picks. `keepdim` of `null`: any number of them, else one, kept or not. */
function pick<A extends RowAttrs>(
  p: OpPrimitive<A>,
  x: Tensor,
  attrs: A,
  keepdim: boolean | null = null,
): Picked {
  const { dim } = attrs;
  if (x.ndim === 0) {
    const { values, indices } = pick(p, x.reshape(1), attrs);
    return named({ values: values.reshape([]), indices: indices.reshape([]) });
  }
  const indices = apply(p, [x.detach()], attrs);
  const values = x.gather(dim, indices);
  if (keepdim === false) return named({ values: values.squeeze(dim), indices: indices.squeeze(dim) });
  return named({ values, indices });
}

/** A reduction to one element needs one. */
function checkNotEmpty(name: string, x: Tensor, dim: number): void {
  if (x.numel() === 0 && x._shape[dim] === 0) {
    throw new IndexError(
      `${name}(): Expected reduction dim ${String(dim)} to have non-zero size: [${x._shape.join(", ")}]`,
    );
  }
}

const orderPrimitive = picker<RowAttrs & { readonly descending: boolean; readonly stable: boolean }>(
  "sort",
  "sort.order",
  (_, length) => length,
);

function sorted(x: Tensor, dim: number, descending: boolean, stable: boolean): Picked {
  return pick(orderPrimitive, x, { dim: wrapDim(dim, x.ndim), descending, stable });
}

/** Along one axis, ascending, the same elements: what the quantiles and `unique` start from. */
export function sortAlong(x: Tensor, dim: number): Tensor {
  return sorted(x, dim, false, true).values;
}

export const sort = op({
  signature:
    "sort(Tensor input, int dim=-1, bool descending=False, *, bool? stable=None, Tensor[]? out=None) -> (Tensor values, Tensor indices)",
  outDtype: "exact",
  doc: `The elements along \`dim\` in order, and where they stood. NaN counts as the largest. Equal elements keep their order only with \`stable: true\`.\n\n${page("sort")}`,
  call: (input, dim, descending, stable) => sorted(input, dim, descending, stable ?? false),
});

export const argsort = op({
  signature: "argsort(Tensor input, int dim=-1, bool descending=False, *, bool? stable=None) -> Tensor",
  doc: `The indices that sort the elements along \`dim\`.\n\n${page("argsort")}`,
  call: (input, dim, descending, stable) => sorted(input.detach(), dim, descending, stable ?? false).indices,
});

export const msort = op({
  signature: "msort(Tensor input, *, Tensor? out=None) -> Tensor",
  outDtype: "exact",
  doc: `The elements along the first axis in ascending order.\n\n${page("msort")}`,
  call: (input) => sorted(input, 0, false, false).values,
});

const topPrimitive = picker<
  RowAttrs & { readonly k: number; readonly largest: boolean; readonly sorted: boolean }
>("topk", "sort.top", ({ k }) => k);

export const topk = op({
  signature:
    "topk(Tensor input, int k, int dim=-1, bool largest=True, bool sorted=True, *, Tensor[]? out=None) -> (Tensor values, Tensor indices)",
  outDtype: "exact",
  doc: `The \`k\` largest (or smallest) elements along \`dim\`, and where they stand. NaN counts as the largest.\n\n${page("topk")}`,
  call: (input, k, dim, largest, inOrder) => {
    const d = wrapDim(dim, input.ndim);
    const size = input.ndim === 0 ? 1 : input._shape[d]!;
    if (k < 0 || k > size) {
      throw new RuntimeError(
        `topk(): selected index k out of range: ${String(k)} of the ${String(size)} elements of dim ${String(d)}`,
      );
    }
    if (input.dtype === bool) notImplementedFor("topk_impl_loop", bool);
    if (input.ndim === 0 && k === 0) {
      throw new RuntimeError("topk(): k is 0, and a 0-d tensor cannot have no element");
    }
    return pick(topPrimitive, input, { dim: d, k, largest, sorted: inOrder });
  },
});

const kthPrimitive = picker<RowAttrs & { readonly k: number }>("kthvalue", "sort.kth", () => 1);

export const kthvalue = op({
  signature:
    "kthvalue(Tensor input, int k, int dim=-1, bool keepdim=False, *, Tensor[]? out=None) -> (Tensor values, Tensor indices)",
  outDtype: "exact",
  doc: `The \`k\`-th smallest element along \`dim\`, counted from 1, and where it stands.\n\n${page("kthvalue")}`,
  call: (input, k, dim, keepdim) => {
    const d = wrapDim(dim, input.ndim);
    checkNotEmpty("kthvalue", input, d);
    const size = input.ndim === 0 ? 1 : input._shape[d]!;
    if (k < 1 || k > size) {
      throw new RuntimeError(
        `kthvalue(): selected number k out of range for dimension ${String(d)}: ${String(k)} of ${String(size)}`,
      );
    }
    if (input.dtype === bool) notImplementedFor("kthvalue_cpu", bool);
    return pick(kthPrimitive, input, { dim: d, k }, keepdim);
  },
});

const medianPrimitive = picker<RowAttrs & { readonly ignoreNan: boolean }>("median", "sort.median", () => 1);

function medianAlong(name: string, x: Tensor, dim: number, keepdim: boolean, ignoreNan: boolean): Picked {
  const d = wrapDim(dim, x.ndim);
  checkNotEmpty(name, x, d);
  if (x.dtype === bool) notImplementedFor("median_out_impl", bool);
  return pick(medianPrimitive, x, { dim: d, ignoreNan }, keepdim);
}

/** The median of all elements; those that are equal to it share the gradient. */
const medianOfAll = primitive<{ readonly ignoreNan: boolean }>({
  name: "median_of_all",
  infer: ([x]) => ({ shape: [], dtype: x!.dtype }),
  host: "sort.median_value",
  grad: (ctx, g) => {
    const x = ctx.input(0);
    const median = expandReduced(ctx.output(), x._shape, [...x._shape.keys()]);
    const hits = or(eq(x, median), isnan(x).logicalAnd(isnan(median)));
    return [choose(hits, g.div(hits.sum()), 0)];
  },
});

function median0(x: Tensor, ignoreNan: boolean): Tensor {
  if (x.dtype === bool) notImplementedFor("median_cpu", bool);
  if (x.numel() === 0) return x.dtype.isFloatingPoint ? x.sum().mul(NaN) : filled([], NaN, x.dtype);
  return apply(medianOfAll, [x], { ignoreNan });
}

const medianDoc = (name: string, rest: string): string =>
  `The median, of an even number of elements the lower one in the middle: of all, or along \`dim\` with where it stands. ${rest}\n\n${page(name)}`;

export const median = op(
  {
    signature: "median(Tensor input) -> Tensor",
    doc: medianDoc("median", "NaN when there is a NaN."),
    call: (input) => median0(input, false),
  },
  {
    signature:
      "median(Tensor input, int dim, bool keepdim=False, *, Tensor[]? out=None) -> (Tensor values, Tensor indices)",
    call: (input, dim, keepdim) => medianAlong("median", input, dim, keepdim, false),
  },
);

export const nanmedian = op(
  {
    signature: "nanmedian(Tensor input) -> Tensor",
    doc: medianDoc("nanmedian", "NaNs are left out."),
    call: (input) => median0(input, true),
  },
  {
    signature:
      "nanmedian(Tensor input, int dim, bool keepdim=False, *, Tensor[]? out=None) -> (Tensor values, Tensor indices)",
    call: (input, dim, keepdim) => medianAlong("nanmedian", input, dim, keepdim, true),
  },
);

const modePrimitive = picker<RowAttrs>("mode", "sort.mode", () => 1);

export const mode = op({
  signature:
    "mode(Tensor input, int dim=-1, bool keepdim=False, *, Tensor[]? out=None) -> (Tensor values, Tensor indices)",
  outDtype: "exact",
  doc: `The most frequent element along \`dim\`, the smallest of such, and where one of them stands.\n\n${page("mode")}`,
  call: (input, dim, keepdim) => {
    const d = wrapDim(dim, input.ndim);
    checkNotEmpty("mode", input, d);
    return pick(modePrimitive, input, { dim: d }, keepdim);
  },
});
