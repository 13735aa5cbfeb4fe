/** Diagonals: as views, written to, and made into matrices. */
import { RuntimeError } from "../errors.js";
import type { Builder, Ref } from "../graph/builder.js";
import type { Attrs } from "../graph/value.js";
import { bool } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { apply, sameShape } from "./apply.js";
import { castTo } from "./convert.js";
import { wrapDim } from "./dims.js";
import { notImplementedFor } from "./elementwise.js";
import { page } from "./family.js";
import { inPlace } from "./inplace.js";
import { constant, operand } from "./promote.js";
import { op, primitive, type OpPrimitive } from "./record.js";
import { stridedView } from "./strided.js";
import { expandTo, viewOf } from "./view.js";

interface DiagonalAttrs extends Attrs {
  readonly offset: number;
  readonly dim1: number;
  readonly dim2: number;
}

/** How many elements the diagonal of an n × m matrix has. */
function lengthOf(n: number, m: number, offset: number): number {
  return Math.max(0, offset >= 0 ? Math.min(n, m - offset) : Math.min(n + offset, m));
}

interface Matrices {
  /** The tensor as rows of flattened matrices, `[…, n·m]`. */
  readonly flat: Ref;
  /** Places of the diagonal in such a row. */
  readonly places: number[];
  readonly restore: (flat: Ref) => Ref;
}

function matrices(b: Builder, x: Ref, { offset, dim1, dim2 }: DiagonalAttrs): Matrices {
  const rest = [...x.shape.keys()].filter((a) => a !== dim1 && a !== dim2);
  const perm = [...rest, dim1, dim2];
  const back = perm.map((_, i) => perm.indexOf(i));
  const [n, m] = [x.shape[dim1]!, x.shape[dim2]!];
  const outer = rest.map((a) => x.shape[a]!);
  const start = offset >= 0 ? offset : -offset * m;
  return {
    flat: b.reshape(b.node("Transpose", [x], { perm }), [...outer, n * m]),
    places: Array.from({ length: lengthOf(n, m, offset) }, (_, i) => start + i * (m + 1)),
    restore: (flat) => b.node("Transpose", [b.reshape(flat, [...outer, n, m])], { perm: back }),
  };
}

const diagonalPrimitive: OpPrimitive<DiagonalAttrs> = primitive<DiagonalAttrs>({
  name: "diagonal",
  infer: ([x], { offset, dim1, dim2 }) => ({
    shape: [
      ...x!.shape.filter((_, a) => a !== dim1 && a !== dim2),
      lengthOf(x!.shape[dim1]!, x!.shape[dim2]!, offset),
    ],
    dtype: x!.dtype,
  }),
  grad: (ctx, g) => {
    const zeros = expandTo(constant(0, g.dtype), ctx.inputMeta(0).shape);
    return [apply(scatterPrimitive, [zeros, g], ctx.attrs)];
  },
  lower: (b, [x], attrs) => {
    const { flat, places } = matrices(b, x!, attrs);
    return b.node("Gather", [flat, b.ints(places)], { axis: x!.shape.length - 2 });
  },
  moves: true,
  viewScatter: (base, value, attrs) => apply(scatterPrimitive, [base, value], attrs),
});

/** `base` with another diagonal. */
const scatterPrimitive: OpPrimitive<DiagonalAttrs> = primitive<DiagonalAttrs>({
  name: "diagonal_scatter",
  infer: ([x]) => ({ shape: x!.shape, dtype: x!.dtype }),
  grad: (ctx, g) => [
    () => apply(scatterPrimitive, [g, expandTo(constant(0, g.dtype), ctx.inputMeta(1).shape)], ctx.attrs),
    () => apply(diagonalPrimitive, [g], ctx.attrs),
  ],
  lower: (b, [x, value], attrs) => {
    if (value!.shape.includes(0)) return x!;
    const { flat, places, restore } = matrices(b, x!, attrs);
    const axis = value!.shape.length - 1;
    const row = b.tensor(
      places,
      "int64",
      value!.shape.map((d, a) => (a === axis ? d : 1)),
    );
    const index = b.node("Expand", [row, b.ints(value!.shape)], undefined, "int64");
    return restore(b.node("ScatterElements", [flat, index, value!], { axis }));
  },
  moves: true,
});

function wrapPair(input: Tensor, offset: number, first: number, second: number): DiagonalAttrs {
  const dim1 = wrapDim(first, input.ndim);
  const dim2 = wrapDim(second, input.ndim);
  if (dim1 === dim2 || input.ndim < 2) throw identical(first, second);
  return { offset, dim1, dim2 };
}

const identical = (a: number, b: number): RuntimeError =>
  new RuntimeError(`diagonal dimensions cannot be identical ${String(a)}, ${String(b)}`);

/** The view of the diagonals. */
export function diagonalOf(t: Tensor, attrs: DiagonalAttrs): Tensor {
  const { offset, dim1, dim2 } = attrs;
  const keep = [...t._shape.keys()].filter((a) => a !== dim1 && a !== dim2);
  const [s1, s2] = [t._strides[dim1]!, t._strides[dim2]!];
  const strides = [...keep.map((a) => t._strides[a]!), s1 + s2];
  const empty = lengthOf(t._shape[dim1]!, t._shape[dim2]!, offset) === 0;
  const start = empty ? 0 : offset >= 0 ? offset * s2 : -offset * s1;
  return viewOf(diagonalPrimitive, t, attrs, { strides, offset: t._offset + start });
}

