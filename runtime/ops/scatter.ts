/** Writing at indices along an axis: replacing, multiplying, the largest, the mean. */
import { RuntimeError } from "../errors.js";
import type { Attrs } from "../graph/value.js";
import { bool } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { apply } from "./apply.js";
import { wrapDim } from "./dims.js";
import { notImplementedFor } from "./elementwise.js";
import { page } from "./family.js";
import {
  checkIndex,
  gatherPrimitive,
  oneAxis,
  scatterAddPrimitive,
  scattered,
  scatterPrimitive,
  scatterSource,
} from "./gather.js";
import { constant } from "./promote.js";
import { op, primitive, type GradContext, type OpPrimitive } from "./record.js";
import { expandTo, reshaped } from "./view.js";

type Reduction = "sum" | "prod" | "mean" | "amax" | "amin";

interface ReduceAttrs extends Attrs {
  readonly dim: number;
  readonly reduce: Reduction;
  /** Whether the elements written to take part, or only what is written. */
  readonly includeSelf: boolean;
}

/** What is written to one place is reduced to one element. */
export const scatterReducePrimitive: OpPrimitive<ReduceAttrs> = primitive<ReduceAttrs>({
  name: "scatter_reduce",
  infer: ([x]) => ({ shape: x!.shape, dtype: x!.dtype }),
  grad: (ctx, g) => {
    const [self, src] = reduceGrads[ctx.attrs.reduce](ctx, g);
    const { dim, includeSelf } = ctx.attrs;
    return [() => (includeSelf ? self() : unwritten(self(), dim, ctx.input(1))), null, src];
  },
  host: "scatter_reduce",
});

type Grads = readonly [() => Tensor, () => Tensor];

function unwritten(g: Tensor, dim: number, index: Tensor): Tensor {
  return apply(scatterPrimitive, [g, index, expandTo(constant(0, g.dtype), index._shape)], { dim });
}

const ones = (g: Tensor, shape: readonly number[]): Tensor => expandTo(constant(1, g.dtype), shape);

function tools(ctx: GradContext<ReduceAttrs>) {
  const at = { dim: ctx.attrs.dim };
  const index = ctx.input(1);
  return {
    pick: (t: Tensor): Tensor => apply(gatherPrimitive, [t, index], at),
    addUp: (t: Tensor, src: Tensor): Tensor => apply(scatterAddPrimitive, [t, index, src], at),
  };
}

/** dL/dy to those elements that are the result, in equal parts. */
function toTheChosen(ctx: GradContext<ReduceAttrs>, g: Tensor): Grads {
  const { pick, addUp } = tools(ctx);
  const y = ctx.output();
  const self = ctx.input(0).eq(y).to(g.dtype);
  const src = ctx.input(2).eq(pick(y)).to(g.dtype);
  const share = g.div(addUp(self, src));
  return [() => self.mul(share), () => src.mul(pick(share))];
}

const reduceGrads: Readonly<Record<Reduction, (ctx: GradContext<ReduceAttrs>, g: Tensor) => Grads>> = {
  sum: (ctx, g) => [() => g, () => tools(ctx).pick(g)],
  mean: (ctx, g) => {
    const { pick, addUp } = tools(ctx);
    const start = ctx.attrs.includeSelf ? ones(g, g._shape) : expandTo(constant(0, g.dtype), g._shape);
    const count = addUp(start, ones(g, ctx.inputMeta(1).shape)).clamp({ min: 1 });
    return [() => g.div(count), () => pick(g.div(count))];
  },
  // d(Π x)/dxᵢ is the product of the others: y / xᵢ, or where only xᵢ is zero the product without it.
  prod: (ctx, g) => {
    const { pick, addUp } = tools(ctx);
    const [self, index, src, y] = [ctx.input(0), ctx.input(1), ctx.input(2), ctx.output()];
    const again = (x: Tensor, values: Tensor): Tensor =>
      apply(scatterReducePrimitive, [x, index, values], ctx.attrs);
    return [
      () => {
        const nonZero = self.maskedFill(self.eq(0), 1);
        return g.mul(again(nonZero, src)).div(nonZero);
      },
      () => {
        const zero = src.eq(0);
        const zeros = pick(addUp(expandTo(constant(0, g.dtype), g._shape), zero.to(g.dtype)));
        const alone = zero.logicalAnd(zeros.eq(1));
        const without = pick(g.mul(again(self, src.maskedFill(alone, 1))));
        return without.where(alone, pick(g.mul(y)).div(src.maskedFill(zero, 1)));
      },
    ];
  },
  amax: toTheChosen,
  amin: toTheChosen,
};

const reductions = ["sum", "prod", "mean", "amax", "amin"];

function checkReduction(reduce: string): Reduction {
  if (reductions.includes(reduce)) return reduce as Reduction;
  throw new RuntimeError(
    `reduce argument must be either sum, prod, mean, amax or amin, got ${JSON.stringify(reduce)}.`,
  );
}

/** `out[index[i][j]][j]` and all the `src[i][j]` that go there, reduced. */
export function scatterReduced(
  input: Tensor,
  dim: number,
  index: Tensor,
  src: Tensor,
  reduce: string,
  includeSelf: boolean,
): Tensor {
  const attrs = { dim, reduce: checkReduction(reduce), includeSelf };
  if (index.numel() === 0) return input.clone();
  const args = [oneAxis(input), oneAxis(index), oneAxis(src)];
  return reshaped(apply(scatterReducePrimitive, args, attrs), input._shape);
}

export const scatter = op({
  signature:
    "scatter(Tensor input, int dim, Tensor index, Tensor|Scalar src, *, str? reduce=None, Tensor? out=None) -> Tensor",
  inplace: true,
  apart: true,
  outDtype: "exact",
  doc: `A copy of \`input\` with \`src\`, a tensor or a number, at indices along \`dim\`: \`out[index[i][j]][j] = src[i][j]\` for \`dim\` 0. \`reduce\` "add" or "multiply" combines instead.\n\n${page("scatter")}`,
  call: (input, dim, index, given, reduce) => {
    const d = wrapDim(dim, input.ndim);
    const src = scatterSource(input, index, given);
    if (reduce !== null && reduce !== "add" && reduce !== "multiply") {
      throw new RuntimeError(
        `reduce argument must be either add or multiply, got ${JSON.stringify(reduce)}.`,
      );
    }
    checkIndex("scatter", input, d, index, src);
    if (index.numel() === 0) return input.clone();
    if (reduce === null) return scattered(scatterPrimitive, input, d, index, src);
    if (input.dtype === bool) notImplementedFor("scatter_cpu", bool);
    if (reduce === "add") return scattered(scatterAddPrimitive, input, d, index, src);
    return scatterReduced(input, d, index, src, "prod", true);
  },
});

export const scatterReduce = op({
  signature:
    "scatter_reduce(Tensor input, int dim, Tensor index, Tensor src, str reduce, *, bool include_self=True, Tensor? out=None) -> Tensor",
  inplace: true,
  apart: true,
  outDtype: "exact",
  doc: `A copy of \`input\` where every element is reduced with what \`src\` has for its place: "sum", "prod", "mean", "amax" or "amin". Without \`includeSelf\` only the sources count.\n\n${page("Tensor.scatter_reduce")}`,
  call: (input, dim, index, src, reduce, includeSelf) => {
    const d = wrapDim(dim, input.ndim);
    checkReduction(reduce);
    checkIndex("scatter_reduce", input, d, index, src);
    return scatterReduced(input, d, index, src, reduce, includeSelf);
  },
});
