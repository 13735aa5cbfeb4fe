/** Matrix products. */
import { IndexError, RuntimeError } from "../errors.js";
import { numel, type Attrs, type Meta } from "../graph/value.js";
import { bfloat16, bool, promoteTypes } from "../tensor/dtype.js";
import { Tensor } from "../tensor/tensor.js";
import { add, mul } from "./pointwise.js";
import { apply } from "./apply.js";
import { broadcastShapes, page } from "./family.js";
import { or } from "./compare.js";
import { zerosFor } from "./elementwise.js";
import { inPlace, writeOut } from "./inplace.js";
import { op, primitive } from "./record.js";
import type { Scalar } from "./schema.js";
import { expandTo, permuteTo, sameView } from "./view.js";

const size = (t: { readonly shape: readonly number[] } | Tensor): string => `[${[...t.shape].join(", ")}]`;

function checkDtypes(name: string, a: Tensor, b: Tensor): void {
  if (a.dtype !== b.dtype) {
    throw new RuntimeError(
      `${name}: expected both tensors to have the same dtype, but got ${String(a.dtype)} and ${String(b.dtype)}`,
    );
  }
  if (a.dtype === bool) throw new RuntimeError(`${name}: "addmm_impl_cpu_" not implemented for 'Bool'`);
}

/**
 * PyTorch adds up large bfloat16 products in float32 and rounds once; small ones, of up to 16³ multiplications, it
 * rounds after every multiplication and every addition.
 */
function roundsEachStep(out: Meta, inner: number): boolean {
  return out.dtype === bfloat16 && numel(out.shape) * inner <= 4096;
}

/** `[..., n, k] @ [..., k, m]`, leading axes broadcast. */
const product = primitive<Attrs>({
  name: "matmul",
  infer: ([a, b]) => ({
    shape: [
      ...broadcastShapes(a!.shape.slice(0, -2), b!.shape.slice(0, -2)),
      a!.shape.at(-2)!,
      b!.shape.at(-1)!,
    ],
    dtype: a!.dtype,
  }),
  // Y = AB: dA = dY Bᵀ, dB = Aᵀ dY
  grad: (ctx, g) => [() => matmulLast(g, ctx.input(1).mT), () => matmulLast(ctx.input(0).mT, g)],
  broadcast: true,
  layout: () => undefined,
  lower: (b, [x, y], _, [out]) =>
    roundsEachStep(out!, x!.shape.at(-1)!) ? undefined : b.node("MatMul", [x!, y!]),
  host: "matmul.rounded",
  cost: ([a], _, [out]) => numel(out!.shape) * a!.shape.at(-1)!,
});

/** The product over the last two axes; shapes are known to fit. A shared second matrix takes one large product. */
export function matmulLast(a: Tensor, b: Tensor): Tensor {
  return apply(product, [a, b], {});
}

function matmulImpl(a: Tensor, b: Tensor): Tensor {
  if (a.ndim === 0 || b.ndim === 0) {
    throw new RuntimeError(
      `both arguments to matmul need to be at least 1D, but they are ${String(a.ndim)}D and ${String(b.ndim)}D`,
    );
  }
  checkDtypes("matmul", a, b);
  const inner = b.ndim === 1 ? b._shape[0]! : b._shape.at(-2)!;
  if (a._shape.at(-1) !== inner) {
    throw new RuntimeError(
      a.ndim === 1 && b.ndim === 1
        ? `inconsistent tensor size, expected tensor ${size(a)} and src ${size(b)} to have the same number of elements, but got ${String(a._shape[0])} and ${String(inner)} elements respectively`
        : `mat1 and mat2 shapes cannot be multiplied (${String(numel(a._shape.slice(0, -1)))}x${String(a._shape.at(-1))} and ${String(inner)}x${String(b._shape.at(-1))}): ${size(a)} @ ${size(b)}`,
    );
  }
  const left = a.ndim === 1 ? a.unsqueeze(0) : a;
  const right = b.ndim === 1 ? b.unsqueeze(1) : b;
  // A matrix shared by a batch: one product over all rows.
  const folded = right.ndim === 2 && left.ndim > 2;
  let out = folded
    ? matmulLast(left.reshape(-1, left._shape.at(-1)!), right).reshape(
        ...left._shape.slice(0, -1),
        right._shape[1]!,
      )
    : matmulLast(left, right);
  if (b.ndim === 1) out = out.squeeze(-1);
  if (a.ndim === 1) out = out.squeeze(b.ndim === 1 ? -1 : -2);
  return out;
}

