/** Running sums, products and extremes along an axis. */
import { RuntimeError } from "../errors.js";
import type { Attrs } from "../graph/value.js";
import { int64, promoteTypes, type DType } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { apply } from "./apply.js";
import { castTo } from "./convert.js";
import { wrapDim } from "./dims.js";
import { page } from "./family.js";
import { concat } from "./join.js";
import { constantPad } from "./pad.js";
import { constant } from "./promote.js";
import { op, primitive, type OpPrimitive } from "./record.js";
import { named, type NamedResults } from "./results.js";
import { expandTo } from "./view.js";

interface DimAttrs extends Attrs {
  readonly dim: number;
}

interface DirectedAttrs extends DimAttrs {
  readonly reverse: boolean;
}

/** Σ of the elements so far, float32 in double precision. The gradient is the sum from here on. */
const cumsumPrimitive: OpPrimitive<DirectedAttrs> = primitive<DirectedAttrs>({
  name: "cumsum",
  infer: ([x]) => ({ shape: x!.shape, dtype: x!.dtype }),
  grad: (ctx, g) => [apply(cumsumPrimitive, [g], { ...ctx.attrs, reverse: !ctx.attrs.reverse })],
  lower: (b, [x], { dim, reverse }) => {
    if (x!.shape.length === 0) return x!;
    const wide = x!.dtype === "float32" ? b.cast(x!, "float64") : x!;
    const sums = b.node("CumSum", [wide, b.scalar(dim, "int64")], { reverse: Number(reverse) });
    return b.cast(sums, x!.dtype);
  },
});

/** The dtype sums and products are computed in: bool and integers in int64. */
export const sumType = (x: Tensor, dtype: DType | null): DType =>
  dtype ?? (x.dtype.isFloatingPoint ? x.dtype : int64);

export const cumsum = op({
  signature: "cumsum(Tensor input, int dim, *, dtype? dtype=None, Tensor? out=None) -> Tensor",
  inplace: true,
  outDtype: "asked",
  doc: `Sums of the elements so far along \`dim\`.\n\n${page("cumsum")}`,
  call: (input, dim, dtype) =>
    apply(cumsumPrimitive, [castTo(input, sumType(input, dtype))], {
      dim: wrapDim(dim, input.ndim),
      reverse: false,
    }),
});

/** The element before, and `first` before the first. */
function before(x: Tensor, dim: number, first: number): Tensor {
  const pads = Array.from({ length: 2 * (x.ndim - dim) }, (_, i) => Number(i === 2 * (x.ndim - dim) - 2));
  return constantPad(x.narrow(dim, 0, x._shape[dim]! - 1), pads, first);
}

/**
 * yᵢ = bᵢ + aᵢ yᵢ₋₁, or in reverse yᵢ = bᵢ + aᵢ₊₁ yᵢ₊₁. Each is the other's adjoint: with t the adjoint recurrence of
 * the gradient, db = t and daᵢ = tᵢ yᵢ₋₁, or tᵢ₋₁ yᵢ.
 */
const recurrencePrimitive: OpPrimitive<DirectedAttrs> = primitive<DirectedAttrs>({
  name: "recurrence",
  infer: ([, b]) => b!,
  grad: (ctx, g) => {
    const { dim, reverse } = ctx.attrs;
    const t = apply(recurrencePrimitive, [ctx.input(0), g], { dim, reverse: !reverse });
    const y = ctx.output();
    return [() => (reverse ? before(t, dim, 0).mul(y) : t.mul(before(y, dim, 0))), t];
  },
  host: "scan.recurrence",
});

/**
 * ∏ of the elements so far. Its gradient is found without dividing, so zeros are allowed:
 * dxₖ = ∏_{i<k} xᵢ · Σ_{j≥k} gⱼ ∏_{k<i≤j} xᵢ, and the sum is a recurrence from the end.
 */
