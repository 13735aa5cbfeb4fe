/** Reductions that pick elements: maxima, minima and where they stand. */
import { IndexError, RuntimeError } from "../errors.js";
import type { Builder, Ref } from "../graph/builder.js";
import type { Attrs } from "../graph/value.js";
import { numel } from "../graph/value.js";
import { bool, int64 } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { apply, applyAll } from "./apply.js";
import { castTo } from "./convert.js";
import { reducedShape, wrapDim, wrapDims } from "./dims.js";
import { maximum, minimum } from "./extrema.js";
import { page } from "./family.js";
import { op, primitive, type OpPrimitive } from "./record.js";
import { expandReduced } from "./reduce.js";
import { named, type NamedResults } from "./results.js";

interface DimsAttrs extends Attrs {
  readonly dims: readonly number[];
  readonly keepdim: boolean;
}

interface DimAttrs extends Attrs {
  readonly dim: number;
  readonly keepdim: boolean;
}

type Kind = "max" | "min";

/** The value that no element is beyond: what NaN-aware reductions compare with. */
function reduceLower(kind: Kind, b: Builder, x: Ref, dims: readonly number[], keepdim: boolean): Ref {
  const op = kind === "max" ? "ReduceMax" : "ReduceMin";
  const keepdims = Number(keepdim);
  if (dims.length === 0) return x;
  if (x.dtype === "bool") {
    return b.cast(b.node(op, [b.cast(x, "int64"), b.ints(dims)], { keepdims }), "bool");
  }
  const plain = b.node(op, [x, b.ints(dims)], { keepdims });
  if (x.dtype === "int64") return plain;
  // A NaN anywhere is the result.
  const nan = b.cast(b.node("IsNaN", [x], undefined, "bool"), "float32");
  const any = b.cast(b.node("ReduceMax", [nan, b.ints(dims)], { keepdims }), "bool");
  return b.node("Where", [any, b.scalar(NaN, x.dtype), plain], undefined, x.dtype);
}

/** The extreme over several axes; ties share the gradient evenly. */
function overDims(kind: Kind): OpPrimitive<DimsAttrs> {
  return primitive<DimsAttrs>({
    name: `a${kind}`,
    infer: ([x], { dims, keepdim }) => ({ shape: reducedShape(x!.shape, dims, keepdim), dtype: x!.dtype }),
    grad: (ctx, g) => {
      const { dims } = ctx.attrs;
      const x = ctx.input(0);
      const hits = x.eq(expandReduced(ctx.output(), x._shape, dims)).to(g.dtype);
      const share = hits.div(hits.sum(dims.length ? [...dims] : null, { keepdim: true }));
      return [share.mul(expandReduced(g, x._shape, dims))];
    },
    lower: (b, [x], { dims, keepdim }) => reduceLower(kind, b, x!, dims, keepdim),
    moves: true,
  });
}

const amaxPrimitive = overDims("max");
const aminPrimitive = overDims("min");

/** The index of the first extreme along one axis; a NaN counts as the extreme. */
function argPrimitive(kind: Kind): OpPrimitive<DimAttrs> {
  return primitive<DimAttrs>({
    name: `arg${kind}`,
    infer: ([x], { dim, keepdim }) => ({
      shape: reducedShape(x!.shape, x!.shape.length ? [dim] : [], keepdim),
      dtype: int64,
    }),
    grad: null,
    lower: (b, [x], { dim, keepdim }, [out]) => {
      if (x!.shape.length === 0) return b.tensor([0], "int64", []);
      let input = x!;
      if (x!.dtype === "int64" || x!.dtype === "bool")
        return b.reshape(indexByTopK(kind, b, input, dim), out!.shape);
      const nan = b.node("IsNaN", [input], undefined, "bool");
      const beyond = b.scalar(kind === "max" ? Infinity : -Infinity, input.dtype);
      // Infinities give way to NaNs: they are moved one step inside.
      const largest = input.dtype === "float64" ? Number.MAX_VALUE : 3.4028234663852886e38;
      const capped =
        kind === "max"
          ? b.node("Min", [input, b.scalar(largest, input.dtype)])
          : b.node("Max", [input, b.scalar(-largest, input.dtype)]);
      const anyNan = b.cast(
        b.node("ReduceMax", [b.cast(nan, "float32"), b.ints([dim])], { keepdims: 1 }),
        "bool",
      );
      const safe = b.node("Where", [nan, beyond, capped], undefined, input.dtype);
      input = b.node("Where", [anyNan, safe, input], undefined, input.dtype);
      return b.node(
        kind === "max" ? "ArgMax" : "ArgMin",
        [input],
        { axis: dim, keepdims: Number(keepdim) },
        "int64",
      );
    },
  });
}

