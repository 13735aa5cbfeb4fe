/** Products, variances and logarithms of sums. */
import { RuntimeError } from "../errors.js";
import type { Attrs } from "../graph/value.js";
import { bool, float32, int64, type DType } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { apply } from "./apply.js";
import { castTo } from "./convert.js";
import { reducedShape, wrapDim, wrapDims } from "./dims.js";
import { asFloat } from "./elementwise.js";
import { page } from "./family.js";
import { titled } from "./inplace.js";
import { constant } from "./promote.js";
import { op, primitive, type OpPrimitive } from "./record.js";
import { expandReduced, meanDims, sumDims } from "./reduce.js";
import { sumType } from "./scan.js";
import { named } from "./results.js";
import { expandTo } from "./view.js";

interface DimAttrs extends Attrs {
  readonly dim: number;
}

/** The product over axes. Its gradient, the product of the others, is found without dividing: zeros are allowed. */
const prodPrimitive: OpPrimitive<DimAttrs & { readonly keepdim: boolean }> = primitive<
  DimAttrs & { readonly keepdim: boolean }
>({
  name: "prod",
  infer: ([x], { dim, keepdim }) => ({ shape: reducedShape(x!.shape, [dim], keepdim), dtype: x!.dtype }),
  grad: (ctx, g) => {
    const x = ctx.input(0);
    const { dim } = ctx.attrs;
    return [expandReduced(g, x._shape, [dim]).mul(productOfOthers(x, dim))];
  },
  lower: (b, [x], { dim, keepdim }) =>
    b.node("ReduceProd", [x!, b.ints([dim])], { keepdims: Number(keepdim) }),
});

/** ∏ of all other elements along `dim`: by n × n where the diagonal is one. */
function productOfOthers(x: Tensor, dim: number): Tensor {
  const n = x._shape[dim]!;
  const last = x.transpose(dim, -1).unsqueeze(-2);
  const square = expandTo(last, [...last._shape.slice(0, -2), n, n]);
  const eye = constantEye(n, x.dtype);
  const ones = square.mul(constant(1, x.dtype).sub(eye)).add(eye);
  return apply(prodPrimitive, [ones], { dim: ones.ndim - 1, keepdim: false }).transpose(dim, -1);
}

function constantEye(n: number, dtype: DType): Tensor {
  return apply(eyePrimitive, [], { n, m: n, dtype });
}

/** The identity, as structure. */
export const eyePrimitive = primitive<{ n: number; m: number; dtype: DType }>({
  name: "eye",
  infer: (_, { n, m, dtype }) => ({ shape: [n, m], dtype }),
  grad: null,
  lower: (b, _, { n, m, dtype }) => {
    const carried = dtype.name === "float64" ? "float64" : dtype.isFloatingPoint ? "float32" : "int64";
    const shape = b.node("Expand", [b.scalar(0, carried), b.ints([n, m])], undefined, carried);
    return b.node("EyeLike", [shape], undefined, carried);
  },
});

/** What is multiplied: truths as 0 and 1. */
const factors = (input: Tensor, dtype: DType | null): Tensor =>
  dtype === bool ? castTo(castTo(input, bool), int64) : castTo(input, sumType(input, dtype));

export const prod = op(
  {
    signature: "prod(Tensor input, *, dtype? dtype=None, Tensor? out=None) -> Tensor",
    outDtype: "asked",
    doc: `Product of all elements, or along \`dim\`.\n\n${page("prod")}`,
    call: (input, dtype) => {
      const x = factors(input, dtype);
      return castTo(apply(prodPrimitive, [x.reshape(-1)], { dim: 0, keepdim: false }), dtype ?? x.dtype);
    },
  },
  {
    signature:
      "prod(Tensor input, int dim, bool keepdim=False, *, dtype? dtype=None, Tensor? out=None) -> Tensor",
    call: (input, dim, keepdim, dtype) => {
      const x = factors(input, dtype);
      const d = wrapDim(dim, x.ndim);
      const product = x.ndim === 0 ? x.clone() : apply(prodPrimitive, [x], { dim: d, keepdim });
      return castTo(product, dtype ?? x.dtype);
    },
  },
);

