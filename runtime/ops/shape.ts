/** Axes merged, divided, cut and slid over. */
import { IndexError, RuntimeError } from "../errors.js";
import { numel, type Attrs } from "../graph/value.js";
import { wrapDim } from "./dims.js";
import { apply, sameShape } from "./apply.js";
import { castTo } from "./convert.js";
import { page } from "./family.js";
import { indexAdd } from "./index-axis.js";
import { encode, fromData } from "./leaf.js";
import { constant } from "./promote.js";
import { op, primitive, type OpPrimitive } from "./record.js";
import { narrow, sliceScatterPrimitive, expandTo, inferShape, viewOf } from "./view.js";
import { int64 } from "../tensor/dtype.js";

const method = (name: string): string =>
  `[PyTorch](https://pytorch.org/docs/stable/generated/torch.Tensor.${name}.html)`;

export const ravel = op({
  signature: "ravel(Tensor input) -> Tensor",
  doc: `The elements as a vector: a view where they lie in order, else a copy.\n\n${page("ravel")}`,
  call: (input) => input.contiguous().view(-1),
});

export const unflatten = op({
  signature: "unflatten(Tensor input, int dim, int[] sizes) -> Tensor",
  doc: `A view with one axis divided into several; one of the sizes may be -1.\n\n${page("unflatten")}`,
  call: (input, dim, sizes) => {
    if (input.ndim === 0) throw new IndexError("Dimension specified as 0 but tensor has no dimensions");
    const d = wrapDim(dim, input.ndim);
    if (sizes.length === 0) throw new RuntimeError("unflatten: sizes must be non-empty");
    const n = input._shape[d]!;
    const open = sizes.includes(-1);
    const given = numel(sizes.filter((s) => s !== -1));
    if (open ? given === 0 || n % given !== 0 : given !== n) {
      throw new RuntimeError(
        `unflatten: Provided sizes [${sizes.join(", ")}] don't multiply up to the size of dim ${String(d)} (${String(n)}) in the input tensor`,
      );
    }
    return input.view([...input._shape.slice(0, d), ...inferShape(sizes, n), ...input._shape.slice(d + 1)]);
  },
});

export const narrowCopy = op({
  signature: "narrow_copy(Tensor input, int dim, int start, int length, *, Tensor? out=None) -> Tensor",
  outDtype: "exact",
  doc: `\`narrow\` as a copy.\n\n${page("narrow_copy")}`,
  call: (input, dim, start, length) => narrow(input, dim, start, length).clone(),
});

export const selectScatter = op({
  signature: "select_scatter(Tensor input, Tensor src, int dim, int index) -> Tensor",
  doc: `A copy of \`input\` with \`src\` in the place of the slice at \`index\` of \`dim\`.\n\n${page("select_scatter")}`,
  call: (input, src, dim, index) => {
    const want = input.select(dim, index)._shape;
    if (!sameShape(src._shape, want)) {
      throw new RuntimeError(
        `expected src to have a size equal to the slice of self. src size = [${src._shape.join(", ")}], slice size = [${want.join(", ")}]`,
      );
    }
    const d = wrapDim(dim, input.ndim);
    const at = index < 0 ? index + input._shape[d]! : index;
    const value = castTo(src, input.dtype).unsqueeze(d);
    return apply(sliceScatterPrimitive, [input, value], { dim: d, start: at, end: at + 1, step: 1 });
  },
});

export const sumToSize = op({
  signature: "sum_to_size(Tensor self, int... size) -> Tensor",
  on: ["Tensor"],
  doc: `The sums over the axes along which a tensor of \`size\` would be broadcast to this one's shape.\n\n${method("sum_to_size")}`,
  call: (self, size) => {
    const lead = self.ndim - size.length;
    const fits = lead >= 0 && size.every((d, i) => d === 1 || d === self._shape[lead + i]);
    if (!fits) {
      throw new RuntimeError(
        `size {[${size.join(", ")}]} is not expandable to size {[${self._shape.join(", ")}]}.`,
      );
    }
    const added = Array.from({ length: lead }, (_, i) => i);
    const dims = [
      ...added,
      ...size.flatMap((d, i) => (d === 1 && self._shape[lead + i] !== 1 ? [lead + i] : [])),
    ];
    // Integers are summed in int64, also where a single element makes the sum.
    if (size.length === 0) return self.sum();
    return dims.length === 0 ? self : self.sum(dims, { keepdim: true }).reshape(size);
  },
});