/** The first index of the extreme of integers: compare with it, and take the first hit. */
function indexByTopK(kind: Kind, b: Builder, x: Ref, dim: number): Ref {
  const ints = b.cast(x, "int64");
  const extreme = b.node(kind === "max" ? "ReduceMax" : "ReduceMin", [ints, b.ints([dim])], { keepdims: 1 });
  const hit = b.cast(b.node("Equal", [ints, extreme], undefined, "bool"), "float32");
  return b.node("ArgMax", [hit], { axis: dim, keepdims: 1 }, "int64");
}

const argmaxPrimitive = argPrimitive("max");
const argminPrimitive = argPrimitive("min");

const unspecified = (name: string): string =>
  `${name}(): Expected reduction dim to be specified for input.numel() == 0. Specify the reduction dim with the 'dim' argument.`;

function nonEmpty(name: string, x: Tensor, dim: number): void {
  if (x.ndim > 0 && x._shape[dim] === 0) {
    throw new IndexError(`${name}(): Expected reduction dim ${String(dim)} to have non-zero size.`);
  }
}

function extremeAlong(
  kind: Kind,
  x: Tensor,
  dim: number,
  keepdim: boolean,
): NamedResults<{ values: Tensor; indices: Tensor }> {
  const d = wrapDim(dim, x.ndim);
  nonEmpty(kind, x, d);
  const [indices] = applyAll(kind === "max" ? argmaxPrimitive : argminPrimitive, [x.detach()], {
    dim: d,
    keepdim: true,
  }) as [Tensor];
  if (x.ndim === 0) return named({ values: x.clone(), indices });
  const values = x.gather(d, indices);
  return named(keepdim ? { values, indices } : { values: values.squeeze(d), indices: indices.squeeze(d) });
}

function extremeOfAll(kind: Kind, x: Tensor): Tensor {
  if (x.numel() === 0) {
    throw new RuntimeError(unspecified(kind));
  }
  return apply(kind === "max" ? amaxPrimitive : aminPrimitive, [x], {
    dims: [...x._shape.keys()],
    keepdim: false,
  });
}

const extremeDoc = (what: string, name: string): string =>
  `The ${what} of all elements; along \`dim\`, \`{ values, indices }\`; or elementwise with another tensor.\n\n${page(name)}`;

export const max = op(
  {
    signature: "max(Tensor input) -> Tensor",
    doc: extremeDoc("largest", "max"),
    call: (input) => extremeOfAll("max", input),
  },
  {
    signature:
      "max(Tensor input, int dim, bool keepdim=False, *, Tensor[]? out=None) -> (Tensor values, Tensor indices)",
    call: (input, dim, keepdim) => extremeAlong("max", input, dim, keepdim),
  },
  {
    signature: "max(Tensor input, Tensor other, *, Tensor? out=None) -> Tensor",
    call: (input, other) => maximum(input, other),
  },
);

export const min = op(
  {
    signature: "min(Tensor input) -> Tensor",
    doc: extremeDoc("smallest", "min"),
    call: (input) => extremeOfAll("min", input),
  },
  {
    signature:
      "min(Tensor input, int dim, bool keepdim=False, *, Tensor[]? out=None) -> (Tensor values, Tensor indices)",
    call: (input, dim, keepdim) => extremeAlong("min", input, dim, keepdim),
  },
  {
    signature: "min(Tensor input, Tensor other, *, Tensor? out=None) -> Tensor",
    call: (input, other) => minimum(input, other),
  },
);

function over(kind: Kind, x: Tensor, dim: readonly number[] | null, keepdim: boolean): Tensor {
  const dims = wrapDims(dim, x.ndim);
  if (x.numel() === 0) {
    if (!dim?.length) throw new RuntimeError(unspecified(`a${kind}`));
    for (const d of dims) nonEmpty(`a${kind}`, x, d);
  }
  return apply(kind === "max" ? amaxPrimitive : aminPrimitive, [x], { dims, keepdim });
}

export const amax = op({
  signature: "amax(Tensor input, int[]? dim=None, bool keepdim=False, *, Tensor? out=None) -> Tensor",
  outDtype: "exact",
  doc: `The largest element over \`dim\`; ties share the gradient.\n\n${page("amax")}`,
  call: (input, dim, keepdim) => over("max", input, dim, keepdim),
});

export const amin = op({
  signature: "amin(Tensor input, int[]? dim=None, bool keepdim=False, *, Tensor? out=None) -> Tensor",
  outDtype: "exact",
  doc: `The smallest element over \`dim\`; ties share the gradient.\n\n${page("amin")}`,
  call: (input, dim, keepdim) => over("min", input, dim, keepdim),
});