/** Σ (x − mean)² / (n − correction) over axes; the half types are computed in float32. */
function variance(
  input: Tensor,
  axes: readonly number[] | null,
  correction: number,
  keepdim: boolean,
  name: string,
): { v: Tensor; m: Tensor } {
  if (!input.dtype.isFloatingPoint) {
    throw new RuntimeError(
      `${name}: input dtype should be either floating point or complex dtypes; got ${titled(input)}`,
    );
  }
  const dims = wrapDims(axes, input.ndim);
  if (input.dtype.itemsize === 2) {
    const { v, m } = variance(castTo(input, float32), axes, correction, keepdim, name);
    return { v: castTo(v, input.dtype), m: castTo(m, input.dtype) };
  }
  const x = input;
  const count = dims.reduce((n, d) => n * x._shape[d]!, 1);
  const m = meanDims(x, dims, true);
  const centred = x.sub(m);
  const v = sumDims(centred.mul(centred), dims, keepdim).div(
    constant(Math.max(0, count - correction), x.dtype),
  );
  return { v, m: keepdim ? m : m.reshape(reducedShape(x._shape, dims, false)) };
}

type Moment = (x: Tensor, dims: readonly number[] | null, correction: number, keepdim: boolean) => Tensor;

const varOf: Moment = (x, dims, correction, keepdim) => variance(x, dims, correction, keepdim, "var").v;
const stdOf: Moment = (x, dims, correction, keepdim) =>
  variance(x, dims, correction, keepdim, "std").v.sqrt();

const momentDoc = (what: string, name: string): string =>
  `${what} of all elements or over \`dim\`, divided by n − 1 unless \`unbiased\` is false or \`correction\` says otherwise.\n\n${page(name)}`;

export const variance_ = op(
  {
    signature: "var(Tensor input, bool unbiased) -> Tensor",
    doc: momentDoc("Variance", "var"),
    call: (input, unbiased) => varOf(input, null, Number(unbiased), false),
  },
  {
    signature:
      "var(Tensor input, int[]? dim, bool unbiased, bool keepdim=False, *, Tensor? out=None) -> Tensor",
    call: (input, dim, unbiased, keepdim) => varOf(input, dim, Number(unbiased), keepdim),
  },
  {
    signature:
      "var(Tensor input, int[]? dim=None, *, int? correction=None, bool? unbiased=None, bool keepdim=False, Tensor? out=None) -> Tensor",
    call: (input, dim, correction, unbiased, keepdim) =>
      varOf(input, dim, correction ?? Number(unbiased ?? true), keepdim),
  },
);

export const std = op(
  {
    signature: "std(Tensor input, bool unbiased) -> Tensor",
    doc: momentDoc("Standard deviation", "std"),
    call: (input, unbiased) => stdOf(input, null, Number(unbiased), false),
  },
  {
    signature:
      "std(Tensor input, int[]? dim, bool unbiased, bool keepdim=False, *, Tensor? out=None) -> Tensor",
    call: (input, dim, unbiased, keepdim) => stdOf(input, dim, Number(unbiased), keepdim),
  },
  {
    signature:
      "std(Tensor input, int[]? dim=None, *, int? correction=None, bool? unbiased=None, bool keepdim=False, Tensor? out=None) -> Tensor",
    call: (input, dim, correction, unbiased, keepdim) =>
      stdOf(input, dim, correction ?? Number(unbiased ?? true), keepdim),
  },
);

export const varMean = op(
  {
    signature: "var_mean(Tensor input, bool unbiased) -> (Tensor var, Tensor mean)",
    on: ["torch"],
    doc: `Variance and mean.\n\n${page("var_mean")}`,
    call: (input, unbiased) => {
      const { v, m } = variance(input, [...input._shape.keys()], Number(unbiased), false, "var_mean");
      return named({ var: v, mean: m });
    },
  },
  {
    signature:
      "var_mean(Tensor input, int[]? dim, bool unbiased, bool keepdim=False) -> (Tensor var, Tensor mean)",
    call: (input, dim, unbiased, keepdim) => {
      const { v, m } = variance(input, dim, Number(unbiased), keepdim, "var_mean");
      return named({ var: v, mean: m });
    },
  },
  {
    signature:
      "var_mean(Tensor input, int[]? dim=None, *, int? correction=None, bool? unbiased=None, bool keepdim=False) -> (Tensor var, Tensor mean)",
    call: (input, dim, correction, unbiased, keepdim) => {
      const c = correction ?? Number(unbiased ?? true);
      const { v, m } = variance(input, dim, c, keepdim, "var_mean");
      return named({ var: v, mean: m });
    },
  },
);