export const diagonal = op({
  signature: "diagonal(Tensor input, int offset=0, int dim1=0, int dim2=1) -> Tensor",
  doc: `A view of the diagonals over two axes, as the last axis; \`offset\` counts to the right.\n\n${page("diagonal")}`,
  call: (input, offset, dim1, dim2) => diagonalOf(input, wrapPair(input, offset, dim1, dim2)),
});

export const diagonalScatter = op({
  signature: "diagonal_scatter(Tensor input, Tensor src, int offset=0, int dim1=0, int dim2=1) -> Tensor",
  doc: `A copy of \`input\` with \`src\` as its diagonals.\n\n${page("diagonal_scatter")}`,
  call: (input, src, offset, dim1, dim2) => {
    const attrs = wrapPair(input, offset, dim1, dim2);
    const want = diagonalOf(input, attrs)._shape;
    if (!sameShape(src._shape, want)) {
      throw new RuntimeError(
        `expected src to have a size equal to the slice of self. src size = [${src._shape.join(", ")}], slice size = [${want.join(", ")}]`,
      );
    }
    return apply(scatterPrimitive, [input, castTo(src, input.dtype)], attrs);
  },
});

export const diagEmbed = op({
  signature: "diag_embed(Tensor input, int offset=0, int dim1=-2, int dim2=-1) -> Tensor",
  doc: `Matrices, zero but for the last axis of \`input\` as their diagonal.\n\n${page("diag_embed")}`,
  call: (input, offset, first, second) => {
    const rank = input.ndim + 1;
    const dim1 = wrapDim(first, rank);
    const dim2 = wrapDim(second, rank);
    if (dim1 === dim2) throw identical(first, second);
    const n = input._shape.at(-1)! + Math.abs(offset);
    const shape = input._shape.slice(0, -1);
    shape.splice(Math.min(dim1, dim2), 0, n);
    shape.splice(Math.max(dim1, dim2), 0, n);
    const zeros = expandTo(constant(0, input.dtype), shape);
    return apply(scatterPrimitive, [zeros, input], { offset, dim1, dim2 });
  },
});

export const diag = op({
  signature: "diag(Tensor input, int diagonal=0, *, Tensor? out=None) -> Tensor",
  outDtype: "exact",
  doc: `The diagonal of a matrix, or the matrix with a vector as its diagonal.\n\n${page("diag")}`,
  call: (input, offset) => {
    if (input.ndim === 1) return diagEmbed(input, { offset });
    if (input.ndim !== 2)
      throw new RuntimeError(
        `matrix or a vector expected, got a tensor of shape [${input._shape.join(", ")}]`,
      );
    return diagonalOf(input, { offset, dim1: 0, dim2: 1 }).clone();
  },
});

export const diagflat = op({
  signature: "diagflat(Tensor input, int offset=0) -> Tensor",
  doc: `The matrix with the elements of \`input\` as its diagonal.\n\n${page("diagflat")}`,
  call: (input, offset) => diagEmbed(input.reshape(-1), { offset }),
});

export const trace = op({
  signature: "trace(Tensor input) -> Tensor",
  doc: `The sum of the diagonal of a matrix.\n\n${page("trace")}`,
  call: (input) => {
    if (input.ndim !== 2)
      throw new RuntimeError(`trace: expected a matrix, but got tensor with dim ${String(input.ndim)}`);
    const { name } = input.dtype;
    if (input.dtype === bool || name === "float16" || name === "bfloat16")
      notImplementedFor("trace", input.dtype);
    return diagonalOf(input, { offset: 0, dim1: 0, dim2: 1 }).sum();
  },
});

export const fillDiagonal_ = op({
  signature: "fill_diagonal_(Tensor self, Scalar fill_value, bool wrap=False) -> Tensor",
  on: ["Tensor"],
  doc: "Fills the main diagonal of this tensor, whose axes must be of equal length if there are more than two; `wrap` goes on below a tall matrix's end.\n\n[PyTorch](https://pytorch.org/docs/stable/generated/torch.Tensor.fill_diagonal_.html)",
  call: (self, value, wrap) => {
    if (self.ndim < 2) throw new RuntimeError("dimensions must larger than 1");
    if (self.ndim > 2 && self._shape.some((d) => d !== self._shape[0])) {
      throw new RuntimeError(
        `all dimensions of input must be of equal length, got [${self._shape.join(", ")}]`,
      );
    }
    const step = self._strides.reduce((a, b) => a + b, 0);
    const fill = (view: Tensor): void => {
      inPlace("fill_diagonal_", view, () => expandTo(operand(value, self.dtype), view._shape));
    };
    const [rows, columns] = self._shape as [number, number];
    const size = Math.min(...self._shape);
    fill(stridedView(self, [size], { strides: [step], offset: self._offset }));
    if (!wrap || self.ndim !== 2 || rows <= columns + 1) return self;
    const stride = self._strides[0]!;
    for (let row = columns + 1; row < rows; row += columns + 1) {
      const length = Math.min(columns, rows - row);
      fill(stridedView(self, [length], { strides: [step], offset: self._offset + row * stride }));
    }
    return self;
  },
});
