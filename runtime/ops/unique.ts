/** Distinct elements. Sizes depend on the data: what is recorded runs at the call. */
import { IndexError, RuntimeError } from "../errors.js";
import { OPEN, type Attrs } from "../graph/value.js";
import { int64 } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { wrapDim } from "./dims.js";
import { page } from "./family.js";
import { op, primitive } from "./record.js";
import { applySized } from "./sized.js";

interface UniqueAttrs extends Attrs {
  readonly dim: number | null;
  readonly consecutive: boolean;
}

/** Where each distinct element stands first, which one each element is, and how often each occurs. */
const uniquePrimitive = primitive<UniqueAttrs>({
  name: "unique",
  infer: ([x], { dim }) => {
    const each = dim === null ? x!.shape.reduce((n, d) => n * d, 1) : x!.shape[dim]!;
    return [
      { shape: [OPEN], dtype: int64 },
      { shape: [each], dtype: int64 },
      { shape: [OPEN], dtype: int64 },
    ];
  },
  grad: null,
  host: "unique",
});

interface Wanted {
  readonly inverse: boolean;
  readonly counts: boolean;
}

function distinct(
  input: Tensor,
  dim: number | null,
  consecutive: boolean,
  wanted: Wanted,
): Tensor | Tensor[] {
  if (dim !== null && input.ndim === 0) {
    throw new IndexError(`Dimension specified as ${String(dim)} but tensor has no dimensions`);
  }
  const d = dim === null ? null : wrapDim(dim, input.ndim);
  if (d !== null && input._shape.some((n, i) => n === 0 && i !== d)) {
    throw new RuntimeError(
      `There are 0 sized dimensions in [${input._shape.join(", ")}], and they aren't selected, so unique cannot be applied`,
    );
  }
  const [firsts, inverse, counts] = applySized(uniquePrimitive, [input.detach()], {
    dim: d,
    consecutive,
  }) as [Tensor, Tensor, Tensor];
  const values = d === null ? input.reshape(-1).indexSelect(0, firsts) : input.indexSelect(d, firsts);
  const results = [values];
  if (wanted.inverse) results.push(d === null ? inverse.reshape(input.shape) : inverse);
  if (wanted.counts) results.push(counts);
  return results.length === 1 ? values : results;
}

const doc = (what: string, name: string): string =>
  `${what}, of all elements or, of slices along \`dim\`; then, where asked for, which of them each element is and how often each occurs. Each NaN is an element of its own.\n\n${page(name)}`;

export const unique = op(
  {
    signature: "unique(Tensor input, bool sorted=True, *, int? dim=None) -> Tensor",
    doc: doc("The distinct elements in ascending order, also where `sorted` is false", "unique"),
    call: (input, _, dim) => distinct(input, dim, false, { inverse: false, counts: false }) as Tensor,
  },
  {
    signature:
      "unique(Tensor input, bool sorted=True, bool return_inverse=False, bool return_counts=False, int? dim=None) -> Tensor[]",
    call: (input, _, inverse, counts, dim) => distinct(input, dim, false, { inverse, counts }) as Tensor[],
  },
);

export const uniqueConsecutive = op(
  {
    signature: "unique_consecutive(Tensor input, *, int? dim=None) -> Tensor",
    doc: doc("The elements without those that equal the one before", "unique_consecutive"),
    call: (input, dim) => distinct(input, dim, true, { inverse: false, counts: false }) as Tensor,
  },
  {
    signature:
      "unique_consecutive(Tensor input, bool return_inverse=False, bool return_counts=False, int? dim=None) -> Tensor[]",
    call: (input, inverse, counts, dim) => distinct(input, dim, true, { inverse, counts }) as Tensor[],
  },
);