export const stdMean = op(
  {
    signature: "std_mean(Tensor input, bool unbiased) -> (Tensor std, Tensor mean)",
    on: ["torch"],
    doc: `Standard deviation and mean.\n\n${page("std_mean")}`,
    call: (input, unbiased) => {
      const { v, m } = variance(input, [...input._shape.keys()], Number(unbiased), false, "std_mean");
      return named({ std: v.sqrt(), mean: m });
    },
  },
  {
    signature:
      "std_mean(Tensor input, int[]? dim, bool unbiased, bool keepdim=False) -> (Tensor std, Tensor mean)",
    call: (input, dim, unbiased, keepdim) => {
      const { v, m } = variance(input, dim, Number(unbiased), keepdim, "std_mean");
      return named({ std: v.sqrt(), mean: m });
    },
  },
  {
    signature:
      "std_mean(Tensor input, int[]? dim=None, *, int? correction=None, bool? unbiased=None, bool keepdim=False) -> (Tensor std, Tensor mean)",
    call: (input, dim, correction, unbiased, keepdim) => {
      const c = correction ?? Number(unbiased ?? true);
      const { v, m } = variance(input, dim, c, keepdim, "std_mean");
      return named({ std: v.sqrt(), mean: m });
    },
  },
);

export const logsumexp = op({
  signature: "logsumexp(Tensor input, int[] dim, bool keepdim=False, *, Tensor? out=None) -> Tensor",
  doc: `log Σ eˣ over \`dim\`, computed around the largest element.\n\n${page("logsumexp")}`,
  call: (input, dim, keepdim) => {
    const x = asFloat(input);
    const dims = wrapDims(dim, x.ndim);
    if (x.numel() === 0) return sumDims(x.exp(), dims, keepdim).log();
    const top = dims.length === 0 ? x.detach() : x.detach().amax(dims, { keepdim: true });
    // An infinite maximum would leave inf − inf.
    const finite = top.maskedFill(top.abs().eq(Infinity), 0);
    const sum = sumDims(x.sub(finite).exp(), dims, true).log().add(finite);
    return keepdim ? sum : sum.reshape(reducedShape(x._shape, dims, false));
  },
});

export const countNonzero = op({
  signature: "count_nonzero(Tensor input, int[]? dim=None) -> Tensor",
  doc: `How many elements are not zero, of all or over \`dim\`.\n\n${page("count_nonzero")}`,
  call: (input, dim) => sumDims(castTo(input.ne(0), int64), wrapDims(dim, input.ndim), false),
});

export const nansum = op({
  signature:
    "nansum(Tensor input, int[]? dim=None, bool keepdim=False, *, dtype? dtype=None, Tensor? out=None) -> Tensor",
  outDtype: "asked",
  doc: `The sum that counts NaN as zero.\n\n${page("nansum")}`,
  call: (input, dim, keepdim, dtype) => {
    const x = castTo(input, sumType(input, dtype));
    const safe = x.dtype.isFloatingPoint ? x.maskedFill(x.isnan(), 0) : x;
    return sumDims(safe, wrapDims(dim, x.ndim), keepdim);
  },
});

export const nanmean = op({
  signature:
    "nanmean(Tensor input, int[]? dim=None, bool keepdim=False, *, dtype? dtype=None, Tensor? out=None) -> Tensor",
  outDtype: "asked",
  doc: `The mean of the elements that are not NaN.\n\n${page("nanmean")}`,
  call: (input, dim, keepdim, dtype) => {
    if (!input.dtype.isFloatingPoint) {
      throw new RuntimeError(
        `nanmean(): expected input to have floating point or complex dtype but got ${titled(input)}`,
      );
    }
    const x = dtype ? castTo(input, dtype) : input;
    const dims = wrapDims(dim, x.ndim);
    const nan = x.isnan();
    const count = sumDims(castTo(nan.logicalNot(), x.dtype), dims, keepdim);
    return sumDims(x.maskedFill(nan, 0), dims, keepdim).div(count);
  },
});