interface UnfoldAttrs extends Attrs {
  readonly dim: number;
  readonly size: number;
  readonly step: number;
}

/** Positions along the axis of all windows, one after another. */
const windowPlaces = (count: number, { size, step }: UnfoldAttrs): number[] =>
  Array.from({ length: count * size }, (_, i) => Math.floor(i / size) * step + (i % size));

const windows = (n: number, { size, step }: UnfoldAttrs): number => Math.floor((n - size) / step) + 1;

/** Windows along `dim`, as a new last axis. */
const unfoldPrimitive: OpPrimitive<UnfoldAttrs> = primitive<UnfoldAttrs>({
  name: "unfold",
  infer: ([x], attrs) => ({
    shape: [...x!.shape.map((d, i) => (i === attrs.dim ? windows(d, attrs) : d)), attrs.size],
    dtype: x!.dtype,
  }),
  // Every element gets what its copies in the windows got.
  grad: (ctx, g) => {
    const { dim, size } = ctx.attrs;
    const { shape } = ctx.inputMeta(0);
    const rank = shape.length;
    const count = windows(shape[dim]!, ctx.attrs);
    const beside = [...Array.from({ length: dim + 1 }, (_, i) => i), rank];
    const order = [...beside, ...Array.from({ length: rank - dim - 1 }, (_, i) => dim + 1 + i)];
    const along = shape.map((d, i) => (i === dim ? count * size : d));
    const places = windowPlaces(count, ctx.attrs);
    const index = fromData(encode(places, int64), [places.length], int64);
    return [indexAdd(expandTo(constant(0, g.dtype), shape), dim, index, g.permute(order).reshape(along))];
  },
  lower: (b, [x], attrs, [out]) => {
    const { dim, size } = attrs;
    const rank = x!.shape.length;
    const count = out!.shape[dim]!;
    const picked = b.node("Gather", [x!, b.ints(windowPlaces(count, attrs))], { axis: dim });
    const divided = b.reshape(
      picked,
      x!.shape.flatMap((d, i) => (i === dim ? [count, size] : [d])),
    );
    const perm = Array.from({ length: rank + 1 }, (_, i) => i).filter((i) => i !== dim + 1);
    return b.node("Transpose", [divided], { perm: [...perm, dim + 1] });
  },
  moves: true,
});

export const unfold = op({
  signature: "unfold(Tensor self, int dimension, int size, int step) -> Tensor",
  on: ["Tensor"],
  doc: `A view of windows of \`size\` elements every \`step\` along an axis, as a new last axis. Windows may overlap: clone before writing.\n\n${method("unfold")}`,
  call: (self, dimension, size, step) => {
    const d = wrapDim(dimension, self.ndim);
    const n = self.ndim === 0 ? 1 : self._shape[d]!;
    if (size < 0) throw new RuntimeError(`size is ${String(size)} but must be >= 0`);
    if (size > n) {
      throw new RuntimeError(
        `maximum size for tensor at dimension ${String(d)} is ${String(n)} but size is ${String(size)}`,
      );
    }
    if (step <= 0) throw new RuntimeError(`step is ${String(step)} but must be > 0`);
    if (self.ndim === 0) return self.reshape(1).narrow(0, 0, size);
    const stride = self._strides[d]!;
    const strides = [...self._strides.map((s, i) => (i === d ? s * step : s)), stride];
    return viewOf(unfoldPrimitive, self, { dim: d, size, step }, { strides, offset: self._offset });
  },
});