const cumprodPrimitive: OpPrimitive<DimAttrs> = primitive<DimAttrs>({
  name: "cumprod",
  infer: ([x]) => x!,
  grad: (ctx, g) => {
    const { dim } = ctx.attrs;
    const x = ctx.input(0);
    if (x.numel() === 0) return [g];
    const tails = apply(recurrencePrimitive, [x, g], { dim, reverse: true });
    return [before(apply(cumprodPrimitive, [x], { dim }), dim, 1).mul(tails)];
  },
  host: "scan.product",
});

export const cumprod = op({
  signature: "cumprod(Tensor input, int dim, *, dtype? dtype=None, Tensor? out=None) -> Tensor",
  inplace: true,
  outDtype: "asked",
  doc: `Products of the elements so far along \`dim\`.\n\n${page("cumprod")}`,
  call: (input, dim, dtype) => {
    const x = castTo(input, sumType(input, dtype));
    const d = wrapDim(dim, input.ndim);
    return x.ndim === 0 ? x.clone() : apply(cumprodPrimitive, [x], { dim: d });
  },
});

const extremePrimitive = primitive<DimAttrs & { readonly largest: boolean }>({
  name: "running_extreme",
  infer: ([x]) => ({ shape: x!.shape, dtype: int64 }),
  grad: null,
  host: "scan.extreme",
});

function runningExtreme(
  x: Tensor,
  dim: number,
  largest: boolean,
): NamedResults<{ values: Tensor; indices: Tensor }> {
  // PyTorch does not look at the axis of a tensor that has none, or no element.
  if (x.numel() === 0) return named({ values: x.clone(), indices: castTo(x.detach(), int64) });
  if (x.ndim === 0) {
    const { values, indices } = runningExtreme(x.reshape(1), 0, largest);
    return named({ values: values.reshape([]), indices: indices.reshape([]) });
  }
  const d = wrapDim(dim, x.ndim);
  const indices = apply(extremePrimitive, [x.detach()], { dim: d, largest });
  return named({ values: x.gather(d, indices), indices });
}

const extremeDoc = (what: string, name: string): string =>
  `The ${what} element so far along \`dim\`, and where it stands: of equal ones the last. NaN stays.\n\n${page(name)}`;

export const cummax = op({
  signature: "cummax(Tensor input, int dim, *, Tensor[]? out=None) -> (Tensor values, Tensor indices)",
  outDtype: "exact",
  doc: extremeDoc("largest", "cummax"),
  call: (input, dim) => runningExtreme(input, dim, true),
});

export const cummin = op({
  signature: "cummin(Tensor input, int dim, *, Tensor[]? out=None) -> (Tensor values, Tensor indices)",
  outDtype: "exact",
  doc: extremeDoc("smallest", "cummin"),
  call: (input, dim) => runningExtreme(input, dim, false),
});

export const vander = op({
  signature: "vander(Tensor x, int? N=None, bool increasing=False) -> Tensor",
  on: ["torch"],
  doc: `The powers of every element of \`x\` \`[n]\` as rows \`[n, N]\`, the highest first unless \`increasing\`.\n\n${page("vander")}`,
  call: (x, count, increasing) => {
    if (x.ndim !== 1)
      throw new RuntimeError(`x must be a one-dimensional tensor, not [${x._shape.join(", ")}]`);
    const rows = x._shape[0]!;
    const n = count ?? rows;
    if (n < 0) throw new RuntimeError(`N must be non-negative, not ${String(n)}`);
    const base = castTo(x, promoteTypes(x.dtype, int64)).unsqueeze(1);
    const ones = expandTo(constant(1, base.dtype), [rows, Math.min(n, 1)]);
    if (n <= 1) return ones._fresh();
    const powers = apply(cumprodPrimitive, [expandTo(base, [rows, n - 1])], { dim: 1 });
    const all = concat([ones, powers], 1);
    return increasing ? all : all.flip(1);
  },
});