export const matmul = op({
  signature: "matmul(Tensor input, Tensor other, *, Tensor? out=None) -> Tensor",
  outDtype: "exact",
  aliases: ["__matmul__"],
  doc: `Matrix product over the last two axes, leading ones broadcast; vectors count as rows on the left and columns on the right.\n\n${page("matmul")}`,
  call: (input, other) => matmulImpl(input, other),
});

function expectDims(name: string, t: Tensor, dims: number, what: string): void {
  if (t.ndim !== dims)
    throw new RuntimeError(`${name}: expected ${what} to be a ${String(dims)}-D tensor, got ${size(t)}`);
}

export const mm = op({
  signature: "mm(Tensor input, Tensor mat2, *, Tensor? out=None) -> Tensor",
  outDtype: "exact",
  doc: `Product of two matrices, \`[n, k] @ [k, m]\`.\n\n${page("mm")}`,
  call: (input, mat2) => {
    expectDims("mm", input, 2, "self");
    expectDims("mm", mat2, 2, "mat2");
    return matmulImpl(input, mat2);
  },
});

export const bmm = op({
  signature: "bmm(Tensor input, Tensor mat2, *, Tensor? out=None) -> Tensor",
  outDtype: "exact",
  doc: `Products of a batch of matrices, \`[b, n, k] @ [b, k, m]\`.\n\n${page("bmm")}`,
  call: (input, mat2) => {
    expectDims("bmm", input, 3, "batch1");
    expectDims("bmm", mat2, 3, "batch2");
    checkDtypes("bmm", input, mat2);
    const [b, , k] = input._shape;
    if (mat2._shape[0] !== b || mat2._shape[1] !== k) {
      throw new RuntimeError(
        `Expected size for first two dimensions of batch2 tensor to be: [${String(b)}, ${String(k)}] but got: [${String(mat2._shape[0])}, ${String(mat2._shape[1])}].`,
      );
    }
    return matmulLast(input, mat2);
  },
});

export const mv = op({
  signature: "mv(Tensor input, Tensor vec, *, Tensor? out=None) -> Tensor",
  outDtype: "exact",
  doc: `Product of a matrix and a vector.\n\n${page("mv")}`,
  call: (input, vec) => {
    if (input.ndim === 0) throw new IndexError("mv: expected a matrix, but got a 0-d tensor");
    if (input.ndim !== 2 || vec.ndim !== 1 || input._shape[1] !== vec._shape[0]) {
      throw new RuntimeError(`size mismatch, got input (${size(input)}), vec (${size(vec)})`);
    }
    return matmulImpl(input, vec);
  },
});

export const dot = op({
  signature: "dot(Tensor input, Tensor tensor, *, Tensor? out=None) -> Tensor",
  outDtype: "exact",
  doc: `Dot product of two vectors.\n\n${page("dot")}`,
  call: (input, tensor) => {
    if (input.ndim !== 1 || tensor.ndim !== 1) {
      throw new RuntimeError(
        `1D tensors expected, but got ${String(input.ndim)}D and ${String(tensor.ndim)}D tensors`,
      );
    }
    if (input.dtype !== tensor.dtype) {
      throw new RuntimeError(
        `dot : expected both vectors to have same dtype, but found ${String(input.dtype)} and ${String(tensor.dtype)}`,
      );
    }
    return matmulImpl(input, tensor);
  },
});