export const aminmax = op({
  signature:
    "aminmax(Tensor input, *, int? dim=None, bool keepdim=False, Tensor[]? out=None) -> (Tensor min, Tensor max)",
  outDtype: "exact",
  doc: `The smallest and the largest element, of all or along \`dim\`.\n\n${page("aminmax")}`,
  call: (input, dim, keepdim) => {
    const dims = dim === null ? null : [dim];
    if (dim === null && input.numel() === 0) {
      throw new RuntimeError(
        "aminmax(): cannot compute aminmax over an empty dimension as the operation has no identity.",
      );
    }
    const found = (kind: Kind): Tensor => {
      const extreme = over(kind, input, dims, keepdim);
      // Of a 0-d tensor along an axis PyTorch keeps an axis.
      return input.ndim === 0 && dim !== null && keepdim ? extreme.reshape(1) : extreme;
    };
    return named({ min: found("min"), max: found("max") });
  },
});

function arg(kind: Kind, x: Tensor, dim: number | null, keepdim: boolean): Tensor {
  const p = kind === "max" ? argmaxPrimitive : argminPrimitive;
  if (x.dtype === bool) throw new RuntimeError(`"arg${kind}_cpu" not implemented for 'Bool'`);
  if (dim === null) {
    if (x.numel() === 0) throw new IndexError(unspecified(`arg${kind}`));
    const flat = apply(p, [x.detach().reshape(-1)], { dim: 0, keepdim: false });
    return keepdim ? flat.reshape(x._shape.map(() => 1)) : flat;
  }
  const d = wrapDim(dim, x.ndim);
  nonEmpty(`arg${kind}`, x, d);
  return apply(p, [x.detach()], { dim: d, keepdim });
}

export const argmax = op({
  signature: "argmax(Tensor input, int? dim=None, bool keepdim=False, *, Tensor? out=None) -> Tensor",
  outDtype: "exact",
  doc: `Where the largest element stands, among all or along \`dim\`.\n\n${page("argmax")}`,
  call: (input, dim, keepdim) => arg("max", input, dim, keepdim),
});

export const argmin = op({
  signature: "argmin(Tensor input, int? dim=None, bool keepdim=False, *, Tensor? out=None) -> Tensor",
  outDtype: "exact",
  doc: `Where the smallest element stands, among all or along \`dim\`.\n\n${page("argmin")}`,
  call: (input, dim, keepdim) => arg("min", input, dim, keepdim),
});

function truth(kind: "any" | "all"): OpPrimitive<DimsAttrs> {
  return primitive<DimsAttrs>({
    name: kind,
    infer: ([x], { dims, keepdim }) => ({ shape: reducedShape(x!.shape, dims, keepdim), dtype: bool }),
    grad: null,
    lower: (b, [x], { dims, keepdim }) => {
      const truths = b.cast(x!, "bool");
      if (dims.length === 0) return truths;
      // int32 reductions are the cheap ones on this provider; carried as float for speed.
      const numbers = b.cast(truths, "float32");
      const op = kind === "any" ? "ReduceMax" : "ReduceMin";
      if (numel(x!.shape) === 0) {
        const shape = reducedShape(x!.shape, dims, keepdim);
        return b.node("Expand", [b.scalar(Number(kind === "all"), "bool"), b.ints(shape)], undefined, "bool");
      }
      return b.cast(b.node(op, [numbers, b.ints(dims)], { keepdims: Number(keepdim) }), "bool");
    },
  });
}

const anyPrimitive = truth("any");
const allPrimitive = truth("all");

function truthOf(p: OpPrimitive<DimsAttrs>, x: Tensor, dims: readonly number[], keepdim: boolean): Tensor {
  const result = apply(p, [x], { dims, keepdim });
  // PyTorch keeps uint8 for historical reasons.
  return x.dtype.name === "uint8" ? castTo(result, x.dtype) : result;
}

export const any = op(
  {
    signature: "any(Tensor input, *, Tensor? out=None) -> Tensor",
    doc: `Whether any element is true (not zero), of all or along \`dim\`.\n\n${page("any")}`,
    call: (input) => truthOf(anyPrimitive, input, [...input._shape.keys()], false),
  },
  {
    signature: "any(Tensor input, int dim, bool keepdim=False, *, Tensor? out=None) -> Tensor",
    call: (input, dim, keepdim) => truthOf(anyPrimitive, input, wrapDims([dim], input.ndim), keepdim),
  },
);

export const all = op(
  {
    signature: "all(Tensor input, *, Tensor? out=None) -> Tensor",
    doc: `Whether all elements are true (not zero), of all or along \`dim\`.\n\n${page("all")}`,
    call: (input) => truthOf(allPrimitive, input, [...input._shape.keys()], false),
  },
  {
    signature: "all(Tensor input, int dim, bool keepdim=False, *, Tensor? out=None) -> Tensor",
    call: (input, dim, keepdim) => truthOf(allPrimitive, input, wrapDims([dim], input.ndim), keepdim),
  },
);
