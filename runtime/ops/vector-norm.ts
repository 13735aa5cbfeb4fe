/** p-norms over axes. */
import type { Builder, Ref } from "../graph/builder.js";
import type { Attrs } from "../graph/value.js";
import type { Tensor } from "../tensor/tensor.js";
import { apply } from "./apply.js";
import { choose, eq, ne } from "./compare.js";
import { reducedShape } from "./dims.js";
import { zerosFor } from "./elementwise.js";
import { abs, pow, sign } from "./pointwise.js";
import { primitive } from "./record.js";
import { expandReduced } from "./reduce.js";

interface NormAttrs extends Attrs {
  readonly p: number;
  readonly dims: readonly number[];
  readonly keepdim: boolean;
  /** The gradient for p = 0, which PyTorch has as zero or as none. */
  readonly zeroGrad?: boolean;
}

/** |x| as numbers to reduce, and what is done to the reduced number. */
function reduced(b: Builder, x: Ref, p: number, axes: Ref): Ref {
  const keep = { keepdims: 1 };
  const size = (): Ref => b.node("Abs", [x]);
  if (p === 0) {
    const nonzero = b.node("Not", [b.node("Equal", [x, b.scalar(0, x.dtype)], undefined, "bool")]);
    return b.node("ReduceSum", [b.cast(nonzero, x.dtype), axes], keep);
  }
  if (p === 1) return b.node("ReduceSum", [size(), axes], keep);
  if (p === 2) return b.node("Sqrt", [b.node("ReduceSum", [b.node("Mul", [x, x]), axes], keep)]);
  const power = (base: Ref, e: number): Ref => b.node("Pow", [base, b.scalar(e, x.dtype)]);
  return power(b.node("ReduceSum", [power(size(), p), axes], keep), 1 / p);
}

const normPrimitive = primitive<NormAttrs>({
  name: "linalg_vector_norm",
  infer: ([x], { dims, keepdim }) => ({ shape: reducedShape(x!.shape, dims, keepdim), dtype: x!.dtype }),
  lower: (b, [x], { p, dims, keepdim }, [out]) => {
    // Over no axes every element is a vector of its own.
    const none = dims.length === 0;
    const vectors = none ? b.reshape(x!, [1, ...x!.shape]) : x!;
    const whole = reduced(b, vectors, p, b.ints(none ? [0] : dims));
    return keepdim && !none ? whole : b.reshape(whole, out!.shape);
  },
  grad: (ctx, g) => {
    const { p, dims } = ctx.attrs;
    const shape = ctx.inputMeta(0).shape;
    if (p === 0) return [ctx.attrs.zeroGrad ? zerosFor(ctx.inputMeta(0)) : null];
    const x = ctx.input(0);
    const wide = (t: Tensor): Tensor => expandReduced(t, shape, dims);
    if (p === 1) return [sign(x).mul(wide(g))];
    const norm = wide(ctx.output());
    // d ‖x‖ = sgn x · (|x| / ‖x‖)^(p−1) dx, and 0 where that is 0/0
    const scaled = wide(g).div(p === 2 ? norm : pow(norm, p - 1));
    const safe = choose(eq(norm, 0), 0, scaled);
    if (p === 2) return [x.mul(safe)];
    if (p > 2) return [x.mul(pow(abs(x), p - 2)).mul(safe)];
    const steep = p < 1 ? choose(ne(x, 0), pow(abs(x), p - 1), 0) : pow(abs(x), p - 1);
    return [sign(x).mul(steep).mul(safe)];
  },
});

/** (Σ |x|^p)^(1/p) over `dims`; the largest size for p = ∞, the number of nonzero elements for p = 0. */
export function vectorNorm(
  x: Tensor,
  p: number,
  dims: readonly number[],
  keepdim: boolean,
  zeroGrad = false,
): Tensor {
  // The largest share the gradient; NaN is the largest.
  if (!Number.isFinite(p)) {
    return dims.length === 0 ? abs(x) : abs(x)[p > 0 ? "amax" : "amin"]([...dims], { keepdim });
  }
  return apply(normPrimitive, [x], { p, dims, keepdim, zeroGrad });
}