export const vdot = op({
  signature: "vdot(Tensor input, Tensor other, *, Tensor? out=None) -> Tensor",
  outDtype: "exact",
  doc: `Dot product of two vectors; of complex ones the first is conjugated.\n\n${page("vdot")}`,
  call: (input, other) => dot(input, other),
});

export const outer = op({
  signature: "outer(Tensor input, Tensor vec2, *, Tensor? out=None) -> Tensor",
  aliases: ["ger"],
  doc: `Every product of an element of one vector with one of the other, \`[n, m]\`.\n\n${page("outer")}`,
  call: (input, vec2) => {
    if (input.ndim !== 1 || vec2.ndim !== 1) {
      throw new RuntimeError(
        `outer: Expected 1-D argument self and vec2, but got ${String(input.ndim)}-D and ${String(vec2.ndim)}-D`,
      );
    }
    return mul(input.unsqueeze(1), vec2);
  },
});

/** `beta · input + alpha · product`; with `beta` 0 the input does not count, NaNs included. */
function blend(input: Tensor, result: Tensor, beta: number, alpha: number): Tensor {
  const scaled = alpha === 1 ? result : mul(result, alpha);
  const out = expandTo(input, broadcastShapes(input._shape, scaled._shape));
  if (beta === 0) return scaled;
  return add(scaled, beta === 1 ? out : mul(out, beta));
}

/** A factor in the dtype of a tensor: fractions are cut off for integers. */
function scaleFor(t: Tensor, value: Scalar): number {
  return t.dtype.isFloatingPoint ? Number(value) : Math.trunc(Number(value));
}

/** `beta · input + alpha · (a @ b)` of small bfloat16 matrices, the products added to the scaled input one by one. */
const roundedBlend = primitive<{ readonly beta: number; readonly alpha: number }>({
  name: "addmm_rounded",
  infer: ([c]) => c!,
  grad: (ctx, g) => [
    () => g.mul(ctx.attrs.beta),
    () => matmulLast(g, ctx.input(2).mT).mul(ctx.attrs.alpha),
    () => matmulLast(ctx.input(1).mT, g).mul(ctx.attrs.alpha),
  ],
  host: "matmul.rounded_blend",
});

function blendProduct(input: Tensor, a: Tensor, b: Tensor, beta: number, alpha: number): Tensor {
  const meta = { shape: [...a._shape.slice(0, -1), b._shape.at(-1)!], dtype: input.dtype };
  if (b.ndim > 1 && roundsEachStep(meta, a._shape.at(-1)!)) {
    return apply(roundedBlend, [expandTo(input, meta.shape), a, b], { beta, alpha });
  }
  return blend(input, matmulImpl(a, b), beta, alpha);
}

function addProduct(name: string, dims: readonly [number, number], outDims: number) {
  return (input: Tensor, a: Tensor, b: Tensor, beta: Scalar, alpha: Scalar): Tensor => {
    expectDims(name, a, dims[0], "mat1");
    expectDims(name, b, dims[1], "mat2");
    if (input.dtype !== a.dtype) {
      throw new RuntimeError(
        `${name}: expected self and mat to have the same dtype, but got ${String(input.dtype)} and ${String(a.dtype)}`,
      );
    }
    const [be, al] = [scaleFor(input, beta), scaleFor(input, alpha)];
    const result = matmulImpl(a, b);
    if (input.ndim > outDims) {
      throw new RuntimeError(
        `${name}: expected input to expand to ${size(result)}, but it is ${size(input)}`,
      );
    }
    expandCheck(input, result);
    return blendProduct(input, a, b, be, al);
  };
}

/** @throws RuntimeError when `input` does not expand to the product's shape. */
function expandCheck(input: Tensor, result: Tensor): void {
  const shape = broadcastShapes(input._shape, result._shape);
  if (shape.some((d, i) => d !== result._shape[i])) {
    throw new RuntimeError(
      `The expanded size of the tensor must match: input ${size(input)} does not expand to ${size(result)}`,
    );
  }
}

export const addmm = op({
  signature:
    "addmm(Tensor input, Tensor mat1, Tensor mat2, *, Scalar beta=1, Scalar alpha=1, Tensor? out=None) -> Tensor",
  outDtype: "exact",
  inplace: true,
  doc: `\`beta · input + alpha · (mat1 @ mat2)\`.\n\n${page("addmm")}`,
  call: addProduct("addmm", [2, 2], 2),
});

export const addmv = op({
  signature:
    "addmv(Tensor input, Tensor mat, Tensor vec, *, Scalar beta=1, Scalar alpha=1, Tensor? out=None) -> Tensor",
  outDtype: "exact",
  inplace: true,
  doc: `\`beta · input + alpha · (mat @ vec)\`.\n\n${page("addmv")}`,
  call: addProduct("addmv", [2, 1], 1),
});

export const baddbmm = op({
  signature:
    "baddbmm(Tensor input, Tensor batch1, Tensor batch2, *, Scalar beta=1, Scalar alpha=1, Tensor? out=None) -> Tensor",
  outDtype: "exact",
  inplace: true,
  doc: `\`beta · input + alpha · (batch1 @ batch2)\`, by batch.\n\n${page("baddbmm")}`,
  call: (input, batch1, batch2, beta, alpha) => {
    checkBatches("baddbmm", batch1, batch2);
    return addProduct("baddbmm", [3, 3], 3)(input, batch1, batch2, beta, alpha);
  },
});

/** PyTorch asks for the sizes of all three axes before it counts them. */
function checkBatches(name: string, batch1: Tensor, batch2: Tensor): void {
  for (const t of [batch1, batch2]) {
    if (t.ndim < 3) throw new IndexError(`${name}: expected batches of matrices, but one is ${size(t)}`);
  }
}

function addBatch(input: Tensor, batch1: Tensor, batch2: Tensor, beta: Scalar, alpha: Scalar): Tensor {
  checkBatches("addbmm", batch1, batch2);
  if (input.ndim > 2) throw new RuntimeError(`addbmm: ${size(input)} does not expand to a matrix`);
  const products = bmm(batch1, batch2);
  const [, n, m] = products._shape as [number, number, number];
  const [be, al] = [scaleFor(input, beta), scaleFor(input, alpha)];
  const k = batch1._shape[2]!;
  if (roundsEachStep({ shape: [n, m], dtype: input.dtype }, k)) {
    // One batch is added after the other: as if they stood side by side.
    const wide = permuteTo(batch1, [1, 0, 2]).reshape([n, -1]);
    const tall = batch2.reshape([-1, m]);
    return apply(roundedBlend, [expandTo(input, [n, m]), wide, tall], { beta: be, alpha: al });
  }
  return blend(input, products.sum(0, { dtype: input.dtype }), be, al);
}

export const addbmm = op({
  signature:
    "addbmm(Tensor input, Tensor batch1, Tensor batch2, *, Scalar beta=1, Scalar alpha=1, Tensor? out=None) -> Tensor",
  outDtype: "exact",
  doc: `\`beta · input + alpha · Σ batch1 @ batch2\`, summed over the batch.\n\n${page("addbmm")}`,
  call: addBatch,
});

export const addbmm_ = op({
  signature: "addbmm_(Tensor self, Tensor batch1, Tensor batch2, *, Scalar beta=1, Scalar alpha=1) -> Tensor",
  on: ["Tensor"],
  doc: `\`addbmm\` in place. As in PyTorch a tensor that expands to the result takes its shape.\n\n${page("addbmm")}`,
  call: (self, batch1, batch2, beta, alpha) => {
    const [n, m] = [batch1._shape[1], batch2._shape[2]];
    if (self.ndim !== 2 || self._shape[0] !== n || self._shape[1] !== m) {
      return writeOut("addbmm_", addBatch(self, batch1, batch2, beta, alpha), self) as Tensor;
    }
    return inPlace("addbmm_", self, () => addBatch(self, batch1, batch2, beta, alpha));
  },
});

/** Whether a number is a fraction, which integers do not take. */
const isFraction = (v: Scalar): boolean => typeof v === "number" && !Number.isInteger(v);

export const addr = op({
  signature:
    "addr(Tensor input, Tensor vec1, Tensor vec2, *, Scalar beta=1, Scalar alpha=1, Tensor? out=None) -> Tensor",
  inplace: true,
  doc: `\`beta · input + alpha · (vec1 ⊗ vec2)\`; of bools by and, and or.\n\n${page("addr")}`,
  call: (input, vec1, vec2, beta, alpha) => {
    const result = outer(vec1, vec2);
    expandCheck(input, result);
    const dtype = promoteTypes(input.dtype, result.dtype);
    if (!dtype.isFloatingPoint && (isFraction(beta) || isFraction(alpha))) {
      throw new RuntimeError(
        "For integral input tensors, argument beta must not be a floating point number.",
      );
    }
    if (dtype === bool) {
      const product = alpha ? result : zerosFor(result._value);
      return beta ? or(product, expandTo(input, result._shape)) : product;
    }
    const product = Number(alpha) === 1 ? result : mul(mul(vec1, alpha).unsqueeze(1), vec2);
    return blend(input, product, Number(beta), 1);
  },
});

export const linear = op({
  signature: "linear(Tensor input, Tensor weight, Tensor? bias=None) -> Tensor",
  on: ["F"],
  doc: `\`input @ weightᵀ + bias\`: \`[..., in]\` with a weight \`[out, in]\` gives \`[..., out]\`.\n\n[PyTorch](https://pytorch.org/docs/stable/generated/torch.nn.functional.linear.html)`,
  call: (input, weight, bias) => {
    if (weight.ndim === 2 && input.ndim > 0 && input._shape.at(-1) !== weight._shape[1]) {
      throw new RuntimeError(
        `mat1 and mat2 shapes cannot be multiplied (${String(numel(input._shape.slice(0, -1)))}x${String(input._shape.at(-1))} and ${String(weight._shape[1])}x${String(weight._shape[0])}): ` +
          `linear expects last dimension ${String(weight._shape[1])}, got ${String(input._shape.at(-1))} in input ${size(input)}`,
      );
    }
    const out = matmulImpl(input, weight.ndim === 2 ? permuteTo(weight, [1, 0]) : weight);
    return bias ? add(out, bias) : out;
  },
});

/** Registers `Tensor.mT` and its kin: properties, not calls. */
const transposed = (t: Tensor): Tensor => {
  if (t.ndim === 0) return sameView(t);
  if (t.ndim < 2) {
    throw new RuntimeError(
      `tensor.mT is only supported on matrices or batches of matrices. Got ${String(t.ndim)}-D tensor.`,
    );
  }
  return permuteTo(
    t,
    [...t._shape.keys()].map((i, _, all) =>
      i === all.length - 2 ? i + 1 : i === all.length - 1 ? i - 1 : i,
    ),
  );
};

export const adjoint = op({
  signature: "adjoint(Tensor input) -> Tensor",
  doc: `A view with the last two axes exchanged, conjugated if complex.\n\n${page("adjoint")}`,
  call: transposed,
});

Object.defineProperties(Tensor.prototype, {
  mT: {
    configurable: true,
    get(this: Tensor) {
      return transposed(this);
    },
  },
  T: {
    configurable: true,
    get(this: Tensor) {
      return permuteTo(this, [...this._shape.keys()].reverse());
    },
  },
});

declare module "../tensor/tensor.js" {
  interface Tensor {
    /** A view with the last two axes exchanged. */
    readonly mT: Tensor;
    /** A view with the axes in reverse order. */
    readonly T: Tensor;
  }
}
